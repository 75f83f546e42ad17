"""Locates a generator: in a folder, in this package, or in a repository on the Hub."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dcgan_hub.bundle.folder import explain_contents, locate_bundle
from dcgan_hub.bundle.format import FACTS_FILE, MAX_FACTS_BYTES, WeightFacts, read_facts
from dcgan_hub.bundle.weights import WEIGHTS_FILE, weights_file_bytes
from dcgan_hub.errors import BundleError, HubError, SettingsError
from dcgan_hub.hub.names import SCHEME, check_revision, names_model, parse_model

if TYPE_CHECKING:
    from dcgan_hub.hub.download import Access

Model = str | os.PathLike[str]


def is_hub_model(model: Model) -> bool:
    """Whether a model name refers to the Hub: user/name[@revision] that is not a local path.

    It counts as a local path if it exists, and also if only its parent folder exists: runs/anme is probably a typo for
    a run, so the Hub is not queried. With hf:// or a revision it always refers to the Hub.
    """
    text = os.fspath(model)
    if text.startswith(SCHEME):
        return True
    if not isinstance(model, str) or not names_model(text) or Path(text).exists():  # `exists` fails for long texts
        return False
    return "@" in text or not Path(text).parent.is_dir()


def fetch_bundle(
    model: Model,
    revision: str | None = None,
    *,
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
) -> tuple[str, Path]:
    """Locates a bundle; one on the Hub is downloaded (two files, both from the same commit) unless it is in the cache.

    Args:
        model: a run directory, a bundle, "avatars", or user/name[@revision] on the Hub.
        revision: branch, tag or commit hash on the Hub. A hash that was downloaded before needs no network access.
        token: see `Access`, also for the arguments below.
        cache_dir: None: the shared cache of Hugging Face's tools.
        local_files_only: whether to use only files that are already in the cache.
        force_download: whether to download files even if they are in the cache.

    Returns:
        A short name and the folder that contains `dcgan.json`.

    Raises:
        BundleError: if there is nothing of this name, or it is not a bundle.
        HubError: if it cannot be downloaded.
        SettingsError: for a revision of something that is not on the Hub, or two different revisions.
    """
    if not is_hub_model(model):
        if revision is not None:
            raise SettingsError(
                f"Only models on the Hub have revisions. Received: revision {revision!r} of {os.fspath(model)!r}, "
                f"which is not on the Hub. Leave it out, or write {SCHEME}user/name for a model on the Hub."
            )
        return locate_bundle(model)
    from dcgan_hub.hub.download import Access

    repo_id, at = parse_model(os.fspath(model))
    if at is not None and revision is not None and at != revision:
        raise SettingsError(f"Give only one revision. Received: @{at} and revision {revision!r}. Leave one out.")
    revision = at if at is not None else revision
    if revision is not None:
        check_revision(revision)
    access = Access(token=token, cache_dir=cache_dir, local_files_only=local_files_only, force_download=force_download)
    try:
        return repo_id, _download(repo_id, revision, access)
    except HubError as error:
        if os.fspath(model).startswith(SCHEME):
            raise
        raise type(error)(f"{error} (There is no local folder {os.fspath(model)} either.)") from error


def _download(repo_id: str, revision: str | None, access: "Access") -> Path:
    from dcgan_hub.hub.download import download_file, list_files

    facts_file = download_file(repo_id, FACTS_FILE, revision, MAX_FACTS_BYTES, access)
    if facts_file is None:
        raise BundleError(
            f"A generator must have a {FACTS_FILE}. Received: the repository {repo_id} without one; it holds "
            f"{explain_contents(list_files(repo_id, revision, access))}."
        )
    facts = read_facts(facts_file)
    _, maximum_bytes = weights_file_bytes(facts.network, cast(WeightFacts, facts.weights).dtype)
    commit = facts_file.parent.name  # so that both files come from one commit, even if the branch moves meanwhile
    if download_file(repo_id, WEIGHTS_FILE, commit, maximum_bytes, access) is None:
        raise BundleError(
            f"A generator must have its weights in {WEIGHTS_FILE}. Received: the repository {repo_id} without it. "
            "Ask its author to push it again."
        )
    return facts_file.parent
