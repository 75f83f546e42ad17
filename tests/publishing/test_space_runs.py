"""A Space as the Hub would run it: its own requirements in a fresh environment, its own app, a model of the Hub."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client
from local_hub import LocalHub
from PIL import Image
from space_command import TINY_BUNDLE, plant_model, run_space

from dcgan_hub.bundle.generator import Generator

INSTALL_SECONDS, START_SECONDS = 900, 180
NO_INDEX = "(from versions: none)"  # pip, where it finds no index or nothing in it
REQUIRED = "DCGAN_HUB_REQUIRE_SPACE"


@pytest.fixture
def python(tmp_path: Path) -> Iterator[Path]:
    """An interpreter that has nothing but what it began with; 2 GB later it is removed."""
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    yield environment / "bin" / "python"
    shutil.rmtree(environment)


def install(python: Path, requirements: Path) -> None:
    """Installs exactly what is listed, and checks that the list is complete."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    command = [*pip, "install", "--quiet", "--no-deps", "--no-compile", "--only-binary=:all:", "-r", str(requirements)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if result.returncode != 0 and NO_INDEX in result.stderr and not os.environ.get(REQUIRED):
        pytest.skip(f"pip finds no package index: {result.stderr[-300:]}")
    assert result.returncode == 0, result.stderr[-3000:]
    subprocess.run([*pip, "check"], check=True)


@contextmanager
def running_space(python: Path, folder: Path, token: str) -> Iterator[tuple[str, Path]]:
    """Starts the app as a Space does, with a secret and without our environment; gives its address and its log."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = folder.parent / "home"
    home.mkdir()
    environment = {
        "PATH": os.defpath, "HOME": str(home), "GRADIO_SERVER_PORT": str(port), "HF_TOKEN": token,
        **{name: os.environ[name] for name in ("HF_ENDPOINT", "HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY")},
    }  # fmt: skip
    log = folder.parent / "app.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(python), "app.py"], cwd=folder, env=environment, stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        wait_until_up(f"http://127.0.0.1:{port}", process, log)
        yield f"http://127.0.0.1:{port}", log
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the Space ended:\n{log.read_text()}"
        try:
            urllib.request.urlopen(f"{url}/config", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the Space did not answer within {START_SECONDS} s:\n{log.read_text()}")


def test_a_space_starts_from_its_own_requirements_and_draws(hub: LocalHub, tmp_path: Path, python: Path) -> None:
    plant_model(hub, "tester/faces")
    plant_model(hub, "tester/hidden", private=True)
    arguments = ["tester/demo", "--model", "tester/faces", "--model", "tester/hidden"]
    result = run_space(*arguments, folder=tmp_path, token=hub.write_token)
    assert result.returncode == 0, result.stderr
    space = tmp_path / "space"  # as the Hub checks it out
    for name, content in hub.files("tester/demo", repo_type="space").items():
        (space / name).parent.mkdir(parents=True, exist_ok=True)
        (space / name).write_bytes(content)
    install(python, space / "requirements.txt")

    expected = Generator.from_pretrained(TINY_BUNDLE).generate(seeds=range(7, 12))
    with running_space(python, space, hub.read_token) as (url, log):
        client = Client(url, verbose=False, download_files=str(tmp_path / "downloads"))
        for model in ("tester/faces", "tester/hidden"):
            items = client.predict(model=model, seed=7, number=5, truncation=1.0, api_name="/generate")
            for item, image in zip(items, expected, strict=True):
                with Image.open(item["image"]) as picture:
                    drawn = np.asarray(picture).reshape(image.shape).astype(int)
                # tensorflow-cpu is another build than the tests' tensorflow; so far they agree to the bit.
                assert np.abs(drawn - image).max() <= 1
        assert "Traceback" not in log.read_text()
        assert hub.read_token not in log.read_text()
