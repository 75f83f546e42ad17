"""Mistakes of the user or of the data. Commands print them without a traceback and exit with status 2.

Every message has three parts: what must hold, what was received, what to do about it.
"""


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
