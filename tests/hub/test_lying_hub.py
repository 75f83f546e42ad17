"""A server that is no Hub, or says what is not so: it is explained, and nothing is written outside the cache."""

import json
import threading
import time
from pathlib import Path

import pytest
from local_hub import LocalHub
from refused_downloads import BUNDLE, ID, check_cache, check_recovery, check_refused, sample, sentence

from dcgan_hub.bundle.source import fetch_bundle
from dcgan_hub.errors import BundleError, HubError, HubUnavailable
from dcgan_hub.hub.download import list_files


def test_the_log_in_page_of_a_network(hub):
    hub.plant(ID, BUNDLE)
    page = b"<html>Welcome to our hotel</html>"
    hub.misbehave(body=page, headers={"X-Repo-Commit": "", "ETag": ""})
    assert "the login page of a network" in sentence(HubUnavailable)
    hub.behave()
    hub.misbehave("/tree/", body=page)
    assert "is not JSON" in sentence(HubUnavailable, list_files, ID, None)
    check_recovery(hub)


@pytest.mark.parametrize("body", [b"[1]", b'{"errors": [1]}', b'{"error": {"a": 1}}', b"null", b"1"])
def test_an_error_of_another_form(hub, body):
    hub.plant(ID, BUNDLE)
    hub.misbehave("/tree/", body=body)
    with pytest.raises(HubError, match=ID):
        list_files(ID, None)
    hub.behave()
    hub.misbehave("/tree/", status=400, body=body)
    with pytest.raises(HubError, match=ID):
        list_files(ID, None)


def test_words_of_the_server_are_shown_as_text(hub):
    hub.plant(ID, BUNDLE)
    words = {"error": "\x1b[31mred\x07\u202e at https://me:hf_secret@hub/a?sig=1\n" + "x" * 5000}
    hub.misbehave("/tree/", status=400, body=json.dumps(words).encode(), headers={"X-Error-Message": ""})
    text = sentence(HubError, list_files, ID, None)
    assert "Received: 400 (?[31mred?? at https://hub?xxx" in text and len(text) < 400


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"../../../../../evil"', "X-Linked-Etag": ""},
        {"X-Linked-Etag": '"../evil"'},
        {"X-Linked-Etag": '"/tmp/evil"'},
        {"X-Linked-Etag": '""'},
        {"X-Linked-Etag": '"' + "a" * 300 + '"'},
        {"X-Repo-Commit": "../../../evil"},
        {"X-Repo-Commit": "/tmp/evil"},
        {"X-Repo-Commit": "main"},
        {"X-Repo-Commit": "f" * 39},
        {"X-Repo-Commit": ""},
    ],
)
@pytest.mark.parametrize("name", list(BUNDLE))
def test_headers_that_would_lead_out_of_the_cache(hub, tmp_path, name, headers):
    """The client makes paths from them."""
    hub.plant(ID, BUNDLE)
    hub.misbehave(name, headers=headers)
    before = {path for path in tmp_path.rglob("*") if "hub-cache" not in path.parts}
    assert "must contain the commit" in sentence(HubUnavailable)
    assert {path for path in tmp_path.rglob("*") if "hub-cache" not in path.parts} == before
    assert not Path("/tmp/evil").exists()
    check_recovery(hub)


def test_a_missing_file_of_a_commit_that_would_lead_out_of_the_cache(hub, tmp_path):
    """The client alone would note in the cache that there is none, at a path made from the header."""
    hub.plant(ID, {"a.txt": b""})
    hub.misbehave(
        "dcgan.json", method="HEAD", status=404, code="EntryNotFound", headers={"X-Repo-Commit": "../../../evil"}
    )
    assert "without one; it holds a.txt" in sentence(BundleError)
    assert not list(tmp_path.rglob("evil"))


def test_another_commit_than_the_one_asked_for(hub):
    oid = hub.plant(ID, BUNDLE)
    hub.misbehave("model.safetensors", headers={"X-Repo-Commit": "f" * 40})
    assert "must contain the commit" in sentence(HubUnavailable, revision=oid)
    check_recovery(hub)


def test_a_redirect_in_a_circle_and_one_to_nowhere(hub):
    hub.plant(ID, BUNDLE)
    for target in (f"/{ID}/resolve/main/dcgan.json", "http://[", "file:///etc/passwd", "//", "http://127.0.0.1:x"):
        hub.misbehave("dcgan.json", status=302, headers={"Location": target})
        with pytest.raises(HubError, match=ID):
            fetch_bundle(ID)
        hub.behave()
    check_recovery(hub)


def test_a_warning_of_the_server_is_not_shown(hub, tmp_path):
    """The client would print it as it came, control codes included."""
    hub.plant(ID, {"a.txt": b""})
    hub.misbehave(headers={"X-HF-Warning": "evil; \x9b31mpay at https://evil"})
    check_refused(sample(tmp_path), "it holds a.txt")


def test_a_branch_that_goes_on_while_it_is_asked_for(hub):
    """Between our look at the file and the client's there may be a push."""
    hub.plant(ID, BUNDLE | {"dcgan.json": b"old"})
    hub.misbehave("dcgan.json", method="HEAD", delay=600, skip=1, times=1)
    thread = threading.Thread(target=push_meanwhile, args=(hub,))
    thread.start()
    folder = fetch_bundle(ID)[1]
    thread.join()
    assert folder.name == hub.head(ID) and (folder / "dcgan.json").read_bytes() == BUNDLE["dcgan.json"]
    check_cache()


def push_meanwhile(hub: LocalHub) -> None:
    while len(hub.requests) < 2:
        time.sleep(0.01)
    hub.plant(ID, BUNDLE)
    hub.behave()
