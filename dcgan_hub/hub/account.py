"""Who the user is on the Hub, and whether they may write."""

import huggingface_hub

from dcgan_hub.errors import HubError, shorten
from dcgan_hub.hub.client import LOG_IN, explained, open_client


def require_token(repo_id: str, token: str | None = None) -> None:
    """Raises HubError where there is no token at all; asks nothing of the Hub."""
    if token is None and huggingface_hub.get_token() is None:
        raise HubError(f"Writing to {repo_id} needs a token. Received: none. {LOG_IN}")


def check_account(repo_id: str, token: str | None = None) -> None:
    """Finds a missing, wrong or read-only token, and a name under which the account may not write; raises HubError.

    Tokens of the kind "fine-grained" say nothing of their rights; only writing shows those.
    """
    require_token(repo_id, token)
    with explained(repo_id):
        account = open_client(token).whoami()
        role = account.get("auth", {}).get("accessToken", {}).get("role")
        names = [account["name"], *(organisation["name"] for organisation in account.get("orgs", []))]
    if role == "read":
        raise HubError(
            f"Writing to {repo_id} needs a token of the kind 'write'. Received: one that may only read. {LOG_IN}"
        )
    owner = repo_id.partition("/")[0]
    if owner.lower() not in [str(name).lower() for name in names]:
        raise HubError(
            f"A repository is yours under your own name or that of your organisation: "
            f"{', '.join(shorten(name) for name in names)}. Received: {repo_id}. Try {shorten(names[0])}/"
            f"{repo_id.partition('/')[2]}, or log in as {owner}."
        )


def check_can_write(repo_id: str, token: str | None = None) -> None:
    """Raises HubError if the token may not write to a repository that is there; also for a fine-grained token."""
    with explained(repo_id):
        open_client(token).auth_check(repo_id, write=True)
