"""Names of repositories and revisions, checked before anything is asked of the Hub."""

import re
from typing import Any

from dcgan_hub.errors import SettingsError, shorten

# The client's own rule (huggingface_hub 2.4, utils/_validators.py), with the user's name required: the Hub serves a few
# old repositories without one, and none of them holds a generator.
REPOSITORY = re.compile(r"[A-Za-z0-9_](?:[\w.-]{0,94}[A-Za-z0-9_])?", re.ASCII)
# What git allows in the name of a branch or tag, without what the Hub would have to be asked for twice.
REVISION = re.compile(r"[A-Za-z0-9_][\w./-]{0,126}[A-Za-z0-9_]|[A-Za-z0-9_]", re.ASCII)
COMMIT = re.compile(r"[0-9a-f]{40}")
SCHEME = "hf://"


def is_repo_id(text: str) -> bool:
    """Whether a text can be the name of a repository: user/name."""
    parts = text.split("/")
    return len(parts) == 2 and all(
        REPOSITORY.fullmatch(part) and "--" not in part and ".." not in part and not part.endswith(".git")
        for part in parts
    )


def check_repo_id(text: Any) -> str:
    """Returns the name of a repository as it is; raises SettingsError if it is not user/name."""
    if not isinstance(text, str) or not is_repo_id(text):
        raise SettingsError(
            "A repository of the Hub is called user/name: letters, digits, single '-', '_' and '.', at most 96 of them "
            f"on each side. Received: {shorten(text)!r}. Try your user name and a short name, as in anna/anime-dcgan."
        )
    return text


def check_revision(text: Any) -> str:
    """Returns a revision as it is: the name of a branch or tag, or a commit hash of 40 hexadecimal digits.

    Raises SettingsError if it can be none of these.
    """
    if not isinstance(text, str) or not REVISION.fullmatch(text) or ".." in text or "//" in text:
        raise SettingsError(
            "A revision is the name of a branch or tag, or a commit hash of 40 hexadecimal digits. Received: "
            f"{shorten(text)!r}. Try main."
        )
    return text


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a full commit hash, which names the same files for ever."""
    return revision is not None and COMMIT.fullmatch(revision) is not None


def parse_model(text: str) -> tuple[str, str | None]:
    """Splits user/name or user/name@revision, with or without hf:// before it; without a revision it is None.

    Raises SettingsError if it is neither.
    """
    repo_id, at, revision = text.removeprefix(SCHEME).partition("@")
    return check_repo_id(repo_id), check_revision(revision) if at else None


def names_model(text: str) -> bool:
    """Whether `parse_model` would accept a text."""
    try:
        parse_model(text)
    except SettingsError:
        return False
    return True
