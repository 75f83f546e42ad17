"""The choice of a class in a real browser: on three screens, by pointer and by keys alone, and with many classes."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.networks.classes import draw_classes

from .browser_page import (
    WIDTHS,
    Chromium,
    Visit,
    await_rest,
    expect,
    field_of,
    link_with,
    open_tab,
    points_of,
    sources_of,
    visited,
)
from .conftest import HOSTILE, RunningApp, make_generator, running_app

NAMES = ["T-shirt", HOSTILE, "coat, long"]
MANY = [f"kind {number:03}" for number in range(1000)]
PICTURES, OPTIONS = "#images button.picture", "#classes [role=option]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wardrobe")
    make_generator(1, class_names=NAMES).save_pretrained(folder / "clothes")
    make_generator(2, channels=1, class_names=MANY).save_pretrained(folder / "many")
    make_generator(3).save_pretrained(folder / "plain")
    return folder


@pytest.fixture(scope="module")
def clothes(folder: Path) -> Generator:
    return Generator.from_pretrained(folder / "clothes")


@pytest.fixture(scope="module")
def app(folder: Path) -> Iterator[RunningApp]:
    models = [word for name in ("clothes", "many", "plain") for word in ("--model", str(folder / name))]
    with running_app(folder, *models) as running:
        yield running


def option(page: Page, name: str):
    return page.locator(OPTIONS).filter(has=page.locator(".label", has_text=re.compile(f"^{re.escape(name)}$")))


def await_points(page: Page, first: str, number: int = 16) -> None:
    expect(page.locator(f'{PICTURES}[data-point="{first}"] img')).to_be_attached()
    expect(page.locator(f"{PICTURES} img")).to_have_count(number)


def shown_images(page: Page) -> np.ndarray:
    """uint8 (N, H, W, 3)."""
    contents = (base64.b64decode(address.partition(",")[2]) for address in sources_of(page.locator(f"{PICTURES} img")))
    return np.stack([np.asarray(Image.open(io.BytesIO(content))) for content in contents])


def assert_accessible(page: Page) -> None:
    await_rest(page)
    found = Axe().run(page, context="#page-generate").response["violations"]
    assert {rule["id"]: [node["html"][:200] for node in rule["nodes"]] for rule in found} == {}


@pytest.mark.parametrize("visit", ["desk", "tablet", "pocket"], indirect=True)
def test_a_class_is_chosen_kept_linked_and_walked_to(visit: Visit, clothes: Generator) -> None:
    page = visit.page
    np.testing.assert_array_equal(shown_images(page), clothes.generate(range(16)))
    drawn = [NAMES[number] for number in draw_classes(range(16), 3)]
    captions = page.locator(f"{PICTURES} .caption").all_inner_texts()
    assert captions == [f"seed {seed} · {name}" for seed, name in enumerate(drawn)]
    expect(page.locator(OPTIONS)).to_have_count(4)
    option(page, "coat, long").click()
    await_points(page, "0c2")
    np.testing.assert_array_equal(shown_images(page), clothes.generate(range(16), classes="coat, long"))
    assert page.locator(f"{PICTURES} .caption").first.inner_text() == "seed 0"  # all are of one class
    expect(page.locator("#classes .small[data-drawn]")).to_have_count(3)
    link = link_with(page, "class=coat,+long")
    page.locator(PICTURES).nth(3).click()
    expect(page.locator("#chosen-view .name")).to_have_text("seed 3 · coat, long")
    page.locator("#keep").click()
    expect(page.locator('#tray button.picture[data-point="3c2"]')).to_be_visible()
    page.locator("#vary").click()
    await_points(page, "3c2~4@0.3")
    assert all(text.startswith("3c2~") for text in points_of(page.locator(PICTURES))[1:])
    if page.viewport_size["width"] == WIDTHS["pocket"]:
        page.locator('#chosen-view [data-action="leave"]').click()

    page.locator("#classes .by-class").click()
    await_points(page, "0c0", 18)
    expect(page.locator("#images .row-name")).to_have_text(NAMES)
    columns = page.locator("#images .by-class").evaluate("sheet => getComputedStyle(sheet).gridTemplateColumns")
    assert len(columns.split()) == 6
    rows = [[seed, name] for name in NAMES for seed in range(6)]
    expected = np.concatenate([clothes.generate([seed], classes=name) for seed, name in rows])
    np.testing.assert_array_equal(shown_images(page), expected)
    link_with(page, "seed=0-5c0,0-5c1,0-5c2&")
    assert_accessible(page)

    visit.go(link)
    await_points(page, "0c2")
    expect(option(page, "coat, long")).to_have_attribute("aria-selected", "true")
    open_tab(page, "Interpolate")
    field_of(page, "keys").fill("1c0, 1c2")
    view = page.locator("#walk .stage canvas")
    expect(view).to_have_attribute("data-point", re.compile(r"^1c0(~1c2@[0-9.]+)?$|^1c2(~1c0@[0-9.]+)?$"))
    assert page.locator("#classes b, #images script").count() == 0 and page.title() == "dcgan_hub"


def test_a_link_to_a_class_that_is_gone_shows_the_others(browser: Chromium, app: RunningApp) -> None:
    with visited(browser, f"{app.url}/?model=model/clothes&seed=5&class=coats", WIDTHS["desk"]) as visit:
        page = visit.page  # the message first: it does not stay
        expect(page.locator(".toast-body")).to_contain_text("Received: 'coats'. Did you mean 'coat, long'?")
        await_points(page, "5")
        expect(option(page, "any")).to_have_attribute("aria-selected", "true")
        assert "class=" not in link_with(page, "seed=5")
    with visited(browser, f"{app.url}/?model=model/plain&seed=5&class=coat", WIDTHS["desk"]) as visit:
        expect(visit.page.locator(".toast-body")).to_contain_text("for generators with classes")
        await_points(visit.page, "5")
        expect(visit.page.locator("#classes")).not_to_be_visible()


def test_with_another_generator_the_class_of_its_name_stays_or_none(visit: Visit) -> None:
    page = visit.page
    option(page, "T-shirt").click()
    await_points(page, "0c0")
    page.locator(PICTURES).first.click()
    for name, first, listed in (("model/plain", "0", 0), ("model/clothes", "0", 4)):
        page.locator("#model input").click()
        page.get_by_role("option", name=name).click()
        await_points(page, first)
        expect(page.locator(OPTIONS)).to_have_count(listed)
    expect(option(page, "any")).to_have_attribute("aria-selected", "true")


def test_with_a_thousand_classes_one_is_found_by_keys_alone(visit: Visit, folder: Path) -> None:
    page, many = visit.page, Generator.from_pretrained(folder / "many")
    visit.go(f"{page.url.split('?')[0]}?model=model/many&seed=0&count=16")
    await_points(page, "0")
    expect(page.locator(OPTIONS)).to_have_count(1001)
    expect(page.locator(".classes .small[data-drawn]").first).to_be_attached()
    assert page.locator(".classes .small[data-drawn]").count() <= 64  # only those that are seen
    assert page.locator(f"{OPTIONS}[tabindex='0']").count() == 1
    page.locator("#generate").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "filter"
    page.keyboard.type("kind 73")
    expect(page.locator(f"{OPTIONS}:not([hidden])")).to_have_count(10)
    expect(page.locator("#classes .found")).to_have_text("10 of 1000")
    page.keyboard.press("ArrowDown")
    for key in ("ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    await_points(page, "0c733")
    assert page.evaluate("document.activeElement.dataset.name") == "kind 733"
    np.testing.assert_array_equal(shown_images(page), many.generate(range(16), classes="kind 733")[..., 0])
    page.keyboard.press("Tab")
    expect(page.locator("#classes .by-class")).to_be_focused()
    expect(page.locator("#classes .by-class")).to_have_text("A row for each of these")
    page.keyboard.press("Enter")
    await_points(page, "0c730", 60)
    page.locator("#classes .filter").fill("nothing of the kind")
    expect(page.locator("#classes .found")).to_have_text("No class is called nothing of the kind.")
    expect(page.locator("#classes .by-class")).to_be_disabled()
    page.locator("#classes .filter").fill("")
    expect(page.locator("#classes .by-class")).to_have_text("A row for each of the first 32")
    page.locator("#classes .by-class").click()
    await_points(page, "0c0", 64)
    assert_accessible(page)
