"""Names and presets that are chosen for the user."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_runs import TINY

from dcgan_hub import train
from dcgan_hub.errors import DataError, RunError, SettingsError
from dcgan_hub.images.preparation.cache import default_cache_folder
from dcgan_hub.training.plan import choose_preset, default_run_path, make_plan


@pytest.mark.parametrize(
    "data, path",
    [
        ("./anime", "runs/anime"),
        ("data/anime.tar.gz", "runs/anime"),
        ("/somewhere/anime/", "runs/anime"),
        ("hf://datasets/user/anime-faces@v1", "runs/anime-faces"),
        ("user/faces", "runs/faces"),
        ("user/faces:cropped", "runs/faces-cropped"),
        ("user/faces::test", "runs/faces-test"),
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


def test_colors_of_many_images_are_changed_late_where_it_is_said_when(tmp_path):
    late = {"augmentation_color_after": 4000}
    assert colour_changes(tmp_path, 1000, **late) == "late" and colour_changes(tmp_path, 999, **late) == "yes"
    assert colour_changes(tmp_path, 1000, augmentation_colour="no", **late) == "no"
    with pytest.raises(SettingsError, match="Try augmentation_color_after=320000"):
        colour_changes(tmp_path, 1000, augmentation_colour="late")


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """A run on ten gray images, and their folder."""
    folder = tmp_path_factory.mktemp("started") / "photos"
    folder.mkdir()
    for number, pixels in enumerate(np.random.RandomState(3).randint(0, 256, (10, 16, 16), dtype=np.uint8)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return train(folder, run=folder.parent / "run", steps=1, quiet=True, **TINY), folder


def add_one(folder):
    Image.fromarray(np.full((16, 16), 7, np.uint8)).save(folder / "more.png")


def change_one_and_remove_two(folder):
    Image.fromarray(np.full((16, 16), 7, np.uint8)).save(folder / "0.png")
    (folder / "1.png").unlink()
    (folder / "2.png").unlink()


def add_a_color_image(folder):
    Image.fromarray(np.random.RandomState(4).randint(0, 256, (16, 16, 3), dtype=np.uint8)).save(folder / "more.png")


def rename_one(folder):
    (folder / "0.png").rename(folder / "last.png")


def remove_nearly_all(folder):
    for path in sorted(folder.iterdir())[3:]:
        path.unlink()


@pytest.mark.parametrize(
    "change, error, message",
    [
        (add_one, RunError, "11 images in .* 1 new and 0 gone"),
        (change_one_and_remove_two, RunError, "8 images in .* 1 new and 3 gone"),
        (add_a_color_image, RunError, "11 images in .* 1 new and 0 gone"),
        (rename_one, RunError, "10 images in .* other names"),
        (remove_nearly_all, DataError, "fewer than one batch of 4"),
        (shutil.rmtree, DataError, "does not exist"),
    ],
)
def test_a_run_whose_images_have_changed_says_how_and_goes_on_with_those_of_before(change, error, message, started):
    run, folder = started
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    try:
        change(folder)
        with pytest.raises(error, match=f"(?s){message}.* give the same command with --keep-images") as refused:
            make_plan(run.path, None, {"data": str(folder)}, show_progress=False)
        assert error is DataError or f"--start-from {run.path} begins with the generator" in str(refused.value)
        plan = make_plan(run.path, None, {"data": str(folder)}, show_progress=False, keep_images=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        kept.rename(folder)  # with the same times, by which the cache knows it
    assert plan.images.fingerprint == run.read_record()["dataset"]["fingerprint"] and plan.images.images.shape[0] == 10


def test_images_of_before_that_are_not_in_the_cache_are_not_promised(started, tmp_path, monkeypatch):
    run, folder = started
    other = shutil.copytree(folder, tmp_path / "photos")
    add_one(other)
    cached = default_cache_folder()
    monkeypatch.setenv("DCGAN_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(RunError, match="no longer in the cache"):
        make_plan(run.path, None, {"data": str(other)}, show_progress=False)
    with pytest.raises(RunError, match="--keep-images needs the prepared images"):
        make_plan(run.path, None, {"data": str(other)}, show_progress=False, keep_images=True)
    monkeypatch.setenv("DCGAN_HUB_CACHE", str(cached))
    with pytest.raises(RunError, match="--keep-images is for resuming a run"):
        make_plan(tmp_path / "new", None, {"data": str(folder)}, show_progress=False, keep_images=True)
    assert not (tmp_path / "new").exists()
