"""Models and runs on the Hub that visitors request, by repository and commit.

No token is sent, or visitors could see private repositories of the app's owner. `HubStore` limits what is on disk.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar, cast

from cachetools import TTLCache
from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError

from dcgan_hub.demo.admission import Failures
from dcgan_hub.demo.catalog.hub_store import HubStore
from dcgan_hub.errors import HubError
from dcgan_hub.hub.client import LOG_IN
from dcgan_hub.hub.download import Access, download_file
from dcgan_hub.hub.names import check_repo_id, check_revision, is_commit

MAX_BRANCHES = 256
BRANCH_SECONDS = 30.0  # for which the commit of a branch is cached

Value = TypeVar("Value")
Refusal = TypeVar("Refusal", bound=HubError)
Fetch = Callable[[str, str | None, Access], tuple[str, Value]]


class HubCache(Generic[Value]):
    """A cache of the results of `fetch`, by repository and commit."""

    def __init__(self, store: HubStore, fetch: Fetch[Value]) -> None:
        """Takes the store of all caches.

        `fetch` takes user/name, a revision and an `Access`, and returns the commit and a value.
        """
        self._store, self._fetch = store, fetch
        self._branches: TTLCache[tuple[str, str | None], str] = TTLCache(MAX_BRANCHES, BRANCH_SECONDS)
        self._lock, self._failures = threading.Lock(), Failures()

    def open(self, repository: str, revision: str | None) -> tuple[str, Value]:
        """Returns the commit and value of user/name at a branch, tag or commit, fetching it if it is not cached.

        Raises:
            DcganHubError: as `fetch` does; HubError also if the repository is not public; see also `HubStore.fetch`.
            SettingsError: for invalid names.
        """
        check_repo_id(repository)
        if revision is not None:
            check_revision(revision)
        known = self._find(repository, revision)
        if known is None:
            with self._failures.remembered((repository, revision)):
                known = self._fetch_anew(repository, revision)
        return known

    def fetch_file(self, repository: str, commit: str, name: str, maximum_bytes: int) -> Path | None:
        """Downloads one more file of a cached commit, unless it is there; raises like `open`.

        Returns:
            The file; None if the repository has none of this name.
        """

        def download(access: Access) -> Path | None:
            return download_file(repository, name, commit, maximum_bytes, access)

        try:
            return cast(Path | None, self._store.add(self._key(repository, commit), name, download))
        except HubError as error:
            raise for_visitors(error, repository) from error

    def _key(self, repository: str, commit: str) -> tuple[int, str, str]:
        return id(self), repository, commit

    def _find(self, repository: str, revision: str | None) -> tuple[str, Value] | None:
        with self._lock:
            commit = revision if is_commit(revision) else self._branches.get((repository, revision))
        value = self._store.find(self._key(repository, commit)) if commit else None
        return (commit, value) if commit and value is not None else None

    def _fetch_anew(self, repository: str, revision: str | None) -> tuple[str, Value]:
        def download(access: Access) -> tuple[tuple[int, str, str], Value]:
            commit, value = self._fetch(repository, revision, access)
            return self._key(repository, commit), value

        try:
            key, value = self._store.fetch((id(self), repository, revision), download)
        except HubError as error:
            raise for_visitors(error, repository) from error
        commit = cast(tuple[int, str, str], key)[2]
        with self._lock:
            self._branches[repository, revision] = commit
        return commit, value


def for_visitors(error: Refusal, repo_id: str) -> Refusal:
    """Rewrites an error of the Hub's client for visitors, who can neither log in nor start the app anew."""
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
    elif isinstance(error.__cause__, OfflineModeIsEnabled):
        text = (
            f"This app works offline and opens nothing from the Hub. Received: {repo_id}. Choose what is listed here."
        )
    else:
        text = str(error).replace(f" {LOG_IN}", "")
    return type(error)(text)
