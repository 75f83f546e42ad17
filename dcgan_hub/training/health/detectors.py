"""Detectors of training failures, which depend only on the rows of metrics.

A detector processes one observation after the other. A sign that persists becomes one finding; when it has been absent
for as many observations, the finding is over. Thresholds, and the runs they are based on: docs/doctor.md.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

# Losses of an undecided discriminator (chance level), see losses.py. There is none for the Wasserstein loss, whose
# logits have no absolute zero.
UNDECIDED = {"non-saturating": 2.0 * math.log(2.0), "hinge": 2.0, "least-squares": 1.0}
NEAR = 1.0  # distance of a sheet's statistics from real images: 0.2 to 0.7 in healthy runs, 2 to 3 in failed ones


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One row of metrics: a report, the statistics of a sample sheet, or a measurement. Missing values are None."""

    step: int
    # Means since the last report, see `DCGAN`.
    g_loss: float | None = None
    d_loss: float | None = None
    real_accuracy: float | None = None
    generated_accuracy: float | None = None
    g_gradient_norm: float | None = None
    d_gradient_norm: float | None = None
    augmentation_strength: float | None = None
    # See `SampleStatistics.compare`.
    diversity: float | None = None
    contrast: float | None = None
    detail: float | None = None
    brightness: float | None = None
    saturated: float | None = None
    grey: float | None = None
    # See `Measures` and `Memorization`.
    kid: float | None = None
    coverage: float | None = None
    near_copies: float | None = None
    near_copies_of_real: float | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Observation":
        """Converts a row of `metrics.jsonl`; null means a non-finite value, which becomes NaN."""
        names = [item.name for item in fields(cls) if item.name in row]
        values: dict[str, Any] = {name: math.nan if row[name] is None else row[name] for name in names}
        return cls(**values)

    @property
    def distance(self) -> float | None:
        """Distance of a sheet's statistics from those of real images: 0 for equal ones, about 2 to 3 for noise."""
        if self.diversity is None or self.contrast is None or self.detail is None or self.brightness is None:
            return None
        ratios = (min(abs(1.0 - ratio), 1.0) for ratio in (self.diversity, self.contrast, self.detail))
        return sum(ratios) + 2.0 * abs(self.brightness)


@dataclass(kw_only=True)
class Finding:
    """A problem found in a run."""

    name: str  # of the detector
    step: int  # at which it was found
    since: int  # the last step without the sign
    words: str  # a sentence or two with figures, and what to try
    over: int | None = None  # the step at which the sign was gone; None while it persists

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in `run.json`."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


class Detector:
    """Turns persistent signs into findings."""

    name: ClassVar[str]  # of its findings
    needed = 1  # number of consecutive observations with the sign
    lasting = 0  # number of steps for which it must persist

    def __init__(self) -> None:
        self.since: int | None = None  # the last step without the sign, while it persists; None while there is no sign
        self.finding: Finding | None = None
        self._last_well = 0
        self._count = 0  # of observations with the sign; while there is a finding, of those without it

    def observe(self, seen: Observation) -> Finding | None:
        """Processes one observation; returns a finding if it is new."""
        sign = self._shows(seen)
        if sign is None:
            return None
        if self.finding is not None:
            self._count = 0 if sign else self._count + 1
            if self._count >= self.needed:
                self.finding.over, self.finding, self.since, self._count = seen.step, None, None, 0
                self._last_well = seen.step
            return None
        if not sign:
            self.since, self._last_well, self._count = None, seen.step, 0
            return None
        self.since = self._last_well if self.since is None else self.since
        self._count += 1
        if self._count < self.needed or seen.step - self.since < self.lasting or not self._is_sure():
            return None
        self._count = 0
        self.finding = Finding(name=self.name, step=seen.step, since=self.since, words=self._words(seen))
        return self.finding

    def postpone(self) -> None:
        """Withdraws the latest finding; it is found again at the next observation with the sign."""
        self.finding, self._count = None, self.needed

    def _shows(self, seen: Observation) -> bool | None:
        """Whether the observation shows the sign; None if it has no such metrics."""
        raise NotImplementedError

    def _is_sure(self) -> bool:
        """An additional condition for a finding, once the sign has persisted."""
        return True

    def _words(self, seen: Observation) -> str:
        """The text of the finding."""
        raise NotImplementedError

    def _stretch(self, seen: Observation) -> str:
        return f"for {seen.step - (self.since or 0):,} steps"


class NotFinite(Detector):
    """A metric became NaN or infinite."""

    name = "not-finite"

    def _shows(self, seen: Observation) -> bool | None:
        if seen.g_loss is None:
            return None
        reported = [getattr(seen, item.name) for item in fields(seen)]
        return any(value is not None and not math.isfinite(value) for value in reported)

    def _words(self, seen: Observation) -> str:
        return not_finite_words(f"A loss or a gradient became NaN or infinite before step {seen.step:,}")


def not_finite_words(what: str) -> str:
    """The text of a finding about non-finite values."""
    return f"{what}: the numbers overflow. Try a lower --learning-rate."


class Exploding(Detector):
    """Both losses are far above chance level, or gradients are far above their usual norm."""

    name = "exploding"
    needed = 5
    window = 5
    losses = 2.0  # multiple of the losses at chance level; healthy runs stay below 1
    norms = 25.0  # multiple of the median norm so far; healthy runs stay below 6

    def __init__(self, loss: str) -> None:
        super().__init__()
        self._undecided = UNDECIDED.get(loss)
        self._generator_too = loss == "non-saturating"  # generator losses of the others have no absolute scale
        self._recent: deque[tuple[float, float, float]] = deque(maxlen=self.window)
        self._past: list[float] = []
        self._why = ""

    def _shows(self, seen: Observation) -> bool | None:
        if seen.g_loss is None or seen.d_loss is None or seen.d_gradient_norm is None:
            return None
        self._recent.append((seen.g_loss, seen.d_loss, seen.d_gradient_norm))
        g_loss, d_loss, norm = (sum(values) / len(self._recent) for values in zip(*self._recent, strict=True))
        self._why = f"the losses are {g_loss:.1f} (generator) and {d_loss:.1f} (discriminator)"
        limit = self.losses * (self._undecided or math.inf)
        if d_loss > limit and (g_loss > limit or not self._generator_too):
            return True
        usual = sorted(self._past)[len(self._past) // 2] if len(self._past) >= 4 * self.window else math.inf
        if norm > self.norms * usual:
            self._why = f"the norm of the discriminator's gradients is {norm:.3g}, usually {usual:.3g}"
            return True
        self._past = [*self._past[-199:], seen.d_gradient_norm]
        return False

    def _words(self, seen: Observation) -> str:
        return (
            f"Training diverges: {self._stretch(seen)} both networks overshoot; {self._why}. "
            "Try a lower --learning-rate."
        )


class DiscriminatorWins(Detector):
    """The discriminator classifies nearly all images correctly, and the generator does not improve.

    Accuracy alone means little: in good runs it is above 0.98 for thousands of steps while samples improve.
    """

    name = "discriminator-wins"
    needed = 12
    lasting = 300
    window = 5
    accuracy = 0.98

    def __init__(self, loss: str) -> None:
        super().__init__()
        self._has_zero = loss in UNDECIDED
        self._recent: deque[tuple[float, float]] = deque(maxlen=self.window)
        self._distances: list[tuple[int, float]] = []
        self._kids: list[tuple[int, float]] = []
        self._why = ""

    def _shows(self, seen: Observation) -> bool | None:
        if seen.distance is not None:
            self._distances = [*self._distances[-99:], (seen.step, seen.distance)]
        if seen.kid is not None:
            self._kids.append((seen.step, seen.kid))
        if not self._has_zero or seen.real_accuracy is None or seen.generated_accuracy is None:
            return None
        self._recent.append((seen.real_accuracy, seen.generated_accuracy))
        return all(sum(values) / len(self._recent) >= self.accuracy for values in zip(*self._recent, strict=True))

    def _is_sure(self) -> bool:
        since = self.since or 0
        distances = [distance for step, distance in self._distances if step > since]
        if len(distances) >= 3 and distances[-1] > NEAR and distances[-1] > 0.9 * distances[0]:
            self._why = "the samples do not get closer to real images"
            return True
        best = min((kid for _, kid in self._kids), default=0.0)
        late = [kid for step, kid in self._kids if step > since]
        if len(late) >= 2 and min(late[-2:]) > 1.25 * best:
            self.since = max(since, max(step for step, kid in self._kids if kid == best))
            self._why = f"the distance to real images (KID) rose from {best:.3g} to {late[-1]:.3g}"
            return True
        return False

    def _words(self, seen: Observation) -> str:
        return (
            f"The discriminator wins: its accuracy has been above {self.accuracy} {self._stretch(seen)}, and "
            f"{self._why}. Try a lower --discriminator-learning-rate, or a larger --r1-gamma."
        )


class DiscriminatorGaveUp(Detector):
    """The discriminator is at chance level, although the samples are far from real images."""

    name = "discriminator-gave-up"
    needed = 10
    lasting = 200
    guessing = 0.56  # mean of both accuracies
    loss_share = 0.9  # fraction of the loss at chance level

    def __init__(self, loss: str) -> None:
        super().__init__()
        self._undecided = UNDECIDED.get(loss)
        self._distance: float | None = None
        self._accuracy = 0.0

    def _shows(self, seen: Observation) -> bool | None:
        self._distance = seen.distance if seen.distance is not None else self._distance
        if self._undecided is None or seen.d_loss is None or seen.real_accuracy is None:
            return None
        self._accuracy = (seen.real_accuracy + (seen.generated_accuracy or 0.0)) / 2.0
        return self._accuracy < self.guessing and seen.d_loss > self.loss_share * self._undecided

    def _is_sure(self) -> bool:
        # Otherwise it is the goal of training: samples that cannot be distinguished from real images.
        return self._distance is not None and self._distance > NEAR

    def _words(self, seen: Observation) -> str:
        return (
            f"The discriminator has given up: {self._stretch(seen)} it has been at chance level, with an accuracy of "
            f"{self._accuracy:.0%} and a loss of {seen.d_loss:.2f}, although the samples are far from real images. "
            "Try a higher --discriminator-learning-rate or a smaller --r1-gamma."
        )
