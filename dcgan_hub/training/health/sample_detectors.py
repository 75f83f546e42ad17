"""What can be seen in the samples of a run; detectors as in detectors.py."""

from dcgan_hub.training.health.detectors import Detector, Observation


class GeneratorDead(Detector):
    """All samples are alike, or nothing changes any more."""

    name = "generator-dead"
    needed = 3
    lasting = 300
    alike = 0.05  # diversity of samples over that of real images; in healthy runs 0.1 after a hundred steps
    still = 1e-4  # largest change of a figure from sheet to sheet; in healthy runs some thousandths

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
            self._why = f"all samples are alike: they vary {seen.diversity:.0%} as much as real images"
            return True
        self._why = "the samples do not change"
        return bool(changes) and max(changes) < self.still

    def _words(self, seen: Observation) -> str:
        return (
            f"The generator is dead: {self._stretch(seen)} {self._why}. Try a lower --generator-learning-rate, or "
            "--generator-normalization batch."
        )


class GeneratorSaturated(Detector):
    """The samples are black and white where real images are not."""

    name = "generator-saturated"
    needed = 3
    lasting = 200
    excess = 0.2  # fraction of pixels near black or white, minus that of real images; healthy runs stay below 0.05

    def _shows(self, seen: Observation) -> bool | None:
        return None if seen.saturated is None else seen.saturated > self.excess

    def _words(self, seen: Observation) -> str:
        return (
            f"The generator is saturated: {self._stretch(seen)} {seen.saturated:.0%} more of its pixels than of real "
            "ones are black or white. Try a lower --generator-learning-rate, or --generator-normalization batch."
        )


class Collapse(Detector):
    """The samples become alike, or never vary as real images do."""

    name = "collapse"
    needed = 4
    lasting = 400
    low = 0.3  # diversity of samples over that of real images; healthy runs pass 0.5 within 500 steps
    patience = 1000  # steps before low diversity means anything
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
            f"The samples collapse: {self._stretch(seen)} they vary {seen.diversity:.0%} as much as real images"
            + (f", after {self._best:.0%} at best. " if self._best > self.low else ". ")
            + "Try a larger --r1-gamma, or lower learning rates."
        )


class CoverageFalls(Detector):
    """Fewer kinds of real images are generated than before, and the distance grows: a collapse that is measured."""

    name = "coverage-falls"
    needed = 2
    fall = 0.5  # fraction of the best coverage so far
    least = 0.1  # best coverage from which a fall means anything

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
            f"The samples lose kinds of images: {self._stretch(seen)} coverage has been less than half of its best, "
            f"now {seen.coverage:.2f} after {self._best:.2f}, and KID {seen.kid:.3g} after {self._kid:.3g}. "
            "Try lower learning rates, or a larger --r1-gamma."
        )


class AugmentationLeak(Detector):
    """The samples show the flat grey with which augmentation covers parts of images, and real images do not."""

    name = "augmentation-leak"
    needed = 3
    lasting = 200
    excess = 0.01  # fraction of flat grey pixels, minus that of real images; without a leak below 0.002
    patience = 300  # steps; at first all samples are grey
    learned = 0.5  # contrast, beside that of real images; with less the samples are grey for want of learning

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
            f"Augmentation leaks: {self._stretch(seen)} {seen.grey:.1%} more of the pixels of samples than of real "
            f"images are flat mid-grey, as the parts that augmentation covers (strength {self._strength:.2f}). "
            "Try --augmentation fixed with a low --augmentation-strength, or a larger --r1-gamma."
        )


class Memorisation(Detector):
    """The samples are copies of training images."""

    name = "memorisation"
    excess = 0.05  # fraction of near copies, minus that of real images; in healthy runs below 0.01

    def _shows(self, seen: Observation) -> bool | None:
        if seen.near_copies is None:
            return None
        return seen.near_copies - (seen.near_copies_of_real or 0.0) > self.excess

    def _words(self, seen: Observation) -> str:
        return (
            f"The generator copies: at step {seen.step:,} {seen.near_copies:.0%} of its images are near copies of "
            f"training images, of real ones new to the rest {seen.near_copies_of_real:.0%}. "
            "Try more images, --augmentation adaptive, --flip, or a larger --r1-gamma."
        )
