"""A run that goes wrong goes back, with a remedy that is recorded, and can be killed at any instant meanwhile."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dcgan_hub import RunError, train
from dcgan_hub.bundle.format import read_facts
from dcgan_hub.presets import make_settings
from dcgan_hub.runs.checkpoint_files import remove_old
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training import restoring, steps_per_call
from dcgan_hub.training import train as train_module
from dcgan_hub.training.callbacks import LossNotFinite
from dcgan_hub.training.checkpoint import load_checkpoint, state_variables
from dcgan_hub.training.health import recovery
from dcgan_hub.training.health.detectors import Exploding, Finding
from dcgan_hub.training.health.recovery import (
    MAX_ROLLBACKS,
    REMEDIES,
    RollbackRecord,
    effective_settings,
    find_remedy,
    go_back,
    read_rollbacks,
)
from dcgan_hub.training.model import build_gan

RATE = TrainingSettings().learning_rate  # the recipe's own
TOO_FAST = {"learning_rate": 1.0, "steps": 32, "sample_every": 16}
INSTANTS = ["before the healing is recorded", "after it was recorded"]


def record(run):
    return json.loads((run / "run.json").read_text())


def story(run):
    """What must not depend on kills: lines of metrics without clocks, findings and healings."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rows = [{name: row[name] for name in row if name not in ("seconds", "images_per_second")} for row in lines]
    return rows, record(run)["health"], record(run)["healings"]


def weights(run):
    """The state without the clocks that stand beside it."""
    return hashlib.sha256((run / "generator" / "model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def healed(squares, tiny, tmp_path_factory):
    """A run with far too high a learning rate and --heal; beside it, by their names, what it was at both instants."""
    run = tmp_path_factory.mktemp("runs") / "run"

    def copied_before(function, instant, is_now=lambda *arguments: True):
        def copy_first(*arguments, **options):
            if is_now(*arguments):
                shutil.copytree(run, run.with_name(instant))
            return function(*arguments, **options)

        return copy_first

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery, "find_remedy", copied_before(find_remedy, INSTANTS[0]))
        going_on = copied_before(restoring._apply_rollbacks, INSTANTS[1], lambda plan, *rest: plan.rollbacks)
        patch.setattr(restoring, "_apply_rollbacks", going_on)
        train(squares, run=run, quiet=True, heal=True, **(tiny | TOO_FAST))
    return run


def test_a_run_that_explodes_heals_and_says_so(healed, squares, tiny, tmp_path, capsys):
    told = record(healed)
    assert told["state"] == "finished" and told["progress"]["step"] == 32
    assert told["settings"]["training"]["learning_rate"] == 1.0, "what the user asked for"
    assert told["settings"]["training"]["generator_learning_rate"] is None
    (rollback,) = told["healings"]
    assert rollback["finding"] in ("exploding", "not-finite") and rollback["back_to"] == 0 < rollback["at_step"]
    assert rollback["changes"]["generator_learning_rate"] == [1.0, RATE]
    assert rollback["changes"]["discriminator_learning_rate"] == [1.0, RATE]
    (finding,) = told["health"]
    assert finding["name"] == rollback["finding"] and finding["over"] == finding["step"] == rollback["at_step"]
    assert "--learning-rate" in finding["words"]

    facts = read_facts(healed / "generator" / "dcgan.json").training
    assert facts["generator_learning_rate"] == RATE, "what it was trained with"
    rows, _, _ = story(healed)
    assert [row["step"] for row in rows] == list(range(2, 33, 2)), "the steps that were gone back over are made once"


def test_it_ends_as_a_run_with_the_healthy_settings(healed, squares, tiny, tmp_path):
    settings = tiny | TOO_FAST | {"learning_rate": RATE}
    train(squares, run=tmp_path / "run", quiet=True, **settings)
    assert weights(tmp_path / "run") == weights(healed)


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_kill_at_any_instant_changes_nothing(instant, healed, squares, tiny, tmp_path):
    """A kill leaves the files as they are at that instant."""
    run = Path(shutil.copytree(healed.with_name(instant), tmp_path / "run"))
    assert record(run)["progress"]["step"] < 32 and len(record(run)["healings"]) == INSTANTS.index(instant)
    train(squares, run=run, quiet=True, **(tiny | TOO_FAST | {"heal": True}))
    assert weights(run) == weights(healed) and story(run) == story(healed)


def test_without_heal_it_is_only_told_and_heal_may_be_added_later(healed, squares, tiny, tmp_path, capsys):
    run = tmp_path / "run"
    settings = tiny | TOO_FAST
    train(squares, run=run, quiet=True, **(settings | {"steps": 22}))
    told = record(run)
    assert told["healings"] == [] and told["health"][0]["name"] == "exploding" and told["health"][0]["over"] is None
    assert capsys.readouterr().out.count("Training diverges") == 1, "once a stretch"
    train(squares, run=run, quiet=True, heal=True, **settings)
    assert record(run)["healings"][0]["at_step"] == 22
    assert weights(run) == weights(healed)


@pytest.mark.parametrize("heal, decay_steps", [(False, 0), (True, 0), (True, 7)])
def test_a_loss_that_is_not_finite(heal, decay_steps, squares, tiny, tmp_path, monkeypatch, capsys):
    """At step 11 of the first attempt, and of that only."""
    attempts = []

    def on_train_batch_end(self, batch, logs=None):
        attempts.extend([batch] if self.clock.step == 11 else [])
        if self.clock.step == 11 and len(attempts) == 1:
            raise LossNotFinite("The loss of the generator became NaN or infinite at step 11.")

    monkeypatch.setattr(train_module.StopOnDivergence, "on_train_batch_end", on_train_batch_end)
    monkeypatch.setattr(steps_per_call, "SECONDS_A_CALL", 0.0)  # as if step 11 were the last one of a call
    run, settings = (
        tmp_path / "run",
        tiny | {"steps": 14, "sample_every": 100, "heal": heal, "learning_rate_decay_steps": decay_steps},
    )
    if not heal:
        with pytest.raises(RunError, match="with --heal"):
            train(squares, run=run, quiet=True, **settings)
        assert record(run)["state"] == "failed" and record(run)["health"][0]["name"] == "not-finite"
        return
    train(squares, run=run, quiet=True, **settings)
    (rollback,) = record(run)["healings"]
    assert (rollback["finding"], rollback["at_step"], rollback["back_to"]) == ("not-finite", 11, 8)
    assert rollback["changes"]["generator_learning_rate"] == [RATE, RATE / 2]
    gan = build_gan(effective_settings(make_settings("avatars-32", dict(settings)), read_rollbacks(record(run))))
    load_checkpoint(run / "checkpoints" / "step-00000014", gan)
    rate = RATE / 2 / (1 + 14 / decay_steps) if decay_steps else RATE / 2
    assert float(gan.generator_optimizer.learning_rate) == pytest.approx(rate), "not that of the old checkpoint"
    assert capsys.readouterr().out.count("warning: ") == 2


def finding(name, since=5, step=9):
    return Finding(name=name, step=step, since=since, words="It went wrong.")


def settings_of(**values):
    return make_settings("avatars-32", values)


@pytest.mark.parametrize("name", REMEDIES)
@pytest.mark.parametrize("loss", ["non-saturating", "wasserstein"])
def test_remedies_are_bounded_and_valid(name, loss):
    settings, rollbacks = settings_of(loss=loss, augmentation="fixed"), ()
    for _ in range(30):
        changes = find_remedy(finding(name), settings)
        assert all(old != new for old, new in changes.values())
        rollback = RollbackRecord(at_step=9, back_to=0, finding=name, since=5, words="", changes=changes)
        rollbacks = (*rollbacks, rollback)
        settings = effective_settings(settings, [rollback])  # refuses what no setting may be
    training = settings.training
    assert 1e-6 <= (training.generator_learning_rate or RATE) and (training.discriminator_learning_rate or 0) <= 1.0
    assert training.r1_gamma <= 100 and training.augmentation_strength <= 1
    assert effective_settings(settings_of(loss=loss, augmentation="fixed"), rollbacks) == settings


def test_remedies_fit_the_finding():
    def changes(name, **values):
        return {key: new for key, (_, new) in find_remedy(finding(name), settings_of(**values)).items()}

    assert changes("exploding", learning_rate=50 * RATE)["generator_learning_rate"] == RATE, "the recipe's own"
    assert changes("exploding", learning_rate=2 * RATE)["generator_learning_rate"] == RATE, "half"
    assert changes("discriminator-wins", r1_gamma=0.0) == {"discriminator_learning_rate": RATE / 2, "r1_gamma": 1.0}
    assert changes("discriminator-gave-up", discriminator_learning_rate=1e-7)["discriminator_learning_rate"] == RATE
    assert changes("generator-dead", generator_learning_rate=0.05) == {"generator_learning_rate": RATE}
    assert changes("memorisation", augmentation="none") == {"augmentation": "adaptive"}
    assert changes("memorisation", augmentation="none", r1_gamma=0.0) == {"augmentation": "adaptive", "r1_gamma": 1.0}
    assert changes("memorisation", augmentation="none", loss="wasserstein") == {"augmentation": "adaptive"}
    assert changes("memorisation") == {"r1_gamma": 4.0}, "augmentation is on already"
    assert changes("augmentation-leak", augmentation="fixed") == {"augmentation_strength": 0.4}
    assert changes("augmentation-leak", augmentation="fixed", r1_gamma=0.0)["r1_gamma"] == 1.0
    assert changes("something new") == {}


def a_run(path, steps, progress=20):
    run = RunDirectory(path)
    for step in steps:
        run.checkpoint(step).mkdir(parents=True)
    run.write_record({"settings": {}, "dataset": {}, "progress": {"step": progress, "images_seen": 1, "seconds": 2.0}})
    return run


def left(run):
    return sorted(int(path.name[5:]) for path in run.checkpoints.iterdir())


def test_the_run_goes_back_to_the_newest_healthy_checkpoint(tmp_path):
    run = a_run(tmp_path, [4, 8, 12, 16])
    first = go_back(run, settings_of(), finding("exploding", since=9), 18)
    assert first.back_to == 8 and left(run) == [4, 8] and run.read_record()["progress"]["step"] == 8
    again = go_back(run, settings_of(), finding("exploding", since=9), 18)
    assert again.back_to == 4, "it fell ill from 8 once more"
    last = go_back(run, settings_of(), finding("collapse", since=3), 18)
    assert last.back_to == 0 and left(run) == []
    assert read_rollbacks(run.read_record()) == (first, again, last)


def test_the_checkpoint_before_a_suspicion_is_kept(tmp_path):
    """So is that of step 0, which a run has if it started from another generator."""
    run = a_run(tmp_path, range(0, 41, 4))
    remove_old(run.checkpoints, best=12, healthy=22)
    assert left(run) == [0, 12, 20, 36, 40]
    remove_old(run.checkpoints, best=None, healthy=None)
    assert left(run) == [0, 36, 40]
    remove_old(run.checkpoints, best=None, healthy=3)
    assert left(run) == [0, 36, 40]


RECORDED = {"at_step": 1, "back_to": 0, "finding": "", "since": 0, "words": ""}


@pytest.mark.parametrize(
    "rollbacks",
    [
        7,
        [3],
        [{}],
        [{"at_step": "9"}],
        [RECORDED | {"changes": {"seed": [0, -1]}}],
        [RECORDED | {"changes": {"x": [0, 1]}}],
    ],
)
def test_a_damaged_record_is_refused(rollbacks):
    with pytest.raises(RunError, match=r"must be .*Received"):
        effective_settings(settings_of(), read_rollbacks({"healings": rollbacks}))


def test_it_heals_at_most_three_times(squares, tiny, tmp_path, monkeypatch):
    """With a remedy that does nothing, and losses that are taken for too high."""
    monkeypatch.setattr(Exploding, "losses", 0.1)
    monkeypatch.setattr(recovery, "REMEDIES", {"exploding": lambda training, recipe: {
        "r1_every": training.r1_every + 1}})  # fmt: skip
    settings = tiny | TOO_FAST | {"heal": True, "steps": 24}
    train(squares, run=tmp_path / "run", quiet=True, **settings)
    told = record(tmp_path / "run")
    assert len(told["healings"]) == MAX_ROLLBACKS and told["state"] == "finished"
    assert [entry["over"] is None for entry in told["health"]] == [False] * 3 + [True]


def test_means_go_on_where_a_checkpoint_left_them(squares, tiny, tmp_path):
    """Stopped between two reports, a run reports what one in one part does, since findings rest on reports."""
    settings = tiny | {"report_every": 4, "sample_every": 3}
    train(squares, run=tmp_path / "whole", steps=9, quiet=True, **settings)
    train(squares, run=tmp_path / "parts", steps=7, quiet=True, **settings)
    train(squares, run=tmp_path / "parts", steps=9, quiet=True, **settings)
    assert story(tmp_path / "parts")[0] == story(tmp_path / "whole")[0]
    gan = build_gan(make_settings("avatars-32", settings))
    names = [name for name, _ in state_variables(gan)]
    assert "means/g_loss/total" in names and len(set(names)) == len(names)
    load_checkpoint(tmp_path / "parts" / "checkpoints" / "step-00000009", gan)
    assert np.isfinite(float(gan.trackers["g_loss"].result()))
