"""Each detector fires on what it is for, once a stretch, and a healthy run hears nothing."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dcgan_hub.presets import make_settings
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.training.health.detectors import Finding, Observation
from dcgan_hub.training.health.doctor import MAX_FINDINGS, Doctor
from dcgan_hub.training.health.recovery import REMEDIES, RollbackRecord
from dcgan_hub.training.health.sample_statistics import SampleStatistics

# Of `python benchmarks/doctor.py`, healthy, seed 1: 1,000 steps on the embedded drawings.
HEALTHY = Path(__file__).with_name("healthy-metrics.jsonl")


def training(**values):
    return make_settings("avatars-32", {"evaluate_every": 500} | values).training


def healthy_rows(times=1):
    """The lines of a healthy run; more times: it goes on as in its second half."""
    rows = [json.loads(line) for line in HEALTHY.read_text().splitlines()]
    half = [row for row in rows if row["step"] > 500]
    return rows + [row | {"step": row["step"] + 500 * n} for n in range(1, times) for row in half]


def altered(rows, after=0, before=10**9, **figures):
    """The lines, with other figures in those steps, wherever a line has such figures."""
    return [
        row | {name: value for name, value in figures.items() if name in row} if after < row["step"] <= before else row
        for row in rows
    ]


def names(rows, **settings):
    return [finding.name for finding in Doctor(training(**settings), rows).findings]


def test_a_healthy_run_hears_nothing():
    rows = healthy_rows(times=4)
    assert rows[-1]["step"] == 2500 and any("kid" in row for row in rows) and any("diversity" in row for row in rows)
    doctor = Doctor(training(), rows)
    assert doctor.findings == [] and doctor.suspected_since is None


def test_accuracy_alone_is_no_alarm():
    """In good runs the discriminator is nearly always right for thousands of steps."""
    accurate = {"real_accuracy": 0.999, "generated_accuracy": 0.99, "d_loss": 0.02, "g_loss": 7.0}
    assert names(altered(healthy_rows(times=4), **accurate)) == []


def test_a_discriminator_that_cannot_tell_good_samples_is_no_alarm():
    """That is what a run strives for."""
    undecided = {"real_accuracy": 0.5, "generated_accuracy": 0.52, "d_loss": 1.38, "g_loss": 0.7}
    assert names(altered(healthy_rows(times=4), after=600, **undecided)) == []


NOISE = {"diversity": 0.15, "contrast": 0.3, "detail": 2.0, "brightness": -0.1}
WINS = {"real_accuracy": 1.0, "generated_accuracy": 0.995, "d_loss": 0.001}
FAILURES = {
    "not-finite": {"g_gradient_norm": None},
    "exploding": {"g_loss": 20.0, "d_loss": 8.0},
    "exploding gradients": {"d_gradient_norm": 1e4},
    "discriminator-wins": WINS | NOISE,
    "discriminator-gave-up": {"real_accuracy": 0.8, "generated_accuracy": 0.02, "d_loss": 5.0, "g_loss": 0.01} | NOISE,
    "discriminator-gave-up undecided": {"real_accuracy": 0.5, "generated_accuracy": 0.5, "d_loss": 1.386} | NOISE,
    "generator-saturated": {"saturated": 0.5},
    "generator-dead alike": {"diversity": 0.01},
    "generator-dead still": {"diversity": 0.8, "contrast": 0.8, "detail": 1.0, "brightness": 0.0},
    "collapse": {"diversity": 0.35},
    "augmentation-leak": {"grey": 0.05},
    "coverage-falls": {"coverage": 0.02, "kid": 6.0},
    "memorisation": {"near_copies": 0.4},
}


@pytest.mark.parametrize("failure", FAILURES)
def test_each_failure_is_found_once_with_its_onset(failure):
    rows = healthy_rows(times=6)
    if failure in ("augmentation-leak", "discriminator-wins"):
        rows = [row | {"augmentation_strength": 1.0} if "g_loss" in row else row for row in rows]
    if failure == "coverage-falls":
        rows = altered(rows, coverage=0.4)
    doctor = Doctor(training(), altered(rows, after=1000, before=2800, **FAILURES[failure]))
    (finding,) = doctor.findings
    assert finding.name == failure.split()[0]
    assert 900 <= finding.since <= 1200 and 1000 < finding.step <= 2500
    assert finding.over is not None and 2800 < finding.over <= 3500, "it is over when the signs have gone"
    assert finding.words.endswith(".") and "Try" in finding.words
    assert f"{finding.step:,}" in finding.words or f"for {finding.step - finding.since:,} steps" in finding.words
    assert doctor.suspected_since is None


def test_low_diversity_from_the_start_is_a_collapse():
    assert names(altered(healthy_rows(times=4), diversity=0.2)) == ["collapse"]


def test_what_a_generator_draws_that_has_not_learned_is_grey_and_no_leak():
    rows = [row | {"augmentation_strength": 0.2} if "g_loss" in row else row for row in healthy_rows(times=4)]
    untrained = {"diversity": 0.2, "contrast": 0.23, "detail": 1.1, "grey": 0.016}
    assert "augmentation-leak" in names(altered(rows, **untrained | {"contrast": 0.9}))
    assert "augmentation-leak" not in names(altered(rows, **untrained))


def test_what_comes_back_is_found_again():
    rows = altered(healthy_rows(times=6), after=1000, before=1600, saturated=0.5)
    assert names(altered(rows, after=2400, saturated=0.5)) == ["generator-saturated"] * 2


def test_what_one_finding_explains_is_no_news_until_it_is_over():
    rows = altered(healthy_rows(times=8), after=500, before=1500, g_loss=20.0, d_loss=8.0)
    rows = altered(rows, after=500, diversity=0.2)
    assert names(rows) == ["exploding", "collapse"]


def test_what_was_measured_is_told_while_another_finding_lasts():
    rows = altered(altered(healthy_rows(times=8), coverage=0.4), after=500, d_loss=8.0, g_loss=20.0)
    measured = {"coverage": 0.02, "kid": 6.0, "near_copies": 0.4}
    assert names(altered(rows, after=1500, **measured)) == ["exploding", "memorisation", "coverage-falls"]


def test_samples_that_are_all_black_are_of_a_dead_generator():
    rows = altered(healthy_rows(times=4), after=500, diversity=0.001, saturated=0.6)
    assert names(rows) == ["generator-dead"]


def test_a_rising_distance_while_the_discriminator_is_always_right():
    rows = altered(healthy_rows(times=8), after=1000, **WINS)
    (finding,) = Doctor(training(), altered(rows, after=1500, kid=9.0)).findings
    assert finding.name == "discriminator-wins" and "KID" in finding.words
    assert finding.since == 1500, "back to where it was best"


@pytest.mark.parametrize(
    "loss", ["hinge", "least-squares", "wasserstein"]
)  # fmt: skip
def test_other_losses_have_other_scales(loss):
    settings = {"loss": loss}
    assert names(altered(healthy_rows(times=4), g_loss=-30.0), **settings) == []
    exploded = altered(healthy_rows(times=4), after=1000, d_loss=200.0, d_gradient_norm=1e5)
    assert names(exploded, **settings) == ["exploding"]
    if loss == "wasserstein":  # its logits have no zero, so their signs say nothing
        assert names(altered(healthy_rows(times=4), after=1000, **WINS, **NOISE), **settings) == ["generator-dead"]


def test_a_run_in_two_parts_is_judged_as_one():
    rows = altered(healthy_rows(times=4), after=1000, **WINS, **NOISE)
    whole = Doctor(training(), rows)
    for cut in (5, len(rows) // 2, len(rows) - 3):
        parts = Doctor(training(), rows[:cut])
        found = [finding for row in rows[cut:] for finding in parts.observe(row)]
        assert parts.report() == whole.report()
        assert len(found) <= len(whole.findings)


def test_a_measurement_at_the_end_of_a_run_is_not_seen():
    rows = [*healthy_rows(), {"step": 1003, "kid": 5.0, "coverage": 0.0, "near_copies": 0.9, "near_copies_of_real": 0}]
    assert names(rows) == []


def test_the_report_is_bounded_and_has_what_was_healed():
    rollback = RollbackRecord(at_step=90, back_to=40, finding="exploding", since=50, words="It exploded.", changes={})
    doctor = Doctor(training(), [], [rollback])
    assert doctor.report() == [{"name": "exploding", "step": 90, "since": 50, "words": "It exploded.", "over": 90}]
    doctor.findings = [Finding(name="collapse", step=n, since=0, words="") for n in range(80)]
    assert len(doctor.report()) == MAX_FINDINGS and doctor.report()[-1]["step"] == 79


def test_every_finding_has_a_remedy():
    assert set(REMEDIES) == {name.split()[0] for name in FAILURES}


def test_a_null_is_not_finite():
    assert math.isnan(Observation.from_row({"step": 1, "g_loss": None}).g_loss)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_figures_of_a_sheet(channels):
    random = np.random.RandomState(0)
    real = random.randint(60, 90, (300, 16, 16, channels)).astype(np.uint8)
    statistics = SampleStatistics(real)
    alike = statistics.compare(real[:64])
    assert alike["diversity"] == pytest.approx(1, abs=0.05) and alike["contrast"] == pytest.approx(1, abs=0.05)
    assert alike["detail"] == pytest.approx(1, abs=0.05) and abs(alike["brightness"]) < 0.01
    assert alike["saturated"] == alike["grey"] == 0
    same = statistics.compare(np.repeat(real[:1], 64, axis=0))
    assert same["diversity"] < 1e-9 and same["contrast"] == pytest.approx(1, abs=0.1)
    covered = real[:64].copy()
    covered[:, :8, :8] = 127
    assert statistics.compare(covered)["grey"] == pytest.approx(49 / 225)
    assert statistics.compare(np.where(real[:64] > 75, 255, 0).astype(np.uint8))["saturated"] == 1
    assert statistics.find_copies(real[:30])["near_copies"] == 1


def test_figures_of_flat_real_images_are_finite():
    figures = SampleStatistics(np.full((5, 16, 16, 3), 9, np.uint8)).compare(np.zeros((4, 16, 16, 3), np.uint8))
    assert all(math.isfinite(value) for value in figures.values())


def test_lines_written_and_lines_read_say_the_same(tmp_path):
    run = RunDirectory(tmp_path)
    for row in healthy_rows():
        run.append_metrics(row)
    assert Doctor(training(), run.read_metrics()).report() == Doctor(training(), healthy_rows()).report()
