"""What visitors fetch stays within one budget of bytes, and nothing is left of what failed or has ended."""

import json
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest
from filelock import FileLock
from local_hub import LocalHub
from preloaded import Program

from dcgan_hub.demo.admission import Busy
from dcgan_hub.demo.catalog import hub_store
from dcgan_hub.demo.catalog.hub_store import FOLDER_PREFIX, LOCK_NAME
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.errors import BundleError, HubError, HubUnavailable, RunError

BUNDLE = Path(__file__).parent.parent / "golden" / "tiny-bundle"
WEIGHTS = BUNDLE / "model.safetensors"
MEGABYTE = 1_000_000
BUDGET = 4 * MEGABYTE


@pytest.fixture
def registry(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelRegistry:
    monkeypatch.setattr(hub_store, "BUDGET_BYTES", BUDGET)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return ModelRegistry(RunShelf(tmp_path / "runs"))


def on_disk() -> int:
    return sum(path.lstat().st_size for path in Path(tempfile.gettempdir()).rglob("*") if path.is_file())


def plant_bundle(hub: LocalHub, repo_id: str, **changed: bytes) -> str:
    files = {"dcgan.json": (BUNDLE / "dcgan.json").read_bytes(), "model.safetensors": WEIGHTS.read_bytes()}
    return hub.plant(repo_id, files | {name.replace("_", "."): content for name, content in changed.items()})


def plant_run(hub: LocalHub, repo_id: str, size: int, record: bytes = b'{"state": "stopped"}', sheets: int = 0) -> str:
    """A run whose metrics have `size` bytes."""
    line = json.dumps({"step": 1, "note": "x" * 9000}).encode() + b"\n"
    files = {"run/run.json": record, "run/metrics.jsonl": line * (size // len(line))}
    files |= {f"run/samples/step-{step:08d}.png": bytes([step]) * MEGABYTE for step in range(sheets)}
    return hub.plant(repo_id, files)


def test_refusals_failures_commits_and_runs_share_one_budget(hub: LocalHub, registry: ModelRegistry) -> None:
    shelf = registry._runs
    for number in range(3):  # what is refused or fails leaves nothing, whenever that is found out
        plant_bundle(hub, f"tester/refused-{number}", dcgan_json=b"{}" + b" " * 200_000)
        plant_run(hub, f"tester/bad-{number}", MEGABYTE, record=b"[1]")
        with pytest.raises(BundleError):
            registry.open(f"tester/refused-{number}")
        with pytest.raises(RunError, match="must be a JSON object"):
            shelf.open(f"hf://tester/bad-{number}")
    assert not [record for record in hub.requests if "metrics" in record.path], "the record is read first"
    hub.misbehave("/resolve/.*metrics", method="GET", corrupt=True)
    plant_run(hub, "tester/corrupt", 300_000)
    with pytest.raises(HubUnavailable):
        shelf.open("hf://tester/corrupt")
    hub.behave()
    assert shelf.hub_store.used_bytes == 0 and on_disk() == 0

    commits = [plant_run(hub, "tester/run", MEGABYTE + 10_000 * number) for number in range(8)]
    for commit in commits:  # commits of one repository count like any other
        shelf.open(f"hf://tester/run@{commit}")
        name = registry.open("tester/faces", plant_bundle(hub, "tester/faces", README_md=commit.encode()))
        assert on_disk() <= BUDGET and shelf.hub_store.used_bytes <= BUDGET
    assert registry.revision(name), "the newest is there"
    hub.forget_requests()
    shelf.open(f"hf://tester/run@{commits[-1]}")
    assert not hub.requests
    assert shelf.open(f"hf://tester/run@{commits[0]}").record, "the oldest is fetched again"


def test_sheets_count_and_go_with_their_run(hub: LocalHub, registry: ModelRegistry) -> None:
    shelf = registry._runs
    run = shelf.open(f"hf://tester/run@{plant_run(hub, 'tester/run', 0, sheets=5)}")
    read = 0
    with pytest.raises(Busy, match="keeps at most"):
        for step in run.steps:
            run.read_sheet(step)
            read += 1
            assert on_disk() <= BUDGET
    assert read == 3, "a run of 5 MB does not fit into the budget, and nothing else is there to be removed"
    hub.forget_requests()
    run.read_sheet(0)
    assert not hub.requests
    shelf.open(f"hf://tester/other@{plant_run(hub, 'tester/other', 3 * MEGABYTE)}")
    assert on_disk() <= BUDGET
    with pytest.raises(HubUnavailable, match="Open it again"):
        run.read_sheet(0)

    plant_run(hub, "tester/large", BUDGET + MEGABYTE)
    hub.forget_requests()
    with pytest.raises(HubError, match="Choose something smaller"):
        shelf.open("hf://tester/large")
    assert not [record for record in hub.requests if record.method == "GET" and "metrics" in record.path]


def test_what_is_announced_counts_while_it_comes(hub: LocalHub, registry: ModelRegistry) -> None:
    """Two that fit one by one do not fit together: the second is refused before it is downloaded."""
    shelf = registry._runs
    plant_run(hub, "tester/one", 3 * MEGABYTE)
    plant_run(hub, "tester/two", 3 * MEGABYTE)
    hub.misbehave("one/resolve/.*metrics", method="GET", delay=600.0)
    thread = threading.Thread(target=shelf.open, args=("hf://tester/one",))
    thread.start()
    while not any(record.method == "GET" and "metrics" in record.path for record in hub.requests):
        pass
    with pytest.raises(Busy, match="while others are being fetched"):
        shelf.open("hf://tester/two")
    hub.behave()
    thread.join()
    assert shelf.open("hf://tester/one").record and on_disk() <= BUDGET


def test_folders_of_processes_that_have_ended_are_removed(hub: LocalHub, registry: ModelRegistry) -> None:
    temporary = Path(tempfile.gettempdir())
    dead, alive, young, link = (temporary / f"{FOLDER_PREFIX}{name}" for name in ("dead", "alive", "young", "link"))
    for folder in (dead, alive, young, temporary / "precious"):
        shutil.copytree(BUNDLE, folder)
    os.utime(young)
    link.symlink_to(temporary / "precious")
    for folder in (dead, alive, temporary / "precious"):
        (folder / LOCK_NAME).touch()
    with FileLock(alive / LOCK_NAME):
        plant_bundle(hub, "tester/faces")
        registry.open("tester/faces")
        assert not dead.exists()
        assert all(any(folder.rglob("model.safetensors")) for folder in (alive, young, link))


def test_sigterm_ends_a_command_like_ctrl_c(hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a checkpoint was fetched; nothing of it is left, and no traceback is printed."""
    (tmp_path / "temporary").mkdir()
    state = "checkpoints/step-00000009/state.safetensors"
    hub.plant("tester/run", {"run.json": b"{}", state: bytes(MEGABYTE)}, branch="checkpoint")
    hub.misbehave("run.json", method="GET", delay=600.0)
    words = ["train", "--run", str(tmp_path / "run"), "--resume-from", "tester/run"]
    program = (
        f"import sys, tempfile; tempfile.tempdir = {str(tmp_path / 'temporary')!r}\n"
        f"from dcgan_hub.cli import main; sys.exit(main({words!r}))"
    )
    process = Program("-c", program)
    try:
        while not any(record.method == "GET" and "/resolve/" in record.path for record in hub.requests):
            assert process.poll() is None, process.output()
        assert list((tmp_path / "temporary").iterdir())
        process.terminate()
        assert process.wait(60) == 130, process.output()
    finally:
        process.kill()
    assert process.output().strip() == "Stopped."
    assert not list((tmp_path / "temporary").iterdir()) and not (tmp_path / "run").exists()
