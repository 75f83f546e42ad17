"""What a sample sheet says about a run, in a few numbers beside those of real images.

N images, H x W pixels, C channels.
"""

import numpy as np

from dcgan_hub.evaluation.memorisation import MIN_TRAINING_IMAGES, measure_memorization

REAL_IMAGES = 256  # four times a sheet: real figures then vary by a few hundredths, and cost a tenth of a second
REAL_SEED = 0
SATURATED = 4  # of 255: so near to black or white counts as saturated
GREY = 10  # of 255: so near to mid-grey, the colour of what augmentation covers
MAX_SEARCHED = 5000  # training images among which copies are looked for, in about a second
COPIES_SOUGHT = 256  # generated images


class SampleStatistics:
    """Compares sample sheets with a fixed choice of real images, uint8 (N, H, W, C), which may be memory-mapped.

    Example:
        >>> statistics = SampleStatistics(prepared.images)
        >>> statistics.compare(generator.generate(seeds=range(64)))["diversity"]
    """

    def __init__(self, real: np.ndarray) -> None:
        chosen = np.random.RandomState(REAL_SEED).permutation(len(real))[:REAL_IMAGES]
        self._training = real
        self._real = _figures(np.asarray(real[np.sort(chosen)]))

    def compare(self, images: np.ndarray) -> dict[str, float]:
        """The figures of a sheet, uint8 (N, H, W, C) of two or more images.

        Returns:
            `diversity` (mean over the pixels of the standard deviation over the images), `contrast` (mean over the
            images of the standard deviation over their pixels) and `detail` (mean step between neighbouring pixels),
            each over that of real images, so that 1 is right; `brightness` (mean, 0 to 1), `saturated` and `grey`
            (fractions of pixels near black or white, and of flat mid-grey), each minus that of real images, so that 0
            is right.
        """
        found, real = _figures(images), self._real
        smallest = 1e-6  # of images that are all the same
        ratios = {name: found[name] / max(real[name], smallest) for name in ("diversity", "contrast", "detail")}
        return ratios | {name: found[name] - real[name] for name in ("brightness", "saturated", "grey")}

    @property
    def can_find_copies(self) -> bool:
        """Whether the training images are few enough to look copies up while training waits, and enough to tell."""
        return MIN_TRAINING_IMAGES <= len(self._training) <= MAX_SEARCHED

    def find_copies(self, images: np.ndarray) -> dict[str, float]:
        """Fraction of near copies of training images, `near_copies`, and `near_copies_of_real`; see `Memorisation`."""
        memorisation = measure_memorization(self._training, images, show_progress=False)
        return {"near_copies": memorisation.near_copies, "near_copies_of_real": memorisation.near_copies_of_real}


def describe_copies(copies: dict[str, float]) -> str:
    """What was found of copies, in a few words."""
    return (
        f"{copies['near_copies']:.1%} of the generated images are near copies of training images "
        f"(of real ones, new to the rest, {copies['near_copies_of_real']:.1%})"
    )


def _figures(images: np.ndarray) -> dict[str, float]:
    pixels = images.astype(np.float64) / 255.0
    grey = np.all(np.abs(images.astype(np.int16) - 127) <= GREY, axis=-1, keepdims=True)  # (N, H, W, 1)
    # Only where the neighbours are grey too: what was covered is flat, while shades of a drawing come one by one.
    flat = grey[:, :-1, :-1] & grey[:, 1:, :-1] & grey[:, :-1, 1:]
    return {
        "diversity": float(pixels.std(axis=0).mean()),
        "contrast": float(pixels.std(axis=(1, 2, 3)).mean()),
        "detail": float(np.abs(np.diff(pixels, axis=2)).mean()),
        "brightness": float(pixels.mean()),
        "saturated": float(((images <= SATURATED) | (images >= 255 - SATURATED)).mean()),
        "grey": float(flat.mean()),
    }
