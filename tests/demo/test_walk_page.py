"""The Interpolate tab in a real browser: a walk that plays at once, follows its fields, and is saved as it is shown."""

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Request

from .browser_page import WIDTHS, Chromium, Visit, expect, field_of, open_tab, points_of, visited
from .conftest import RunningApp

PIXELS = "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
PLACE = """element => {
    const {x, y, width, height} = element.getBoundingClientRect();
    return {x: x + scrollX, y: y + scrollY, width, height};
}"""
IMAGE_PIXELS = """image => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
}"""


def view_of(page: Page) -> Locator:
    return page.locator("#walk .stage canvas")


def await_walk(page: Page, keys: list[str]) -> None:
    """Waits until the walk through these key frames is there."""
    expect(page.locator("#walk .stops button")).to_have_count(len(keys))
    for number, key in enumerate(keys):
        expect(page.locator("#walk .stops button").nth(number)).to_have_attribute("aria-label", f"Go to {key}")


def await_other_image(page: Page) -> None:
    """Waits until the player has gone on."""
    now = view_of(page).evaluate(PIXELS)
    page.wait_for_function(
        f"before => JSON.stringify(({PIXELS})(document.querySelector('#walk .stage canvas'))) !== before",
        arg=str(now).replace(" ", ""),
    )


def asked_of(page: Page) -> list[str]:
    """What the page sends and fetches from now on, except the stream of answers."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" or "/file=" in request.url:
            asked.append(f"{request.url} {request.post_data}")

    page.on("request", note)
    return asked


def walks_in(asked: list[str]) -> list[str]:
    """The requests for a walk; a busy server may still be asked for other things."""
    return [request for request in asked if "slerp" in request]


def saved(page: Page, kind: str) -> bytes:
    with page.expect_download() as download:
        page.locator(f"#save-{kind}").click()
    return Path(download.value.path()).read_bytes()


def frames_in(archive: bytes) -> list[np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return [np.asarray(Image.open(opened.open(name)).convert("RGB")) for name in opened.namelist()]


@pytest.mark.parametrize("visit", ["desk", "pocket"], indirect=True)
def test_a_walk_plays_as_soon_as_the_tab_is_opened(visit: Visit) -> None:
    """From one answer of the server, and without a film: there was an empty page with a button."""
    page = visit.page
    asked = asked_of(page)
    visit.go(page.url)
    expect(page.locator("#images button.picture img")).to_have_count(16)
    page.wait_for_timeout(1000)  # whatever else the first page asks for
    assert walks_in(asked) == [], "nobody has opened the tab yet"
    open_tab(page, "Interpolate")
    await_walk(page, ["seed 1", "seed 2", "seed 3", "seed 4"])
    for _ in range(3):
        await_other_image(page)
    assert len(walks_in(asked)) == 1, asked
    assert not [request for request in asked if "/file=" in request], "no film is encoded"

    stage, keys = page.locator("#walk .stage").evaluate(PLACE), field_of(page, "keys").evaluate(PLACE)
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert stage["width"] >= (500 if width == WIDTHS["desk"] else 320)
    assert stage["y"] < 500
    if width == WIDTHS["pocket"]:
        assert stage["y"] + stage["height"] < keys["y"], "pictures come before what changes them"

    field_of(page, "keys").fill("9, 10")
    await_walk(page, ["seed 9", "seed 10"])
    assert len(walks_in(asked)) == 2, asked
    assert page.locator("#walk .stage").evaluate(PLACE) == stage, "nothing jumps"

    open_tab(page, "Generate")
    hidden = view_of(page).get_attribute("data-point")
    page.wait_for_timeout(700)
    assert view_of(page).get_attribute("data-point") == hidden, "nobody sees it"
    open_tab(page, "Interpolate")
    await_other_image(page)
    assert len(walks_in(asked)) == 2, "the same walk is not asked for again"


def test_after_every_control_was_used_the_page_is_quiet(visit: Visit) -> None:
    page = visit.page
    open_tab(page, "Interpolate")
    await_walk(page, ["seed 1", "seed 2", "seed 3", "seed 4"])
    page.locator("#method input").last.check()
    page.locator("#loop input").uncheck()
    expect(page.locator("#speed input[type=range]")).to_have_attribute("max", "50")  # which every format can have
    for name in ("frames", "speed"):
        slider = page.locator(f"#{name} input[type=range]")
        slider.focus()
        for _ in range(5):
            slider.press("ArrowLeft")
    field_of(page, "keys").fill("5, 6, 7")
    await_walk(page, ["seed 5", "seed 6", "seed 7"])
    page.locator("#walk .stops button").nth(1).click()
    page.locator("#walk [data-action=keep]").click()
    expect(page.locator('#tray button.picture[data-point="6"] img')).to_be_visible()
    page.locator("#keys-from-tray").click()
    expect(field_of(page, "keys")).to_have_value("6")
    page.locator("#film-shape input").nth(1).check()
    page.locator("#walk .play").click()
    for kind in ("mp4", "gif", "webp", "frames"):
        assert saved(page, kind)
    field_of(page, "keys").fill("5, 6")
    await_walk(page, ["seed 5", "seed 6"])
    page.wait_for_timeout(1000)
    asked = asked_of(page)
    page.wait_for_timeout(10_000)
    assert asked == []
    page.locator("#walk .stops button").first.click()
    page.locator("#walk [data-action=show]").click()
    expect(page.locator("#chosen-view")).to_contain_text("seed 5")


def test_what_is_saved_is_the_film_that_is_shown(visit: Visit) -> None:
    """Once key frames, path, loop or speed were changed, another film was saved than the one shown."""
    page = visit.page
    open_tab(page, "Interpolate")
    await_walk(page, ["seed 1", "seed 2", "seed 3", "seed 4"])
    for keys, frames, loop in (("9, 10", 12, True), ("3, 1, 2", 5, False)):
        field_of(page, "keys").fill(keys)
        field_of(page, "frames").fill(str(frames))
        field_of(page, "frames").press("Enter")
        page.locator("#loop input").set_checked(loop)
        await_walk(page, [f"seed {key}" for key in keys.split(", ")])
        slider = page.locator("#walk input[type=range]")
        expect(slider).to_have_attribute("max", str(frames - 1))
        expect(page.locator("#walk .clock")).to_contain_text(f"of {frames / 24:.1f} s")
        page.wait_for_timeout(1500)  # the last of the answers is there
        images = frames_in(saved(page, "frames"))
        assert len(images) == frames
        for number in range(frames):
            slider.fill(str(number))
            shown = np.array(view_of(page).evaluate(PIXELS)).reshape(16, 16, 4)[..., :3]
            np.testing.assert_array_equal(shown, images[number])

    field_of(page, "keys").fill("7")  # what cannot be drawn is not saved either
    expect(page.locator("#walk-problem")).to_contain_text("Received: 1.")
    for before, now in zip(images, frames_in(saved(page, "frames")), strict=True):
        np.testing.assert_array_equal(before, now)
    page.locator("#film-shape input").last.check()
    with av.open(io.BytesIO(saved(page, "mp4"))) as film:
        assert [(frame.width, frame.height) for frame in film.decode(video=0)] == [(1080, 1920)] * 5


def test_a_walk_is_stopped_and_searched_and_its_images_are_points(visit: Visit) -> None:
    page = visit.page
    open_tab(page, "Interpolate")
    field_of(page, "keys").fill("1, 2")
    await_walk(page, ["seed 1", "seed 2"])
    view, slider, play = view_of(page), page.locator("#walk input[type=range]"), page.locator("#walk .play")
    expect(play).to_have_text("Pause")
    page.locator("#walk .stage").click()
    expect(play).to_have_text("Play")
    page.keyboard.press(" ")
    expect(play).to_have_text("Pause")
    asked = asked_of(page)
    slider.press("Home")
    expect(play).to_have_text("Play")
    expect(slider).to_have_attribute("aria-valuetext", "seed 1")
    expect(view).to_have_attribute("data-point", "1")
    slider.press("ArrowRight")
    expect(view).to_have_attribute("data-point", "1~2@0.03125")
    expect(slider).to_have_attribute("aria-valuetext", "from 1 to 2, 3%")
    page.locator("#walk .stops button").last.click()
    expect(view).to_have_attribute("data-point", "2")
    slider.press("ArrowLeft")
    assert asked == []  # it is all here
    point, pixels = view.get_attribute("data-point"), view.evaluate(PIXELS)
    page.locator("#walk [data-action=keep]").click()
    kept = page.locator(f'#tray button.picture[data-point="{point}"] img')
    expect(kept).to_be_visible()
    assert kept.evaluate(IMAGE_PIXELS) == pixels
    page.locator("#walk [data-action=show]").click()
    expect(page.get_by_role("tab", name="Generate")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#chosen-view")).to_contain_text(str(point))
    assert page.locator("#chosen-view img").evaluate(IMAGE_PIXELS) == pixels
    assert points_of(page.locator("#tray button.picture")) == [point]


def test_a_mistake_is_a_sentence_and_the_walk_goes_on(visit: Visit) -> None:
    page, problem = visit.page, visit.page.locator("#walk-problem [role=alert]")
    open_tab(page, "Interpolate")
    await_walk(page, ["seed 1", "seed 2", "seed 3", "seed 4"])
    wrong: list[tuple[str, Any, str]] = [
        ("keys", "", "`key frames` must be 2 to 8 seeds or points. Received: none."),
        ("keys", "5", "`key frames` must be 2 to 8 seeds or points. Received: 1."),
        ("keys", "1-9", "`key frames` takes at most 8 seeds or points. Received: 1 too many."),
        ("keys", "<b>1</b>", "Received: '<b>1</b>'"),
    ]
    for field, value, sentence in wrong:
        field_of(page, field).fill(value)
        expect(problem).to_contain_text(sentence)
        expect(page.locator("#walk .stops button")).to_have_count(4)
        await_other_image(page)
    field_of(page, "keys").fill("1, 2, 3, 4")
    expect(problem).to_have_count(0)
    field_of(page, "frames").fill("1")
    field_of(page, "frames").press("Enter")
    page.wait_for_function(  # Gradio's field may put it right itself
        "document.querySelector('#walk-problem').textContent.includes('`frames` must be')"
        " || document.querySelector('#frames input').value !== '1'"
    )
    await_other_image(page)


def test_who_wants_little_motion_starts_the_walk_themselves(browser: Chromium, app: RunningApp) -> None:
    with visited(browser, app.url, WIDTHS["desk"], "dark") as visit:
        page = visit.page
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        visit.go(app.url)
        open_tab(page, "Interpolate")
        await_walk(page, ["seed 1", "seed 2", "seed 3", "seed 4"])
        expect(page.locator("#walk .play")).to_have_text("Play")
        page.wait_for_timeout(700)
        expect(view_of(page)).to_have_attribute("data-point", re.compile("^1$"))
        page.locator("#walk .play").click()
        await_other_image(page)
        page.emulate_media(color_scheme="dark", reduced_motion="no-preference")
