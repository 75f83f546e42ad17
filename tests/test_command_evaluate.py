"""`dcgan-hub evaluate` with the generator and the images of the package."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.cli import main
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings


def test_figures_notes_and_files(tmp_path, capsys):
    figures, sheet = tmp_path / "quality.json", tmp_path / "nearest.png"
    words = ["evaluate", "avatars", "--data", "avatars", "--count", "200", "--seed", "7"]
    assert main([*words, "--json", str(figures), "--neighbors", str(sheet)]) == 0
    said = capsys.readouterr().out
    for name in ("KID x 1000", "FID", "precision", "recall", "density", "coverage", "near copies"):
        assert any(line.startswith(name) for line in said.splitlines())
    assert "200 generated images (seeds 7 to 206) against 200 of 2,000 real ones" in said
    assert "no sign of copying" in said
    assert "note: The real images are those of --data" in said and "note: FID is biased upwards" in said
    assert "was not trained on exactly" not in said  # they are those that it was trained on, by their fingerprint
    content = json.loads(figures.read_text(encoding="utf-8"))
    assert content["measures"]["protocol"]["real_fingerprint"] == content["training_fingerprint"]
    assert 0.5 < content["measures"]["kid"] < 5.0
    assert content["memorisation"]["training_count"] == 2000
    with Image.open(sheet) as image:
        assert image.width == 530 and image.text["model"] == "avatars"

    assert main([*words, "--json", str(figures)]) == 2
    assert "already exists" in capsys.readouterr().err


@pytest.fixture(scope="module")
def small_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    settings = NetworkSettings(image_size=(16, 16), channels=1, latent_dim=4, filters=4, max_filters=4)
    Generator(settings, build_generator(settings)).save_pretrained(folder / "model")
    random = np.random.RandomState(0)
    np.save(folder / "data.npy", random.randint(0, 256, (110, 16, 32), dtype=np.uint8))
    np.save(folder / "new.npy", random.randint(0, 256, (120, 16, 16, 3), dtype=np.uint8))
    np.save(folder / "few.npy", random.randint(0, 256, (40, 16, 16), dtype=np.uint8))
    return folder


@pytest.fixture
def small(small_files, tmp_path):
    """A grey generator of 16 x 16, and two sets of 110 grey images, one of them twice as wide as high."""
    return Path(shutil.copytree(small_files, tmp_path / "small"))


def test_held_out_images_are_the_measure_and_data_are_searched(small, capsys):
    """Data of other proportions and colours are brought to the generator's size and channels."""
    words = ["evaluate", str(small / "model"), "--data", str(small / "data.npy"), "--count", "100"]
    assert main([*words, "--held-out", str(small / "new.npy"), "--json", str(small / "quality.json")]) == 0
    said = capsys.readouterr().out
    assert "against 100 of 120 real ones" in said and "compared with 110" in said
    assert "for a fair evaluation" not in said and "gray images" in said
    content = json.loads((small / "quality.json").read_text(encoding="utf-8"))
    assert content["measures"]["protocol"]["image_shape"] == [16, 16, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--count", "99"], "count=99"),
        (["--seed", "-1"], "seed=-1"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "few.npy"], "Received: 40 in"),
        (["--held-out", "few.npy"], "Received: 40 in"),
        (["--held-out", "data.npy"], "the same content"),
        (["--json", "figures.txt"], "Try figures.json"),
        (["--neighbors", "folder.png"], "folder.png"),
    ],
    ids=lambda value: "=".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_measured_is_explained(small, options, message, capsys, monkeypatch):
    monkeypatch.chdir(small)
    (small / "folder.png").mkdir()
    assert main(["evaluate", "model", "--data", "data.npy", "--count", "100", *options]) == 2
    said = capsys.readouterr()
    assert message in said.err and "Received" in said.err and "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.parametrize("model", ["nowhere", "data.npy"])
def test_a_generator_that_is_not_there_is_explained(small, model, capsys, monkeypatch):
    monkeypatch.chdir(small)
    assert main(["evaluate", model, "--data", "data.npy"]) == 2
    assert model in capsys.readouterr().err
