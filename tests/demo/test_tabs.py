"""What the events of the page return, called as functions."""

import asyncio
import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.state_holder import SessionState
from PIL import Image

from dcgan_hub.demo.app import build_demo
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.rendering.captions import captions
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.rendering.sheets import Sheet
from dcgan_hub.demo.rendering.walks import places_along, strip_size, walk_value
from dcgan_hub.demo.tabs.breeding import example_points, litter, offered_picture
from dcgan_hub.demo.tabs.cross_tab_events import joined, place_of
from dcgan_hub.demo.tabs.generate import GenerateTab, add_generate_tab, choose_point, show_sheet
from dcgan_hub.demo.tabs.generate_files import drawings_of, png_of
from dcgan_hub.demo.tabs.interpolate import film_strip, read_request
from dcgan_hub.demo.tabs.mix import draw_mix, mix_html
from dcgan_hub.demo.tabs.model_bar import ModelBar, add_model_bar, adopt_model
from dcgan_hub.demo.tabs.plane_map import draw_map, draw_plane, map_file, map_value, plane_file
from dcgan_hub.demo.tabs.tray import MAX_KEPT, Tray, add_tray, bring_back, keep, read_kept, remove, show_tray
from dcgan_hub.demo.tabs.variations import MAX_DIRECTIONS, center_on, shift_around
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.latent_points import turn, vector
from dcgan_hub.networks.point_syntax import parse_points

from .conftest import lay_out

MODEL = "runs/tiny"


@pytest.fixture
def renderer(runs: Path) -> Renderer:
    return Renderer(ModelRegistry(RunShelf(runs), open_hub=False))


@pytest.fixture
def tab(renderer: Renderer) -> GenerateTab:
    return lay_out(add_generate_tab, renderer)


@pytest.fixture
def bar() -> ModelBar:
    return lay_out(add_model_bar, True)


@pytest.fixture
def tray() -> Tray:
    return lay_out(add_tray)


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be said at the corner of the page."""
    said: list[str] = []
    monkeypatch.setattr(gr, "Warning", lambda message, **_: said.append(message))
    return said


def test_our_own_functions_judge_inputs_also_of_controls_that_were_updated(renderer: Renderer) -> None:
    """For which Gradio makes another object, with choices that it would check."""

    async def ask() -> None:
        page = build_demo(renderer, renderer.registry._runs)
        assert [event.api_name for event in page.fns.values() if event.inputs and event.preprocess] == []
        ids = {part.elem_id: number for number, part in page.blocks.items()}
        state = SessionState(page)
        state[ids["other"]] = gr.Dropdown([("none", "")], render=False)
        (event,) = (event for event in page.fns.values() if (ids["sheet-request"], "change") in event.targets)
        with pytest.raises(gr.Error, match="The model must be one of those listed here"):
            await page.process_api(event, [MODEL, "1", 2, 1.0, "runs/gone", "", ""], state)

    asyncio.run(ask())


def test_a_sheet_comes_with_its_link_and_can_be_saved(tab: GenerateTab, renderer: Renderer) -> None:
    shown = show_sheet(tab, renderer, Sheet(MODEL, "1", 3))
    assert shown[tab.sheet].count('class="picture"') == 3
    assert shown[tab.link].startswith("?model=runs/tiny&revision=")
    assert shown[tab.save_sheet].interactive and shown[tab.save_archive].interactive


def test_what_is_shown_can_be_drawn_again_from_its_link(tab: GenerateTab, renderer: Renderer) -> None:
    shown = show_sheet(tab, renderer, Sheet(MODEL, "5, 42~1-3@0.3", 16, 0.7))
    (again,) = drawings_of(renderer, shown[tab.link])
    assert [point.text for point in again.points] == ["5", "42~1@0.3", "42~2@0.3", "42~3@0.3"]
    assert again.truncation == 0.7


def test_a_chosen_image_is_shown_and_enables_what_can_be_done_with_it(tab: GenerateTab, renderer: Renderer) -> None:
    shown = choose_point(tab, renderer, MODEL, "(7)", 1.0)
    assert set(shown) == set(tab.choice)
    assert shown[tab.chosen] == "7"
    assert 'alt="Image of seed 7"' in shown[tab.view]
    assert shown[tab.link].props == {"chosen": "7"}
    assert all(shown[button].interactive for button in tab.actions)
    shown = choose_point(tab, renderer, MODEL, "", 1.0)
    assert shown[tab.chosen] == ""
    assert "<img" not in shown[tab.view]
    assert not any(shown[button].interactive for button in tab.actions)
    with pytest.raises(SettingsError):
        choose_point(tab, renderer, MODEL, "<script>", 1.0)


def test_the_centre_stands_before_its_variations() -> None:
    assert center_on("42", 4, 0.3, 1) == ("42, 42~1-3@0.3", 1)
    with pytest.raises(SettingsError, match="An image must be chosen first"):
        center_on("", 4, 0.3, 1)
    with pytest.raises(SettingsError, match="`strength`"):
        center_on("42", 4, 3, 1)


@pytest.mark.parametrize("centre", ["42", "5", "17", "3~4@0.5"])
@pytest.mark.parametrize("number", [2, 16, 64])
def test_every_press_of_other_variations_shows_new_ones(centre: str, number: int) -> None:
    """Also where the directions reach the centre's own seed, which is left out."""
    text, first = center_on(centre, number, 0.3, 1)
    seen = {point.text for point in parse_points(text, 64)}
    for _ in range(5):
        text, first = shift_around(centre, number, 0.3, first)
        shown = [point.text for point in parse_points(text, 64)]
        assert len(set(shown)) == number
        assert shown[0] == centre
        assert seen.isdisjoint(shown[1:])
        seen.update(shown)


def test_variations_begin_anew_behind_the_last_direction() -> None:
    text, first = shift_around("42", 16, 0.3, MAX_DIRECTIONS)
    assert text == "42, 42~1-15@0.3"
    assert first == 1


def test_a_png_is_named_by_its_point_and_as_large_as_asked_for(renderer: Renderer) -> None:
    assert png_of(renderer, MODEL, "7~8@0.5", 1.0)[0] == "point-7~8@0.5.png"
    name, content = png_of(renderer, MODEL, "7", 1.0)
    assert name == "seed-7.png"
    with Image.open(io.BytesIO(content)) as picture:
        original = np.asarray(picture)
    name, content = png_of(renderer, MODEL, "7", 1.0, "512", True)
    assert name == "seed-7-512.png"
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.info["seed"] == "7"
        np.testing.assert_array_equal(np.asarray(picture), original.repeat(32, 0).repeat(32, 1))  # of 16 x 16
    with Image.open(io.BytesIO(png_of(renderer, MODEL, "7", 1.0, "1080", False)[1])) as picture:
        assert picture.size == (1080, 1080)
        assert np.abs(np.diff(np.asarray(picture).astype(int), axis=0)).max() < 16  # smooth
    with pytest.raises(SettingsError, match="`size` must be one of original, 512, 1080"):
        png_of(renderer, MODEL, "7", 1.0, "99999")


def test_captions_say_what_tells_images_apart(renderer: Renderer) -> None:
    def of(text: str) -> list[str]:
        return captions(parse_points(text, 64))

    assert of("5, 42~7@0.3, 1.5, 1-2+3") == ["seed 5", "42~7@0.3", "mean of 1 and 5", "1-2+3"]
    assert of("3383834120-3383834122") == ["…120", "…121", "…122"]
    assert of("3383834120, 3383835120") == ["…4120", "…5120"]
    assert of("99999-100001") == ["seed 99999", "seed 100000", "seed 100001"]
    assert of("42, 42~7-9@0.3") == ["seed 42", "toward 7", "toward 8", "toward 9"]
    assert of("1, 42~7@0.3") == ["seed 1", "42~7@0.3"]
    assert of("3383834120, 3383834120") == ["…120", "…120"]


def a_request(**changed: Any) -> str:
    """What the page asks for, as a list in the order of its fields."""
    fields = {
        "model": MODEL, "keys": "1, 2, 3", "frames": 96, "speed": 24, "method": "slerp", "loop": True, "truncation": 1.0
    }  # fmt: skip
    return json.dumps(list((fields | changed).values()))


@pytest.mark.parametrize(
    ("request_text", "sentence"),
    [
        (a_request(keys=""), "`key frames` must be 2 to 8 seeds or points. Received: none. Try 1, 2, 3, 4."),
        (a_request(keys="1"), "`key frames` must be 2 to 8 seeds or points. Received: 1."),
        (a_request(keys="1-9"), "`key frames` takes at most 8 seeds or points. Received: 1 too many."),
        (a_request(keys="<img src=x>"), "A seed is a whole number"),
        (a_request(frames=1), "`frames` must be a whole number from 2 to 360. Received: 1. Try 2."),
        (a_request(frames=None), "`frames` must be a whole number from 2 to 360. Received: None."),
        ("", "A walk is a list of model, keys, frames"),
        ("[" * 100_000, "A walk is a list of"),
        ('["avatars"]', "A walk is a list of"),
        (None, "A walk is a list of"),
    ],
)
def test_a_wrong_request_for_a_walk_is_explained(request_text: Any, sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        read_request(request_text)


def images_of(value: dict[str, Any]) -> list[np.ndarray]:
    """The images of a walk's picture, cut out as the page does it."""
    content = base64.b64decode(value["address"].partition(",")[2])
    with Image.open(io.BytesIO(content)) as picture:
        sheet = np.asarray(picture)
    height, width = value["height"], value["width"]
    places = [divmod(index, value["columns"]) for index in range(len(value["points"]) + len(value["keys"]))]
    return [sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] for row, column in places]


def test_a_walk_on_the_page_is_the_film_and_names_its_images(renderer: Renderer) -> None:
    """Byte for byte where the names' five decimals are exact, else nearly."""
    for frames, most in ((12, 0), (9, 1)):
        value = walk_value(renderer, read_request(a_request(frames=frames)))
        images, points = images_of(value), value["points"]
        expected = renderer.registry.load(MODEL).interpolate([1, 2, 3], frames, loop=True)
        assert np.abs(np.stack(images[:frames]).astype(int) - expected).max() <= most
        np.testing.assert_array_equal(images[:frames], renderer.draw(MODEL, parse_points(",".join(points), 64)).images)
        np.testing.assert_array_equal(images[frames:], renderer.draw(MODEL, parse_points("1,2,3", 3)).images)
    assert value["seconds"] == 9 / 24
    assert points[:4] == ["1", "1~2@0.33333", "1~2@0.66667", "2"]
    assert value["words"][:2] == ["seed 1", "from 1 to 2, 33%"]
    assert value["keys"][1] == {"words": "seed 2", "at": 3, "image": 10}


def test_a_straight_walk_has_names_for_its_key_frames_only(renderer: Renderer) -> None:
    value = walk_value(renderer, read_request(a_request(frames=5, method="lerp", loop=False)))
    expected = renderer.registry.load(MODEL).interpolate([1, 2, 3], 5, method="lerp")
    np.testing.assert_array_equal(images_of(value)[:5], expected)
    assert value["points"] == ["1", "", "2", "", "3"]
    assert [key["at"] for key in value["keys"]] == [0, 2, 4]


@pytest.mark.parametrize(
    ("keys", "frames", "loop", "side", "count"),
    [
        ("1-4", 96, True, 32, 64),
        ("1-3", 96, True, 32, 63),
        ("1-3", 96, False, 32, 63),
        ("1-2", 10, False, 32, 10),
        ("1-4", 360, True, 128, 48),
        ("1-8", 360, True, 256, 16),
        ("1-8", 360, False, 256, 15),
    ],
)
def test_a_long_walk_is_shown_by_fewer_images_all_key_frames_among_them(
    keys: str, frames: int, loop: bool, side: int, count: int
) -> None:
    walk = read_request(a_request(keys=keys, frames=frames, loop=loop))
    assert strip_size(walk, side * side) == count
    if count < frames:
        shown = [turn(*place).text for place in places_along(walk, count)]
        assert [point.text for point in walk.keys if point.text not in shown] == []


@pytest.mark.parametrize("method", ["slerp", "lerp"])
@pytest.mark.parametrize("loop", [True, False])
def test_a_strip_is_a_short_walk(renderer: Renderer, method: str, loop: bool) -> None:
    strip = film_strip(renderer, MODEL, "1, 2, 3", method, loop, 1.0, 5)
    expected = renderer.registry.load(MODEL).interpolate([1, 2, 3], 5, method=method, loop=loop)
    np.testing.assert_array_equal(np.stack([image for image, _ in strip]), expected)
    assert strip[0][1] == "0%"
    assert strip[-1][1] == ("80%" if loop else "100%")


def test_a_mix_shows_result_means_and_parts(renderer: Renderer) -> None:
    drawing, sizes = draw_mix(renderer, MODEL, "1, 2, 3", "4", "5-6", 1.0)
    assert sizes == [3, 1, 2]
    assert [point.text for point in drawing.points[:4]] == ["1.2.3-4+5.6", "1.2.3", "4", "5.6"]
    markup = mix_html(drawing, sizes)
    assert markup.count("<button") == 1 + 3 + 6
    assert re.findall(r'<span class="sign">(.?)</span>', markup) == ["", "−", "+", "="]


def test_a_mix_of_too_much_is_explained(renderer: Renderer) -> None:
    long = ", ".join(str(2**32 - 1 - number) for number in range(16))
    with pytest.raises(SettingsError, match="may have at most 450 characters"):
        draw_mix(renderer, MODEL, long, long, long, 1.0)
    with pytest.raises(SettingsError, match="too many"):
        draw_mix(renderer, MODEL, "0-16", "1", "2", 1.0)


@pytest.mark.parametrize(
    ("corners", "side", "sentence"),
    [
        ("1,2,3", 3, "`corners` must be 4"),
        ("1,2,3,4,5", 3, "1 too many"),
        ("1,2,3,4", 9, "`side`"),
        ("1,2,3,4", 1, "`side`"),
    ],
)
def test_a_wrong_plane_is_explained(renderer: Renderer, corners: str, side: Any, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        draw_plane(renderer, MODEL, corners, side, 1.0)


def test_pictures_to_start_with_are_those_of_the_tray_and_seeds(renderer: Renderer) -> None:
    def points(asked: Any) -> list[str]:
        return [picture["point"] for picture in litter(renderer, MODEL, asked, 1.0)["pictures"]]

    assert points({}) == [str(seed) for seed in range(16)]
    assert points({"first": 2, "tray": "5, 6"}) == [str(seed) for seed in range(32, 48)]
    assert points({"line": "*2"}) == points({"first": 2})  # as a link has it
    assert points({"tray": "5, 6~7@0.5"}) == ["5", "6~7@0.5", *(str(seed) for seed in range(15) if seed != 5)]
    assert points({"tray": "1-24"}) == [str(seed) for seed in range(1, 17)]
    assert points({"parents": "3, 7, 3"}) == points({"parents": "3, 7"})
    assert litter(renderer, "", {"ticket": 5}, 1.0) == {"ticket": 5}  # before there is a generator


def test_an_example_is_bred_from_the_first_two_pictures_before_any_is_chosen(renderer: Renderer) -> None:
    def example(asked: Any) -> list[str]:
        return [picture["point"] for picture in litter(renderer, MODEL, asked, 1.0)["example"]]

    assert (example({}), example({"tray": "5, 6"}), example({"line": "*1"})) == (["0.1"], ["5.6"], ["16.17"])
    assert example({"parents": "3, 7"}) == example({"line": ";3"}) == []
    long = [vector(np.random.RandomState(seed).normal(size=200)) for seed in range(2)]
    assert example_points(long) == []  # their names are too long for a child's


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"parents": ", ".join(map(str, range(1000)))}, "`parents` takes at most 8 seeds or points"),
        ({"parents": ", ".join(map(str, range(5000)))}, "`parents` must be text of at most 8,000 characters"),
        ({"parents": ["1", "2"]}, "`parents` must be text"),
        ({"parents": " "}, "`parents` needs at least one seed or point. Received: nothing."),
        ({"parents": "<b>"}, "A seed is a whole number"),
        ({"parents": "1", "first": -1}, "`first` must be a whole number"),
        ({"parents": "1", "first": 10**7}, "`first` must be a whole number from 0 to 1000000"),
        ({"tray": {"a": 1}}, "`tray` must be text"),
    ],
)
def test_what_cannot_be_bred_is_explained(renderer: Renderer, asked: Any, sentence: str) -> None:
    answer = litter(renderer, MODEL, {**asked, "ticket": {"a": 1}}, 1.0)
    assert set(answer) == {"ticket", "problem"}
    assert answer["ticket"] == 0
    assert sentence in answer["problem"]


def test_a_line_in_a_link_comes_back_with_its_pictures(renderer: Renderer) -> None:
    answer = litter(renderer, MODEL, {"ticket": 2, "line": "*1;3,7*2;5~6@0.3"}, 1.0)
    assert [generation["first"] for generation in answer["line"]] == [1, 2, 0]
    names = [[parent["point"] for parent in generation["parents"]] for generation in answer["line"]]
    assert names == [[], ["3", "7"], ["5~6@0.3"]]
    assert all(parent["source"].startswith("data:") for parent in answer["line"][1]["parents"])
    assert answer["pictures"] == litter(renderer, MODEL, {"parents": "5~6@0.3"}, 1.0)["pictures"]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (";" * 5000, "`line` may have at most 13 generations. Received: 5,001."),
        ("1,2", "`line` must begin with a generation without parents"),
        (";1;;2", "and no other is without"),
        (";1*x", "`first` must be a whole number"),
        (";1*²", "`first` must be a whole number"),
        (";<b>", "A seed is a whole number"),
        (";1-9", "`parents` takes at most 8 seeds or points"),
        (";" + ";".join(f"{start}-{start + 7}" for start in range(0, 96, 8)), "A sheet has 1 to 64 images"),
        ("x" * 9000, "`line` must be text of at most 8,000 characters"),
        (["1"], "`line` must be text"),
    ],
)
def test_a_line_that_no_longer_fits_is_explained(renderer: Renderer, line: Any, sentence: str) -> None:
    assert sentence in litter(renderer, MODEL, {"line": line}, 1.0)["problem"]


@pytest.mark.parametrize("asked", [None, "text", [1], {"ticket": "1"}, {"tray": ""}])
def test_an_unclear_request_for_pictures_gets_those_to_start_with(renderer: Renderer, asked: Any) -> None:
    assert len(litter(renderer, MODEL, asked, 1.0)["pictures"]) == 16


def test_two_offers_of_a_picture_differ(renderer: Renderer) -> None:
    first, second = (offered_picture(renderer, MODEL, "(7)", 1.0) for _ in range(2))
    assert first["id"] != second["id"]
    assert first["point"] == second["point"] == "7"
    with pytest.raises(SettingsError):
        offered_picture(renderer, MODEL, "<b>", 1.0)


def test_a_map_names_its_points_and_is_saved_as_it_was_drawn(renderer: Renderer) -> None:
    value = map_value(renderer, MODEL, {"ticket": 3, "corners": "1, 2, 3, 4"}, 0.7)
    assert (value["ticket"], value["side"], len(value["points"])) == (3, 12, 144)
    assert [value["points"][index] for index in (0, 11, -12, -1)] == ["1", "2", "3", "4"]
    drawing = draw_map(renderer, MODEL, "1, 2, 3, 4", 0.7)
    expected = renderer.registry.load(MODEL).generate(seeds=[1, 2, 3, 4], truncation=0.7)
    np.testing.assert_array_equal(drawing.images[[0, 11, -12, -1]], expected)
    with Image.open(io.BytesIO(map_file(renderer, value["drawn"]))) as sheet:
        assert sheet.text["points"].split(",") == value["points"]
        assert sheet.text["truncation"] == "0.7"


def test_a_saved_plane_is_a_square_without_gaps(renderer: Renderer) -> None:
    """Names of points below the images were wider than these, and tore the square apart."""
    with Image.open(io.BytesIO(plane_file(renderer, MODEL, "1, 2, 3, 4", 5, 1.0))) as sheet:
        assert sheet.size == (5 * 98 + 2, 5 * 98 + 2)  # images of 96 pixels, and 2 around them
        assert len(sheet.text["points"].split(",")) == 25


def test_a_wrong_map_is_explained(renderer: Renderer) -> None:
    assert "`corners` must be 4" in map_value(renderer, MODEL, {"corners": "1, 2"}, 1.0)["problem"]
    assert "`corners` must be text" in map_value(renderer, MODEL, None, 1.0)["problem"]
    assert map_value(renderer, "", {"ticket": 1}, 1.0) == {"ticket": 1}
    for drawn in (None, [], {"model": "runs/nowhere", "corners": "1, 2, 3, 4", "truncation": 1}, {"model": MODEL}):
        with pytest.raises(DcganHubError):
            map_file(renderer, drawn)


def test_only_what_could_be_loaded_becomes_current(bar: ModelBar, renderer: Renderer, warnings: list[str]) -> None:
    *_, shown = adopt_model(bar, renderer.registry, MODEL, [], "avatars")
    assert shown[bar.current] == MODEL
    assert (MODEL, MODEL) in shown[bar.choice].choices
    assert shown[bar.opened] == []
    assert "16 × 16 pixels" in shown[bar.status]
    assert warnings == []

    *_, shown = adopt_model(bar, renderer.registry, "runs/<b>nowhere", [], MODEL)
    assert shown[bar.choice]["value"] == MODEL  # the one before stays
    assert bar.current not in shown
    line = shown[bar.status]
    assert "<b>" not in line
    assert "must be one of those listed here" in line
    assert line.endswith("The previous generator is still in use.</p>")
    assert len(warnings) == 1
    assert "<b>" not in warnings[0]
    *_, shown = adopt_model(bar, renderer.registry, "runs/nowhere", [], "")
    assert "still in use" not in shown[bar.status]  # there is none


def test_a_long_mistake_does_not_hide_that_the_generator_stays(
    bar: ModelBar, renderer: Renderer, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise SettingsError("A long story. " * 50)

    monkeypatch.setattr(renderer.registry, "load", refuse)
    *_, shown = adopt_model(bar, renderer.registry, MODEL, [], "avatars")
    line = shown[bar.status]
    assert "A long story. A long story." in line
    assert line.endswith("... The previous generator is still in use.</p>")
    assert len(warnings[0]) >= 50 * 13  # the whole of it is in the message


def test_the_tray_keeps_each_generators_own(tray: Tray, renderer: Renderer) -> None:
    kept = keep("{}", MODEL, "7")
    kept = keep(kept, MODEL, "(1-2+3)")
    kept = keep(kept, MODEL, "7")
    kept = keep(kept, "avatars", "9")
    assert json.loads(kept) == {MODEL: ["7", "1-2+3"], "avatars": ["9"]}
    shown = show_tray(tray, renderer, MODEL, kept, "")
    assert shown[tray.view].count('class="picture"') == 2
    assert (shown[tray.clear].visible, shown[tray.undo].visible) == (True, False)
    assert json.loads(remove(kept, MODEL, "7"))[MODEL] == ["1-2+3"]
    assert json.loads(remove(kept, MODEL, None)) == {MODEL: [], "avatars": ["9"]}
    assert "shown" not in show_tray(tray, renderer, MODEL, "{}", "")[tray.view]  # an empty tray takes no room


def test_what_was_removed_from_the_tray_comes_back(tray: Tray, renderer: Renderer) -> None:
    before = keep(keep(keep("{}", MODEL, "1"), MODEL, "2"), "avatars", "9")
    emptied = remove(before, MODEL, None)
    shown = show_tray(tray, renderer, MODEL, emptied, before)
    assert "The tray is empty" in shown[tray.view]
    assert (shown[tray.clear].visible, shown[tray.undo].visible) == (False, True)
    later = keep(emptied, MODEL, "3")  # in another browser tab, for instance
    assert json.loads(bring_back(later, MODEL, before)) == {MODEL: ["1", "2", "3"], "avatars": ["9"]}
    assert json.loads(bring_back(later, MODEL, "nonsense"))[MODEL] == ["3"]


def test_the_tray_is_bounded() -> None:
    kept = "{}"
    for number in range(MAX_KEPT):
        kept = keep(kept, MODEL, str(number))
    with pytest.raises(SettingsError, match="The tray holds at most 24 images"):
        keep(kept, MODEL, "1000")
    assert len(json.loads(bring_back(kept, MODEL, json.dumps({MODEL: ["1000", "1001"]})))[MODEL]) == MAX_KEPT
    for number in range(30):
        kept = keep(kept, f"model/{number}", "1")
    assert len(json.loads(kept)) <= 12


@pytest.mark.parametrize(
    "value",
    [
        None, 7, "x", "[" * 100_000, "[]", '{"a": 7}', '{"a": {"b": "1"}}', "\ud800", '{"a": ["1"]}' + " " * 10**7,
        json.dumps({"a": [7, None, "<b>", "x" * 9000, {"b": 1}]}), {"a": ["1"]},
    ],
)  # fmt: skip
def test_a_tray_that_was_tampered_with_is_empty(tray: Tray, renderer: Renderer, value: Any) -> None:
    assert not any(read_kept(value).values())
    show_tray(tray, renderer, MODEL, value, value)


def test_a_tray_of_a_generator_that_is_gone_says_so(tray: Tray, renderer: Renderer) -> None:
    shown = show_tray(tray, renderer, "runs/nowhere", '{"runs/nowhere": ["1"]}', "")
    assert "must be one of those listed here" in shown[tray.view]
    assert shown[tray.clear].visible


def test_a_picture_of_the_tray_joins_the_list_at_hand() -> None:
    assert place_of("Interpolate", "A") == "keys"
    places = [place_of("Mix", target) for target in ("A", "B", "C", "corners", None, ["A"])]
    assert places == ["A", "B", "C", "corners", "parents", "parents"]
    assert place_of("Generate", "A") is None
    assert place_of(None, "A") is None
    assert joined("1, 2", "7", 8, "1, 2, 3, 4") == "1, 2, 7"
    assert joined("1, 2, 3, 4", "7", 8, "1, 2, 3, 4") == "7"  # the example gives way
    assert joined("1-8", "9", 8, "") == "1, 2, 3, 4, 5, 6, 7, 9"
    assert joined("nonsense", "9", 8, "") == "9"
    with pytest.raises(DcganHubError):
        joined("1", "<b>", 8, "")
