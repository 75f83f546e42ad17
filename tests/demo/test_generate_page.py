"""The Generate tab, the tray and the address bar in a real browser: pictures first, nothing lost or asked twice."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page

from .browser_page import (
    Chromium,
    Visit,
    await_rest,
    await_tabs,
    expect,
    field_of,
    link_with,
    open_tab,
    points_of,
    visited,
)
from .conftest import RunningApp

DESK, PHONE = 1440, 390
PICTURES = "#images button.picture"
OVERLAP = """() => {
    const bar = document.querySelector("#tray-bar").getBoundingClientRect();
    const under = (x, y) => !document.elementFromPoint(x, y)?.closest("#tray-bar");
    return [bar.top, [0.1, 0.5, 0.9].some(part => under(bar.width * part, bar.top + 4))];
}"""


def await_sheet(page: Page, first: int, number: int = 16) -> None:
    expect(page.locator(f"{PICTURES} img")).to_have_count(number)
    expect(page.locator(f'{PICTURES}[data-point="{first}"] img')).to_be_attached()


def draw(page: Page, seed: int) -> None:
    field_of(page, "seed").fill(str(seed))
    page.locator("#generate").click()
    await_sheet(page, seed)
    link_with(page, f"seed={seed}&")


def choose_and_keep(page: Page, point: str) -> None:
    page.locator(f'{PICTURES}[data-point="{point}"]').click()
    expect(page.locator("#chosen-view .name")).to_have_text(f"seed {point}")
    page.locator("#keep").click()
    expect(page.locator(f'#tray button.picture[data-point="{point}"] img')).to_be_visible()


def test_the_first_thing_is_pictures(browser: Chromium, app: RunningApp) -> None:
    with visited(browser, app.url, DESK) as visit:
        page = visit.page
        await_sheet(page, 0)
        tile = page.locator(f"{PICTURES} img").first
        assert 160 <= tile.bounding_box()["width"] <= 192
        assert not page.locator("#tray-bar").is_visible()  # an empty tray takes no room
        tile.click()
        expect(page.locator("#chosen-view .name")).to_be_visible()
        assert page.locator("#chosen-view img").bounding_box()["width"] >= 256
    with visited(browser, app.url, PHONE) as visit:
        page = visit.page
        await_sheet(page, 0)
        controls = (
            page.locator(".controls > :not(#ask)")
            .locator("button, input, textarea")
            .evaluate_all(
                "nodes => nodes.filter(node => node.checkVisibility()).map(node => node.getBoundingClientRect().top)"
            )
        )
        last = page.locator(PICTURES).last.bounding_box()
        assert len(controls) >= 5 and min(controls) > last["y"] + last["height"]
        assert page.locator(PICTURES).first.bounding_box()["y"] < 200
        expect(page.locator("#surprise")).to_be_in_viewport()  # what draws others stays in reach
        await_tabs(page)
        expect(page.get_by_role("tab", name="Training runs")).to_be_visible()  # not in a menu
        page.locator(PICTURES).first.click()  # which is shown over the page
        large = page.locator("#chosen-view img")
        expect(large).to_be_in_viewport()
        assert large.bounding_box()["width"] >= 256
        page.locator('#chosen-view [data-action="leave"]').click()
        expect(large).to_have_count(0)
        assert page.evaluate("document.activeElement.dataset.point") == "0"


def test_pictures_are_smooth_until_the_visitor_wants_them_sharp(visit: Visit) -> None:
    page, first = visit.page, visit.page.locator(f"{PICTURES} img").first
    page.wait_for_function("[...document.querySelectorAll('#images img')].every(image => image.complete)")

    def largest_step() -> int:
        with Image.open(io.BytesIO(first.screenshot())) as screenshot:
            inner = np.asarray(screenshot.convert("L")).astype(int)[12:-12, 12:-12]
        return int(np.abs(np.diff(inner, axis=1)).max())

    smooth = largest_step()
    page.locator("#sharp input").check()
    expect(page.locator("body.sharp")).to_have_count(1)
    assert largest_step() > 2 * smooth  # squares of more than ten pixels, with edges
    visit.go(page.url)
    await_sheet(page, 0)
    expect(page.locator("#sharp input")).to_be_checked()
    expect(page.locator("body.sharp")).to_have_count(1)


def test_back_goes_to_the_sheet_before_and_a_reload_keeps_tab_and_choice(visit: Visit) -> None:
    page = visit.page
    for seed in (100, 200):
        page.wait_for_timeout(1600)  # changes that follow at once are one
        draw(page, seed)
    page.locator(f'{PICTURES}[data-point="203"]').click()
    link = link_with(page, "chosen=203")
    assert page.url == link
    page.go_back()
    await_sheet(page, 100)
    expect(field_of(page, "seed")).to_have_value("100")
    page.go_back()
    await_sheet(page, 0)
    page.go_forward()
    await_sheet(page, 100)
    link_with(page, "seed=100&")
    assert "seed=100&" in page.url

    visit.go(link)
    await_sheet(page, 200)
    expect(page.locator("#chosen-view .name")).to_have_text("seed 203")
    expect(page.locator(f'{PICTURES}[data-point="203"]')).to_have_attribute("aria-pressed", "true")
    open_tab(page, "About")
    page.wait_for_url("**/?tab=about")
    visit.go(page.url)
    expect(page.get_by_role("tab", name="About")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#facts")).to_contain_text("pixels")


def test_the_tray_lies_beside_the_page_and_what_was_removed_comes_back(visit: Visit) -> None:
    page = visit.page
    for point in ("3", "5"):
        choose_and_keep(page, point)
    for tab in ("Generate", "Interpolate", "Mix", "Directions"):  # nothing shows through it, at any place of the page
        open_tab(page, tab)
        for place in (0, 10**6):
            page.evaluate("place => document.querySelector('.gradio-container').scrollTo(0, place)", place)
            top, shows_through = page.evaluate(OVERLAP)
            assert not shows_through
            below = page.locator(".gradio-container").evaluate("node => node.getBoundingClientRect().bottom")
            assert below <= top + 1
    open_tab(page, "Generate")
    kept = page.locator("#tray button.picture")
    page.locator("#empty-tray").click()
    expect(kept).to_have_count(0)
    page.locator("#undo-tray").click()
    expect(kept).to_have_count(2)
    page.locator("#tray button.remove").first.click()
    expect(kept).to_have_count(1)
    visit.go(page.url)  # it is kept until it is removed
    expect(page.locator('#tray button.picture[data-point="5"] img')).to_be_visible()
    page.locator("#tray button.remove").click()
    expect(kept).to_have_count(0)
    page.locator("#undo-tray").click()
    expect(kept).to_have_count(1)


def test_two_browser_tabs_share_one_tray(visit: Visit, app: RunningApp) -> None:
    page = visit.page
    other = page.context.new_page()
    other.goto(app.url)
    await_sheet(other, 0)
    choose_and_keep(page, "3")
    expect(other.locator('#tray button.picture[data-point="3"]')).to_be_visible()
    choose_and_keep(other, "7")
    expect(page.locator('#tray button.picture[data-point="7"]')).to_be_visible()
    assert points_of(page.locator("#tray button.picture")) == ["3", "7"]
    other.close()


def test_keys_reach_everything_and_the_focus_is_never_lost(visit: Visit) -> None:
    page = visit.page
    page.keyboard.press("ArrowRight")
    expect(page.locator(f'{PICTURES}[data-point="0"]')).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.dataset.point")
    columns = int(focused) - 1
    assert columns > 1
    assert page.locator(f'{PICTURES}[tabindex="0"]').count() == 1  # sixteen pictures are one tab stop
    page.keyboard.press("Enter")
    expect(page.locator("#chosen-view .name")).to_have_text(f"seed {focused}")
    page.keyboard.press("k")
    expect(page.locator(f'#tray button.picture[data-point="{focused}"]')).to_be_visible()
    with page.expect_download() as download:
        page.keyboard.press("s")
    assert download.value.suggested_filename == f"seed-{focused}.png"

    expect(page.locator(f'{PICTURES}[data-point="{focused}"]')).to_be_focused()
    page.keyboard.press(" ")  # chooses the picture that has the focus
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#images .sheet') === null")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.locator("dialog.shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(PICTURES).nth(4).focus()
    page.evaluate("document.querySelector('#surprise').click()")  # as a shortcut does: the focus stays
    expect(page.locator(f'{PICTURES}[data-point="0"]')).to_have_count(0)
    page.wait_for_function("document.activeElement.matches('#images button.picture')")
    expect(page.locator("#announcer")).to_contain_text("16 images: seed")

    field_of(page, "seed").fill("seven")
    field_of(page, "seed").press("Enter")
    expect(field_of(page, "seed")).to_have_attribute("aria-invalid", "true")
    field_of(page, "seed").fill("7")
    expect(field_of(page, "seed")).not_to_have_attribute("aria-invalid", "true")
    for key in ("Tab", "Enter"):
        page.locator("#model input").focus()
        expect(page.get_by_role("option").first).to_be_visible()
        page.keyboard.press(key)
        expect(page.get_by_role("option")).to_have_count(0)
    expect(page.locator("#model input")).to_be_focused()


def test_after_everything_was_used_nothing_is_asked_for(visit: Visit) -> None:
    page = visit.page
    page.locator(PICTURES).nth(2).click()
    expect(page.locator("#chosen-view .name")).to_be_visible()
    for button in ("#vary", "#others", "#keep", "#send", "#surprise", "#generate"):
        page.locator(button).click()
        page.wait_for_timeout(200)
    for slider in ("strength", "number"):
        knob = page.locator(f"#{slider} input[type=range]")
        knob.focus()
        for _ in range(6):
            knob.press("ArrowLeft")
    page.locator("#sharp input").check()
    page.locator("#png-size input").last.check()
    for button in ("#save-png", "#save-sheet", "#save-zip"):
        with page.expect_download():
            page.locator(button).click()
    page.wait_for_timeout(1500)  # what was asked for is drawn
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    page.wait_for_timeout(10_000)
    assert asked == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Chromium, app: RunningApp, scheme: str) -> None:
    folder = os.environ.get("DCGAN_HUB_SCREENSHOTS")
    with visited(browser, app.url, DESK, scheme) as visit:
        page = visit.page
        await_sheet(page, 0)
        choose_and_keep(page, "5")
        for tab in ("Generate", "Interpolate", "Mix", "Directions", "Training runs", "About"):
            open_tab(page, tab)
            await_rest(page)
            if folder:
                page.screenshot(path=Path(folder) / f"axe-{tab.lower().replace(' ', '-')}-{scheme}.png")
            found = Axe().run(page).response["violations"]
            serious = {
                rule["id"]: [node["html"][:200] for node in rule["nodes"]]
                for rule in found
                if rule["impact"] in ("serious", "critical")
            }
            assert serious == {}, tab


def test_a_link_leads_to_the_walk_and_to_the_mix(visit: Visit, browser: Chromium, app: RunningApp) -> None:
    page = visit.page
    open_tab(page, "Interpolate")
    field_of(page, "keys").fill("5, 6")
    page.locator("#loop input").uncheck()
    walk = page.locator("#walk-link a")
    expect(walk).to_have_attribute("href", re.compile("tab=interpolate&keys=5,6&frames=96&speed=24.*loop=false"))
    page.wait_for_url("**keys=5,6**loop=false**")
    open_tab(page, "Mix")
    field_of(page, "corners").fill("5, 6, 7, 8")
    mix = page.locator("#mix-link a")
    expect(mix).to_have_attribute("href", re.compile("tab=mix&corners=5,6,7,8&a=1,2,3&b=4,5,6&c=7,8,9"))
    links = [walk.get_attribute("href"), mix.get_attribute("href")]
    with visited(browser, links[0], DESK) as guest:
        expect(guest.page.get_by_role("tab", name="Interpolate")).to_have_attribute("aria-selected", "true")
        expect(field_of(guest.page, "keys")).to_have_value("5, 6")
        expect(guest.page.locator("#loop input")).not_to_be_checked()
        expect(guest.page.locator("#walk .stops button")).to_have_count(2)
    with visited(browser, links[1], DESK) as guest:
        expect(field_of(guest.page, "corners")).to_have_value("5, 6, 7, 8")
        expect(guest.page.locator("#map .terrain")).to_be_visible()
    with visited(browser, f"{app.url}/?tab=interpolate&keys=1,2,x", DESK) as guest:  # which no longer fits
        expect(guest.page.locator(".toast-body")).to_contain_text("invalid")
        expect(field_of(guest.page, "keys")).to_have_value("1, 2, 3, 4")


def scroll_down(page: Page) -> None:
    """Turns the wheel over the pictures, as a visitor does."""
    page.mouse.move(300, 500)
    page.mouse.wheel(0, 5000)


def test_the_sheet_goes_on_and_is_saved_as_it_is_seen(visit: Visit) -> None:
    page, all_points = visit.page, lambda: points_of(page.locator(PICTURES))
    choose_and_keep(page, "3")  # with a tray, the region above it scrolls
    scroll_down(page)
    expect(page.locator(f"{PICTURES} img")).to_have_count(32)
    assert all_points() == [str(seed) for seed in range(32)]
    assert page.url == link_with(page, "count=16&")  # the link is to the beginning
    expect(page.locator("#surprise")).to_be_in_viewport()  # controls stay in reach
    with page.expect_download() as download:
        page.locator("#save-sheet").click()
    with Image.open(download.value.path()) as sheet:
        assert sheet.info["points"].split(",") == all_points()
    page.locator(f'{PICTURES}[data-point="31"]').focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"{PICTURES} img")).to_have_count(48)
    page.keyboard.press("ArrowRight")
    expect(page.locator(f'{PICTURES}[data-point="32"]')).to_be_focused()
    page.keyboard.press("Enter")
    assert "chosen=32" in link_with(page, "chosen=32")

    page.locator(".further button").click()
    expect(page.locator(f"{PICTURES} img")).to_have_count(64)
    draw(page, 300)  # a new sheet begins anew
    await_sheet(page, 300)
    field_of(page, "seed").fill("4294967280")  # the last seed but 15
    page.locator("#generate").click()
    await_sheet(page, 4294967280)
    page.locator(".further button").click()
    expect(page.locator(".further")).to_have_text("4294967295 is the last seed.")


def test_two_generators_are_seen_row_above_row(visit: Visit, browser: Chromium, app: RunningApp) -> None:
    page = visit.page
    page.locator("#other input").click()
    page.get_by_role("option", name="runs/tiny").click()
    expect(page.locator("#images .pair-names")).to_have_text("Above model/grey, below runs/tiny")
    expect(page.locator(f"{PICTURES} img")).to_have_count(32)
    above, below = (page.locator(f"{PICTURES}:nth-of-type(2) img").nth(index).bounding_box() for index in (0, 1))
    assert above["x"] == below["x"] and above["y"] + above["height"] <= below["y"]
    page.locator(f'{PICTURES}[data-point="1"]').click()
    expect(page.locator("#chosen-view figcaption")).to_have_text(["model/grey", "runs/tiny"])
    link = link_with(page, "other=runs/tiny&chosen=1")
    with visited(browser, link, PHONE) as guest:
        expect(guest.page.locator(f"{PICTURES} img")).to_have_count(32)
        expect(guest.page.locator("#other input")).to_have_value("runs/tiny")
        expect(guest.page.locator("#chosen-view figcaption")).to_have_count(2)
        guest.page.locator('#chosen-view [data-action="leave"]').click()
        expect(guest.page.locator("#chosen-view img")).to_have_count(0)
        guest.page.mouse.wheel(0, 5000)
        guest.page.wait_for_timeout(500)
        expect(guest.page.locator(f"{PICTURES} img")).to_have_count(32)  # above the controls it grows when asked to
        guest.page.locator(".further button").click()
        expect(guest.page.locator(f"{PICTURES} img")).to_have_count(64)
    page.locator("#model input").click()  # the second one becomes the first
    page.get_by_role("option", name="runs/tiny").click()
    expect(page.locator("#other input")).to_have_value("none")
    await_sheet(page, 0, 16)


def test_a_phone_on_its_side_shows_two_rows(browser: Chromium, app: RunningApp) -> None:
    with visited(browser, app.url, 844) as visit:
        page = visit.page
        page.set_viewport_size({"width": 844, "height": 390})
        await_sheet(page, 0)
        boxes = [page.locator(PICTURES).nth(index).bounding_box() for index in range(8)]
        tops = sorted({box["y"] for box in boxes})
        assert len(tops) == 2 and all(box["y"] + box["height"] <= 390 for box in boxes)
        tabs = page.locator("#tabs [role=tablist]").first.bounding_box()
        head = page.locator("#masthead").bounding_box()
        assert 0 <= tabs["y"] - head["y"] - head["height"] <= 12  # no gap between head and tabs
        open_tab(page, "Mix")
        picture = page.locator("#breeding .litter img[src]").first
        expect(picture).to_be_visible()
        assert picture.bounding_box()["width"] >= 96
        page.set_viewport_size({"width": PHONE, "height": 844})
        page.wait_for_function("document.querySelector('#breeding .litter button').getBoundingClientRect().width < 100")
        assert picture.bounding_box()["width"] >= 96
        expect(page.locator("#breeding .breed")).to_be_in_viewport(ratio=1)
