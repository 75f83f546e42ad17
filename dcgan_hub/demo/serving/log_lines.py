"""The app's log: one line an error, and few lines of a kind, however many strangers cause them."""

import logging
import time
import traceback
from collections import defaultdict
from pathlib import Path

from dcgan_hub.errors import shorten

LOG = logging.getLogger("dcgan_hub.app")
LOGGERS = (LOG.name, "uvicorn.error", "asyncio")
PACKAGE = "dcgan_hub"
LINES, SECONDS = 10, 60.0  # of one kind in this time
MAX_LINE = 300  # characters
LEFT_OUT = "further lines like this one are left out for a minute"


class FewLines(logging.Filter):
    """Turns the traceback of a record into one line, and lets ten records of a kind through in a minute.

    Records are of one kind if they come from the same statement.
    """

    def __init__(self) -> None:
        """Starts without records."""
        super().__init__()
        self._recent: dict[tuple[str, int], list[float]] = defaultdict(list)

    def filter(self, record: logging.LogRecord) -> bool:
        """Shortens a record; whether to show it."""
        now = time.monotonic()
        kind = (record.pathname, record.lineno)
        recent = self._recent[kind] = [moment for moment in self._recent[kind] if now - moment < SECONDS]
        if len(recent) == LINES:
            return False
        recent.append(now)
        said = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            said = f"{said.strip().splitlines()[0]}: {in_one_line(error)}"
        record.msg = shorten(" ".join(said.split()), MAX_LINE)
        if len(recent) == LINES:
            record.msg += f" ({LEFT_OUT})"
        record.args, record.exc_info, record.exc_text = (), None, None
        return True


def keep_log_short() -> None:
    """Applies `FewLines` to the logs of the app and its server."""
    few = FewLines()
    for name in LOGGERS:
        logging.getLogger(name).addFilter(few)


def in_one_line(error: BaseException) -> str:
    """Kind, text and place of an error: the line that raised it, and the last one of ours that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if PACKAGE in Path(frame.filename).parts]
    places = dict.fromkeys(f"{Path(frame.filename).name}:{frame.lineno}" for frame in (*frames[-1:], *ours[-1:]))
    return f"{type(error).__name__}: {shorten(str(error), 200)} ({', by '.join(places)})"
