"""Size-limited downloads of single files, into the cache that all of Hugging Face's tools share.

The client trusts the server: it writes to paths made from response headers, accepts bodies that are longer than
announced, and does not verify hashes. So we request a file's metadata first and check them, and check the content after
the download. This does not stop a server that answers the client's own metadata request, a moment later, differently
from ours: like all of Hugging Face's tools we trust the server, but not the authors of repositories.
"""

import errno
import hashlib
import itertools
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
from dcgan_hub.hub.limits import limited, seconds_for
from dcgan_hub.hub.names import is_commit

# Seconds to wait before each retry. By default the client itself makes six attempts, so that an error takes 24 s.
PAUSES = (1.0, 2.0)
ATTEMPTS = 3  # if the branch moves between the metadata request and the download
MAX_LISTED = 1000  # files of a repository
MARGIN_BYTES = 1_000_000  # of an answer that is an error and not the file
# How the Hub identifies content: the SHA-256 of a large file, the git hash of a small one.
CONTENT_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Access:
    """How files are requested from the Hub."""

    token: str | bool | None = None  # see `open_client`
    cache_dir: str | os.PathLike[str] | None = None  # None: the shared cache, see `HF_HUB_CACHE`
    local_files_only: bool = False  # whether to use only files that are already in the cache
    force_download: bool = False  # whether to download files even if they are in the cache
    # Called with the bytes of each file before its download, which does not start if it raises.
    # Then no file may be larger than announced; without it one may, since a branch can go on between two requests.
    reserve: Callable[[int], None] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.local_files_only and self.force_download:
            raise SettingsError(
                "force_download and local_files_only exclude each other. Received: both. Leave one out."
            )

    @property
    def cache(self) -> Path | None:
        """`cache_dir` as a path."""
        return None if self.cache_dir is None else Path(self.cache_dir)


def download_file(
    repo_id: str, name: str, revision: str | None, maximum_bytes: int, access: Access | None = None
) -> Path | None:
    """Downloads one file to the cache unless it is there; too large a file is rejected before its download starts.

    A cached file of a commit hash is used without contacting the Hub; one of a branch or tag is used if the Hub cannot
    be reached. A file that was corrupted in the cache is downloaded again if the Hub can be reached.

    Returns:
        The file in its snapshot, whose folder is named by the commit; None if the repository has no such file.

    Raises:
        HubUnavailable: if the Hub cannot be reached, or sent other content than it announced.
        HubError: if the file cannot be downloaded, or is larger than `maximum_bytes`.
    """
    access = access or Access()
    with explained(repo_id, seconds=seconds_for(maximum_bytes)):
        try:
            path = _fetch(repo_id, name, revision, maximum_bytes, access)
        except RemoteEntryNotFoundError:
            return None
    _check_size(repo_id, name, path.stat().st_size, maximum_bytes)
    return path


def list_files(repo_id: str, revision: str | None, access: Access | None = None) -> list[str]:
    """File names of a repository, which are untrusted; at most the first thousand."""
    client = open_client((access or Access()).token)
    with explained(repo_id):
        entries = client.list_repo_tree(repo_id, recursive=True, revision=revision)
        return [entry.path for entry in itertools.islice(entries, MAX_LISTED) if isinstance(entry, RepoFile)]


def _fetch(repo_id: str, name: str, revision: str | None, maximum_bytes: int, access: Access) -> Path:
    if access.local_files_only:
        return _cached(repo_id, name, revision, access)
    if is_commit(revision) and not access.force_download and _is_cached(repo_id, name, revision, access):
        cached = _cached(repo_id, name, revision, access)
        if cached.stat().st_size > maximum_bytes or _is_whole(cached):  # too large a file is rejected by the caller
            return cached
    afresh = access.force_download
    for _ in range(ATTEMPTS):
        announced = _ask(repo_id, name, revision, access)
        if announced is None:
            return _cached(repo_id, name, revision, access)
        _check_announcement(repo_id, name, revision, announced)
        _check_size(repo_id, name, announced.size or 0, maximum_bytes)
        size = maximum_bytes if announced.size is None else announced.size
        if not _is_cached(repo_id, name, announced.commit_hash, access):
            _check_room(access, size)
            if access.reserve is not None:
                access.reserve(size)
        most = maximum_bytes if access.reserve is None else size
        with limited(seconds_for(most), answer_bytes=most + MARGIN_BYTES):
            path = huggingface_hub.hf_hub_download(
                repo_id, name, revision=revision, cache_dir=access.cache, token=access.token,
                force_download=afresh, tqdm_class=_bounded_bar(repo_id, name, most),
            )  # fmt: skip
        snapshot = Path(path).parents[name.count("/")]
        if snapshot.name != announced.commit_hash:
            continue
        if _has_content(Path(path), str(announced.etag)):
            return Path(path)
        Path(path).unlink()  # otherwise it would stay in the cache forever
        (snapshot.parent.parent / "blobs" / str(announced.etag)).unlink(missing_ok=True)
        if afresh:
            raise HubUnavailable(
                f"The Hub sent {shorten(name)} of {repo_id} with wrong content. Received: bytes that do not match its "
                f"hash; they were deleted. {LATER}"
            )
        afresh = True  # the wrong bytes may have come from the cache
    raise HubUnavailable(
        f"{shorten(revision)} of {repo_id} changes too often to be downloaded. Received: a new commit in every "
        "attempt. Try again later, or give a commit hash as revision."
    )


def _cached(repo_id: str, name: str, revision: str | None, access: Access) -> Path:
    """Returns a cached file, without contacting the Hub; raises LocalEntryNotFoundError if it is not in the cache."""
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
    """The file's metadata on the Hub; None if the Hub cannot be reached and the file is in the cache."""
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
    """Whether a retry after a second is useful: if the Hub is busy or closed the connection, not if unreachable."""
    if isinstance(error, HfHubHTTPError):
        return is_transient(error.response.status_code)
    return isinstance(error, httpx2.ReadError | httpx2.RemoteProtocolError)


def _check_announcement(repo_id: str, name: str, revision: str | None, announced: HfFileMetadata) -> None:
    """Validates the commit and the hash, since the client makes paths from them."""
    known = is_commit(announced.commit_hash) and CONTENT_HASH.fullmatch(announced.etag or "")
    if not known or (is_commit(revision) and announced.commit_hash != revision):
        raise HubUnavailable(
            f"The Hub's response must contain the commit of {repo_id} and the hash of {shorten(name)}. Received: "
            "something else, such as the response of a proxy or the login page of a network. Check the network and "
            "HF_ENDPOINT, and try again."
        )


def _check_room(access: Access, size: int) -> None:
    """Raises OSError if the disk has no room for a file of `size` bytes; the client would only warn."""
    folder = (access.cache or Path(constants.HF_HUB_CACHE)).expanduser().absolute()
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if shutil.disk_usage(existing).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _is_whole(cached: Path) -> bool:
    """Whether the content of a cached file matches the hash in its blob's name; True if that is unknown (no link)."""
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
            f"{shorten(name)} in {repo_id} may have at most {maximum_bytes:,} bytes. Received: {received:,} or more. "
            "It is not what it claims to be; ask its author."
        )


def _bounded_bar(repo_id: str, name: str, maximum_bytes: int) -> type:
    """A progress bar that aborts a download when it exceeds `maximum_bytes`."""

    class BoundedBar(tqdm):
        received = 0

        def update(self, n: float | None = 1) -> Any:
            self.received += int(n or 0)
            _check_size(repo_id, name, self.received, maximum_bytes)
            return super().update(n)

    return BoundedBar
