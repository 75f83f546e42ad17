"""The local Hub through the real client: files on their way in and out."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    get_safetensors_metadata,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RemoteEntryNotFoundError
from local_hub import LocalHub

ID = "tester/avatars"
WEIGHTS = bytes(range(256)) * 1000
TINY_BUNDLE = Path(__file__).parent / "golden" / "tiny-bundle"


@pytest.fixture
def api(hub: LocalHub) -> HfApi:
    return HfApi(token=hub.write_token)


def add(path: str, content: bytes) -> CommitOperationAdd:
    return CommitOperationAdd(path, content)


def paths_asked(hub: LocalHub, method: str) -> list[str]:
    return [record.path for record in hub.requests if record.method == method]


def test_a_folder_arrives_and_comes_back(hub, api, tmp_path):
    content = {
        "README.md": b"---\ntags: [gan]\n---\n",
        "model.safetensors": WEIGHTS,
        "empty.bin": b"",
        "a b/ü#?%.txt": b"x",
        "a b/c.png": b"\0",
    }
    for path, data in content.items():
        (tmp_path / "up" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / path).write_bytes(data)
    api.create_repo(ID)
    first = hub.head(ID)
    info = api.upload_folder(repo_id=ID, folder_path=tmp_path / "up", commit_message="All", commit_description="of it")
    attributes = hub.files(ID, first)
    assert hub.files(ID) == attributes | content
    head = hub.commits(ID)[0]
    assert (head.oid, head.parent, head.author, head.title, head.message) == (info.oid, first, "tester", "All", "of it")
    assert {path for path, entry in head.files.items() if entry.large} == {"model.safetensors", "a b/c.png"}
    snapshot = Path(snapshot_download(ID))
    assert snapshot.name == info.oid
    found = {path.relative_to(snapshot).as_posix(): path for path in snapshot.rglob("*") if path.is_file()}
    assert {path: file.read_bytes() for path, file in found.items()} == attributes | content


def test_what_is_there_is_not_sent_again(hub, api):
    api.create_repo(ID)
    first = api.create_commit(ID, [add("model.safetensors", WEIGHTS), add("a.txt", b"a")], commit_message="1")
    hub.forget_requests()
    same = api.create_commit(ID, [add("model.safetensors", WEIGHTS), add("a.txt", b"a")], commit_message="2")
    assert same.oid == first.oid and not any("/commit/" in record.path for record in hub.requests)
    api.create_commit(ID, [add("other.safetensors", WEIGHTS), add("a.txt", b"b")], commit_message="3")
    assert not paths_asked(hub, "PUT")
    assert [commit.title for commit in hub.commits(ID)] == ["3", "1", "initial commit"]


def test_a_commit_that_does_not_know_of_another_is_refused(hub, api):
    api.create_repo(ID)
    first = hub.head(ID)
    second = api.create_commit(ID, [add("a.txt", b"a")], commit_message="1", parent_commit=first).oid
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as error:
        api.create_commit(ID, [add("a.txt", b"b")], commit_message="2", parent_commit=first)
    assert error.value.response.status_code == 412
    assert hub.head(ID) == second and hub.files(ID)["a.txt"] == b"a"


def test_files_and_folders_are_deleted(hub, api):
    hub.plant(ID, {"a": b"", "b/c": b"", "b/d/e": b"", "bb": b""})
    api.create_commit(ID, [CommitOperationDelete("b/"), CommitOperationDelete("a")], commit_message="less")
    assert list(hub.files(ID)) == ["bb"]
    with pytest.raises(RemoteEntryNotFoundError, match="A file with this name doesn't exist"):
        api.delete_file("a", ID)
    api.upload_folder(repo_id=ID, folder_path=TINY_BUNDLE, delete_patterns="*")
    assert "bb" not in hub.files(ID) and len(hub.files(ID)) == 2


@pytest.mark.parametrize(
    "path", ["../a", "a/../b", "/a", ".git/hooks/x", "a//b", "a\\b", "a\nb", "folder", "file/inside", ""]
)
def test_file_names_that_git_could_not_have_are_refused(hub, path):
    before = hub.plant(ID, {"folder/x": b"", "file": b""})
    header = {"key": "header", "value": {"summary": "s"}}
    line = {"key": "file", "value": {"content": "", "path": path, "encoding": "base64"}}
    url = f"{HfApi().endpoint}/api/models/{ID}/commit/main"
    body = f"{json.dumps(header)}\n{json.dumps(line)}\n"
    answer = httpx2.post(url, content=body, headers={"Authorization": f"Bearer {hub.write_token}"})
    assert answer.status_code == 400 and hub.head(ID) == before


def test_a_large_file_that_was_not_sent_cannot_be_committed(hub, api):
    before = hub.plant(ID, {})
    missing = CommitOperationAdd("model.safetensors", WEIGHTS)
    missing._upload_mode, missing._is_uploaded, missing._should_ignore = "lfs", True, False
    with pytest.raises(BadRequestError, match="LFS pointer pointed to a file that does not exist"):
        api.create_commit(ID, [missing, add("a.txt", b"a")], commit_message="1")
    assert hub.head(ID) == before


def test_a_large_file_of_another_content_is_refused(hub):
    hub.plant(ID, {})
    oid, place = hashlib.sha256(WEIGHTS).hexdigest(), f"{HfApi().endpoint}/_lfs/models/{ID}"
    headers = {"Authorization": f"Bearer {hub.write_token}"}
    other = WEIGHTS[:-1] + b"x"
    attempts = [
        (other, {"oid": oid, "size": len(other)}, 422),
        (other, {"oid": hashlib.sha256(other).hexdigest(), "size": len(other)}, 422),
        (WEIGHTS, {"oid": oid, "size": 5}, 422),
        (WEIGHTS, {"oid": oid, "size": len(WEIGHTS)}, 200),
    ]
    for sent, claimed, status in attempts:
        httpx2.put(f"{place}/{oid}", content=sent).raise_for_status()
        assert httpx2.post(f"{place}/{oid}/verify", json=claimed, headers=headers).status_code == status


def test_long_trees_come_in_pages(hub, api):
    content = {f"samples/step {number:02d}.txt": b"%d" % number for number in range(25)} | {"a.npz": WEIGHTS}
    hub.plant(ID, content)
    assert {entry.path for entry in api.list_repo_tree(ID)} == {"a.npz", "samples"}
    everything = list(api.list_repo_tree(ID, recursive=True))
    assert {entry.path for entry in everything} == content.keys() | {"samples"} and len(everything) == 27
    assert len([path for path in paths_asked(hub, "GET") if "recursive=true" in path]) == 3
    assert len(list(api.list_repo_tree(ID, "samples"))) == 25
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(ID, "none"))
    large, small = api.get_paths_info(ID, ["a.npz", "samples/step 03.txt", "none"])
    assert large.lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest() and large.size == len(WEIGHTS)
    assert small.lfs is None and small.blob_id == hashlib.sha1(b"blob 1\x003").hexdigest()
    assert api.verify_repo_checksums(ID, local_dir=snapshot_download(ID)).checked_count == 26


def test_a_cached_pinned_revision_needs_no_request_and_offline_works(hub):
    first = hub.plant(ID, {"a.txt": b"1"})
    hf_hub_download(ID, "a.txt", revision=first)
    hub.forget_requests()
    assert Path(hf_hub_download(ID, "a.txt", revision=first)).read_bytes() == b"1"
    assert hub.requests == []
    program = f"from huggingface_hub import hf_hub_download as get; print(get('{ID}', 'a.txt', revision='{first}'))"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert Path(result.stdout.strip()).read_bytes() == b"1" and hub.requests == []


def test_no_token_is_in_any_address(hub, api, tmp_path):
    api.create_repo(ID, private=True)
    api.create_commit(ID, [add("model.safetensors", WEIGHTS)], commit_message="1")
    api.snapshot_download(ID)
    assert {record.holder for record in hub.requests if record.method != "PUT"} == {"tester"}
    assert not any(hub.write_token in record.path for record in hub.requests)


def test_a_file_may_pretend_to_be_large(hub, api):
    hub.plant(ID, {"model.safetensors": b"\1" * 10}, declared_sizes={"model.safetensors": 10 * 2**30})
    assert api.get_paths_info(ID, ["model.safetensors"])[0].size == 10 * 2**30
    url = f"{api.endpoint}/{ID}/resolve/main/model.safetensors"
    assert httpx2.head(url).headers["X-Linked-Size"] == str(10 * 2**30)
    with httpx2.stream("GET", url, headers={"Range": "bytes=8-11"}) as answer:
        assert answer.status_code == 206 and answer.read() == b"\1\1\0\0"
    with httpx2.stream("GET", url) as answer:
        assert answer.headers["Content-Length"] == str(10 * 2**30)
        assert next(answer.iter_raw(1000)) == b"\1" * 10 + b"\0" * 990


def test_the_header_of_weights_can_be_read_alone(hub):
    hub.plant(ID, {path.name: path.read_bytes() for path in TINY_BUNDLE.iterdir()})
    assert get_safetensors_metadata(ID).parameter_count["F32"] > 0


def test_any_file_name_can_be_planted(hub):
    hub.plant(ID, {"../../evil": b"1", "a\nb": b"2"})
    assert hub.files(ID) == {"../../evil": b"1", "a\nb": b"2"}
    assert {entry.rfilename for entry in HfApi().model_info(ID).siblings} == {"../../evil", "a\nb"}
    assert not list(hub.root.parent.glob("evil"))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras' own
def test_keras_loads_its_own_format_by_name(hub, api, tmp_path):
    import keras
    import numpy as np

    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    keras.saving.save_model(network, tmp_path / "network", zipped=False)
    api.create_repo(ID)
    api.upload_folder(repo_id=ID, folder_path=tmp_path / "network")
    loaded = keras.saving.load_model(f"hf://{ID}")
    np.testing.assert_array_equal(loaded.get_weights()[0], network.get_weights()[0])
