"""Watches a run: reads each line of metrics as it is written, and says in plain words what goes wrong.

What it knows is a function of the lines of metrics alone, so a run that is continued is judged as one left alone.
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
    Memorisation,
)

MAX_FINDINGS = 50  # that are kept in run.json, the latest ones
# One of these explains the others: while it lasts, they are no news. What was measured always is.
PLAYERS_AT_ODDS = frozenset(
    kind.name
    for kind in (Exploding, DiscriminatorGaveUp, DiscriminatorWins, GeneratorSaturated, GeneratorDead, Collapse)
)


class Doctor:
    """All detectors over one run: its settings in force, its metrics so far, and its rollbacks.

    What is found in the metrics is in `findings`, oldest first; so are the findings that led to rollbacks.

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
            GeneratorDead(), GeneratorSaturated(), AugmentationLeak(), Collapse(), CoverageFalls(), Memorisation(),
        ]  # fmt: skip
        self.findings: list[Finding] = []
        for row in history:
            self.observe(row)

    def observe(self, row: Mapping[str, Any]) -> list[Finding]:
        """Takes in a line of metrics as it stands in `metrics.jsonl`; returns what is newly found."""
        if "kid" in row and not (self._evaluate_every and row["step"] % self._evaluate_every == 0):
            return []  # measured because the run ended there; one that had gone on would not have this line
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
        """The finding for a loss or weights that are not finite, which no line of metrics can show.

        `what` is a sentence without its full stop.
        """
        # Other signs may be thousands of steps old and have nothing to do with it.
        exploding = next(detector.since for detector in self._detectors if isinstance(detector, Exploding))
        since = step - 1 if exploding is None else exploding
        self.findings.append(Finding(name=NotFinite.name, step=step, since=since, words=not_finite_words(what)))
        return self.findings[-1]

    def report(self) -> list[dict[str, Any]]:
        """All findings as they stand in `run.json`, those that were healed first, at most 50."""
        return [finding.to_dict() for finding in (*self._healed, *self.findings)][-MAX_FINDINGS:]

    @property
    def lasting(self) -> list[Finding]:
        """Findings whose signs are still there."""
        return [finding for finding in self.findings if finding.over is None]

    @property
    def suspected_since(self) -> int | None:
        """The last step before the oldest sign that is still there, also of what is not yet a finding; None: all well.

        A checkpoint of that step or before is worth keeping.
        """
        return min((detector.since for detector in self._detectors if detector.since is not None), default=None)
