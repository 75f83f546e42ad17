"""The page in a real browser: draw, choose, keep, walk, mix, save, open another generator, follow a link.

Screenshots of every tab are written to the folder that the environment variable DCGAN_HUB_SCREENSHOTS names.
"""

import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from PIL import Image
from playwright.sync_api import Page

from .browser_page import (
    WIDTHS,
    Chromium,
    Visit,
    await_tabs,
    expect,
    field_of,
    link_with,
    open_tab,
    points_of,
    sources_of,
    visited,
)
from .conftest import ROOT, RunningApp

if TYPE_CHECKING:
    from local_hub import LocalHub

TABS = ("Generate", "Interpolate", "Mix", "Directions", "Training runs", "About")
TINY_BUNDLE = ROOT / "tests" / "golden" / "tiny-bundle"
MODEL = "model/grey"  # what the app was started with


def await_pictures(page: Page, number: int) -> None:
    expect(page.locator("#images button.picture img")).to_have_count(number)


def draw(page: Page, seed: str) -> None:
    field_of(page, "seed").fill(seed)
    page.locator("#generate").click()


def choose(page: Page, point: str) -> None:
    page.locator(f'#images button.picture[data-point="{point}"]').click()
    expect(page.locator("#chosen-view .name")).to_have_text(f"seed {point}")


def choose_model(page: Page, name: str) -> None:
    page.locator("#model input").click()
    page.get_by_role("option", name=name).click()
    expect(page.locator("#model input")).to_have_value(name)
    expect(field_of(page, "current-model")).to_have_value(name)  # until then the one before draws
    expect(page.locator("#model-status .ready")).to_contain_text("pixels")


def open_repository(page: Page, repository: str) -> None:
    if not page.locator("#repository").is_visible():
        page.locator("#open-panel > button").click()
    field_of(page, "repository").fill(repository)
    page.locator("#open-model").click()


def saved(page: Page, button: str) -> tuple[str, bytes]:
    """Name and content of the file that a button saves."""
    with page.expect_download() as download:
        page.locator(button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.mark.parametrize("visit", ["desk", "pocket"], indirect=True)
def test_pictures_are_drawn_chosen_kept_and_walked_between(visit: Visit) -> None:
    page = visit.page
    draw(page, "40")
    expect(page.locator("#images .caption").last).to_have_text("seed 55")
    assert points_of(page.locator("#images button.picture")) == [str(seed) for seed in range(40, 56)]

    close = page.locator('#chosen-view [data-action="leave"]')
    for point in ("41", "43"):
        choose(page, point)
        page.locator("#keep").click()
        expect(page.locator(f'#tray button.picture[data-point="{point}"] img')).to_be_attached()
        if point == "41" and close.is_visible():  # on a phone it lies over the page
            close.click()
            expect(page.locator("#chosen-view img")).to_have_count(0)
    page.locator("#send").click()
    if close.is_visible():
        expect(page.locator(".toast-body")).to_contain_text("43")
        close.click()
    open_tab(page, "Interpolate")
    expect(field_of(page, "keys")).to_have_value("43")
    page.locator('#tray button.picture[data-point="41"]').click()
    expect(field_of(page, "keys")).to_have_value("43, 41")
    expect(page.locator("#walk .stops button")).to_have_count(2)

    name, content = saved(page, "#save-gif")
    assert (name, Image.open(io.BytesIO(content)).n_frames) == ("walk.gif", 96)
    open_tab(page, "Generate")  # nothing is lost by looking elsewhere
    assert points_of(page.locator("#images button.picture")) == [str(seed) for seed in range(40, 56)]


def test_files_arrive_and_say_what_they_are(visit: Visit) -> None:
    page = visit.page
    draw(page, "7, 9-10")
    await_pictures(page, 3)
    name, content = saved(page, "#save-sheet")
    assert name == "sheet.png"
    with Image.open(io.BytesIO(content)) as sheet:
        assert (sheet.text["model"], sheet.text["points"]) == (MODEL, "7,9,10")

    name, content = saved(page, "#save-zip")
    assert name == "images.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["1-seed-7.png", "2-seed-9.png", "3-seed-10.png"]
        with Image.open(archive.open("2-seed-9.png")) as image:
            assert (image.size, image.text["seed"]) == ((16, 16), "9")

    choose(page, "10")
    name, content = saved(page, "#save-png")
    assert name == "seed-10.png"
    with Image.open(io.BytesIO(content)) as image:
        assert image.text["seed"] == "10"


def test_a_picture_becomes_the_centre_of_variations(visit: Visit) -> None:
    page = visit.page
    choose(page, "5")  # which is a direction too, for other centres
    page.locator("#vary").click()
    expect(page.locator("#images .caption").nth(1)).to_contain_text("toward")
    before = points_of(page.locator("#images button.picture"))
    assert before[0] == "5" and len(set(before)) == 16
    assert all(point.startswith("5~") and point.endswith("@0.3") for point in before[1:])
    seen = set(before)
    for _ in range(2):
        second = page.locator("#images .caption").nth(1)
        words = second.text_content()
        page.locator("#others").click()
        expect(second).not_to_have_text(words)
        before = points_of(page.locator("#images button.picture"))
        assert len(set(before)) == 16
        assert set(before) & seen == {"5"}
        seen.update(before)

    page.locator("#surprise").click()
    expect(page.locator('#images button.picture[data-point="5"]')).to_have_count(0)
    assert points_of(page.locator("#images button.picture"))[0] == field_of(page, "seed").input_value()


def test_what_is_drawn_in_the_end_is_what_stands_in_the_fields(visit: Visit) -> None:
    page = visit.page
    for name in ("runs/tiny", MODEL):  # is drawn, too, by a generator that is loaded only then
        choose_model(page, name)
        draw(page, "100")
        draw(page, "200")
        expect(page.locator("#images .caption").first).to_have_text("seed 200")
        link_with(page, "seed=200&count=16")
    for _ in range(3):
        page.locator("#surprise").dblclick()
    page.wait_for_function(
        "document.querySelector('#images button.picture').dataset.point === "
        "document.querySelector('#seed input, #seed textarea').value"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.wait_for_timeout(2000)
    assert asked == []
    link_with(page, f"seed={field_of(page, 'seed').input_value()}&")


def test_a_mistake_is_a_sentence_and_the_pictures_stay(visit: Visit) -> None:
    page = visit.page
    before = sources_of(page.locator("#images img"))
    for wrong in ("-3", "seven", "1.5e3", "4294967296", "0-9999", "<b>1</b>"):
        draw(page, wrong)
        expect(page.locator(".toast-body").last).to_contain_text("9,936 too many" if wrong == "0-9999" else wrong)
        assert sources_of(page.locator("#images img")) == before
    draw(page, "1.5")  # is no mistake, but not what it looks like
    expect(page.locator("#images .caption")).to_have_text(["mean of 1 and 5"])


def test_a_generator_of_the_hub_is_opened_and_a_wrong_one_is_explained(
    visit: Visit, browser: Chromium, app: RunningApp, hub: "LocalHub"
) -> None:
    page = visit.page
    files = {name: (TINY_BUNDLE / name).read_bytes() for name in ("dcgan.json", "model.safetensors")}
    commit = hub.plant("anna/faces", files)
    grey = sources_of(page.locator("#images img"))
    open_repository(page, "https://huggingface.co/anna/faces")  # as it is pasted from a browser
    expect(page.locator("#model-status .ready")).to_contain_text("24 × 18 pixels")
    expect(page.locator("#model input")).to_have_value(f"anna/faces@{commit[:8]}")
    expect(page.locator("#images img").first).to_have_attribute("width", "24")
    faces = sources_of(page.locator("#images img"))
    assert faces != grey

    for wrong in ("anna/nothing", "../secret", "<img src=x onerror=alert(1)>"):
        open_repository(page, wrong)
        expect(page.locator("#model-status .problem")).to_contain_text(wrong)
        expect(page.locator("#model-status .problem")).to_contain_text("The previous generator is still in use.")
        expect(page.locator("#model input")).to_have_value(f"anna/faces@{commit[:8]}")
        assert sources_of(page.locator("#images img")) == faces
    assert page.title() == "dcgan_hub"

    link = link_with(page, f"model=anna/faces&revision={commit}")
    with visited(browser, link, WIDTHS["desk"]) as guest:
        await_pictures(guest.page, 16)
        assert sources_of(guest.page.locator("#images img")) == faces


def test_a_link_shows_the_same_pictures_to_somebody_else(visit: Visit, browser: Chromium, app: RunningApp) -> None:
    page = visit.page
    choose_model(page, "runs/tiny")
    field_of(page, "number").fill("4")
    draw(page, "1234")
    expect(page.locator("#images .caption").last).to_have_text("seed 1237")
    shown = sources_of(page.locator("#images img"))
    link = link_with(page, "seed=1234")
    assert unquote(page.url) == unquote(link)  # the address bar holds it too
    for name in (link, f"{app.url}/?model=runs/tiny&seed=1234&count=4"):
        with visited(browser, name, WIDTHS["desk"]) as guest:
            await_pictures(guest.page, 4)
            expect(guest.page.locator("#model input")).to_have_value("runs/tiny")
            assert sources_of(guest.page.locator("#images img")) == shown


def test_a_link_to_nothing_is_explained(browser: Chromium, app: RunningApp) -> None:
    with visited(browser, f"{app.url}/?model=..%2F..%2Fsecret&seed=1", WIDTHS["desk"]) as guest:
        expect(guest.page.locator(".toast-body")).to_contain_text("secret")
        await_pictures(guest.page, 16)
        expect(guest.page.locator("#model input")).to_have_value(MODEL)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tab_fits_every_window(browser: Chromium, app: RunningApp, scheme: str) -> None:
    folder = os.environ.get("DCGAN_HUB_SCREENSHOTS")
    with visited(browser, app.url, WIDTHS["desk"], scheme) as visit:
        page = visit.page
        await_pictures(page, 16)
        assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
        for tab in TABS:
            page.set_viewport_size({"width": WIDTHS["desk"], "height": 900})
            open_tab(page, tab)
            prepare(page, tab)
            for width in WIDTHS.values():
                page.set_viewport_size({"width": width, "height": 900})
                await_tabs(page)
                if folder:
                    name = f"{tab.lower().replace(' ', '-')}-{width}-{scheme}.png"
                    page.screenshot(path=Path(folder) / name, full_page=True)  # which makes the folder
                visit.check()


def prepare(page: Page, tab: str) -> None:
    """Has a tab show something."""
    if tab == "Generate":
        choose(page, "5")
        page.locator("#keep").click()
        expect(page.locator("#tray img")).to_have_count(1)
    elif tab == "Interpolate":
        expect(page.locator("#walk .stops button")).to_have_count(4)
    elif tab == "Mix":
        page.locator("#breeding .litter button").first.click()
        page.locator("#formula > button").click()
        expect(page.locator("#mix-result .total img")).to_be_visible()
        page.locator("#map .terrain").wait_for()
    elif tab == "Directions":
        expect(page.locator("#directions .row")).to_have_count(4)
    elif tab == "Training runs":
        page.locator(".run-card img").first.wait_for()
    else:
        expect(page.locator("#facts")).to_contain_text("16 × 16 pixels")
