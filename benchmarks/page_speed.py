"""How soon images are there, in headless Chromium: of a page from the disk, or of the app over a slow line.

usage: python benchmarks/page_speed.py [--page docs/avatars.html] [--rounds 5]
       python benchmarks/page_speed.py --app [--megabits 1.6] [--latency 150] [--rounds 5]

Each round is a new browser context, without any cache. Of a page: the seconds from the start of the navigation to the
first image, and from a press of R to the last of 16 others. Of the app, which this starts with the embedded generator
and lets draw once: the seconds to the last of the first 16 images, and the requests and bytes until then. Prints
medians. Ends with status 1 if a page takes longer than 1 s for either, or the app longer than 5 s.
"""

import argparse
import contextlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
MAX_PAGE_SECONDS, MAX_APP_SECONDS = 1.0, 5.0
IMAGES = 16
WAIT_SECONDS = 120
# Run before the page's own scripts: when images appeared, in milliseconds since the start of the navigation. Those of
# the app are there when the browser has decoded them.
NOTE_IMAGES = """() => {
    window.drawn = [];
    const seen = new WeakSet();
    const look = () => {
        for (const node of document.querySelectorAll("#sheet [data-drawn], #images button.picture img")) {
            if (seen.has(node) || node.tagName === "IMG" && !(node.complete && node.naturalWidth > 1)) continue;
            seen.add(node);
            window.drawn.push(performance.now());
        }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""


def await_images(page: Page, count: int) -> list[float]:
    """Waits until `count` images were drawn since the page was opened; returns when each was there, in seconds."""
    page.wait_for_function("count => window.drawn.length >= count", arg=count, timeout=WAIT_SECONDS * 1000)
    return [milliseconds / 1000 for milliseconds in page.evaluate("window.drawn")]


def new_page(browser: Browser) -> Page:
    """A page of a browser context of its own."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.add_init_script(f"({NOTE_IMAGES})()")
    return page


def measure_page(browser: Browser, file: Path) -> dict[str, float]:
    """One opening of a page from the disk, and one other sheet."""
    page = new_page(browser)
    page.goto(file.resolve().as_uri())
    first = await_images(page, IMAGES)[0]
    started = page.evaluate("performance.now()") / 1000
    page.keyboard.press("r")
    others = await_images(page, 2 * IMAGES)[-1] - started
    page.context.close()
    return {"first image": first, "16 others": others}


def measure_app(browser: Browser, url: str, options: argparse.Namespace) -> dict[str, float]:
    """One visit over a slow line."""
    page, received = new_page(browser), {"requests": 0, "kilobytes": 0.0}
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    line = {"offline": False, "latency": options.latency, "uploadThroughput": options.megabits * 125_000}
    client.send("Network.emulateNetworkConditions", line | {"downloadThroughput": options.megabits * 125_000})

    def count(event: dict[str, Any]) -> None:
        received["requests"] += 1
        received["kilobytes"] += event["encodedDataLength"] / 1000

    client.on("Network.loadingFinished", count)
    page.goto(url, wait_until="commit")
    seconds = await_images(page, IMAGES)[IMAGES - 1]
    page.context.close()
    return {"first 16 images": seconds, **received}


@contextlib.contextmanager
def running_app() -> Iterator[str]:
    """The address of an app that has drawn once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
        [sys.executable, ROOT / "app.py", "--port", str(port)], cwd=folder, stdout=subprocess.DEVNULL
    ) as process:  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(10 * WAIT_SECONDS):
                with contextlib.suppress(urllib.error.URLError, OSError):
                    urllib.request.urlopen(f"{url}/config", timeout=5).close()
                    break
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "avatars.html")
    parser.add_argument("--app", action="store_true")
    parser.add_argument("--megabits", type=float, default=1.6, help="a second, up and down")
    parser.add_argument("--latency", type=float, default=150.0, help="milliseconds of each request")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright, contextlib.ExitStack() as stack:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        if options.app:
            url, most = stack.enter_context(running_app()), MAX_APP_SECONDS
            await_images_of_first_visit(browser, url)
            rounds = [measure_app(browser, url, options) for _ in range(options.rounds)]
        else:
            most = MAX_PAGE_SECONDS
            rounds = [measure_page(browser, options.page) for _ in range(options.rounds)]
        browser.close()
    is_slow = False
    for name in rounds[0]:
        values = [measured[name] for measured in rounds]
        is_seconds = name not in ("requests", "kilobytes")
        is_slow |= is_seconds and statistics.median(values) > most
        unit = f" s (bar {most:g} s)" if is_seconds else ""
        print(f"{name:<16} {statistics.median(values):8.2f}{unit}  of {' '.join(f'{value:.2f}' for value in values)}")
    sys.exit(is_slow)


def await_images_of_first_visit(browser: Browser, url: str) -> None:
    """Has the app load its generator and compile it."""
    page = new_page(browser)
    page.goto(url)
    await_images(page, IMAGES)
    page.context.close()


if __name__ == "__main__":
    main()
