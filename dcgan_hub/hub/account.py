"""The user's account on the Hub, and whether it may write to a repository."""

import huggingface_hub

from dcgan_hub.errors import HubError, shorten
from dcgan_hub.hub.client import LOG_IN, explained, open_client


def require_token(repo_id: str, token: str | None = None) -> None:
    """Raises HubError if there is no token at all; sends no request."""
    if token is None and huggingface_hub.get_token() is None:
        raise HubError(f"Writing to {repo_id} needs a token. Received: none. {LOG_IN}")


def check_account(repo_id: str, token: str | None = None) -> None:
    """Raises HubError for a missing, invalid or read-only token, or a namespace that is not the account's.

    The permissions of a fine-grained token cannot be queried; only writing shows them.
    """
    require_token(repo_id, token)
    with explained(repo_id):
        account = open_client(token).whoami()
        role = account.get("auth", {}).get("accessToken", {}).get("role")
        names = [account["name"], *(organization["name"] for organization in account.get("orgs", []))]
    if role == "read":
        raise HubError(f"Writing to {repo_id} needs a token of the type 'write'. Received: a read-only token. {LOG_IN}")
    owner = repo_id.partition("/")[0]
    if owner.lower() not in [str(name).lower() for name in names]:
        raise HubError(
            f"A repository must be under your own name or that of your organization: "
            f"{', '.join(shorten(name) for name in names)}. Received: {repo_id}. Try {shorten(names[0])}/"
            f"{repo_id.partition('/')[2]}, or log in as {owner}."
        )


def check_can_write(repo_id: str, token: str | None = None) -> None:
    """Raises HubError if the token may not write to an existing repository; works for fine-grained tokens too."""
    with explained(repo_id):
        open_client(token).auth_check(repo_id, write=True)
