"""The endpoints about runs, as a program uses them: runs of the folder, records on the Hub, and what is neither."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.errors import HubError, RunError, SettingsError

from .conftest import HOSTILE, RunningApp, make_run

if TYPE_CHECKING:
    from local_hub import LocalHub


@pytest.fixture(scope="module")
def client(app: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app.url, verbose=False, download_files=str(tmp_path_factory.mktemp("downloads")))


@pytest.fixture
def record(hub: "LocalHub", tmp_path: Path) -> str:
    """The record of a run in a model repository; its commit."""
    run = make_run(tmp_path / "pushed", reason=HOSTILE, created="2026-11-22T03:49:02+00:00")
    files = {f"run/samples/{path.name}": path.read_bytes() for path in run.sample_files()}
    files |= {"run/run.json": run.record_file.read_bytes(), "run/metrics.jsonl": run.metrics_file.read_bytes()}
    files |= {
        "dcgan.json": b"{}",
        "run/samples/../../secret.png": b"",
        "run/samples/step-1.png": b"",
        "README.md": b"x",
    }
    return hub.plant("anna/faces", files)


def test_all_runs_are_listed_in_short(client: Client) -> None:
    found = {run["run"]: run for run in client.predict(api_name="/runs")}
    assert set(found) == {"tiny", "learning"}
    assert (found["tiny"]["state"], found["tiny"]["model"]) == ("finished", "runs/tiny")
    assert (found["learning"]["step"], found["learning"]["sheets"], found["learning"]["model"]) == (500, 3, None)


def test_one_run_is_told_in_full(client: Client) -> None:
    told = client.predict("learning", api_name="/run")
    assert told["steps"] == [0, 500, 1000]
    assert told["metrics"] == [{"step": 500, "g_loss": 0.75}]
    assert told["settings"]["preset"] == "avatars-32"
    assert told["problems"] == []
    assert told["course"][-1]["words"]


def test_a_sample_sheet_is_served_as_it_was_saved(client: Client, runs: Path) -> None:
    picture, caption = client.predict("learning", 2, api_name="/run_sample")
    assert caption == "Step 500 · sheet 2 of 3"
    with Image.open(picture) as served, Image.open(runs / "learning" / "samples" / "step-00000500.png") as saved:
        np.testing.assert_array_equal(np.asarray(served), np.asarray(saved.convert("RGB")))


def test_two_runs_are_compared_at_an_equal_step(client: Client, runs: Path) -> None:
    first, second, caption = client.predict("learning", "tiny", "steps", "700", api_name="/compare")
    assert caption == "Step 700: step 500 and step 500"
    for served, name in ((first, "learning"), (second, "tiny")):
        with Image.open(served) as picture, Image.open(runs / name / "samples" / "step-00000500.png") as saved:
            np.testing.assert_array_equal(np.asarray(picture), np.asarray(saved.convert("RGB")))
    assert client.predict("learning", "tiny", api_name="/compare")[2].startswith("Step 1,000")


def test_a_time_lapse_is_a_video_of_the_sheets(client: Client) -> None:
    with av.open(client.predict("tiny", 5, api_name="/run_film")) as film:
        assert film.streams.video[0].average_rate == 5
        assert len(list(film.decode(video=0))) == 3
        height, width = film.streams.video[0].height, film.streams.video[0].width
    path = client.predict("tiny", 5, "learning", "steps", api_name="/run_film")
    assert Path(path).name == "tiny-and-learning-time-lapse.mp4"
    with av.open(path) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 3 and frames[0].shape[0] == height and frames[0].shape[1] > 2 * width
    for frame in frames:  # both runs have the same sheets
        np.testing.assert_allclose(frame[:, :width].mean(), frame[:, -width:].mean(), atol=3)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("/run", ["../secret"], "The run must be one of those on this machine"),
        ("/run", ["%2e%2e/secret"], "The run must be one of those on this machine"),
        ("/run", ["/etc"], "The run must be one of those on this machine"),
        ("/run", ["linked"], "The run must be one of those on this machine"),
        ("/run", ["x" * 10_000], "The run must be one of those on this machine"),
        ("/run", [HOSTILE], "The run must be one of those on this machine"),
        ("/run", [["tiny"]], "The run must be one of those on this machine"),
        ("/run", [None], "The run must be one of those on this machine"),
        ("/run", ["hf://../secret"], "A repository on the Hub is called user/name"),
        ("/run", ["hf://anna/faces@../.."], "A revision is the name of a branch"),
        ("/run_sample", ["tiny", 0], "`position` must be a whole number from 1 to 3"),
        ("/run_sample", ["tiny", "two"], "`position` must be a whole number from 1 to 3"),
        ("/run_sample", ["tiny/generator", 1], "The run must be one of those on this machine"),
        ("/compare", ["tiny", "../secret", "steps", "end"], "The run must be one of those on this machine"),
        ("/compare", ["tiny", "learning", "age", "end"], "`measure` must be one of steps, time"),
        ("/compare", ["tiny", "learning", "steps", "5000"], "`at` must be one of the steps that both runs have"),
        ("/compare", ["tiny", "learning", "time", "end"], "without reports with the training time"),
        ("/run_film", ["tiny", 1000], "`frames_per_second` must be a whole number from 1 to 30"),
        ("/run_film", ["/tmp", 8], "The run must be one of those on this machine"),
        ("/run_film", ["tiny", 8, "../secret"], "The run must be one of those on this machine"),
        ("/run_film", ["tiny", 8, "learning", "age"], "`measure` must be one of steps, time"),
        ("/run_film", ["tiny", 8, "learning", "time"], "without reports with the training time"),
    ],
)
def test_wrong_input_is_explained(
    client: Client, app: RunningApp, endpoint: str, arguments: list[Any], sentence: str
) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(*arguments, api_name=endpoint)
    assert sentence in str(caught.value)
    assert "Traceback" not in app.log_text()


def test_a_run_is_opened_on_the_hub(client: Client, record: str, app: RunningApp) -> None:
    told = client.predict("hf://anna/faces", api_name="/run")
    assert told["run"] == f"hf://anna/faces@{record}"
    assert told["steps"] == [0, 500, 1000]  # names that are none of ours are left out
    assert told["model"] == f"anna/faces@{record}"
    assert told["state"] == "stopped"
    assert told["metrics"] == [{"step": 500, "g_loss": 0.75}]
    picture, _ = client.predict(told["run"], 3, api_name="/run_sample")
    with Image.open(picture) as served:
        assert served.size == (38, 38)
    assert "Traceback" not in app.log_text()


def test_a_commit_of_the_hub_is_asked_for_once_and_without_a_token(
    hub: "LocalHub", record: str, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    shelf = RunShelf(runs)
    hub.forget_requests()
    run = shelf.open(f"hf://anna/faces@{record}")
    sheets = [request.path for request in hub.requests if "samples" in request.path]
    assert sheets == []  # they are fetched when they are looked at
    assert {request.holder for request in hub.requests} == {None}
    assert run.read_sheet(500).startswith(b"\x89PNG")

    hub.forget_requests()
    assert shelf.open(run.name).read_sheet(500) == run.read_sheet(500)
    assert not [request for request in hub.requests if request.method == "GET"]

    hub.plant("anna/secret", {"run/run.json": b"{}"}, private=True)
    with pytest.raises(HubError, match="anna/secret"):
        shelf.open("hf://anna/secret")


def test_what_is_no_record_on_the_hub_is_explained(hub: "LocalHub", record: str, runs: Path) -> None:
    shelf = RunShelf(runs)
    hub.plant("anna/empty", {"README.md": b"nothing"})
    with pytest.raises(RunError, match="without it"):
        shelf.open("hf://anna/empty")
    with pytest.raises(HubError, match="anna/nothing"):
        shelf.open("hf://anna/nothing")
    hub.plant("anna/broken", {"run/run.json": b"[1]"})
    with pytest.raises(RunError, match="must be a JSON object"):
        shelf.open("hf://anna/broken")
    hub.plant("anna/huge", {"run/run.json": b"{}"}, declared_sizes={"run/run.json": 10 * 2**30})
    with pytest.raises(HubError, match="1,000,000"):
        shelf.open("hf://anna/huge")
    for name in ("hf://", "hf://anna", "hf://anna/faces/more", "hf://../..", f"hf://{HOSTILE}"):
        with pytest.raises(SettingsError, match="user/name"):
            shelf.open(name)
    with pytest.raises(RunError, match="one of those on this machine"):
        RunShelf(runs, open_hub=False).open("hf://anna/faces")
