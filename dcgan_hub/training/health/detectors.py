"""What can go wrong in a run, each as a small detector that reads lines of metrics and nothing else.

A detector sees one observation after the other. Signs that last become a finding, once for each stretch; when they
have been away for as long, the finding is over. Thresholds and the runs they were found with: docs/doctor.md.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

# Losses of a discriminator that cannot tell at all, and of its generator where that is positive; see losses.py. With
# the Wasserstein loss there is neither: its logits have no zero.
UNDECIDED = {"non-saturating": 2.0 * math.log(2.0), "hinge": 2.0, "least-squares": 1.0}
NEAR = 1.0  # distance of a sheet's figures from those of real images: 0.2 to 0.7 in healthy runs, 2 to 3 in failed ones


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One line of metrics: a report, the statistics of a sample sheet, or a measurement. What it lacks is None."""

    step: int
    # Means since the report before, see `DCGAN`.
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
    # See `Measures` and `Memorisation`.
    kid: float | None = None
    coverage: float | None = None
    near_copies: float | None = None
    near_copies_of_real: float | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Observation":
        """Of a line of `metrics.jsonl`; null stands for a figure that is not finite."""
        names = [item.name for item in fields(cls) if item.name in row]
        values: dict[str, Any] = {name: math.nan if row[name] is None else row[name] for name in names}
        return cls(**values)

    @property
    def distance(self) -> float | None:
        """How far a sheet's figures are from those of real images: 0 is alike, noise about 2 to 3."""
        if self.diversity is None or self.contrast is None or self.detail is None or self.brightness is None:
            return None
        ratios = (min(abs(1.0 - ratio), 1.0) for ratio in (self.diversity, self.contrast, self.detail))
        return sum(ratios) + 2.0 * abs(self.brightness)


@dataclass(kw_only=True)
class Finding:
    """Something that is wrong with a run."""

    name: str  # of the detector
    step: int  # at which it was found
    since: int  # the last step at which all was well
    words: str  # a sentence or two with figures, and what to try
    over: int | None = None  # the step at which the signs had gone; None while they last

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they stand in `run.json`."""
        return {item.name: getattr(self, item.name) for item in fields(self)}


class Detector:
    """Turns signs that last into findings."""

    name: ClassVar[str]  # of its findings
    needed = 1  # observations in a row that show the sign
    lasting = 0  # steps over which they do

    def __init__(self) -> None:
        self.since: int | None = None  # the last step without the sign, while there is one; None while all is well
        self.finding: Finding | None = None
        self._last_well = 0
        self._count = 0  # of observations with the sign; with a finding, of those without it

    def observe(self, seen: Observation) -> Finding | None:
        """Takes one observation in; returns a finding at the step at which there is a new one."""
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
        """Takes the latest finding back: it is found again as soon as the signs are seen once more."""
        self.finding, self._count = None, self.needed

    def _shows(self, seen: Observation) -> bool | None:
        """Whether the observation shows the sign; None where it says nothing about it."""
        raise NotImplementedError

    def _is_sure(self) -> bool:
        """Whether signs that lasted long enough are all that it takes."""
        return True

    def _words(self, seen: Observation) -> str:
        """The finding's sentence."""
        raise NotImplementedError

    def _stretch(self, seen: Observation) -> str:
        return f"for {seen.step - (self.since or 0):,} steps"


class NotFinite(Detector):
    """A figure became NaN or infinite."""

    name = "not-finite"

    def _shows(self, seen: Observation) -> bool | None:
        if seen.g_loss is None:
            return None
        reported = [getattr(seen, item.name) for item in fields(seen)]
        return any(value is not None and not math.isfinite(value) for value in reported)

    def _words(self, seen: Observation) -> str:
        return not_finite_words(f"A loss or a gradient became NaN or infinite before step {seen.step:,}")


def not_finite_words(what: str) -> str:
    """The words for a loss that is not finite."""
    return f"{what}: the numbers overflow. Try a lower --learning-rate."


class Exploding(Detector):
    """Both losses at once far above those of guessing, or gradients far above what they were."""

    name = "exploding"
    needed = 5
    window = 5
    losses = 2.0  # times those of a discriminator that guesses; a healthy run stays below 1
    norms = 25.0  # times the median so far; healthy runs stay below 6

    def __init__(self, loss: str) -> None:
        super().__init__()
        self._undecided = UNDECIDED.get(loss)
        self._generator_too = loss == "non-saturating"  # the others' generator losses have no scale
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
            self._why = f"the discriminator's gradient is {norm:.3g}, where {usual:.3g} was usual"
            return True
        self._past = [*self._past[-199:], seen.d_gradient_norm]
        return False

    def _words(self, seen: Observation) -> str:
        return (
            f"The losses explode: {self._stretch(seen)} both players overshoot; {self._why}. "
            "Try a lower --learning-rate."
        )


class DiscriminatorWins(Detector):
    """The discriminator is right about nearly all images, and the generator does not get better.

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
            self._why = "the samples get no nearer to real images"
            return True
        best = min((kid for _, kid in self._kids), default=0.0)
        late = [kid for step, kid in self._kids if step > since]
        if len(late) >= 2 and min(late[-2:]) > 1.25 * best:
            self.since = max(since, max(step for step, kid in self._kids if kid == best))
            self._why = f"the distance to real images (KID) went up from {best:.3g} to {late[-1]:.3g}"
            return True
        return False

    def _words(self, seen: Observation) -> str:
        return (
            f"The discriminator wins: its accuracy has been above {self.accuracy} {self._stretch(seen)}, and "
            f"{self._why}. Try a lower --discriminator-learning-rate, or a larger --r1-gamma."
        )


class DiscriminatorGaveUp(Detector):
    """The discriminator is no better than guessing, though the samples are far from real images."""

    name = "discriminator-gave-up"
    needed = 10
    lasting = 200
    guessing = 0.56  # mean of both accuracies
    loss_share = 0.9  # of the loss of guessing

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
        # Else it is what a run strives for: samples that cannot be told from real images.
        return self._distance is not None and self._distance > NEAR

    def _words(self, seen: Observation) -> str:
        return (
            f"The discriminator has given up: {self._stretch(seen)} it was right about half of the images "
            f"({self._accuracy:.0%}) with a loss of {seen.d_loss:.2f}, as if it guessed, though the samples are far "
            "from real images. Try a higher --discriminator-learning-rate or a smaller --r1-gamma."
        )
