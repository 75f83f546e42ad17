"""Which runs train a generator with a palette: those of presets that have one, unless something else was asked for."""

import json

import numpy as np
import pytest

from dcgan_hub import Generator, train

SMALL = {
    "preset": "avatars-32", "image_size": 16, "filters": 4, "latent_dim": 8, "steps": 4, "batch_size": 4,
    "evaluate_every": 0, "sample_every": 100,
}  # fmt: skip


def drawings(channels=3):
    """Images of four flat quarters, uint8 (24, 16, 16, C)."""
    quarters = np.random.RandomState(0).randint(10, 240, (24, 2, 2, channels))
    return quarters.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    "given, channels, size",
    [({}, 3, 16), ({}, 4, 16), ({}, 1, 0), ({"palette_size": 3}, 1, 3), ({"palette_size": 0}, 3, 0),
     ({"preset": "dcgan-64-classic"}, 3, 0)],
    ids=str,
)  # fmt: skip
def test_color_images_have_the_palette_of_the_preset(given, channels, size, tmp_path, capsys):
    np.save(tmp_path / "drawings.npy", drawings(channels))
    train(str(tmp_path / "drawings.npy"), run=tmp_path / "run", **(SMALL | given))
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["settings"]["network"].get("palette_size", 0) == size
    assert (f"{size} colors in each image" in capsys.readouterr().out) == bool(size)
    generator = Generator.from_pretrained(tmp_path / "run")
    assert generator.settings.palette_size == size
    assert generator.facts.format_version == (4 if size else 1)


def test_a_run_resumes_with_its_palette_and_ends_as_one_left_alone(tmp_path):
    np.save(tmp_path / "drawings.npy", drawings())
    images = []
    for name, stops in (("whole", (8,)), ("resumed", (3, 8))):
        for steps in stops:
            train(str(tmp_path / "drawings.npy"), run=tmp_path / name, **(SMALL | {"steps": steps}))
        images.append(Generator.from_pretrained(tmp_path / name).generate([0, 1, 2]))
    np.testing.assert_array_equal(*images)


def test_a_start_from_a_generator_takes_over_whether_there_is_a_palette(tmp_path):
    np.save(tmp_path / "drawings.npy", drawings())
    for name, given in (("plain", {"palette_size": 0}), ("palette", {"palette_size": 3})):
        train(str(tmp_path / "drawings.npy"), run=tmp_path / name, **(SMALL | given))
        small = {key: SMALL[key] for key in ("steps", "batch_size", "evaluate_every", "sample_every")}
        started = tmp_path / f"from-{name}"
        train(str(tmp_path / "drawings.npy"), run=started, start_from=tmp_path / name, **small)
        assert Generator.from_pretrained(started).settings.palette_size == given["palette_size"]
