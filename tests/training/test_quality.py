"""Measuring while training: figures, the best bundle with the last beside it, and going on."""

import json
import shutil

import numpy as np
import pytest
from tiny_runs import TINY, make_squares

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.evaluation.memorization import measure_memorization
from dcgan_hub.runs.directory import RunDirectory, step_number
from dcgan_hub.training.quality import QualityWatch
from dcgan_hub.training.train import train


@pytest.fixture(scope="module")
def enough_squares(tmp_path_factory):
    """104 squares: enough to be measured against."""
    return make_squares(tmp_path_factory.mktemp("data") / "squares.npy", 104)


@pytest.fixture(scope="module")
def measured_run(tmp_path_factory, enough_squares):
    """A run of 16 steps, measured every 4, with checkpoints at other steps; beside it, what it was at step 8."""
    path = tmp_path_factory.mktemp("runs") / "measured"
    note = QualityWatch.note

    def note_and_copy(quality, step, *found):
        note(quality, step, *found)
        if step == 8:
            shutil.copytree(path, path.with_name("step 8"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(QualityWatch, "note", note_and_copy)
        return train(enough_squares, run=path, steps=16, **MEASURED)


MEASURED = TINY | {
    "quiet": True, "sample_every": 100, "checkpoint_every": 6, "report_every": 5, "evaluate_every": 4,
    "evaluate_images": 100,
}  # fmt: skip


def distances(run):
    return {row["step"]: row["kid"] for row in run.read_metrics() if "kid" in row}


def test_metrics_hold_the_figures_of_each_measured_step(measured_run):
    rows = [row for row in measured_run.read_metrics() if "kid" in row]
    assert [row["step"] for row in rows] == [4, 8, 12, 16]
    for row in rows:
        assert {"images_seen", "seconds", "kid_error", "fid", "precision", "recall", "density", "coverage"} <= set(row)
    assert len(set(distances(measured_run).values())) == 4
    assert (measured_run.plots / "quality.png").read_bytes().startswith(b"\x89PNG")


def test_the_best_step_is_the_bundle_and_the_last_is_beside_it(measured_run):
    found = distances(measured_run)
    best = min(found, key=found.get)
    facts = Generator.from_pretrained(measured_run.generator).facts
    assert facts.training["step"] == best
    assert facts.metrics["kid"] == pytest.approx(found[best], rel=1e-5)
    assert facts.training["metrics_protocol"]["generated_count"] == 100
    assert Generator.from_pretrained(measured_run.last_generator).facts.training["step"] == 16
    kept = {step_number(folder) for folder in measured_run.checkpoints.iterdir()}
    assert best in kept and {12, 16} <= kept and len(kept) <= 3


def test_figures_are_those_of_the_published_images(measured_run, enough_squares, tmp_path):
    from dcgan_hub.cli import main

    found = distances(measured_run)
    out = tmp_path / "quality.json"
    words = ["evaluate", str(measured_run.generator), "--data", str(enough_squares), "--count", "100"]
    assert main([*words, "--seed", "1000000", "--json", str(out)]) == 0
    assert json.loads(out.read_text())["measures"]["kid"] == pytest.approx(min(found.values()), rel=1e-4)


def test_a_measurement_that_a_kill_lost_is_made_again(tmp_path, enough_squares, measured_run):
    run = RunDirectory(shutil.copytree(measured_run.path.with_name("step 8"), tmp_path / "killed"))
    lines = run.metrics_file.read_text().splitlines(keepends=True)
    run.metrics_file.write_text("".join(line for line in lines if not ('"step": 8' in line and "kid" in line)))
    assert set(distances(run)) == {4}
    train(enough_squares, run=run.path, steps=16, **MEASURED)
    assert distances(run) == pytest.approx(distances(measured_run))
    best = Generator.from_pretrained(measured_run.generator)
    assert np.array_equal(Generator.from_pretrained(run.generator).generate(range(4)), best.generate(range(4)))


def copies(run):
    return {row["step"]: row["near_copies"] for row in run.read_metrics() if "near_copies" in row}


@pytest.fixture(scope="module")
def run_of_few(tmp_path_factory, squares):
    return train(squares, run=tmp_path_factory.mktemp("runs") / "few", steps=8, **MEASURED)


def test_too_few_images_are_not_measured(run_of_few):
    assert distances(run_of_few) == {} and not run_of_few.last_generator.exists()
    assert Generator.from_pretrained(run_of_few.generator).facts.training["step"] == 8


def test_copies_of_too_few_images_are_looked_for(run_of_few, squares):
    assert list(copies(run_of_few)) == [4, 8]
    drawn = Generator.from_pretrained(run_of_few.generator).generate(range(1_000_000, 1_000_256))
    found = measure_memorization(np.load(squares), drawn, show_progress=False)
    assert copies(run_of_few)[8] == pytest.approx(found.near_copies)


def test_a_look_for_copies_that_a_kill_lost_is_made_again(run_of_few, squares, tmp_path):
    before = copies(run_of_few)
    run = RunDirectory(shutil.copytree(run_of_few.path, tmp_path / "few"))
    lines = run.metrics_file.read_text().splitlines(keepends=True)
    run.metrics_file.write_text("".join(line for line in lines if not ('"step": 8' in line and "near" in line)))
    assert list(copies(run)) == [4]
    train(squares, run=run.path, steps=9, **MEASURED)
    assert copies(run) == before


def test_of_two_images_copies_cannot_be_told(tmp_path, squares):
    np.save(tmp_path / "two.npy", np.load(squares)[:2])
    run = train(tmp_path / "two.npy", run=tmp_path / "two", steps=4, **MEASURED | {"batch_size": 2})
    assert copies(run) == {}
