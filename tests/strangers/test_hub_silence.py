"""A Hub that is silent, that drips, or that does not end: every operation ends with a sentence, and others go on."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from local_hub import LocalHub

from dcgan_hub.cli import main
from dcgan_hub.demo.admission import Busy
from dcgan_hub.demo.catalog import hub_store
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.errors import HubError, HubUnavailable, RunError
from dcgan_hub.hub import limits, transport
from dcgan_hub.hub.download import download_file, list_files
from dcgan_hub.hub.transport import limit_waiting
from dcgan_hub.hub.upload import commit_folder

ID = "tester/faces"
HOSTILE = {
    "silent": {"delay": 600.0},
    "dripping": {"drip": 0.05},
    "dripping body": {"bytes_per_second": 20, "body": b" " * 10_000},
    "endless": {"endless": True},
    "endless error": {"endless": True, "status": 404},
    "endless redirect": {"endless": True, "status": 302, "headers": {"Location": "/"}},
    "wait for a year": {"status": 429, "headers": {"Retry-After": "31536000"}},
    "packed": {"headers": {"Content-Encoding": "gzip"}},
}


@pytest.fixture
def impatient(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """Operations may take a second."""
    limit_waiting()
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    for name, value in {"OPERATION_SECONDS": 1.0, "SLOWEST_BYTES_PER_SECOND": 10**9, "MAX_ANSWER_BYTES": 10**6}.items():
        monkeypatch.setattr(limits, name, value)
    hub.plant(ID, {"a.txt": b"a" * 1000})
    yield hub
    hub.behave()


@pytest.mark.parametrize("kind", HOSTILE)
def test_every_operation_ends_with_a_sentence(impatient: LocalHub, kind: str) -> None:
    impatient.misbehave(**HOSTILE[kind])
    impatient.forget_requests()
    for ask in (lambda: list_files(ID, None), lambda: download_file(ID, "a.txt", None, 10**6)):
        with pytest.raises(HubError) as raised:
            ask()
        assert ID in str(raised.value) and "Received: " in str(raised.value) and str(raised.value).isprintable()
    assert len(impatient.requests) < 50, "redirects and retries included"
    assert sum(record.sent for record in impatient.requests) < 100 * 10**6, "10 GB are not waited for"
    impatient.behave()
    assert list_files(ID, None) == ["a.txt"]


def test_progress_is_asked_for_too(impatient: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large file may take long, but not at a byte a second."""
    monkeypatch.setattr(limits, "OPERATION_SECONDS", 10**6)
    monkeypatch.setattr(transport, "PATIENCE_SECONDS", 1.0)
    impatient.misbehave("/tree/", drip=0.05)
    impatient.forget_requests()
    with pytest.raises(HubUnavailable, match="bytes a second"):
        list_files(ID, None)
    assert len(impatient.requests) == 1, "it is not tried again"


def test_an_upload_that_is_not_taken_ends(impatient: LocalHub, tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(bytes(30_000_000))
    (tmp_path / "other.bin").write_bytes(bytes(30_000_001))  # two are sent by threads of the client
    impatient.misbehave("/_lfs/", method="PUT", bytes_per_second=1000)
    with pytest.raises(HubUnavailable, match=ID):
        commit_folder(tmp_path, ID, message="large")
    assert impatient.files(ID) == {"a.txt": b"a" * 1000}


@pytest.mark.parametrize("kind", ["silent", "dripping"])
def test_commands_end_with_a_line(impatient: LocalHub, finished_run: Path, tmp_path: Path, capfd, kind: str) -> None:
    impatient.misbehave(**HOSTILE[kind])
    run = tmp_path / "run"
    for words in (
        ["train", "--run", str(run), "--resume-from", ID],
        ["push", str(finished_run), ID],
        ["space", "tester/demo", "--model", ID],
        ["sample", ID, "--seeds", "0", "--out", str(tmp_path / "images")],
    ):
        assert main(words) == 2
        printed = capfd.readouterr().err
        assert printed.startswith("error: ") and printed.count("\n") == 1 and "try again" in printed.lower(), printed
    assert not run.exists()


def test_visitors_who_wait_for_the_hub_hold_up_nobody(
    impatient: LocalHub, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_store, "VISIT_SECONDS", 600.0)
    monkeypatch.setattr(limits, "OPERATION_SECONDS", 600.0)
    shelf = RunShelf(finished_run.parent)
    impatient.misbehave(delay=600.0)
    errors: list[Exception] = []

    def visit(name: str) -> None:
        try:
            shelf.open(name)
        except HubError as error:
            errors.append(error)

    names = ["hf://tester/one", "hf://tester/one", "hf://tester/two", "hf://tester/three"]
    threads = [threading.Thread(target=visit, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(impatient.requests) == 3)  # two visitors of one repository are one request
    wait_until(lambda: is_busy(shelf))
    with pytest.raises(Busy):
        shelf.open("hf://tester/four")
    assert shelf.open(finished_run.name).metrics.rows, "runs on this machine are there meanwhile"
    with pytest.raises(RunError):
        shelf.open("none")
    assert shelf.hub_store.used_bytes == 0 and not errors
    impatient.behave()
    for thread in threads:
        thread.join()
    assert len(errors) == 4


def is_busy(shelf: RunShelf) -> bool:
    """Whether a fifth visitor is told so at once."""
    try:
        with shelf.hub_store._places.entered():
            return False
    except Busy as busy:
        return "Try again in a moment" in str(busy)


def wait_until(condition: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not happen")
