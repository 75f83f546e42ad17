"""Whatever the Hub answers to a download, the user reads one sentence, and all files of the cache are whole."""

import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants
from local_hub import LocalHub
from refused_downloads import BUNDLE, ID, check_cache, check_recovery, check_refused, sample, sentence

from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.source import fetch_bundle
from dcgan_hub.cli import main
from dcgan_hub.errors import BundleError, HubError, HubUnavailable, SettingsError
from dcgan_hub.hub.download import Access, download_file

RESOLVE = "/resolve/"
SIZE = len(BUNDLE["model.safetensors"])

# What is not there, or not for everyone


def test_a_repository_that_is_not_there(hub):
    text = sentence(HubError)
    assert f"has no model repository {ID}" in text and "hf auth login" in text
    assert sentence(HubError, token=hub.read_token).startswith(f"The Hub has no model repository {ID}")


def test_a_private_repository(hub):
    hub.plant(ID, BUNDLE, private=True)
    hub.add_account("other")
    assert "private and your token does not give access" in sentence(HubError)
    assert "private and your token does not give access" in sentence(HubError, token=hub.add_token("other"))
    assert fetch_bundle(ID, token=hub.read_token)[1].is_dir()


def test_a_token_that_the_hub_does_not_know(hub, monkeypatch):
    hub.plant(ID, BUNDLE)
    assert f"The token must be valid for {ID}." in sentence(HubError, token="hf_" + "x" * 34)
    monkeypatch.setenv("HF_TOKEN", "hf_" + "y" * 34)
    text = sentence(HubError)
    assert f"The token must be valid for {ID}." in text and "yyy" not in text and "hf auth login" in text


@pytest.mark.parametrize(
    "token", ["hf_geheim\n", "hf_geheim x", "hf_geheim\x1b[2J", "hf_gehéim", "", "hf_geheim\r\nX: y"]
)
def test_a_text_that_is_no_token(hub, token):
    hub.plant(ID, BUNDLE)
    text = sentence(SettingsError, download_file, ID, "dcgan.json", None, 10**6, access=Access(token=token))
    assert "A token is one word of ASCII" in text and "geh" not in text
    assert not hub.requests


def test_a_token_of_the_environment_that_fits_into_no_request(hub, monkeypatch):
    hub.plant(ID, BUNDLE)
    for token in ("hf_gehéim", "hf_geheim\x01x"):
        monkeypatch.setenv("HF_TOKEN", token)
        text = sentence(HubError)
        assert "oken" in text and "geh" not in text and "x01" not in text
    check_cache()


def test_a_gated_repository(hub):
    hub.plant(ID, BUNDLE, gated=True)
    hub.add_account("other")
    for token in (None, hub.add_token("other")):
        text = sentence(HubError, token=token)
        assert f"Access to {ID} must be granted by its owner." in text and "on its page" in text


def test_a_repository_that_the_hub_has_closed(hub):
    hub.plant(ID, BUNDLE)
    hub.misbehave(RESOLVE, status=403, message="Access to this resource is disabled.")
    assert f"{ID} is not accessible. Received: the Hub has disabled it." in sentence(HubError)


def test_a_token_without_the_right_to_read(hub):
    hub.plant(ID, BUNDLE)
    hub.misbehave(RESOLVE, status=403, message="Your token is for another place")
    assert "403 (Your token is for another place)" in sentence(HubError)


@pytest.mark.parametrize("revision", ["v1", "0" * 40])
def test_a_revision_that_is_not_there(hub, revision):
    hub.plant(ID, BUNDLE)
    text = sentence(HubError, revision=revision)
    assert f"a commit of {ID}" in text and "leave the revision out" in text


def test_a_file_that_is_not_there(hub):
    hub.plant(ID, {"README.md": b"x", "a.txt": b"", "b.txt": b"", "c.txt": b""})
    text = sentence(BundleError)
    assert f"the repository {ID} without one; it holds README.md, a.txt, b.txt and 1 more" in text
    hub.plant(ID, {"dcgan.json": BUNDLE["dcgan.json"]})
    assert f"the repository {ID} without it" in sentence(BundleError)
    assert download_file(ID, "elsewhere/file.bin", None, 10**6) is None


# A Hub that is not well


@pytest.mark.parametrize(("status", "asked"), [(500, 3), (429, 3), (400, 1), (404, 1), (418, 1)])
def test_an_error_for_ever(hub, status, asked):
    hub.plant(ID, BUNDLE)
    hub.forget_requests()
    hub.misbehave(status=status, message="\x1b[31mred\x07 at https://me:hf_secret@hub/a?sig=1 for Bearer geheim")
    start = time.monotonic()
    text = sentence(HubUnavailable if asked > 1 else HubError)
    assert time.monotonic() - start < 6, "the client alone would take 24 s"
    assert len(hub.requests) == asked
    assert f"{ID}. Received: {status}" in text and "geheim" not in text and "sig" not in text
    assert ("Try again later" in text) == (asked > 1)
    check_recovery(hub)


def test_an_error_that_passes_is_not_noticed(hub):
    hub.plant(ID, BUNDLE)
    hub.misbehave(RESOLVE, method="HEAD", status=503, times=2)
    hub.misbehave("model.safetensors", method="HEAD", cut_after=0, times=1)
    check_recovery(hub)


def test_a_hub_that_says_when(hub):
    hub.plant(ID, BUNDLE)
    hub.misbehave(status=429, message="Too many requests", headers={"Retry-After": "77"})
    assert "Received: 429 (Too many requests). Try again in 77 seconds." in sentence(HubUnavailable)


@pytest.mark.parametrize("status", [500, 403, 404])
def test_an_error_instead_of_the_file(hub, status):
    hub.plant(ID, BUNDLE)
    hub.misbehave("model.safetensors", method="GET", status=status)
    assert str(status) in sentence(HubUnavailable if status == 500 else HubError)
    check_recovery(hub)


def test_a_body_that_is_cut_is_fetched_again(hub):
    hub.plant(ID, BUNDLE)
    hub.misbehave("model.safetensors", method="GET", cut_after=10_000, times=1)
    fetch_bundle(ID)
    assert [record.sent for record in hub.requests if record.method == "GET"] == [
        len(BUNDLE["dcgan.json"]),
        10_000,
        SIZE,
    ]
    check_recovery(hub)


def test_a_body_that_ends_early(hub):
    hub.plant(ID, BUNDLE)
    hub.misbehave("model.safetensors", method="GET", body=BUNDLE["model.safetensors"][:-1])
    assert f"The download of {ID} was not completed. Received: Consistency check failed" in sentence(HubUnavailable)
    check_recovery(hub)


@pytest.mark.parametrize("name", list(BUNDLE))
def test_other_bytes_of_the_same_length(hub, name):
    """The client keeps them under the name of the right ones, where they would be taken from for ever."""
    hub.plant(ID, BUNDLE)
    hub.misbehave(name, method="GET", corrupt=True)
    assert f"{name} of {ID} with wrong content. Received: bytes" in sentence(HubUnavailable)
    check_recovery(hub)


DAMAGE = {"cut": lambda content: content[:-1], "changed": lambda content: b"x" + content[1:], "empty": lambda _: b""}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("pinned", [False, True], ids=["branch", "commit"])
@pytest.mark.parametrize("name", list(BUNDLE))
def test_a_file_that_went_bad_in_the_cache_is_fetched_again(hub, name, pinned, damage):
    oid = hub.plant(ID, BUNDLE)
    folder = fetch_bundle(ID)[1]
    (folder / name).resolve().write_bytes(damage(BUNDLE[name]))
    hub.forget_requests()
    assert fetch_bundle(ID, oid if pinned else None)[1] == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == BUNDLE
    assert [record.path.rpartition("/")[2] for record in hub.requests if record.method == "GET"] == [name]
    check_cache()


def test_a_file_that_went_bad_is_not_taken_for_another_commit(hub):
    hub.plant(ID, BUNDLE)
    (fetch_bundle(ID)[1] / "model.safetensors").resolve().write_bytes(b"bad")
    hub.plant(ID, BUNDLE | {"dcgan.json": BUNDLE["dcgan.json"] + b"\n"})  # whose weights are the same
    assert (fetch_bundle(ID)[1] / "model.safetensors").read_bytes() == BUNDLE["model.safetensors"]
    check_cache()


@pytest.mark.parametrize("pinned", [False, True], ids=["branch", "commit"])
def test_a_file_that_went_bad_while_the_hub_is_away_is_explained(hub, pinned):
    oid = hub.plant(ID, BUNDLE)
    folder = fetch_bundle(ID)[1]
    (folder / "model.safetensors").resolve().write_bytes(BUNDLE["model.safetensors"][:-1])
    hub.misbehave(status=500)
    with pytest.raises(BundleError, match=r"model\.safetensors must .* Received: .* Fetch or save the bundle again\."):
        read_bundle(fetch_bundle(ID, oid if pinned else None)[1])
    with pytest.raises(BundleError, match="Fetch or save the bundle again"):
        read_bundle(fetch_bundle(ID, oid if pinned else None, local_files_only=True)[1])
    check_recovery_of_cache(hub)


def check_recovery_of_cache(hub: LocalHub) -> None:
    hub.behave()
    assert read_bundle(fetch_bundle(ID)[1])
    check_cache()


def test_a_hub_that_stalls(hub, tmp_path):
    hub.plant(ID, BUNDLE)
    hub.misbehave(RESOLVE, delay=600)
    start = time.monotonic()
    finished = sample(tmp_path, HF_HUB_ETAG_TIMEOUT="1")
    assert time.monotonic() - start < 15
    check_refused(finished, f"The Hub cannot be reached for {ID}. Received: timed out")
    check_recovery(hub)


def test_a_file_that_stalls(hub, monkeypatch):
    hub.plant(ID, BUNDLE)
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    hub.misbehave("model.safetensors", method="GET", delay=600)
    assert "timed out" in sentence(HubUnavailable)
    check_recovery(hub)


def test_nobody_listens(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        endpoint = "http://{}:{}".format(*listener.getsockname())
        start = time.monotonic()
        finished = sample(tmp_path, HF_ENDPOINT=endpoint, HF_HUB_CACHE=str(tmp_path / "cache"))
    assert time.monotonic() - start < 10
    check_refused(finished, f"cannot be reached for {ID}. Received: [Errno 111] Connection refused. Check the network")


def test_a_name_that_nothing_resolves(tmp_path):
    finished = sample(tmp_path, HF_ENDPOINT="http://hub.invalid", HF_HUB_CACHE=str(tmp_path / "cache"))
    check_refused(finished, f"cannot be reached for {ID}")


def test_offline_without_a_cache(hub, tmp_path):
    hub.plant(ID, BUNDLE)
    check_refused(
        sample(tmp_path, HF_HUB_OFFLINE="1"),
        "Received: offline mode, in which this program was started (HF_HUB_OFFLINE).",
    )
    assert not hub.requests
    assert "must have been downloaded before" in sentence(HubUnavailable, local_files_only=True)
    assert not hub.requests


# A cache that cannot be written


def test_a_cache_that_is_no_folder(hub, tmp_path):
    hub.plant(ID, BUNDLE)
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file", tmp_path / "file" / "cache", Path("/dev/null"), tmp_path / ("x" * 300)):
        text = sentence(HubError, cache_dir=cache)
        assert "permission to write to the cache. Received: " in text and "cache_dir or HF_HUB_CACHE" in text
    assert (tmp_path / "file").read_text() == ""


def test_files_that_may_not_grow(hub, tmp_path):
    """As a full disk: dcgan.json fits, the weights do not."""
    hub.plant(ID, BUNDLE)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))"
    check_refused(sample(tmp_path, limit=limit), f"Received: File too large for {ID}. Free some space")
    assert not list(Path(constants.HF_HUB_CACHE).rglob("*.incomplete"))
    check_recovery(hub)


def test_a_full_disk(hub, tmp_path):
    hub.plant(ID, BUNDLE)
    disk = tmp_path / "disk"
    disk.mkdir()
    program = f"""
        mount -t tmpfs -o size=28k none {disk} || exit 99
        cd {tmp_path}; HF_HUB_CACHE={disk}/cache {sys.executable} -m dcgan_hub sample {ID} --seeds 0 --out images
        status=$?; find {disk} -name '*.incomplete' -o -type f -size +4k >&2; exit $status
    """
    words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", textwrap.dedent(program)]
    try:
        finished = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if finished.returncode not in (0, 2):
        pytest.skip("no disk can be mounted here")
    check_refused(finished, f"Received: No space left on device for {ID}. Free some space")


# The same through the command line


@pytest.mark.parametrize(
    "words",
    [
        ["app", "--model", "runs/typo"],
        ["evaluate", "runs/typo", "--data", "avatars"],
        ["sample", "runs/typo", "--seeds", "0", "--out", "x"],
        ["interpolate", "runs/typo", "--seeds", "0,1", "--out", "x.gif"],
        ["push", "runs/typo", ID],
    ],
    ids=lambda words: words[0],
)
def test_a_slip_in_a_path_is_one_and_no_question_to_the_hub(hub, tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    monkeypatch.setitem(sys.modules, "dcgan_hub.demo.app", SimpleNamespace(serve=lambda *_, **__: None))
    Path("runs").mkdir()
    assert main(words) == 2
    printed = capsys.readouterr()
    assert "Received: 'runs/typo', which does not exist." in printed.err and "hf://runs/typo" in printed.err
    assert printed.out == "" and printed.err.count("\n") == 1
    assert not hub.requests and [path.name for path in tmp_path.glob("*") if path.name != "local-hub"] == ["runs"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sample", ID, "--seeds", "0", "--out", "x"], f"has no model repository {ID}"),
        (["sample", f"hf://{ID}", "--seeds", "0", "--out", "x"], f"has no model repository {ID}"),
        (["sample", f"{ID}@v1", "--seeds", "0", "--out", "x"], f"has no model repository {ID}"),
        (["sample", ID, "--revision", "v 1", "--seeds", "0", "--out", "x"], "A revision is the name of a branch"),
        (["sample", f"{ID}@a", "--revision", "b", "--seeds", "0", "--out", "x"], "Give only one revision"),
        (["sample", "avatars", "--revision", "b", "--seeds", "0", "--out", "x"], "Only models on the Hub"),
        (["sample", "hf://tester", "--seeds", "0", "--out", "x"], "is called user/name"),
        (["interpolate", ID, "--seeds", "0,1", "--out", "x.gif"], f"has no model repository {ID}"),
    ],
)
def test_a_command_says_it_in_one_line(hub, tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1 and said in printed.err
    assert not list(tmp_path.glob("x*"))
