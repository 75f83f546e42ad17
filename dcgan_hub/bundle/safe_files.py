"""Reads untrusted files: only regular files inside their own folder, of bounded size."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dcgan_hub.bundle.strict_json import REFETCH, shorten_path
from dcgan_hub.errors import BundleError

# The Hub's cache: models--user--name/snapshots/<commit> has links into models--user--name/blobs, which may in turn be
# links into blobs/<two digits>/<SHA-256>, shared by all repositories of the cache (huggingface_hub 2.4).
SNAPSHOT = re.compile(r"((?:.*/)?models--[^/]+)/snapshots/[0-9a-f]{40}(?:/training)?", re.DOTALL)
SHARED_BLOB = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}")
KINDS = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
# A pipe or a link put there between our check and our open must neither block nor redirect us.
FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def read_bounded(path: Path, largest: int, smallest: int = 0) -> bytes:
    """Reads a whole file of `smallest` to `largest` bytes; its size is checked before anything is read.

    Symbolic links are followed within the file's folder, and from a snapshot in the Hub's cache to blobs of that cache.
    The folder itself may be reached by any link.

    Raises:
        BundleError: if it is missing, not a regular file, unreadable, of another size, or a link to anywhere else.
    """
    with open_bounded(path, largest, smallest) as (stream, size):
        content = stream.read(size + 1)
        _check_size(len(content) or size, largest, smallest, shorten_path(path))  # it may have grown meanwhile
    return content


@contextmanager
def open_bounded(path: Path, largest: int, smallest: int = 0) -> Iterator[tuple[BinaryIO, int]]:
    """Opens a file of `smallest` to `largest` bytes, and gives its size, too; otherwise like `read_bounded`."""
    source = shorten_path(path)
    try:
        with _open_inside(path, source) as stream:
            size = os.fstat(stream.fileno()).st_size
            _check_size(size, largest, smallest, source)
            yield stream, size
    except OSError as error:
        raise BundleError(
            f"A bundle needs a readable {path.name}. Received: {source}: {error.strerror}. {REFETCH}"
        ) from error


def _check_size(size: int, largest: int, smallest: int, source: str) -> None:
    if not smallest <= size <= largest:
        wanted = f"{smallest:,} to {largest:,} bytes for its network" if smallest else f"at most {largest:,} bytes"
        raise BundleError(f"{source} must have {wanted}. Received: {size:,}. {REFETCH}")


def _open_inside(path: Path, source: str) -> BinaryIO:
    home = Path(os.path.realpath(path.parent, strict=True))
    target = Path(os.path.realpath(path, strict=True))  # rejects circular links
    if not target.is_relative_to(home) and not _is_cached(target, home):
        raise BundleError(
            f"{source} must be a file in the bundle's own folder. Received: a link to {shorten_path(target)}. "
            "Copy the file itself into the folder, if you trust it."
        )
    _check_regular(target.lstat().st_mode, source)
    stream = os.fdopen(os.open(target, FLAGS), "rb")
    try:
        _check_regular(os.fstat(stream.fileno()).st_mode, source)
    except BundleError:
        stream.close()
        raise
    return stream


def _is_cached(target: Path, home: Path) -> bool:
    """Whether `target` is a blob of the Hub's cache that the snapshot `home` may link to; both are resolved paths."""
    snapshot = SNAPSHOT.fullmatch(home.as_posix())
    if snapshot is None:
        return False
    repository = Path(snapshot[1])
    shared = repository.parent / "blobs"
    return target.parent == repository / "blobs" or (
        target.is_relative_to(shared) and SHARED_BLOB.fullmatch(target.relative_to(shared).as_posix()) is not None
    )


def _check_regular(mode: int, source: str) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for is_kind, name in KINDS if is_kind(mode)), "a device")
        raise BundleError(f"{source} must be a file. Received: {kind}. {REFETCH}")
