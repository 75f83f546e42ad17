"""Publishes a folder laid out as a model repository in one commit, without losing files that others added.

Files that an earlier push wrote and this one lacks are removed in the same commit; files that the owner added are kept.
A card that its owner has edited is also kept, unless `overwrite_card` is set.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.bundle.card import is_unedited_card, make_card
from dcgan_hub.bundle.discriminator import DISCRIMINATOR_FILE
from dcgan_hub.bundle.format import FACTS_FILE, read_facts
from dcgan_hub.bundle.keras_files import CARD_FILE, KERAS_FILES, MAX_CARD_BYTES, PAGE_FILE, SAMPLES_FILE
from dcgan_hub.bundle.weights import WEIGHTS_FILE
from dcgan_hub.errors import BundleError, HubError, SettingsError, shorten
from dcgan_hub.hub.account import check_account, check_can_write, require_token
from dcgan_hub.hub.client import Conflict
from dcgan_hub.hub.download import Access, download_file
from dcgan_hub.hub.names import check_repo_id, check_revision
from dcgan_hub.hub.upload import (
    MAIN,
    Commit,
    Contents,
    check_tag_is_free,
    commit_folder,
    create_branch,
    create_repository,
    create_tag,
    read_contents,
    refuse_public,
)

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

BUNDLE_FILES = (FACTS_FILE, WEIGHTS_FILE, *KERAS_FILES, SAMPLES_FILE, PAGE_FILE, DISCRIMINATOR_FILE)
RUN_FILES = re.compile(
    r"timelapse\.webp|run/(?:run\.json|metrics\.jsonl|samples/step-\d{8}\.png|plots/[a-z0-9_-]{1,40}\.png|"
    r"tensorboard/events\.out\.tfevents\.\d+\.dcgan-hub)"
)
COMMON_FILES = (".gitattributes", ".gitignore", CARD_FILE, "LICENSE")  # of an empty repository created on the website
ATTEMPTS = 3  # another writer may commit between our check and our commit


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a generator goes, and how."""

    repo_id: str  # user/name; created if missing
    branch: str = MAIN  # created from main if missing
    private: bool | None = None  # see `create_repository`
    token: str | None = None  # None: that of the logged-in user
    message: str | None = None  # first line of the commit message; None: "Upload generator"
    create_pr: bool = False  # excludes a tag, since the final commit is only made by the merge
    tag: str | None = None  # of the commit; must not exist yet
    overwrite_card: bool = False  # whether to replace an edited card

    def __post_init__(self) -> None:
        check_repo_id(self.repo_id)
        check_revision(self.branch)
        if self.tag is not None:
            check_revision(self.tag)
        if self.tag is not None and self.create_pr:
            raise SettingsError(
                f"A pull request cannot be tagged before it is merged. Received: tag {self.tag!r} with a pull request. "
                "Leave the tag out, and tag the merge commit."
            )


@dataclass(frozen=True)
class Published:
    """What was published."""

    commit: Commit
    card_kept: bool  # whether a card was kept because its owner had edited it


def publish_folder(folder: Path, target: Target) -> Published:
    """Publishes a folder that is laid out as a model repository; see the module docstring.

    Raises:
        HubUnavailable: if the Hub cannot be reached; the repository is in the old or the new state, never in between.
        HubError: if the Hub refuses, or the repository has other content; nothing was changed.
    """
    if not (folder / FACTS_FILE).is_file():  # files missing from the folder are removed from the repository
        raise BundleError(f"A generator must have a {FACTS_FILE}. Received: '{folder}' without one. Save it again.")
    require_token(target.repo_id, target.token)
    create_repository(target.repo_id, private=target.private, token=target.token)
    if target.tag is not None:
        check_tag_is_free(target.repo_id, target.tag, target.token)
    if target.branch != MAIN:
        create_branch(target.repo_id, target.branch, target.token)
    for attempt in range(ATTEMPTS):
        try:
            published = _commit(folder, target)
            break
        except Conflict:
            if attempt == ATTEMPTS - 1:
                raise
    if target.tag is not None:
        try:
            create_tag(target.repo_id, target.tag, published.commit.oid, target.token)
        except HubError as error:
            raise type(error)(f"The files were published, but without the tag {target.tag}: {error}") from error
    return published


def publish_generator(generator: "Generator", target: Target, licence: str | None) -> Commit:
    """Saves a generator with its card and publishes both in one commit, see `Generator.push_to_hub`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = generator.save_pretrained(temporary)
        names = [path.name for path in folder.iterdir()]
        card = make_card(read_facts(folder / FACTS_FILE), target.repo_id, names, licence=licence, tag=target.tag)
        (folder / CARD_FILE).write_text(card, encoding="utf-8")
        return publish_folder(folder, target).commit


def examine_target(target: Target) -> None:
    """Checks whether a push can succeed, as far as possible without changing anything.

    Raises:
        HubError: if a push would fail because of the token, the account's permissions, or an existing repository.
    """
    check_account(target.repo_id, target.token)
    contents = read_contents(target.repo_id, target.branch, target.token)
    if contents is None:  # missing or not visible to this account; creating it will tell
        return
    check_can_write(target.repo_id, target.token)
    if target.private:
        refuse_public(target.repo_id, target.token)
    _refuse_foreign(target.repo_id, contents)


def prepare_repository(target: Target) -> None:
    """Creates the repository if it is missing, which also tests whether a fine-grained token has the permission.

    Raises:
        HubError: if a push would fail.
    """
    require_token(target.repo_id, target.token)
    create_repository(target.repo_id, private=target.private, token=target.token)
    check_can_write(target.repo_id, target.token)


def is_own(name: str) -> bool:
    """Whether a file is of those that a push writes, so that the next push may remove it. The card is not one."""
    return name in BUNDLE_FILES or RUN_FILES.fullmatch(name) is not None


def _commit(folder: Path, target: Target) -> Published:
    contents = read_contents(target.repo_id, target.branch, target.token) or Contents("", ())
    _refuse_foreign(target.repo_id, contents)
    edited = CARD_FILE in contents.names and not target.overwrite_card and _is_edited(target, contents.oid)
    commit = commit_folder(
        folder,
        target.repo_id,
        message=target.message or "Upload generator",
        branch=target.branch,
        token=target.token,
        create_pr=target.create_pr,
        parent=contents.oid or None,
        leave=(CARD_FILE,) if edited else (),
        delete=[name for name in contents.names if is_own(name)],
    )
    return Published(commit, card_kept=edited)


def _refuse_foreign(repo_id: str, contents: Contents) -> None:
    foreign = [name for name in contents.names if name not in COMMON_FILES]
    if foreign and FACTS_FILE not in contents.names:
        raise HubError(
            f"A generator needs a repository of its own. Received: {repo_id}, which has {len(foreign):,} other files, "
            f"such as {', '.join(shorten(name) for name in foreign[:3])}. Choose another name."
        )


def _is_edited(target: Target, oid: str) -> bool:
    with tempfile.TemporaryDirectory() as cache:
        access = Access(token=target.token, cache_dir=cache)
        card = download_file(target.repo_id, CARD_FILE, oid, MAX_CARD_BYTES, access)
        return card is not None and not is_unedited_card(card.read_bytes().decode("utf-8", "replace"))
