"""The app as tools of a language model: over the real protocol, with the client that comes with `dcgan-hub[mcp]`."""

import asyncio
import base64
import io
import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.images.grids import make_sheet

from .conftest import RunningApp, make_generator, make_run, running_app

mcp = pytest.importorskip("mcp", reason='needs pip install "dcgan-hub[mcp]"')
MODEL = {"model": "model/tiny"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    make_generator(1).save_pretrained(folder / "tiny")
    for name in ("anime", "faces"):
        make_run(folder / "runs" / name, state="finished")
    return folder


@pytest.fixture(scope="module")
def tools(folder: Path) -> Iterator[RunningApp]:
    with running_app(folder, "--model", str(folder / "tiny"), "--mcp") as running:
        yield running


@asynccontextmanager
async def opened_session(app: RunningApp) -> Any:
    from mcp.client.streamable_http import streamable_http_client

    async with (
        streamable_http_client(f"{app.url}/gradio_api/mcp/") as (reader, writer, _),
        mcp.ClientSession(reader, writer) as session,
    ):
        await session.initialize()
        yield session


def call(app: RunningApp, tool: str, arguments: dict[str, Any], told_of_progress: bool = False) -> Any:
    """What a tool answers; Gradio takes another way for a client that wants to be told of the progress."""

    async def listen(*progress: Any) -> None: ...

    async def ask() -> Any:
        async with opened_session(app) as session:
            return await session.call_tool(tool, arguments, progress_callback=listen if told_of_progress else None)

    return asyncio.run(ask())


def seen(answer: Any) -> tuple[list[Image.Image], str]:
    """The images of an answer, and its text."""
    assert not answer.isError, answer.content
    images = [
        Image.open(io.BytesIO(base64.b64decode(part.data)), formats=[part.mimeType.removeprefix("image/")])
        for part in answer.content
        if part.type == "image"
    ]
    return images, "\n".join(part.text for part in answer.content if part.type == "text")


def test_every_tool_and_input_is_described_in_whole_sentences_and_whole_numbers_are_integers(tools: RunningApp) -> None:
    async def ask() -> Any:
        async with opened_session(tools) as session:
            return (await session.list_tools()).tools

    found = {tool.name: tool for tool in asyncio.run(ask())}
    assert {"generate", "sheet", "vary", "mix", "plane", "filmstrip", "run_sample", "compare", "run_film"} <= set(found)
    for name, tool in found.items():
        inputs = tool.inputSchema["properties"]
        for words in [tool.description, *(given.get("description", "") for given in inputs.values())]:
            assert words.endswith(".") and ",," not in words and ".." not in words, (name, words)
            assert words.count("(") == words.count(")"), (name, words)
    kinds = {key: given["type"] for key, given in found["vary"].inputSchema["properties"].items()}
    assert kinds == {
        "model": "string", "point": "string", "strength": "number", "number": "integer", "first": "integer",
        "truncation": "number",
    }  # fmt: skip
    assert found["run_sample"].inputSchema["properties"]["position"]["type"] == "integer"


@pytest.mark.parametrize("told_of_progress", [False, True])
def test_a_tool_shows_the_images_that_are_asked_for(tools: RunningApp, tmp_path: Path, told_of_progress: bool) -> None:
    arguments = MODEL | {"seed": "7, 9", "truncation": 0.8}
    (sheet,), words = seen(call(tools, "generate", arguments, told_of_progress))
    expected = make_generator(1).generate(seeds=[7, 9], truncation=0.8)
    right, wrong = (make_sheet(images, captions=["seed 7", "seed 9"]) for images in (expected, expected[::-1]))
    assert sheet.size == right.size
    shown, *drawn = (np.asarray(picture.convert("L"), int) for picture in (sheet, right, wrong))
    errors = [np.abs(shown - expectation).mean() for expectation in drawn]
    assert 2 * errors[0] < errors[1], errors  # WebP loses a little, and both images are similar
    addresses = re.findall(r"^\d+\. seed (\d): (http://\S+)$", words, re.MULTILINE)
    assert [seed for seed, _ in addresses] == ["7", "9"]
    urllib.request.urlretrieve(addresses[1][1], tmp_path / "9.png")
    with Image.open(tmp_path / "9.png") as picture:
        assert (picture.info["seed"], picture.info["truncation"]) == ("9", "0.8")
        np.testing.assert_array_equal(np.asarray(picture), expected[1])


@pytest.mark.parametrize(
    ("tool", "arguments", "captions"),
    [
        ("vary", MODEL | {"number": 2}, ["1. seed 42: http", "2. 42~1@0.3: http"]),
        ("mix", MODEL, ["1. 1.2.3-4.5.6+7.8.9: http", "2. mean of 1, 2 and 3: http"]),
        ("filmstrip", MODEL | {"pictures": 3, "loop": False}, ["1. 0%: http", "2. 50%: http", "3. 100%: http"]),
    ],
)
def test_each_gallery_is_one_sheet_with_captions(
    tools: RunningApp, tool: str, arguments: dict[str, Any], captions: list[str]
) -> None:
    (sheet,), words = seen(call(tools, tool, arguments))
    assert min(sheet.size) > 96
    assert all(caption in words for caption in captions), words
    assert "'path'" not in words


@pytest.mark.parametrize("told_of_progress", [False, True])
def test_sheets_of_runs_are_shown_as_they_were_saved(tools: RunningApp, folder: Path, told_of_progress: bool) -> None:
    saved = folder / "runs" / "anime" / "samples" / "step-00000500.png"
    images, words = seen(call(tools, "run_sample", {"run": "anime", "position": 2}, told_of_progress))
    assert len(images) == 1 and "Step 500 · sheet 2 of 3" in words
    both, words = seen(call(tools, "compare", {"run": "anime", "other": "faces", "at": "700"}, told_of_progress))
    assert len(both) == 2 and "Step 700: step 500 and step 500" in words
    with Image.open(saved) as expected:
        for image in [*images, *both]:
            np.testing.assert_array_equal(np.asarray(image), np.asarray(expected.convert("RGB")))


def test_a_tool_answers_with_facts_and_explains_mistakes(tools: RunningApp) -> None:
    _, words = seen(call(tools, "models", {}))
    assert "model/tiny" in json.loads(words)
    _, words = seen(call(tools, "run", {"run": "anime"}))
    assert json.loads(words)["steps"] == [0, 500, 1000]
    answer = call(tools, "run", {"run": "../.."})
    assert answer.isError
    assert "The run must be one of those on this machine" in answer.content[0].text
    assert "Traceback" not in tools.log_text()
