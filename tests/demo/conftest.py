"""A running app over a tiny generator and a few runs, as a visitor meets it."""

import asyncio
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from preloaded import Program

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.images.grids import make_sheet, save_png
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.presets import make_settings
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.settings import NetworkSettings

from .browser_page import WIDTHS, Chromium, Visit, chromium, expect, visited

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 60
LIMITED = """\
import resource, runpy
resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))
runpy.run_path({path!r}, run_name="__main__")
"""
HOSTILE = "<script>document.title = 'owned'</script><img src=x onerror=alert(1)>"


@dataclass
class RunningApp:
    """Where the app listens, and what it has written to its log so far."""

    url: str
    log: Path
    pid: int = 0

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


@contextmanager
def running_app(
    folder: Path, *arguments: str, env: Mapping[str, str] | None = None, files: int | None = None
) -> Iterator[RunningApp]:
    """Starts `app.py` in `folder`, waits until it answers, and ends it.

    `env` is its whole environment, and `files` how many files it may open.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = ["-c", LIMITED.format(files=files, path=str(ROOT / "app.py"))] if files else [ROOT / "app.py"]
    app = RunningApp(f"http://127.0.0.1:{port}", folder / f"app-{port}.log")
    process = Program(*program, "--port", port, *arguments, cwd=folder, env=env, output=app.log)
    app.pid = process.pid
    try:
        _wait_until_up(app, process)
        yield app
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_up(app: RunningApp, process: Program) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the app ended:\n{app.log_text()}"
        try:
            urllib.request.urlopen(f"{app.url}/config", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"the app did not answer within {START_SECONDS} s:\n{app.log_text()}")


def lay_out(add: Callable[..., Any], *arguments: Any) -> Any:
    """What `add` lays out; in an event loop, because outside of one Gradio makes some that it never closes."""

    async def build() -> Any:
        with gr.Blocks():
            return add(*arguments)

    return asyncio.run(build())


def make_generator(seed: int, channels: int = 3, class_names: Sequence[str] = ()) -> Generator:
    """An untrained generator whose images differ visibly from seed to seed, and from class to class."""
    classes = len(class_names)
    settings = NetworkSettings(image_size=(16, 16), channels=channels, latent_dim=4, filters=2, classes=classes)
    network = build_generator(settings)
    random = np.random.RandomState(seed)
    for weight in network.trainable_weights:
        weight.assign(random.normal(0.0, 0.5, weight.shape))
    return Generator(settings, network, class_names=class_names)


def make_run(path: Path, **record: object) -> RunDirectory:
    """A run directory with three sample sheets and two reports, the second of which is still being written."""
    run = RunDirectory(path)
    run.path.mkdir(parents=True)
    run.write_record(
        {"settings": make_settings("avatars-32", {}).to_dict(), "state": "running", "reason": "", **record}
    )
    for step in (0, 500, 1000):
        images = np.full((4, 16, 16, 3), step // 8, np.uint8)
        images[0, :4, :4] = (255, 0, 0)
        save_png(make_sheet(images, scale=1), run.sample_file(step))
    run.append_metrics({"step": 500, "g_loss": 0.75})
    with run.metrics_file.open("a") as file:
        file.write('{"step": 1000, "g_lo')
    return run


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs, with one beside it that nobody may see."""
    folder = tmp_path_factory.mktemp("work") / "runs"
    make_run(folder.parent / "secret")
    make_run(folder / "learning", reason=HOSTILE)
    tiny = make_run(folder / "tiny", state="finished")
    save_png(np.full((40, 60, 3), 200, np.uint8), tiny.plots / "losses.png")
    make_generator(1).save_pretrained(tiny.generator)
    (folder / "linked").symlink_to(folder.parent / "secret")
    os.utime(tiny.record_file)
    return folder


@pytest.fixture(scope="session")
def app(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app over `runs`, started from another folder."""
    grey = tmp_path_factory.mktemp("elsewhere") / "grey"
    make_generator(2, channels=1).save_pretrained(grey)
    with running_app(grey.parent, "--runs", str(runs), "--model", str(grey)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(request: pytest.FixtureRequest, browser: Chromium, app: RunningApp) -> Iterator[Visit]:
    """The page with its first sheet, in a window that is as wide as the name in `WIDTHS` says; default: desk."""
    with visited(browser, app.url, WIDTHS[getattr(request, "param", "desk")]) as visit:
        expect(visit.page.locator("#images button.picture img")).to_have_count(16)
        yield visit
    assert "Traceback" not in app.log_text()


def read_config(app: RunningApp) -> dict[str, Any]:
    """What the page is built from."""
    with urllib.request.urlopen(f"{app.url}/config", timeout=30) as response:
        return json.load(response)
