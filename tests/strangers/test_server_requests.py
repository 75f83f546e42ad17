"""What strangers' requests and connections cost an app: bounded in number, bytes, files and lines of log."""

import asyncio
import contextlib
import http.client
import io
import json
import resource
import socket
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from demo.conftest import RunningApp, make_run, running_app
from gradio_client import Client
from gradio_client.exceptions import AppError
from local_hub import LocalHub
from PIL import Image

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.messages import explanation
from dcgan_hub.demo.serving import requests as serving
from dcgan_hub.demo.serving.connections import connections_within
from dcgan_hub.demo.serving.hosts import Hosts
from dcgan_hub.errors import BundleError, HubUnavailable, RunError, SettingsError
from dcgan_hub.runs.untrusted import decode_picture

FILES = 640
CALL = "/gradio_api/call/models"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    folder = tmp_path_factory.mktemp("served")
    make_run(folder / "runs" / "local")
    with running_app(folder, "--mcp", "--allow-host", "images.example.org", files=FILES) as running:
        yield running


def send(app: RunningApp, path: str, data: Any = None, **headers: str) -> tuple[int, str]:
    """Status and text of an answer; `data` is sent as JSON, or as it is."""
    content = data if isinstance(data, bytes) or data is None else json.dumps(data).encode()
    sent = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(app.url + path, content, sent)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except http.client.IncompleteRead as error:  # the answer broke off
        return 0, error.partial.decode()


def open_files(app: RunningApp) -> int:
    return len(list(Path(f"/proc/{app.pid}/fd").iterdir()))


@contextlib.contextmanager
def many_files() -> Iterator[None]:
    """For the sockets of a test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_more_idle_connections_than_files_keep_nobody_out(app: RunningApp) -> None:
    before, logged = open_files(app), len(app.log_text())
    port = int(app.url.rpartition(":")[2])
    beginnings = (b"", b"GET / HTTP/1.1\r\nHost: ")
    without_body = (
        b"POST /gradio_api/call/models HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    )
    with many_files(), contextlib.ExitStack() as idle:
        for number in range(FILES + 200):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", port)))
            with contextlib.suppress(OSError):  # it was closed in favor of a later one
                connection.sendall(beginnings[number % 2])
        for _ in range(3):
            assert send(app, CALL, {"data": []})[0] == 200
        assert open_files(app) < before + connections_within(FILES)
        # Requests whose bodies do not come hold their places, for seconds: others are told so.
        answers = []
        for _ in range(connections_within(FILES)):
            connection = idle.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
            connection.sendall(without_body)
            answers.append(connection.makefile("rb"))
            if (status := answers[-1].readline()) != b"HTTP/1.1 100 Continue\r\n":
                break
        assert status == b"HTTP/1.1 503 Service Unavailable\r\n"
        assert open_files(app) < before + connections_within(FILES)
        assert answers[0].readline() == b"\r\n"
        assert answers[0].readline() == b"HTTP/1.1 408 Request Timeout\r\n"
    assert len(app.log_text()) - logged < 5000
    assert send(app, CALL, {"data": []})[0] == 200


def test_server_functions_name_missing_repositories_and_nobody_waits(app: RunningApp, hub: LocalHub) -> None:
    asked = {"data": {"run": "hf://nobody/gone", "step": 1, "kind": "film"}, "session_hash": "x", "fn_name": "sheet"}
    config = json.loads(send(app, "/config")[1])
    film = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "run-film")

    def ask(number: int) -> int:
        names = {"run": f"hf://nobody/gone{number % 5}"}
        return send(
            app, "/gradio_api/component_server", {**asked, "component_id": film, "data": asked["data"] | names}
        )[0]

    with ThreadPoolExecutor(40) as strangers:
        statuses = strangers.map(ask, range(300))
        assert send(app, CALL, {"data": []})[0] == 200
        assert set(statuses) <= {200, 503}
    assert len(hub.requests) <= 5 * 2  # a minute long, nobody asks again
    assert send(app, "/gradio_api/run/models", {"data": []})[0] == 404  # there is no way around the queue


def test_few_requests_beside_the_queue_are_answered_at_once_until_they_are_taken() -> None:
    taken, answered, inside = asyncio.Event(), [], []

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        inside.append(1)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a sheet"})

    async def send_slowly(message: Any) -> None:
        if message["type"] == "http.response.start":
            answered.append(message["status"])
        elif not message.get("body"):  # as a server waits for a client that reads slowly
            await taken.wait()

    async def run() -> None:
        limited = serving.SideRequests(answer)
        scope = {"type": "http", "path": "/gradio_api/component_server", "headers": []}
        many = [asyncio.create_task(limited(scope, None, send_slowly)) for _ in range(300)]
        while len(answered) < 300 - serving.WAITING:
            await asyncio.sleep(0)
        assert (len(inside), answered.count(503)) == (serving.AT_ONCE, 300 - serving.WAITING - serving.AT_ONCE)
        taken.set()
        await asyncio.gather(*many)
        assert answered.count(200) == serving.WAITING + serving.AT_ONCE

    asyncio.run(run())


def test_answers_that_last_leave_connections_for_short_requests() -> None:
    ended, statuses = asyncio.Event(), []

    async def last(scope: Any, receive: Any, send: Any) -> None:
        await ended.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def note(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def run() -> None:
        limited = serving.Streams(last, connections=16)
        paths = [
            "/gradio_api/heartbeat/x",
            "/gradio_api/queue/data",
            "/gradio_api/call/generate/1",
            "/gradio_api/mcp/",
        ] * 5
        scopes = [{"type": "http", "method": "GET", "path": path} for path in [*paths, "/config"]]
        many = [asyncio.create_task(limited(scope, None, note)) for scope in scopes]
        while len(statuses) < 8:
            await asyncio.sleep(0)
        assert statuses == [503] * 8
        ended.set()
        await asyncio.gather(*many)
        assert statuses[8:] == [200] * 13

    asyncio.run(run())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200), ({"Host": "localhost"}, 200), ({"Host": "[::1]:80"}, 200),
        ({"Host": "IMAGES.example.org.:7860"}, 200),
        ({"Host": "rebound.example"}, 421), ({"Host": "127.0.0.1.rebound.example:80"}, 421), ({"Host": "a b"}, 421),
        ({"Origin": "http://rebound.example"}, 403), ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:8000"}, 200), ({"Origin": "https://images.example.org"}, 200),
        ({"Host": "images.example.org", "Origin": "https://elsewhere.example"}, 200),
    ],
    ids=str,
)  # fmt: skip
def test_the_app_answers_only_under_its_names(app: RunningApp, headers: dict[str, str], status: int) -> None:
    tool = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    accept = {"Accept": "application/json, text/event-stream"}
    assert send(app, CALL, {"data": []}, **headers)[0] == status
    answered, text = send(app, "/gradio_api/mcp/", tool, **headers, **accept)
    assert answered == status and ("generate" in text) == (status == 200)


def test_spaces_proxies_and_shared_links_have_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Hosts().answers_as("anna-faces.hf.space")
    monkeypatch.setenv("SPACE_HOST", "anna-faces.hf.space,faces.example.org")
    monkeypatch.setenv("SPACE_ID", "anna/faces")
    hosts = Hosts()
    hosts.add("0123456789.gradio.live")  # as after --share
    for name in ("anna-faces.hf.space", "anna-faces--dev.hf.space", "faces.example.org", "0123456789.gradio.live"):
        assert hosts.answers_as(name) and hosts.accepts_from("huggingface.co", name)
    assert not hosts.answers_as("elsewhere.example")
    assert Hosts("*").answers_as("elsewhere.example")
    with pytest.raises(SettingsError, match=r"`--allow-host` must be the name of a host.*Try --allow-host images"):
        Hosts(["https://images.example.org/"])


def test_wrong_calls_leave_few_lines_and_no_traceback(app: RunningApp, tmp_path: Path) -> None:
    logged = len(app.log_text())
    client = Client(app.url, verbose=False, download_files=str(tmp_path))
    calls: list[tuple[str, list[Any]]] = [
        ("/facts", [{"a": 1}]), ("/facts", [["x"]]), ("/generate", ["avatars", {}, [], None]), ("/run", [{"a": {}}]),
        ("/generate", ["../../etc/passwd", "0", 1, 1]), ("/mix", [1, 2, 3, 4, 5]), ("/plane", ["avatars", None, 3, 1]),
        ("/compare", ["local", "local", [], {}]), ("/run_sample", ["local", {}]),
    ]  # fmt: skip
    for endpoint, inputs in calls:
        with pytest.raises(AppError) as caught:
            client.predict(*inputs, api_name=endpoint)
        assert str(caught.value) not in ("", "None") and "/tmp" not in str(caught.value)
    client.close()
    deep = b'{"data": [' + b"[" * 900 + b"]" * 900 + b"]}"
    for _ in range(20):
        for path, data in (
            (CALL, b"["), (CALL, b"[" * 100_000), ("/gradio_api/call/facts", deep),
            ("/gradio_api/call/none", {"data": []}),
            ("/gradio_api/queue/join", {"data": [], "fn_index": 10**6, "session_hash": "x"}),
            ("/gradio_api/component_server", {"data": 1, "component_id": 10**6, "session_hash": "x", "fn_name": "f"}),
            ("/gradio_api/component_server", {"data": 1, "component_id": [], "session_hash": {}, "fn_name": 3}),
            ("/gradio_api/queue/data?session_hash=unknown", None),
        ):  # fmt: skip
            send(app, path, data)
    for path in ("upload", "process_recording"):
        assert send(app, f"/gradio_api/{path}", b"--x\r\n", Content_Type="multipart/form-data; boundary=x")[0] == 403
    log = app.log_text()[logged:]
    assert "Traceback" not in log
    assert len(log.splitlines()) < 60


def test_nested_json_of_a_hub_and_folders_of_the_server_are_no_part_of_a_message(hub: LocalHub, tmp_path: Path) -> None:
    registry = ModelRegistry(RunShelf(tmp_path / "runs"))
    hub.plant("tester/damaged", {"dcgan.json": b"{"})
    with pytest.raises(BundleError, match="must be JSON") as caught:
        registry.open("tester/damaged")
    assert tempfile.gettempdir() in str(caught.value)
    assert explanation(caught.value).startswith("dcgan.json must be JSON.")
    hub.plant("tester/other", {"model.pkl": b"."})
    hub.misbehave("/tree/", body=b"[" * 100_000)
    with pytest.raises(HubUnavailable, match="does not have the form that huggingface_hub expects"):
        registry.open("tester/other")


def test_an_odd_picture_is_a_damaged_one_whatever_is_odd() -> None:
    content = io.BytesIO()
    picture = Image.fromarray(np.random.RandomState(0).randint(0, 256, (8, 8, 3), np.uint8))
    picture.save(content, format="PNG", icc_profile=b"x" * 40, dpi=(72, 72))
    whole, chance = content.getvalue(), np.random.RandomState(1)
    outcomes = {"damaged": 0, "whole": 0}
    for _ in range(4000):
        odd = bytearray(whole)
        for place in chance.randint(8, len(odd), chance.randint(1, 4)):
            odd[place] = chance.randint(256)
        repaired = with_checksums(bytes(odd)) if chance.randint(2) else bytes(odd)
        try:
            decode_picture(repaired, "odd.png")
            outcomes["whole"] += 1
        except RunError:
            outcomes["damaged"] += 1
    assert min(outcomes.values()) > 100


def with_checksums(content: bytes) -> bytes:
    """A PNG whose chunks have the checksums of what is in them, as far as it has chunks."""
    import struct
    import zlib

    parts, place = [content[:8]], 8
    while place + 12 <= len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        chunk = content[place + 4 : place + 8 + length]
        parts.append(struct.pack(">I", length) + chunk + struct.pack(">I", zlib.crc32(chunk)))
        place += 12 + length
    return b"".join(parts)
