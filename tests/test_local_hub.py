"""The local Hub through the real client: accounts, rights, repositories, refs, cards."""

import warnings
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, ModelCard, hf_hub_download
from huggingface_hub.errors import (
    BadRequestError,
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from local_hub import LocalHub

ID = "tester/avatars"
CARD = b"""---
library_name: keras
pipeline_tag: unconditional-image-generation
license: mit
tags: [gan]
---
# Faces
"""


@pytest.fixture
def api(hub: LocalHub) -> HfApi:
    return HfApi(token=hub.write_token)


def add(path: str, content: bytes) -> CommitOperationAdd:
    return CommitOperationAdd(path, content)


def status_of(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return error.value.response.status_code


def test_whoever_has_a_token_is_known(hub, api):
    hub.add_account("other", organisations=("team",))
    known = HfApi(token=hub.add_token("other", "fineGrained", ("team/one",))).whoami()
    assert (known["name"], known["auth"]["accessToken"]["role"]) == ("other", "fineGrained")
    assert [scope["entity"]["name"] for scope in known["auth"]["accessToken"]["fineGrained"]["scoped"]] == ["team/one"]
    assert [organisation["name"] for organisation in known["orgs"]] == ["team"]
    assert api.whoami()["auth"]["accessToken"]["role"] == "write"
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        HfApi(token="hf_nobody").whoami()
    hub.plant(ID, {})
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        HfApi(token="hf_nobody").model_info(ID)


def test_repositories_come_and_go(hub, api):
    url = api.create_repo(ID, private=True)
    assert (url.repo_id, url.repo_type, str(url)) == (ID, "model", f"{api.endpoint}/{ID}")
    assert api.create_repo(ID, exist_ok=True) == url
    with pytest.raises(HfHubHTTPError, match="already created") as error:
        api.create_repo(ID)
    assert status_of(error) == 409
    assert api.create_repo("avatars", repo_type="dataset").repo_id == ID
    space = api.create_repo(ID, repo_type="space", space_sdk="gradio")
    assert space.repo_type == "space" and api.space_info(ID).sdk == "gradio"
    assert hub.settings(ID)["private"] and list(hub.files(ID)) == [".gitattributes"]
    api.update_repo_settings(ID, private=False, gated="manual")
    assert api.model_info(ID).gated == "manual" and not api.model_info(ID).private
    api.delete_repo(ID)
    assert not api.repo_exists(ID) and api.repo_exists(ID, repo_type="dataset")


def test_a_space_of_an_account_that_does_not_pay_is_refused(hub):
    hub.add_account("poor", pro=False)
    api = HfApi(token=hub.add_token("poor"))
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo("poor/demo", repo_type="space", space_sdk="gradio")
    assert status_of(error) == 402 and not hub.exists("poor/demo", "space")
    api.create_repo("poor/page", repo_type="space", space_sdk="static")
    api.create_repo("poor/demo", repo_type="space", space_sdk="gradio", space_hardware="zero-a10g")


def test_who_may_not_write_does_not(hub, api):
    hub.add_account("other")
    hub.plant(ID, {"a.txt": b"a"})
    for token in (hub.read_token, hub.add_token("other"), hub.add_token("tester", "fineGrained", ("tester/else",))):
        other = HfApi(token=token)
        for attempt in (
            lambda: other.create_commit(ID, [add("a.txt", b"b")], commit_message="1"),  # noqa: B023
            lambda: other.create_tag(ID, tag="v1"),  # noqa: B023
            lambda: other.create_repo("tester/new"),  # noqa: B023
            lambda: other.delete_repo(ID),  # noqa: B023
            lambda: other.auth_check(ID, write=True),  # noqa: B023
        ):
            with pytest.raises(HfHubHTTPError, match="You don't have the rights") as error:
                attempt()
            assert status_of(error) == 403
        other.auth_check(ID)
    api.auth_check(ID, write=True)
    HfApi(token=hub.add_token("tester", "fineGrained", (ID,))).upload_file(
        path_or_fileobj=b"b", path_in_repo="a.txt", repo_id=ID
    )
    assert hub.files(ID) == {"a.txt": b"b"} and hub.refs(ID).keys() == {"refs/heads/main"}


def test_what_is_missing_private_or_gated_is_told_apart_by_its_exception(hub, api):
    hub.add_account("other")
    strangers = [HfApi(token=False), HfApi(token=hub.add_token("other"))]
    hub.plant("tester/secret", {"a.txt": b"a"}, private=True)
    hub.plant("tester/gated", {"a.txt": b"a"}, gated=True)
    hub.plant(ID, {"a.txt": b"a"})
    for stranger in strangers:
        for repo_id in ("tester/secret", "tester/none", "none"):
            for ask in (stranger.model_info, stranger.list_repo_files, stranger.auth_check, stranger.list_repo_refs):
                with pytest.raises(RepositoryNotFoundError):
                    ask(repo_id)
            with pytest.raises(RepositoryNotFoundError):
                stranger.hf_hub_download(repo_id, "a.txt")
        assert stranger.model_info("tester/gated").gated == "auto"
        with pytest.raises(GatedRepoError):
            stranger.hf_hub_download("tester/gated", "a.txt")
        with pytest.raises(GatedRepoError):
            stranger.auth_check("tester/gated")
        with pytest.raises(RemoteEntryNotFoundError):
            stranger.hf_hub_download(ID, "b.txt")
        for revision in ("none", "0" * 40, "refs/pr/9"):
            with pytest.raises(RevisionNotFoundError):
                stranger.model_info(ID, revision=revision)
            with pytest.raises(RevisionNotFoundError):
                stranger.hf_hub_download(ID, "a.txt", revision=revision)
    for repo_id in ("tester/secret", "tester/gated"):
        assert Path(api.hf_hub_download(repo_id, "a.txt")).read_bytes() == b"a"


def test_tags_branches_and_squashing(hub, api):
    first = hub.plant(ID, {"a.txt": b"1"})
    api.create_tag(ID, tag="v1/α")
    second = hub.plant(ID, {"a.txt": b"2"})
    api.create_branch(ID, branch="check/points", revision="v1/α")
    with pytest.raises(HfHubHTTPError) as error:
        api.create_tag(ID, tag="v1/α")
    assert status_of(error) == 409
    api.create_tag(ID, tag="v1/α", exist_ok=True)
    refs = api.list_repo_refs(ID)
    assert {ref.name: ref.target_commit for ref in refs.tags} == {"v1/α": first}
    assert {ref.name: ref.target_commit for ref in refs.branches} == {"main": second, "check/points": first}
    assert Path(hf_hub_download(ID, "a.txt", revision="check/points")).read_bytes() == b"1"
    on_branch = api.create_commit(ID, [add("b.txt", b"")], commit_message="b", revision="check/points").oid
    assert [commit.commit_id for commit in api.list_repo_commits(ID, revision="check/points")] == [on_branch, first]
    assert api.model_info(ID).sha == second and api.model_info(ID, revision="v1/α").sha == first
    api.super_squash_history(ID, branch="check/points", commit_message="one")
    assert [commit.title for commit in api.list_repo_commits(ID, revision="check/points")] == ["one"]
    assert hub.files(ID, "check/points") == {"a.txt": b"1", "b.txt": b""}
    api.delete_tag(ID, tag="v1/α")
    api.delete_branch(ID, branch="check/points")
    assert hub.refs(ID) == {"refs/heads/main": second}
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag(ID, tag="v1/α")
    with pytest.raises(BadRequestError, match="no branch"):
        api.create_commit(ID, [add("b.txt", b"")], commit_message="b", revision=first)


def test_whoever_may_not_write_can_propose(hub):
    hub.add_account("other")
    before = hub.plant(ID, {"a.txt": b"1"})
    api = HfApi(token=hub.add_token("other"))
    numbers = [
        api.create_commit(ID, [add("a.txt", text)], commit_message="better", create_pr=True).pr_num
        for text in (b"2", b"3")
    ]
    assert numbers == [1, 2]
    assert hub.head(ID) == before and hub.files(ID, "refs/pr/2") == {"a.txt": b"3"}
    assert Path(hf_hub_download(ID, "a.txt", revision="refs/pr/1")).read_bytes() == b"2"
    assert len(api.list_repo_refs(ID, include_pull_requests=True).pull_requests) == 2


def test_the_card_tells_what_the_repository_is(hub, api):
    hub.plant(ID, {"README.md": CARD, "a.txt": b"a"})
    hub.plant("tester/secret", {"README.md": CARD}, private=True)
    info = api.model_info(ID, files_metadata=True)
    assert (info.library_name, info.pipeline_tag) == ("keras", "unconditional-image-generation")
    assert info.tags == ["gan", "keras", "license:mit"] and info.card_data.license == "mit"
    assert {file.rfilename: file.size for file in info.siblings} == {"README.md": len(CARD), "a.txt": 1}
    assert [model.id for model in HfApi(token=False).list_models(filter="gan", author="tester")] == [ID]
    assert {model.id for model in api.list_models(filter="gan")} == {ID, "tester/secret"}
    assert ModelCard.load(ID).data.tags == ["gan"]


def test_cards_are_examined(hub, api):
    hub.plant(ID, {})
    hub.plant(ID, {}, repo_type="space")
    with pytest.raises(ValueError, match="Invalid metadata"):
        api.create_commit(ID, [add("README.md", b"---\na: [\n---\n")], commit_message="1")
    with pytest.raises(ValueError, match='"sdk" must be one of'):
        api.create_commit(ID, [add("README.md", b"---\ntitle: x\n---\n")], commit_message="1", repo_type="space")
    with warnings.catch_warnings(), pytest.raises(UserWarning, match="empty or missing yaml metadata"):
        warnings.simplefilter("error")
        api.create_commit(ID, [add("README.md", b"# Faces\n")], commit_message="1")
    assert hub.files(ID) == {}
