"""Memory that the app no longer needs goes back to the system when the app becomes idle.

The C library keeps what programs free, in up to eight regions for each core, since threads that work will need it
again.
"""

import ctypes
import time
from typing import Any

IDLE_SHARE = 0.1  # of one core; an app that serves nobody needs less


class IdleMemory:
    """Gives memory back once after every time of work."""

    def __init__(self) -> None:
        """Starts with the present as the end of the last round."""
        self._clock, self._worked = time.monotonic(), time.process_time()
        self._has_worked = False
        self._trim = _trim_of_c_library()

    def give_back(self) -> None:
        """One round: gives memory back if the app has been idle since the last round, and had worked before.

        Not while it works, when it would have to ask the system for the same memory again.
        """
        clock, worked = time.monotonic(), time.process_time()
        is_idle = worked - self._worked < IDLE_SHARE * (clock - self._clock)
        if is_idle and self._has_worked and self._trim is not None:
            self._trim(0)
        self._clock, self._worked, self._has_worked = clock, worked, not is_idle


def _trim_of_c_library() -> Any:
    """The function `malloc_trim` of glibc; None on other systems, which keep less."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
