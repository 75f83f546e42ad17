"""Warnings about a dataset before training: images that are blank, or nearly all the same."""

from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image

from dcgan_hub.images.preparation.contrast import BLANK, FAINT, TRANSPARENT, WHITE_ON_TRANSPARENT, Faint
from dcgan_hub.images.preparation.decoding import with_channels
from dcgan_hub.images.sources.file_names import printable

COMPARED = 256  # images, pairwise
THUMBNAIL_SIDE = 16
NEARLY_THE_SAME = 0.1  # root mean square difference of two thumbnails, relative to their contrast
WORTH_TELLING = 0.1  # fraction of the compared images that are nearly the same
FEWEST_ALIKE = 5
NEARLY_ALL = 0.9
CAUSES = {
    TRANSPARENT: (
        "they are transparent everywhere (alpha is 0)",
        "Save them without alpha (`mogrify -alpha off *.png` of ImageMagick does so in place), or remove them.",
    ),
    WHITE_ON_TRANSPARENT: (
        "they are white on a transparent background, and transparency is filled with white",
        "Train with `--channels 4`, which keeps the transparency, or save them on another background.",
    ),
}


def contrast_notes(faint: dict[int, Faint], usable: int, name_of: Callable[[int], str]) -> list[str]:
    """Returns warnings about images without contrast, two sentences for each cause.

    Args:
        faint: by row, in any order.
        usable: number of usable images.
        name_of: returns the name of a row.
    """
    # A single picture with little contrast may show fog; if half of the dataset is like that, its values are wrong.
    reported = [row for row in sorted(faint) if faint[row].is_blank or 2 * len(faint) >= usable]
    groups: dict[tuple[str, float], list[int]] = {}
    for row in reported:
        groups.setdefault((faint[row].cause, faint[row].possible), []).append(row)
    return [
        _note([faint[row] for row in rows], usable, printable(name_of(rows[0])))
        for rows in sorted(groups.values(), key=len, reverse=True)
    ]


def _note(images: list[Faint], usable: int, example: str) -> str:
    share = len(images) / usable
    who = f"All {usable:,} pictures" if share == 1 else f"{len(images):,} of the {usable:,} pictures ({share:.0%})"
    reason, advice = CAUSES.get(images[0].cause) or _values(images, share)
    return f"{who} {'come' if len(images) > 1 else 'comes'} out {_look(images)}, e.g. '{example}': {reason}. {advice}"


def _values(images: list[Faint], share: float) -> tuple[str, str]:
    """Returns which stored values are used, and what to do about it."""
    lowest, highest = min(image.lowest for image in images), max(image.highest for image in images)
    possible = images[0].possible
    look = "Look at them on the contact sheet of `dcgan-hub inspect`, and remove those that show nothing."
    if highest - lowest > possible * FAINT / 255:
        return "stretching their values would not help", look
    who = "nearly all their pixels" if any(image.has_outliers for image in images) else "their files"
    if lowest == highest:
        return f"{who} have the value {lowest:g} of {possible:g} only", look
    stretch = f"`--value-range {lowest:g}:{highest:g}`"
    if share > NEARLY_ALL:
        advice = f"{stretch} stretches these values from black to white, in all pictures alike."
    else:
        advice = (
            f"Remove them, or save them with the full range of values; {stretch} would also change all other pictures."
        )
    return f"{who} use only the values {lowest:g} to {highest:g} of {possible:g}", advice


def _look(images: list[Faint]) -> str:
    darkest, brightest = min(image.darkest for image in images), max(image.brightest for image in images)
    if brightest <= BLANK:
        return "black or nearly black"
    if darkest >= 255 - BLANK:
        return "white or nearly white"
    if all(image.is_blank for image in images):
        return "in nearly one tone each"
    return "dark" if brightest <= 127 else "pale" if darkest >= 128 else "with little contrast"


def spread(count: int) -> list[int]:
    """Returns the indices of at most 256 of `count` images, evenly spread."""
    return np.unique(np.linspace(0, max(0, count - 1), COMPARED).astype(int)).tolist() if count else []


def sameness_notes(images: Iterable[Image.Image], name_of: Callable[[int], str]) -> list[str]:
    """Returns a warning about nearly equal images, such as video frames or re-encoded copies of one picture.

    Args:
        images: a few hundred at most, of any size, mode L, LA, RGB or RGBA.
        name_of: returns the name of an image by its index.
    """
    side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    thumbnails = [with_channels(image, 3).resize(side, Image.Resampling.BOX) for image in images]
    if not thumbnails:
        return []
    pixels = np.stack([np.asarray(thumbnail, np.float64) for thumbnail in thumbnails])  # (N, side, side, 3)
    contrasts = ((pixels - pixels.mean(axis=(1, 2), keepdims=True)) ** 2).sum(axis=(1, 2, 3))
    levels = pixels.reshape(len(pixels), -1)
    products = levels @ levels.T
    squares = np.diag(products)
    differences = squares[:, None] + squares - 2 * products  # of each pair, squared and summed like the contrasts
    alike = differences <= NEARLY_THE_SAME**2 * np.minimum(contrasts[:, None], contrasts)
    alike &= contrasts > levels.shape[1]  # blank ones are reported elsewhere
    groups = alike.sum(axis=1)
    largest = int(groups.argmax())
    if groups[largest] < max(FEWEST_ALIKE, WORTH_TELLING * len(levels)):
        return []
    return [
        f"{groups[largest]:,} of {len(levels):,} pictures that were compared are nearly the same as "
        f"'{printable(name_of(largest))}'. A generator would mostly generate that one: remove copies, and take fewer "
        "frames of a video."
    ]
