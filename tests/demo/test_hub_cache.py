"""Generators of the Hub that visitors open: as anybody may see them, few at a time; mistakes are explained."""

import tempfile
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from local_hub import LocalHub
from PIL import Image

from dcgan_hub.demo.catalog import models
from dcgan_hub.demo.catalog.hub_store import FOLDER_PREFIX
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.tabs.model_bar import fetch_model, labeled
from dcgan_hub.errors import BundleError, HubError, SettingsError

from .conftest import ROOT, running_app

TINY_BUNDLE = ROOT / "tests" / "golden" / "tiny-bundle"


def plant(hub: LocalHub, repo_id: str, **options: object) -> str:
    files = {name: (TINY_BUNDLE / name).read_bytes() for name in ("dcgan.json", "model.safetensors")}
    return hub.plant(repo_id, files, **options)


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(RunShelf(tmp_path / "runs"))


def test_a_repository_is_opened_at_its_commit(hub: LocalHub, registry: ModelRegistry) -> None:
    commit = plant(hub, "tester/faces")
    name = fetch_model(registry, " tester/faces ", "")
    assert name == f"tester/faces@{commit}"
    assert registry.revision(name) == commit
    assert registry.open("tester/faces", commit) == name
    assert name not in registry.names()  # others do not see what this visitor opened
    assert (f"tester/faces@{commit[:8]}", name) in labeled(registry, [name])


def test_a_commit_that_was_opened_needs_no_hub(hub: LocalHub, registry: ModelRegistry) -> None:
    commit = plant(hub, "tester/faces")
    registry.open("tester/faces", "main")
    requests = len(hub.requests)
    registry.load(f"tester/faces@{commit}")
    registry.open("tester/faces", "main")  # a branch stays where it was for a while
    assert len(hub.requests) == requests


def test_visitors_send_no_token_and_see_nothing_private(
    hub: LocalHub, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    plant(hub, "tester/hidden", private=True)
    with pytest.raises(HubError, match="an unknown name, or a private repository, which visitors cannot see") as caught:
        fetch_model(registry, "tester/hidden", "")
    assert hub.write_token not in str(caught.value)
    assert not any(word in str(caught.value) for word in ("log in", "auth login", "token", "HF_TOKEN"))
    assert hub.requests
    assert all(request.holder is None for request in hub.requests)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match=r"works offline .* Choose what is listed here") as caught:
        fetch_model(registry, "tester/other", "")
    assert "HF_HUB_OFFLINE" not in str(caught.value)


@pytest.mark.parametrize(
    ("repository", "revision"),
    [
        ("tester/none", ""), ("nobody/faces", ""), ("tester/faces", "no-such-branch"), ("tester/faces", "../main"),
        ("tester/faces", "a" * 300), ("../../etc", ""), ("%2e%2e/etc", ""), ("/etc/passwd", ""), ("a" * 500, ""),
        ("<b>x</b>/y", ""), ("", ""), ("tester/faces/deep", ""), ("http://127.0.0.1/x", ""),
    ],
)  # fmt: skip
def test_what_is_no_generator_is_explained(
    hub: LocalHub, registry: ModelRegistry, repository: str, revision: str
) -> None:
    plant(hub, "tester/faces")
    with pytest.raises((HubError, BundleError, SettingsError)) as caught:
        fetch_model(registry, repository, revision)
    assert len(str(caught.value)) < 900


def test_a_repository_of_something_else_is_explained(hub: LocalHub, registry: ModelRegistry) -> None:
    hub.plant("tester/pickle", {"model.pkl": b"\x80\x04."})
    with pytest.raises(BundleError, match="Python pickle"):
        fetch_model(registry, "tester/pickle", "")


def test_a_large_generator_is_refused_before_its_weights(
    hub: LocalHub, registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MAX_PARAMETERS", 1000)
    plant(hub, "tester/faces")
    with pytest.raises(BundleError, match="up to 1,000 parameters"):
        fetch_model(registry, "tester/faces", "")
    assert not any("model.safetensors" in str(request) for request in hub.requests)


def test_where_the_hub_is_closed_only_listed_generators_open(hub: LocalHub, tmp_path: Path) -> None:
    plant(hub, "tester/faces")
    registry = ModelRegistry(RunShelf(tmp_path / "runs"), open_hub=False)
    with pytest.raises(BundleError, match=r"The model must be one of those listed here\. Received: 'tester/faces'"):
        registry.open("tester/faces")
    assert hub.requests == []


def test_a_running_app_opens_a_repository_and_draws_it_at_its_commit(hub: LocalHub, tmp_path: Path) -> None:
    commit = plant(hub, "tester/faces")
    with running_app(tmp_path, "--runs", str(tmp_path / "runs")) as app:
        client = Client(app.url, verbose=False, download_files=str(tmp_path / "downloads"))
        opened = client.predict("tester/faces", "main", api_name="/open_model")
        assert opened == {"model": f"tester/faces@{commit}", "revision": commit, "width": 24, "height": 18}
        items = client.predict(opened["model"], "3", 2, api_name="/generate")
        with Image.open(items[0]["image"]) as picture:
            assert picture.size == (24, 18)
            assert (picture.info["seed"], picture.info["revision"]) == ("3", commit)
        with pytest.raises(AppError, match="The Hub has no model repository tester/none"):
            client.predict("tester/none", "main", api_name="/open_model")
        assert client.predict(api_name="/models") == ["avatars"]
        assert "Traceback" not in app.log_text()
        (fetched,) = Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}{app.pid}-*")
        assert any(fetched.rglob("model.safetensors"))
    assert not fetched.exists(), "SIGTERM ends the app like Ctrl-C"
    assert "Traceback" not in app.log_text()
