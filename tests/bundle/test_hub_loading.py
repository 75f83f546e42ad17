"""Generators from the Hub: the right two files of the right commit, and nothing else from whoever wrote the rest."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hub_repositories import BUNDLE, GALLERY, GOLDEN, ID, SEEDS, asked, process
from huggingface_hub import HfApi, constants, snapshot_download
from local_hub import LocalHub

from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.source import fetch_bundle
from dcgan_hub.errors import BundleError, HubError, HubUnavailable, SettingsError

OTHER = {**BUNDLE, "dcgan.json": BUNDLE["dcgan.json"].replace(b'"steps": ', b'"steps": 1')}  # same weights


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return Generator.from_pretrained(GOLDEN).generate(SEEDS)


def test_the_images_of_a_repository_are_those_of_the_bundle(hub, images):
    oid = hub.plant(ID, BUNDLE | GALLERY)
    generator = Generator.from_pretrained(ID)
    assert np.array_equal(generator.generate(SEEDS), images)
    assert generator.name == ID and generator.facts.network == generator.settings
    assert np.array_equal(Generator.from_pretrained(snapshot_download(ID, revision=oid)).generate(SEEDS), images)


def test_branch_tag_commit_and_pull_request(hub):
    old = hub.plant(ID, BUNDLE)
    api = HfApi(token=hub.write_token)
    api.create_tag(ID, tag="v1")
    new = hub.plant(ID, OTHER)
    branch = hub.plant(ID, BUNDLE, branch="feature/faces", message="again")
    wanted = {None: new, "main": new, "v1": old, old: old, new: new, "feature/faces": branch, "refs/heads/main": new}
    for revision, oid in wanted.items():
        assert fetch_bundle(ID, revision)[1].name == oid, revision
        assert fetch_bundle(ID if revision is None else f"{ID}@{revision}")[1].name == oid
        assert fetch_bundle(f"hf://{ID}", revision)[1].name == oid
    assert fetch_bundle(f"{ID}@v1", "v1") == fetch_bundle(ID, "v1")
    assert read_bundle(fetch_bundle(ID, "v1")[1])[0] != read_bundle(fetch_bundle(ID, "main")[1])[0]


def test_only_two_files_are_asked_for(hub):
    hub.plant(ID, BUNDLE | GALLERY)
    fetch_bundle(ID)
    assert asked(hub) == ["dcgan.json", "model.safetensors"]
    assert set(asked(hub, "HEAD")) == {"dcgan.json", "model.safetensors"}
    assert {record.method for record in hub.requests} == {"GET", "HEAD"}
    cached = {path.name for path in Path(constants.HF_HUB_CACHE).rglob("snapshots/*/*")}
    assert cached == {"dcgan.json", "model.safetensors"}


def test_a_cached_hash_asks_nothing_and_a_branch_fetches_nothing(hub):
    oid = hub.plant(ID, BUNDLE)
    fetch_bundle(ID, oid)
    hub.forget_requests()
    assert fetch_bundle(ID, oid)[1].name == oid
    assert not hub.requests
    fetch_bundle(ID)
    assert asked(hub) == [] and set(asked(hub, "HEAD")) == {"dcgan.json"}


def test_a_branch_that_went_on_is_fetched_anew(hub):
    hub.plant(ID, BUNDLE)
    fetch_bundle(ID)
    new = hub.plant(ID, OTHER)
    hub.forget_requests()
    assert fetch_bundle(ID)[1].name == new
    assert asked(hub) == ["dcgan.json"], "the weights have not changed"


def test_both_files_are_of_one_commit(hub):
    """A push between the two: the weights are those of the commit that dcgan.json is of."""
    old = hub.plant(ID, BUNDLE)
    hub.misbehave("model.safetensors", method="HEAD", delay=600, times=1)
    thread = threading.Thread(target=push_meanwhile, args=(hub,))
    thread.start()
    folder = fetch_bundle(ID)[1]
    thread.join()
    assert folder.name == old != hub.head(ID)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == BUNDLE


def push_meanwhile(hub: LocalHub) -> None:
    while "model.safetensors" not in asked(hub, "HEAD"):
        time.sleep(0.01)
    hub.plant(ID, {name: b"other" for name in BUNDLE})
    hub.behave()


def test_without_a_network_the_cache_is_enough(hub, images):
    oid = hub.plant(ID, BUNDLE)
    fetch_bundle(ID)
    hub.forget_requests()
    program = f"""if True:
        from dcgan_hub.bundle.source import fetch_bundle
        for revision in (None, "main", {oid!r}):
            print(fetch_bundle({ID!r}, revision)[1])
    """
    found = process(program, HF_HUB_OFFLINE="1").splitlines()
    assert len(found) == 3 and len(set(found)) == 1
    assert np.array_equal(Generator.from_pretrained(found[0]).generate(SEEDS), images)
    assert process(program, HF_ENDPOINT="http://127.0.0.1:9").splitlines() == found
    assert not hub.requests


def test_a_hub_that_fails_does_not_keep_from_the_cache(hub):
    hub.plant(ID, BUNDLE)
    folder = fetch_bundle(ID)[1]
    for fault in ({"status": 500}, {"status": 429}, {"status": 401}, {"cut_after": 0}):
        hub.misbehave(**fault)
        start = time.monotonic()
        assert fetch_bundle(ID)[1] == folder
        assert time.monotonic() - start < 2, "there is no point in waiting"
        hub.behave()


def test_local_files_only(hub):
    hub.plant(ID, BUNDLE)
    with pytest.raises(HubUnavailable, match="must have been downloaded before"):
        fetch_bundle(ID, local_files_only=True)
    folder = fetch_bundle(ID)[1]
    hub.plant(ID, OTHER)
    hub.forget_requests()
    assert fetch_bundle(ID, local_files_only=True)[1] == folder
    with pytest.raises(SettingsError, match="force_download and local_files_only"):
        fetch_bundle(ID, local_files_only=True, force_download=True)
    assert not hub.requests


def test_force_download(hub):
    oid = hub.plant(ID, BUNDLE)
    for revision in (None, oid):
        folder = fetch_bundle(ID, revision)[1]
        (folder / "model.safetensors").resolve().write_bytes(b"damaged")
        hub.forget_requests()
        assert fetch_bundle(ID, revision, force_download=True)[1] == folder
        assert asked(hub) == ["dcgan.json", "model.safetensors"]
        assert (folder / "model.safetensors").read_bytes() == BUNDLE["model.safetensors"]
    hub.misbehave(status=403)
    with pytest.raises(HubError, match="Received: 403"):
        fetch_bundle(ID, force_download=True)


@pytest.mark.parametrize("pinned", [False, True], ids=["branch", "commit"])
def test_weights_that_went_bad_in_the_cache_are_mended(hub, images, pinned):
    oid = hub.plant(ID, BUNDLE)
    (fetch_bundle(ID)[1] / "model.safetensors").resolve().write_bytes(BUNDLE["model.safetensors"][:-1])
    assert np.array_equal(Generator.from_pretrained(ID, revision=oid if pinned else None).generate(SEEDS), images)


@pytest.mark.parametrize("form", [str, Path])
def test_cache_dir(hub, tmp_path, form):
    hub.plant(ID, BUNDLE)
    folder = fetch_bundle(ID, cache_dir=form(tmp_path / "mine"))[1]
    assert folder.is_relative_to(tmp_path / "mine") and not Path(constants.HF_HUB_CACHE).exists()
    assert read_bundle(folder)


def test_a_private_repository_opens_with_a_token(hub, monkeypatch):
    hub.plant(ID, BUNDLE, private=True)
    with pytest.raises(HubError):
        fetch_bundle(ID)
    folder = fetch_bundle(ID, token=hub.read_token)[1]
    assert {record.holder for record in hub.requests[-2:]} == {"tester"}
    assert not any(hub.read_token.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    monkeypatch.setenv("HF_TOKEN", hub.read_token)
    assert fetch_bundle(ID, force_download=True)[1] == folder
    hub.forget_requests()
    with pytest.raises(HubError):
        fetch_bundle(ID, token=False, force_download=True)
    assert {record.holder for record in hub.requests} == {None}, "False: not even the one that is logged in"


def test_a_folder_wins_over_a_repository(hub, tmp_path, monkeypatch):
    hub.plant("my/model", OTHER)
    monkeypatch.chdir(tmp_path)
    Path("my/model").mkdir(parents=True)
    for name, content in BUNDLE.items():
        Path("my/model", name).write_bytes(content)
    assert fetch_bundle("my/model") == ("model", Path("my/model"))
    assert not hub.requests
    with pytest.raises(SettingsError, match="not on the Hub"):
        fetch_bundle("my/model", "main")
    assert fetch_bundle("hf://my/model")[1].name == hub.head("my/model")
    Path("my/model/dcgan.json").unlink()
    with pytest.raises(BundleError, match=r"the folder my/model, without dcgan\.json"):
        fetch_bundle("my/model")


def test_two_revisions_are_too_many(hub):
    with pytest.raises(SettingsError, match="Give only one revision"):
        fetch_bundle(f"{ID}@v1", "v2")
    assert not hub.requests


@pytest.mark.parametrize(
    "revision", ["../main", "a/../../b", "a b", "/etc", "a/", "x" * 5000, "\x1b[2J", "é", "", "a\x00"]
)
def test_revisions_that_lead_elsewhere_are_not_asked_for(hub, revision):
    hub.plant(ID, BUNDLE)
    for model, option in ((ID, revision), (f"hf://{ID}@{revision}", None)):
        with pytest.raises(SettingsError, match="branch or tag") as raised:
            fetch_bundle(model, option)
        assert len(str(raised.value)) < 400 and str(raised.value).isprintable()
    assert not hub.requests
