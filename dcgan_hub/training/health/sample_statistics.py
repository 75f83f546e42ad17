"""Statistics of sample sheets, compared with those of real images.

N images, H x W pixels, C channels.
"""

import numpy as np

from dcgan_hub.evaluation.memorization import MIN_TRAINING_IMAGES, measure_memorization

REAL_IMAGES = 256  # four sheets: their statistics vary by only a few hundredths, and take a tenth of a second
REAL_SEED = 0
SATURATED = 4  # of 255: maximum distance from black or white of a saturated pixel
GREY = 10  # of 255: maximum distance from mid-gray, the color of cutout
MAX_SEARCHED = 5000  # training images that are searched for copies, in about a second
COPIES_SOUGHT = 256  # generated images


class SampleStatistics:
    """Compares sample sheets with a fixed sample of real images, uint8 (N, H, W, C), which may be memory-mapped.

    Example:
        >>> statistics = SampleStatistics(prepared.images)
        >>> statistics.compare(generator.generate(seeds=range(64)))["diversity"]
    """

    def __init__(self, real: np.ndarray) -> None:
        chosen = np.random.RandomState(REAL_SEED).permutation(len(real))[:REAL_IMAGES]
        self._training = real
        self._real = _figures(np.asarray(real[np.sort(chosen)]))

    def compare(self, images: np.ndarray) -> dict[str, float]:
        """The statistics of a sheet, uint8 (N, H, W, C) of two or more images.

        Returns:
            `diversity` (standard deviation over the images, averaged over the pixels), `contrast` (standard deviation
            over the pixels, averaged over the images) and `detail` (mean difference of neighboring pixels), each
            divided by that of real images, so that 1 is ideal; `brightness` (mean, 0 to 1), `saturated` and `grey`
            (fractions of pixels near black or white, and of flat mid-gray), each minus that of real images, so that 0
            is ideal.
        """
        found, real = _figures(images), self._real
        smallest = 1e-6  # in case all real images are the same
        ratios = {name: found[name] / max(real[name], smallest) for name in ("diversity", "contrast", "detail")}
        return ratios | {name: found[name] - real[name] for name in ("brightness", "saturated", "grey")}

    @property
    def can_find_copies(self) -> bool:
        """Whether the training images are few enough to search while training waits, and enough for a baseline."""
        return MIN_TRAINING_IMAGES <= len(self._training) <= MAX_SEARCHED

    def find_copies(self, images: np.ndarray) -> dict[str, float]:
        """Fraction of near copies of training images, `near_copies`, and `near_copies_of_real`; see `Memorization`."""
        memorization = measure_memorization(self._training, images, show_progress=False)
        return {"near_copies": memorization.near_copies, "near_copies_of_real": memorization.near_copies_of_real}


def describe_copies(copies: dict[str, float]) -> str:
    """Describes the result of `find_copies` in one sentence."""
    return (
        f"{copies['near_copies']:.1%} of the generated images are near copies of training images "
        f"(baseline of real images: {copies['near_copies_of_real']:.1%})"
    )


def _figures(images: np.ndarray) -> dict[str, float]:
    pixels = images.astype(np.float64) / 255.0
    grey = np.all(np.abs(images.astype(np.int16) - 127) <= GREY, axis=-1, keepdims=True)  # (N, H, W, 1)
    # Only if the neighbors are gray too: cutouts are flat, while gray pixels of drawings are scattered.
    flat = grey[:, :-1, :-1] & grey[:, 1:, :-1] & grey[:, :-1, 1:]
    return {
        "diversity": float(pixels.std(axis=0).mean()),
        "contrast": float(pixels.std(axis=(1, 2, 3)).mean()),
        "detail": float(np.abs(np.diff(pixels, axis=2)).mean()),
        "brightness": float(pixels.mean()),
        "saturated": float(((images <= SATURATED) | (images >= 255 - SATURATED)).mean()),
        "grey": float(flat.mean()),
    }
