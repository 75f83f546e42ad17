"""Publishes the state of a run on a branch of its repository, so that another machine can resume it exactly.

The branch has the layout of the run directory: `run.json`, metrics, sample sheets and the newest checkpoint; and the
mark of `checkpoint_branch`. It is untrusted when fetched: names, sizes and contents are checked before the run
directory is created.
"""

import re
import shutil
import tempfile
from pathlib import Path

from safetensors import SafetensorError

from dcgan_hub.atomic_files import TEMPORARY_PREFIX, flush_to_disk, set_mode, write_json
from dcgan_hub.bundle.format import FACTS_FILE, read_facts
from dcgan_hub.errors import HubError, RunError, SettingsError, shorten
from dcgan_hub.hub.client import Conflict
from dcgan_hub.hub.download import Access, download_file
from dcgan_hub.hub.upload import Commit, Contents, commit_folder, read_contents, squash_branch
from dcgan_hub.publishing.checkpoint_branch import BRANCH, claim_branch
from dcgan_hub.publishing.repository import chosen_steps, place, public_record
from dcgan_hub.runs.checkpoint_files import check_checkpoint
from dcgan_hub.runs.directory import RECORD_FILE, RunDirectory, checkpoint_folders, read_record, step_number
from dcgan_hub.settings import Settings

ATTEMPTS = 3
# Files that are pushed to the branch and fetched from it; all others are ignored.
RUN_FILES = re.compile(
    r"run\.json|metrics\.jsonl|samples/step-\d{8}\.png|checkpoints/step-\d{8}/(?:state\.safetensors|checkpoint\.json)"
)
MAX_BYTES = {".json": 10**6, ".jsonl": 10**8, ".png": 10**8, ".safetensors": 4 * 10**9}
MAX_TOTAL_BYTES = 8 * 10**9
MAX_FILES = 1000


def lay_out_checkpoint(folder: Path, run: RunDirectory) -> None:
    """Fills a new folder with the files needed to resume from the newest checkpoint.

    Of the sample sheets it includes those that are also in the model repository. Raises RunError if there is no
    checkpoint.
    """
    newest = next(iter(checkpoint_folders(run.checkpoints)), None)
    if newest is None:
        raise RunError(f"A checkpoint must exist to be pushed. Received: '{run.path}' without one. Train for longer.")
    folder.mkdir()
    facts = read_facts(run.generator / FACTS_FILE)
    write_json(folder / RECORD_FILE, public_record(run.read_record(), facts))
    place(run.metrics_file, folder / run.metrics_file.name, run.path, grows=True)
    sheets = {step_number(path): path for path in run.sample_files()}
    for path in (*(sheets[step] for step in chosen_steps(sheets)), *newest.iterdir()):
        place(path, folder / path.relative_to(run.path), run.path)


def publish_checkpoint(folder: Path, repo_id: str, branch: str = BRANCH, token: str | None = None) -> Commit:
    """Replaces the run on the branch, and squashes its history, since old checkpoints take up storage.

    Other files on the branch are kept. If it fails with a HubError, the branch has the old or the new checkpoint.

    Raises:
        HubError: also if the branch was not made by us; it is unchanged.
    """
    for attempt in range(ATTEMPTS):
        try:
            contents = claim_branch(repo_id, branch, token)
            commit = commit_folder(
                folder, repo_id, message="Upload checkpoint", branch=branch, token=token, parent=contents.oid,
                delete=[name for name in contents.names if RUN_FILES.fullmatch(name)],
            )  # fmt: skip
            break
        except Conflict:
            if attempt == ATTEMPTS - 1:
                raise
    if commit.oid != contents.oid and _is_newest(commit, branch, token):
        squash_branch(repo_id, branch, token)
    return commit


def _is_newest(commit: Commit, branch: str, token: str | None) -> bool:
    """Whether nobody else has committed since; the history of such a commit would be lost."""
    contents = read_contents(commit.repo_id, branch, token)
    return contents is not None and contents.oid == commit.oid


def fetch_run(repo_id: str, run: RunDirectory, branch: str = BRANCH, token: str | None = None) -> bool:
    """Downloads the run of a repository into a run directory, unless the local run is as far; returns whether it did.

    Raises:
        HubError: if there is no checkpoint, or it cannot be downloaded or is invalid.
        RunError: if the run directory has other content, or an older state of the run.
    """
    run.refuse_foreign_content()
    contents = read_contents(repo_id, branch, token)
    if contents is None or RECORD_FILE not in contents.names:
        raise HubError(
            f"A run can be resumed only from a repository to which checkpoints were pushed. Received: {repo_id}, "
            f"which has no run on a branch '{branch}' that you can see. Check the name, or train with "
            "--push-checkpoints."
        )
    with tempfile.TemporaryDirectory() as cache:
        download = _Download(repo_id, contents, Access(token=token, cache_dir=cache))
        if run.exists:
            _refuse_other_or_behind(run, download)
            return False
        _fetch_all(download, run.path)
    return True


class _Download:
    """Downloads files of one commit, with a limit on their total size."""

    def __init__(self, repo_id: str, contents: Contents, access: Access) -> None:
        self.repo_id, self.commit, self.access = repo_id, contents.oid, access
        self.names = [name for name in contents.names if RUN_FILES.fullmatch(name)]
        self._remaining_bytes = MAX_TOTAL_BYTES
        if len(self.names) > MAX_FILES:
            raise HubError(
                f"A run has at most {MAX_FILES:,} files. Received: {len(self.names):,} in {repo_id}. Ask its author."
            )

    def fetch(self, name: str, target: Path) -> None:
        maximum_bytes = min(MAX_BYTES[Path(name).suffix], self._remaining_bytes)
        path = download_file(self.repo_id, name, self.commit, maximum_bytes, self.access)
        if path is None:
            raise HubError(f"{shorten(name)} has disappeared from {self.repo_id}. Try again.")
        self._remaining_bytes -= path.stat().st_size
        target.parent.mkdir(parents=True, exist_ok=True)
        real = path.resolve()
        shutil.move(real, target)  # moved and not copied, since checkpoints are large
        flush_to_disk(target)

    def read_record(self, folder: Path) -> dict:
        """The record of the run in `folder`, with valid settings."""
        try:
            record = read_record(folder)
            Settings.from_dict(record["settings"])
            return record
        except (RunError, SettingsError) as error:
            reason = shorten(str(error).partition("Received: ")[2], 200)
            raise HubError(
                f"The {RECORD_FILE} of a run must have been written by dcgan-hub. Received: {self.repo_id}: {reason} "
                "Ask its author."
            ) from error


def _refuse_other_or_behind(run: RunDirectory, download: _Download) -> None:
    """Raises RunError if the local run is another one or behind; replacing it is left to the user."""
    here = run.read_record()
    with tempfile.TemporaryDirectory() as folder:
        download.fetch(RECORD_FILE, Path(folder) / RECORD_FILE)
        there = download.read_record(Path(folder))
    if there.get("created") != here.get("created"):
        raise RunError(
            f"A run directory holds one run. Received: '{run.path}' with a different run from that of "
            f"{download.repo_id}. Give a new directory with --run."
        )
    step_here, step_there = here["progress"]["step"], there["progress"]["step"]
    if step_there > step_here:
        raise RunError(
            f"A run must be fetched into a new folder. Received: '{run.path}', which is at step {step_here:,} while "
            f"{download.repo_id} is at step {step_there:,}. Give a new directory with --run, or remove the old one."
        )


def _fetch_all(download: _Download, path: Path) -> None:
    """Downloads and checks all files; the run directory is created only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY_PREFIX}{path.name}-", dir=path.parent))
    try:
        # In the order that rejects invalid runs early: run.json, checkpoints, images.
        for name in sorted(download.names, key=lambda name: (name != RECORD_FILE, name)):
            download.fetch(name, temporary / name)
            if name == RECORD_FILE:
                download.read_record(temporary)
        _check_checkpoints(RunDirectory(temporary), download.repo_id)
        set_mode(temporary, 0o755)  # like a folder created by training
        if path.exists():
            shutil.rmtree(path)  # `refuse_foreign_content` has made sure that it contains at most a lock
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_checkpoints(run: RunDirectory, repo_id: str) -> None:
    folders = checkpoint_folders(run.checkpoints)
    reason = "none"
    try:
        for folder in folders:
            check_checkpoint(folder)
    except (OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        reason = f"{folders[0].name} is damaged or was changed ({shorten(str(error), 100)})"
        folders = []
    if not folders:
        raise HubError(
            f"{repo_id} must have an intact checkpoint. Received: {reason}. Resume on its machine, or ask the author."
        )
