"""The app as tools of a language model: over the real protocol, with the client that comes with `gradio[mcp]`."""

import asyncio
import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .conftest import RunningApp, make_generator, make_run, running_app

mcp = pytest.importorskip("mcp", reason="needs pip install 'gradio[mcp]'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    make_generator(1).save_pretrained(folder / "tiny")
    make_run(folder / "runs" / "anime", state="finished")
    return folder


@pytest.fixture(scope="module")
def tools(folder: Path) -> Iterator[RunningApp]:
    with running_app(folder, "--model", str(folder / "tiny"), "--mcp") as running:
        yield running


def call(app: RunningApp, tool: str, arguments: dict[str, Any]) -> Any:
    """What a tool answers."""
    from mcp.client.streamable_http import streamable_http_client

    async def ask() -> Any:
        async with (
            streamable_http_client(f"{app.url}/gradio_api/mcp/") as (reader, writer, _),
            mcp.ClientSession(reader, writer) as session,
        ):
            await session.initialize()
            assert tool in [known.name for known in (await session.list_tools()).tools]
            return await session.call_tool(tool, arguments)

    return asyncio.run(ask())


def test_a_tool_draws_the_images_that_are_asked_for(tools: RunningApp, tmp_path: Path) -> None:
    answer = call(tools, "generate", {"model": "model/tiny", "seed": "7, 9", "truncation": 0.8})
    assert not answer.isError, answer.content
    words = "".join(part.text for part in answer.content if part.type == "text")
    addresses = re.findall(r"'url': '(http://[^']+)'", words)
    assert [address.rpartition("/")[2] for address in addresses] == ["seed-7.png", "seed-9.png"]
    urllib.request.urlretrieve(addresses[1], tmp_path / "9.png")
    with Image.open(tmp_path / "9.png") as picture:
        assert (picture.info["seed"], picture.info["truncation"]) == ("9", "0.8")
        expected = make_generator(1).generate(seeds=[9], truncation=0.8)[0]
        np.testing.assert_array_equal(np.asarray(picture), expected)


def test_a_tool_answers_with_facts_and_explains_mistakes(tools: RunningApp) -> None:
    answer = call(tools, "models", {})
    assert "model/tiny" in json.dumps([part.text for part in answer.content])
    answer = call(tools, "run", {"run": "../.."})
    assert answer.isError
    assert "The run must be one of those on this machine" in answer.content[0].text
    assert "Traceback" not in tools.log_text()
