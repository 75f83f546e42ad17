"""Pictures for programs: exact, with their texts, one file for equal ones, and removed when they are old."""

import asyncio
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.processing_utils import async_move_files_to_cache
from PIL import Image

from dcgan_hub.demo.gradio_patches.served_files import ServedPictures, hand_over_served, serve_drawing, serve_strip
from dcgan_hub.demo.rendering.png import encode_small_png
from dcgan_hub.demo.rendering.renderer import Drawing
from dcgan_hub.networks.point_syntax import parse_points


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


def drawing_of(points: str, seed: int = 0, model: str = "avatars") -> Drawing:
    found = parse_points(points, 64)
    images = np.random.RandomState(seed).randint(0, 256, (len(found), 6, 5, 3), np.uint8)
    return Drawing(model, "abc", found, 0.8, images)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (5, 7), (64, 64)])
def test_a_small_png_keeps_every_pixel_and_text(channels: int, size: tuple[int, int]) -> None:
    image = np.random.RandomState(1).randint(0, 256, (*size, channels), np.uint8)
    image[: size[0] // 2] = 7
    text = {"seed": "42", "model": "Ünïcode/猫", "lone": "\ud800"}
    with Image.open(io.BytesIO(encode_small_png(image, text))) as picture:
        picture.load()
        np.testing.assert_array_equal(np.asarray(picture).reshape(image.shape), image)
        assert picture.text == {"seed": "42", "model": "Ünïcode/猫", "lone": "\\ud800"}


def test_equal_pictures_are_one_file_and_others_are_not(folder: Path) -> None:
    first = serve_drawing(drawing_of("1, 2"))
    written = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert serve_drawing(drawing_of("1, 2")) == first
    assert {path for path in folder.rglob("*") if path.is_file()} == set(written)
    assert all(path.stat().st_mtime_ns > young for path, young in written.items())  # and is kept as long again
    others = [drawing_of("1, 2", seed=1), drawing_of("1, 2", model="runs/other"), drawing_of("1, 3")]
    assert len({pictures[1][0] for pictures in (serve_drawing(other).pictures for other in others)}) == 3
    assert not [path for path in folder.rglob(".*")]  # nothing unfinished is left


def test_points_with_long_names_alike_at_the_start_have_files_of_their_own(folder: Path) -> None:
    seeds = ".".join(str(4294967200 + number) for number in range(12))
    (first, _), (second, _) = serve_drawing(drawing_of(f"{seeds}.1, {seeds}.2")).pictures
    assert Path(first).name == Path(second).name
    assert Path(first).read_bytes() != Path(second).read_bytes()


def test_a_file_that_was_removed_is_written_again(folder: Path) -> None:
    (path, _), *_ = serve_drawing(drawing_of("1")).pictures
    Path(path).unlink()
    assert serve_drawing(drawing_of("1")).pictures[0][0] == path
    assert Path(path).read_bytes().startswith(b"\x89PNG")


def test_gradio_is_handed_what_it_would_have_made_itself(folder: Path) -> None:
    pictures = serve_strip([(np.zeros((4, 4, 3), np.uint8), "0%"), (np.ones((4, 4, 3), np.uint8), "50%")])
    gallery = gr.Gallery(format="png")
    made = gallery.postprocess(list(pictures.pictures))
    assert pictures.answer() == asyncio.run(async_move_files_to_cache(made, gallery, postprocess=True))


def test_served_pictures_go_straight_through_and_other_answers_the_usual_way() -> None:
    async def usual(block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        return ["the usual", predictions]

    demo, gallery = SimpleNamespace(postprocess_data=usual), SimpleNamespace(temp_files=set())
    hand_over_served(demo)
    event, pictures = SimpleNamespace(outputs=[gallery]), ServedPictures([("/cache/1/a.png", "a")])
    assert asyncio.run(demo.postprocess_data(event, pictures, None)) == [pictures.answer()]
    assert gallery.temp_files == {"/cache/1/a.png"}  # so it is removed when it is old
    assert asyncio.run(demo.postprocess_data(event, [], None)) == ["the usual", []]
