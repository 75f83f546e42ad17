"""A run of a few steps on tiny squares, and a folder and a server for those that are pushed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from local_hub import HubProcess, LocalHub

from dcgan_hub import train
from dcgan_hub.runs.directory import RunDirectory

TINY = {
    "image_size": 16, "filters": 4, "latent_dim": 8, "batch_size": 4, "precision": "float32",
    "sample_every": 4, "checkpoint_every": 4, "report_every": 2,
}  # fmt: skip


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 images of 16 x 16 pixels: squares of random colour and place on a random ground."""
    random = np.random.RandomState(0)
    images = np.empty((30, 16, 16, 3), np.uint8)
    for image in images:
        image[:] = random.randint(0, 256, 3)
        top, left = random.randint(0, 8, 2)
        image[top : top + 8, left : left + 8] = random.randint(0, 256, 3)
    path = tmp_path_factory.mktemp("data") / "squares.npy"
    np.save(path, images)
    return path


@pytest.fixture(scope="session")
def tiny() -> dict[str, object]:
    """Settings of a tiny run."""
    return dict(TINY)


@pytest.fixture(scope="session")
def tiny_words() -> list[str]:
    """The same as options of `train.py`."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


@pytest.fixture(scope="session")
def finished_run(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 steps on the squares; not to be changed."""
    return train(squares, run=tmp_path_factory.mktemp("runs") / "squares", steps=10, quiet=True, **TINY).path


@pytest.fixture
def squares_run(finished_run: Path, tmp_path: Path) -> RunDirectory:
    """A copy of the run, free to be changed."""
    return RunDirectory(Path(shutil.copytree(finished_run, tmp_path / "runs" / "squares")))


@pytest.fixture
def token(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> str:
    """The user "tester" is logged in and may write."""
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    return hub.write_token


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubProcess]:
    """A Hub in a process of its own."""
    with HubProcess(tmp_path / "server") as process:
        process.hub.add_account("tester")
        yield process
