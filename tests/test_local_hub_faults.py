"""The local Hub when it misbehaves, is killed, or its client is."""

import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, constants, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError
from local_hub import HubProcess, LocalHub

ID = "tester/avatars"
WEIGHTS = random.Random(0).randbytes(3_000_000)
PATIENCE_SECONDS = 30


@pytest.fixture
def api(hub: LocalHub) -> HfApi:
    return HfApi(token=hub.write_token)


@pytest.fixture
def server(tmp_path):
    with HubProcess(tmp_path / "process") as server:
        server.hub.add_account("tester")
        yield server


def add(path: str, content: bytes) -> CommitOperationAdd:
    return CommitOperationAdd(path, content)


def wait_until(condition) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_errors_of_the_server_come_as_ordered(hub, api):
    before = hub.plant(ID, {})
    hub.misbehave(path="/commit/", method="POST", status=500, message="The disk is full", times=2, skip=1)
    api.create_commit(ID, [add("a", b"1")], commit_message="1")
    for _ in range(2):
        with pytest.raises(HfHubHTTPError, match="The disk is full"):
            api.create_commit(ID, [add("b", b"1")], commit_message="2")
    api.create_commit(ID, [add("c", b"1")], commit_message="3")
    assert [commit.title for commit in hub.commits(ID)] == ["3", "1", "Planted"]
    assert hub.head(ID) != before and hub.files(ID).keys() == {"a", "c"}
    hub.misbehave(status=500)
    with pytest.raises(HfHubHTTPError, match="on purpose"):
        api.whoami()
    hub.behave()
    assert api.whoami()["name"] == "tester"


def test_a_busy_server_is_asked_again_when_it_said(hub, api):
    hub.plant(ID, {})
    hub.misbehave(path="/preupload/", status=429, headers={"Retry-After": "0"}, times=1)
    api.create_commit(ID, [add("a", b"1")], commit_message="1")
    asked = [record.status for record in hub.requests if "/preupload/" in record.path]
    assert asked == [429, 200]


def test_a_commit_whose_answer_is_lost_was_made(hub, api):
    hub.plant(ID, {})
    hub.misbehave(path="/commit/", status=502, applied=True, times=1)
    with pytest.raises(HfHubHTTPError):
        api.create_commit(ID, [add("a", b"1")], commit_message="1")
    assert hub.files(ID) == {"a": b"1"}
    hub.misbehave(path="/commit/", cut_after=0, applied=True, times=1)
    with pytest.raises(httpx2.RemoteProtocolError):
        api.create_commit(ID, [add("b", b"1")], commit_message="1")
    assert hub.files(ID) == {"a": b"1", "b": b"1"}


def test_a_download_that_was_cut_goes_on_where_it_stopped(hub):
    content = WEIGHTS * 4
    hub.plant(ID, {"model.safetensors": content})
    hub.misbehave(path="/resolve/", method="GET", cut_after=11_000_000, times=1)
    assert Path(hf_hub_download(ID, "model.safetensors")).read_bytes() == content
    first, second = [record for record in hub.requests if record.method == "GET"]
    assert (first.status, first.sent, first.range) == (200, 11_000_000, None)
    kept = constants.DOWNLOAD_CHUNK_SIZE  # the client keeps whole pieces only
    assert (second.status, second.range, second.sent) == (206, f"bytes={kept}-", len(content) - kept)


def test_an_upload_that_was_cut_is_sent_again(hub, api):
    hub.plant(ID, {})
    hub.misbehave(path="/_lfs/", method="PUT", cut_upload_after=1_000_000, times=1)
    api.create_commit(ID, [add("model.safetensors", WEIGHTS)], commit_message="1")
    assert hub.files(ID) == {"model.safetensors": WEIGHTS}
    first, second = [record for record in hub.requests if record.method == "PUT"]
    assert 1_000_000 <= first.received < len(WEIGHTS) and first.status is None
    assert (second.received, second.status) == (len(WEIGHTS), 200)
    assert not list(hub.root.rglob(".unfinished-*"))


def test_other_bytes_than_promised(hub):
    hub.plant(ID, {"a.bin": b"\0" * 1000})
    hub.misbehave(path="a.bin", method="GET", corrupt=True, times=1)
    content = Path(hf_hub_download(ID, "a.bin")).read_bytes()
    assert content == b"\xff" * 1000  # the client does not look: whoever reads files from the Hub has to
    hub.misbehave(path="a.bin", method="GET", body=b"short")
    with pytest.raises(OSError, match="Consistency check failed"):
        hf_hub_download(ID, "a.bin", force_download=True)
    hub.behave()
    hub.misbehave(path="a.bin", method="HEAD", headers={"X-Linked-Size": str(10 * 2**30)})
    with pytest.raises(OSError, match=r"should be of size 10737418240"):
        hf_hub_download(ID, "a.bin", force_download=True)


def test_a_slow_line_and_one_that_stalls(hub):
    hub.plant(ID, {"a.txt": b"x" * 1000})
    url = f"{HfApi().endpoint}/{ID}/resolve/main/a.txt"
    fault = hub.misbehave(path="a.txt", method="GET", bytes_per_second=2000)
    start = time.monotonic()
    assert httpx2.get(url).content == b"x" * 1000
    assert 0.4 < time.monotonic() - start < 5
    hub.behave()
    assert fault.over
    hub.misbehave(path="a.txt", delay=600)
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.get(url, timeout=0.2)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(httpx2.get(url, timeout=PATIENCE_SECONDS).status_code))
    thread.start()
    wait_until(lambda: len(hub.requests) == 3)
    hub.behave()
    thread.join()
    assert answers == [200]


def test_a_client_that_is_killed_leaves_the_old_state(hub, tmp_path):
    before = hub.plant(ID, {"a.txt": b"1"})
    (tmp_path / "model.safetensors").write_bytes(WEIGHTS)
    hub.misbehave(path="/_lfs/", method="PUT", bytes_per_second=1_000_000)
    wanted = f"repo_id={ID!r}, folder_path={str(tmp_path)!r}, allow_patterns='*.safetensors'"
    program = f"from huggingface_hub import upload_folder; upload_folder({wanted})"
    environment = {**os.environ, "HF_TOKEN": hub.write_token}
    client = subprocess.Popen([sys.executable, "-c", program], env=environment)
    wait_until(lambda: any(record.method == "PUT" and record.received > 100_000 for record in hub.requests))
    client.kill()
    client.wait()
    wait_until(lambda: not list(hub.root.rglob(".unfinished-*")))
    assert hub.head(ID) == before
    hub.behave()
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert hub.files(ID) == {"a.txt": b"1", "model.safetensors": WEIGHTS}


@pytest.mark.parametrize("applied", [False, True])
def test_a_server_killed_at_the_commit_has_the_old_or_the_new_state(server, applied):
    before = server.hub.plant(ID, {"a.txt": b"1"})
    api = HfApi(endpoint=server.endpoint, token=server.hub.add_token("tester"))
    server.misbehave(path="/commit/", kill=True, applied=applied)
    with pytest.raises(httpx2.TransportError):
        api.create_commit(ID, [add("a.txt", b"2"), add("b.safetensors", WEIGHTS)], commit_message="1")
    server.wait(PATIENCE_SECONDS)
    endpoint = server.endpoint
    server.start()
    assert server.endpoint == endpoint
    assert (server.hub.head(ID) == before) is not applied
    api.create_commit(ID, [add("a.txt", b"2"), add("b.safetensors", WEIGHTS)], commit_message="2")
    assert api.model_info(ID).sha == server.hub.head(ID)
    assert server.hub.files(ID) == {"a.txt": b"2", "b.safetensors": WEIGHTS}
    assert not [record for record in server.requests if record.method == "PUT"]  # the first one was kept


def test_a_server_killed_at_any_moment_of_a_commit_has_the_old_or_the_new_state(server):
    """The files of one state are all alike, so that a mixture would show."""
    api = HfApi(endpoint=server.endpoint, token=server.hub.add_token("tester"))

    def state(number: int) -> dict[str, bytes]:
        return {f"{name:03}.txt": b"%d" % number * 5000 for name in range(150)}

    def push(number: int) -> None:
        operations = [add(path, content) for path, content in state(number).items()]
        try:
            api.create_commit(ID, operations, commit_message=str(number))
        except (httpx2.TransportError, HfHubHTTPError):
            pass

    server.hub.plant(ID, state(0))
    start = time.monotonic()
    push(1)
    duration, current = time.monotonic() - start, 1
    for number in range(2, 7):
        thread = threading.Thread(target=push, args=(number,))
        thread.start()
        time.sleep(random.Random(number).uniform(0.3, 1.0) * duration)
        server.kill()
        server.start()
        thread.join()
        found = int(server.hub.files(ID)["000.txt"][:1])
        assert found in (current, number) and server.hub.files(ID) == state(found)
        current = found
    assert all(
        hashlib.sha256(blob.read_bytes()).hexdigest() == blob.name
        for blob in (server.hub.repository(ID).folder / "blobs").iterdir()
        if not blob.name.startswith(".unfinished-")
    )
