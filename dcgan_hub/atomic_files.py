"""Writing files so that a partial one never stands under its final name."""

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

TEMPORARY_PREFIX = ".unfinished-"
# Errors of network drives and folders shared with a virtual machine for opening or flushing a folder.
FOLDERS_ARE_NOT_OPENED = {errno.EACCES, errno.EPERM, errno.EISDIR}
FOLDERS_ARE_NOT_FLUSHED = {errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EPERM}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary path in the same folder; at the end it is flushed to disk and takes the final name.

    The temporary name keeps the suffix, by which many writers choose the format. After an error the final file is what
    it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        set_mode(temporary, 0o644)  # mkstemp's own mode keeps other users from reading the result
        yield temporary
        flush_to_disk(temporary)
        temporary.replace(path)
        flush_to_disk(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Gives a temporary folder beside `path`; at the end its files are flushed and it takes the final name.

    A folder that has that name stays until the new one is whole. No system call replaces one by the other, so a kill
    between the last two steps leaves neither; after an error the old one is there as before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=path.parent))
    try:
        set_mode(temporary, 0o755)
        yield temporary
        for entry in temporary.iterdir():
            flush_to_disk(entry)
        flush_to_disk(temporary)
        _take_name(temporary, path)
        flush_to_disk(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _take_name(folder: Path, path: Path) -> None:
    """Renames a whole folder to `path`; what has that name is removed, once it is sure that it is not needed."""
    if not path.exists():
        folder.rename(path)
        return
    aside = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=path.parent))
    try:
        old = path.rename(aside / path.name)
        try:
            folder.rename(path)
        except OSError:
            old.rename(path)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_json(path: Path, content: Any) -> None:
    """Writes `content` as indented JSON, whole or not at all; not-a-number values are refused."""
    with whole_file(path) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        # A file name that is no UTF-8 holds signs that UTF-8 has no bytes for; as \udcff they are JSON.
        temporary.write_bytes(text.encode("utf-8", errors="backslashreplace"))


def remove_unfinished(folder: Path) -> None:
    """Removes what a killed process left half written in `folder`; call it only where no other process writes."""
    for entry in folder.glob(f"{TEMPORARY_PREFIX}*"):
        shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)


def set_mode(path: Path, mode: int) -> None:
    """Sets the mode of a file or folder, if the file system supports it."""
    with suppress(OSError):  # EPERM on exFAT and shared folders, ENOTSUP on desktop mounts
        path.chmod(mode)


def flush_to_disk(path: Path) -> None:
    """Makes a file's content, or a folder's entries if the file system supports that, survive a power failure."""
    if path.is_dir():
        if os.name != "nt":  # Windows cannot flush folders
            _flush_folder(path)
        return
    descriptor = os.open(path, os.O_RDWR)  # Windows flushes only what it may write
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        if error.errno not in FOLDERS_ARE_NOT_OPENED:
            raise
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in FOLDERS_ARE_NOT_FLUSHED:
            raise
    finally:
        os.close(descriptor)
