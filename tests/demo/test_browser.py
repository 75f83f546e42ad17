"""The page in a real browser, at the width of a desk and of a pocket."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .conftest import RunningApp

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "this test needs Chromium in the PATH, e.g. by `apt-get install chromium`"
OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WAIT_MILLISECONDS = 30_000  # the first sheet waits for Keras


@dataclass
class Visit:
    """An open page, what it complained of, and where it asked for something."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        assert not os.environ.get("DCGAN_HUB_REQUIRE_BROWSER"), NO_CHROMIUM
        pytest.skip(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(params=[1440, 390], ids=["desk", "pocket"])
def visit(request: pytest.FixtureRequest, browser: Browser, app: RunningApp) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    page.set_default_timeout(WAIT_MILLISECONDS)
    visit = Visit(page)
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("console", lambda line: visit.complaints.append(line.text) if line.type == "error" else None)
    page.on("request", lambda asked: visit.hosts.add(urlsplit(asked.url).hostname or ""))
    page.goto(app.url)
    yield visit
    page.close()


def test_a_visitor_sees_images_at_once_and_draws_others(visit: Visit, tmp_path: Path) -> None:
    page = visit.page
    images = page.locator("#images img")
    expect(images).to_have_count(16, timeout=WAIT_MILLISECONDS)
    expect(page.locator("#images")).to_contain_text("seed 15")

    page.locator("#seed input").fill("40")
    page.locator("#generate").click()
    expect(page.locator("#images")).to_contain_text("seed 55")

    page.wait_for_function("[...document.querySelectorAll('#images img')].slice(0, 4).every(i => i.complete)")
    natural, shown, rendering = images.first.evaluate(
        "image => [image.naturalWidth, image.clientWidth, getComputedStyle(image).imageRendering]"
    )
    assert natural == 16 < shown
    assert rendering == "pixelated"

    page.screenshot(path=tmp_path / "page.png", full_page=True)
    box = images.first.bounding_box()
    with Image.open(tmp_path / "page.png") as screenshot:
        corner = (box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"])
        seen = np.asarray(screenshot.convert("RGB").crop(tuple(map(round, corner))))
    assert len(np.unique(seen.reshape(-1, 3), axis=0)) > 8  # the image is really painted

    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width == 0, "the page must not scroll sideways"
    assert visit.complaints == []
    assert visit.hosts <= {"127.0.0.1", ""}


def test_a_random_seed_is_drawn(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#images")).to_contain_text("seed 0", timeout=WAIT_MILLISECONDS)
    page.locator("#random-seed").click()
    expect(page.locator("#images")).not_to_contain_text("seed 0", timeout=WAIT_MILLISECONDS)
    seed = int(page.locator("#seed input").input_value())
    expect(page.locator("#images")).to_contain_text(f"seed {seed}")


def test_a_mistake_is_a_message_on_the_page(visit: Visit) -> None:
    page = visit.page
    expect(page.locator("#images")).to_contain_text("seed 0", timeout=WAIT_MILLISECONDS)
    page.locator("#seed input").fill("-3")
    page.locator("#generate").click()
    expect(page.get_by_text("must be a whole number from 0 to 4294967295. Received: -3")).to_be_visible()


def test_a_walk_plays(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Interpolate").click()
    page.locator("#interpolate").click()
    video = page.locator("#walk video")
    video.wait_for()
    page.wait_for_function("document.querySelector('#walk video').readyState >= 2")
    assert video.evaluate("video => video.videoWidth") == 512


def test_a_run_is_watched_sheet_by_sheet_and_its_texts_stay_texts(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("tab", name="Training runs").click()
    expect(page.locator("#sample-caption")).to_contain_text("Step 1,000")
    page.locator("#sample-position input[type=range]").press("ArrowLeft")
    expect(page.locator("#sample-caption")).to_contain_text("Step 500")

    page.locator("#run input").click()
    page.get_by_role("option", name="learning").click()
    expect(page.locator("#run-state")).to_contain_text("<script>document.title")
    assert page.title() == "dcgan_hub"
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#facts")).to_contain_text("16 × 16 pixels")
    assert visit.complaints == []
