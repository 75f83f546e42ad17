"""From a listing to the finished files: runs the decoding, then drops what is unusable or double, in bounded memory."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.chunks import DIGEST_BYTES, OTHER_SIZE, ChunkResult, PrepareTask, prepare_chunk
from dcgan_hub.images.preparation.contrast import Faint
from dcgan_hub.images.preparation.decoding import decode, without_pillow_warnings
from dcgan_hub.images.preparation.notes import contrast_notes, sameness_notes, spread
from dcgan_hub.images.preparation.prepared import FINGERPRINT_FORMAT, IMAGES_NAME, LABELS_NAME
from dcgan_hub.images.preparation.worker_pool import run_tasks, usable_cores
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.listing import Listing, RejectionCounts
from dcgan_hub.images.sources.readers import RejectedFile

HEADER_BYTES = 128  # of images.npy; NumPy pads its header to a multiple of 64 and leaves room for the count to grow
BLOCK_BYTES = 4 * 2**20  # of rows held in memory at a time, in a worker and when the file is put together
MAX_CHUNK = 128  # images
WORTH_WORKERS = 500  # images; below, starting processes takes longer than decoding here


@dataclass(frozen=True, kw_only=True)
class Assembled:
    """What was written."""

    used: int
    duplicates: int
    refused: RejectionCounts
    label_names: tuple[str, ...]
    fingerprint: str
    notes: list[str]  # see `PreparationReport`


class Outcome:
    """Collects results of chunks, which come in any order, into arrays over all items."""

    def __init__(self, count: int) -> None:
        """Takes the number of items."""
        self.usable = np.zeros(count, bool)
        self.gray = np.zeros(count, bool)
        self.digests = np.zeros((count, DIGEST_BYTES // 8), np.uint64)
        self._faint: dict[int, Faint] = {}
        self._refused: dict[str, tuple[int, list[tuple[int, str]]]] = {}

    def add(self, result: ChunkResult) -> None:
        """Enters the result of one chunk."""
        rows = slice(result.first, result.first + len(result.usable))
        self.usable[rows] = np.frombuffer(result.usable, np.uint8)
        self.gray[rows] = np.frombuffer(result.gray, np.uint8)
        self.digests[rows] = np.frombuffer(result.digests, np.uint64).reshape(-1, DIGEST_BYTES // 8)
        self._faint.update(result.faint)
        for row, reason, detail in result.refused:
            count, first_rows = self._refused.get(reason, (0, []))
            # Only the first few by row are kept, so that the report does not depend on which worker was faster.
            self._refused[reason] = (count + 1, sorted([*first_rows, (row, detail)])[:3])

    def tally(self, listing: Listing) -> RejectionCounts:
        """Returns the refusals of the listing and of the decoding together."""
        tally = listing.refused.copy()
        for reason in sorted(self._refused):
            count, first_rows = self._refused[reason]
            for row, detail in first_rows:
                tally.add(reason, listing.names[row], detail)
            tally.add_unnamed(reason, count - len(first_rows))
        return tally

    def contrast_notes(self, listing: Listing) -> list[str]:
        """Returns warnings about usable items with little contrast."""
        return contrast_notes(self._faint, int(self.usable.sum()), lambda row: listing.names[row])

    def kept_rows(self) -> np.ndarray:
        """Returns the rows that are usable and not equal to an earlier usable one: int64, ascending."""
        usable = np.flatnonzero(self.usable)
        digests = self.digests[usable]
        order = np.lexsort(digests.T)  # stable: among equals, the earliest comes first
        ordered = digests[order]
        is_first = np.ones(len(usable), bool)
        is_first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        return usable[np.sort(order[is_first])]


def assemble(
    listing: Listing,
    folder: Path,
    *,
    image_size: tuple[int, int] | None,
    channels: int | None,
    fit: str,
    value_range: tuple[float, float] | None,
    progress: Callable[[int], object],
) -> Assembled:
    """Decodes the items of a listing and writes `images.npy` and `labels.npy` into a folder.

    Args:
        listing: of at least one item.
        folder: for the files; nobody else writes there.
        image_size: (height, width); None if all images must have one size.
        channels: 1, 3, 4, or None for 1 if every used image is gray, else 3.
        fit: `crop`, `pad` or `stretch`.
        value_range: stored values that become black and white; None for the full range of the file's type.
        progress: is called with the number of items finished since the last call.

    Raises:
        DataError: if images differ in size and no size is given.
        OSError: if the folder cannot be written.
    """
    size = image_size or common_size(listing, value_range)
    path = folder / IMAGES_NAME
    shape = (*size, channels or 3)
    count = len(listing.names)
    with path.open("wb") as file:
        file.truncate(HEADER_BYTES + count * int(np.prod(shape)))
    outcome = Outcome(count)
    for result in run_tasks(
        prepare_chunk,
        _tasks(listing, path, shape, fit, value_range, exact=image_size is None),
        worker_count=_worker_count(listing, size),
        split=PrepareTask.halves,
        lost=ChunkResult.crashed,
    ):
        _check_one_size(result, listing, size)
        outcome.add(result)
        progress(len(result.usable))
    kept = outcome.kept_rows()
    if channels is None and bool(outcome.gray[kept].all()):
        shape = (*size, 1)
    labels, label_names = listing.labels_of(kept)
    digest = hashlib.sha256(json.dumps([FINGERPRINT_FORMAT, list(shape), fit, label_names]).encode())
    _compact(path, kept, shape, channels or 3, digest)
    digest.update(labels.astype("<i4").tobytes())
    np.save(folder / LABELS_NAME, labels)
    return Assembled(
        used=len(kept),
        duplicates=int(outcome.usable.sum()) - len(kept),
        refused=outcome.tally(listing),
        label_names=label_names,
        fingerprint=digest.hexdigest(),
        notes=outcome.contrast_notes(listing) + _sameness_notes(path, [listing.names[row] for row in kept.tolist()]),
    )


def _sameness_notes(path: Path, names: Sequence[str]) -> list[str]:
    images = np.load(path, mmap_mode="r")
    places = spread(len(names))
    shown = [Image.fromarray(images[place].squeeze(2) if images.shape[3] == 1 else images[place]) for place in places]
    return sameness_notes(shown, lambda index: names[places[index]])


def _tasks(
    listing: Listing,
    path: Path,
    shape: tuple[int, int, int],
    fit: str,
    value_range: tuple[float, float] | None,
    *,
    exact: bool,
) -> Iterator[PrepareTask]:
    count = len(listing.names)
    chunk = min(MAX_CHUNK, max(1, BLOCK_BYTES // int(np.prod(shape))))
    for first in range(0, count, chunk):
        yield PrepareTask(
            reader=listing.reader,
            first=first,
            locators=listing.locators[first : first + chunk],
            value_range=value_range,
            path=str(path),
            offset=HEADER_BYTES,
            shape=shape,
            fit=fit,
            exact=exact,
            any_size=listing.pixel_shape is not None,
        )


def _worker_count(listing: Listing, size: tuple[int, int]) -> int:
    """Rows of an array that has the right size are only copied, and that is done sooner than a process starts."""
    copied = listing.pixel_shape is not None and listing.pixel_shape[:2] == size
    return 0 if copied or len(listing.names) < WORTH_WORKERS else usable_cores()


def common_size(listing: Listing, value_range: tuple[float, float] | None = None) -> tuple[int, int]:
    """Returns (height, width) of the first image that can be used. Raises `DataError` if there is none."""
    if listing.pixel_shape is not None:
        return listing.pixel_shape[0], listing.pixel_shape[1]
    with without_pillow_warnings():
        for locator in listing.locators:
            try:
                # Decoded, so that a damaged file does not set the size of all others.
                return decode(bytes(listing.reader.read(locator)), value_range=value_range).stored_size
            except RejectedFile:
                continue
    return (1, 1)


def _check_one_size(result: ChunkResult, listing: Listing, size: tuple[int, int]) -> None:
    for row, reason, detail in result.refused:
        if reason == OTHER_SIZE:
            raise DataError(
                "Without `--image-size`, all images must have one size. "
                f"Received: {size[0]} x {size[1]} at first, but '{printable(listing.names[row])}' is {detail}. "
                "Give `--image-size`, e.g. 64 or 64x96."
            )


def _compact(path: Path, kept: np.ndarray, shape: tuple[int, int, int], written_channels: int, digest: Any) -> None:
    """Moves the kept rows together, in place, reduces them to gray if wanted, writes the header, cuts the file off."""
    written_bytes = int(np.prod(shape[:2])) * written_channels
    block = max(1, BLOCK_BYTES // written_bytes)
    with path.open("r+b", buffering=0) as file:
        target = HEADER_BYTES
        for start in range(0, len(kept), block):
            rows = kept[start : start + block]
            span = int(rows[-1] - rows[0]) + 1
            if span > 4 * block:  # most in between is dropped: read row by row
                pixels = b"".join(_read(file, HEADER_BYTES + int(row) * written_bytes, written_bytes) for row in rows)
            else:
                pixels = _read(file, HEADER_BYTES + int(rows[0]) * written_bytes, span * written_bytes)
            moved = int(rows[0]) != start or len(rows) != span
            if moved or written_channels != shape[2]:
                array = np.frombuffer(pixels, np.uint8).reshape(-1, *shape[:2], written_channels)
                if len(array) != len(rows):
                    array = array[rows - rows[0]]
                pixels = np.ascontiguousarray(array[..., : shape[2]]).tobytes()
                file.seek(target, os.SEEK_SET)
                remaining = memoryview(pixels)
                while remaining:
                    remaining = remaining[file.write(remaining) :]
            digest.update(pixels)
            target += len(pixels)
        file.truncate(target)
        file.seek(0)
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(kept), *shape)}
        np.lib.format.write_array_header_1_0(file, header)
        if file.tell() != HEADER_BYTES:
            raise RuntimeError(f"NumPy wrote a header of {file.tell()} bytes instead of {HEADER_BYTES}")


def _read(file: Any, offset: int, size: int) -> bytes:
    file.seek(offset, os.SEEK_SET)
    parts = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
