"""Client or server killed at any moment of a push: the repository is the old or the new one, the next push works."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_hub import HubProcess
from prepared_folders import check_loads, contents, prepare_folder

PROGRAM = Path(__file__).with_name("prepared_folders.py")
ID = "tester/squares"
KILLS = 10
PUSH_SECONDS = 120
ATTRIBUTES = ".gitattributes"


class Pusher:
    """Pushes numbered states of one repository in processes of their own, and knows which it may be at."""

    def __init__(self, server: HubProcess, folder: Path) -> None:
        self.server, self.folder, self.number = server, folder, 0
        self.allowed: list[dict[str, bytes]] = [{}]
        token = server.hub.add_token("tester", "write")
        self.environment = os.environ | {"HF_ENDPOINT": server.endpoint, "HF_TOKEN": token}

    def start(self) -> subprocess.Popen[str]:
        """Starts to push the next state, and returns at its first request."""
        self.number += 1
        folder = prepare_folder(self.folder / str(self.number), ID, self.number, pictures=20, picture_bytes=20_000)
        self.allowed.append(contents(folder))
        words = [sys.executable, str(PROGRAM), str(folder), ID]
        pipe = subprocess.PIPE
        process = subprocess.Popen(words, env=self.environment, stdout=pipe, stderr=pipe, text=True)
        assert process.stdout is not None and process.stdout.readline() == "starting\n", process.communicate()
        return process

    def check(self) -> bool:
        """Fails unless the repository is at the newest state or the one before; returns whether it is the newest."""
        hub = self.server.hub
        files = hub.files(ID) if hub.exists(ID) and hub.refs(ID) else {}
        files.pop(ATTRIBUTES, None)
        assert files in self.allowed, f"neither old nor new: {sorted(files)}"
        is_newest = files == self.allowed[-1]
        self.allowed = [files]
        if files:
            check_loads(files, self.folder / "loaded")
        return is_newest

    def finish(self) -> float:
        """Pushes undisturbed, and checks that this is complete; returns how long it took."""
        process = self.start()
        began = time.monotonic()
        _, complaint = process.communicate(timeout=PUSH_SECONDS)
        assert process.returncode == 0 and self.check(), complaint
        return time.monotonic() - began


@pytest.fixture
def pusher(tmp_path: Path) -> Iterator[Pusher]:
    with HubProcess(tmp_path / "hub") as server:
        server.hub.add_account("tester")
        (tmp_path / "states").mkdir()
        yield Pusher(server, tmp_path / "states")


def test_a_client_killed_at_any_moment_leaves_the_old_or_the_new(pusher):
    instants = random.Random(0)
    seconds = pusher.finish()
    for _ in range(KILLS):
        process = pusher.start()
        time.sleep(instants.uniform(0.0, 1.2 * seconds))
        process.kill()
        process.communicate()
        time.sleep(0.1)  # what the server has of it may still take effect
        pusher.check()
    pusher.finish()


def test_a_server_killed_at_any_moment_leaves_the_old_or_the_new(pusher):
    instants = random.Random(1)
    seconds = pusher.finish()
    for _ in range(KILLS):
        process = pusher.start()
        time.sleep(instants.uniform(0.0, 1.2 * seconds))
        pusher.server.kill()
        pusher.server.start()
        _, complaint = process.communicate(timeout=PUSH_SECONDS)
        assert pusher.check() or process.returncode != 0, "it was said to be done"
        assert pusher.environment["HF_TOKEN"] not in complaint
    pusher.finish()


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
def test_a_server_that_dies_around_the_commit_leaves_the_old_or_the_new(pusher, applied):
    pusher.finish()
    pusher.server.misbehave("/commit/", method="POST", kill=True, applied=applied)
    process = pusher.start()
    process.communicate(timeout=PUSH_SECONDS)
    assert process.returncode != 0
    pusher.server.start()
    assert pusher.check() is applied
    pusher.finish()
