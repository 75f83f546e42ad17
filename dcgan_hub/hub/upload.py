"""Uploads to the Hub: a whole folder in one commit, so that readers never see an incomplete state."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from dcgan_hub.errors import HubError, HubUnavailable, shorten
from dcgan_hub.hub.client import BEYOND_LIMITS, LATER, explained, open_client
from dcgan_hub.hub.limits import seconds_for

MAIN = "main"


@dataclass(frozen=True)
class Commit:
    """A commit that was written."""

    repo_id: str
    oid: str  # the commit hash; if nothing had changed, that of the previous commit
    url: str  # of the repository's page, or of the pull request


@dataclass(frozen=True)
class Contents:
    """The contents of a branch."""

    oid: str  # hash of its newest commit
    names: tuple[str, ...]  # of its files; untrusted


def create_repository(
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    repo_type: str = "model",
    space_sdk: str | None = None,
) -> str:
    """Creates a repository if it is missing, and returns the URL of its page.

    An existing one is left unchanged, but a public one is rejected if `private` is True. With `private=None` a new one
    has the account's default.
    """
    client = open_client(token)
    with explained(repo_id, repo_type):
        url = client.create_repo(repo_id, private=private, repo_type=repo_type, space_sdk=space_sdk, exist_ok=True)
    if private:
        refuse_public(repo_id, token, repo_type)
    return str(url)


def refuse_public(repo_id: str, token: str | None = None, repo_type: str = "model") -> None:
    """Raises HubError if an existing repository is public."""
    with explained(repo_id, repo_type):
        if not open_client(token).repo_info(repo_id, repo_type=repo_type).private:
            raise HubError(
                f"{repo_id} must be private as you asked. Received: a public repository of this name. Make it private "
                f"in its settings ({_page(repo_id, repo_type)}/settings), choose another name, or leave out --private."
            )


def read_contents(
    repo_id: str, branch: str = MAIN, token: str | None = None, repo_type: str = "model"
) -> Contents | None:
    """The current contents of a branch; None if there is no such branch or repository."""
    with explained(repo_id, repo_type):
        try:
            info = open_client(token).repo_info(repo_id, repo_type=repo_type, revision=branch)
        except (RevisionNotFoundError, RepositoryNotFoundError):
            return None
    siblings = getattr(info, "siblings", None) or ()  # one repository type, which we do not use, has no such field
    return Contents(info.sha or "", tuple(sibling.rfilename for sibling in siblings))


def create_branch(
    repo_id: str, branch: str, token: str | None = None, revision: str | None = None, exist_ok: bool = True
) -> None:
    """Creates a branch from a revision (None: main) if it is missing.

    Raises Conflict if there is one of this name and `exist_ok` is False.
    """
    with explained(repo_id):
        open_client(token).create_branch(repo_id, branch=branch, revision=revision, exist_ok=exist_ok)


def delete_branch(repo_id: str, branch: str, token: str | None = None) -> None:
    """Deletes a branch, and the commits that no other branch has."""
    with explained(repo_id):
        open_client(token).delete_branch(repo_id, branch=branch)


def squash_branch(repo_id: str, branch: str, token: str | None = None) -> None:
    """Squashes the history of a branch to its newest commit; if that fails, its files are unchanged."""
    with explained(repo_id):
        open_client(token).super_squash_history(repo_id, branch=branch)


def check_tag_is_free(repo_id: str, tag: str, token: str | None = None) -> None:
    """Raises HubError if the repository already has a tag of this name."""
    with explained(repo_id):
        try:
            references = open_client(token).list_repo_refs(repo_id)
        except RepositoryNotFoundError:
            return
    if tag in [reference.name for reference in references.tags]:
        raise HubError(
            f"A tag cannot be moved. Received: --tag {tag}, which already exists in {repo_id}. Choose another, or "
            "delete it on the Hub first."
        )


def create_tag(repo_id: str, tag: str, oid: str, token: str | None = None) -> None:
    """Tags a commit."""
    with explained(repo_id):
        open_client(token).create_tag(repo_id, tag=tag, revision=oid)


def commit_folder(
    folder: Path,
    repo_id: str,
    *,
    message: str,
    repo_type: str = "model",
    branch: str = MAIN,
    token: str | None = None,
    create_pr: bool = False,
    parent: str | None = None,
    leave: Collection[str] = (),
    delete: Iterable[str] = (),
) -> Commit:
    """Uploads a folder's files to a repository in one commit; unchanged files are not sent again.

    The repository must exist, and its branch must be at the commit `parent` if one is given. Files named in `leave` are
    not uploaded; those in `delete` are removed unless the folder has them.

    Raises:
        Conflict: if the branch is not at `parent`.
        HubError: if the Hub refuses; nothing was changed.
        HubUnavailable: if it cannot be reached. Nothing was changed, or everything if only its response was lost.
    """
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    names = [name for name in found if name not in leave]
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in names
    ]
    operations += [CommitOperationDelete(path_in_repo=name) for name in delete if name not in names]
    seconds = seconds_for(sum((folder / name).stat().st_size for name in names))
    with explained(repo_id, repo_type, seconds, other_threads=True), _causes_shown(repo_id):
        info = open_client(token).create_commit(
            repo_id, operations, commit_message=message, repo_type=repo_type, revision=branch,
            create_pr=create_pr, parent_commit=parent,
        )  # fmt: skip
    return Commit(repo_id, info.oid, info.pr_url or _page(repo_id, repo_type))


def _page(repo_id: str, repo_type: str) -> str:
    return huggingface_hub.HfApi().endpoint + ("/spaces/" if repo_type == "space" else "/") + repo_id


@contextmanager
def _causes_shown(repo_id: str) -> Iterator[None]:
    """Unwraps the causes of the client's RuntimeErrors, and puts the Hub's message on an invalid card on one line."""
    try:
        yield
    except ValueError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RuntimeError as error:  # also from hf_xet, which has no error classes of its own
        if isinstance(error.__cause__, (OSError, ValueError, httpx2.HTTPError, *BEYOND_LIMITS)):
            raise error.__cause__ from error
        reason = shorten(str(error.__cause__ or error), 200)
        raise HubUnavailable(f"The files of {repo_id} could not be uploaded. Received: {reason}. {LATER}") from error
