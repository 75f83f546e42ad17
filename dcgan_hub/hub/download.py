"""Downloads of single files with a limit of size, into the cache that all of Hugging Face's tools share.

The client trusts the server: it writes to paths made from its headers, reads on where a body is longer than announced,
and does not compare bytes with their hash. So a file is asked for before it is fetched, what the Hub says of it is
checked first, and its bytes afterwards. What this cannot hold is a server that answers the client's own question, a
moment later, otherwise than ours: like all of Hugging Face's tools we trust the server, but no author of a repository.
"""

import errno
import hashlib
import itertools
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import huggingface_hub
from huggingface_hub import HfFileMetadata, constants
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import tqdm

from dcgan_hub.errors import HubError, HubUnavailable, SettingsError, shorten
from dcgan_hub.hub.client import LATER, explained, is_transient, open_client
from dcgan_hub.hub.names import is_commit

# Seconds to wait before asking once more. The client alone would ask six times, which takes 24 s, before it says that
# the Hub does not answer.
PAUSES = (1.0, 2.0)
ATTEMPTS = 3  # where the branch goes on between being asked for and being fetched
MAX_LISTED = 1000  # files of a repository
# How the Hub identifies content: the SHA-256 of a large file, the hash that git gives to a small one.
CONTENT_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Access:
    """How the Hub may be asked."""

    token: str | bool | None = None  # see `open_client`
    cache_dir: str | os.PathLike[str] | None = None  # None: the common cache, see `HF_HUB_CACHE`
    local_files_only: bool = False  # whether to use only what was downloaded before
    force_download: bool = False  # whether to download again what is there

    def __post_init__(self) -> None:
        if self.local_files_only and self.force_download:
            raise SettingsError(
                "A file is downloaded again or taken from the cache. Received: force_download and local_files_only. "
                "Leave one out."
            )

    @property
    def cache(self) -> Path | None:
        """`cache_dir` as a path."""
        return None if self.cache_dir is None else Path(self.cache_dir)


def download_file(
    repo_id: str, name: str, revision: str | None, maximum_bytes: int, access: Access | None = None
) -> Path | None:
    """Brings one file into the cache, unless it is there; a larger one is refused before its first byte is fetched.

    A file at a commit hash that is in the cache is taken without asking the Hub; one of a branch or tag, if the Hub
    cannot be asked. One that went bad in the cache is fetched again, where the Hub can be asked.

    Returns:
        The file in its snapshot, whose folder is named by the commit; None if the repository has no such file.

    Raises:
        HubUnavailable: if the Hub cannot be asked, or has sent something else than it announced.
        HubError: if it cannot be had, or is larger.
    """
    access = access or Access()
    with explained(repo_id):
        try:
            path = _fetch(repo_id, name, revision, maximum_bytes, access)
        except RemoteEntryNotFoundError:
            return None
    _check_size(repo_id, name, path.stat().st_size, maximum_bytes)
    return path


def list_files(repo_id: str, revision: str | None, access: Access | None = None) -> list[str]:
    """Names of a repository's files, as strangers wrote them; of more than a thousand the first."""
    client = open_client((access or Access()).token)
    with explained(repo_id):
        entries = client.list_repo_tree(repo_id, recursive=True, revision=revision)
        return [entry.path for entry in itertools.islice(entries, MAX_LISTED) if isinstance(entry, RepoFile)]


def _fetch(repo_id: str, name: str, revision: str | None, maximum_bytes: int, access: Access) -> Path:
    if access.local_files_only:
        return _cached(repo_id, name, revision, access)
    if is_commit(revision) and not access.force_download and _is_cached(repo_id, name, revision, access):
        cached = _cached(repo_id, name, revision, access)
        if cached.stat().st_size > maximum_bytes or _is_whole(cached):  # too much is refused, not hashed
            return cached
    afresh = access.force_download
    for _ in range(ATTEMPTS):
        announced = _ask(repo_id, name, revision, access)
        if announced is None:
            return _cached(repo_id, name, revision, access)
        _check_announcement(repo_id, name, revision, announced)
        _check_size(repo_id, name, announced.size or 0, maximum_bytes)
        if not _is_cached(repo_id, name, announced.commit_hash, access):
            _check_room(access, announced.size or 0)
        path = huggingface_hub.hf_hub_download(
            repo_id, name, revision=revision, cache_dir=access.cache, token=access.token,
            force_download=afresh, tqdm_class=_bounded_bar(repo_id, name, maximum_bytes),
        )  # fmt: skip
        snapshot = Path(path).parents[name.count("/")]
        if snapshot.name != announced.commit_hash:
            continue
        if _has_content(Path(path), str(announced.etag)):
            return Path(path)
        Path(path).unlink()  # it would stay in the cache for good
        (snapshot.parent.parent / "blobs" / str(announced.etag)).unlink(missing_ok=True)
        if afresh:
            raise HubUnavailable(
                f"The Hub must send {shorten(name)} of {repo_id} as it was published. Received: other bytes than its "
                f"hash says, which were removed again. {LATER}"
            )
        afresh = True  # perhaps it was in the cache
    raise HubUnavailable(
        f"{shorten(revision)} of {repo_id} must stay the same for a moment. Received: new commits all the time. "
        "Try again later, or give a commit hash as revision."
    )


def _cached(repo_id: str, name: str, revision: str | None, access: Access) -> Path:
    """Raises LocalEntryNotFoundError if the file was not downloaded before; asks nobody."""
    return Path(
        huggingface_hub.hf_hub_download(
            repo_id, name, revision=revision, cache_dir=access.cache, token=False, local_files_only=True
        )
    )


def _is_cached(repo_id: str, name: str, revision: str | None, access: Access) -> bool:
    try:
        _cached(repo_id, name, revision, access)
    except LocalEntryNotFoundError:
        return False
    return True


def _ask(repo_id: str, name: str, revision: str | None, access: Access) -> HfFileMetadata | None:
    """What the Hub says of a file before it is fetched; None if it cannot be asked and the file is in the cache."""
    client = open_client(access.token)
    url = huggingface_hub.hf_hub_url(repo_id, name, revision=revision)
    pauses = list(PAUSES)
    while True:
        try:
            return client.get_hf_file_metadata(url=url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        except (RevisionNotFoundError, RemoteEntryNotFoundError):
            raise
        except (HfHubHTTPError, httpx2.TransportError, OfflineModeIsEnabled) as error:
            if not access.force_download and _is_cached(repo_id, name, revision, access):
                return None
            if not pauses or not _may_pass(error):
                raise
        time.sleep(pauses.pop(0))


def _may_pass(error: Exception) -> bool:
    """Whether asking again in a second is of use: a Hub that is busy or hung up, not one that is out of reach."""
    if isinstance(error, HfHubHTTPError):
        return is_transient(error.response.status_code)
    return isinstance(error, httpx2.ReadError | httpx2.RemoteProtocolError)


def _check_announcement(repo_id: str, name: str, revision: str | None, announced: HfFileMetadata) -> None:
    """The client makes paths from the commit and the hash, so these must be what they should be."""
    known = is_commit(announced.commit_hash) and CONTENT_HASH.fullmatch(announced.etag or "")
    if not known or (is_commit(revision) and announced.commit_hash != revision):
        raise HubUnavailable(
            f"The Hub must say which commit of {repo_id} it sends {shorten(name)} from, and the file's hash. Received: "
            "something else, such as the answer of a proxy or the log-in page of a network. Check the network and "
            "HF_ENDPOINT, and try again."
        )


def _check_room(access: Access, size: int) -> None:
    """Raises OSError if the disk is too full for a file of `size` bytes; the client would warn and try."""
    folder = (access.cache or Path(constants.HF_HUB_CACHE)).expanduser().absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if shutil.disk_usage(existing).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_whole(cached: Path) -> bool:
    """Whether a file of the cache has the bytes that the name of its blob promises; without links nobody knows."""
    content_hash = cached.readlink().name if cached.is_symlink() else ""
    return not CONTENT_HASH.fullmatch(content_hash) or _has_content(cached, content_hash)


def _has_content(path: Path, content_hash: str) -> bool:
    with path.open("rb") as stream:
        if len(content_hash) == 64:
            received = hashlib.file_digest(stream, "sha256")
        else:
            start = b"blob %d\0" % os.fstat(stream.fileno()).st_size
            received = hashlib.file_digest(stream, lambda: hashlib.sha1(start, usedforsecurity=False))
    return received.hexdigest() == content_hash


def _check_size(repo_id: str, name: str, received: int, maximum_bytes: int) -> None:
    if not 0 <= received <= maximum_bytes:
        raise HubError(
            f"{shorten(name)} in {repo_id} may have {maximum_bytes:,} bytes. Received: {received:,} or more. It is not "
            "what it claims to be; ask its author."
        )


def _bounded_bar(repo_id: str, name: str, maximum_bytes: int) -> type:
    """A progress bar that ends a download which turns out to be larger than it may be."""

    class BoundedBar(tqdm):
        received = 0

        def update(self, n: float | None = 1) -> Any:
            self.received += int(n or 0)
            _check_size(repo_id, name, self.received, maximum_bytes)
            return super().update(n)

    return BoundedBar
