"""Validation of repository names and revisions, before any request to the Hub."""

import re
from typing import Any

from dcgan_hub.errors import SettingsError, shorten

# The client's own rule (huggingface_hub 2.4, utils/_validators.py), but with a required namespace: only a few old
# repositories have none, and they contain no generators.
REPOSITORY = re.compile(r"[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?", re.ASCII)
# A subset of what git allows in the names of branches and tags.
REVISION = re.compile(r"[A-Za-z0-9_][\w./-]{0,126}[A-Za-z0-9_]|[A-Za-z0-9_]", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
SCHEME = "hf://"
# The page of a model, of one of its revisions, or of a file in it.
_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?!datasets/|spaces/)([^/?#]+/[^/?#]+)"
    r"(?:/(?:tree|blob|resolve|commit)/([^/?#]+)[^?#]*)?/?(?:[?#].*)?"
)


def is_repo_id(text: str) -> bool:
    """Whether a text can be the name of a repository: user/name."""
    parts = text.split("/")
    return len(parts) == 2 and all(
        REPOSITORY.fullmatch(part) and "--" not in part and ".." not in part and not part.endswith(".git")
        for part in parts
    )


def check_repo_id(text: Any) -> str:
    """Returns the name of a repository unchanged; raises SettingsError if it is not user/name."""
    if not isinstance(text, str) or not is_repo_id(text):
        raise SettingsError(
            "A repository on the Hub is called user/name, each part at most 96 letters, digits, single '-', '_' and "
            f"'.'. Received: {shorten(text)!r}. Try your user name and a short name, as in anna/anime-dcgan."
        )
    return text


def check_revision(text: Any) -> str:
    """Returns a revision unchanged: the name of a branch or tag, or a commit hash of 40 hexadecimal digits.

    Raises SettingsError if it cannot be one of these.
    """
    if not isinstance(text, str) or not REVISION.fullmatch(text) or ".." in text or "//" in text:
        raise SettingsError(
            "A revision is the name of a branch or tag, or a commit hash of 40 hexadecimal digits. Received: "
            f"{shorten(text)!r}. Try main."
        )
    return text


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a full commit hash, whose files never change."""
    return revision is not None and COMMIT.fullmatch(revision) is not None


def parse_model(text: str) -> tuple[str, str | None]:
    """Splits [hf://]user/name[@revision] into name and revision; the revision is None if not given.

    The address of a model's page, as pasted from a browser, is read as well. Raises SettingsError for any other text.
    """
    if page := _PAGE.fullmatch(text.removeprefix(SCHEME)):
        shown = None if page[2] == "main" else page[2]
        return check_repo_id(page[1]), check_revision(shown) if shown else None
    repo_id, at, revision = text.removeprefix(SCHEME).partition("@")
    return check_repo_id(repo_id), check_revision(revision) if at else None


def names_model(text: str) -> bool:
    """Whether `parse_model` would accept a text."""
    try:
        parse_model(text)
    except SettingsError:
        return False
    return True
