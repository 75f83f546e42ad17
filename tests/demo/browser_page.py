"""A page in Chromium that remembers what went wrong on it, and how tests find their way on it."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Expect, Locator, Page, Request, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_CHROMIUM = "this test needs Chromium in the PATH, e.g. by `apt-get install chromium`"
OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
WIDTHS = {"desk": 1440, "tablet": 1024, "pocket": 390}  # of windows, in pixels
WAIT_MILLISECONDS = 90_000  # the first sheet waits for Keras, on a machine that does other things too
HERE = ("127.0.0.1", None, "")  # None and nothing: of data: and blob: addresses
STREAMS = ("/gradio_api/queue/data", "/gradio_api/heartbeat/")
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Gradio measures copies of the tabs that nobody sees. Those for which the row is too narrow go into the menu.
TABS_ARE_PLACED = """() => {
    const row = document.querySelector("#tabs [role=tablist]");
    const copies = [...document.querySelectorAll("#tabs > .tab-wrapper > .visually-hidden > button")];
    const menu = document.querySelector("#tabs .overflow-menu");
    if (!row || !menu || !copies.length || !row.children.length) return false;
    const wanted = copies.reduce((sum, copy) => sum + copy.getBoundingClientRect().width, 0);
    const isWide = wanted > row.parentElement.clientWidth;
    const listed = menu.querySelectorAll(".overflow-dropdown > button").length;
    const hasMenu = menu.querySelector("button").checkVisibility();
    const right = row.lastElementChild.getBoundingClientRect().right;
    return isWide === hasMenu && row.querySelectorAll("[role=tab]").length + listed === copies.length
        && right <= row.parentElement.getBoundingClientRect().right;
}"""
expect = Expect()  # of our own, because Playwright's serves all tests there are
expect.set_options(timeout=WAIT_MILLISECONDS)


@dataclass
class Visit:
    """An open page and what it complained of: errors in scripts, failed requests, requests to elsewhere."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    _asked: list[Request] = field(default_factory=list)
    _left_behind: list[Request] = field(default_factory=list)
    _listeners: dict[str, Callable[[Any], object]] = field(default_factory=dict)

    def watch(self) -> None:
        """Starts to listen."""
        complaints = self.complaints
        self._listeners = {
            "pageerror": lambda error: complaints.append(str(error)),
            "console": lambda line: complaints.append(line.text) if line.type == "error" else None,
            "request": self._check_host,
            "requestfailed": self._check_failure,
            "response": lambda answer: complaints.append(answer.url) if answer.status >= 400 else None,
        }
        for event, listener in self._listeners.items():
            self.page.on(event, listener)

    def end(self) -> None:
        """Listens no longer, leaves the page, and takes back what it stored: the next one was never there."""
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        parts = urlsplit(self.page.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        self.page.goto("about:blank")  # whose scripts store nothing, unlike those of a page that is being left
        self.page.goto(f"{origin}/nothing", wait_until="commit")  # of the same origin, without scripts
        client = self.page.context.new_cdp_session(self.page)
        client.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        client.detach()
        self.page.context.clear_cookies()
        stored = self.page.evaluate(
            "() => (localStorage.clear(), sessionStorage.clear(),"
            " [localStorage.length, sessionStorage.length, document.cookie])"
        )
        assert stored == [0, 0, ""], stored
        self.page.mouse.move(0, 0)

    def go(self, url: str) -> None:
        """Leaves the page for another, or for itself anew.

        What the page that is left did not receive, and what its scripts say of that, are no complaints: Gradio's
        client waits for the server's stream of events at all times, and reports its end as an error. Two seconds
        after that it loads its page anew, so a page that is still there while a busy server thinks about the next
        one would take its place. An empty page is there at once.
        """
        self.check()
        self._left_behind = list(self._asked)
        self.page.goto("about:blank")
        self.complaints.clear()
        self.page.goto(url, wait_until="commit")
        self.page.wait_for_load_state()

    def check(self) -> None:
        """Asserts that nothing went wrong, and that nothing is wider than the window."""
        width = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert self.complaints == [], self.complaints  # this is no test module, so pytest would not show them
        assert width == 0, "the page must not scroll sideways"

    def _check_host(self, request: Request) -> None:
        self._asked.append(request)
        if urlsplit(request.url).hostname not in HERE:
            self.complaints.append(f"left the machine: {request.url}")

    def _check_failure(self, request: Request) -> None:
        # Gradio's client ends its streams itself when it waits for nothing more.
        ended = any(stream in request.url for stream in STREAMS)
        # A video's first request is given up when its size is known, and parts of it are asked for.
        probed = request.resource_type == "media"
        given_up = ended or probed or request in self._left_behind
        if not (given_up and request.failure == "net::ERR_ABORTED"):
            self.complaints.append(f"failed: {request.url} ({request.failure})")


@dataclass
class Chromium:
    """A running browser, and its pages at rest, which visits take before new ones are opened.

    Such a page has the app's scripts in its caches and compiled, so it is there in half the time.
    """

    browser: Browser
    at_rest: list[Page] = field(default_factory=list)

    def take_page(self) -> Page:
        """A page that nobody uses, with storage of its own."""
        if self.at_rest:
            return self.at_rest.pop()
        context = self.browser.new_context()
        context.set_default_timeout(WAIT_MILLISECONDS)
        return context.new_page()


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Starts Chromium; without one the test is skipped, or fails where DCGAN_HUB_REQUIRE_BROWSER is set."""
    if CHROMIUM is None:
        assert not os.environ.get("DCGAN_HUB_REQUIRE_BROWSER"), NO_CHROMIUM
        pytest.skip(NO_CHROMIUM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield Chromium(browser)
        browser.close()


@contextmanager
def visited(browser: Chromium, url: str, width: int, scheme: str = "light") -> Iterator[Visit]:
    """Opens a page as somebody who was never there, and at the end asserts that nothing went wrong on it.

    Args:
        browser: Chromium.
        url: address of the page.
        width: of the window in pixels.
        scheme: what the system prefers: light or dark.
    """
    page = browser.take_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    visit = Visit(page)
    visit.watch()
    try:
        page.goto(url)
        yield visit
        visit.check()
        visit.end()
    except BaseException:
        page.context.close()  # nobody knows what is left on it
        raise
    browser.at_rest.append(page)


def link_with(page: Page, part: str) -> str:
    """The link to what is shown, once it names `part`: it is written a moment after the pictures."""
    anchor = page.locator("#link a")
    expect(anchor).to_have_attribute("href", re.compile(re.escape(part)))
    return anchor.get_attribute("href")


def await_tabs(page: Page) -> None:
    """Waits until Gradio has measured the tabs, and all of them are on the page: in their row or in the menu."""
    page.evaluate(TWO_FRAMES)  # it measures in the next one
    page.wait_for_function(TABS_ARE_PLACED)


def open_tab(page: Page, name: str) -> None:
    """Opens a tab; on a narrow page Gradio puts the last ones into a menu."""
    tab = page.get_by_role("tab", name=name)
    await_tabs(page)
    if tab.is_visible():
        tab.click()
    else:
        page.locator("#tabs .overflow-menu > button").click()
        page.locator("#tabs .overflow-dropdown").get_by_text(name).click()


AT_REST = """() => {
    const moves = document.getAnimations().some(each => each.playState === 'running');
    const waits = [...document.querySelectorAll('.pending, .generating')].some(each => each.checkVisibility());
    if (moves || waits) window.restsSince = null;
    else window.restsSince ??= performance.now();
    return window.restsSince !== null && performance.now() - window.restsSince > 1000;
}"""


def await_rest(page: Page) -> None:
    """Waits until for a second nothing has moved or waited for an answer: both dim text, which then lacks contrast."""
    page.evaluate("window.restsSince = null")
    page.wait_for_function(AT_REST)


def field_of(page: Page, elem_id: str) -> Locator:
    """Where one types in a text field."""
    return page.locator(f"#{elem_id} input, #{elem_id} textarea").first


def points_of(pictures: Locator) -> list[str]:
    """What pictures show: their points as texts."""
    return pictures.evaluate_all("pictures => pictures.map(picture => picture.dataset.point)")


def sources_of(images: Locator) -> list[str]:
    """The content of images, as `data:` addresses."""
    return images.evaluate_all("images => images.map(image => image.src)")
