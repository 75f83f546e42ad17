"""Names and presets that are chosen for the user."""

from pathlib import Path

import numpy as np
import pytest

from dcgan_hub.training.plan import choose_preset, default_run_path, make_plan


@pytest.mark.parametrize(
    "data, path",
    [
        ("./anime", "runs/anime"),
        ("data/anime.tar.gz", "runs/anime"),
        ("/somewhere/anime/", "runs/anime"),
        ("hf://datasets/user/anime-faces@v1", "runs/anime-faces"),
        ("user/faces", "runs/faces"),
        ("mnist", "runs/mnist"),
        ("/somewhere/.hidden", "runs/.hidden"),
        ("set_v1.0", "runs/set_v1.0"),
        ("set_v1.1/", "runs/set_v1.1"),
        ("photos.2024.zip", "runs/photos.2024"),
        ("Dr. Who/stills", "runs/stills"),
        ("faces@2x", "runs/faces-2x"),
        ("train.NPZ", "runs/train"),
        ("data/digits.npz:test_images", "runs/digits-test_images"),
        ("train-images-idx3-ubyte.gz", "runs/train-images-idx3-ubyte"),
        ("train-images.idx3-ubyte", "runs/train-images"),
        ("D:\\pictures\\anime", "runs/anime"),
        ("D:\\pictures\\anime.tar.gz", "runs/anime"),
        ("D:/pictures\\set_v1.0\\", "runs/set_v1.0"),
        (".\\anime", "runs/anime"),
        ("\\\\server\\share\\anime", "runs/anime"),
        ("D:\\", "runs/data"),
        ("/", "runs/data"),
    ],
)
def test_a_run_is_called_as_its_data(data, path):
    assert default_run_path(data) == Path(path)


@pytest.mark.parametrize("data", [".", "./", "../set_v1.0", "..\\set_v1.0", "sub/.."])
def test_a_run_on_the_folder_one_is_in_has_its_name(data, tmp_path, monkeypatch):
    (tmp_path / "set_v1.0" / "sub").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "set_v1.0")
    assert default_run_path(data) == Path("runs/set_v1.0")


@pytest.mark.parametrize(
    "data, size, gpu, preset",
    [
        ("avatars", (64, 64), True, "avatars-32"),
        ("x", (28, 28), False, "mnist-28"),
        ("x", (32, 32), False, "avatars-32"),
        ("x", (64, 64), False, "dcgan-64-light"),
        ("x", (64, 64), True, "dcgan-64"),
        ("x", (218, 178), False, "dcgan-64-light"),
        ("x", (1000, 28), False, "mnist-28"),
    ],
)
def test_the_preset_follows_the_smaller_side_and_the_machine(data, size, gpu, preset):
    assert choose_preset(data, *size, gpu=gpu) == preset


def test_a_large_size_that_is_wanted_gets_the_large_preset():
    assert choose_preset("", 128, 128, gpu=False, wanted=True) == "dcgan-128"
    assert choose_preset("", 64, 64, gpu=False, wanted=True) == "dcgan-64-light"


def colour_changes(folder, count, **values):
    """Whether a run on so many images changes their colours."""
    images = np.random.RandomState(0).randint(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    np.save(folder / f"{count}.npy", images)
    plan = make_plan(folder / "run", None, {"data": str(folder / f"{count}.npy"), "preset": "avatars-32"} | values)
    return plan.settings.training.augmentation_colour


def test_colours_of_few_images_are_changed_unless_the_user_says_otherwise(tmp_path):
    assert colour_changes(tmp_path, 999) == "yes" and colour_changes(tmp_path, 1000) == "no"
    assert colour_changes(tmp_path, 100, augmentation_colour="no") == "no"
    assert colour_changes(tmp_path, 1200, augmentation_colour="yes") == "yes"
