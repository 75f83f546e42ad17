"""The client of the Hub, and its complaints in words that say what to do.

A token is found by the client itself (argument, `HF_TOKEN`, `hf auth login`); it goes into requests and nowhere else.
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

LOG_IN = "Log in with `hf auth login`, or set HF_TOKEN; tokens are made at huggingface.co/settings/tokens."
LATER = "Try again later."
CONFLICTS = (409, 412)
TRANSIENT_STATUS = (408, 425, 429)  # and everything from 500 on
TOKEN = re.compile(r"[!-~]+")  # what a header can carry; the Hub's own are hf_ and letters
SECRET = re.compile(r"hf_\w+|(?<=Bearer )\S+", re.IGNORECASE)
ADDRESS = re.compile(r"(https?://)(?:[^\s/@]*@)?([^\s/?#'\"]+)[^\s'\"]*")
# What the client raises where an answer is not of the form that it takes for granted.
MISUNDERSTOOD = (AttributeError, LookupError, TypeError, httpx2.InvalidURL)


class Conflict(HubUnavailable):
    """The repository changed while it was being written; with a fresh look it will work."""


def open_client(token: str | bool | None = None) -> huggingface_hub.HfApi:
    """A client for the Hub that `HF_ENDPOINT` names; raises SettingsError for text that can be no token.

    Without a token it is the one the user is logged in with, if any; with True that one must be there; with False it is
    none.
    """
    if isinstance(token, str) and not TOKEN.fullmatch(token):
        raise SettingsError(
            "A token is one word of ASCII letters, digits and signs. Received: another text, which is not shown here. "
            f"{LOG_IN}"
        )
    return huggingface_hub.HfApi(token=token, library_name="dcgan-hub")


def is_transient(status: int) -> bool:
    """Whether a request that was answered with this HTTP status may be answered better later."""
    return status in TRANSIENT_STATUS or status >= 500


class _InOneSentence(threading.local):
    """How many `explained` this thread is in."""

    depth = 0


_in_one_sentence = _InOneSentence()


def _is_wanted(record: logging.LogRecord) -> bool:
    """Whether the client's log line is to be shown: not beside the sentence that says the same.

    Its warnings hold whole addresses, and what a server wrote as it wrote it, control codes included. Whoever asked the
    client to say more (HF_HUB_VERBOSITY) hears all.
    """
    chatty = logging.getLogger("huggingface_hub").level < logging.WARNING
    return chatty or record.levelno != logging.WARNING or not _in_one_sentence.depth


for _handler in logging.getLogger("huggingface_hub").handlers:
    _handler.addFilter(_is_wanted)


@contextmanager
def explained(repo_id: str, kind: str = "model") -> Iterator[None]:
    """Turns what the client complains of into one sentence about a model, dataset or space; its warnings are not shown.

    Raises:
        HubUnavailable: for what may work later.
        HubError: for what will not.
    """
    _in_one_sentence.depth += 1
    try:
        yield
    except DcganHubError:
        raise
    except (OSError, ValueError, httpx2.HTTPError, errors.XetDownloadError, *MISUNDERSTOOD) as error:
        raise _translated(error, repo_id, kind) from error
    finally:
        _in_one_sentence.depth -= 1


def _said(value: Any, length: int = 200) -> str:
    """What somebody else said, as one printable line without tokens, and with no more of an address than its host."""
    text = value if isinstance(value, str) else str(value)
    return shorten(ADDRESS.sub(r"\1\2", SECRET.sub("...", text)), length)


@functools.singledispatch
def _translated(error: Exception, repo_id: str, kind: str) -> HubError:
    """One of `MISUNDERSTOOD`."""
    return HubUnavailable(
        f"The Hub must answer in the form that huggingface_hub expects for {repo_id}. Received: another one "
        f"({type(error).__name__}: {_said(error, 100)}). Check the network and HF_ENDPOINT, and try again later."
    )


def _saying(outcome: type[HubError], sentence: str) -> Callable[[Exception, str, str], HubError]:
    """A translation by the kind of error, with what the error says where the sentence has room for it."""
    return lambda error, repo_id, kind: outcome(sentence.format(repo_id=repo_id, kind=kind, said=_said(error, 300)))


_TRANSLATIONS: dict[type[Exception], Callable[[Exception, str, str], HubError]] = {
    json.JSONDecodeError: _saying(
        HubUnavailable,
        "The Hub must answer with JSON for {repo_id}. Received: something else, such as the log-in page of a network. "
        "Check the network and HF_ENDPOINT, and try again later.",
    ),
    UnicodeEncodeError: _saying(  # the client writes nothing but headers from texts of the user's
        HubError,
        "The token for {repo_id} must be ASCII. Received: another text, which is not shown here. " + LOG_IN,
    ),
    httpx2.LocalProtocolError: _saying(  # its own words would show the token
        HubError,
        "What is sent for {repo_id} must fit into a request. Received: a token or an address that does not. " + LOG_IN,
    ),
    errors.LocalTokenNotFoundError: _saying(HubError, "Writing to {repo_id} needs a token. Received: none. " + LOG_IN),
    errors.OfflineModeIsEnabled: _saying(
        HubUnavailable,
        "The Hub must be asked for {repo_id}. Received: offline mode (HF_HUB_OFFLINE). Unset it, or use what was "
        "downloaded before.",
    ),
    errors.RepositoryNotFoundError: _saying(
        HubError,
        "The Hub must have a {kind} repository {repo_id} that you may see. Received: none of this name, or it is "
        "private and your token does not open it. Check the name. " + LOG_IN,
    ),
    errors.GatedRepoError: _saying(
        HubError,
        "Access to {repo_id} must be granted by its owner. Received: your account has not been let in. Ask for access "
        "on its page on the Hub. " + LOG_IN,
    ),
    errors.RevisionNotFoundError: _saying(
        HubError,
        "A revision must be a branch, a tag or a commit of {repo_id}. Received: one that it does not have. "
        "See `hf repos` or its page on the Hub, or leave the revision out.",
    ),
    errors.RemoteEntryNotFoundError: _saying(
        HubError, "{repo_id} must hold the file that is asked for. Received: it does not. Check name and revision."
    ),
    errors.XetDownloadError: _saying(HubUnavailable, "The Hub must send {repo_id} whole. Received: {said}. " + LATER),
    ValueError: _saying(HubError, "The Hub must accept what is sent to {repo_id}. Received: {said}."),
    errors.DisabledRepoError: _saying(
        HubError, "{repo_id} must be open. Received: the Hub has closed it. See its page on the Hub."
    ),
}
for _error, _translation in _TRANSLATIONS.items():
    _translated.register(_error, _translation)


@_translated.register
def _(error: httpx2.HTTPError, repo_id: str, kind: str) -> HubError:
    reason = _said(error) or type(error).__name__
    return HubUnavailable(
        f"The Hub must be within reach for {repo_id}. Received: {reason}. Check the network and try again."
    )


@_translated.register
def _(error: OSError, repo_id: str, kind: str) -> HubError:
    if error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
        return HubError(
            f"A download needs room and the right to write in the cache. Received: {error.strerror} for {repo_id}. "
            "Make room, or name another cache with cache_dir or HF_HUB_CACHE."
        )
    reason = _said(str(error).partition(".\n")[0])
    return HubUnavailable(f"The Hub must send {repo_id} whole. Received: {reason}. {LATER}")


@_translated.register
def _(error: errors.LocalEntryNotFoundError, repo_id: str, kind: str) -> HubError:
    cause = error.__cause__ or error.__context__
    if isinstance(cause, httpx2.HTTPError | errors.OfflineModeIsEnabled):  # the Hub's own errors are HTTPErrors too
        return _translated(cause, repo_id, kind)
    return HubUnavailable(
        f"Without asking the Hub, {repo_id} must have been downloaded before. Received: nothing in the cache. "
        "Allow the network once."
    )


@_translated.register
def _(error: errors.HfHubHTTPError, repo_id: str, kind: str) -> HubError:
    status = error.response.status_code
    said = _said(error.server_message or "")
    said = f"{status}{f' ({said})' if said else ''}"
    if status in CONFLICTS:
        return Conflict(f"{repo_id} must stay as it is while it is written to. Received: {said}. {LATER}")
    if status == 401:
        return HubError(f"The token must be valid for {repo_id}. Received: {said}. {LOG_IN}")
    if status == 402:
        return HubError(f"The account must have paid for {repo_id}. Received: {said}. See its billing on the Hub.")
    if status == 403:
        return HubError(
            f"The token must have the right to do this to {repo_id}. Received: {said}. Use one of an account that has "
            f"it; writing needs the kind 'write'. {LOG_IN}"
        )
    if is_transient(status):
        seconds = error.response.headers.get("retry-after", "")
        later = f"Try again in {seconds} seconds." if re.fullmatch("[0-9]{1,5}", seconds) else LATER
        return HubUnavailable(f"The Hub must answer for {repo_id}. Received: {said}. {later}")
    return HubError(f"The Hub must accept what is asked of {repo_id}. Received: {said}. Check names and rights.")
