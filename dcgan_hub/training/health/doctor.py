"""The doctor: checks each row of metrics of a run, and describes training failures in plain words.

Its state is a function of the rows of metrics only, so a resumed run has the same findings as an uninterrupted one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.health.detectors import (
    Detector,
    DiscriminatorGaveUp,
    DiscriminatorWins,
    Exploding,
    Finding,
    NotFinite,
    Observation,
    not_finite_words,
)
from dcgan_hub.training.health.recovery import RollbackRecord
from dcgan_hub.training.health.sample_detectors import (
    AugmentationLeak,
    Collapse,
    CoverageFalls,
    GeneratorDead,
    GeneratorSaturated,
    Memorization,
)

MAX_FINDINGS = 50  # in run.json; the latest ones are kept
# One of these explains the others, so while it persists the others are not reported. Measurements always are.
PLAYERS_AT_ODDS = frozenset(
    kind.name
    for kind in (Exploding, DiscriminatorGaveUp, DiscriminatorWins, GeneratorSaturated, GeneratorDead, Collapse)
)


class Doctor:
    """Runs all detectors on one run, given its effective settings, its metrics so far, and its rollbacks.

    `findings` has those from the metrics, oldest first; `report` also includes those that led to rollbacks.

    Example:
        >>> doctor = Doctor(settings.training, run.read_metrics())
        >>> [finding.words for finding in doctor.findings]
    """

    def __init__(
        self,
        training: TrainingSettings,
        history: Iterable[Mapping[str, Any]] = (),
        rollbacks: Iterable[RollbackRecord] = (),
    ) -> None:
        self._evaluate_every = training.evaluate_every
        self._healed = [
            Finding(name=rollback.finding, step=rollback.at_step, since=rollback.since, words=rollback.words,
                    over=rollback.at_step)
            for rollback in rollbacks
        ]  # fmt: skip
        self._detectors: list[Detector] = [
            NotFinite(), Exploding(training.loss), DiscriminatorGaveUp(training.loss), DiscriminatorWins(training.loss),
            GeneratorDead(), GeneratorSaturated(), AugmentationLeak(), Collapse(), CoverageFalls(), Memorization(),
        ]  # fmt: skip
        self.findings: list[Finding] = []
        for row in history:
            self.observe(row)

    def observe(self, row: Mapping[str, Any]) -> list[Finding]:
        """Processes a row of metrics as in `metrics.jsonl`; returns new findings."""
        if "kid" in row and not (self._evaluate_every and row["step"] % self._evaluate_every == 0):
            return []  # measured at the end of a run; an uninterrupted run would not have this row
        seen, known = Observation.from_row(row), len(self.findings)
        for detector in self._detectors:
            finding = detector.observe(seen)
            if finding is None:
                continue
            if finding.name in PLAYERS_AT_ODDS and any(open_.name in PLAYERS_AT_ODDS for open_ in self.lasting):
                detector.postpone()
            else:
                self.findings.append(finding)
        return self.findings[known:]

    def diverged(self, step: int, what: str) -> Finding:
        """Adds the finding for non-finite losses or weights, which are not visible in rows of metrics.

        `what` is a sentence without its period.
        """
        # Signs of other detectors may be thousands of steps old and unrelated.
        exploding = next(detector.since for detector in self._detectors if isinstance(detector, Exploding))
        since = step - 1 if exploding is None else exploding
        self.findings.append(Finding(name=NotFinite.name, step=step, since=since, words=not_finite_words(what)))
        return self.findings[-1]

    def report(self) -> list[dict[str, Any]]:
        """The last 50 findings as in `run.json`, those that led to rollbacks first."""
        return [finding.to_dict() for finding in (*self._healed, *self.findings)][-MAX_FINDINGS:]

    @property
    def lasting(self) -> list[Finding]:
        """Findings whose signs persist."""
        return [finding for finding in self.findings if finding.over is None]

    @property
    def suspected_since(self) -> int | None:
        """The last step before the oldest persisting sign, even if it is not yet a finding; None: no sign.

        The newest checkpoint at or before that step must be kept for a rollback.
        """
        return min((detector.since for detector in self._detectors if detector.since is not None), default=None)
