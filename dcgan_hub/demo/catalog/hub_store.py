"""What visitors request from the Hub, on disk: within one budget of bytes, fetched by a few threads at a time.

Everything that is fetched has a folder of its own, so that it can be removed at once if it was refused, failed, or has
to make room. No lock is held while a thread talks to the Hub. A process that was killed leaves its folder behind, which
the next one removes.
"""

import os
import shutil
import stat
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dcgan_hub.demo.admission import Busy, Room
from dcgan_hub.errors import HubError, HubUnavailable
from dcgan_hub.hub.download import Access
from dcgan_hub.hub.limits import limited
from dcgan_hub.hub.transport import limit_waiting

BUDGET_BYTES = 500_000_000  # of everything that visitors requested
MAX_KEPT = 32  # of what is in memory as well; a run has up to 4 MB there
VISIT_SECONDS = 60.0  # for one visitor's request, all of its downloads together
FETCHING_AT_ONCE = 4  # threads that wait for the Hub, fewer than answer one kind of request
PATIENCE_SECONDS = 10.0  # of a page that shows several files of one run at once
ENTRY_BYTES = 4096  # at least, of a file, link or folder
FOLDER_PREFIX, LOCK_NAME = "dcgan-hub-visited-", ".in-use"
STARTING_SECONDS = 60.0  # for which another process may be about to lock its new folder
ANONYMOUS: Any = False  # tells the client to send no token, not even that of the logged-in user


@dataclass
class _Kept:
    """Something that was fetched."""

    value: Any
    folder: Path
    size: int  # bytes on disk
    added: dict[Hashable, Any] = field(default_factory=dict)  # results of `HubStore.add`
    users: int = 0  # threads that add to it, so that it is not removed


class HubStore:
    """The files and values that were fetched, the least recently used ones first."""

    def __init__(self) -> None:
        """Touches neither the disk nor the network."""
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._reserved: dict[Path, int] = {}  # bytes announced for what is being fetched, by folder
        self._pending: dict[Hashable, Future[Any]] = {}
        self._lock = threading.Lock()  # guards the fields above; held for moments only
        self._end: weakref.finalize[Any, HubStore] | None = None  # removes the folder of this process
        self._places = Room(FETCHING_AT_ONCE, "are fetching something from the Hub")

    def find(self, key: Hashable) -> Any:
        """The value that is kept under a key; None if there is none."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept.value if kept is not None else None

    def fetch(self, request: Hashable, download: Callable[[Access], tuple[Hashable, Any]]) -> tuple[Hashable, Any]:
        """Fetches something, or waits for another thread that makes the same request.

        Args:
            request: identifies what `download` fetches.
            download: returns the key under which to keep it, and its value; it downloads with the `Access` only.

        Raises:
            Busy: if too much is being fetched.
            HubUnavailable: if it takes too long.
            DcganHubError: as `download` does; nothing is left on disk.
        """
        return self._shared(request, lambda: self._fetch(download))

    def add(self, key: Hashable, request: Hashable, download: Callable[[Access], Any]) -> Any:
        """Fetches more for what is kept under a key, unless it was added before; returns what `download` does.

        Raises:
            HubUnavailable: also if it is no longer kept; otherwise like `fetch`.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and request in kept.added:
                return kept.added[request]
        return self._shared((key, request), lambda: self._add(key, request, download), PATIENCE_SECONDS)

    def close(self) -> None:
        """Removes everything from disk; nothing can be fetched any more."""
        if self._end is not None:
            self._end()

    @property
    def used_bytes(self) -> int:
        """What is on disk, and what has been announced to come."""
        with self._lock:
            return self._used()

    def _shared(self, request: Hashable, work: Callable[[], Any], patience: float = 0.0) -> Any:
        """Does something that other threads may be waiting for, too."""
        with self._places.entered(patience):
            with self._lock:
                pending = self._pending.get(request)
                if pending is None:
                    mine = self._pending[request] = Future()
            if pending is not None:
                return pending.result()  # ends when the other thread's time does
            try:
                mine.set_result(work())
            except BaseException as error:
                mine.set_exception(error)
            finally:
                with self._lock:
                    del self._pending[request]
            return mine.result()

    def _fetch(self, download: Callable[[Access], tuple[Hashable, Any]]) -> tuple[Hashable, Any]:
        with self._new_folder() as folder:
            key, value = download(self._access(folder))
            with self._lock:
                size = self._reserved[folder] = _size_of(folder)
                found = self._kept.get(key)  # by another name, as a branch and a commit
                if found is None:
                    self._make_room(0, entries=1)
                    self._reserved[folder] = 0
                    self._kept[key] = _Kept(value, folder, size)
        if found is not None:
            shutil.rmtree(folder, ignore_errors=True)
        return key, value if found is None else found.value

    def _add(self, key: Hashable, request: Hashable, download: Callable[[Access], Any]) -> Any:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                raise HubUnavailable(
                    "What visitors open is kept for a while. Received: something that was removed since. Open it again."
                )
            kept.users += 1
        try:
            with limited(VISIT_SECONDS):
                result = kept.added[request] = download(self._access(kept.folder))
            return result
        finally:
            for unfinished in kept.folder.rglob("*.incomplete"):
                unfinished.unlink(missing_ok=True)
            with self._lock:
                kept.users -= 1
                kept.size = _size_of(kept.folder)
                if not kept.users:
                    self._reserved.pop(kept.folder, None)

    def _access(self, folder: Path) -> Access:
        return Access(token=ANONYMOUS, cache_dir=folder, reserve=lambda size: self._reserve(folder, size))

    @contextmanager
    def _new_folder(self) -> Iterator[Path]:
        """A folder for one request, which is removed if that fails."""
        try:
            folder = Path(tempfile.mkdtemp(dir=self._root))
        except OSError as error:
            raise HubUnavailable(
                f"The app needs room on its disk for what visitors open. Received: {error.strerror}. Try again later."
            ) from error
        with self._lock:
            self._reserved[folder] = 0
        try:
            with limited(VISIT_SECONDS):
                yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            with self._lock:
                del self._reserved[folder]

    def _reserve(self, folder: Path, size: int) -> None:
        """Makes room for a file that is about to be fetched.

        Raises:
            HubError: if it is larger than the budget.
            Busy: if too much is being fetched.
        """
        with self._lock:
            if size > BUDGET_BYTES:
                raise HubError(
                    f"The app keeps at most {BUDGET_BYTES:,} bytes of what visitors open. Received: {size:,}. Choose "
                    "something smaller."
                )
            self._make_room(size)
            self._reserved[folder] = self._reserved.get(folder, 0) + size

    def _make_room(self, size: int, entries: int = 0) -> None:
        """Removes the least recently used until `size` bytes and `entries` more fit; called with the lock."""
        while self._used() + size > BUDGET_BYTES or len(self._kept) + entries > MAX_KEPT:
            oldest = next((key for key, kept in self._kept.items() if not kept.users), None)
            if oldest is None:
                raise Busy(
                    f"The app keeps at most {BUDGET_BYTES:,} bytes of what visitors open. Received: {size:,} more "
                    "while others are being fetched. Try again in a moment."
                )
            shutil.rmtree(self._kept.pop(oldest).folder, ignore_errors=True)

    def _used(self) -> int:
        return sum(kept.size for kept in self._kept.values()) + sum(self._reserved.values())

    @cached_property
    def _root(self) -> Path:
        """The folder of this process; also limits how long its requests may take."""
        limit_waiting()
        remove_abandoned()
        root = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
        lock = FileLock(root / LOCK_NAME)
        lock.acquire(timeout=0)
        self._end = weakref.finalize(self, _end, root, lock)  # also runs when the process exits
        return root


def remove_abandoned() -> None:
    """Removes the folders of processes that have ended without doing so."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with suppress(OSError):  # of another user, or removed meanwhile
            state = folder.lstat()
            is_ours = stat.S_ISDIR(state.st_mode) and (os.name != "posix" or state.st_uid == os.getuid())
            has_started = (folder / LOCK_NAME).exists() or time.time() - state.st_mtime > STARTING_SECONDS
            if is_ours and has_started:
                _remove_unless_locked(folder)


def _remove_unless_locked(folder: Path) -> None:
    try:
        with FileLock(folder / LOCK_NAME).acquire(timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout:  # its process is alive
        return


def _end(root: Path, lock: FileLock) -> None:
    shutil.rmtree(root, ignore_errors=True)
    lock.release()


def _size_of(folder: Path) -> int:
    """Bytes on disk of everything in a folder, approximately."""
    total = 0
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            with suppress(OSError):
                state = os.lstat(os.path.join(place, name))  # noqa: PTH118, strings are faster
                total += max(ENTRY_BYTES, state.st_size)
    return total
