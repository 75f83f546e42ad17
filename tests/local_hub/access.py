"""From a request to the repository it speaks of, if whoever sent it may do that."""

from typing import Annotated
from urllib.parse import unquote

from fastapi import Depends, Request

from .accounts import Account, Token
from .hub import NAMES, LocalHub
from .refusals import Refusal, unknown_repository
from .repositories import Repository

KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
URL_PREFIXES = {"model": "", "dataset": "datasets/", "space": "spaces/"}


def hub_of(request: Request) -> LocalHub:
    return request.app.state.hub


def endpoint_of(request: Request) -> str:
    """The address that the client used."""
    return f"http://{request.headers['host']}"


def page_of(request: Request, repository: Repository) -> str:
    """The address at which a browser would find the repository."""
    return f"{endpoint_of(request)}/{URL_PREFIXES[repository.type]}{repository.id}"


class Visitor:
    """Who sent a request.

    Args:
        hub: that was asked.
        token: that came with the request.
    """

    def __init__(self, hub: LocalHub, token: Token | None):
        self._hub = hub
        self.token = token

    @property
    def account(self) -> Account | None:
        return self._hub.accounts.account(self.token.account) if self.token else None

    def owns(self, repo_id: str) -> bool:
        return self.account is not None and repo_id.split("/")[0] in self.account.namespaces

    def require_account(self) -> Account:
        if self.account is None:
            raise Refusal(401, "Invalid username or password.")
        return self.account

    def require_write(self, repo_id: str, to_do: str) -> Account:
        """The visitor's account, if it may write the repository.

        Raises:
            Refusal: it may not `to_do`.
        """
        account = self.require_account()
        if not self.owns(repo_id) or not (self.token and self.token.may_write(repo_id)):
            raise Refusal(403, f"You don't have the rights to {to_do} {repo_id}")
        return account

    def require_files(self, repository: Repository) -> None:
        """Raises a refusal if the repository is gated and this visitor was not let in."""
        if repository.settings["gated"] and not self.owns(repository.id):
            text = f"Access to model {repository.id} is restricted and you are not in the authorized list."
            raise Refusal(403 if self.token else 401, text, "GatedRepo")


def visitor(request: Request) -> Visitor:
    """Whoever holds the token of the request; a token that the Hub does not know is refused everywhere."""
    header = request.headers.get("authorization")
    token = hub_of(request).token_in(header)
    if header is not None and token is None:
        raise Refusal(401, "Invalid credentials in Authorization header")
    return Visitor(hub_of(request), token)


def find(request: Request, visitor: Visitor, kind: str, namespace: str, name: str) -> Repository:
    """The repository of this name, if the visitor may know of it.

    Args:
        request: to a Hub.
        visitor: who sent it.
        kind: key of `KINDS`.
        namespace: account or organisation.
        name: of the repository.
    """
    names = (unquote(namespace), unquote(name))
    if kind not in KINDS or not all(NAMES.fullmatch(part) and ".." not in part for part in names):
        raise unknown_repository(visitor.token is not None)
    repository = hub_of(request).repository("/".join(names), KINDS[kind])
    if not repository.exists or (repository.settings["private"] and not visitor.owns(repository.id)):
        raise unknown_repository(visitor.token is not None)
    return repository


TheVisitor = Annotated[Visitor, Depends(visitor)]


def readable(request: Request, visitor: TheVisitor, kind: str, namespace: str, name: str) -> Repository:
    return find(request, visitor, kind, namespace, name)


Readable = Annotated[Repository, Depends(readable)]


def writable(visitor: TheVisitor, repository: Readable) -> Repository:
    visitor.require_write(repository.id, "write to")
    return repository


Writable = Annotated[Repository, Depends(writable)]


def unquoted_revision(revision: str) -> str:
    """A revision in a path, where its slashes are quoted."""
    return unquote(revision)


Revision = Annotated[str, Depends(unquoted_revision)]


async def raw_body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(raw_body)]
