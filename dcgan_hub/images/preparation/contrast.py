"""Finds images that have hardly any contrast once they are decoded, while a dataset is prepared or surveyed."""

from typing import NamedTuple

import numpy as np

from dcgan_hub.images.preparation.decoding import Decoded

FAINT = 80  # of 255 levels; images that use fewer are counted, and reported if half of the dataset is like this
BLANK = 24  # images that use fewer are always reported: 12 bits in a 16-bit file use 16
# Numbers of pixels that settle it for 93 % and 98 % of photographs, and how many of the darkest and of the brightest
# are left out as dead pixels. The remaining images take some 100 microseconds each.
GLANCES = ((32, 1), (256, 3))
LOOK = 1024  # pixels for the others
OUTLIERS = 0.005  # fraction of pixels left out at either end: dead pixels
DEEP_OUTLIERS = 0.05  # the same for files of more than 8 bits: letters burnt into an X-ray have the full range
INVISIBLE = 8  # of 255 levels of alpha

TRANSPARENT, WHITE_ON_TRANSPARENT, NARROW = "transparent", "white on transparent", "narrow"


class Faint(NamedTuple):
    """An image with little contrast, as the networks would get it, and the values in its file."""

    contrast: float  # 0 to 255: of the channel with the most, without outliers; of the decoded image
    darkest: float  # also 0 to 255 without outliers, over all channels
    brightest: float
    cause: str
    lowest: float  # of the stored values, alpha aside
    highest: float
    possible: float  # largest value of the file's type; 1 for fractions
    has_outliers: bool = False  # a few pixels are lower or higher than that

    @property
    def is_blank(self) -> bool:
        """Whether hardly anything can be seen."""
        return self.contrast <= BLANK


def find_faint(pixels: bytes, channels: int, decoded: Decoded) -> Faint | None:
    """Returns what is known of an image with little contrast, else None. `pixels`: uint8 (H, W, C), C 1, 3 or 4."""
    if decoded.stored_values is None and channels < 4 and _has_contrast(pixels, channels):
        return None
    levels = np.frombuffer(pixels, np.uint8).reshape(-1, channels)
    invisible = channels == 4 and levels[:, 3].max() <= INVISIBLE
    outliers = OUTLIERS if decoded.stored_values is None else DEEP_OUTLIERS
    contrast, darkest, brightest = _usual_range(levels, outliers)
    if invisible:
        contrast, darkest, brightest = 0.0, 255.0, 255.0  # as composited on white
    return None if contrast > FAINT else Faint(contrast, darkest, brightest, *_stored(decoded, outliers))


def _has_contrast(pixels: bytes, channels: int) -> bool:
    """Whether a few pixels of the first channel show that an image is not faint; False leaves it open."""
    for count, left_out in GLANCES:
        step = max(1, len(pixels) // channels // count | 1) * channels
        levels = sorted(pixels[::step])
        if len(levels) > 2 * left_out and levels[-1 - left_out] - levels[left_out] > FAINT:
            return True
    return False


def _usual_range(levels: np.ndarray, outliers: float) -> tuple[float, float, float]:
    """Returns the largest contrast of a channel, and minimum and maximum of all, of (N, C) without outliers."""
    few = np.sort(levels[:: len(levels) // LOOK | 1], axis=0)
    left_out = int(len(few) * outliers)
    low, high = few[left_out].astype(np.float64), few[-1 - left_out].astype(np.float64)
    return float((high - low).max()), float(low.min()), float(high.max())


def _stored(decoded: Decoded, outliers: float) -> tuple[str, float, float, float, bool]:
    """Returns the cause, the lowest, highest and largest possible stored value, and whether there are outliers."""
    values = np.asarray(decoded.image) if decoded.stored_values is None else np.nan_to_num(decoded.stored_values)
    possible = 255.0 if values.dtype == np.uint8 else 1.0 if values.dtype.kind == "f" else 65535.0
    if decoded.image.mode.endswith("A"):
        alpha = np.asarray(decoded.image.getchannel("A"))
        if alpha.max() <= INVISIBLE:
            return TRANSPARENT, 0, 0, possible, False
        values = values[..., :-1]
        if values[alpha > INVISIBLE].min() >= 255 - BLANK and alpha.min() < 255 - BLANK:
            return WHITE_ON_TRANSPARENT, 0, 0, possible, False
    extremes = float(values.min()), float(values.max())
    if extremes[1] - extremes[0] <= possible * FAINT / 255:
        return NARROW, *extremes, possible, False
    _, low, high = _usual_range(values.reshape(-1, values.shape[2] if values.ndim == 3 else 1), outliers)
    near = values[(values >= 2 * low - high) & (values <= 2 * high - low)]  # without the outliers
    return NARROW, float(near.min()), float(near.max()), possible, near.size < values.size
