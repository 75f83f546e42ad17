"""The Hub's client, and the translation of its errors into messages that say what to do.

The client finds the token (argument, `HF_TOKEN`, `hf auth login`); it is used for requests and nowhere else.
"""

import functools
import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import huggingface_hub
from huggingface_hub import errors

from dcgan_hub.errors import DcganHubError, HubError, HubUnavailable, SettingsError, shorten
from dcgan_hub.hub.limits import OutOfTime, TooLarge, limited

LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN; create tokens at huggingface.co/settings/tokens."
LATER = "Try again later."
BEYOND_LIMITS = (OutOfTime, TooLarge)
CONFLICTS = (409, 412)
TRANSIENT_STATUS = (408, 425, 429)  # and everything from 500 on
TOKEN = re.compile(r"[!-~]+")  # characters valid in a header; the Hub's tokens are hf_ and letters
SECRET = re.compile(r"hf_\w+|(?<=Bearer )\S+", re.IGNORECASE)
ADDRESS = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s/?#'\"]+)[^\s'\"]*")
# What the client raises if a response does not have the expected form.
MISUNDERSTOOD = (AttributeError, LookupError, TypeError, RecursionError, httpx2.InvalidURL)


class Conflict(HubUnavailable):
    """The repository changed during the upload; a retry from its new state can succeed."""


def open_client(token: str | bool | None = None) -> huggingface_hub.HfApi:
    """Returns a client for the Hub at `HF_ENDPOINT`; raises SettingsError for text that cannot be a token.

    `token` None: that of the logged-in user, if any; True: the same, but it must exist; False: none.
    """
    if isinstance(token, str) and not TOKEN.fullmatch(token):
        raise SettingsError(
            f"A token is one word of ASCII letters, digits and symbols. Received: other text (not shown here). {LOG_IN}"
        )
    return huggingface_hub.HfApi(token=token, library_name="dcgan-hub")


def is_transient(status: int) -> bool:
    """Whether a request that failed with this HTTP status may succeed later."""
    return status in TRANSIENT_STATUS or status >= 500


class _InOneSentence(threading.local):
    """The nesting depth of `explained` in this thread."""

    depth = 0


_in_one_sentence = _InOneSentence()


def _is_wanted(record: logging.LogRecord) -> bool:
    """Whether to show a log record of the client: its warnings are hidden if our own message says the same.

    The warnings contain whole URLs and the server's raw text, including control characters. With a more verbose
    HF_HUB_VERBOSITY everything is shown.
    """
    chatty = logging.getLogger("huggingface_hub").level < logging.WARNING
    return chatty or record.levelno != logging.WARNING or not _in_one_sentence.depth


for _handler in logging.getLogger("huggingface_hub").handlers:
    _handler.addFilter(_is_wanted)


@contextmanager
def explained(
    repo_id: str, kind: str = "model", seconds: float | None = None, other_threads: bool = False
) -> Iterator[None]:
    """Translates errors of the client into one message about a model, dataset or Space; hides its warnings.

    What is inside is one operation with limits; for `seconds` and `other_threads` see `limited`.

    Raises:
        HubUnavailable: if a later attempt may succeed.
        HubError: if not.
    """
    _in_one_sentence.depth += 1
    try:
        with limited(seconds, other_threads=other_threads):
            yield
    except DcganHubError:
        raise
    except (OSError, ValueError, httpx2.HTTPError, errors.XetDownloadError, *BEYOND_LIMITS, *MISUNDERSTOOD) as error:
        raise _translated(error, repo_id, kind) from error
    finally:
        _in_one_sentence.depth -= 1


def _said(value: Any, length: int = 200) -> str:
    """Text from elsewhere as one printable line without tokens, with URLs reduced to their host."""
    text = value if isinstance(value, str) else str(value)
    return shorten(ADDRESS.sub(r"\1\2", SECRET.sub("...", text)), length)


@functools.singledispatch
def _translated(error: Exception, repo_id: str, kind: str) -> HubError:
    """Translates `MISUNDERSTOOD`."""
    return HubUnavailable(
        f"The Hub's response for {repo_id} does not have the form that huggingface_hub expects. Received: "
        f"{type(error).__name__}: {_said(error, 100)}. Check the network and HF_ENDPOINT, and try again later."
    )


def _saying(outcome: type[HubError], sentence: str) -> Callable[[Exception, str, str], HubError]:
    """Makes a translation from a message template, in which {said} is the text of the error."""
    return lambda error, repo_id, kind: outcome(sentence.format(repo_id=repo_id, kind=kind, said=_said(error, 300)))


_TRANSLATIONS: dict[type[Exception], Callable[[Exception, str, str], HubError]] = {
    json.JSONDecodeError: _saying(
        HubUnavailable,
        "The Hub's response for {repo_id} is not JSON. Received: something else, such as the login page of a network. "
        "Check the network and HF_ENDPOINT, and try again later.",
    ),
    UnicodeEncodeError: _saying(  # the only text of the user's that the client encodes is the header
        HubError,
        "The token for {repo_id} must be ASCII. Received: other text (not shown here). " + LOG_IN,
    ),
    httpx2.LocalProtocolError: _saying(  # its own message would show the token
        HubError,
        "The request for {repo_id} cannot be sent. Received: a token or URL with invalid characters. " + LOG_IN,
    ),
    errors.LocalTokenNotFoundError: _saying(HubError, "Writing to {repo_id} needs a token. Received: none. " + LOG_IN),
    errors.OfflineModeIsEnabled: _saying(
        HubUnavailable,
        "{repo_id} needs a request to the Hub. Received: offline mode, in which this program was started "
        "(HF_HUB_OFFLINE). Use what was downloaded before, or start it without that variable.",
    ),
    errors.RepositoryNotFoundError: _saying(
        HubError,
        "The Hub has no {kind} repository {repo_id} that you can see. Received: an unknown name, or it is private and "
        "your token does not give access. Check the name. " + LOG_IN,
    ),
    errors.GatedRepoError: _saying(
        HubError,
        "Access to {repo_id} must be granted by its owner. Received: your account has no access. Request it on its "
        "page on the Hub. " + LOG_IN,
    ),
    errors.RevisionNotFoundError: _saying(
        HubError,
        "A revision must be a branch, a tag or a commit of {repo_id}. Received: one that does not exist. "
        "See `hf repos` or its page on the Hub, or leave the revision out.",
    ),
    errors.RemoteEntryNotFoundError: _saying(
        HubError, "The requested file is not in {repo_id}. Received: no such file. Check name and revision."
    ),
    OutOfTime: _saying(
        HubUnavailable, "The Hub took too long for {repo_id}. Received: {said}. Check the network, and try again later."
    ),
    TooLarge: _saying(
        HubUnavailable,
        "The Hub's response for {repo_id} must be of a size that can be read. Received: {said}. Check the network and "
        "HF_ENDPOINT, and try again later.",
    ),
    errors.XetDownloadError: _saying(
        HubUnavailable, "The download of {repo_id} was not completed. Received: {said}. " + LATER
    ),
    ValueError: _saying(HubError, "The Hub did not accept the request for {repo_id}. Received: {said}."),
    errors.DisabledRepoError: _saying(
        HubError, "{repo_id} is not accessible. Received: the Hub has disabled it. See its page on the Hub."
    ),
}
for _error, _translation in _TRANSLATIONS.items():
    _translated.register(_error, _translation)


@_translated.register
def _(error: httpx2.HTTPError, repo_id: str, kind: str) -> HubError:
    reason = _said(error) or type(error).__name__
    return HubUnavailable(
        f"The Hub cannot be reached for {repo_id}. Received: {reason}. Check the network and try again."
    )


@_translated.register
def _(error: OSError, repo_id: str, kind: str) -> HubError:
    if error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
        return HubError(
            f"A download needs disk space and permission to write to the cache. Received: {error.strerror} for "
            f"{repo_id}. Free some space, or choose another cache with cache_dir or HF_HUB_CACHE."
        )
    reason = _said(str(error).partition(".\n")[0])
    return HubUnavailable(f"The download of {repo_id} was not completed. Received: {reason}. {LATER}")


@_translated.register
def _(error: errors.LocalEntryNotFoundError, repo_id: str, kind: str) -> HubError:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, httpx2.HTTPError | errors.OfflineModeIsEnabled):  # the Hub's own errors are HTTPErrors too
        return _translated(cause, repo_id, kind)
    return HubUnavailable(
        f"To be used without the Hub, {repo_id} must have been downloaded before. Received: nothing in the cache. "
        "Allow network access once."
    )


@_translated.register
def _(error: errors.HfHubHTTPError, repo_id: str, kind: str) -> HubError:
    status = error.response.status_code
    said = _said(error.server_message or "")
    said = f"{status}{f' ({said})' if said else ''}"
    if status in CONFLICTS:
        return Conflict(f"{repo_id} was changed by somebody else during the upload. Received: {said}. {LATER}")
    if status == 401:
        return HubError(f"The token must be valid for {repo_id}. Received: {said}. {LOG_IN}")
    if status == 402:
        return HubError(f"{repo_id} needs a payment. Received: {said}. See your account's billing page on the Hub.")
    if status == 403:
        return HubError(
            f"The token does not have the permission for this on {repo_id}. Received: {said}. Use one of an account "
            f"that has it; writing needs the type 'write'. {LOG_IN}"
        )
    if is_transient(status):
        seconds = error.response.headers.get("retry-after", "")
        later = f"Try again in {seconds} seconds." if re.fullmatch("[0-9]{1,5}", seconds) else LATER
        return HubUnavailable(f"The Hub could not answer the request for {repo_id}. Received: {said}. {later}")
    return HubError(f"The Hub rejected the request for {repo_id}. Received: {said}. Check names and permissions.")
