"""Reading of run directories whose content cannot be trusted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.demo.models import ModelRegistry
from dcgan_hub.demo.runs import RunShelf, read_picture
from dcgan_hub.demo.runs_tab import describe_run
from dcgan_hub.errors import BundleError, RunError

from .conftest import HOSTILE, make_generator, make_run


def test_runs_are_listed_newest_first_and_links_to_elsewhere_are_not(runs: Path) -> None:
    (runs / "no run").mkdir(exist_ok=True)
    assert RunShelf(runs).names() == ["tiny", "learning"]
    assert RunShelf(runs / "missing").names() == []


def test_a_run_is_read_as_far_as_it_is_written(runs: Path) -> None:
    run = RunShelf(runs).open("learning")
    assert list(run.samples) == [0, 500, 1000]
    assert run.metrics == {"step": 500, "g_loss": 0.75}  # the next line is half written
    assert run.record["state"] == "running"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b" " * 2_000_000 + b"1}"]
)
def test_a_damaged_record_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    make_run(tmp_path / "hurt").record_file.write_bytes(content)
    assert "cannot be read" in describe_run(RunShelf(tmp_path).open("hurt"))


def test_texts_of_a_run_are_escaped(tmp_path: Path) -> None:
    settings = {HOSTILE: {HOSTILE: HOSTILE}}
    make_run(tmp_path / "bad", state=HOSTILE, reason=HOSTILE, settings=settings)
    text = describe_run(RunShelf(tmp_path).open("bad"))
    assert "&lt;script&gt;" in text
    assert "<script" not in text
    assert "<img" not in text


def test_pictures_outside_of_the_run_are_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "sly")
    Image.new("RGB", (4, 4)).save(tmp_path / "private.png")
    run.sample_file(2000).symlink_to(tmp_path / "private.png")
    run.plots.mkdir()
    (run.plots / "private.png").symlink_to(tmp_path / "private.png")
    view = RunShelf(tmp_path / "runs").open("sly")
    assert list(view.samples) == [0, 500, 1000]
    assert view.plots == []


def test_only_whole_png_files_of_a_sane_size_are_shown(tmp_path: Path) -> None:
    picture = Image.fromarray(np.zeros((4, 4, 3), np.uint8))
    picture.save(tmp_path / "good.png")
    assert read_picture(tmp_path / "good.png").size == (4, 4)

    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:40])
    picture.save(tmp_path / "other.png", format="GIF")
    Image.new("1", (5000, 4000)).save(tmp_path / "large.png")
    for name, words in (("cut", "damaged"), ("other", "damaged"), ("large", "16,000,000 pixels")):
        with pytest.raises(RunError, match=words):
            read_picture(tmp_path / f"{name}.png")


def test_a_run_that_goes_on_shows_its_new_generator(tmp_path: Path) -> None:
    bundle = make_run(tmp_path / "going").generator
    registry = ModelRegistry(RunShelf(tmp_path))
    with pytest.raises(BundleError, match="must be one of those on this machine"):
        registry.load("runs/going")

    for seed in (1, 2):
        saved = make_generator(seed)
        saved.save_pretrained(bundle)
        loaded = registry.load("runs/going")
        assert registry.load("runs/going") is loaded
        np.testing.assert_array_equal(loaded.generate([5]), saved.generate([5]))
