"""A run goes on from the Hub to the same bits; what strangers put on the branch is refused."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from local_hub import LocalHub
from preloaded import run_program
from safetensors.numpy import load, save

from dcgan_hub import train
from dcgan_hub.cli import main
from dcgan_hub.errors import DcganHubError, HubError, HubUnavailable, RunError
from dcgan_hub.publishing import checkpoints
from dcgan_hub.publishing.checkpoint_branch import BRANCH
from dcgan_hub.publishing.checkpoints import fetch_run, lay_out_checkpoint, publish_checkpoint
from dcgan_hub.publishing.repository import MAX_SHEETS
from dcgan_hub.runs.directory import RunDirectory

ID = "tester/squares"
TRAIN = Path(__file__).resolve().parents[2] / "train.py"
STATE = "checkpoints/step-00000009/state.safetensors"
FACTS = "checkpoints/step-00000009/checkpoint.json"


@pytest.fixture
def branch(squares_run: RunDirectory, tmp_path: Path) -> dict[str, bytes]:
    """The files of a checkpoint's branch, free to be spoilt."""
    lay_out_checkpoint(tmp_path / "laid-out", squares_run)
    found = (path for path in (tmp_path / "laid-out").rglob("*") if path.is_file())
    return {path.relative_to(tmp_path / "laid-out").as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def fetched(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path / "elsewhere" / "squares")


def digest(run: RunDirectory) -> str:
    return hashlib.sha256((run.generator / "model.safetensors").read_bytes()).hexdigest()


def refused(kind: type[DcganHubError], run: RunDirectory) -> str:
    """The sentence; nothing is left of what was fetched."""
    there = run.path.exists()
    with pytest.raises(kind) as error:
        fetch_run(ID, run)
    message = str(error.value)
    assert type(error.value) is kind and "Received: " in message and message.isprintable(), message
    assert run.path.exists() is there
    if run.path.parent.exists():
        assert [path.name for path in run.path.parent.iterdir()] == ([run.path.name] if there else [])
    return message


def test_the_branch_holds_the_newest_checkpoint_and_no_history(hub: LocalHub, token, squares, tiny_words, tmp_path):
    words = ["train", "--data", str(squares), "--run", str(tmp_path / "run"), *tiny_words]
    options = ["--push-to-hub", ID, "--push-checkpoints", "--push-every", "4"]
    assert main([*words, "--steps", "8", *options]) == 0
    assert main([*words, "--steps", "13", *options]) == 0
    files = hub.files(ID, BRANCH)
    assert {name for name in files if name.startswith("checkpoints/")} == {
        "checkpoints/step-00000013/state.safetensors", "checkpoints/step-00000013/checkpoint.json",
    }  # fmt: skip
    assert len(hub.commits(ID, BRANCH)) == 1 and len(hub.commits(ID)) >= 3
    assert not any(name.startswith("checkpoints/") for name in hub.files(ID)), "main is for users"
    assert str(squares.parent).encode() not in files["run.json"], "where the images lie is nobody's business"


def test_another_machine_goes_on_to_the_same_bits(
    hub: LocalHub, token, squares, tiny, tiny_words, squares_run: RunDirectory, tmp_path
):
    alone = train(squares, run=tmp_path / "alone", steps=14, quiet=True, **tiny)
    words = ["--data", str(squares), "--run", str(squares_run.path), *tiny_words, "--steps", "9"]
    assert main(["train", *words, "--push-to-hub", ID, "--push-checkpoints"]) == 0

    other = tmp_path / "another machine"
    (other / "images").mkdir(parents=True)
    shutil.copyfile(squares, other / "images" / "the same.npy")
    words = ["--data", "images/the same.npy", "--run", "new", "--steps", "14", "--resume-from", f"hf://{ID}"]
    result = run_program(TRAIN, *words, "--push-to-hub", ID, "--push-checkpoints", cwd=other)
    assert result.returncode == 0 and result.stderr == "", result.stderr
    assert "fetched the run of tester/squares to new" in result.stdout
    assert "resuming from step 9" in result.stdout
    assert "last bits" not in result.stdout, "it is the same machine"
    new = RunDirectory(other / "new")
    assert digest(new) == digest(alone)
    assert [row["step"] for row in new.read_metrics()] == [row["step"] for row in alone.read_metrics()]
    assert [path.name for path in new.sample_files()][:3] == [path.name for path in alone.sample_files()][:3]
    assert "checkpoints/step-00000014/state.safetensors" in hub.files(ID, BRANCH)


def test_what_is_fetched_is_what_was_pushed(hub: LocalHub, token, branch, squares_run, fetched, tmp_path):
    publish_checkpoint_of(hub, branch)
    assert fetch_run(ID, fetched) is True
    names = {path.relative_to(fetched.path).as_posix() for path in fetched.path.rglob("*") if path.is_file()}
    assert names == branch.keys()
    assert all((fetched.path / name).read_bytes() == content for name, content in branch.items())
    assert fetched.read_record()["created"] == squares_run.read_record()["created"]


def publish_checkpoint_of(hub: LocalHub, branch: dict[str, bytes], **options: object) -> None:
    hub.plant(ID, {"dcgan.json": b"{}"})
    hub.plant(ID, branch, branch=BRANCH, **options)


def test_many_sheets_are_thinned_as_in_the_repository(squares_run: RunDirectory, tmp_path):
    for step in range(0, 4 * MAX_SHEETS * 3, 4):
        squares_run.sample_file(step).write_bytes(b"a sheet")
    lay_out_checkpoint(tmp_path / "laid-out", squares_run)
    assert len(list((tmp_path / "laid-out" / "samples").iterdir())) <= MAX_SHEETS


def test_pushing_the_same_checkpoint_again_changes_nothing(hub: LocalHub, token, squares_run, tmp_path):
    hub.plant(ID, {"dcgan.json": b"{}"})
    lay_out_checkpoint(tmp_path / "laid-out", squares_run)
    publish_checkpoint(tmp_path / "laid-out", ID)
    head = hub.head(ID, BRANCH)
    publish_checkpoint(tmp_path / "laid-out", ID)
    assert hub.head(ID, BRANCH) == head


def test_a_local_run_that_is_further_goes_on_by_itself(hub, token, branch, squares, tiny_words, squares_run, capfd):
    publish_checkpoint_of(hub, branch)
    words = ["--data", str(squares), "--run", str(squares_run.path), *tiny_words, "--resume-from", f"hf://{ID}"]
    assert main(["train", *words, "--steps", "12"]) == 0
    assert "is not behind tester/squares; nothing was fetched" in capfd.readouterr().out
    assert squares_run.read_record()["progress"]["step"] == 12


def test_a_local_run_that_is_behind_or_another_one_is_refused(hub, token, branch, squares_run):
    record = json.loads(branch["run.json"])
    publish_checkpoint_of(hub, branch | {"run.json": json.dumps(record | {"progress": {"step": 20}}).encode()})
    assert "which is at step 9 while tester/squares is at step 20" in refused(RunError, squares_run)
    publish_checkpoint_of(hub, branch | {"run.json": json.dumps(record | {"created": "yesterday"}).encode()})
    assert "with a different run from that of" in refused(RunError, squares_run)


def test_a_folder_with_other_things_is_refused_before_anything_is_fetched(hub, token, branch, tmp_path):
    publish_checkpoint_of(hub, branch)
    folder = RunDirectory(tmp_path / "elsewhere" / "full")
    folder.path.mkdir(parents=True)
    (folder.path / "thesis.txt").write_text("mine")
    hub.forget_requests()
    assert "contains thesis.txt and no run.json" in refused(RunError, folder)
    assert not hub.requests and (folder.path / "thesis.txt").read_text() == "mine"


def test_a_repository_without_checkpoints_is_a_sentence(hub, token, fetched, capfd, tmp_path):
    hub.plant(ID, {"dcgan.json": b"{}"})
    assert "has no run on a branch 'checkpoint'" in refused(HubError, fetched)
    hub.plant(ID, {"dcgan.json": b"{}"}, branch=BRANCH)  # a first push that was killed
    assert "has no run on a branch 'checkpoint'" in refused(HubError, fetched)
    assert main(["train", "--run", str(fetched.path), "--resume-from", "hf://tester/nowhere"]) == 2
    assert "has no run on a branch 'checkpoint'" in capfd.readouterr().err
    for name in ("squares", "hf://datasets/a/b"):
        assert main(["train", "--run", str(fetched.path), "--resume-from", name]) == 2
        assert "is called user/name" in capfd.readouterr().err
    assert main(["train", "--resume-from", ID, "--dry-run"]) == 2
    assert "--dry-run writes nothing" in capfd.readouterr().err


def test_images_that_are_not_found_by_their_name_are_asked_for(hub, token, branch, fetched, squares, capfd):
    publish_checkpoint_of(hub, branch)
    words = ["train", "--run", str(fetched.path), "--steps", "12", "--resume-from", ID]
    assert main(words) == 2
    printed = capfd.readouterr().err
    assert "'squares.npy'" in printed and "path of the images as --data" in printed and printed.count("\n") == 1
    assert main([*words, "--data", str(squares)]) == 0
    assert fetched.read_record()["progress"]["step"] == 12


def test_other_images_are_refused(hub, token, branch, fetched, tmp_path, capfd):
    publish_checkpoint_of(hub, branch)
    np.save(
        tmp_path / "others.npy",
        np.zeros((30, 16, 16, 3), np.uint8) + np.arange(30, dtype=np.uint8)[:, None, None, None],
    )
    words = ["--data", str(tmp_path / "others.npy"), "--run", str(fetched.path), "--resume-from", ID]
    assert main(["train", *words]) == 2
    assert "A run must be resumed with the images it was started with" in capfd.readouterr().err


def with_record(branch: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    return branch | {"run.json": json.dumps(json.loads(branch["run.json"]) | changes).encode()}


def with_state(branch: dict[str, bytes], state: bytes) -> dict[str, bytes]:
    """With a checksum that fits: whoever writes the branch can compute it."""
    facts = json.loads(branch[FACTS]) | {"sha256": hashlib.sha256(state).hexdigest()}
    return branch | {STATE: state, FACTS: json.dumps(facts).encode()}


def with_progress(branch: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    facts = json.loads(branch[FACTS])
    progress = {name: facts[name] for name in ("format_version", "step", "images_seen", "seconds")} | changes
    return with_state(branch, save(load(branch[STATE]), metadata={"progress": json.dumps(progress)}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda branch: branch | {"run.json": b"no json"},
        lambda branch: branch | {"run.json": b"[" * 100_000},
        lambda branch: branch | {"run.json": b"[]"},
        lambda branch: with_record(branch, settings={"preset": "\x1b[31m\u202e"}),
        lambda branch: with_record(branch, settings={"preset": "avatars-32", "data": {"data": 5}}),
        lambda branch: with_record(branch, progress={"step": "9"}),
        lambda branch: {name: content for name, content in branch.items() if "checkpoints/" not in name},
        lambda branch: {name: content for name, content in branch.items() if name != FACTS},
        lambda branch: branch | {STATE: branch[STATE][:-1]},
        lambda branch: branch | {STATE: b"\xff" * 8 + branch[STATE][8:]},
        lambda branch: branch | {FACTS: b"{}"},
        lambda branch: branch | {FACTS: b'{"sha256": 5}'},
        lambda branch: with_state(branch, branch[STATE][:100]),
        lambda branch: with_state(branch, b"\xff" * 8 + branch[STATE][8:]),
        lambda branch: with_state(branch, save(load(branch[STATE]))),
        lambda branch: with_state(branch, save(load(branch[STATE]), metadata={"progress": "["})),
        lambda branch: with_progress(branch, step=11),
        lambda branch: with_progress(branch, step=True),
        lambda branch: with_progress(branch, seconds=float("nan")),
        lambda branch: with_progress(branch, images_seen="many"),
        lambda branch: with_state(branch, save({"step": np.zeros(3, np.complex64)}, metadata={"progress": "{}"})),
    ],
)
def test_a_damaged_or_hostile_branch_is_refused(hub, token, branch, fetched, spoil: Callable):
    publish_checkpoint_of(hub, spoil(branch))
    refused(HubError, fetched)


def test_names_that_lead_elsewhere_and_other_files_are_not_fetched(hub, token, branch, fetched):
    names = ["../outside.png", "samples/../../outside.png", "samples/step-00000001.exe", "generator/x.pkl", "/etc/x"]
    publish_checkpoint_of(hub, branch | dict.fromkeys(names, b"evil"))
    assert fetch_run(ID, fetched)
    found = {path.relative_to(fetched.path.parent).as_posix() for path in fetched.path.parent.rglob("*")}
    assert not any("outside" in name or "evil" in name or name.endswith((".exe", ".pkl")) for name in found)
    assert not any("outside" in record.path or ".pkl" in record.path for record in hub.requests)


@pytest.mark.parametrize("name", ["run.json", "metrics.jsonl", STATE, "samples/step-00000008.png"])
def test_a_file_that_is_too_large_is_refused_before_it_is_sent(hub, token, branch, fetched, name):
    publish_checkpoint_of(hub, branch, declared_sizes={name: 10 * 2**30})
    assert "Received: 10,737,418,240 or more" in refused(HubError, fetched)
    assert sum(record.sent for record in hub.requests) < 10**6


def test_all_files_together_have_a_limit_too(hub, token, branch, fetched, monkeypatch):
    publish_checkpoint_of(hub, branch)
    monkeypatch.setattr(checkpoints, "MAX_TOTAL_BYTES", len(branch["run.json"]) + 10)
    assert "may have at most 10 bytes" in refused(HubError, fetched)
    many = {f"samples/step-{number:08d}.png": b"" for number in range(checkpoints.MAX_FILES)}
    publish_checkpoint_of(hub, branch | many)
    assert "A run has at most 1,000 files" in refused(HubError, fetched)


def test_a_download_that_breaks_off_leaves_nothing_and_the_next_one_works(hub, token, branch, fetched):
    publish_checkpoint_of(hub, branch)
    hub.misbehave("state.safetensors", method="GET", status=503)
    refused(HubUnavailable, fetched)
    hub.behave()
    assert fetch_run(ID, fetched)
