"""Client or server killed at any moment of a push: the repository is the old or the new one, the next push works."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
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
    """Pushes numbered states of one repository, each in a process of its own, and knows which it may be at."""

    def __init__(self, server: HubProcess, folder: Path) -> None:
        self.server, self.folder, self.number = server, folder, 0
        self.allowed: list[dict[str, bytes]] = [{}]
        self.token = server.hub.add_token("tester", "write")
        environment = os.environ | {"HF_ENDPOINT": server.endpoint, "HF_TOKEN": self.token}
        self.complaints = folder / "complaints.txt"
        with self.complaints.open("wb") as errors:
            self.program = subprocess.Popen(
                [sys.executable, str(PROGRAM)], env=environment, text=True, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip

    def start(self) -> int:
        """Starts to push the next state; returns the id of the process."""
        self.number += 1
        folder = prepare_folder(self.folder / str(self.number), ID, self.number, pictures=20, picture_bytes=20_000)
        self.allowed.append(contents(folder))
        return self._ask(json.dumps([str(folder), ID]))

    def wait(self) -> int:
        """Waits until the process that was started has ended; returns its exit status."""
        return self._ask("wait")

    def close(self) -> None:
        self.program.communicate(timeout=PUSH_SECONDS)

    def _ask(self, line: str) -> int:
        assert self.program.stdin is not None and self.program.stdout is not None
        self.program.stdin.write(line + "\n")
        self.program.stdin.flush()
        guard = threading.Timer(PUSH_SECONDS, self.program.kill)
        guard.start()
        answer = self.program.stdout.readline()
        guard.cancel()
        assert answer, self.complaints.read_text()
        return int(answer)

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
        self.start()
        began = time.monotonic()
        assert self.wait() == 0 and self.check(), self.complaints.read_text()
        return time.monotonic() - began


@pytest.fixture
def pusher(tmp_path: Path) -> Iterator[Pusher]:
    with HubProcess(tmp_path / "hub") as server:
        server.hub.add_account("tester")
        (tmp_path / "states").mkdir()
        pusher = Pusher(server, tmp_path / "states")
        yield pusher
        pusher.close()


def test_a_client_killed_at_any_moment_leaves_the_old_or_the_new(pusher):
    instants = random.Random(0)
    seconds = pusher.finish()
    for _ in range(KILLS):
        process = pusher.start()
        time.sleep(instants.uniform(0.0, 1.2 * seconds))
        os.kill(process, signal.SIGKILL)
        pusher.wait()
        time.sleep(0.1)  # what the server has of it may still take effect
        pusher.check()
    pusher.finish()


def test_a_server_killed_at_any_moment_leaves_the_old_or_the_new(pusher):
    instants = random.Random(1)
    seconds = pusher.finish()
    for _ in range(KILLS):
        pusher.start()
        time.sleep(instants.uniform(0.0, 1.2 * seconds))
        pusher.server.kill()
        pusher.server.start()
        status = pusher.wait()
        assert pusher.check() or status != 0, "it was said to be done"
    assert pusher.token not in pusher.complaints.read_text()
    pusher.finish()


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
def test_a_server_that_dies_around_the_commit_leaves_the_old_or_the_new(pusher, applied):
    pusher.finish()
    pusher.server.misbehave("/commit/", method="POST", kill=True, applied=applied)
    pusher.start()
    assert pusher.wait() != 0
    pusher.server.start()
    assert pusher.check() is applied
    pusher.finish()
