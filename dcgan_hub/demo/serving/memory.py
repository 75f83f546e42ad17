"""Memory that the app no longer needs: little of it is kept, and it goes back to the system when the app becomes idle.

The C library takes memory in regions ("arenas"), by default up to eight for each core, so that threads need not wait
for each other. What one of them freed, the others cannot use, and it keeps that, since threads that work will need it
again.
"""

import ctypes
import os
import time
from typing import Any

ARENAS = 2  # with eight for each core a siege left 200 MB more, and nothing was faster; see docs/serving.md
ARENAS_VARIABLE, M_ARENA_MAX = "MALLOC_ARENA_MAX", -8  # of glibc: malloc.h
IDLE_SHARE = 0.1  # of one core; an app that serves nobody needs less


def limit_arenas() -> None:
    """Lets all threads of this process share two arenas, unless the environment says how many; before threads start."""
    limit = _of_c_library("mallopt")
    if limit is not None and ARENAS_VARIABLE not in os.environ:
        limit(M_ARENA_MAX, ARENAS)


class IdleMemory:
    """Gives memory back once after every time of work."""

    def __init__(self) -> None:
        """Starts with the present as the end of the last round."""
        self._clock, self._worked = time.monotonic(), time.process_time()
        self._has_worked = False
        self._trim = _of_c_library("malloc_trim")

    def give_back(self) -> None:
        """One round: gives memory back if the app has been idle since the last round, and had worked before.

        Not while it works, when it would have to ask the system for the same memory again.
        """
        clock, worked = time.monotonic(), time.process_time()
        is_idle = worked - self._worked < IDLE_SHARE * (clock - self._clock)
        if is_idle and self._has_worked and self._trim is not None:
            self._trim(0)
        self._clock, self._worked, self._has_worked = clock, worked, not is_idle


def _of_c_library(function: str) -> Any:
    """A function of glibc; None on other systems, which keep less."""
    try:
        return getattr(ctypes.CDLL(None), function)
    except (AttributeError, OSError, TypeError):
        return None
