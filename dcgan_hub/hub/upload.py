"""Writing to the Hub: a folder becomes a repository in one commit, so that a reader never sees half of it."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import huggingface_hub
from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils._http import default_client_factory

from dcgan_hub.errors import HubError, HubUnavailable, shorten
from dcgan_hub.hub.client import LATER, explained, open_client

MAIN = "main"
SILENCE_SECONDS = 60.0  # after which a Hub that says nothing counts as out of reach; its own gateway gives up then, too


@dataclass(frozen=True)
class Commit:
    """What was written."""

    repo_id: str
    oid: str  # the commit's hash; where nothing had changed, that of the commit that was there
    url: str  # of the repository's page, or of the pull request


@dataclass(frozen=True)
class Contents:
    """What a branch holds."""

    oid: str  # hash of its newest commit
    names: tuple[str, ...]  # of its files, as strangers wrote them


def limit_waiting() -> None:
    """Lets every later request of this process fail where the Hub is silent for SILENCE_SECONDS.

    The client waits for ever, which is for programs to decide and not for libraries: commands call this once.
    """
    huggingface_hub.set_client_factory(_impatient_client)


def _impatient_client() -> httpx2.Client:
    client = default_client_factory()
    client.timeout = httpx2.Timeout(SILENCE_SECONDS)
    return client


def create_repository(
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    repo_type: str = "model",
    space_sdk: str | None = None,
) -> str:
    """Makes a repository if it is not there, and returns the address of its page.

    One that is there stays as it is; asked to be private, a public one is refused. With `private=None` a new one is as
    the account has it.
    """
    client = open_client(token)
    with explained(repo_id, repo_type):
        url = client.create_repo(repo_id, private=private, repo_type=repo_type, space_sdk=space_sdk, exist_ok=True)
    if private:
        refuse_public(repo_id, token, repo_type)
    return str(url)


def refuse_public(repo_id: str, token: str | None = None, repo_type: str = "model") -> None:
    """Raises HubError if a repository that is there can be seen by everybody."""
    with explained(repo_id, repo_type):
        if not open_client(token).repo_info(repo_id, repo_type=repo_type).private:
            raise HubError(
                f"{repo_id} must be private as you asked. Received: a public repository of this name. Make it private "
                f"in its settings ({_page(repo_id, repo_type)}/settings), choose another name, or leave out --private."
            )


def read_contents(
    repo_id: str, branch: str = MAIN, token: str | None = None, repo_type: str = "model"
) -> Contents | None:
    """What a branch holds at this moment; None if there is no such branch or repository."""
    with explained(repo_id, repo_type):
        try:
            info = open_client(token).repo_info(repo_id, repo_type=repo_type, revision=branch)
        except (RevisionNotFoundError, RepositoryNotFoundError):
            return None
    siblings = getattr(info, "siblings", None) or ()  # one kind of repository, which is none of ours, has no such field
    return Contents(info.sha or "", tuple(sibling.rfilename for sibling in siblings))


def create_branch(repo_id: str, branch: str, token: str | None = None) -> None:
    """Makes a branch from main if it is not there."""
    with explained(repo_id):
        open_client(token).create_branch(repo_id, branch=branch, exist_ok=True)


def squash_branch(repo_id: str, branch: str, token: str | None = None) -> None:
    """Forgets all but the newest commit of a branch; where that fails, its files are as they were."""
    with explained(repo_id):
        open_client(token).super_squash_history(repo_id, branch=branch)


def check_tag_is_free(repo_id: str, tag: str, token: str | None = None) -> None:
    """Raises HubError if the repository has a tag of this name, which names other files."""
    with explained(repo_id):
        try:
            references = open_client(token).list_repo_refs(repo_id)
        except RepositoryNotFoundError:
            return
    if tag in [reference.name for reference in references.tags]:
        raise HubError(
            f"A tag names one state for ever. Received: --tag {tag}, which {repo_id} has already. Choose another, "
            "or delete it on the Hub first."
        )


def create_tag(repo_id: str, tag: str, oid: str, token: str | None = None) -> None:
    """Names a commit."""
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
    """Writes a folder's files into a repository, all in one commit; unchanged ones are not sent again.

    The repository must exist, and its branch be at the commit `parent` where one is given. Files that are named in
    `leave` are not written; those in `delete` are removed, unless the folder has them.

    Raises:
        Conflict: if the branch is not at `parent`.
        HubError: if the Hub refuses; nothing has changed.
        HubUnavailable: if it cannot be reached. Nothing has changed, or everything where only its answer was lost.
    """
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    names = [name for name in found if name not in leave]
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in names
    ]
    operations += [CommitOperationDelete(path_in_repo=name) for name in delete if name not in names]
    with explained(repo_id, repo_type), _causes_shown(repo_id):
        info = open_client(token).create_commit(
            repo_id, operations, commit_message=message, repo_type=repo_type, revision=branch,
            create_pr=create_pr, parent_commit=parent,
        )  # fmt: skip
    return Commit(repo_id, info.oid, info.pr_url or _page(repo_id, repo_type))


def _page(repo_id: str, repo_type: str) -> str:
    return huggingface_hub.HfApi().endpoint + ("/spaces/" if repo_type == "space" else "/") + repo_id


@contextmanager
def _causes_shown(repo_id: str) -> Iterator[None]:
    """Raises the cause of what the client wraps in a RuntimeError, and what the Hub says of a card as one line."""
    try:
        yield
    except ValueError as error:
        raise ValueError(" ".join(str(error).split())) from error
    except RuntimeError as error:  # also of hf_xet, which has no kinds of errors
        if isinstance(error.__cause__, OSError | ValueError | httpx2.HTTPError):
            raise error.__cause__ from error
        reason = shorten(str(error.__cause__ or error), 200)
        raise HubUnavailable(f"The Hub must take the files of {repo_id}. Received: {reason}. {LATER}") from error
