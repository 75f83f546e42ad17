"""Detectors of failures that are visible in the samples of a run; the base class is in detectors.py."""

from dcgan_hub.training.health.detectors import Detector, Observation


class GeneratorDead(Detector):
    """All samples look the same, or they no longer change."""

    name = "generator-dead"
    needed = 3
    lasting = 300
    alike = 0.05  # diversity relative to real images; in healthy runs 0.1 after a hundred steps
    still = 1e-4  # largest change of a statistic from sheet to sheet; a few thousandths in healthy runs

    def __init__(self) -> None:
        super().__init__()
        self._before: tuple[float, ...] = ()
        self._why = ""

    def _shows(self, seen: Observation) -> bool | None:
        if seen.diversity is None or seen.contrast is None or seen.detail is None or seen.brightness is None:
            return None
        now = (seen.diversity, seen.contrast, seen.detail, seen.brightness)
        changes = [abs(new - old) for new, old in zip(now, self._before, strict=False)]
        self._before = now
        if seen.diversity < self.alike:
            self._why = f"all samples have looked the same, with {seen.diversity:.0%} of the diversity of real images"
            return True
        self._why = "the samples have not changed"
        return bool(changes) and max(changes) < self.still

    def _words(self, seen: Observation) -> str:
        return (
            f"The generator is dead: {self._stretch(seen)} {self._why}. Try a lower --generator-learning-rate, or "
            "--generator-normalization batch."
        )


class GeneratorSaturated(Detector):
    """Many more pixels of samples than of real images are black or white."""

    name = "generator-saturated"
    needed = 3
    lasting = 200
    excess = 0.2  # fraction of pixels near black or white, minus that of real images; healthy runs stay below 0.05

    def _shows(self, seen: Observation) -> bool | None:
        return None if seen.saturated is None else seen.saturated > self.excess

    def _words(self, seen: Observation) -> str:
        return (
            f"The generator is saturated: {self._stretch(seen)} many pixels have been black or white, "
            f"{100 * (seen.saturated or 0.0):.0f} percentage points more than in real images. "
            "Try a lower --generator-learning-rate, or --generator-normalization batch."
        )


class Collapse(Detector):
    """Mode collapse: the samples lose their diversity, or never reach that of real images."""

    name = "collapse"
    needed = 4
    lasting = 400
    low = 0.3  # diversity relative to real images; healthy runs pass 0.5 within 500 steps
    patience = 1000  # steps before low diversity counts
    fall = 0.6  # fraction of the best diversity so far

    def __init__(self) -> None:
        super().__init__()
        self._best = 0.0

    def _shows(self, seen: Observation) -> bool | None:
        if seen.diversity is None:
            return None
        self._best = max(self._best, min(seen.diversity, 1.0))
        fell = self._best > self.low and seen.diversity < self.fall * self._best
        return fell or (seen.step >= self.patience and seen.diversity < self.low)

    def _words(self, seen: Observation) -> str:
        return (
            f"Mode collapse: {self._stretch(seen)} diversity has been low, now {seen.diversity:.0%} of real images"
            + (f", after {self._best:.0%} at best. " if self._best > self.low else ". ")
            + "Try a larger --r1-gamma, or lower learning rates."
        )


class CoverageFalls(Detector):
    """Coverage of real images falls and KID rises: mode collapse in the quality metrics."""

    name = "coverage-falls"
    needed = 2
    fall = 0.5  # fraction of the best coverage so far
    least = 0.1  # minimum best coverage for a fall to count

    def __init__(self) -> None:
        super().__init__()
        self._best, self._kid = 0.0, float("inf")

    def _shows(self, seen: Observation) -> bool | None:
        if seen.coverage is None or seen.kid is None:
            return None
        self._best, self._kid = max(self._best, seen.coverage), min(self._kid, seen.kid)
        return self._best > self.least and seen.coverage < self.fall * self._best and seen.kid > 1.25 * self._kid

    def _words(self, seen: Observation) -> str:
        return (
            f"The generator loses modes: {self._stretch(seen)} coverage has been less than half of its best, "
            f"now {seen.coverage:.2f} after {self._best:.2f}, and KID is {seen.kid:.3g} after {self._kid:.3g}. "
            "Try lower learning rates, or a larger --r1-gamma."
        )


class AugmentationLeak(Detector):
    """The samples contain flat gray as in cutout, and real images do not."""

    name = "augmentation-leak"
    needed = 3
    lasting = 200
    excess = 0.01  # fraction of flat gray pixels, minus that of real images; without a leak below 0.002
    patience = 300  # steps; at first all samples are gray
    learned = 0.5  # contrast relative to real images; below it the samples are gray because training has just begun

    def __init__(self) -> None:
        super().__init__()
        self._strength: float | None = None

    def _shows(self, seen: Observation) -> bool | None:
        if seen.augmentation_strength is not None:
            self._strength = seen.augmentation_strength
        if seen.grey is None or not self._strength or seen.step < self.patience:
            return None
        return seen.grey > self.excess and (seen.contrast is None or seen.contrast >= self.learned)

    def _words(self, seen: Observation) -> str:
        return (
            f"Augmentation leaks: {self._stretch(seen)} samples have had flat gray areas as in cutout, "
            f"{100 * (seen.grey or 0.0):.1f} percentage points more than real images (strength {self._strength:.2f}). "
            "Try --augmentation fixed with a low --augmentation-strength, or a larger --r1-gamma."
        )


class Memorization(Detector):
    """The samples are copies of training images."""

    name = "memorisation"
    excess = 0.05  # fraction of near copies, minus that of real images; in healthy runs below 0.01

    def _shows(self, seen: Observation) -> bool | None:
        if seen.near_copies is None:
            return None
        return seen.near_copies - (seen.near_copies_of_real or 0.0) > self.excess

    def _words(self, seen: Observation) -> str:
        return (
            f"The generator memorizes: at step {seen.step:,} {seen.near_copies:.0%} of its images are near copies of "
            f"training images (baseline of real images: {seen.near_copies_of_real:.0%}). "
            "Try more images, --augmentation adaptive, --flip, or a larger --r1-gamma."
        )
