"""Generators of the Hub that visitors ask for: fetched as anybody may see them, few at a time.

A visitor who could use our token would see what is private to whoever runs the app, so none is sent. Nor may visitors
fill the disk: large networks are refused before their weights are fetched, and the oldest repository makes room.
"""

import shutil
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any, TypeVar

from dcgan_hub.bundle.format import FACTS_FILE, MAX_FACTS_BYTES, read_facts
from dcgan_hub.bundle.source import fetch_bundle
from dcgan_hub.errors import BundleError, HubError
from dcgan_hub.hub.names import SCHEME, check_repo_id, check_revision, is_commit

MAX_REPOSITORIES = 8  # on disk at a time
MAX_PARAMETERS = 30_000_000  # 120 MB of weights
BRANCH_SECONDS = 60  # for so long a branch is taken to be where it was
ANONYMOUS: Any = False  # to the client: send no token, not even the one that the user is logged in with
Refusal = TypeVar("Refusal", bound=HubError)


class VisitedModels:
    """Bundles of the Hub by user/name@commit."""

    def __init__(self) -> None:
        """Asks for nothing yet; the folder is removed when the process ends."""
        self._folder: str | None = None
        self._bundles: OrderedDict[str, Path] = OrderedDict()
        self._branches: dict[tuple[str, str | None], tuple[float, str]] = {}
        self._lock, self._fetching = threading.Lock(), threading.Lock()

    def open(self, repository: str, revision: str | None) -> tuple[str, Path]:
        """Finds a generator and fetches what is missing of it.

        Args:
            repository: user/name.
            revision: branch, tag or commit hash; None: main.

        Returns:
            Its name, user/name@commit, and its bundle.

        Raises:
            BundleError: if it is no generator, or a large one.
            HubError: if the Hub does not have it, or does not show it to everybody.
            SettingsError: for names that cannot be.
        """
        check_repo_id(repository)
        if revision is not None:
            check_revision(revision)
        known = self._find(repository, revision)
        if known is None:
            with self._fetching:  # one at a time, while those that are here can be used
                known = self._find(repository, revision)
                if known is None:
                    known = self._keep(repository, revision, self._fetch(repository, revision))
        return known

    def _find(self, repository: str, revision: str | None) -> tuple[str, Path] | None:
        with self._lock:
            asked_at, name = self._branches.get((repository, revision), (0.0, ""))
            if is_commit(revision):
                name = f"{repository}@{revision}"
            elif time.monotonic() - asked_at > BRANCH_SECONDS:
                return None
            if name not in self._bundles:
                return None
            self._bundles.move_to_end(name)
            return name, self._bundles[name]

    def _keep(self, repository: str, revision: str | None, bundle: Path) -> tuple[str, Path]:
        with self._lock:
            name = f"{repository}@{bundle.name}"
            self._bundles[name] = bundle
            self._bundles.move_to_end(name)
            self._branches[repository, revision] = (time.monotonic(), name)
            self._make_room()
            return name, bundle

    def _fetch(self, repository: str, revision: str | None) -> Path:
        from dcgan_hub.hub.download import Access, download_file

        cache = self._cache_folder()
        try:
            access = Access(token=ANONYMOUS, cache_dir=cache)
            facts_file = download_file(repository, FACTS_FILE, revision, MAX_FACTS_BYTES, access)
            commit = facts_file.parent.name if facts_file else revision
            if facts_file:
                _check_size(repository, read_facts(facts_file).network.generator_parameters)
            return fetch_bundle(f"{SCHEME}{repository}", commit, token=ANONYMOUS, cache_dir=cache)[1]
        except HubError as error:
            raise for_visitors(error, repository) from error

    def _cache_folder(self) -> str:
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="dcgan-hub-visited-")
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    def _make_room(self) -> None:
        """Removes the repositories that were not opened for the longest."""
        repositories = list(dict.fromkeys(name.partition("@")[0] for name in reversed(self._bundles)))
        for repository in repositories[MAX_REPOSITORIES:]:
            for name in [name for name in self._bundles if name.startswith(f"{repository}@")]:
                # <cache>/models--user--name/snapshots/<commit>
                shutil.rmtree(self._bundles.pop(name).parent.parent, ignore_errors=True)
        self._branches = {key: value for key, value in self._branches.items() if value[1] in self._bundles}


def _check_size(repository: str, parameters: int) -> None:
    if parameters > MAX_PARAMETERS:
        raise BundleError(
            f"Visitors may open generators of up to {MAX_PARAMETERS:,} parameters. Received: {repository} with "
            f"{parameters:,}. Choose a smaller one."
        )


def for_visitors(error: Refusal, repo_id: str) -> Refusal:
    """The same kind of error, saying what a visitor can do about it.

    Args:
        error: as our client of the Hub explains it to those who can log in.
        repo_id: the repository that was asked for.
    """
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    from dcgan_hub.hub.client import LOG_IN

    if isinstance(error.__cause__, GatedRepoError):
        text = (
            f"Visitors see what is open to everybody. Received: {repo_id}, whose owner lets people in one by "
            "one. Choose another."
        )
    elif isinstance(error.__cause__, RepositoryNotFoundError):
        text = (
            f"The Hub must have a model repository {repo_id} that is public. Received: none of this name, or a private "
            "one, which visitors do not see. Check the name."
        )
    else:
        text = str(error).replace(f" {LOG_IN}", "")
    return type(error)(text)
