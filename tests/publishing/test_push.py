"""What is pushed of a run that lies on the disk: all of its layout, of one moment, and loadable in every way."""

import json
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from huggingface_hub import snapshot_download
from local_hub import LocalHub
from preloaded import Program

from dcgan_hub import Generator
from dcgan_hub.bundle.publication import Target
from dcgan_hub.errors import HubError, RunError
from dcgan_hub.publishing.checkpoint_branch import BRANCH
from dcgan_hub.publishing.push import push
from dcgan_hub.publishing.repository import lay_out
from dcgan_hub.runs.directory import RunDirectory

ID = "tester/squares"
SEEDS = range(16)
KERAS_OWN = {"config.json", "metadata.json", "model.weights.h5"}  # with the time, and whether it is to be trained


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_run_goes_to_the_hub_as_it_is_laid_out(hub: LocalHub, token, squares_run: RunDirectory, tmp_path):
    published = push("squares", squares_run.generator, Target(repo_id=ID), licence="cc-by-4.0")
    expected = tmp_path / "expected"
    expected.mkdir()
    lay_out(expected, ID, squares_run.generator, squares_run, licence="cc-by-4.0")
    files = hub.files(ID)
    assert files.keys() - names_in(expected) == {".gitattributes"}
    for name in names_in(expected) - KERAS_OWN:
        assert files[name] == (expected / name).read_bytes(), name
    sent = [record for record in hub.requests if record.method == "POST" and "/commit/" in record.path]
    assert len(sent) == 1 and published.commit.oid == hub.head(ID)
    assert hub.commits(ID)[0].title == "Upload generator of step 9"


def test_all_ways_of_loading_give_the_images_of_the_run(hub: LocalHub, token, squares_run: RunDirectory):
    commit = push("squares", squares_run.generator, Target(repo_id=ID)).commit.oid
    images = Generator.from_pretrained(squares_run.path).generate(seeds=SEEDS)
    latents = np.stack([np.random.RandomState(seed).standard_normal(8) for seed in SEEDS]).astype("float32")
    drawn = [Generator.from_pretrained(ID).generate(seeds=SEEDS)]
    for source in (f"hf://{ID}", snapshot_download(ID, revision=commit)):
        pixels = keras.saving.load_model(source).predict_on_batch(latents)
        drawn.append(np.clip(np.rint((pixels + 1) * 127.5), 0, 255).astype("uint8"))
    for others in drawn:
        assert np.abs(others.astype(int) - images).max() <= 1


def test_a_generator_without_keras_files_or_run_gets_the_former(hub: LocalHub, token, squares_run, tmp_path):
    half = Generator.from_pretrained(squares_run.path).save_pretrained(tmp_path / "half", half_precision=True)
    push("half", half, Target(repo_id=ID))
    files = hub.files(ID)
    assert {"config.json", "metadata.json", "model.weights.h5"} <= files.keys()
    assert not any(name.startswith("run/") for name in files)
    expected = Generator.from_pretrained(half).generate(seeds=SEEDS)
    assert (Generator.from_pretrained(ID).generate(seeds=SEEDS) == expected).all()


def test_a_run_that_goes_on_is_pushed_in_one_piece(hub: LocalHub, token, squares, tiny, tmp_path):
    """The trainer replaces files all the time; each push must still fit together."""
    run = RunDirectory(tmp_path / "busy")
    options = dict(tiny) | {"checkpoint_every": 1, "sample_every": 1, "report_every": 1, "steps": 10**6}
    program = f"from dcgan_hub import train; train({str(squares)!r}, run={str(run.path)!r}, quiet=True, **{options})"
    trainer = Program("-c", program)
    pushes = 0
    try:
        while pushes < 3:
            assert trainer.poll() is None, trainer.output()
            if (run.generator / "samples.png").exists():
                push("busy", run.generator, Target(repo_id=ID), checkpoint_branch=BRANCH)
                pushes += 1
                for name in ("run/run.json", "dcgan.json"):
                    json.loads(hub.files(ID)[name])
                assert all(json.loads(line) for line in hub.files(ID)["run/metrics.jsonl"].splitlines())
                Generator.from_pretrained(ID, force_download=True)
            time.sleep(0.05)
        trainer.terminate()
        assert trainer.wait(60) == 0 and run.read_record()["state"] == "stopped"
    finally:
        trainer.kill()


def test_a_checkpoint_goes_along_where_it_is_asked_for(hub: LocalHub, token, squares_run: RunDirectory, tmp_path):
    push("squares", squares_run.generator, Target(repo_id=ID), checkpoint_branch=BRANCH)
    assert "checkpoints/step-00000009/state.safetensors" in hub.files(ID, "checkpoint")
    head = hub.head(ID)
    bundle = Generator.from_pretrained(squares_run.path).save_pretrained(tmp_path / "bundle")
    with pytest.raises(RunError, match="A checkpoint must exist to be pushed"):
        push("bundle", bundle, Target(repo_id=ID), checkpoint_branch=BRANCH)
    assert hub.head(ID) == head


def test_a_full_disk_is_a_sentence_and_changes_nothing(hub: LocalHub, token, squares_run: RunDirectory, monkeypatch):
    """Linking fails over to copying, and copying as on a disk without room."""
    from dcgan_hub.publishing import repository

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(repository.os, "link", full)
    monkeypatch.setattr(repository.shutil, "copyfile", full)
    with pytest.raises(HubError, match=r"needs disk space .* Received: No space left on device"):
        push("squares", squares_run.generator, Target(repo_id=ID))
    assert not hub.exists(ID)
