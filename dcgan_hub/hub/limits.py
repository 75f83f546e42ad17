"""How long an operation on the Hub may take as a whole, and how large an answer may be.

The limits of an operation hold for all of its requests, retries and redirects. `hub.transport` enforces them.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

OPERATION_SECONDS = 120.0  # of an operation without files
SLOWEST_BYTES_PER_SECOND = 20_000  # of the files of an operation on average, or it takes too long
MAX_ANSWER_BYTES = 32_000_000  # of one answer that is not a file


class OutOfTime(Exception):
    """An operation took longer than allowed, or made too little progress; the text completes "Received: "."""


class TooLarge(Exception):
    """The Hub sent a longer answer than allowed; the text completes "Received: "."""


@dataclass(frozen=True)
class Limits:
    """The limits of one operation."""

    ends_at: float  # as `time.monotonic`
    seconds: float  # that it may take
    answer_bytes: int

    def remaining_seconds(self) -> float:
        """Raises OutOfTime if nothing remains."""
        remaining = self.ends_at - time.monotonic()
        if remaining <= 0:
            raise OutOfTime(f"no complete answer within {self.seconds:,.0f} seconds")
        return remaining


_of_this_thread: ContextVar[Limits | None] = ContextVar("limits", default=None)
_of_other_threads: list[Limits] = []  # of operations whose requests are sent by threads of the client
_lock = threading.Lock()


def current_limits() -> Limits | None:
    """The limits of the operation that this thread works for; None outside of any."""
    limits = _of_this_thread.get()
    if limits is None:
        with _lock:
            return max(_of_other_threads, key=lambda other: other.ends_at, default=None)
    return limits


@contextmanager
def limited(
    seconds: float | None = None, answer_bytes: int = MAX_ANSWER_BYTES, other_threads: bool = False
) -> Iterator[None]:
    """Limits all requests inside; never beyond the time of an operation around it.

    Args:
        seconds: for all of them together; None: OPERATION_SECONDS.
        answer_bytes: of one answer.
        other_threads: whether the client may send requests from threads of its own, as it does for uploads.
    """
    seconds = OPERATION_SECONDS if seconds is None else seconds
    limits, around = Limits(time.monotonic() + seconds, seconds, answer_bytes), _of_this_thread.get()
    if around is not None and around.ends_at < limits.ends_at:
        limits = Limits(around.ends_at, around.seconds, answer_bytes)
    token = _of_this_thread.set(limits)
    with _lock:
        _of_other_threads.extend([limits] * other_threads)
    try:
        yield
    finally:
        _of_this_thread.reset(token)
        with _lock:
            if other_threads:
                _of_other_threads.remove(limits)


def seconds_for(size: int) -> float:
    """The time that files of `size` bytes together may take, in addition to that of an operation without files."""
    return OPERATION_SECONDS + size / SLOWEST_BYTES_PER_SECOND
