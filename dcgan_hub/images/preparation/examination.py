"""The work of a survey on a chunk of items, done in a worker process or, for few images, in this one."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from dcgan_hub.images.preparation.chunks import (
    CRASHED,
    DIGEST_BYTES,
    ChunkResult,
    is_gray_pixels,
    item_digest,
    open_item,
)
from dcgan_hub.images.preparation.decoding import without_pillow_warnings
from dcgan_hub.images.sources.readers import Reader, RejectedFile

SAMPLE_SIDE = 128  # pixels of the longer side of a sample
BAR_FRACTION = 0.03  # of the side; thinner borders are a frame or an accident of cropping
BAR_TOLERANCE = 8  # of 255 levels; JPEG is not quite even where the original was


@dataclass(frozen=True, kw_only=True)
class SurveyTask:
    """Examines consecutive items."""

    reader: Reader
    first: int  # row of the first item
    locators: Sequence[Any]
    sampled: frozenset[int]  # rows of which a thumbnail is wanted


@dataclass(frozen=True, kw_only=True)
class SurveyResult(ChunkResult):
    """Adds to the result of a chunk what only a survey asks for."""

    sizes: list[tuple[int, int]]  # (height, width) of each usable item, in order
    modes: Counter[str]
    formats: Counter[str]
    barred: int  # usable items with bars, see `has_bars`
    samples: list[tuple[int, bytes]]  # row, PNG


def survey_chunk(task: SurveyTask) -> SurveyResult:
    """Decodes the items of a chunk and notes what they are."""
    count = len(task.locators)
    digests, usable, grey = bytearray(count * DIGEST_BYTES), bytearray(count), bytearray(count)
    refused, sizes, samples, barred = [], [], [], 0
    modes: Counter[str] = Counter()
    formats: Counter[str] = Counter()
    with without_pillow_warnings():
        for index, locator in enumerate(task.locators):
            row = task.first + index
            try:
                decoded = open_item(task.reader, locator, (SAMPLE_SIDE, SAMPLE_SIDE))
            except RejectedFile as refusal:
                refused.append((row, refusal.reason, refusal.detail))
                continue
            image, pixels = decoded.image, decoded.image.tobytes()
            digests[index * DIGEST_BYTES : (index + 1) * DIGEST_BYTES] = item_digest(decoded, pixels)
            usable[index], grey[index] = 1, is_gray(image, pixels)
            sizes.append(decoded.stored_size)
            modes[decoded.stored_mode] += 1
            formats[decoded.stored_format] += 1
            barred += has_bars(image)
            if row in task.sampled:
                samples.append((row, _thumbnail(image)))
    return SurveyResult(
        first=task.first,
        digests=bytes(digests),
        usable=bytes(usable),
        grey=bytes(grey),
        refused=refused,
        sizes=sizes,
        modes=modes,
        formats=formats,
        barred=barred,
        samples=samples,
    )


def split_survey(task: SurveyTask) -> list[SurveyTask]:
    """Halves a task; gives nothing if it is of one item."""
    half = len(task.locators) // 2
    parts = [
        replace(task, locators=task.locators[:half]),
        replace(task, locators=task.locators[half:], first=task.first + half),
    ]
    return parts if half else []


def lost_survey(task: SurveyTask) -> SurveyResult:
    """Gives the result for an item that kills the process that opens it."""
    return SurveyResult(
        first=task.first,
        digests=bytes(DIGEST_BYTES),
        usable=b"\0",
        grey=b"\0",
        refused=[(task.first, CRASHED, "")],
        sizes=[],
        modes=Counter(),
        formats=Counter(),
        barred=0,
        samples=[],
    )


def is_gray(image: Image.Image, pixels: bytes) -> bool:
    """Tells whether an image of mode L, LA, RGB or RGBA, with these bytes, has no colour anywhere."""
    return image.mode in ("L", "LA") or is_gray_pixels(pixels, len(image.mode))


def has_bars(image: Image.Image) -> bool:
    """Tells whether an image has bars of one colour on two opposite sides, as films and screenshots do.

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
