"""Mistakes of the user or of the data. Commands print them without a traceback and exit with status 2.

Every message has three parts: what must hold, what was received, what to do about it.
"""

from typing import Any


class DcganHubError(Exception):
    """Base of all errors that a user can mend; anything else that is raised is a defect of this package."""


class SettingsError(DcganHubError, ValueError):
    """A setting is unknown, out of range, or contradicts another one."""


class DataError(DcganHubError, ValueError):
    """The images given cannot be found, read, or used with these settings."""


class RunError(DcganHubError, RuntimeError):
    """A run directory cannot be started, continued, or read."""


class BundleError(DcganHubError, ValueError):
    """A published generator is damaged, unsafe, or of an unknown format."""


class HubError(DcganHubError, RuntimeError):
    """The Hub refuses something, or does not have it."""


class HubUnavailable(HubError):
    """The Hub cannot be asked at the moment: no network, overload, a fault of its own. Later it may work."""


def shorten(value: Any, length: int = 80) -> str:
    """The start of a value as one line of printable text, fit for an error message whoever wrote the value.

    Args:
        value: text as it is, anything else as Python shows it.
        length: most characters.
    """
    text = value if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= length else f"{text[: length - 3]}..."
