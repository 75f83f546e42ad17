"""How soon the images of a page from the disk are there, in headless Chromium.

usage: python benchmarks/page_speed.py [--page docs/avatars.html] [--rounds 5]

Each round is a new browser context, without any cache. Prints medians: the seconds from the start of the navigation to
the first image, and from a press of R to the last of 16 others. Ends with status 1 if either takes longer than 1 s. For
the app see first_load.py.
"""

import argparse
import shutil
import statistics
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
MAX_SECONDS = 1.0
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "avatars.html")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        rounds = [measure_page(browser, options.page) for _ in range(options.rounds)]
        browser.close()
    is_slow = False
    for name in rounds[0]:
        values = [measured[name] for measured in rounds]
        is_slow |= statistics.median(values) > MAX_SECONDS
        each = " ".join(f"{value:.2f}" for value in values)
        print(f"{name:<16} {statistics.median(values):8.2f} s (bar {MAX_SECONDS:g} s)  of {each}")
    sys.exit(is_slow)


if __name__ == "__main__":
    main()
