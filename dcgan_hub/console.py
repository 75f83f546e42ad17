"""Terminal output: plain lines, a progress line that is updated in place, and words quoted for the shell."""

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

PLAIN_LINE_SECONDS = 30.0  # between progress lines where they cannot be updated in place, as in a log file
REFRESH_SECONDS = 0.2


class Console:
    """Writes lines and a progress line, which is updated in place on a terminal and repeated now and then elsewhere.

    If `quiet`, only warnings are written.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = stream or sys.stdout
        self.quiet = quiet
        self.updates = self.stream.isatty()
        self._last_update = 0.0
        self._open_line = False

    def say(self, text: str = "") -> None:
        """Writes one or more lines."""
        if not self.quiet:
            self._write(text)

    def warn(self, text: str) -> None:
        """Writes a line that is shown even when quiet."""
        self._write(f"warning: {text}")

    def progress(self, describe: Callable[[], str]) -> None:
        """Replaces the progress line, at most a few times a second; `describe` is called only then."""
        now = time.monotonic()
        if self.quiet or now - self._last_update < (REFRESH_SECONDS if self.updates else PLAIN_LINE_SECONDS):
            return
        self._last_update, text = now, describe()
        if self.updates:
            columns = shutil.get_terminal_size().columns  # a longer line would wrap and could not be replaced
            self._send(f"\r\x1b[K{text[: columns - 1]}")
            self._open_line = True
        else:
            self._write(text)

    def _write(self, text: str) -> None:
        self._send(("\n" if self._open_line else "") + text + "\n")
        self._open_line = False

    def _send(self, text: str) -> None:
        # A closed pipe (`| head`) or a full disk under a log file must not end a run.
        with suppress(OSError, ValueError):
            self.stream.write(text)
            self.stream.flush()


def shell_word(text: str | os.PathLike[str]) -> str:
    """A path or name as one word of a command, for people to copy into a POSIX shell.

    What begins with a dash, which would be taken for an option, is taken for a path in the working folder.
    """
    word = os.fspath(text)
    return shlex.quote(f"./{word}" if word.startswith("-") else word)


def format_duration(seconds: float) -> str:
    """75 as "1:15", 7275 as "2:01:15"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def rough_duration(seconds: float, in_words: bool = False) -> str:
    """95 as "95 s" or "95 seconds", 1346 as "22 min" or "22 minutes", 9000 as "2.5 h", 200000 as "2.3 days"."""
    if seconds < 120:
        number, short, word = f"{seconds:.0f}", "s", "second"
    elif seconds < 7200:
        number, short, word = f"{seconds / 60:.0f}", "min", "minute"
    elif seconds < 172_800:
        number, short, word = f"{seconds / 3600:.1f}", "h", "hour"
    else:
        number, short, word = f"{seconds / 86_400:,.1f}", "days", "day"
    plural = "" if number == "1" else "s"
    return f"{number} {word}{plural}" if in_words else f"{number} {short}"


def format_bytes(count: float | None) -> str:
    """123456789 as "124 MB"; None as "unknown"."""
    if count is None:
        return "unknown"
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
