"""A seamless generator in a real browser: its images can be seen as tiles beside themselves."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from varied_networks import lively_generator

from .browser_page import WIDTHS, Chromium, expect, visited
from .conftest import make_generator, running_app


def test_a_tile_is_shown_repeated_and_stays_so_until_it_is_not(browser: Chromium, tmp_path: Path) -> None:
    lively_generator(image_size=(16, 16), seamless=True).save_pretrained(tmp_path / "tiles")
    make_generator(1).save_pretrained(tmp_path / "plain")
    models = ["--model", str(tmp_path / "tiles"), "--model", str(tmp_path / "plain")]
    with running_app(tmp_path, *models) as app, visited(browser, app.url, WIDTHS["desk"]) as visit:
        page = visit.page
        pictures, large = page.locator("#images button.picture"), page.locator("#chosen-view img")
        repeat = page.locator('#chosen-view [data-action="repeat"]')

        def seen() -> np.ndarray:
            with Image.open(io.BytesIO(large.screenshot())) as screenshot:
                return np.asarray(screenshot.convert("RGB")).astype(int)

        page.locator("#sharp input").check()
        pictures.first.click()
        expect(repeat).to_have_attribute("aria-pressed", "false")
        once = seen()
        repeat.focus()
        page.keyboard.press("Enter")
        expect(repeat).to_have_attribute("aria-pressed", "true")
        tiles, third = seen(), once.shape[1] // 3
        inside = tiles[12:-12, 12 : third - 12], tiles[12:-12, 12 + third : 2 * third - 12]  # round corners, rounding
        assert np.abs(inside[0] - inside[1]).mean() < 8 < np.abs(once - tiles).mean()
        pictures.nth(1).click()
        expect(page.locator("#chosen-view .name")).to_have_text("seed 1")
        expect(repeat).to_have_attribute("aria-pressed", "true")
        assert large.evaluate("image => image.style.background.includes(image.src)")
        repeat.click()
        assert large.evaluate("image => image.style.background") == ""

        visit.go(f"{app.url}/?model=model/plain")
        pictures.first.click()
        expect(page.locator("#chosen-view .name")).to_be_visible()
        expect(repeat).to_have_count(0)
