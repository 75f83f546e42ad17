"""The installed Gradio works inside as each of `demo/gradio_patches` takes it to, or the patch is named here."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.components import Component
from gradio.route_utils import API_PREFIX
from gradio.routes import App
from starlette.testclient import TestClient

from dcgan_hub.demo.gradio_patches import raw_inputs, request_limits, served_files, tool_answers
from dcgan_hub.demo.gradio_patches.raw_inputs import as_sent
from dcgan_hub.demo.gradio_patches.request_limits import NO_ENDPOINT, NO_UPLOADS, app_options, check_inputs
from dcgan_hub.demo.gradio_patches.served_files import hand_over_served, serve_strip
from dcgan_hub.demo.gradio_patches.tool_answers import show_pictures_to_tools

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
    patches = [path.stem for path in Path(raw_inputs.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert patches and [name for name in patches if f"relied_on_by({name})" not in tests] == []


def test_an_input_hands_on_what_was_sent() -> None:
    def number() -> Component:
        return as_sent(gr.Number(1, minimum=0, maximum=5))

    with relied_on_by(raw_inputs):
        assert list(inspect.signature(Component.preprocess).parameters) == ["self", "payload"]
        assert run_event(repr, number, gr.Textbox, [["many"]]) == ["['many']"]


def test_a_page_judges_inputs_by_the_method_that_is_replaced() -> None:
    with relied_on_by(request_limits):
        assert list(inspect.signature(gr.Blocks.validate_inputs).parameters) == ["self", "block_fn", "inputs"]
        for data, words in (([], "1 inputs are required. Received: 0."), ([FILE], NO_UPLOADS)):
            with pytest.raises(gr.Error, match=words):
                run_event(repr, gr.Textbox, gr.Textbox, data, check_inputs)


def test_a_server_takes_the_options_and_uploads_go_to_the_known_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))

    async def serve(**options: Any) -> App:
        with gr.Blocks() as demo:
            gr.Button().click(repr, gr.Textbox(), gr.Textbox(), api_name="answer")
        demo.max_file_size = None  # as `launch` sets it
        return App.create_app(demo, **options)

    with relied_on_by(request_limits):
        usual, limited = TestClient(asyncio.run(serve())), TestClient(asyncio.run(serve(app_kwargs=app_options())))
        upload = next(address for address in request_limits.UPLOADS if address.startswith(API_PREFIX))
        assert usual.post(upload, files={"files": b"a file"}).status_code == 200
        answer = limited.post(upload, files={"files": b"a file"})
        assert (answer.status_code, answer.json()["detail"]) == (403, NO_UPLOADS)
        for address, body in (
            ("/gradio_api/call/nothing", {"data": []}),
            ("/gradio_api/queue/join", {"data": [], "fn_index": 9999, "session_hash": "x"}),
        ):
            answer = limited.post(address, json=body)
            assert (answer.status_code, answer.json()["detail"]) == (400, NO_ENDPOINT)


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
