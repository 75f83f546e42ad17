"""Evaluates the EMA generator during training, and tracks the best step."""

from dcgan_hub.bundle.format import FACTS_FILE, read_facts
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.errors import BundleError
from dcgan_hub.evaluation.evaluator import MIN_COUNT, Evaluator
from dcgan_hub.evaluation.results import Measures
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.runs.directory import RunDirectory

FIRST_SEED = 1_000_000  # not the seeds of the sample sheets, by which people choose settings


class QualityWatch:
    """Compares `count` images of the EMA generator with as many training images whenever `measure` is called.

    Attributes:
        best_step: that of the smallest KID so far; None before the first one, and if the bundle of that step is gone.
    """

    def __init__(self, run: RunDirectory, images: PreparedImages, generator: Generator, count: int) -> None:
        self._images, self._generator, self._count = images, generator, count
        self._evaluator: Evaluator | None = None
        self._distances = {row["step"]: row["kid"] for row in run.read_metrics() if "kid" in row}
        self.best_step = min(self._distances, key=lambda step: self._distances[step], default=None)
        if self.best_step != _step_of_bundle(run):
            self.best_step = None

    @staticmethod
    def can_measure(images: PreparedImages) -> bool:
        """Whether there are enough images for meaningful metrics."""
        return len(images.images) >= MIN_COUNT

    def is_measured(self, step: int) -> bool:
        """Whether this step was already measured."""
        return step in self._distances

    def measure(self) -> Measures:
        """Evaluates the EMA generator: with 1,000 images a few seconds, and longer the first time."""
        if self._evaluator is None:
            self._evaluator = Evaluator(
                self._images, count=self._count, seed=FIRST_SEED, show_progress=False, with_class_fid=False
            )
        classes = self._evaluator.classes
        return self._evaluator.measure(
            lambda seeds: self._generator.generate_in_chunks(seeds, classes=classes),
            seamless=self._generator.settings.seamless,
        )

    def is_best(self, measures: Measures) -> bool:
        """Whether these are better than those of all previous steps."""
        return self.best_step is None or measures.kid < self._distances[self.best_step]

    def note(self, step: int, measures: Measures, best: bool) -> None:
        """Records the metrics of a step after they were saved."""
        self._distances[step] = measures.kid
        if best:
            self.best_step = step


def _step_of_bundle(run: RunDirectory) -> int | None:
    try:
        step = read_facts(run.generator / FACTS_FILE).training.get("step")
    except BundleError:
        return None
    return step if type(step) is int else None
