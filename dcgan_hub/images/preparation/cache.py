"""Folders of the cache: unfinished ones under a passing name, finished ones under a final name, nothing between."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dcgan_hub.atomic_files import flush_to_disk, set_mode
from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.file_names import printable

UNFINISHED = ".unfinished-"
LOCK_NAME = "lock"
UNBORN_LOCK_NAME = "lock-not-yet-held"
FORGOTTEN_AFTER_SECONDS = 24 * 3600  # on systems without locks


def default_cache_folder() -> Path:
    """Returns where prepared images go: `$DCGAN_HUB_CACHE`, `$XDG_CACHE_HOME/dcgan_hub` or `~/.cache/dcgan_hub`."""
    if chosen := os.environ.get("DCGAN_HUB_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dcgan_hub"


def cache_error(folder: Path, error: OSError) -> DataError:
    """Explains that the cache cannot be written."""
    return DataError(
        "Prepared images are kept in a folder that must be writable and have room. "
        f"Received: '{printable(str(folder))}': {error.strerror or error}. "
        "Free some space there, or name another folder in the environment variable DCGAN_HUB_CACHE."
    )


@contextmanager
def unfinished_folder(cache_folder: Path) -> Iterator[Path]:
    """Gives a new folder for work in progress, and removes it at the end if it was not renamed.

    The folder is locked as long as this process lives, so that others know that it is in use; what processes that were
    killed have left behind is removed here.

    Raises:
        DataError: if the cache folder cannot be created or written.
    """
    try:
        cache_folder.mkdir(parents=True, exist_ok=True)
        remove_forgotten(cache_folder)
        folder = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=cache_folder))
    except OSError as error:
        raise cache_error(cache_folder, error) from None
    with contextlib.ExitStack() as held:
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            held.enter_context(_hold_lock(folder))
        except OSError as error:
            raise cache_error(cache_folder, error) from None
        yield folder


def publish(folder: Path, final: Path) -> bool:
    """Renames a finished folder to its final name, durably. Returns False if another process was first."""
    (folder / LOCK_NAME).unlink(missing_ok=True)
    set_mode(folder, 0o777 & ~_umask())  # mkdtemp makes private folders, but a cache may be shared
    for path in [*folder.iterdir(), folder]:
        flush_to_disk(path)
    try:
        folder.rename(final)
    except OSError:
        if final.is_dir():
            return False
        raise
    flush_to_disk(final.parent)
    return True


def remove_forgotten(cache_folder: Path) -> None:
    """Removes unfinished folders whose process has ended."""
    for folder in cache_folder.glob(f"{UNFINISHED}*"):
        with contextlib.suppress(OSError):
            lock_path = folder / LOCK_NAME
            if not lock_path.exists():  # being born, or being renamed; or its process died in that very moment
                if time.time() - folder.stat().st_mtime > FORGOTTEN_AFTER_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
                continue
            with lock_path.open("r+b") as lock:
                if _try_lock(lock.fileno()):
                    shutil.rmtree(folder, ignore_errors=True)


def _hold_lock(folder: Path) -> IO[bytes]:
    """Locks a new folder. The file gets its name once it is locked, since an unlocked one marks an abandoned folder."""
    lock = (folder / UNBORN_LOCK_NAME).open("wb")
    try:
        _try_lock(lock.fileno())
        (folder / UNBORN_LOCK_NAME).rename(folder / LOCK_NAME)  # the lock is the open file's, whatever its name
    except OSError:
        lock.close()
        raise
    return lock


def _try_lock(descriptor: int) -> bool:
    """Locks an open file until this process ends; returns False if another process has locked it."""
    try:
        import fcntl
    except ImportError:  # Windows: there nothing is known of the other process; go by age
        return time.time() - os.fstat(descriptor).st_mtime > FORGOTTEN_AFTER_SECONDS
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
