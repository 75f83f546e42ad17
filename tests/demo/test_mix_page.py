"""The Mix tab in a real browser: breeding over generations, the map and its cursor, the formula, and the tray."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.networks.latent_points import latents_of
from dcgan_hub.networks.point_syntax import parse_points

from .browser_page import Visit, expect, field_of, open_tab, points_of, sources_of
from .conftest import RunningApp

QUIET_MILLISECONDS = 10_000
PIXELS = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.height, canvas.width, [...data]];
}"""


@pytest.fixture(scope="module")
def grey(app: RunningApp) -> Generator:
    return Generator.from_pretrained(app.log.parent / "grey")


def drawn(generator: Generator, points: str) -> np.ndarray:
    return generator.generate(latents=latents_of(parse_points(points, 64), generator))


def posts_of(page: Page) -> list[str]:
    """The requests that the page will send, other than for files."""
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    return posts


def open_mix(page: Page) -> Locator:
    """Opens the tab; returns the pictures to choose from, once they are there."""
    open_tab(page, "Mix")
    litter = page.locator("#breeding .litter button.picture:not(.waiting)")
    expect(litter).to_have_count(16)
    return litter


def breed(page: Page, parents: int) -> None:
    """Breeds what is chosen, and waits for the children."""
    before = sources_of(page.locator("#breeding .litter img"))
    page.locator("#breeding .breed").click()
    expect(page.locator("#breeding .breed")).to_be_disabled()
    expect(page.locator("#breeding .large img")).to_have_count(parents)
    assert sources_of(page.locator("#breeding .litter img")) != before


def await_map(page: Page, corner: str) -> Locator:
    """The large picture of the map, moved to its top left corner, once that is `corner`."""
    view, ground = page.locator("#map .view"), page.locator("#map .ground")
    ground.scroll_into_view_if_needed()
    expect(page.locator("#map [data-action=save]")).to_be_enabled()
    ground.focus()
    for _ in range(11):
        ground.press("ArrowLeft")
        ground.press("ArrowUp")
    expect(view).to_have_attribute("data-point", corner)
    return view


@pytest.mark.parametrize("visit", ["desk", "pocket"], indirect=True)
def test_generations_are_bred_from_chosen_pictures_and_one_can_step_back(visit: Visit, grey: Generator) -> None:
    page = visit.page
    questions: list[str] = []
    page.on("request", lambda request: questions.append(request.post_data or "") if request.method == "POST" else None)
    page.wait_for_timeout(500)
    assert not any('"ticket"' in question for question in questions)  # nothing is drawn for a tab that nobody opened
    litter = open_mix(page)
    assert sum('"parents"' in question for question in questions) == 1
    assert points_of(litter) == [str(seed) for seed in range(16)]

    breeding = page.locator("#breeding")
    for seed in (3, 7):
        litter.nth(seed).click()
        expect(litter.nth(seed)).to_have_attribute("aria-pressed", "true")
    breed(page, 2)
    children = points_of(litter)
    assert children[0] == "3.7"
    content = base64.b64decode(sources_of(breeding.locator(".litter img"))[0].partition(",")[2])
    with Image.open(io.BytesIO(content)) as mean:
        np.testing.assert_array_equal(np.asarray(mean).reshape(16, 16, 1), drawn(grey, "3.7")[0])

    breeding.locator(".others").click()
    expect(litter.nth(1)).not_to_have_attribute("data-point", children[1])
    assert not set(children[1:4]) & set(points_of(litter))

    chosen = points_of(litter)[5]
    litter.nth(5).click()
    expect(breeding.locator(".breed")).to_have_text("Variations of this one")
    breed(page, 1)  # it is shown large
    expect(breeding.locator(".large")).to_have_attribute("data-point", chosen)
    breeding.locator("[data-action=keep]").click()
    expect(page.locator(f'#tray button.picture[data-point="{chosen}"]')).to_be_visible()

    line, bred = breeding.locator(".line button"), points_of(litter)
    expect(line).to_have_count(3)
    page.wait_for_url(re.compile(r"tab=mix.*&line=%3B3%2C7\*1%3B"))  # with all ancestors
    visit.go(page.url)
    expect(line).to_have_count(3)
    assert points_of(litter) == bred
    page.wait_for_timeout(1600)  # changes that follow at once are one
    line.nth(1).press("Enter")
    expect(litter.first).to_have_attribute("data-point", "3.7")
    expect(line.nth(1)).to_have_attribute("aria-current", "step")
    expect(line.nth(1)).to_be_focused()
    page.go_back()
    expect(litter.first).to_have_attribute("data-point", bred[0])
    expect(line).to_have_count(3)
    line.first.click()
    expect(litter.nth(15)).to_have_attribute("data-point", "15")


def test_an_endless_line_stays_short(visit: Visit) -> None:
    page = visit.page
    litter = open_mix(page)
    for generation in range(15):
        litter.nth(generation).click()
        breed(page, 1)
    line = page.locator("#breeding .line button")
    expect(line).to_have_count(13)  # the start and the last twelve
    assert max(map(len, points_of(litter))) < 200
    line.nth(1).click()
    expect(line.nth(1)).to_have_attribute("aria-current", "step")

    for index in range(9):
        litter.nth(index).click()
    expect(page.locator("#breeding .problem")).to_contain_text("at most eight parents")
    expect(page.locator("#breeding .picked button")).to_have_count(8)


def test_the_cursor_of_the_map_shows_what_lies_there_and_asks_nobody(visit: Visit, grey: Generator) -> None:
    page = visit.page
    open_mix(page)
    view, ground = await_map(page, "1"), page.locator("#map .ground")
    page.wait_for_timeout(1000)
    posts = posts_of(page)
    ground.press("ArrowRight")
    expect(view).to_have_attribute("data-point", "1~2@0.09091")
    height, width, pixels = view.evaluate(PIXELS)
    seen = np.array(pixels, np.uint8).reshape(height, width, 4)[..., :1]
    np.testing.assert_array_equal(seen, drawn(grey, "1~2@0.09091")[0])

    ground.hover(position={"x": 5, "y": 200})
    expect(view).to_have_attribute("data-point", re.compile(r"^1~3@0\.\d+$"))
    page.locator("#map [data-action=wander]").click()
    before = view.get_attribute("data-point")
    page.wait_for_function("before => document.querySelector('#map .view').dataset.point !== before", arg=before)
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator("#map [data-action=wander]")).to_be_hidden()
    rested = view.evaluate(PIXELS)
    page.wait_for_timeout(500)
    assert view.evaluate(PIXELS) == rested
    page.emulate_media(reduced_motion="no-preference")  # the next visit may get this page
    assert posts == []

    here = view.get_attribute("data-point")
    page.locator("#map [data-action=show]").click()
    expect(page.locator("#chosen-view img")).to_be_visible()
    expect(field_of(page, "chosen-point")).to_have_value(here)


def test_the_map_is_saved_as_it_is_shown(visit: Visit, grey: Generator) -> None:
    page = visit.page
    open_mix(page)
    view = await_map(page, "1")
    field_of(page, "corners").fill("5, 6, 7")
    expect(page.locator("#map .problem")).to_contain_text("`corners` must be 4 seeds or points. Received: 3.")
    expect(view).to_have_attribute("data-point", "1")  # the map stays
    with page.expect_download() as download:
        page.locator("#map [data-action=save]").click()
    assert download.value.suggested_filename == "map.png"
    with Image.open(Path(download.value.path())) as sheet:
        points = sheet.text["points"].split(",")
        assert [points[index] for index in (0, 11, -12, -1)] == ["1", "2", "3", "4"]
        assert sheet.size == (12 * 98 + 2, 12 * 98 + 2)  # 96 pixels an image, 2 between them, no captions
        last = np.asarray(sheet.convert("L"))[2 + 11 * 98 : -2 : 6, 2 + 11 * 98 : -2 : 6]
    np.testing.assert_array_equal(last, drawn(grey, "4")[0, ..., 0])

    field_of(page, "corners").fill("5, 6, 7, 8")
    expect(page.locator("#map .problem")).to_have_text("")
    await_map(page, "5")


def test_images_of_the_tray_become_parents_or_what_was_used_last(visit: Visit) -> None:
    page = visit.page
    for seed in ("5", "6"):
        page.locator(f'#images button.picture[data-point="{seed}"]').click()
        expect(page.locator("#chosen-view .name")).to_have_text(f"seed {seed}")
        page.locator("#keep").click()
        expect(page.locator(f'#tray button.picture[data-point="{seed}"]')).to_be_visible()
    litter = open_mix(page)
    assert points_of(litter) == ["5", "6", *(str(seed) for seed in range(16) if seed not in (5, 6))][:16]
    page.locator('#tray button.picture[data-point="6"]').click()
    expect(litter.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#breeding .breed")).to_have_text("Variations of this one")

    field_of(page, "corners").click()
    page.locator('#tray button.picture[data-point="6"]').click()
    expect(field_of(page, "corners")).to_have_value("6")
    page.locator("#formula > button").click()
    expect(page.locator("#mix-result .total img")).to_be_visible()
    field_of(page, "mix-b").click()
    page.locator('#tray button.picture[data-point="5"]').click()
    expect(field_of(page, "mix-b")).to_have_value("5")
    page.locator("#mix").click()
    expect(page.locator("#mix-result .total button.picture")).to_have_attribute("data-point", "1.2.3-5+7.8.9")
    field_of(page, "mix-a").fill("")
    page.locator("#mix").click()
    expect(page.locator(".toast-body")).to_contain_text("`A` needs at least one seed or point. Received: nothing.")


def test_nothing_of_one_generator_is_left_with_another_and_then_it_is_quiet(visit: Visit) -> None:
    page = visit.page
    litter = open_mix(page)
    await_map(page, "1")
    page.locator("#formula > button").click()
    expect(page.locator("#mix-result .total img")).to_be_visible()
    litter.nth(2).click()
    breed(page, 1)
    page.locator("#breeding .others").dblclick()
    expect(page.locator("#breeding .litter[aria-busy]")).to_have_count(0)
    images = page.locator("#breeding .litter img, #mix-result img, #map .terrain")
    before = sources_of(images)

    page.locator("#model input").click()
    page.get_by_role("option", name="runs/tiny").click()
    expect(field_of(page, "current-model")).to_have_value("runs/tiny")
    expect(litter.nth(15)).to_have_attribute("data-point", "15")
    expect(page.locator("#breeding .line button")).to_have_count(1)
    await_map(page, "1")
    expect(page.locator("#mix-result .total img")).to_be_visible()
    assert not set(before) & set(sources_of(images))

    page.locator("#other-corners").click()
    page.locator("#map .ground").hover()
    expect(field_of(page, "corners")).not_to_have_value("1, 2, 3, 4")
    page.locator("#mix").click()
    page.locator("#map [data-action=wander]").click()
    page.locator("#map [data-action=keep]").click()
    expect(page.locator("#tray button.picture")).to_have_count(1)
    page.wait_for_timeout(2500)  # what was asked for is drawn
    posts = posts_of(page)
    page.wait_for_timeout(QUIET_MILLISECONDS)
    assert posts == []
