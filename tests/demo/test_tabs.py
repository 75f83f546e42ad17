"""What the events of the page return, called as functions."""

import io
import re
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.rendering.links import Sheet
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.tabs.breeding import litter, offered_picture
from dcgan_hub.demo.tabs.cross_tab_events import joined, place_of
from dcgan_hub.demo.tabs.generate import (
    MAX_DIRECTIONS,
    GenerateTab,
    add_generate_tab,
    center_on,
    choose_point,
    drawing_of,
    png_of,
    shift_around,
    show_sheet,
)
from dcgan_hub.demo.tabs.interpolate import between_value, film_strip, keys_html
from dcgan_hub.demo.tabs.mix import draw_mix, mix_html
from dcgan_hub.demo.tabs.model_bar import ModelBar, add_model_bar, adopt_model
from dcgan_hub.demo.tabs.plane_map import draw_map, draw_plane, map_file, map_value, plane_file
from dcgan_hub.demo.tabs.tray import MAX_KEPT, Tray, add_tray, keep, read_kept, remove, show_tray
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.latent_points import parse_points

from .conftest import lay_out

MODEL = "runs/tiny"


@pytest.fixture
def renderer(runs: Path) -> Renderer:
    return Renderer(ModelRegistry(RunShelf(runs), open_hub=False))


@pytest.fixture
def tab() -> GenerateTab:
    return lay_out(add_generate_tab)


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


def test_a_generator_that_is_not_loaded_yet_shows_empty_places_first(tab: GenerateTab, renderer: Renderer) -> None:
    steps = list(show_sheet(tab, renderer, Sheet(MODEL, "1", 3)))
    assert len(steps) == 2
    assert steps[0][tab.sheet].count("picture waiting") == 3
    assert set(steps[0]) == {tab.sheet}
    assert steps[1][tab.sheet].count("<button") == 3
    assert steps[1][tab.link].startswith("?model=runs/tiny&revision=")
    assert steps[1][tab.save_sheet].interactive and steps[1][tab.save_archive].interactive
    assert len(list(show_sheet(tab, renderer, Sheet(MODEL, "1", 3)))) == 1  # now it is loaded


def test_what_is_shown_can_be_drawn_again_from_its_link(tab: GenerateTab, renderer: Renderer) -> None:
    *_, shown = show_sheet(tab, renderer, Sheet(MODEL, "5, 42~1-3@0.3", 16, 0.7))
    again = drawing_of(renderer, shown[tab.link])
    assert [point.text for point in again.points] == ["5", "42~1@0.3", "42~2@0.3", "42~3@0.3"]
    assert again.truncation == 0.7


def test_a_chosen_image_is_shown_and_enables_what_can_be_done_with_it(tab: GenerateTab, renderer: Renderer) -> None:
    shown = choose_point(tab, renderer, MODEL, "(7)", 1.0)
    assert set(shown) == set(tab.choice)
    assert shown[tab.chosen] == "7"
    assert 'alt="Image of seed 7"' in shown[tab.view]
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


def test_a_png_is_named_by_its_point(renderer: Renderer) -> None:
    assert png_of(renderer, MODEL, "7", 1.0)[0] == "seed-7.png"
    assert png_of(renderer, MODEL, "7~8@0.5", 1.0)[0] == "point-7~8@0.5.png"


def test_key_frames_are_shown_or_explained(renderer: Renderer) -> None:
    assert keys_html(renderer, MODEL, "1, 2, 3", 1.0).count("<img") == 3
    assert "One more is needed" in keys_html(renderer, MODEL, "1", 1.0)
    assert "Type seeds" in keys_html(renderer, MODEL, "", 1.0)
    wrong = keys_html(renderer, MODEL, "<img src=x>", 1.0)
    assert "<img src=x" not in wrong
    assert "A seed is a whole number" in wrong


@pytest.mark.parametrize("method", ["slerp", "lerp"])
@pytest.mark.parametrize("loop", [True, False])
def test_a_strip_is_a_short_walk(renderer: Renderer, method: str, loop: bool) -> None:
    strip = film_strip(renderer, MODEL, "1, 2, 3", method, loop, 1.0, 5)
    expected = renderer.registry.load(MODEL).interpolate([1, 2, 3], 5, method=method, loop=loop)
    np.testing.assert_array_equal(np.stack([image for image, _ in strip]), expected)
    assert strip[0][1] == "0%"
    assert strip[-1][1] == ("80%" if loop else "100%")


def test_the_slider_has_all_its_images_and_their_names(renderer: Renderer) -> None:
    value = between_value(renderer, MODEL, "1", "2", 1.0)
    assert len(value["points"]) == 41
    assert (value["points"][0], value["points"][20], value["points"][40]) == ("1", "1~2@0.5", "2")
    assert value["columns"] * value["rows"] >= 41
    assert (value["width"], value["height"]) == (16, 16)
    with pytest.raises(SettingsError, match=r"`to` takes one seed or point\. Received: 1 too many"):
        between_value(renderer, MODEL, "1", "2, 3", 1.0)


def test_a_mix_shows_result_means_and_parts(renderer: Renderer) -> None:
    drawing, sizes = draw_mix(renderer, MODEL, "1, 2, 3", "4", "5-6", 1.0)
    assert sizes == [3, 1, 2]
    assert [point.text for point in drawing.points[:4]] == ["1.2.3-4+5.6", "1.2.3", "4", "5.6"]
    markup = mix_html(drawing, sizes)
    assert markup.count("<button") == 1 + 3 + 6
    assert re.findall(r'<span class="sign">(.?)</span>', markup) == ["", "−", "+", "="]


def test_a_mix_of_too_much_is_explained(renderer: Renderer) -> None:
    long = ", ".join(str(2**32 - 1 - number) for number in range(16))
    with pytest.raises(SettingsError, match="may have at most 400 characters"):
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
    assert points({"tray": "5, 6~7@0.5"}) == ["5", "6~7@0.5", *(str(seed) for seed in range(15) if seed != 5)]
    assert points({"tray": "1-24"}) == [str(seed) for seed in range(1, 17)]
    assert points({"parents": "3, 7, 3"}) == points({"parents": "3, 7"})
    assert litter(renderer, "", {"ticket": 5}, 1.0) == {"ticket": 5}  # before there is a generator


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"parents": ", ".join(map(str, range(1000)))}, "`parents` takes at most 8 seeds or points"),
        ({"parents": ", ".join(map(str, range(5000)))}, "`parents` must be text of at most 8,000 characters"),
        ({"parents": ["1", "2"]}, "`parents` must be text"),
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
    kept = keep({}, MODEL, "7")
    kept = keep(kept, MODEL, "(1-2+3)")
    kept = keep(kept, MODEL, "7")
    kept = keep(kept, "avatars", "9")
    assert kept == {MODEL: ["7", "1-2+3"], "avatars": ["9"]}
    shown = show_tray(tray, renderer, MODEL, kept)
    assert shown[tray.view].count('class="picture"') == 2
    assert shown[tray.clear].interactive
    assert remove(kept, MODEL, "7")[MODEL] == ["1-2+3"]
    assert remove(kept, MODEL, None) == {MODEL: [], "avatars": ["9"]}
    assert "empty" in show_tray(tray, renderer, MODEL, {})[tray.view]


def test_the_tray_is_bounded() -> None:
    kept: Any = {}
    for number in range(MAX_KEPT):
        kept = keep(kept, MODEL, str(number))
    with pytest.raises(SettingsError, match="The tray holds at most 24 images"):
        keep(kept, MODEL, "1000")
    for number in range(30):
        kept = keep(kept, f"model/{number}", "1")
    assert len(kept) <= 12


@pytest.mark.parametrize(
    "value",
    [None, 7, "x", [], {"a": 7}, {"a": [7, None, "<b>", "x" * 9000, {"b": 1}]}, {7: ["1"]}, {"a": {"b": "1"}}],
)
def test_a_tray_that_was_tampered_with_is_empty(tray: Tray, renderer: Renderer, value: Any) -> None:
    assert not any(read_kept(value).values())
    show_tray(tray, renderer, MODEL, value)


def test_a_tray_of_a_generator_that_is_gone_says_so(tray: Tray, renderer: Renderer) -> None:
    shown = show_tray(tray, renderer, "runs/nowhere", {"runs/nowhere": ["1"]})
    assert "must be one of those listed here" in shown[tray.view]
    assert shown[tray.clear].interactive


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
