"""Runs whose record is in a model repository on the Hub; see docs/model-repository.md.

A record is read at one commit; its sheets are downloaded when they are shown.
"""

import re
from collections.abc import Callable
from pathlib import Path

from dcgan_hub.bundle.format import FACTS_FILE
from dcgan_hub.errors import RunError
from dcgan_hub.hub.download import Access, download_file, list_files
from dcgan_hub.hub.names import SCHEME
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
MAX_SHEETS = 200  # a push uploads at most 100
COMMIT_DIGITS = 8  # of a commit hash, for display


# Downloads one more file of a commit that was read: user/name, commit, name and maximum bytes of the file.
FetchFile = Callable[[str, str, str, int], Path | None]


def read_hub_run(repo_id: str, revision: str | None, access: Access, fetch_file: FetchFile) -> tuple[str, Run]:
    """Downloads the record of a run; returns its commit and the run, whose sheets are downloaded by `fetch_file`.

    Raises:
        RunError: if the repository has no record, or it is damaged.
        HubError: if it cannot be downloaded.
    """
    record_file = download_file(repo_id, RECORD_NAME, revision, MAX_RECORD_BYTES, access)
    if record_file is None:
        raise RunError(
            f"A run on the Hub must have its record in {RECORD_NAME}. Received: the repository {repo_id} without it. "
            "Its owner can add it with `dcgan-hub push` of the run directory."
        )
    reader = Reader(record_file.parent, follow_links=True)  # files of the Hub's cache are links
    record = read_record(reader, record_file)  # before more is downloaded
    commit = record_file.parent.parent.name  # all files come from this commit, even if the branch moves meanwhile
    names = list_files(repo_id, commit, access)
    sheets = {int(match[2]): name for name in names if (match := SHEET_NAME.fullmatch(name))}
    chosen = {step: sheets[step] for step in evenly(sorted(sheets), MAX_SHEETS)}
    metrics_file = download_file(repo_id, METRICS_NAME, commit, MAX_METRICS_BYTES, access)
    model = f"{repo_id}@{commit}"
    run = Run(
        name=f"{SCHEME}{model}",
        title=f"{repo_id} @ {commit[:COMMIT_DIGITS]}",
        record=record,
        metrics=read_metrics(reader, metrics_file) if metrics_file else Metrics(),
        steps=tuple(chosen),
        read_sheet=lambda step: _read_sheet(repo_id, chosen[step], commit, fetch_file),
        model=model if FACTS_FILE in names else None,
    )
    return commit, run


def _read_sheet(repo_id: str, name: str, commit: str, fetch_file: FetchFile) -> bytes:
    path = fetch_file(repo_id, commit, name, MAX_SHEET_BYTES)
    if path is None:
        raise RunError(f"{name} is no longer in its repository. Received: {repo_id} without it. Open the run again.")
    return Reader(path.parent, follow_links=True).read(path, MAX_SHEET_BYTES)
