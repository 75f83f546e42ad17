"""Batches for training: a pure function of (seed, step), read from the memory-mapped images.

N images of H x W pixels and C channels, B images a batch.
"""

import itertools
import mmap
import os
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeGuard

import numpy as np

from dcgan_hub.training.class_labels import ClassLabels

BATCHES_AHEAD = 4
KEPT_FRACTION = 0.25  # of the machine's memory that a set may have to be read into it at the start
WARMING_BYTES = 1 << 20  # at once
CONTAINER_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")  # version 2 and 1


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The order of the images in one pass over them.

    RandomState's stream is frozen by NumPy's policy (NEP 19), so the order is the same in every version.

    Returns:
        int64 (N,), a permutation of 0 to N - 1.
    """
    return np.random.RandomState([seed, epoch]).permutation(count)


class RandomRows:
    """Random-access row reader that bypasses the kernel's read-ahead.

    With a memory map, every page fault makes the kernel read ahead, megabytes on some machines. Measured with 8 MB: a
    batch of 32 images of 64 x 64 pixels took 68 ms through the mapping, and 1.1 ms here. And a failing disk kills the
    process with SIGBUS there, and raises an error here.

    Random reads from disk are still slow. So a file of at most a quarter of the machine's memory is read once from end
    to end in the background, which brings it into the page cache.

    Args:
        images: uint8 (N, H, W, C), for which `fits` is true.

    Attributes:
        warming: the thread that reads the file, or None for a larger one.
    """

    def __init__(self, images: np.memmap) -> None:
        self._path = str(images.filename)
        self._handle = os.open(self._path, os.O_RDONLY)
        # Not at exit, when a thread may still be reading ahead.
        weakref.finalize(self, os.close, self._handle).atexit = False
        self._shape, self._start = images.shape[1:], images.offset
        self._row_bytes = images.nbytes // len(images)
        os.posix_fadvise(self._handle, 0, 0, os.POSIX_FADV_RANDOM)
        self.warming: threading.Thread | None = None
        if images.nbytes <= KEPT_FRACTION * _memory_bytes():
            self.warming = threading.Thread(target=read_through, args=[Path(self._path)], daemon=True)
            self.warming.start()

    @staticmethod
    def fits(images: np.ndarray) -> TypeGuard[np.memmap]:
        """Whether these are a complete memory-mapped file, on a system with `posix_fadvise`."""
        if not isinstance(images, np.memmap) or images.filename is None or not hasattr(os, "posix_fadvise"):
            return False
        if images.mode == "c":  # copy-on-write: the file may differ
            return False
        return isinstance(images.base, mmap.mmap) and images.flags.c_contiguous and hasattr(os, "preadv")

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Images by their numbers: int64 (B,) to uint8 (B, H, W, C). Raises OSError also if the file became shorter."""
        handle, size = self._handle, self._row_bytes
        places = [self._start + int(row) * size for row in rows]
        for place in places:  # requests all before waiting for the first
            os.posix_fadvise(handle, place, size, os.POSIX_FADV_WILLNEED)
        batch = np.empty((len(places), *self._shape), np.uint8)
        for image, place in zip(batch, places, strict=True):
            if os.preadv(handle, [image], place) != size:
                raise OSError(
                    f"The prepared images must stay as they are while they are read. Received: {self._path}, "
                    "shorter than before. Start again to prepare them again."
                )
        return batch


def read_through(path: Path) -> int:
    """Reads a file into the page cache; returns the number of bytes read.

    Errors are left to the reader that needs the content.
    """
    read, buffer = 0, bytearray(WARMING_BYTES)
    with suppress(OSError), path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            read += size
    return read


def _memory_bytes() -> int:
    """Of the machine, or of the container if that has less."""
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in CONTAINER_LIMITS:
        with suppress(OSError, ValueError):  # no such container, or one without a limit: "max"
            sizes.append(int(Path(path).read_text()))
    return min(sizes)


def batches_read_ahead(
    images: np.ndarray, batch_size: int, seed: int, step: int, classes: ClassLabels | None = None
) -> Iterator[tuple[np.ndarray, ...]]:
    """The batches of a run; a thread reads the next ones ahead.

    The last, incomplete batch of an epoch is dropped.

    Args:
        images: uint8 (N, H, W, C), N at least B; may be memory-mapped.
        batch_size: B.
        seed: of the run, 0 to 2**32 - 1.
        step: number of steps already made; the first batch is that of the next one.
        classes: of the images.

    Yields:
        uint8 (B, H, W, C), and with classes their labels, int32 (B,), without end.
    """
    source = RandomRows(images) if RandomRows.fits(images) else images

    def read(rows: np.ndarray) -> tuple[np.ndarray, ...]:
        return (source[rows],) if classes is None else (source[rows], classes.labels[rows])

    first_epoch, first = divmod(step, len(images) // batch_size)
    reading: deque[Future[tuple[np.ndarray, ...]]] = deque()
    with ThreadPoolExecutor(1) as reader:
        for epoch in itertools.count(first_epoch):
            for rows in rows_of_shards(len(images), batch_size, seed, epoch, range(1), 1, classes)[first:]:
                reading.append(reader.submit(read, rows))
                if len(reading) > BATCHES_AHEAD:
                    yield reading.popleft().result()
            first = 0


def rows_of_shards(
    images: int, batch_size: int, seed: int, epoch: int, shards: range, count: int, classes: ClassLabels | None = None
) -> np.ndarray:
    """Numbers of the images that shards of the batches of an epoch hold; arguments as above, of `images` their number.

    Returns:
        int64 (S x P, B / count), for S steps and P shards in each of them.
    """
    steps = images // batch_size
    order = classes.epoch_order(seed, epoch) if classes else None
    order = epoch_order(images, seed, epoch) if order is None else order
    batches = order[: steps * batch_size].reshape(steps, batch_size)
    # Sorted, so that a file is read in one direction; the order within a batch has no effect.
    divided = np.sort(batches, axis=1).reshape(steps, count, batch_size // count)
    return divided[:, list(shards)].reshape(-1, batch_size // count)
