"""Errors as messages on the page; every text is escaped, since it may contain untrusted names."""

import errno
import html
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from dcgan_hub.errors import DcganHubError
from dcgan_hub.runs.untrusted import FOLDERS

FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}
FULL_DISK = "The app's disk is full, so it cannot write its answer. Try again later, or tell its operator."


@contextmanager
def explained() -> Iterator[None]:
    """Turns an error that the user can fix into a message on the page, without a traceback."""
    try:
        yield
    except DcganHubError as error:
        # Gradio shows messages as HTML; quotes are harmless in text, and API clients should read them as they are.
        text = html.escape(explanation(error), quote=False)
        raise gr.Error(text, title="That did not work", print_exception=False) from error


def warn(error: DcganHubError | str) -> None:
    """Shows an error as a warning on the page, while the event continues."""
    text = explanation(error) if isinstance(error, DcganHubError) else error
    gr.Warning(html.escape(text, quote=False), title="Please note")


def explanation(error: DcganHubError) -> str:
    """The text of an error for visitors, without folders of the server."""
    return FULL_DISK if is_of_full_disk(error) else FOLDERS.sub("", str(error))


def is_of_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or one that it was raised from, is that there is no space on the disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__
    return False
