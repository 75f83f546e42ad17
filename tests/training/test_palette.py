"""Runs that train a generator with a palette."""

import json

import numpy as np
import pytest

from dcgan_hub import Generator, train
from dcgan_hub.errors import RunError
from dcgan_hub.training.plan import make_plan

SMALL = {
    "preset": "avatars-32", "image_size": 16, "filters": 4, "latent_dim": 8, "palette_size": 5, "steps": 4,
    "batch_size": 4, "evaluate_every": 0, "sample_every": 100,
}  # fmt: skip


def drawings(channels=3):
    """Images of four flat quarters, uint8 (24, 16, 16, C)."""
    quarters = np.random.RandomState(0).randint(10, 240, (24, 2, 2, channels))
    return quarters.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_run_with_a_palette_says_so_and_publishes_it(channels, tmp_path, capsys):
    np.save(tmp_path / "drawings.npy", drawings(channels))
    train(str(tmp_path / "drawings.npy"), run=tmp_path / "run", **SMALL)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["settings"]["network"]["palette_size"] == 5
    assert "palette of 5 colors" in capsys.readouterr().out
    generator = Generator.from_pretrained(tmp_path / "run")
    assert generator.settings.palette_size == 5 and generator.facts.format_version == 4


@pytest.mark.parametrize(
    ("given", "channels", "size"), [({}, 3, 8), ({}, 1, 0), ({"palette_size": 3}, 1, 3), ({"palette_size": 0}, 3, 0)]
)
def test_color_images_have_the_palette_of_the_preset(given, channels, size, tmp_path):
    np.save(tmp_path / "drawings.npy", drawings(channels))
    values = {"data": str(tmp_path / "drawings.npy"), "preset": "dcgan-64-light", "image_size": 16, "batch_size": 8}
    assert make_plan(tmp_path / "run", None, values | given).settings.network.palette_size == size


def test_a_run_resumes_with_its_palette_and_ends_as_one_left_alone(tmp_path):
    np.save(tmp_path / "drawings.npy", drawings())
    images = []
    for name, stops in (("whole", (8,)), ("resumed", (3, 8))):
        for steps in stops:
            train(str(tmp_path / "drawings.npy"), run=tmp_path / name, **(SMALL | {"steps": steps}))
        images.append(Generator.from_pretrained(tmp_path / name).generate([0, 1, 2]))
    np.testing.assert_array_equal(*images)


def test_a_start_from_a_generator_takes_over_its_palette(tmp_path):
    np.save(tmp_path / "drawings.npy", drawings())
    train(str(tmp_path / "drawings.npy"), run=tmp_path / "origin", **SMALL)
    short = {name: SMALL[name] for name in ("steps", "batch_size", "evaluate_every", "sample_every")}
    train(str(tmp_path / "drawings.npy"), run=tmp_path / "started", start_from=tmp_path / "origin", **short)
    assert Generator.from_pretrained(tmp_path / "started").settings.palette_size == 5


def test_a_start_from_a_generator_without_a_palette_has_none_whatever_the_preset(tmp_path):
    np.save(tmp_path / "drawings.npy", drawings())
    train(str(tmp_path / "drawings.npy"), run=tmp_path / "origin", **(SMALL | {"palette_size": 0}))
    values = {"data": str(tmp_path / "drawings.npy"), "preset": "dcgan-64-light", "image_size": 16, "batch_size": 8}
    plan = make_plan(tmp_path / "started", None, values, start_from=str(tmp_path / "origin"))
    assert plan.settings.network.palette_size == 0 and plan.settings.training.checkerboard_constraint


def test_a_run_goes_on_under_its_preset_though_that_has_other_values_by_now(tmp_path):
    """As one that was started before `dcgan-64-light` had a palette."""
    np.save(tmp_path / "drawings.npy", drawings())
    before = {"palette_size": 0, "r1_gamma": 1.0, "checkerboard_constraint": False, "augmentation_color_after": 0}
    values = SMALL | {"preset": "dcgan-64-light"}
    train(str(tmp_path / "drawings.npy"), run=tmp_path / "run", **(values | before))
    train(str(tmp_path / "drawings.npy"), run=tmp_path / "run", preset="dcgan-64-light", steps=6)
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert settings["training"]["r1_gamma"] == 1.0 and settings["training"]["steps"] == 6
    with pytest.raises(RunError, match=r"palette_size +0 in the run, 8 now"):
        train(str(tmp_path / "drawings.npy"), run=tmp_path / "run", preset="dcgan-64-light", palette_size=8)
