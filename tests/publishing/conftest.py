"""A copy of a run of a few steps on tiny squares, and a token and a server for those that are pushed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_hub import HubProcess, LocalHub
from tiny_runs import TINY

from dcgan_hub.runs.directory import RunDirectory


@pytest.fixture(scope="session")
def tiny_words() -> list[str]:
    """Settings of a tiny run as options of `train.py`."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]


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
