"""What the app's server draws of generators with classes: sheets, walks, planes, children, and what it refuses."""

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from varied_networks import lively_generator

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.endpoints import Endpoints
from dcgan_hub.demo.rendering.captions import caption, captions, explanation, row_length
from dcgan_hub.demo.rendering.files import sheet_file
from dcgan_hub.demo.rendering.pictures import sheet_html
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.rendering.sheets import Sheet, checked_sheet, draw_sheet, read_query
from dcgan_hub.demo.rendering.walks import checked_walk, walk_value
from dcgan_hub.demo.tabs.breeding import litter
from dcgan_hub.demo.tabs.class_choice import MAX_ROWS, choice_value, pictures_value, rows_by_class
from dcgan_hub.demo.tabs.directions import moved_value
from dcgan_hub.demo.tabs.photo import search
from dcgan_hub.demo.tabs.plane_map import draw_map, draw_plane
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.classes import draw_classes
from dcgan_hub.networks.point_syntax import parse_point, parse_points

from .conftest import make_generator

NAMES = ["T-shirt", "<b>trouser</b>", "coat"]
TRIO, PAIR, PLAIN, SMOOTH = "model/trio", "model/pair", "model/plain", "model/smooth"


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = tmp_path_factory.mktemp("models")
    lively_generator(classes=3, class_names=NAMES, generator_normalization="modulated").save_pretrained(folder / "trio")
    lively_generator(1, classes=2, class_names=["coat", "hat"]).save_pretrained(folder / "pair")
    lively_generator(2).save_pretrained(folder / "plain")
    make_generator(3, class_names=NAMES).save_pretrained(folder / "smooth")
    models = [str(folder / name) for name in ("trio", "pair", "plain", "smooth")]
    return Renderer(ModelRegistry(RunShelf(folder / "runs", False), models, open_hub=False))


@pytest.fixture(scope="module")
def trio(renderer: Renderer) -> Generator:
    return renderer.registry.load(TRIO)


def drawn(seed: int) -> int:
    return int(draw_classes([seed], 3)[0])


def decoded(address: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return np.asarray(image)


def test_a_sheet_is_of_the_chosen_class_or_of_those_of_its_seeds(renderer: Renderer, trio: Generator) -> None:
    (any_class,) = draw_sheet(renderer, checked_sheet(TRIO, "5", 4, 1.0))
    np.testing.assert_array_equal(any_class.images, trio.generate([5, 6, 7, 8]))
    assert [point.text for point in any_class.points] == ["5", "6", "7", "8"]
    (coats,) = draw_sheet(renderer, checked_sheet(TRIO, "5, 6c0, 5~6@0.9", 4, 1.0, class_name="coat"))
    assert [point.text for point in coats.points] == ["5c2", "6c0", "(5~6@0.9)c2"]
    np.testing.assert_array_equal(coats.images[:2], trio.generate([5, 6], classes=["coat", "T-shirt"]))
    assert coats.text_of(0)["class"] == "coat" and coats.text_of(0)["point"] == "5c2"
    sheet, _ = read_query(checked_sheet(TRIO, "5", 4, 1.0, class_name=NAMES[1]).query("abc"))
    assert sheet == Sheet(TRIO, "5", 4, class_name=NAMES[1])


def test_a_second_generator_draws_its_own_class_of_the_name(renderer: Renderer) -> None:
    """A link keeps what both show, also where the second one lacks the class or has no classes."""
    pair, plain = renderer.registry.load(PAIR), renderer.registry.load(PLAIN)
    _, other = draw_sheet(renderer, checked_sheet(TRIO, "5", 1, 1.0, PAIR, class_name="coat"))
    np.testing.assert_array_equal(other.images, pair.generate([5], classes="coat"))
    _, other = draw_sheet(renderer, checked_sheet(TRIO, "5c0, 6~7c2@0.5", 1, 1.0, PAIR))
    assert [point.text for point in other.points] == ["5", "6~7c0@0.5"]
    _, other = draw_sheet(renderer, checked_sheet(TRIO, "5c0, 6", 1, 1.0, PLAIN))
    np.testing.assert_array_equal(other.images, plain.generate([5, 6]))
    sheet = np.asarray(Endpoints(renderer).compare_models(TRIO, PLAIN, "5c0, 6"))
    assert sheet.shape[2] == 3


def test_captions_say_the_class(trio: Generator) -> None:
    point = parse_point("42c2")
    assert (caption(point, NAMES), explanation(point, NAMES)) == ("seed 42 · coat", "seed 42 · coat")
    assert caption(parse_point("42"), NAMES) == f"seed 42 · {NAMES[drawn(42)]}"
    assert caption(parse_point("1c0~2c2@0.7"), NAMES) == "1c0~2c2@0.7 · coat and T-shirt"
    assert caption(parse_point("1c0.2c1.3c2"), NAMES).endswith(f"T-shirt, {NAMES[1]} and others")
    assert captions(parse_points("1c2, 1c2~5-6@0.3", 9), NAMES) == ["seed 1", "toward 5", "toward 6"]  # all coats
    assert captions(parse_points("1c2, 2c0", 9), NAMES) == ["seed 1 · coat", "seed 2 · T-shirt"]
    assert captions(parse_points("1, 2", 9)) == ["seed 1", "seed 2"]


def test_the_same_seeds_in_one_class_after_another_are_a_row_for_each(renderer: Renderer) -> None:
    text = rows_by_class([0, 1, 2], 3, "7")
    assert text == "7-12c0, 7-12c1, 7-12c2"
    points = parse_points(text, 64)
    assert row_length(points) == 6 and captions(points, NAMES)[:2] == ["seed 7", "seed 8"]
    markup = sheet_html(draw_sheet(renderer, checked_sheet(TRIO, text, 1, 1.0)))
    assert re.findall('class="row-name"[^>]*>([^<]*)<', markup) == ["T-shirt", "&lt;b&gt;trouser&lt;/b&gt;", "coat"]
    assert "--columns:6" in markup and markup.count("<button") == 18
    (drawing,) = draw_sheet(renderer, checked_sheet(TRIO, "1-2c0, 1-2c1", 1, 1.0))
    with Image.open(io.BytesIO(sheet_file(drawing))) as sheet:
        assert sheet.height > sheet.width / 2 and sheet.info["points"] == "1c0,2c0,1c1,2c1"  # two rows of two
    for other in ("1-2c0", "1c0, 2c1", "1c0, 2c0, 1c1", "1, 2, 1c1, 2c1", "1c0, 1c1, 1c0"):
        assert row_length(parse_points(other, 64)) == 0, other
    assert row_length(parse_points("1c0, 1c2", 64)) == 1


@pytest.mark.parametrize(("classes", "length"), [(2, 6), (10, 6), (16, 4), (MAX_ROWS, 2)])
def test_rows_never_have_more_images_than_a_sheet(classes: int, length: int) -> None:
    points = parse_points(rows_by_class(list(range(classes)), 1000, "4294967295"), 64)
    assert len(points) == classes * length and row_length(points) == length
    assert rows_by_class([5], 1000, "1~2@0.5").startswith("0-5c5")


def test_a_walk_changes_from_class_to_class_on_the_page_as_in_the_film(renderer: Renderer, trio: Generator) -> None:
    walk = checked_walk(TRIO, "1, 7c2", 5, 24, "slerp", False, 1.0)
    value = walk_value(renderer, walk)
    first = f"1c{drawn(1)}"
    assert value["points"] == [first, *(f"{first}~7c2@{part}" for part in ("0.25", "0.5", "0.75")), "7c2"]
    assert value["words"][-1] == "seed 7 · coat" and "seed 7 · coat, 50%" in value["words"][2]
    film = np.stack(list(renderer.walk(TRIO, walk.keys, 5, "slerp", False)))
    shown = decoded(value["address"])
    height, width = film.shape[1:3]
    for index, frame in enumerate(film):
        row, column = divmod(index, value["columns"])
        there = shown[row * height : (row + 1) * height, column * width : (column + 1) * width].astype(int)
        assert np.abs(there - frame).max() <= 1, index
    np.testing.assert_array_equal(film, trio.interpolate([1, 7], 5, classes=[drawn(1), 2]))
    lone = walk_value(renderer, checked_walk(PLAIN, "1, 7", 5, 24, "slerp", False, 1.0))
    assert lone["points"][1] == "1~7@0.25"


def test_planes_and_children_are_between_the_classes_of_their_corners_and_parents(renderer: Renderer) -> None:
    corners = [f"1c{drawn(1)}", "2c0", f"3c{drawn(3)}", "4c2"]
    for drawing in (draw_plane(renderer, TRIO, "1, 2c0, 3, 4c2", 3, 1.0), draw_map(renderer, TRIO, "1,2c0,3,4c2", 1.0)):
        side = round(len(drawing.points) ** 0.5)
        assert [drawing.points[place].text for place in (0, side - 1, -side, -1)] == corners
    asked = {"parents": "3, 7c2", "first": 0, "ticket": 1}
    pictures = litter(renderer, TRIO, asked, 1.0)["pictures"]
    assert len(pictures) == 16 and pictures[0]["point"] == f"3c{drawn(3)}.7c2"
    answer = litter(renderer, TRIO, {"ticket": 2, "line": "*0;3,7c2"}, 1.0)
    assert [picture["point"] for picture in answer["pictures"]] == [picture["point"] for picture in pictures]
    variations = Endpoints(renderer).vary(TRIO, "5", 0.9, 3)
    assert [words.rpartition(" · ")[2] for _, words in variations.pictures] == [NAMES[drawn(5)]] * 3


def test_directions_move_an_image_within_its_class(renderer: Renderer, trio: Generator) -> None:
    asked = {"model": TRIO, "start": "5c2", "amounts": {"1": 2}, "truncation": 1, "ticket": 1}
    answer = moved_value(renderer, asked)
    assert answer["point"] == "5c2_1@2" and answer["words"] == "seed 5 moved along direction 1 by +2 · coat"
    latents = trio.latents([5]) + 2 * trio.directions(1)
    np.testing.assert_array_equal(decoded(answer["source"]), trio.generate(latents=latents, classes="coat")[0])


def test_a_picture_of_the_visitor_is_found_in_a_class(renderer: Renderer) -> None:
    smooth, content = renderer.registry.load(SMOOTH), io.BytesIO()
    Image.fromarray(smooth.generate([600], classes="coat")[0]).save(content, "JPEG", quality=98, subsampling=0)
    picture = f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
    *_, last = search(renderer, SMOOTH, {"picture": picture, "ticket": 4})
    assert re.fullmatch("z[A-Z2-7]+c[0-2]", last["point"]) and last["distance"] < 0.04
    point = parse_point(last["point"])
    again = smooth.generate(latents=smooth.point_latents([point]))[0].astype(int)
    assert np.abs(again - decoded(last["image"])).mean() < 5, "but for rounding"


def test_small_pictures_are_those_of_the_classes(renderer: Renderer, trio: Generator) -> None:
    assert choice_value(renderer, TRIO)["names"] == NAMES and choice_value(renderer, PLAIN)["names"] == []
    answer = pictures_value(renderer, {"model": TRIO, "classes": [2, 0], "ticket": 3})
    expected = trio.generate([0, 0], classes=[2, 0])
    np.testing.assert_array_equal(decoded(answer["address"]), np.concatenate([*expected], axis=1))
    assert json.loads(json.dumps(answer))["ticket"] == 3
    large = pictures_value(renderer, {"model": TRIO, "classes": [1], "ticket": 3})
    assert decoded(large["address"]).shape == (18, 24, 3)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"model": TRIO, "classes": [3]}, "`class` must be a whole number from 0 to 2. Received: 3"),
        ({"model": TRIO, "classes": ["coat"]}, "`class` must be a whole number"),
        ({"model": TRIO, "classes": []}, "`classes` must be a list of 1 to 32 numbers"),
        ({"model": TRIO, "classes": [0] * 33}, "`classes` must be a list of 1 to 32 numbers"),
        ({"model": TRIO}, "`classes` must be a list of 1 to 32 numbers"),
        ({"model": PLAIN, "classes": [0]}, "needs a generator with classes. Received: one without"),
        ({"model": "nobody", "classes": [0]}, "The model must be one of those listed"),
    ],
)
def test_what_the_page_never_asks_is_a_sentence(asked: dict[str, Any], sentence: str, renderer: Renderer) -> None:
    assert sentence in pictures_value(renderer, {**asked, "ticket": 1})["problem"]


@pytest.mark.parametrize(
    ("model", "seed", "class_name", "sentence"),
    [
        (TRIO, "5", "coats", "A class must be one of the generator's 3. Received: 'coats'. Did you mean 'coat'?"),
        (TRIO, "5c3", "", "The number of a class must be 0 to 2. Received: 3 in 5c3. Try c0, 'T-shirt'."),
        (PLAIN, "5c0", "", "for generators with classes. Received: 5c0 for one without. Try 5."),
        (PLAIN, "5", "coat", "`classes` are for generators with classes. Received: coat for one without"),
        (TRIO, "5", 7, "Received: '7'. Did you mean"),
        (TRIO, "5", "c" * 301, "`class` must be text of at most 300 characters"),
        (TRIO, "5", None, "`class` must be text"),
    ],
)
def test_a_class_that_there_is_not_is_one_sentence(
    model: str, seed: str, class_name: Any, sentence: str, renderer: Renderer
) -> None:
    with pytest.raises(SettingsError) as refusal:
        draw_sheet(renderer, checked_sheet(model, seed, 2, 1.0, class_name=class_name))
    assert sentence in str(refusal.value) and str(refusal.value).count("Received: ") == 1


def test_programs_learn_the_classes_and_draw_them(renderer: Renderer, trio: Generator, tmp_path: Path) -> None:
    do = Endpoints(renderer)
    assert do.classes(TRIO) == NAMES and do.classes(PLAIN) == []
    pictures = do.generate(TRIO, "0-1c2").pictures
    assert [words for _, words in pictures] == ["seed 0 · coat", "seed 1 · coat"]
    with Image.open(pictures[1][0]) as image:
        assert (image.info["point"], image.info["class"]) == ("1c2", "coat")
        np.testing.assert_array_equal(np.asarray(image), trio.generate([1], classes="coat")[0])
    frames = do.filmstrip(TRIO, "1c0, 1c2", 3, loop=False).pictures
    with Image.open(frames[1][0]) as image:
        np.testing.assert_array_equal(np.asarray(image), trio.interpolate([1, 1], 3, classes=[0, 2])[1])
