"""Training of seamless generators: what a run says, measures and publishes, and what it refuses."""

import dataclasses
import json

import numpy as np
import pytest
from tiny_runs import DEFAULT_RECIPE, TINY

from dcgan_hub.bundle.card import make_card
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.cli import main
from dcgan_hub.errors import RunError
from dcgan_hub.evaluation.seams import seam_ratio
from dcgan_hub.presets import make_settings
from dcgan_hub.training.model import make_augmentation
from dcgan_hub.training.plan import make_plan
from dcgan_hub.training.train import train

SETTINGS = TINY | DEFAULT_RECIPE | {"seamless": True}


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """120 images of colored waves, 16 x 16 pixels, that continue on their other sides."""
    random = np.random.RandomState(0)
    rows, columns = np.mgrid[:16, :16] / 16
    images = [
        127 + 100 * np.sin(2 * np.pi * (down * rows + across * columns)[..., None] + random.uniform(0, 6, 3))
        for down, across in random.randint(1, 4, (120, 2))
    ]
    path = tmp_path_factory.mktemp("data") / "tiles.npy"
    np.save(path, np.rint(images).astype(np.uint8))
    return path


def test_a_run_measures_its_seams_and_publishes_them(tiles, tmp_path, capsys):
    settings = SETTINGS | {"evaluate_every": 4, "evaluate_images": 100}
    run = train(tiles, run=tmp_path / "run", steps=4, **settings)
    said = capsys.readouterr().out
    assert "seamless   yes; the images tile, too (seam ratio 1.0" in said and ", seam ratio " in said
    (row,) = [row for row in run.read_metrics() if "kid" in row]
    assert run.read_record()["settings"]["network"]["seamless"] is True
    generator = Generator.from_pretrained(run.path)
    assert generator.settings.seamless and generator.facts.metrics["seam_ratio"] == pytest.approx(
        row["seam_ratio"], rel=1e-5
    )
    images = generator.generate(range(1_000_000, 1_000_100))
    assert row["seam_ratio"] == pytest.approx(seam_ratio(images), rel=1e-5)
    card = make_card(generator.facts, "anna/tiles", [])
    assert "| seam ratio |" in card and " --seamless" in card and "tile" in card.partition("## Load it")[0]

    words = ["evaluate", str(run.path), "--data", str(tiles), "--count", "100", "--seed", "1000000"]
    assert main([*words, "--json", str(tmp_path / "measures.json")]) == 0
    assert f"seam ratio  {row['seam_ratio']:14.3f}" in capsys.readouterr().out
    measures = json.loads((tmp_path / "measures.json").read_text())["measures"]
    assert measures["seam_ratio"] == pytest.approx(row["seam_ratio"], rel=1e-5)

    with pytest.raises(RunError, match=r"seamless +true in the run, false now"):
        train(tiles, run=run.path, steps=6, quiet=True, **settings | {"seamless": False})
    train(tiles, run=run.path, steps=5, quiet=True, **settings | {"evaluate_every": 0})
    assert run.read_record()["progress"]["step"] == 5

    start = make_plan(tmp_path / "new", None, {"data": str(tiles), "steps": 1}, False, start_from=str(run.path))
    assert start.settings.network == generator.settings


def test_images_that_do_not_tile_are_announced(squares, tmp_path, capsys):
    train(squares, run=tmp_path / "run", steps=1, **TINY | {"seamless": True})
    said = capsys.readouterr().out
    assert "seamless   yes, but the images themselves do not tile" in said and "Give images that tile" in said


def test_runs_that_are_not_seamless_do_not_mention_it(finished_run):
    for name in ("run.json", "generator/dcgan.json"):
        assert "seam" not in (finished_run / name).read_text(encoding="utf-8")


def test_augmentation_moves_images_around_the_tile():
    training = make_settings("avatars-32", {}).training
    usual, around = make_augmentation(training), make_augmentation(training, seamless=True)
    assert around == dataclasses.replace(usual, seamless=True) != usual


def test_a_size_that_would_be_cropped_ends_with_one_sentence(tiles, tmp_path, capsys):
    words = ["train", "--data", str(tiles), "--run", str(tmp_path / "run"), "--seamless", "--image-size", "100x96"]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "multiples of 16" in said and "Received: image_size=100x96. Nearest valid: image_size=96x96." in said
    assert said.count("\n") == 1 and not (tmp_path / "run").exists()
