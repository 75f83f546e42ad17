"""Recovery with `--heal`: a rollback to the last healthy checkpoint, with a bounded, recorded change of settings.

The settings in `run.json` remain those of the user. The effective settings are these plus the changes of all rollbacks
in their order, so a run that is resumed after a rollback continues like an uninterrupted one.
"""

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.presets import make_settings
from dcgan_hub.runs.directory import RunDirectory, checkpoint_folders, step_number
from dcgan_hub.settings import Settings, TrainingSettings
from dcgan_hub.training.health.detectors import Finding

MAX_ROLLBACKS = 3  # per run; settings that need more are unsuitable
FAR_OFF = 4.0  # a learning rate that differs from the preset's by more than this factor is replaced by it
STRONGER = 4.0  # factor of the gradient penalty
MAX_PENALTY = 100.0
MIN_RATE = 1e-6
MODEST_STRENGTH = 0.4  # of augmentation after a leak; half of the reported safe limit (Karras et al. 2020 b)

RATES = GENERATOR_RATE, DISCRIMINATOR_RATE = "generator_learning_rate", "discriminator_learning_rate"

Changes = dict[str, tuple[Any, Any]]  # setting: old value, new value


@dataclass(frozen=True, kw_only=True)
class RollbackRecord:
    """One rollback to a healthy state, with the changes of settings."""

    at_step: int  # the step at which the run was rolled back
    back_to: int  # the step of the checkpoint it was rolled back to; 0: the start
    finding: str  # its name
    since: int  # the last step without the sign
    words: str  # of the finding
    changes: Changes

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in `run.json`."""
        return dataclasses.asdict(self) | {"changes": {name: list(pair) for name, pair in self.changes.items()}}

    def describe(self) -> str:
        """One sentence for the terminal."""
        changed = ", ".join(f"{name} {_show(old)} to {_show(new)}" for name, (old, new) in self.changes.items())
        return f"Rolled back: from step {self.at_step:,} to step {self.back_to:,}, with {changed}."


class Rollback(Exception):
    """Signals a rollback from `step`, `seconds` after the start of training, to the last healthy checkpoint."""

    def __init__(self, finding: Finding, step: int, seconds: float) -> None:
        super().__init__(finding.words)
        self.finding, self.step, self.seconds = finding, step, seconds


def read_rollbacks(record: dict[str, Any] | None) -> tuple[RollbackRecord, ...]:
    """The rollbacks in `run.json`, oldest first. Raises RunError if they are damaged."""
    try:
        return tuple(_read_rollback(entry) for entry in (record or {}).get("healings", []))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise RunError(
            f"The `healings` in run.json must be unedited. Received: {error}. Restore run.json from a copy, or start "
            "a new run with --run."
        ) from error


def _read_rollback(entry: dict[str, Any]) -> RollbackRecord:
    values = {item.name: entry[item.name] for item in fields(RollbackRecord)}
    if any(type(values[name]) is not int for name in ("at_step", "back_to", "since")):
        raise ValueError("a step that is not an integer")
    values["changes"] = {name: (old, new) for name, (old, new) in values["changes"].items()}
    return RollbackRecord(**values)


def effective_settings(settings: Settings, rollbacks: Sequence[RollbackRecord]) -> Settings:
    """The user's settings with the changes of the rollbacks applied. Raises RunError for invalid changes."""
    changes = {name: new for rollback in rollbacks for name, (_, new) in rollback.changes.items()}
    try:
        return dataclasses.replace(settings, training=dataclasses.replace(settings.training, **changes))
    except (TypeError, SettingsError) as error:
        raise RunError(
            f"The changes of `healings` in run.json must be training settings. Received: {error}. Restore run.json "
            "from a copy, or start a new run with --run."
        ) from error


def find_remedy(finding: Finding, settings: Settings) -> Changes:
    """The changes of settings for a finding; empty if nothing is left to try. `settings` are the effective ones."""
    remedy = REMEDIES.get(finding.name)
    if remedy is None:
        return {}
    recipe = make_settings(settings.preset, {}).training
    wanted = remedy(settings.training, recipe)
    # A learning rate that defaults to `learning_rate` is recorded by its value.
    old = settings.training.to_dict() | dict(zip(RATES, settings.training.rates, strict=True))
    return {name: (old[name], value) for name, value in wanted.items() if value != old[name]}


def go_back(run: RunDirectory, settings: Settings, finding: Finding, at_step: int) -> RollbackRecord:
    """Rolls a locked run back to its last healthy checkpoint and records the changes of settings in `run.json`.

    They are recorded last: after a kill before that, the run resumes from the older checkpoint, has the same finding,
    and is rolled back in the same way.
    """
    record = run.read_record()
    rollbacks = read_rollbacks(record)
    back_to = _last_healthy(run, finding, rollbacks)
    record["progress"] |= {"step": back_to, "images_seen": back_to * settings.training.batch_size}
    run.write_record(record)
    for folder in checkpoint_folders(run.checkpoints):
        if step_number(folder) > back_to:
            shutil.rmtree(folder)
    shutil.rmtree(run.last_generator, ignore_errors=True)  # of a step that was undone
    rollback = RollbackRecord(
        at_step=at_step, back_to=back_to, finding=finding.name, since=finding.since, words=finding.words,
        changes=find_remedy(finding, settings),
    )  # fmt: skip
    run.write_record(record | {"healings": [entry.to_dict() for entry in (*rollbacks, rollback)]})
    return rollback


def _last_healthy(run: RunDirectory, finding: Finding, rollbacks: Sequence[RollbackRecord]) -> int:
    """Step of the newest checkpoint before the sign appeared; 0, the start, if there is none."""
    steps = [step_number(folder) for folder in checkpoint_folders(run.checkpoints)]
    healthy = [step for step in steps if step <= finding.since]
    if rollbacks and healthy and (rollbacks[-1].finding, rollbacks[-1].back_to) == (finding.name, healthy[0]):
        healthy = healthy[1:]  # it failed again from there
    return healthy[0] if healthy else 0


def _nearer(rate: float, own: float, factor: float) -> float:
    """Replaces a rate that is far from the preset's rate `own` by it, and multiplies any other by the factor."""
    if factor < 1.0:
        return own if rate > FAR_OFF * own else _rounded(max(rate * factor, MIN_RATE))
    return own if rate < own / FAR_OFF else _rounded(max(rate, min(rate * factor, FAR_OFF * own)))


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _generator_rate(training: TrainingSettings, recipe: TrainingSettings) -> dict[str, Any]:
    return {GENERATOR_RATE: _nearer(training.rates.generator, recipe.rates.generator, 0.5)}


def _discriminator_rate(training: TrainingSettings, recipe: TrainingSettings, factor: float) -> dict[str, Any]:
    return {DISCRIMINATOR_RATE: _nearer(training.rates.discriminator, recipe.rates.discriminator, factor)}


def _lower_rates(training: TrainingSettings, recipe: TrainingSettings) -> dict[str, Any]:
    return _generator_rate(training, recipe) | _discriminator_rate(training, recipe, 0.5)


def _stronger_penalty(training: TrainingSettings) -> dict[str, Any]:
    if training.loss == "wasserstein":
        return {}  # it has its own penalty, which determines the scale
    gamma = training.r1_gamma or 0.0
    return {"r1_gamma": max(1.0, min(STRONGER * gamma, MAX_PENALTY))}


def _weaker_discriminator(training: TrainingSettings, recipe: TrainingSettings) -> dict[str, Any]:
    wanted = _discriminator_rate(training, recipe, 0.5)
    if training.rates.generator < recipe.rates.generator / FAR_OFF:
        wanted[GENERATOR_RATE] = recipe.rates.generator
    return wanted | _stronger_penalty(training)


def _stronger_discriminator(training: TrainingSettings, recipe: TrainingSettings) -> dict[str, Any]:
    wanted = _discriminator_rate(training, recipe, 2.0)
    if training.rates.generator > FAR_OFF * recipe.rates.generator:
        wanted[GENERATOR_RATE] = recipe.rates.generator
    if (training.r1_gamma or 0.0) > (recipe.r1_gamma or 0.0):
        wanted["r1_gamma"] = _rounded((training.r1_gamma or 0.0) / STRONGER)
    return wanted


def _calmer_players(training: TrainingSettings, recipe: TrainingSettings) -> dict[str, Any]:
    return _lower_rates(training, recipe) | _stronger_penalty(training)


def _penalty_of_recipe(training: TrainingSettings, recipe: TrainingSettings) -> dict[str, Any]:
    """Raises R1 to the value of the preset."""
    # Without it 200 images were memorized, and weak augmentation leaked; with it neither (docs/doctor.md).
    own = recipe.r1_gamma or 0.0
    return {"r1_gamma": own} if training.loss != "wasserstein" and (training.r1_gamma or 0.0) < own else {}


def _more_augmentation(training: TrainingSettings, recipe: TrainingSettings) -> dict[str, Any]:
    if training.augmentation != "none":
        return _stronger_penalty(training)
    return {"augmentation": "adaptive", "augmentation_strength": 0.0} | _penalty_of_recipe(training, recipe)


def _less_augmentation(training: TrainingSettings, recipe: TrainingSettings) -> dict[str, Any]:
    strength = training.augmentation_strength or 0.0
    if training.augmentation == "adaptive":  # its initial strength has no lasting effect
        wanted = {"augmentation": "fixed", "augmentation_strength": MODEST_STRENGTH / 2.0}
    else:
        wanted = {"augmentation_strength": _rounded(min(MODEST_STRENGTH, strength / 2.0))}
    return wanted | _penalty_of_recipe(training, recipe)


# The reasons: docs/doctor.md. Each is a function of the effective settings and of those of the preset.
REMEDIES: dict[str, Callable[[TrainingSettings, TrainingSettings], dict[str, Any]]] = {
    "not-finite": _lower_rates,
    "exploding": _lower_rates,
    "discriminator-wins": _weaker_discriminator,
    "discriminator-gave-up": _stronger_discriminator,
    "generator-dead": _generator_rate,
    "generator-saturated": _generator_rate,
    "collapse": _calmer_players,
    "coverage-falls": _calmer_players,
    "augmentation-leak": _less_augmentation,
    "memorisation": _more_augmentation,
}


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
