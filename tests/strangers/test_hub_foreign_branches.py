"""Checkpoints are pushed only to a branch that we made: no other one is ever squashed, deleted or replaced."""

import shutil
from pathlib import Path

import pytest
from local_hub import LocalHub

from dcgan_hub.cli import main
from dcgan_hub.errors import HubError
from dcgan_hub.publishing.checkpoint_branch import BRANCH, MARK_FILE
from dcgan_hub.publishing.checkpoints import fetch_run, lay_out_checkpoint, publish_checkpoint
from dcgan_hub.runs.directory import RunDirectory

ID = "tester/squares"
PUBLISHED = {"dcgan.json": b"{}", "README.md": b"hello"}
STATE = "checkpoints/step-00000009/state.safetensors"


@pytest.fixture
def repository(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> LocalHub:
    """A generator's repository; its owner is logged in."""
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    hub.plant(ID, PUBLISHED)
    return hub


@pytest.fixture
def laid_out(finished_run: Path, tmp_path: Path) -> Path:
    lay_out_checkpoint(tmp_path / "laid-out", RunDirectory(finished_run))
    return tmp_path / "laid-out"


def state_of(hub: LocalHub) -> dict[str, list[str]]:
    """The history of every ref."""
    return {ref: [commit.oid for commit in hub.commits(ID, ref)] for ref in hub.refs(ID)}


def make_branch(hub: LocalHub, branch: str, start: str = "main") -> None:
    """As anybody does who has write access."""
    from huggingface_hub import HfApi

    HfApi(token=hub.write_token).create_branch(ID, branch=branch, revision=start)


def test_a_branch_of_somebody_else_is_refused_and_stays_as_it_is(
    repository: LocalHub, laid_out: Path, finished_run: Path, tmp_path: Path, capfd
) -> None:
    repository.plant(ID, {"notes.txt": b"first"}, branch=BRANCH)
    repository.plant(ID, {"notes.txt": b"second", "run.json": b"{}"}, branch=BRANCH)
    publish_checkpoint(laid_out, ID, "ours")
    make_branch(repository, "copy", "ours")  # it holds our mark, but is not the branch that the mark names
    make_branch(repository, "pointer")
    repository.plant(ID, PUBLISHED | {MARK_FILE: b'{"branch": "forged", "branch": "forged"}'}, branch="forged")
    before = state_of(repository)
    for branch in (BRANCH, "copy", "pointer", "forged"):
        with pytest.raises(HubError, match="--checkpoint-branch") as refused:
            publish_checkpoint(laid_out, ID, branch)
        assert f"with another branch '{branch}'" in str(refused.value) and str(refused.value).isprintable()
        assert state_of(repository) == before

    words = ["--data", "avatars", "--push-to-hub", ID, "--push-checkpoints"]
    assert main(["train", "--run", str(tmp_path / "run"), *words]) == 2
    assert "--checkpoint-branch" in capfd.readouterr().err
    assert not (tmp_path / "run").exists(), "it is refused before training"
    assert main(["push", str(finished_run), ID, "--push-checkpoints"]) == 2
    assert state_of(repository) == before, "nor is the generator pushed"


def test_another_branch_is_named_and_resumed_from(
    repository: LocalHub, squares: Path, finished_run: Path, tmp_path: Path, capfd
) -> None:
    repository.plant(ID, {"notes.txt": b"mine"}, branch=BRANCH)
    before = state_of(repository)
    run = RunDirectory(shutil.copytree(finished_run, tmp_path / "squares"))
    for _ in range(2):  # the second push finds the branch that the first one made
        assert main(["push", str(run.path), ID, "--push-checkpoints", "--checkpoint-branch", "mine"]) == 0
    repository.plant(ID, {**repository.files(ID, "mine"), "note.txt": b"from a friend"}, branch="mine")
    publish_checkpoint_again(run, tmp_path / "again")
    files = repository.files(ID, "mine")
    assert len(repository.commits(ID, "mine")) == 1 and files["note.txt"] == b"from a friend" and STATE in files
    assert "README.md" not in files, "it does not hold what main does"
    assert state_of(repository).keys() == {"refs/heads/main", "refs/heads/checkpoint", "refs/heads/mine"}
    assert state_of(repository)["refs/heads/checkpoint"] == before["refs/heads/checkpoint"]

    elsewhere = tmp_path / "elsewhere"
    words = ["--data", str(squares), "--run", str(elsewhere), "--steps", "9"]
    assert main(["train", *words, "--resume-from", f"hf://{ID}"]) == 2
    assert "no run on a branch 'checkpoint'" in capfd.readouterr().err
    assert fetch_run(ID, RunDirectory(elsewhere), "mine")
    assert (elsewhere / STATE).read_bytes() == (run.path / STATE).read_bytes()

    for wrong in (["--push-checkpoints", "--checkpoint-branch", "main"], ["--checkpoint-branch", "mine"]):
        assert main(["push", str(run.path), ID, *wrong]) == 2
        assert "--checkpoint-branch" in capfd.readouterr().err


def publish_checkpoint_again(run: RunDirectory, folder: Path) -> None:
    lay_out_checkpoint(folder, run)
    (folder / "metrics.jsonl").write_bytes(b'{"step": 1}\n')  # or there would be nothing to commit
    publish_checkpoint(folder, ID, "mine")


def test_a_first_push_that_ends_at_any_request_leaves_no_branch_or_ours(repository: LocalHub, laid_out: Path) -> None:
    """From one request on nothing is answered any more, as if the process was killed there."""
    repository.forget_requests()
    publish_checkpoint(laid_out, ID)
    asked = [f"{record.method} {record.path}" for record in repository.requests]
    made = next(number for number, line in enumerate(asked) if line.startswith("POST") and line.endswith("/checkpoint"))
    for number in [index for index, line in enumerate(asked[: made + 2]) if not line.startswith("GET")]:
        delete_branches(repository)
        repository.misbehave(skip=number, status=403)
        with pytest.raises(HubError):
            publish_checkpoint(laid_out, ID)
        repository.behave()
        if "refs/heads/checkpoint" in repository.refs(ID):
            assert MARK_FILE in repository.files(ID, BRANCH)
        publish_checkpoint(laid_out, ID)
        assert STATE in repository.files(ID, BRANCH)
    assert repository.files(ID) == PUBLISHED and len(repository.commits(ID)) == 1


def delete_branches(hub: LocalHub) -> None:
    repository = hub.repository(ID)
    repository.write_refs({"refs/heads/main": repository.resolve("main")})
