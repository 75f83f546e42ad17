"""Errors that a user can fix. Commands print them without a traceback and exit with status 2.

A message about a wrong value has three parts: what is required, what was received, what to do about it.
"""

from typing import Any


class DcganHubError(Exception):
    """Base class of all errors that a user can fix; any other exception is a bug in this package."""


class SettingsError(DcganHubError, ValueError):
    """A setting is unknown, out of range, or in conflict with another one."""


class DataError(DcganHubError, ValueError):
    """The images cannot be found, read, or used with these settings."""


class RunError(DcganHubError, RuntimeError):
    """A run cannot be started or resumed, or its directory cannot be read."""


class BundleError(DcganHubError, ValueError):
    """A published generator is damaged, unsafe, or of an unknown format."""


class HubError(DcganHubError, RuntimeError):
    """The Hub refused a request, or does not have what was requested."""


class HubUnavailable(HubError):
    """The Hub cannot be reached at the moment (network, overload, server error). A later attempt may succeed."""


def shorten(value: Any, length: int = 80) -> str:
    """Truncates a value to one line of printable text, safe for error messages even if the value is untrusted.

    Args:
        value: a string is used as it is, anything else by its `repr`.
        length: maximum number of characters.
    """
    text = value if isinstance(value, str) else repr(value)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= length else f"{text[: length - 3]}..."
