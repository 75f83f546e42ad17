"""The app through its API, as a program would use it."""

import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import av
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from dcgan_hub.bundle.generator import Generator

from .conftest import ROOT, RunningApp, read_config, running_app

LARGEST_SEED = 2**32 - 1
VIDEO = {"frames": 5, "frames_per_second": 10, "method": "slerp", "loop": False}


@pytest.fixture(scope="module")
def client(app: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


@pytest.mark.parametrize("model", ["runs/tiny", "model/grey"])
def test_served_images_are_those_of_the_generator(client: Client, runs: Path, app: RunningApp, model: str) -> None:
    folder = runs / "tiny" if model == "runs/tiny" else app.log.parent / "grey"
    items = client.predict(model=model, seed=7, number=5, truncation=0.8, api_name="/generate")

    expected = Generator.from_pretrained(folder).generate(seeds=range(7, 12), truncation=0.8)
    assert [item["caption"] for item in items] == [f"seed {seed}" for seed in range(7, 12)]
    for item, image, seed in zip(items, expected, range(7, 12), strict=True):
        with Image.open(item["image"]) as picture:
            assert picture.format == "PNG"
            assert picture.info["seed"] == str(seed)
            np.testing.assert_array_equal(np.asarray(picture).reshape(image.shape), image)


def test_the_last_seed_can_be_drawn(client: Client) -> None:
    items = client.predict("runs/tiny", LARGEST_SEED, 1, 1.0, api_name="/generate")
    assert items[0]["caption"] == f"seed {LARGEST_SEED}"


def test_an_interpolation_is_a_video_of_the_frames_asked_for(client: Client, runs: Path) -> None:
    video = client.predict("runs/tiny", "3, 1;4", api_name="/interpolate", **VIDEO)
    path = video["video"] if isinstance(video, dict) else video

    expected = Generator.from_pretrained(runs / "tiny").interpolate([3, 1, 4], frames=5)
    with av.open(path) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert film.streams.video[0].average_rate == 10
    assert len(frames) == 5
    assert frames[0].shape == (512, 512, 3)
    for frame, image in zip(frames, expected, strict=True):  # the codec changes colours, but not what is where
        small = frame[16::32, 16::32].astype(float)
        assert np.corrcoef(small.ravel(), image.ravel())[0, 1] > 0.8


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"seed": -1}, "`seed` must be a whole number from 0 to 4294967295. Received: -1."),
        ({"seed": 1.5}, "`seed` must be a whole number"),
        ({"seed": None}, "`seed` must be a whole number"),
        ({"seed": "seven"}, "`seed` must be a whole number"),
        ({"seed": LARGEST_SEED}, "Nearest valid: seed=4294967294."),
        ({"number": 65}, "`number` must be a whole number from 1 to 64. Received: 65."),
        ({"number": "many"}, "`number` must be a whole number from 1 to 64. Received: 'many'."),
        ({"truncation": 3}, "`truncation` must be above 0 and at most 2. Received: 3."),
        ({"truncation": None}, "`truncation` must be above 0 and at most 2. Received: None."),
        ({"model": "runs/nowhere"}, "The model must be one of those on this machine. Received: 'runs/nowhere'."),
        ({"model": "runs/../secret"}, "The model must be one of those on this machine."),
        ({"model": "/etc"}, "The model must be one of those on this machine."),
        ({"model": "runs/learning"}, "The model must be one of those on this machine."),
    ],
)
def test_wrong_input_of_generate_is_explained(
    client: Client, app: RunningApp, changed: dict[str, object], sentence: str
) -> None:
    inputs = {"model": "runs/tiny", "seed": 0, "number": 2, "truncation": 1.0} | changed
    with pytest.raises(AppError) as caught:
        client.predict(api_name="/generate", **inputs)
    assert sentence in str(caught.value)
    assert "Traceback" not in app.log_text()


@pytest.mark.parametrize("seeds", ["", "1", "1, two", "1, -2", "1, 2, 3, 4, 5, 6, 7, 8, 9", "1, 4294967296", "1.5 2"])
def test_wrong_seeds_of_interpolate_are_explained(client: Client, app: RunningApp, seeds: str) -> None:
    with pytest.raises(AppError, match="`seeds` must be 2 to 8 whole numbers from 0 to 4294967295"):
        client.predict("runs/tiny", seeds, api_name="/interpolate", **VIDEO)
    assert "Traceback" not in app.log_text()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"frames": 361}, "`frames` must be a whole number from 2 to 360. Received: 361."),
        ({"frames_per_second": 0}, "`frames_per_second` must be a whole number from 1 to 60. Received: 0."),
        ({"method": "teleport"}, "`method` must be one of slerp, lerp. Received: 'teleport'."),
    ],
)
def test_wrong_numbers_of_interpolate_are_explained(
    client: Client, app: RunningApp, changed: dict[str, object], sentence: str
) -> None:
    with pytest.raises(AppError) as caught:
        client.predict("runs/tiny", "1, 2", api_name="/interpolate", **(VIDEO | changed))
    assert sentence in str(caught.value)
    assert "Traceback" not in app.log_text()


def test_a_sample_sheet_is_served_as_it_was_saved(client: Client, runs: Path) -> None:
    picture, caption = client.predict("learning", 2, api_name="/run_sample")
    assert "Step 500" in caption
    with Image.open(picture) as served, Image.open(runs / "learning" / "samples" / "step-00000500.png") as saved:
        np.testing.assert_array_equal(np.asarray(served), np.asarray(saved.convert("RGB")))


@pytest.mark.parametrize("name", ["../secret", "learning/../../secret", "linked", "/etc", "", ".", "tiny/generator"])
def test_no_run_outside_of_the_folder_is_read(client: Client, app: RunningApp, name: str) -> None:
    with pytest.raises(AppError, match="The run must be one of those on this machine"):
        client.predict(name, 1, api_name="/run_sample")
    assert "Traceback" not in app.log_text()


@pytest.mark.parametrize("file", ["runs/tiny/run.json", "runs/tiny/samples/step-00000000.png", "secret/run.json"])
def test_no_file_of_the_disk_is_served(app: RunningApp, runs: Path, file: str) -> None:
    path = runs.parent / file
    assert path.is_file()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{app.url}/gradio_api/file={path}", timeout=30)
    with caught.value as answer:
        assert answer.code in (403, 404)


def test_facts_of_a_model_are_told(client: Client) -> None:
    assert "16 × 16 pixels, 1 channel" in client.predict("model/grey", api_name="/facts")


def test_only_the_documented_endpoints_are_public(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/generate", "/interpolate", "/run_sample", "/facts"}


def test_in_an_empty_folder_the_page_shows_what_there_is(tmp_path: Path) -> None:
    """The embedded generator; or, in a package that came without one, how to train one."""
    with running_app(tmp_path) as app:
        parts = {part["props"].get("elem_id"): part["props"] for part in read_config(app)["components"]}
        has_models = bool(parts["model"]["choices"])
        assert parts["model"]["visible"] == has_models
        assert parts["empty"]["visible"] != has_models
        assert "Traceback" not in app.log_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["--model", "nowhere"], "which does not exist"), (["--port", "1000000"], "--port 1000000")],
)
def test_a_wrong_start_is_explained(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken_is_explained(app: RunningApp, tmp_path: Path) -> None:
    port = app.url.rsplit(":", 1)[1]
    command = [sys.executable, str(ROOT / "app.py"), "--port", port]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert f"Received: --host 127.0.0.1 --port {port}." in result.stderr
    assert "Traceback" not in result.stderr
