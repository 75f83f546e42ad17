"""The app through its API, as a program would use it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from preloaded import run_program

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.demo.app import serve
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import latents_of
from dcgan_hub.networks.point_syntax import parse_points

from .conftest import ROOT, RunningApp, read_config, running_app

MAX_SEED = 2**32 - 1
VIDEO = {"frames": 5, "frames_per_second": 10, "method": "slerp", "loop": False}
MODEL = "runs/tiny"


@pytest.fixture(scope="module")
def client(app: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


@pytest.fixture(scope="module")
def generator(runs: Path) -> Generator:
    return Generator.from_pretrained(runs / "tiny")


def pixels_of(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def post(app: RunningApp, path: str, body: bytes | Any) -> tuple[int, str]:
    """Sends what no client would send."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(app.url + path, content, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("model", [MODEL, "model/grey"])
def test_served_images_are_those_of_the_generator(client: Client, runs: Path, app: RunningApp, model: str) -> None:
    folder = runs / "tiny" if model == MODEL else app.log.parent / "grey"
    items = client.predict(model=model, seed=7, number=5, truncation=0.8, api_name="/generate")

    expected = Generator.from_pretrained(folder).generate(seeds=range(7, 12), truncation=0.8)
    assert [item["caption"] for item in items] == [f"seed {seed}" for seed in range(7, 12)]
    for item, image, seed in zip(items, expected, range(7, 12), strict=True):
        with Image.open(item["image"]) as picture:
            assert picture.format == "PNG"
            assert picture.info["seed"] == str(seed)
            assert picture.info["model"] == model
            assert picture.info["truncation"] == "0.8"
            np.testing.assert_array_equal(np.asarray(picture).reshape(image.shape), image)


@pytest.mark.parametrize("seed", ["1,5-9", "1, 5-7", f"{MAX_SEED}, 0", "42~1-3@0.3, 1.2-3.4+5"])
def test_a_list_is_drawn_as_it_is(client: Client, generator: Generator, seed: str) -> None:
    items = client.predict(MODEL, seed, 2, 1.0, api_name="/generate")
    points = parse_points(seed, 64)
    expected = generator.generate(latents=latents_of(points, generator))
    assert len(items) == len(points)
    for item, image in zip(items, expected, strict=True):
        np.testing.assert_array_equal(pixels_of(item["image"]), image)


def test_what_is_left_out_has_a_default(client: Client) -> None:
    assert len(client.predict(model=MODEL, api_name="/generate")) == 16


def test_variations_begin_with_what_they_are_of(client: Client, generator: Generator) -> None:
    items = client.predict(MODEL, "42", 0.3, 3, 5, 1.0, api_name="/vary")
    assert [item["caption"] for item in items] == ["seed 42", "42~5@0.3", "42~6@0.3"]
    np.testing.assert_array_equal(pixels_of(items[0]["image"]), generator.generate(seeds=[42])[0])
    unchanged = client.predict(MODEL, "42", 0, 2, 5, 1.0, api_name="/vary")
    np.testing.assert_array_equal(pixels_of(unchanged[1]["image"]), generator.generate(seeds=[42])[0])


def test_a_mix_is_a_minus_b_plus_c(client: Client, generator: Generator) -> None:
    items = client.predict(MODEL, "1,2", "3", "4", 1.0, api_name="/mix")
    assert [item["caption"] for item in items] == ["1.2-3+4", "mean of 1 and 2", "seed 3", "seed 4"]
    latents = generator.latents([1, 2, 3, 4]).astype(float)
    total = latents[:2].mean(0) - latents[2] + latents[3]
    total *= np.sqrt(generator.latent_dim) / np.linalg.norm(total)
    expected = generator.generate(latents=total[None].astype(np.float32))[0].astype(int)
    assert np.abs(pixels_of(items[0]["image"]).astype(int) - expected).max() <= 1  # another order of rounding


def test_a_plane_and_a_sheet_are_pictures_of_all_their_images(client: Client) -> None:
    with Image.open(client.predict(MODEL, "1,2,3,4", 3, 1.0, api_name="/plane")) as sheet:
        assert sheet.info["points"].split(",")[::8] == ["1", "4"]
        wide = sheet.width
    with Image.open(client.predict(MODEL, "1-9", 1, 1.0, api_name="/sheet")) as sheet:
        assert sheet.info["points"] == "1,2,3,4,5,6,7,8,9"
        assert sheet.width <= wide
    with Image.open(client.predict(MODEL, "model/grey", "1-3", 1, 1.0, api_name="/compare_models")) as sheet:
        assert (sheet.info["points"], sheet.info["model"], sheet.info["other"]) == ("1,2,3", MODEL, "model/grey")
        assert sheet.size == (2 + 3 * 98, 2 + 2 * 111)


def test_an_archive_has_a_file_an_image(client: Client) -> None:
    with zipfile.ZipFile(client.predict(MODEL, "5,7", 1, 1.0, api_name="/archive")) as archive:
        assert archive.namelist() == ["1-seed-5.png", "2-seed-7.png"]
        assert archive.testzip() is None
        seeds = []
        for name in archive.namelist():
            with Image.open(archive.open(name)) as picture:
                seeds.append(picture.info["seed"])
    assert seeds == ["5", "7"]


def test_an_interpolation_is_a_video_of_the_frames_asked_for(client: Client, generator: Generator) -> None:
    path = client.predict(MODEL, "3, 1;4", api_name="/interpolate", **VIDEO)
    expected = generator.interpolate([3, 1, 4], frames=5)
    with av.open(path) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert film.streams.video[0].average_rate == 10
    assert len(frames) == 5
    assert frames[0].shape == (512, 512, 3)
    for frame, image in zip(frames, expected, strict=True):  # the codec changes colours, but not what is where
        small = frame[16::32, 16::32].astype(float)
        assert np.corrcoef(small.ravel(), image.ravel())[0, 1] > 0.8


@pytest.mark.parametrize(("kind", "name"), [("gif", "walk.gif"), ("webp", "walk.webp"), ("zip", "frames.zip")])
def test_an_interpolation_comes_in_other_formats(client: Client, kind: str, name: str) -> None:
    path = Path(client.predict(MODEL, "1, 2", format=kind, api_name="/interpolate", **VIDEO))
    assert path.name == name
    if kind == "zip":
        with zipfile.ZipFile(path) as archive:
            assert len(archive.namelist()) == 5
    else:
        with Image.open(path) as film:
            assert film.n_frames == 5


def test_an_interpolation_comes_in_the_shape_of_a_phone(client: Client) -> None:
    with av.open(client.predict(MODEL, "1, 2", shape="9:16", api_name="/interpolate", **VIDEO)) as film:
        assert [(frame.width, frame.height) for frame in film.decode(video=0)] == [(1080, 1920)] * 5
        assert json.loads(film.metadata["comment"])["points"] == "1,2"


def test_a_filmstrip_is_a_few_images_of_the_walk(client: Client, generator: Generator) -> None:
    items = client.predict(MODEL, "1, 2", 3, "slerp", False, 1.0, api_name="/filmstrip")
    assert [item["caption"] for item in items] == ["0%", "50%", "100%"]
    np.testing.assert_array_equal(pixels_of(items[2]["image"]), generator.generate(seeds=[2])[0])


def test_models_are_listed(client: Client) -> None:
    assert client.predict(api_name="/models") == ["model/grey", "avatars", "runs/tiny"]


WRONG = [
    ("/generate", {"seed": -1}, "A seed is a whole number from 0 to 4294967295"),
    ("/generate", {"seed": 1.5}, "`seed` must be text"),
    ("/generate", {"seed": None}, "`seed` must be text"),
    ("/generate", {"seed": "seven"}, "Received: 'seven'"),
    ("/generate", {"seed": [1]}, "`seed` must be text"),
    ("/generate", {"seed": "0-9999"}, "9,936 too many"),
    ("/generate", {"seed": "4294967296"}, "A seed is a whole number from 0 to 4294967295"),
    ("/generate", {"seed": "9" * 300}, "A seed is a whole number from 0 to 4294967295"),
    ("/generate", {"seed": 10**30}, "A seed is a whole number from 0 to 4294967295"),
    ("/generate", {"seed": "9-5"}, "A range of seeds must be ascending"),
    ("/generate", {"seed": {"seed": 1}}, "`seed` must be text"),
    ("/generate", {"number": 10_000}, "`number` must be a whole number from 1 to 64. Received: 10000."),
    ("/generate", {"number": -1}, "`number` must be a whole number from 1 to 64. Received: -1."),
    ("/generate", {"model": "../.."}, "The model must be one of those listed here"),
    ("/generate", {"model": "runs/%2e%2e/secret"}, "The model must be one of those listed here"),
    ("/generate", {"model": "%2e%2e/%2e%2e"}, "The model must be one of those listed here"),
    ("/generate", {"model": "<script>alert(1)</script>"}, "&lt;script&gt;"),
    ("/generate", {"model": ["avatars"]}, "`model` must be text"),
    ("/generate", {"seed": "1," * 9000}, "`seed` must be text of at most 8,000 characters"),
    ("/generate", {"seed": MAX_SEED, "number": 2}, "Nearest valid: seed=4294967294."),
    ("/generate", {"seed": "<b>1</b>"}, "&lt;b&gt;1&lt;/b&gt;"),
    ("/generate", {"number": 65}, "`number` must be a whole number from 1 to 64. Received: 65."),
    ("/generate", {"number": 0}, "`number` must be a whole number from 1 to 64. Received: 0."),
    ("/generate", {"number": "many"}, "`number` must be a whole number from 1 to 64. Received: 'many'."),
    ("/generate", {"number": True}, "`number` must be a whole number"),
    ("/generate", {"truncation": 3}, "`truncation` must be a number from 0.05 to 2. Received: 3."),
    ("/generate", {"truncation": None}, "`truncation` must be a number"),
    ("/generate", {"truncation": {"a": 1}}, "`truncation` must be a number"),
    ("/generate", {"model": "runs/nowhere"}, "The model must be one of those listed here"),
    ("/generate", {"model": "runs/../secret"}, "The model must be one of those listed here"),
    ("/generate", {"model": "/etc"}, "The model must be one of those listed here"),
    ("/generate", {"model": "runs/learning"}, "The model must be one of those listed here"),
    ("/generate", {"model": "nobody/none"}, "The Hub "),
    ("/generate", {"model": None}, "`model` must be text"),
    ("/generate", {"model": "x" * 400}, "`model` must be text of at most 300 characters"),
    ("/vary", {"point": "1 2"}, "A seed is a whole number"),
    ("/vary", {"strength": 2}, "`strength` must be a number from 0 to 1"),
    ("/mix", {"b": ""}, "`B` needs at least one seed or point"),
    ("/mix", {"c": "0-99"}, "too many"),
    ("/directions", {"count": 13}, "`count` must be a whole number from 1 to 12"),
    ("/directions", {"reach": 0}, "`reach` must be a number from 0.01 to 9.99"),
    ("/plane", {"corners": "1,2"}, "`corners` must be 4 seeds or points"),
    ("/plane", {"side": 99}, "`side` must be a whole number from 2 to 8"),
    ("/filmstrip", {"pictures": 1000}, "`pictures` must be a whole number from 2 to 64"),
    ("/interpolate", {"frames": 361}, "`frames` must be a whole number from 2 to 360. Received: 361."),
    ("/interpolate", {"frames": 1}, "`frames` must be a whole number from 2 to 360. Received: 1. Try 2."),
    ("/interpolate", {"frames_per_second": 0}, "`frames_per_second` must be a whole number from 1 to 60. Received: 0."),
    ("/interpolate", {"method": "teleport"}, "`method` must be one of slerp, lerp. Received: 'teleport'."),
    ("/interpolate", {"format": "exe"}, "`format` must be one of mp4, gif, webp, zip. Received: 'exe'."),
    ("/interpolate", {"shape": "round"}, "`shape` must be one of picture, square, 9:16. Received: 'round'."),
    ("/interpolate", {"shape": "9:16", "format": "gif"}, "Only an mp4 can have a shape other than picture"),
    ("/interpolate", {"seeds": "1"}, "`seeds` must be 2 to 8 seeds or points. Received: 1."),
    ("/interpolate", {"seeds": "1, two"}, "Received: 'two'"),
    ("/interpolate", {"seeds": "1, -2"}, "Received: '-2'"),
    ("/interpolate", {"seeds": "1-9"}, "1 too many"),
    ("/interpolate", {"seeds": "1, 4294967296"}, "A seed is a whole number"),
    ("/open_model", {"repository": "../.."}, "The model must be one of those listed here"),
    ("/open_model", {"repository": "user/name", "revision": "../x"}, "A revision is the name of a branch"),
]


@pytest.mark.parametrize(("endpoint", "changed", "sentence"), WRONG)
def test_wrong_input_is_explained(
    client: Client, app: RunningApp, endpoint: str, changed: dict[str, object], sentence: str
) -> None:
    inputs = changed if endpoint == "/open_model" else {"model": MODEL} | changed
    with pytest.raises(AppError) as caught:
        client.predict(api_name=endpoint, **inputs)
    assert sentence in str(caught.value)
    assert "Traceback" not in app.log_text()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/gradio_api/call/nothing", {"data": []}, 400),
        ("/gradio_api/call/v2/nothing", {}, 400),
        ("/gradio_api/call/v2/generate", {"nonsense": 1}, 400),
        ("/gradio_api/call/generate", {"data": "text"}, 422),
        ("/gradio_api/call/generate", {}, 422),
        ("/gradio_api/call/generate", b"{not json", 422),
        ("/gradio_api/call/generate", b"[" * 300_000, 413),
        ("/gradio_api/queue/join", {"data": [], "fn_index": 9999, "session_hash": "x"}, 400),
        ("/gradio_api/upload", b"a file", 403),
        ("/upload", b"a file", 403),
    ],
)
def test_a_malformed_request_is_refused(app: RunningApp, path: str, body: Any, status: int) -> None:
    assert post(app, path, body)[0] == status
    assert "Traceback" not in app.log_text()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([MODEL], "4 inputs are required. Received: 1."),
        ([], "4 inputs are required. Received: 0."),
        ([{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, "1", 1, 1], "does not accept files"),
        ([MODEL, [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}], 1, 1], "does not accept files"),
    ],
)
def test_missing_inputs_and_files_are_refused_in_words(app: RunningApp, data: list[Any], words: str) -> None:
    status, answer = post(app, "/gradio_api/call/generate", {"data": data})
    assert status == 200
    event = json.loads(answer)["event_id"]
    with urllib.request.urlopen(f"{app.url}/gradio_api/call/generate/{event}", timeout=30) as response:
        stream = response.read().decode()
    assert "event: error" in stream
    assert words in stream
    assert "Traceback" not in app.log_text()


def test_every_endpoint_refuses_a_call_without_its_inputs_in_words(app: RunningApp, client: Client) -> None:
    for endpoint, told in client.view_api(return_format="dict", print_info=False)["named_endpoints"].items():
        if not told["parameters"]:
            continue
        for data in ([], [None] * len(told["parameters"]), [[{}]] * len(told["parameters"])):
            status, answer = post(app, f"/gradio_api/call{endpoint}", {"data": data})
            assert status == 200, endpoint
            address = f"{app.url}/gradio_api/call{endpoint}/{json.loads(answer)['event_id']}"
            with urllib.request.urlopen(address, timeout=30) as response:
                stream = response.read().decode()
            assert "event: error" in stream, (endpoint, data)
            assert "Received: " in stream, (endpoint, data)
    assert "Traceback" not in app.log_text()


@pytest.mark.parametrize("file", ["runs/tiny/run.json", "runs/tiny/samples/step-00000000.png", "secret/run.json"])
def test_no_file_of_the_disk_is_served(app: RunningApp, runs: Path, file: str) -> None:
    path = runs.parent / file
    assert path.is_file()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{app.url}/gradio_api/file={path}", timeout=30)
    with caught.value as answer:
        assert answer.code in (403, 404)


def test_every_public_endpoint_is_described(app: RunningApp, client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {
        "/generate", "/vary", "/mix", "/plane", "/directions", "/sheet", "/archive", "/filmstrip", "/interpolate",
        "/models", "/open_model", "/facts", "/classes", "/runs", "/run", "/run_sample", "/run_film", "/compare",
        "/compare_models",
    }  # fmt: skip
    with urllib.request.urlopen(f"{app.url}/gradio_api/openapi.json", timeout=30) as response:
        paths = json.load(response)["paths"]
    assert any("/generate" in path for path in paths)
    config = read_config(app)
    # The page loads the scripts of every component that is not invisible itself.
    loaded = {part["type"] for part in config["components"] if part["props"].get("visible") is not False}
    assert "html" in loaded and not loaded & {"file", "gallery", "image", "json", "number", "video"}
    dependencies = {part["api_name"]: part for part in config["dependencies"]}
    for name in ("generate", "vary", "mix", "plane", "sheet", "archive", "filmstrip", "interpolate", "open_model"):
        assert dependencies[name]["api_visibility"] == "public"


def test_in_an_empty_folder_the_page_shows_what_there_is(tmp_path: Path) -> None:
    """The embedded generator; or, in a package that came without one, how to train one. Also behind a proxy."""
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"} | proxies
    with running_app(tmp_path, env=environment) as app:
        parts = {part["props"].get("elem_id"): part["props"] for part in read_config(app)["components"]}
        models = Client(app.url, verbose=False).predict(api_name="/models")
        assert parts["empty"]["visible"] != bool(models)
        assert "Traceback" not in app.log_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model", "nowhere"], "which does not exist"),
        (["--port", "1000000"], "--port 1000000"),
    ],
)
def test_a_wrong_start_is_explained(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    result = run_program(ROOT / "app.py", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken_is_explained(app: RunningApp, tmp_path: Path) -> None:
    port = app.url.rsplit(":", 1)[1]
    command = [sys.executable, str(ROOT / "app.py"), "--port", port]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert f"Received: --host 127.0.0.1 --port {port}, which is in use." in result.stderr
    assert "Traceback" not in result.stderr


BEFORE_THE_FIRST_VISITOR = """
import sys, time
import gradio as gr
from dcgan_hub.demo import app
from dcgan_hub.demo.rendering.renderer import Renderer, identity_of

renderers = []

class Noted(Renderer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        renderers.append(self)

app.Renderer = Noted
gr.Blocks.launch = lambda self, **options: None
app.serve([sys.argv[1]], app.Path("no-runs"), host=None, port=None, share=False, open_hub=False)
(renderer,) = renderers
registry = renderer.registry
key = identity_of(registry.load(registry.names()[0])), "15", 1.0
deadline = time.monotonic() + 60
while renderer.cache.get(key) is None:
    assert time.monotonic() < deadline
    time.sleep(0.1)
print("drawn")
"""


def test_what_is_drawn_before_the_first_visitor_is_drawn_by_the_one_that_draws_for_visitors(
    runs: Path, tmp_path: Path
) -> None:
    """Else both compute at once, and the visitor's first sheet is not remembered."""
    result = run_program("-c", BEFORE_THE_FIRST_VISITOR, runs / "tiny", cwd=tmp_path)
    assert result.stdout.endswith("drawn\n"), result.stderr


def test_tools_for_language_models_need_a_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "gradio.mcp", None)  # as if it were not installed
    with pytest.raises(SettingsError, match=r'pip install "dcgan-hub\[mcp\]"'):
        serve([], tmp_path, host=None, port=None, share=False, mcp=True)
