"""The page's first load: few round trips until the first pictures are there."""

import json
import re
import urllib.error
import urllib.request
from typing import Any

import pytest

from dcgan_hub.demo.gradio_patches import asset_hints
from dcgan_hub.demo.gradio_patches.asset_hints import first_assets

from .browser_page import WIDTHS, Chromium, expect, field_of, visited
from .conftest import RunningApp, read_config

HINT = re.compile(r'<link rel="(?:modulepreload|preload" as="style)" crossorigin href="\./assets/([\w.-]+)">')
THEME = re.compile(r'"theme_hash": ?"(\w+)"')
PICTURES = "#images button.picture"
# Scripts and styles that the page asked for so far.
ASKED = """() => performance.getEntriesByType("resource").map(({name}) => new URL(name).pathname)
    .filter(path => /^\\/assets\\/.*(js|css)$/.test(path)).map(path => path.split("/").pop())"""

# Clicks an image as soon as it is on the page.
CLICK_AT_ONCE = """new MutationObserver((_, observer) => {
    const picture = document.querySelector('#images button.picture[data-point="3"]');
    if (!picture) return;
    observer.disconnect();
    picture.click();
}).observe(document, {childList: true, subtree: true});"""


def fetch(url: str) -> tuple[str, Any]:
    """The content at an address, and the headers."""
    with urllib.request.urlopen(url) as answer:
        return answer.read().decode(), answer.headers


def test_the_page_is_sent_whole_and_its_scripts_and_styles_are_kept(app: RunningApp) -> None:
    content, headers = fetch(app.url)
    hinted = HINT.findall(content)
    assert int(headers["content-length"]) == len(content.encode())
    assert content.index("<head>") < content.index(hinted[0]) < content.index("window.gradio_config")
    assert f'href="./theme.css?v={THEME.search(content)[1]}"' in content
    for name in hinted:
        assert fetch(f"{app.url}/assets/{name}")[1]["cache-control"] == "public, max-age=31536000, immutable"
    assert fetch(f"{app.url}/config")[1]["cache-control"] is None
    with pytest.raises(urllib.error.HTTPError) as missing:
        fetch(f"{app.url}/assets/nothing.js")
    assert missing.value.headers["cache-control"] is None
    missing.value.close()


def test_scripts_that_are_not_as_expected_leave_the_page_as_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(asset_hints, "BUILD_PATH_LIB", str(tmp_path))
    assert first_assets(["textbox"]) == []


def test_everything_that_the_first_pictures_need_is_named_in_the_page(browser: Chromium, app: RunningApp) -> None:
    with urllib.request.urlopen(app.url) as answer:
        hinted = set(HINT.findall(answer.read().decode()))
    with visited(browser, app.url, WIDTHS["desk"]) as visit:
        expect(visit.page.locator(f"{PICTURES} img")).to_have_count(16)
        asked = set(visit.page.evaluate(ASKED))
    assert len(asked) > 30 and asked <= hinted, asked - hinted


def test_the_first_pictures_come_with_the_generator_and_are_not_asked_for(browser: Chromium, app: RunningApp) -> None:
    """Four round trips went by until the page asked for them."""
    config = read_config(app)
    (request,) = (each["id"] for each in config["components"] if each["props"].get("elem_id") == "sheet-request")
    (drawing,) = (each["id"] for each in config["dependencies"] if [request, "change"] in each["targets"])
    with visited(browser, app.url, WIDTHS["desk"]) as visit:  # if the app has just started, its generator is loaded now
        expect(visit.page.locator(f"{PICTURES} img")).to_have_count(16)
    asked: list[int] = []
    with visited(browser, "about:blank", WIDTHS["desk"]) as visit:
        page = visit.page
        page.on("request", lambda sent: asked.append(json.loads(sent.post_data or "{}").get("fn_index", -1)))
        visit.go(app.url)
        expect(page.locator(f"{PICTURES} img")).to_have_count(16)
        expect(page.locator("#model-status .ready")).to_be_visible()
        page.wait_for_timeout(1000)
        assert len([index for index in asked if index >= 0]) > 3 and drawing not in asked
        field_of(page, "seed").fill("40")
        page.locator("#generate").click()
        expect(page.locator(PICTURES).first).to_have_attribute("data-point", "40")
        assert drawing in asked


def test_a_seed_that_was_typed_before_the_first_pictures_came_is_drawn(browser: Chromium, app: RunningApp) -> None:
    with visited(browser, "about:blank", WIDTHS["desk"]) as visit:
        page = visit.page
        page.route("**/queue/data*", lambda route: (page.wait_for_timeout(1500), route.continue_()))
        visit.go(app.url)
        field_of(page, "seed").fill("77")
        expect(page.locator(PICTURES).first).to_have_attribute("data-point", "77")
        expect(page.locator(f"{PICTURES} img")).to_have_count(16)
        page.unroute_all(behavior="wait")


def test_a_click_on_an_image_as_soon_as_it_is_there_selects_it(browser: Chromium, app: RunningApp) -> None:
    """While the generator is still being taken over, what follows from that must not undo the choice."""
    with visited(browser, app.url, WIDTHS["desk"]) as visit:  # if the app has just started, its generator is loaded now
        expect(visit.page.locator(f"{PICTURES} img")).to_have_count(16)
    with visited(browser, "about:blank", WIDTHS["desk"]) as visit:
        page = visit.page
        page.add_init_script(CLICK_AT_ONCE)
        visit.go(app.url)
        expect(page.locator("#chosen-view .name")).to_have_text("seed 3")
        expect(page.locator("#model-status .ready")).to_be_visible()
        page.wait_for_timeout(1000)
        expect(page.locator("#chosen-view .name")).to_have_text("seed 3")
        expect(page.locator("#keep")).to_be_enabled()
