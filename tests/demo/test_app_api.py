"""What docs/app-api.md says, against a running app: which endpoints there are, their inputs, and every example."""

import contextlib
import io
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT, RunningApp, make_generator, make_run, running_app

if TYPE_CHECKING:
    from local_hub import LocalHub

DOCUMENT = (ROOT / "docs" / "app-api.md").read_text(encoding="utf-8")
WRITTEN_ADDRESS, WRITTEN_MODEL = "http://127.0.0.1:7860", '"avatars"'
BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n(?P<printed>.*?)```\n)?", re.DOTALL)
EXAMPLES = [match.group("code", "printed") for match in BLOCK.finditer(DOCUMENT)]
SECTION = re.compile(r"^### (/\w+)\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| (text|number|whole number|true or false) \| .* \| (.*) \|$", re.MULTILINE)
KINDS = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}


@pytest.fixture(scope="module")
def documented_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """The app over the runs that the document's examples name, and a tiny generator in place of the embedded one."""
    folder = tmp_path_factory.mktemp("documented")
    make_generator(1).save_pretrained(folder / "tiny")
    for name in ("anime", "faces"):
        make_run(folder / "runs" / name, state="finished")
    with running_app(folder, "--model", str(folder / "tiny")) as running:
        yield running


@pytest.fixture(scope="module")
def names(documented_app: RunningApp) -> dict[str, Any]:
    """What the first example leaves for the others."""
    known: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(adapted(EXAMPLES[0][0], documented_app), known)
    return known


def adapted(code: str, app: RunningApp) -> str:
    """An example for this app: only its address and the generator are others."""
    return code.replace(WRITTEN_ADDRESS, app.url).replace(f"model={WRITTEN_MODEL}", 'model="model/tiny"')


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_prints_what_the_document_says(
    number: int, names: dict[str, Any], documented_app: RunningApp, hub: "LocalHub", tmp_path: Path
) -> None:
    code, expected = EXAMPLES[number]
    if "anna/faces" in code:
        make_generator(3).save_pretrained(tmp_path / "faces")
        files = {name: (tmp_path / "faces" / name).read_bytes() for name in ("dcgan.json", "model.safetensors")}
        hub.plant("anna/faces", files)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(adapted(code, documented_app), dict(names))
    if expected is not None:
        assert printed.getvalue() == expected
    assert "Traceback" not in documented_app.log_text()


def test_the_document_tells_of_all_endpoints_and_inputs_and_of_no_others(documented_app: RunningApp) -> None:
    with urllib.request.urlopen(f"{documented_app.url}/gradio_api/info", timeout=30) as response:
        info = json.load(response)
    assert not info["unnamed_endpoints"]
    sections = dict(SECTION.findall(DOCUMENT))
    assert set(sections) == set(info["named_endpoints"])
    for endpoint, told in info["named_endpoints"].items():
        rows = ROW.findall(sections[endpoint])
        assert [name for name, _, _ in rows] == [given["parameter_name"] for given in told["parameters"]], endpoint
        for (name, kind, default), given in zip(rows, told["parameters"], strict=True):
            assert (given["label"], kind) == (name, KINDS[given["type"]["type"]]), (endpoint, name)
            if given["parameter_has_default"]:
                assert default == "the first" or json.loads(default) == given["parameter_default"], (endpoint, name)
            else:
                assert default == "must be given", (endpoint, name)
        labels = [answer["label"] for answer in told["returns"]]
        assert labels and not any(re.search(r"\d", label) for label in labels), (endpoint, labels)


def test_every_endpoint_has_an_example() -> None:
    for endpoint, section in SECTION.findall(DOCUMENT):
        assert f'api_name="{endpoint}"' in section, endpoint


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_call_without_a_client_gets_its_pictures(documented_app: RunningApp) -> None:
    found = re.search(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found is not None
    program = found[1].replace(WRITTEN_ADDRESS, documented_app.url).replace(WRITTEN_MODEL, '"model/tiny"')
    result = subprocess.run(["sh", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    lines = result.stdout.splitlines()
    assert "event: complete" in lines
    gallery = json.loads(lines[lines.index("event: complete") + 1].removeprefix("data: "))[0]
    assert [item["caption"] for item in gallery] == ["seed 7", "seed 8"]
    with urllib.request.urlopen(gallery[0]["image"]["url"], timeout=30) as picture:
        assert picture.read(4) == b"\x89PNG"
