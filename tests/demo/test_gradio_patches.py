"""The installed Gradio works inside as each of `demo/gradio_patches` takes it to, or the patch is named here."""

import asyncio
import errno
import inspect
import os
import re
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import gradio as gr
import numpy as np
import pytest
from gradio import http_server
from gradio.components import Component
from gradio.route_utils import API_PREFIX
from gradio.routes import App
from gradio.server_messages import HeartbeatMessage
from starlette.testclient import TestClient

from dcgan_hub.demo import gradio_patches, messages
from dcgan_hub.demo.gradio_patches import (
    asset_hints,
    bounded_server,
    event_errors,
    housekeeping,
    lean_sessions,
    request_limits,
    served_files,
    tool_answers,
)
from dcgan_hub.demo.gradio_patches.event_errors import explain_errors
from dcgan_hub.demo.gradio_patches.request_limits import NO_ENDPOINT, app_options, check_inputs
from dcgan_hub.demo.gradio_patches.served_files import hand_over_served, serve_strip
from dcgan_hub.demo.gradio_patches.tool_answers import show_pictures_to_tools
from dcgan_hub.demo.serving.hosts import Hosts
from dcgan_hub.demo.serving.log_lines import FewLines
from dcgan_hub.demo.serving.requests import NO_UPLOADS

from .conftest import lay_out

FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


@contextmanager
def relied_on_by(patch: Any) -> Iterator[None]:
    """Says which patch has to be looked at."""
    try:
        yield
    except (Exception, pytest.fail.Exception) as error:
        pytest.fail(f"Gradio {gr.__version__} no longer works as {Path(patch.__file__).name} relies on: {error!r}")


def run_event(
    answer: Callable[..., Any], source: Callable[[], Component], output: type, data: list[Any], *patches: Any
) -> Any:
    """What Gradio itself makes of an event on a patched page; within an event loop, as on a server."""

    async def run() -> Any:
        with gr.Blocks() as demo:
            gr.Button().click(answer, source(), output(), api_name="answer")
        for patch in patches:
            patch(demo)
        (event,) = demo.fns.values()
        return (await demo.process_api(event, data, state=None))["data"]

    return asyncio.run(run())


def test_every_patch_is_held_here() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    patches = [path.stem for path in Path(gradio_patches.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert patches and [name for name in patches if f"relied_on_by({name})" not in tests] == []


def test_a_page_judges_inputs_by_the_method_that_is_replaced() -> None:
    with relied_on_by(request_limits):
        assert list(inspect.signature(gr.Blocks.validate_inputs).parameters) == ["self", "block_fn", "inputs"]
        for data, words in (([], "1 inputs are required. Received: 0."), ([FILE], NO_UPLOADS)):
            with pytest.raises(gr.Error, match=words):
                run_event(repr, gr.Textbox, gr.Textbox, data, check_inputs)


async def small_page() -> gr.Blocks:  # in an event loop, as `lay_out`
    with gr.Blocks() as demo:
        gr.Slider(visible=False)
        with gr.Tabs():
            with gr.Tab("First"):
                gr.Checkbox()
            with gr.Tab("Second"):
                gr.Dropdown()
    return demo


def test_only_what_is_seen_at_first_is_named() -> None:
    demo = asyncio.run(small_page())
    demo.config, demo.theme_hash = demo.get_config_file(), "abc"  # as `launch` sets them
    with relied_on_by(asset_hints):
        hints = asset_hints.page_hints(demo)
        assert 'href="./theme.css?v=abc"' in hints
        named, seen = set(re.findall(r"assets/([\w.-]+)", hints)), ["form", "tabs", "tabitem", "checkbox"]
        assert named == set(asset_hints.first_assets(seen)) > set(asset_hints.first_assets(seen[1:])) > set()
        for kind in (*seen, "dropdown", "slider"):
            assert (set(asset_hints.first_assets([kind])) <= named) == (kind in seen), kind


def test_a_server_takes_the_options_and_uploads_go_to_the_known_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    async def serve(is_limited: bool) -> App:
        with gr.Blocks() as demo:
            gr.Button().click(repr, gr.Textbox(), gr.Textbox(), api_name="answer")
        demo.max_file_size = None  # as `launch` sets it
        return App.create_app(demo, app_kwargs=app_options(demo, Hosts(["testserver"]), 16) if is_limited else None)

    with relied_on_by(request_limits):
        usual, limited = (TestClient(asyncio.run(serve(is_limited))) for is_limited in (False, True))
        upload = f"{API_PREFIX}/upload"
        assert usual.post(upload, files={"files": b"a file"}).status_code == 200
        answer = limited.post(upload, files={"files": b"a file"})
        assert (answer.status_code, answer.json()["detail"]) == (403, NO_UPLOADS)
        for address, body in (
            ("/gradio_api/call/nothing", {"data": []}),
            ("/gradio_api/queue/join", {"data": [], "fn_index": 9999, "session_hash": "x"}),
        ):
            answer = limited.post(address, json=body)
            assert (answer.status_code, answer.json()["detail"]) == (400, NO_ENDPOINT)


def test_an_event_that_fails_ends_with_a_sentence_and_one_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caplog.handler, "filters", [FewLines()])  # as `serve` adds it to the logs

    def fail(text: str) -> str:
        full = OSError(errno.ENOSPC, "No space left", "/srv/secret")
        if text == "wrapped":
            raise ValueError(text) from full
        raise {"full": full, "odd": KeyError("/srv/secret")}[text]

    with relied_on_by(event_errors):
        told = {"full": messages.FULL_DISK, "wrapped": messages.FULL_DISK, "odd": event_errors.UNEXPECTED}
        for text, words in told.items():
            caplog.clear()
            with pytest.raises(gr.Error) as caught:
                run_event(fail, gr.Textbox, gr.Textbox, [text], explain_errors)
            assert (caught.value.message, caught.value.print_exception) == (words, False)
            assert len(caplog.text.splitlines()) == 1
            assert "test_gradio_patches.py" in caplog.text


def test_a_server_has_the_bounds_and_who_waits_makes_room() -> None:
    async def build() -> App:
        with gr.Blocks() as demo:
            demo.max_file_size = None  # as `launch` sets it
            return App.create_app(demo)

    with relied_on_by(bounded_server):
        app, usual = asyncio.run(build()), http_server.Server
        with bounded_server.bounded_server(16):
            _, port, url, server = http_server.start_server(app, "127.0.0.1")
        assert http_server.Server is usual
        try:
            with ExitStack() as idle:
                for _ in range(40):
                    idle.enter_context(socket.create_connection(("127.0.0.1", port)))
                with urllib.request.urlopen(f"{url}robots.txt", timeout=30) as answer:
                    assert answer.status == 200
                assert len(server.server_state.connections) <= 16
        finally:
            server.close()


def test_answers_that_nobody_reads_are_dropped_and_files_stay_within_their_bytes(tmp_path: Path) -> None:
    async def keep() -> None:
        with gr.Blocks() as demo:
            gallery = gr.Gallery()
        assert gallery.temp_files in demo.temp_file_sets
        unread = housekeeping.UnreadAnswers(demo)
        for session in ("unread", "read"):
            messages: asyncio.Queue[Any] = asyncio.Queue()
            for _ in range(9):
                messages.put_nowait(HeartbeatMessage())
            demo._queue.pending_messages_per_session[session] = messages
            demo._queue.pending_event_ids_session[session] = {"event"}
        for _ in range(housekeeping.ROUNDS_UNREAD + 1):
            assert "unread" in demo._queue.pending_messages_per_session
            await unread.drop()
            demo._queue.pending_messages_per_session["read"].get_nowait()
        assert list(demo._queue.pending_messages_per_session) == list(demo._queue.pending_event_ids_session) == ["read"]

    with relied_on_by(housekeeping):
        asyncio.run(keep())
    files = [tmp_path / str(number) / "image.png" for number in range(5)]
    for number, path in enumerate(files):
        path.parent.mkdir()
        path.write_bytes(bytes(100))
        os.utime(path, (number, number))
    assert housekeeping.remove_oldest([*files, tmp_path / "gone"], 300) == {
        *map(str, files[:2]),
        str(tmp_path / "gone"),
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3", "4"]


def test_threads_that_answered_many_clients_end_when_they_have_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve() -> list[int]:
        with gr.Blocks() as demo:
            gr.Gallery()
        before, everybody = threading.active_count(), threading.Barrier(20)
        async with anyio.create_task_group() as clients:
            for _ in range(20):
                clients.start_soon(anyio.to_thread.run_sync, everybody.wait, 30)
        seen = [threading.active_count() - before]
        keeping = asyncio.create_task(housekeeping._keep(demo))
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if threading.active_count() - before < 3:
                break
        keeping.cancel()
        return [*seen, threading.active_count() - before]

    monkeypatch.setattr(housekeeping, "SECONDS", 0.01)
    monkeypatch.setattr("anyio._backends._asyncio.WorkerThread.MAX_IDLE_TIME", 0.0)
    with relied_on_by(housekeeping):
        while_there, when_gone = asyncio.run(serve())
        assert while_there >= 20 and when_gone < 3


def test_a_session_holds_what_it_changes_and_no_copy_of_the_page() -> None:
    async def serve() -> tuple[gr.Blocks, gr.Textbox, gr.State]:
        with gr.Blocks() as demo:
            text, state = gr.Textbox("first"), gr.State([1])
            gr.Button().click(repr, text, text, api_name="answer")
        demo.max_file_size = None  # as `launch` sets it
        demo.app = App.create_app(demo)
        return demo, text, state

    with relied_on_by(lean_sessions):
        demo, text, state = asyncio.run(serve())
        usual = demo.app.state_holder["usual"]
        assert set(usual.config_values) == set(demo.blocks)
        lean_sessions.keep_sessions_lean(demo)
        lean = demo.app.state_holder["lean"]
        assert not lean.config_values
        assert lean[text._id] is text and lean[state._id] == [1]
        lean[state._id] = [2]
        lean[text._id] = gr.Textbox("second")
        assert lean[state._id] == [2] and usual[state._id] == [1]
        assert set(lean.config_values) <= {text._id, state._id}


def test_an_answer_of_served_pictures_passes_the_method_that_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    pictures = serve_strip([(np.zeros((4, 4, 3), np.uint8), "0%")])
    with relied_on_by(served_files):
        expected = ["self", "block_fn", "predictions", "state"]
        assert list(inspect.signature(gr.Blocks.postprocess_data).parameters) == expected
        assert inspect.iscoroutinefunction(gr.Blocks.postprocess_data)
        assert isinstance(lay_out(gr.Gallery).temp_files, set)
        assert run_event(lambda text: pictures, gr.Textbox, gr.Gallery, [""], hand_over_served) == [pictures.answer()]
        assert run_event(lambda text: text, gr.Textbox, gr.Textbox, ["as ever"], hand_over_served) == ["as ever"]


def test_tools_answer_by_the_method_that_is_replaced_and_without_it_a_gallery_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mcp", reason='needs pip install "dcgan-hub[mcp]"')
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    gallery = serve_strip([(np.zeros((4, 4, 3), np.uint8), "0%")]).answer()

    async def serve() -> gr.Blocks:
        with gr.Blocks() as demo:
            gr.Button().click(repr, gr.Textbox(), gr.Textbox(), api_name="answer")
        assert demo.mcp_server_obj is None
        show_pictures_to_tools(demo)  # a page without tools
        App.create_app(demo, mcp_server=True)
        return demo

    with relied_on_by(tool_answers):
        demo = asyncio.run(serve())
        server = demo.mcp_server_obj
        assert list(inspect.signature(server.postprocess_output_data).parameters) == ["data", "root_url"]
        assert [part.type for part in server.postprocess_output_data([gallery], "http://a")] == ["text"]
        show_pictures_to_tools(demo)
        image, text = server.postprocess_output_data([gallery], "http://a")
        assert (image.type, text.type) == ("image", "text") and "1. 0%: http://a/" in text.text
