"""The branch that holds a run's checkpoint: made by us, and marked as ours by a file in it.

Its content is replaced and its history is squashed at every push, so no other branch may be used: one without the mark,
or with that of another branch of which it is a copy, belongs to somebody else and is refused.
"""

import secrets
import tempfile
from pathlib import Path

from dcgan_hub.atomic_files import write_json
from dcgan_hub.bundle.strict_json import parse_strict_json
from dcgan_hub.errors import BundleError, HubError, SettingsError
from dcgan_hub.hub.download import Access, download_file
from dcgan_hub.hub.names import check_revision
from dcgan_hub.hub.upload import MAIN, Contents, commit_folder, create_branch, delete_branch, read_contents

BRANCH = "checkpoint"
MARK_FILE = "checkpoint-branch.json"
MAX_MARK_BYTES = 10_000
START_DIGITS = 12


def check_checkpoint_branch(branch: str, generator_branch: str = MAIN) -> str:
    """Returns the name of a branch for checkpoints; raises SettingsError if it cannot be one."""
    check_revision(branch)
    if branch in (MAIN, generator_branch):
        raise SettingsError(
            f"Checkpoints need a branch of their own. Received: --checkpoint-branch {branch}, where the generator is. "
            f"Try --checkpoint-branch {BRANCH}."
        )
    return branch


def refuse_foreign_branch(repo_id: str, branch: str, token: str | None = None) -> None:
    """Raises HubError if the repository has a branch of this name that we did not make; changes nothing."""
    contents = read_contents(repo_id, branch, token)
    if contents is not None:
        _require_mark(repo_id, branch, contents, token)


def claim_branch(repo_id: str, branch: str, token: str | None = None) -> Contents:
    """Returns the contents of our branch, which is created if there is none of this name.

    Raises:
        Conflict: if somebody else creates it meanwhile.
        HubError: if there is one that we did not make.
    """
    contents = read_contents(repo_id, branch, token)
    if contents is None:
        contents = _create(repo_id, branch, token)
    else:
        _require_mark(repo_id, branch, contents, token)
    return contents


def _create(repo_id: str, branch: str, token: str | None) -> Contents:
    """Creates the branch with the mark in it, so that a kill at any instant leaves it marked or does not leave it.

    The Hub creates a branch only from a commit that exists, and it would then look like a branch of somebody else until
    the mark is committed. So the mark is committed to a branch with a random name, which is removed.
    """
    start = f"{branch}-start-{secrets.token_hex(START_DIGITS // 2)}"
    create_branch(repo_id, start, token)
    try:
        started = read_contents(repo_id, start, token) or Contents("", ())
        with tempfile.TemporaryDirectory() as folder:
            write_json(Path(folder) / MARK_FILE, _mark(branch))
            commit = commit_folder(
                Path(folder), repo_id, message="Start a branch for checkpoints", branch=start, token=token,
                delete=[name for name in started.names if name != ".gitattributes"],
            )  # fmt: skip
        create_branch(repo_id, branch, token, revision=commit.oid, exist_ok=False)
    finally:
        delete_branch(repo_id, start, token)
    return Contents(commit.oid, (MARK_FILE,))


def _require_mark(repo_id: str, branch: str, contents: Contents, token: str | None) -> None:
    if MARK_FILE not in contents.names or not _is_marked(repo_id, branch, contents.oid, token):
        raise HubError(
            "Checkpoints are pushed only to a branch that dcgan-hub has made, since its content is replaced. Received: "
            f"{repo_id} with another branch '{branch}', which was left as it is. Give the name of a new one with "
            "--checkpoint-branch, or delete that branch on the Hub if you do not need it."
        )


def _is_marked(repo_id: str, branch: str, oid: str, token: str | None) -> bool:
    with tempfile.TemporaryDirectory() as cache:
        found = download_file(repo_id, MARK_FILE, oid, MAX_MARK_BYTES, Access(token=token, cache_dir=cache))
        try:
            return found is not None and parse_strict_json(found.read_bytes(), MARK_FILE) == _mark(branch)
        except BundleError:
            return False


def _mark(branch: str) -> dict[str, str]:
    return {"written_by": "dcgan-hub", "branch": branch}
