"""Runs whose record lies in a model repository on the Hub; see docs/model-repository.md.

A record is read at one commit. What a visitor opens is asked for without the server's token, so that nobody sees
through the app what only its owner may see; and it is kept in a folder of bounded content that goes away with the app.
"""

import re
import shutil
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any

from dcgan_hub.bundle.format import FACTS_FILE
from dcgan_hub.demo.catalog.hub_cache import for_visitors
from dcgan_hub.errors import HubError, RunError
from dcgan_hub.hub.download import Access, download_file, list_files
from dcgan_hub.hub.names import SCHEME, is_commit, parse_model
from dcgan_hub.runs.directory import METRICS_FILE, PUBLISHED_FOLDER, RECORD_FILE
from dcgan_hub.runs.snapshot import Run
from dcgan_hub.runs.untrusted import (
    MAX_METRICS_BYTES,
    MAX_RECORD_BYTES,
    MAX_SHEET_BYTES,
    Metrics,
    Reader,
    evenly,
    read_metrics,
    read_record,
)

RECORD_NAME, METRICS_NAME = f"{PUBLISHED_FOLDER}/{RECORD_FILE}", f"{PUBLISHED_FOLDER}/{METRICS_FILE}"
SHEET_NAME = re.compile(rf"{PUBLISHED_FOLDER}/samples/(step-(\d{{8}})\.png)")
MAX_SHEETS = 200  # a push leaves at most 100
COMMIT_DIGITS = 8  # of a hash, for people
MAX_REPOSITORIES = 8  # on disk at a time; one may have 200 sheets of a megabyte
MAX_COMMITS = 4  # of one repository
BRANCH_SECONDS = 30.0  # for so long a branch is taken to be where it was
ANONYMOUS: Any = False  # to the client: send no token, not even the one that the user is logged in with


class HubRuns:
    """Records of runs that were opened by id, those of the last few repositories kept."""

    def __init__(self) -> None:
        """Asks nothing of the Hub yet; the folder is removed when the process ends."""
        self._folder: Path | None = None
        self._kept: OrderedDict[str, tuple[float, Run]] = OrderedDict()
        self._lock, self._fetching = threading.Lock(), threading.Lock()

    def open(self, name: str) -> Run:
        """Reads the record of hf://user/name[@revision]; its sheets are fetched when they are looked at.

        Raises:
            RunError: if the repository holds no record, or it is damaged.
            HubError: if it cannot be had.
            SettingsError: if the name is none.
        """
        repo_id, revision = parse_model(name)
        known = self._find(name, is_commit(revision))
        if known is None:
            with self._fetching:  # one at a time, while those that are here can be used
                known = self._find(name, is_commit(revision)) or self._keep(name, self._fetch(repo_id, revision))
        return known

    def _find(self, name: str, is_pinned: bool) -> Run | None:
        with self._lock:
            fetched, run = self._kept.get(name, (0.0, None))
            if run is None or not (is_pinned or time.monotonic() - fetched < BRANCH_SECONDS):
                return None
            self._kept.move_to_end(name)
            self._kept.move_to_end(run.name)
            return run

    def _keep(self, name: str, run: Run) -> Run:
        """Keeps a record, by the name that was asked for and by that with its commit, and makes room for it."""
        with self._lock:
            repository = parse_model(name)[0]
            commits = {kept.name for known, (_, kept) in self._kept.items() if parse_model(known)[0] == repository}
            if len(commits - {run.name}) >= MAX_COMMITS:
                self._forget(repository)
            for known in (name, run.name):
                self._kept[known] = (time.monotonic(), run)
                self._kept.move_to_end(known)
            repositories = list(dict.fromkeys(parse_model(known)[0] for known in reversed(self._kept)))
            for other in repositories[MAX_REPOSITORIES:]:
                self._forget(other)
            return run

    def _forget(self, repository: str) -> None:
        for known in [known for known in self._kept if parse_model(known)[0] == repository]:
            del self._kept[known]
        if self._folder is not None:
            shutil.rmtree(self._folder / f"models--{repository.replace('/', '--')}", ignore_errors=True)

    def _access(self) -> Access:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="dcgan-hub-records-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)  # also when the process ends
        return Access(token=ANONYMOUS, cache_dir=self._folder)

    def _fetch(self, repo_id: str, revision: str | None) -> Run:
        access = self._access()
        try:
            return _read_record(repo_id, revision, access)
        except HubError as error:
            raise for_visitors(error, repo_id) from error


def _read_record(repo_id: str, revision: str | None, access: Access) -> Run:
    record_file = download_file(repo_id, RECORD_NAME, revision, MAX_RECORD_BYTES, access)
    if record_file is None:
        raise RunError(
            f"A run on the Hub has its record in {RECORD_NAME}. Received: the repository {repo_id} without it. Its "
            "owner can add it: `dcgan-hub push` on the run's folder."
        )
    commit = record_file.parent.parent.name  # all files are of this one, whatever happens to the branch meanwhile
    names = list_files(repo_id, commit, access)
    sheets = {int(match[2]): name for name in names if (match := SHEET_NAME.fullmatch(name))}
    chosen = {step: sheets[step] for step in evenly(sorted(sheets), MAX_SHEETS)}
    reader = Reader(record_file.parent, follow_links=True)  # files of the Hub's cache are links
    metrics_file = download_file(repo_id, METRICS_NAME, commit, MAX_METRICS_BYTES, access)
    model = f"{repo_id}@{commit}"
    return Run(
        name=f"{SCHEME}{model}",
        title=f"{repo_id} @ {commit[:COMMIT_DIGITS]}",
        record=read_record(reader, record_file),
        metrics=read_metrics(reader, metrics_file) if metrics_file else Metrics(),
        steps=tuple(chosen),
        read_sheet=lambda step: _fetch_sheet(repo_id, chosen[step], commit, access),
        model=model if FACTS_FILE in names else None,
    )


def _fetch_sheet(repo_id: str, name: str, commit: str, access: Access) -> bytes:
    path = download_file(repo_id, name, commit, MAX_SHEET_BYTES, access)
    if path is None:
        raise RunError(f"A sheet must still be in its repository. Received: {repo_id} without {name}. Open it again.")
    return Reader(path.parent, follow_links=True).read(path, MAX_SHEET_BYTES)
