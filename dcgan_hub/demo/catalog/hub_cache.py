"""Models and runs on the Hub that visitors request: downloaded anonymously, a few repositories at a time.

No token is sent, or visitors could see private repositories of the app's owner. To limit disk usage, the least recently
used repositories are removed, and rejected ones at once.
"""

import dataclasses
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from cachetools import LRUCache, TTLCache
from huggingface_hub import scan_cache_dir
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from huggingface_hub.file_download import repo_folder_name

from dcgan_hub.demo.admission import Failures, Room
from dcgan_hub.errors import DcganHubError, HubError
from dcgan_hub.hub.client import LOG_IN
from dcgan_hub.hub.download import Access
from dcgan_hub.hub.names import check_repo_id, check_revision, is_commit

MAX_REPOSITORIES = 8  # on disk at a time
MAX_COMMITS = 4  # per repository
MAX_BRANCHES = 256
BRANCH_SECONDS = 30.0  # for which the commit of a branch is cached
FETCHING_AT_ONCE = 3  # threads, of which one fetches and the others wait for it
ANONYMOUS: Any = False  # tells the client to send no token, not even that of the logged-in user

Value = TypeVar("Value")
Refusal = TypeVar("Refusal", bound=HubError)
Fetch = Callable[[str, str | None, Access], tuple[str, Value]]


class HubCache(Generic[Value]):
    """An LRU cache of the results of `fetch`, by repository and commit; evicted entries are also removed from disk."""

    def __init__(self, fetch: Fetch[Value]) -> None:
        """`fetch` takes user/name, a revision and an `Access`, and returns the commit and a value."""
        self._fetch = fetch
        self._kept: LRUCache[str, LRUCache[str, Value]] = _Kept(MAX_REPOSITORIES, self._remove)
        self._branches: TTLCache[tuple[str, str | None], str] = TTLCache(MAX_BRANCHES, BRANCH_SECONDS)
        self._lock, self._fetching = threading.Lock(), threading.Lock()
        self._room, self._failures = Room(FETCHING_AT_ONCE, "are fetching something from the Hub"), Failures()

    def open(self, repository: str, revision: str | None) -> tuple[str, Value]:
        """Returns the commit and value of user/name at a branch, tag or commit, fetching it if it is not cached.

        Raises:
            DcganHubError: as `fetch` does; HubError also if the repository is not public.
            SettingsError: for invalid names.
            Busy: if several others are fetching something.
        """
        check_repo_id(repository)
        if revision is not None:
            check_revision(revision)
        known = self._find(repository, revision)
        if known is None:
            with self._failures.remembered((repository, revision)), self._room.entered():
                with self._fetching:  # one at a time, while cached ones remain available
                    known = self._find(repository, revision) or self._fetch_anew(repository, revision)
        return known

    def _find(self, repository: str, revision: str | None) -> tuple[str, Value] | None:
        with self._lock:
            commit = revision if is_commit(revision) else self._branches.get((repository, revision))
            commits = self._kept.get(repository)
            return (commit, commits[commit]) if commit and commits and commit in commits else None

    def _fetch_anew(self, repository: str, revision: str | None) -> tuple[str, Value]:
        try:
            commit, value = self._fetch(repository, revision, Access(token=ANONYMOUS, cache_dir=self._folder))
        except DcganHubError as error:
            if repository not in self._kept:
                self._remove(repository)
            raise (for_visitors(error, repository) if isinstance(error, HubError) else error) from error
        with self._lock:
            if repository not in self._kept:
                self._kept[repository] = _Kept(MAX_COMMITS, lambda old: self._remove_commit(repository, old))
            self._kept[repository][commit] = value
            self._branches[repository, revision] = commit
        return commit, value

    @cached_property
    def _folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="dcgan-hub-visited-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)  # also runs when the process exits
        return folder

    def _remove(self, repository: str) -> None:
        shutil.rmtree(self._folder / repo_folder_name(repo_id=repository, repo_type="model"), ignore_errors=True)

    def _remove_commit(self, repository: str, commit: str) -> None:
        """Removes the files that no other commit of the repository shares."""
        cache = scan_cache_dir(self._folder)
        own = frozenset(found for found in cache.repos if found.repo_id == repository)  # others may have this commit
        dataclasses.replace(cache, repos=own).delete_revisions(commit).execute()


class _Kept(LRUCache[str, Any]):
    """An LRU cache that calls `forget` with the key of each evicted entry."""

    def __init__(self, maxsize: int, forget: Callable[[str], None]) -> None:
        super().__init__(maxsize)
        self._forget = forget

    def popitem(self) -> tuple[str, Any]:
        key, value = super().popitem()
        self._forget(key)
        return key, value


def for_visitors(error: Refusal, repo_id: str) -> Refusal:
    """Rewrites an error of the Hub's client for visitors, who cannot log in."""
    if isinstance(error.__cause__, GatedRepoError):
        text = (
            f"Visitors can only open public repositories. Received: {repo_id}, to which its owner grants access one by "
            "one. Choose another."
        )
    elif isinstance(error.__cause__, RepositoryNotFoundError):
        text = (
            f"The Hub has no model repository {repo_id} that is public. Received: an unknown name, or a private "
            "repository, which visitors cannot see. Check the name."
        )
    else:
        text = str(error).replace(f" {LOG_IN}", "")
    return type(error)(text)
