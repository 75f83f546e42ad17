"""How soon the app's first images are there in headless Chromium, over a slow line and without one.

usage: python benchmarks/first_load.py [--megabits 1.6] [--latency 150] [--rounds 3]

Starts the app with the embedded generator and lets it draw once. Each round is a new browser context, without any
cache. Prints medians: the seconds from the start of the navigation until 16 images are visible, and the requests to the
server and kilobytes until then. Ends with status 1 if it takes more than 5 s over the slow line.
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

from page_speed import IMAGES, WAIT_SECONDS, await_images, new_page
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
MAX_SECONDS = 5.0
BYTES_OF_A_MEGABIT = 125_000


def measure(browser: Browser, url: str, line: dict[str, Any] | None = None) -> dict[str, float]:
    """One visit, over a line with these conditions of the Chrome DevTools Protocol."""
    page, counted = new_page(browser), {"requests": 0.0, "kilobytes": 0.0}
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    if line:
        client.send("Network.emulateNetworkConditions", line)
    asked: set[str] = set()

    def ask(event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):  # else it is an address that holds its own content
            asked.add(event["requestId"])
            counted["requests"] += 1

    def receive(event: dict[str, Any], part: str) -> None:
        if event["requestId"] in asked:
            counted["kilobytes"] += event.get(part, event).get("encodedDataLength", 0) / 1000

    client.on("Network.requestWillBeSent", ask)
    client.on("Network.responseReceived", lambda event: receive(event, "response"))  # its head
    client.on("Network.dataReceived", lambda event: receive(event, "data"))  # of streams that go on, too
    page.goto(url, wait_until="commit")
    seconds = await_images(page, IMAGES)[IMAGES - 1]
    page.context.close()
    return {"seconds": seconds, **counted}


@contextlib.contextmanager
def running_app() -> Iterator[str]:
    """The address of an app."""
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
    parser.add_argument("--megabits", type=float, default=1.6, help="a second, up and down")
    parser.add_argument("--latency", type=float, default=150.0, help="milliseconds of each request")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    speed = options.megabits * BYTES_OF_A_MEGABIT
    slow = {"offline": False, "latency": options.latency, "uploadThroughput": speed, "downloadThroughput": speed}
    lines = {f"{options.megabits:g} Mbit/s, {options.latency:g} ms": slow, "without emulation": None}
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    medians = {}
    with sync_playwright() as playwright, running_app() as url:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        measure(browser, url)  # has the app load its generator and compile it
        for name, line in lines.items():
            rounds = [measure(browser, url, line) for _ in range(options.rounds)]
            medians[name] = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
            each = " ".join(f"{one['seconds']:.2f}" for one in rounds)
            print("{:<20} {seconds:6.2f} s  of {}".format(name, each, **medians[name]), end="")
            print("  {requests:.0f} requests, {kilobytes:.0f} kB".format(**medians[name]))
        browser.close()
    sys.exit(medians[next(iter(lines))]["seconds"] > MAX_SECONDS)


if __name__ == "__main__":
    main()
