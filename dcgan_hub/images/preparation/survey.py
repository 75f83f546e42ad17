"""Survey of a source of images, before training and without preparing anything."""

import io
import os
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.assembly import WORTH_WORKERS, Outcome
from dcgan_hub.images.preparation.cache import cache_error, default_cache_folder, unfinished_folder
from dcgan_hub.images.preparation.decoding import decode, open_image, upright_size, without_pillow_warnings
from dcgan_hub.images.preparation.examination import SurveyResult, SurveyTask, is_gray, survey_chunk
from dcgan_hub.images.preparation.notes import sameness_notes
from dcgan_hub.images.preparation.prepared import describe_unused
from dcgan_hub.images.preparation.worker_pool import run_tasks, usable_cores
from dcgan_hub.images.progress import reported_progress
from dcgan_hub.images.sources.detection import FORMS, open_source
from dcgan_hub.images.sources.listing import Listing, Rejected, Sample
from dcgan_hub.images.sources.readers import RejectedFile

SAMPLE_COUNT = 64
CHUNK = 64  # images
SIZES_KEPT = 12
QUICK_COUNT = 200  # images whose headers `quick_size` reads
QUICK_BYTES = 256 * 1024  # enough for the headers of nearly all image files, with their previews and profiles
COLOR_CHECKS = 16  # images that `quick_size` decodes to find gray pixels in files of three channels


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a source holds."""

    source: str  # as the user gave it, printable and in quotes
    files_found: int
    examined: int  # image files that were opened; fewer than there are only if a limit was given
    readable: int  # of these
    duplicates: int  # readable images that equal an earlier one
    other_kinds: dict[str, int]  # files that are clearly not images, by suffix
    rejected: dict[str, Rejected]  # by reason, the most frequent first
    heights: tuple[int, ...]  # minimum, three quartiles, maximum; pixels
    widths: tuple[int, ...]  # the same
    sizes: dict[tuple[int, int], int]  # (height, width) to count, the twelve most frequent, most frequent first
    modes: dict[str, int]  # Pillow's mode of the stored image to count, most frequent first
    formats: dict[str, int]  # JPEG, PNG, …, array; to count, most frequent first
    labels: dict[str, int]  # label to count of readable images, sorted by name; empty without labels
    all_gray: bool  # no readable image has any color
    constant_borders: float  # 0 to 1, fraction of readable images with bars of one color on two opposite sides
    samples: tuple[Image.Image, ...]  # at most 64, evenly spread; L, LA, RGB or RGBA, longer side at most 128
    notes: tuple[str, ...]  # warnings about the readable images, in full sentences

    @property
    def not_images(self) -> int:
        """Number of files that are clearly not images."""
        return sum(self.other_kinds.values())


def survey_images(
    data: str | os.PathLike,
    *,
    limit: int | None = None,
    value_range: tuple[float, float] | None = None,
    label_column: str | None = None,
    show_progress: bool = True,
) -> Survey:
    """Opens every image of a source, or up to `limit` of them evenly spread, and summarizes what there is.

    Args:
        data: as for `prepare_images`.
        limit: most images to be opened; None for all. Duplicates are found among the opened ones only.
        value_range: as for `prepare_images`.
        label_column: as for `prepare_images`.
        show_progress: as for `prepare_images`.

    Raises:
        DataError: if the source cannot be read, or not a single image of it.
    """
    source = open_source(data, label_column)
    cache = default_cache_folder()
    results: list[SurveyResult] = []
    with unfinished_folder(cache) as workspace:
        try:
            whole = source.listing(workspace)
        except OSError as error:
            raise cache_error(cache, error) from None
        listing = _limited(whole, limit)
        count = len(listing.names)
        outcome = Outcome(count)
        workers = usable_cores() if count >= WORTH_WORKERS else 0
        with reported_progress(f"Examining {source.text}", count, show=show_progress) as advance:
            for result in run_tasks(
                survey_chunk, _tasks(listing, value_range), workers, SurveyTask.halves, SurveyResult.crashed
            ):
                outcome.add(result)
                results.append(result)
                advance(len(result.usable))
    results.sort(key=lambda result: result.first)
    return _summed_up(source.text, whole.files_found(), listing, outcome, results)


def _limited(listing: Listing, limit: int | None) -> Listing:
    """Returns the listing itself, or one of `limit` evenly spread items."""
    if limit is None or len(listing.names) <= limit:
        return listing
    rows: list[int] = np.unique(np.linspace(0, len(listing.names) - 1, max(1, limit)).astype(int)).tolist()
    return replace(
        listing,
        names=[listing.names[row] for row in rows],
        locators=[listing.locators[row] for row in rows],
        labels=None if listing.labels is None else listing.labels[np.array(rows)],
    )


def _tasks(listing: Listing, value_range: tuple[float, float] | None) -> Any:
    count = len(listing.names)
    sampled = frozenset(np.linspace(0, max(0, count - 1), SAMPLE_COUNT).astype(int).tolist())
    for first in range(0, count, CHUNK):
        yield SurveyTask(
            reader=listing.reader,
            first=first,
            locators=listing.locators[first : first + CHUNK],
            value_range=value_range,
            sampled=sampled.intersection(range(first, first + CHUNK)),
        )


def _summed_up(text: str, files_found: int, listing: Listing, outcome: Outcome, results: list[SurveyResult]) -> Survey:
    rejected = outcome.tally(listing).freeze()
    usable = np.flatnonzero(outcome.usable)
    if not files_found:
        raise DataError(f"{text} holds no files. Give {FORMS}.")
    if not len(usable):
        head = f"None of the {files_found:,} files in {text} can be used:"
        raise DataError("\n".join([head, *describe_unused(rejected, listing.others), f"Give {FORMS}."]))
    sizes = [size for result in results for size in result.sizes]
    quantiles = np.quantile(np.array(sizes), (0, 0.25, 0.5, 0.75, 1), axis=0, method="lower")  # (5, 2)
    labels, label_names = listing.labels_of(usable)
    counts = np.bincount(labels[labels >= 0], minlength=len(label_names))
    modes: Counter[str] = sum((result.modes for result in results), Counter())
    formats: Counter[str] = sum((result.formats for result in results), Counter())
    rows, samples = zip(*_samples(results), strict=True)
    return Survey(
        source=text,
        files_found=files_found,
        examined=len(listing.names),
        readable=len(usable),
        duplicates=len(usable) - len(outcome.kept_rows()),
        other_kinds=dict(listing.others),
        rejected=rejected,
        heights=tuple(int(value) for value in quantiles[:, 0]),
        widths=tuple(int(value) for value in quantiles[:, 1]),
        sizes=dict(Counter(sizes).most_common(SIZES_KEPT)),
        modes=dict(modes.most_common()),
        formats=dict(formats.most_common()),
        labels={name: int(count) for name, count in zip(label_names, counts, strict=True)},
        all_gray=bool(outcome.gray[usable].all()),
        constant_borders=sum(result.barred for result in results) / len(usable),
        samples=samples,
        notes=(*outcome.contrast_notes(listing), *sameness_notes(samples, lambda index: listing.names[rows[index]])),
    )


def _samples(results: list[SurveyResult]) -> list[tuple[int, Image.Image]]:
    """Returns row and thumbnail of each sampled image that is readable."""
    return [(row, Image.open(io.BytesIO(png))) for result in results for row, png in result.samples]


def quick_size(data: str | os.PathLike) -> tuple[int, int, bool]:
    """Looks at the headers of at most 200 images, evenly spread where the source allows, to choose a preset by.

    Returns:
        Median height and median width in pixels, and whether none of the images that were looked at has any color.

    Raises:
        DataError: if the source cannot be read, or not a single image of it.
    """
    source = open_source(data)
    sizes: list[tuple[int, int]] = []
    all_gray, decoded = True, 0
    with without_pillow_warnings():
        for sample in source.samples(QUICK_COUNT):
            try:
                image, size = _header(sample)
                sizes.append(size)
                if all_gray and image.mode not in ("1", "L", "LA", "I;16", "I") and decoded < COLOR_CHECKS:
                    decoded += 1
                    all_gray = _is_gray_when_decoded(sample)
            except RejectedFile:
                continue
    if not sizes:  # look at all of them: one may be usable, or the error says why none is
        survey = survey_images(data, show_progress=False)
        return survey.heights[2], survey.widths[2], survey.all_gray
    height, width = np.median(np.array(sizes), axis=0)
    return int(height), int(width), all_gray


def _header(sample: Sample) -> tuple[Image.Image, tuple[int, int]]:
    """Returns the opened image and its (height, width), upright; for a row of an array, the image itself."""
    content = sample(QUICK_BYTES)
    if isinstance(content, np.ndarray):
        image = Image.fromarray(content[..., 0] if content.shape[2:] == (1,) else content)
        return image, (image.height, image.width)
    try:
        image = open_image(content)
    except RejectedFile:  # some formats keep what is needed at the end
        if len(content) < QUICK_BYTES:
            raise
        image = open_image(bytes(sample(None)))
    return image, upright_size(image)


def _is_gray_when_decoded(sample: Sample) -> bool:
    content = sample(None)
    if isinstance(content, np.ndarray):
        return content.ndim == 2 or is_gray(Image.fromarray(content), content.tobytes())
    loaded = decode(content, (128, 128)).image
    return is_gray(loaded, loaded.tobytes())
