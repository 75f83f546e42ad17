"""Repeatedly evaluates generators against the same real images, whose features are computed only once.

N images, H x W pixels, C channels, D features.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.evaluation.class_measures import ClassMeasures, measure_classes
from dcgan_hub.evaluation.feature_cache import evaluation_order, real_features
from dcgan_hub.evaluation.features import FEATURES, open_features
from dcgan_hub.evaluation.fid import Gaussian, frechet_distance
from dcgan_hub.evaluation.kid import kernel_inception_distance, subset_plan
from dcgan_hub.evaluation.precision_recall import DENSITY_NEIGHBORS, PRECISION_NEIGHBORS, precision_and_recall
from dcgan_hub.evaluation.results import COMFORTABLE_COUNT, Measures, Protocol
from dcgan_hub.evaluation.seams import SeamRatio
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.images.progress import reported_progress
from dcgan_hub.settings import MAX_SEED

MIN_COUNT = 100
MAX_COUNT = 100_000  # features of both sides take 1 GB
MANIFOLD_COUNT = 3000  # fixed, since precision and recall depend on it, and small, since time grows quadratically
KID_SEED = 0
EMBEDDED_AT_ONCE = 512  # images

Draw = Callable[[range], Iterable[np.ndarray]]


class Evaluator:
    """Evaluates generators against one set of real images.

    Attributes:
        classes: if the real images have classes, the class to generate for each seed, int32 (count,): those of the real
            images, so that both sides have the same classes equally often; else None.

    Example:
        >>> evaluator = Evaluator(prepared, count=1000)
        >>> evaluator.measure(generator.generate_in_chunks).kid
    """

    def __init__(
        self,
        prepared: PreparedImages,
        features: str = FEATURES[0],
        count: int = COMFORTABLE_COUNT,
        seed: int = 0,
        show_progress: bool = True,
        with_class_fid: bool = True,
    ) -> None:
        """Computes the features of the real images, or reads them from the cache.

        Args:
            prepared: the real images.
            features: name of the feature network, see `open_features`.
            count: number of generated images, 100 to 100,000; as many real ones are used, or all if there are fewer.
            seed: of the first generated image; the others have the seeds after it.
            show_progress: whether to show progress bars.
            with_class_fid: whether FID is measured within each class too, if the real images have classes.

        Raises:
            SettingsError: for an invalid count, seed or feature network.
            DataError: for fewer than 100 real images, or a feature network that cannot be downloaded.
            BundleError: if the weights of the feature network are damaged.
        """
        check_count(count, seed)
        available = len(prepared.images)
        if available < MIN_COUNT:
            raise DataError(
                f"An evaluation needs {MIN_COUNT} or more real images. Received: {available:,} in "
                f"{prepared.report.source}. Give more."
            )
        self.count, self.first_seed = count, seed
        self._show_progress = show_progress
        self._image_shape: tuple[int, int, int] = tuple(prepared.images.shape[1:])
        self._network = open_features(features)
        self._real = real_features(prepared, self._network, min(count, available), show_progress)
        self._with_class_fid, self._class_names = with_class_fid, prepared.class_names
        self._real_labels = _labels_in_order(prepared, len(self._real))
        self.classes = None if self._real_labels is None else np.resize(self._real_labels, count)
        self._real_gaussian = Gaussian.of(self._real)
        self._protocol = self._describe_protocol(prepared)

    def measure(self, draw: Draw, seamless: bool = False) -> Measures:
        """Generates images and compares them with the real ones.

        Args:
            draw: a function that takes a range of seeds and yields their images in chunks, uint8 (n, H, W, C), such as
                `Generator.generate_in_chunks`; if there are `classes`, the images of these.
            seamless: whether they are to tile, so that their seam ratio is measured too.

        Raises:
            SettingsError: if shape or dtype of the images differ from the real ones, or their number from the seeds.
        """
        if not seamless:
            return self.compare(self.generated_features(draw))
        seams = SeamRatio()
        measures = self.compare(self.generated_features(lambda seeds: seams.counted(draw(seeds))))
        return dataclasses.replace(measures, seam_ratio=seams.value)

    def generated_features(self, draw: Draw) -> np.ndarray:
        """The features of generated images: float32 (N, D). Arguments and errors are those of `measure`."""
        parts = []
        with reported_progress("Generated images and their features", self.count, show=self._show_progress) as advance:
            for images in self._gathered(draw(range(self.first_seed, self.first_seed + self.count))):
                parts.append(self._network.extract(images))
                advance(len(images))
        features = np.concatenate(parts) if parts else np.empty((0, self._network.dimensions), np.float32)
        if len(features) != self.count:
            raise SettingsError(
                f"There must be one image per seed. Received: {len(features):,} images for {self.count:,} seeds. "
                "Generate all seeds."
            )
        return features

    def compare(self, generated: np.ndarray) -> Measures:
        """Compares features of generated images, float32 (N, D), with those of the real images."""
        kernel = kernel_inception_distance(self._real, generated, seed=KID_SEED)
        shown = self._protocol.manifold_count
        manifolds = precision_and_recall(self._real[:shown], generated[:shown])
        return Measures(
            kid=kernel.value,
            kid_error=kernel.error,
            fid=frechet_distance(self._real_gaussian, Gaussian.of(generated)),
            precision=manifolds.precision,
            recall=manifolds.recall,
            density=manifolds.density,
            coverage=manifolds.coverage,
            protocol=self._protocol,
            classes=self._compare_classes(generated),
        )

    def _compare_classes(self, generated: np.ndarray) -> ClassMeasures | None:
        if self._real_labels is None or self.classes is None:
            return None
        return measure_classes(
            self._real,
            self._real_labels,
            generated,
            self.classes,
            self._class_names,
            most=self._protocol.manifold_count,
            with_fid=self._with_class_fid,
        )

    def _gathered(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Checks the chunks and joins them into larger arrays, since the feature network pads its batches."""
        waiting: list[np.ndarray] = []
        for chunk in chunks:
            if chunk.dtype != np.uint8 or chunk.shape[1:] != self._image_shape:
                raise SettingsError(
                    f"Generated images must be like the real ones, uint8 {self._image_shape}. Received: {chunk.dtype} "
                    f"{chunk.shape[1:]}. Prepare the real images in the generator's size and channels."
                )
            waiting.append(chunk)
            if sum(map(len, waiting)) >= EMBEDDED_AT_ONCE:
                yield np.concatenate(waiting)
                waiting = []
        if waiting:
            yield np.concatenate(waiting)

    def _describe_protocol(self, prepared: PreparedImages) -> Protocol:
        subsets, subset_size = subset_plan(len(self._real), self.count)
        return Protocol(
            features=self._network.name,
            features_sha256=self._network.sha256,
            input_side=self._network.image_side,
            resize=self._network.resize,
            image_shape=self._image_shape,
            real_fingerprint=prepared.fingerprint,
            real_available=len(prepared.images),
            real_count=len(self._real),
            generated_count=self.count,
            first_seed=self.first_seed,
            kid_subsets=subsets,
            kid_subset_size=subset_size,
            kid_seed=KID_SEED,
            manifold_count=min(MANIFOLD_COUNT, len(self._real), self.count),
            precision_neighbours=PRECISION_NEIGHBORS,
            density_neighbours=DENSITY_NEIGHBORS,
        )


def check_count(count: int, seed: int) -> None:
    """Raises SettingsError for an invalid number of images or first seed."""
    if not MIN_COUNT <= count <= MAX_COUNT:
        raise SettingsError(
            f"`count` must be {MIN_COUNT} to {MAX_COUNT:,} generated images. Received: count={count}. "
            f"Try {COMFORTABLE_COUNT}."
        )
    if not 0 <= seed <= MAX_SEED + 1 - count:
        raise SettingsError(
            f"The {count:,} seeds from `seed` on must be within 0 to {MAX_SEED}. Received: seed={seed}. Try 0."
        )


def _labels_in_order(prepared: PreparedImages, count: int) -> np.ndarray | None:
    """The classes of the first images in the order of an evaluation, int32 (count,); None without classes."""
    if prepared.class_labels is None:
        return None
    return prepared.class_labels[evaluation_order(len(prepared.images))[:count]]
