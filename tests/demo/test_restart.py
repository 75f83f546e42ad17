"""A link shows what it showed, to somebody else and after the app was started anew."""

from pathlib import Path
from urllib.parse import urlsplit

from .browser_page import chromium, expect, field_of, link_with, sources_of, visited
from .conftest import make_generator, make_run, running_app


def test_a_link_shows_the_same_pictures_after_a_restart(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "tiny", state="finished")
    make_generator(1).save_pretrained(run.generator)
    with chromium() as browser:
        with running_app(tmp_path) as app, visited(browser, app.url, 1440) as visit:
            page, captions = visit.page, visit.page.locator("#images .caption")
            expect(captions).to_have_count(16)
            page.locator("#model input").click()
            page.get_by_role("option", name="runs/tiny").click()
            expect(page.locator("#model-status .ready")).to_contain_text("16 × 16 pixels")
            field_of(page, "seed").fill("5, 42~7@0.3, 1.2-3.4+5.6, 4294967295")
            page.locator("#generate").click()
            expect(captions).to_have_text(["seed 5", "42~7@0.3", "1.2-3.4+5.6", "seed 4294967295"])
            shown = sources_of(page.locator("#images img"))
            link = urlsplit(link_with(page, "4294967295")).query
        assert "model=runs/tiny&revision=" in link
        with running_app(tmp_path) as app, visited(browser, f"{app.url}/?{link}", 1440) as visit:
            expect(visit.page.locator("#images .caption")).to_have_count(4)
            expect(visit.page.locator("#model input")).to_have_value("runs/tiny")
            assert sources_of(visit.page.locator("#images img")) == shown
            assert field_of(visit.page, "seed").input_value() == "5,42~7@0.3,1.2-3.4+5.6,4294967295"
            assert "Traceback" not in app.log_text()
