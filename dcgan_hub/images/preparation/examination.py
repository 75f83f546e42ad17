"""The work of a survey on a chunk of items, done in a worker process or, for few images, in this one."""

import io
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from dcgan_hub.images.preparation.chunks import ChunkResult, ChunkTask, is_gray_pixels, item_digest, open_item
from dcgan_hub.images.preparation.contrast import Faint, find_faint
from dcgan_hub.images.preparation.decoding import with_channels

SAMPLE_SIDE = 128  # pixels of the longer side of a sample
BAR_FRACTION = 0.03  # of the side; thinner borders are a frame or an accident of cropping
BAR_TOLERANCE = 8  # of 255 levels; JPEG is not quite even where the original was


@dataclass(frozen=True, kw_only=True)
class SurveyTask(ChunkTask):
    """Examines items."""

    sampled: frozenset[int]  # rows of which a thumbnail is wanted


@dataclass(kw_only=True)
class SurveyResult(ChunkResult):
    """Adds to the result of a chunk what only a survey asks for."""

    sizes: list[tuple[int, int]] = field(default_factory=list)  # (height, width) of each usable item, in order
    modes: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    barred: int = 0  # usable items with bars, see `has_bars`
    samples: list[tuple[int, bytes]] = field(default_factory=list)  # row, PNG


def survey_chunk(task: SurveyTask) -> SurveyResult:
    """Decodes the items of a chunk and notes what they are."""
    result = SurveyResult.of(task)

    def examine(index: int, locator: Any) -> tuple[bytes, bool, Faint | None]:
        decoded = open_item(task, locator, (SAMPLE_SIDE, SAMPLE_SIDE))
        image, pixels = decoded.image, decoded.image.tobytes()
        result.sizes.append(decoded.stored_size)
        result.modes[decoded.stored_mode] += 1
        result.formats[decoded.stored_format] += 1
        result.barred += has_bars(image)
        if task.first + index in task.sampled:
            result.samples.append((task.first + index, _thumbnail(image)))
        shown = image if image.mode in ("L", "RGB") else with_channels(image, 3)
        faint = find_faint(pixels if shown is image else shown.tobytes(), len(shown.mode), decoded)
        return item_digest(decoded, pixels), is_gray(image, pixels), faint

    result.examine(task, examine)
    return result


def is_gray(image: Image.Image, pixels: bytes) -> bool:
    """Tells whether an image of mode L, LA, RGB or RGBA, with these bytes, has no color anywhere."""
    return image.mode in ("L", "LA") or is_gray_pixels(pixels, len(image.mode))


def has_bars(image: Image.Image) -> bool:
    """Tells whether an image has bars of one color on two opposite sides, as films and screenshots do.

    A portrait before a plain background has even borders, too, but no bars: where a bar ends, most of the row changes
    at once.
    """
    if max(image.size) > 4 * SAMPLE_SIDE:
        image = image.reduce(max(image.size) // (2 * SAMPLE_SIDE))
    pixels = np.asarray(image.convert("RGB"), np.int16)
    upright, lying = pixels, pixels.swapaxes(0, 1)
    return any(_bar_above(side) and _bar_above(side[::-1]) for side in (upright, lying))


def _bar_above(pixels: np.ndarray) -> bool:
    """Tells whether the first rows are a bar. `pixels`: int16 (H, W, 3)."""
    differs = (np.abs(pixels - pixels[0, 0]) > BAR_TOLERANCE).any(axis=2).mean(axis=1)  # (H,) fraction of each row
    uneven = np.flatnonzero(differs > 0.02)
    if not len(uneven) or uneven[0] < max(2, BAR_FRACTION * len(pixels)):
        return False
    return bool(differs[uneven[0] : uneven[0] + 2].max() > 0.5)  # two rows, as shrinking blurs the edge over two


def _thumbnail(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((SAMPLE_SIDE, SAMPLE_SIDE), Image.Resampling.LANCZOS)
    output = io.BytesIO()
    small.save(output, "PNG")
    return output.getvalue()
