"""Bounds on what strangers can make the app do at a time: a request beyond a bound is refused at once."""

import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from cachetools import TTLCache

from dcgan_hub.errors import DcganHubError

FAILURE_SECONDS = 60.0  # for which a failure is remembered
MAX_FAILURES = 4096
BUSY = "The app is busy. Try again in a moment."


class Busy(DcganHubError):
    """The app does as much of this as it may at a time. A later attempt may succeed."""


class Room:
    """Lets a few threads at a time do something that takes long."""

    def __init__(self, places: int, doing: str) -> None:
        """Takes the number of threads, and what they do, to follow "others" in a sentence."""
        self._places = threading.BoundedSemaphore(places)
        self._doing = doing

    @contextmanager
    def entered(self, patience: float = 0.0) -> Iterator[None]:
        """Holds a place.

        Raises:
            Busy: if none becomes free for `patience` seconds.
        """
        if not self._places.acquire(timeout=patience):
            raise Busy(BUSY.replace(".", f": several others {self._doing}.", 1))
        try:
            yield
        finally:
            self._places.release()


class Failures:
    """Remembers for a minute what failed and why, so that the same attempt is not made over and over."""

    def __init__(self) -> None:
        """Starts without any."""
        self._known: TTLCache[Hashable, DcganHubError] = TTLCache(MAX_FAILURES, FAILURE_SECONDS)
        self._lock = threading.Lock()

    @contextmanager
    def remembered(self, attempt: Hashable) -> Iterator[None]:
        """Makes an attempt, unless it failed a moment ago.

        Raises:
            DcganHubError: the error of the attempt, now or then. That the app is busy is not remembered.
        """
        with self._lock:
            known = self._known.get(attempt)
        if known is not None:
            raise type(known)(str(known))
        try:
            yield
        except Busy:
            raise
        except DcganHubError as error:
            with self._lock:
                self._known[attempt] = error
            raise
