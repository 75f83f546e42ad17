"""What the Hub refuses to visitors, in words for them: they have no account here, so nothing tells them to log in."""

from typing import TypeVar

from dcgan_hub.errors import HubError

Refusal = TypeVar("Refusal", bound=HubError)


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
