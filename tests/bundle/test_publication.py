"""A push is one commit or nothing, and leaves alone what is not its own."""

import io
import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants
from local_hub import LocalHub
from prepared_folders import check_loads, contents, prepare_folder

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.publication import Target, examine_target, prepare_repository, publish_folder
from dcgan_hub.errors import BundleError, DcganHubError, HubError, HubUnavailable, SettingsError
from dcgan_hub.hub.client import Conflict

ID = "tester/squares"
ATTRIBUTES = ".gitattributes"  # which the Hub puts into a new repository


@pytest.fixture(autouse=True)
def logged_in(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.write_token)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return prepare_folder(tmp_path / "one", ID, 1)


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    return prepare_folder(tmp_path / "two", ID, 2)


def commits_sent(hub: LocalHub) -> list[int | None]:
    return [record.status for record in hub.requests if record.method == "POST" and "/commit/" in record.path]


def refusal(action: Callable[[], object], kind: type[DcganHubError] = HubError) -> str:
    with pytest.raises(kind) as error:
        action()
    message = str(error.value)
    assert "Received: " in message and "hf_" not in message and "\n" not in message
    return message


def test_a_push_is_one_commit_with_all_files(hub, folder):
    published = publish_folder(folder, Target(repo_id=ID, message="First"))
    assert commits_sent(hub) == [200]
    assert hub.files(ID).items() >= contents(folder).items()
    assert hub.files(ID).keys() - contents(folder).keys() == {ATTRIBUTES}
    assert published.commit.oid == hub.head(ID) and published.commit.url == f"{HfApi().endpoint}/{ID}"
    assert hub.commits(ID)[0].title == "First" and not published.card_kept


def test_the_next_push_replaces_and_removes_its_own_files_and_nothing_else(hub, folder, newer):
    publish_folder(folder, Target(repo_id=ID))
    added = {"notes.txt": b"mine", "run/samples/favourite.png": b"mine", "LICENSE": b"mine", "runs/run.json": b"mine"}
    hub.plant(ID, hub.files(ID) | added)
    publish_folder(newer, Target(repo_id=ID))
    assert {name: hub.files(ID)[name] for name in added} == added
    assert hub.files(ID).keys() == contents(newer).keys() | added.keys() | {ATTRIBUTES}
    assert hub.files(ID).items() >= contents(newer).items()


def test_pushing_the_same_again_makes_no_commit(hub, folder):
    first = publish_folder(folder, Target(repo_id=ID)).commit
    hub.forget_requests()
    assert publish_folder(folder, Target(repo_id=ID)).commit == first
    assert commits_sent(hub) == [] and not any(record.method == "PUT" for record in hub.requests)


def test_pushing_the_same_again_is_no_reason_to_warn(hub, folder, monkeypatch):
    """The client would; several pushes may run beside each other, so its log is left as it is."""
    client = logging.getLogger("huggingface_hub")
    (handler,) = client.handlers
    monkeypatch.setattr(handler, "stream", io.StringIO())
    for _ in range(2):
        publish_folder(folder, Target(repo_id=ID))
    assert handler.stream.getvalue() == ""
    logging.getLogger("huggingface_hub.hf_api").warning("to be seen outside of a push")
    assert "to be seen" in handler.stream.getvalue()


@pytest.mark.parametrize("asked, private", [(None, False), (False, False), (True, True)])
def test_a_new_repository_is_as_private_as_asked(hub, folder, asked, private):
    publish_folder(folder, Target(repo_id=ID, private=asked))
    assert hub.settings(ID)["private"] is private


def test_a_repository_that_is_there_stays_as_private_as_it_is(hub, folder, newer):
    publish_folder(folder, Target(repo_id=ID, private=True))
    publish_folder(newer, Target(repo_id=ID))
    assert hub.settings(ID)["private"] is True
    publish_folder(folder, Target(repo_id="tester/public"))
    head = hub.head("tester/public")
    hidden = Target(repo_id="tester/public", private=True)
    for action in (lambda: publish_folder(newer, hidden), lambda: examine_target(hidden)):
        assert "must be private as you asked. Received: a public repository" in refusal(action)
    assert hub.head("tester/public") == head


def test_a_tag_names_the_commit_once(hub, folder, newer):
    first = publish_folder(folder, Target(repo_id=ID, tag="v1")).commit
    assert hub.refs(ID)["refs/tags/v1"] == first.oid == hub.head(ID)
    assert "already exists" in refusal(lambda: publish_folder(newer, Target(repo_id=ID, tag="v1")))
    assert hub.head(ID) == first.oid
    second = publish_folder(newer, Target(repo_id=ID, tag="v2")).commit
    assert hub.refs(ID)["refs/tags/v2"] == second.oid != hub.refs(ID)["refs/tags/v1"] == first.oid
    assert "cannot be tagged" in refusal(lambda: Target(repo_id=ID, tag="v3", create_pr=True), SettingsError)


def test_a_push_that_lost_only_its_tag_says_so_and_gets_it_next_time(hub, folder):
    hub.misbehave("/tag/", status=500)
    message = refusal(lambda: publish_folder(folder, Target(repo_id=ID, tag="v1")), HubUnavailable)
    assert message.startswith("The files were published, but without the tag v1: ")
    hub.behave()
    published = publish_folder(folder, Target(repo_id=ID, tag="v1")).commit
    assert hub.refs(ID)["refs/tags/v1"] == published.oid and len(hub.commits(ID)) == 2  # .gitattributes, and ours


def test_a_branch_is_made_from_main_and_main_stays(hub, folder, newer):
    first = publish_folder(folder, Target(repo_id=ID)).commit
    second = publish_folder(newer, Target(repo_id=ID, branch="wider/faces")).commit
    assert hub.head(ID) == first.oid and hub.head(ID, "wider/faces") == second.oid
    assert hub.commits(ID, "wider/faces")[0].parent == first.oid
    assert hub.files(ID, "wider/faces").items() >= contents(newer).items()


def test_a_pull_request_leaves_the_branch_alone_and_may_go_to_others(hub, folder):
    hub.add_account("other")
    there = hub.plant("other/squares", {"dcgan.json": b"older"})
    published = publish_folder(folder, Target(repo_id="other/squares", create_pr=True)).commit
    assert hub.head("other/squares") == there
    assert hub.refs("other/squares")["refs/pr/1"] == published.oid
    assert published.url.endswith("/other/squares/discussions/1")
    assert hub.files("other/squares", "refs/pr/1") == contents(folder)


def test_an_edited_card_stays_unless_it_is_to_go(hub, folder, newer):
    publish_folder(folder, Target(repo_id=ID))
    edited = hub.files(ID)["README.md"].replace(b"## Limits", b"## My own words\n\n## Limits") + b"And more.\n"
    hub.plant(ID, hub.files(ID) | {"README.md": edited})
    published = publish_folder(newer, Target(repo_id=ID))
    assert published.card_kept and hub.files(ID)["README.md"] == edited
    assert hub.files(ID)["dcgan.json"] == contents(newer)["dcgan.json"]
    assert contents(newer)["README.md"], "the folder is as it was"
    assert not publish_folder(newer, Target(repo_id=ID, overwrite_card=True)).card_kept
    assert hub.files(ID)["README.md"] == contents(newer)["README.md"]


@pytest.mark.parametrize("change", [lambda card: card, lambda card: card.replace(b"\n", b"\r\n")], ids=["same", "crlf"])
def test_a_card_that_nobody_edited_is_replaced(hub, folder, newer, change):
    publish_folder(folder, Target(repo_id=ID))
    hub.plant(ID, hub.files(ID) | {"README.md": change(hub.files(ID)["README.md"])})
    assert not publish_folder(newer, Target(repo_id=ID)).card_kept
    assert hub.files(ID)["README.md"] == contents(newer)["README.md"] != contents(folder)["README.md"]


def test_the_card_with_which_the_site_starts_a_repository_stays(hub, folder):
    hub.plant(ID, {ATTRIBUTES: b"", "README.md": b"---\nlicense: mit\n---\n"})
    assert publish_folder(folder, Target(repo_id=ID)).card_kept
    assert hub.files(ID)["README.md"] == b"---\nlicense: mit\n---\n"


def test_a_repository_that_holds_something_else_is_refused(hub, folder):
    there = hub.plant(ID, {"model.h5": b"a", "\x1b[31mred\u202e.txt": b"b", "README.md": b"# Mine"})
    for action in (lambda: publish_folder(folder, Target(repo_id=ID)), lambda: examine_target(Target(repo_id=ID))):
        message = refusal(action)
        assert "has 2 other files" in message and "model.h5" in message and message.isprintable()
    assert hub.head(ID) == there


def test_another_writer_between_look_and_commit_loses_nothing(hub, folder, newer):
    """Their file comes with the commit that the second look finds."""
    publish_folder(folder, Target(repo_id=ID))
    refused = hub.misbehave("/commit/main", method="POST", status=412, times=1)
    hub.plant(ID, hub.files(ID) | {"notes.txt": b"theirs"})
    publish_folder(newer, Target(repo_id=ID))
    assert refused.times == 0 and commits_sent(hub)[-2:] == [412, 200]
    assert hub.files(ID)["notes.txt"] == b"theirs" and hub.files(ID).items() >= contents(newer).items()


def test_the_commit_names_the_state_it_was_made_for(hub, folder, newer, monkeypatch):
    """Without the parent a writer in between would be overwritten; the Hub checks it, so it must be sent."""
    from dcgan_hub.bundle import publication

    publish_folder(folder, Target(repo_id=ID))
    look = publication.read_contents

    def look_too_early(*arguments: object) -> object:
        found = look(*arguments)
        hub.plant(ID, hub.files(ID) | {"dcgan.json": b"theirs"})
        return found

    monkeypatch.setattr(publication, "read_contents", look_too_early)
    message = refusal(lambda: publish_folder(newer, Target(repo_id=ID)), Conflict)
    assert "412" in message and hub.files(ID)["dcgan.json"] == b"theirs"


def test_tokens_that_may_not_write_are_found_before_anything_changes(hub, folder, monkeypatch):
    elsewhere = hub.add_token("tester", "fineGrained", writable=("tester/other",))
    for token, words in (
        (hub.read_token, "a read-only token"),
        ("hf_" + "x" * 34, "must be valid"),
        (elsewhere, "403"),
    ):
        monkeypatch.setenv("HF_TOKEN", token)

        def look() -> None:
            examine_target(Target(repo_id=ID))
            prepare_repository(Target(repo_id=ID))

        assert words in refusal(look)
        refusal(lambda: publish_folder(folder, Target(repo_id=ID)))
        assert not hub.exists(ID)
    monkeypatch.delenv("HF_TOKEN")
    hub.forget_requests()
    for action in (lambda: examine_target(Target(repo_id=ID)), lambda: publish_folder(folder, Target(repo_id=ID))):
        assert "needs a token. Received: none" in refusal(action)
    assert not hub.requests, "without a token there is nothing to ask"


def test_a_fine_grained_token_writes_where_it_may(hub, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", hub.add_token("tester", "fineGrained", writable=(ID,)))
    examine_target(Target(repo_id=ID))
    assert not hub.exists(ID), "a look changes nothing"
    prepare_repository(Target(repo_id=ID))
    publish_folder(folder, Target(repo_id=ID))
    assert hub.files(ID).items() >= contents(folder).items()


def test_a_token_that_is_given_wins_over_the_one_of_the_environment(hub, folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 34)
    publish_folder(folder, Target(repo_id=ID, token=hub.write_token, tag="v1", branch="side"))
    assert {record.holder for record in hub.requests if record.path.startswith("/api/")} == {"tester"}


def test_a_name_of_others_is_refused_with_one_s_own(hub, folder):
    hub.add_account("other")
    message = refusal(lambda: examine_target(Target(repo_id="other/squares")))
    assert "Try tester/squares" in message
    assert "403" in refusal(lambda: publish_folder(folder, Target(repo_id="other/squares")))


@pytest.mark.parametrize(
    "fault",
    [
        {"path": "/_lfs/.*", "method": "PUT", "status": 403},
        {"path": "/_lfs/.*/verify", "status": 400},
        {"path": "/validate-yaml", "status": 500},
        {"path": "/commit/", "status": 500},
        {"path": "/commit/", "cut_upload_after": 100},
        {"path": "/commit/", "cut_after": 0},
        {"path": "/commit/", "status": 413},
    ],
    ids=["upload refused", "verify fails", "validation fails", "commit fails", "commit cut", "no answer", "too large"],
)
def test_a_push_that_fails_changes_nothing_and_the_next_one_is_whole(hub, folder, newer, tmp_path, fault):
    publish_folder(folder, Target(repo_id=ID))
    before = (hub.head(ID), contents(newer))
    hub.misbehave(**fault)
    refusal(lambda: publish_folder(newer, Target(repo_id=ID, tag="v2")))
    assert (hub.head(ID), contents(newer)) == before and "refs/tags/v2" not in hub.refs(ID)
    hub.behave()
    publish_folder(newer, Target(repo_id=ID, tag="v2"))
    assert hub.files(ID).items() >= contents(newer).items()
    check_loads(hub.files(ID), tmp_path / "loaded")


@pytest.mark.parametrize(
    "fault", [{"status": 500, "times": 1}, {"cut_upload_after": 50, "times": 1}], ids=["500", "cut"]
)
def test_an_upload_that_fails_once_is_repeated(hub, folder, fault):
    hub.misbehave("/_lfs/", method="PUT", **fault)
    publish_folder(folder, Target(repo_id=ID))
    assert hub.files(ID).items() >= contents(folder).items()


def test_a_commit_whose_answer_was_lost_is_found_by_the_next_push(hub, folder):
    hub.misbehave("/commit/", method="POST", status=500, applied=True, times=1)
    refusal(lambda: publish_folder(folder, Target(repo_id=ID)), HubUnavailable)
    head = hub.head(ID)
    assert publish_folder(folder, Target(repo_id=ID)).commit.oid == head


def test_without_a_hub_the_push_says_that_it_is_out_of_reach(hub, folder, monkeypatch):
    hub.misbehave(cut_after=0)
    assert "cannot be reached" in refusal(lambda: publish_folder(folder, Target(repo_id=ID)), HubUnavailable)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "offline mode" in refusal(lambda: publish_folder(folder, Target(repo_id=ID)), HubUnavailable)


def test_a_folder_without_a_generator_is_not_published(hub, folder, newer):
    publish_folder(folder, Target(repo_id=ID))
    (newer / "dcgan.json").unlink()
    with pytest.raises(BundleError, match=re.escape("must have a dcgan.json")):
        publish_folder(newer, Target(repo_id=ID))
    assert hub.files(ID).items() >= contents(folder).items()


def test_a_generator_pushes_itself_and_is_loaded_from_there(hub, make_generator):
    generator = make_generator(channels=1)
    commit = generator.push_to_hub(ID, private=True, commit_message="By hand", licence="cc-by-4.0", tag="v1")
    assert hub.head(ID) == hub.refs(ID)["refs/tags/v1"] == commit.oid and hub.settings(ID)["private"]
    assert b"license: cc-by-4.0" in hub.files(ID)["README.md"] and hub.commits(ID)[0].title == "By hand"
    loaded = Generator.from_pretrained(ID, revision="v1")
    assert (loaded.generate(seeds=range(8)) == generator.generate(seeds=range(8))).all()


def test_a_bundle_in_half_precision_has_none_of_keras_files_and_takes_them_away(hub, make_generator, tmp_path):
    make_generator(channels=1).push_to_hub(ID)
    assert "model.weights.h5" in hub.files(ID)
    half = make_generator(seed=1, channels=1).save_pretrained(tmp_path / "half", half_precision=True)
    publish_folder(half, Target(repo_id=ID, overwrite_card=True))
    assert hub.files(ID).keys() & {"config.json", "metadata.json", "model.weights.h5"} == set()
    expected = Generator.from_pretrained(half).generate(seeds=range(8))
    assert (Generator.from_pretrained(ID).generate(seeds=range(8)) == expected).all()


@pytest.mark.parametrize(
    "options",
    [{"repo_id": "squares"}, {"repo_id": "a/b/c"}, {"branch": "a..b"}, {"tag": "-v1"}, {"repo_id": "te ster/x"}],
)
def test_impossible_names_are_refused_without_asking(hub, options):
    refusal(lambda: Target(**({"repo_id": ID} | options)), SettingsError)
    assert not hub.requests


def test_no_token_is_in_any_address_or_file_of_the_repository(hub, folder, tmp_path):
    publish_folder(folder, Target(repo_id=ID, tag="v1"))
    tokens = [hub.write_token, hub.read_token]
    assert not any(token in record.path for record in hub.requests for token in tokens)
    for place in (tmp_path / "one", tmp_path / "local-hub" / "repositories"):
        for path in place.rglob("*"):
            assert not path.is_file() or not any(token.encode() in path.read_bytes() for token in tokens), path
