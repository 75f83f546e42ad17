"""A Gradio Space that shows generators from the Hub: its files, and their upload.

A Space contains this package as source, so that it needs only released packages, each at the version that the tests
use. It refers to its models by commit where known, so that it shows the same images after every restart.
"""

import importlib.metadata
import importlib.resources
import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from dcgan_hub.atomic_files import flush_to_disk, whole_folder
from dcgan_hub.bundle.card import check_license
from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.format import FACTS_FILE
from dcgan_hub.bundle.source import fetch_bundle
from dcgan_hub.bundle.weights import WEIGHTS_FILE
from dcgan_hub.errors import DataError, HubError, SettingsError, shorten
from dcgan_hub.hub.names import check_repo_id, check_revision, is_commit
from dcgan_hub.images.grids import cannot_write

PACKAGE = "dcgan_hub"
PINS_FILE = "space-requirements.txt"
LEGAL_FILES = ("LICENSE", "NOTICE")
COMMON_FILES = (".gitattributes", ".gitignore", "README.md", "LICENSE")  # of an empty Space created on the website
# Source and the embedded generator; not the embedded images, which are for training.
SOURCE_SUFFIXES = (".py", ".json", ".jinja", ".txt", ".safetensors", ".js", ".css", ".html", ".typed")

PYTHON_VERSION = "3.12"  # supported by both ZeroGPU and Keras
EMOJI, COLOR_FROM, COLOR_TO = "🎲", "indigo", "pink"
SHORT_DESCRIPTION = "Images that a small network has learned to draw"  # the Hub allows 60 characters
TAGS = ["dcgan", "gan", "keras", "image-generation", "dcgan-hub"]
CODE_LICENSE = "mit"
MAX_TITLE_LENGTH = 80

WHO_MAY_HAVE_ONE = (
    "At present the Hub allows Gradio Spaces for PRO accounts and Team organizations; a verified free account older "
    "than 30 days may have two of them on ZeroGPU"
)
PAYMENT_REQUIRED, FORBIDDEN = 402, 403

APP = '''\
"""The app of this Space, the same as `dcgan-hub app`. Written by `dcgan-hub space`."""

import os

from dcgan_hub.cli import main_of

# The models: user/name@revision, separated by commas. A variable of this name in the Space's settings overrides them.
os.environ.setdefault("DCGAN_HUB_MODELS", {models})

if os.environ.get("SPACES_ZERO_GPU"):  # ZeroGPU stops a Space that has no GPU function, although this app needs none
    import spaces

    @spaces.GPU
    def never_called() -> None:
        """Satisfies ZeroGPU's check."""


if __name__ == "__main__":
    raise SystemExit(main_of("app", "app.py"))
'''

README = """\
---
{metadata}
---

Images that a small network has learned to draw: {models}.
Every seed is one image, the same here, on the command line and in Python. Created by `dcgan-hub space`. To run it on
your own machine with Python 3.11 to 3.13:

    pip install -r requirements.txt
    python app.py
"""
PRIVATE_NOTE = """
Access to these models is restricted. The Space downloads them with the secret `HF_TOKEN` of its settings, a token that
may read them.
"""


@dataclass(frozen=True)
class ShownModel:
    """A generator on the Hub that a Space shows."""

    repo_id: str
    revision: str | None = None  # None: main, whatever it holds when the Space starts
    public: bool = True  # whether everybody may download it; only then can it be preloaded when the Space is built

    def __post_init__(self) -> None:
        check_repo_id(self.repo_id)
        if self.revision is not None:
            check_revision(self.revision)

    @property
    def name(self) -> str:
        """user/name@revision, as the app takes it."""
        return f"{self.repo_id}@{self.revision}" if self.revision else self.repo_id


class SpaceFiles(Protocol):
    """A Space of any kind: its name on the Hub, its files, and how the Hub runs them."""

    sdk: ClassVar[str]  # gradio or static
    own_file: ClassVar[str]  # of every such Space, and of hardly anything else
    own_folder: ClassVar[str | None]  # whose files of an older version are removed

    @property
    def repo_id(self) -> str:
        """user/name of the Space."""

    @property
    def title(self) -> str | None:
        """None: derived from the name."""

    @property
    def licence(self) -> str:
        """Of the Space, as the Hub spells it."""

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of all files."""


@dataclass(frozen=True)
class Space:
    """The configuration of a Gradio Space."""

    sdk: ClassVar[str] = "gradio"
    own_file: ClassVar[str] = f"{PACKAGE}/__init__.py"
    own_folder: ClassVar[str | None] = PACKAGE

    repo_id: str
    models: tuple[ShownModel, ...]  # at least one, no duplicates
    title: str | None = None  # None: derived from the name
    licence: str = CODE_LICENSE  # of the Space, as the Hub spells it

    def __post_init__(self) -> None:
        check_repo_id(self.repo_id)
        names = [model.name for model in self.models]
        if not names or len(set(names)) < len(names):
            raise SettingsError(
                f"A Space shows one or more models, without duplicates. Received: {', '.join(names) or 'none'}. "
                "Try --model user/name."
            )
        check_title(self.title)
        object.__setattr__(self, "licence", check_license(self.licence))  # the instance is frozen

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of all files."""
        return _files(self)


def check_title(title: str | None) -> None:
    """Raises SettingsError unless a title is a line of text, or None."""
    if title is None:
        return
    if not (title.strip() and title.isprintable()):
        raise SettingsError(f"A title is a line of text. Received: {shorten(title)!r}. Leave --title out.")
    if len(title) > MAX_TITLE_LENGTH:
        raise SettingsError(f"A title has at most {MAX_TITLE_LENGTH} characters. Received: {len(title)}. Shorten it.")


def title_of(repo_id: str, title: str | None) -> str:
    """The title of a Space: the given one, or one from its name."""
    return title or re.sub(r"[-_]+", " ", repo_id.partition("/")[2]).strip() or PACKAGE


def write_space(folder: Path, space: SpaceFiles) -> None:
    """Writes the files of a Space to a new or empty folder, all of them or none; needs no network access.

    Raises:
        SettingsError: if the folder is not empty.
        DataError: if it cannot be written, or this package is incomplete.
    """
    folder = folder.absolute()
    try:
        if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
            raise SettingsError(
                f"A Space must be written to a new or empty folder. Received: {shorten(folder, 200)}, which is not "
                "empty. Give another."
            )
        with whole_folder(folder) as temporary:
            for path, content in space.files():
                (temporary / path).parent.mkdir(parents=True, exist_ok=True)
                (temporary / path).write_bytes(content)
            for entry in temporary.rglob("*"):
                flush_to_disk(entry)
            if folder.exists():  # some systems rename onto an empty folder, others do not
                folder.rmdir()
    except OSError as error:
        raise cannot_write(folder, error) from error


def find_model(repo_id: str, revision: str | None, token: str | None = None) -> ShownModel:
    """Downloads a model from the Hub, checks that it can be loaded, and resolves the revision to a commit.

    Raises:
        BundleError: if it is not a generator, or damaged.
        HubError: if it cannot be downloaded.
    """
    from dcgan_hub.hub.client import explained, open_client

    _, bundle = fetch_bundle(f"hf://{ShownModel(repo_id, revision).name}", token=token)
    read_bundle(bundle)
    with explained(repo_id):
        info = open_client(token).repo_info(repo_id, revision=bundle.name)
    return ShownModel(repo_id, bundle.name, public=not (info.private or info.gated))


def publish_space(space: SpaceFiles, private: bool | None = None, token: str | None = None) -> str:
    """Creates the Space if it is missing, and writes its files in one commit; returns the URL of its page.

    Package files of an older version that no longer exist are removed.

    Raises:
        HubUnavailable: if the Hub cannot be reached; nothing was changed.
        HubError: if the Hub refuses, or the repository of this name has other content.
    """
    from dcgan_hub.hub.account import check_account
    from dcgan_hub.hub.upload import commit_folder, read_contents

    check_account(space.repo_id, token)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "space"
        write_space(folder, space)
        _create(space, private, token)
        contents = read_contents(space.repo_id, token=token, repo_type="space")
        names = contents.names if contents else ()
        _refuse_foreign(space, names)
        commit = commit_folder(
            folder,
            space.repo_id,
            message="Write the Space",
            repo_type="space",
            token=token,
            parent=(contents.oid or None) if contents else None,
            delete=[name for name in names if name.startswith(f"{space.own_folder}/")],
        )
    return commit.url


def pinned_requirements() -> dict[str, str]:
    """The pinned version of every package that a Space needs, by name."""
    text = _package_file("publishing", PINS_FILE).read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return dict(line.split("==") for line in lines)


def _create(space: SpaceFiles, private: bool | None, token: str | None) -> None:
    from dcgan_hub.hub.upload import create_repository

    try:
        create_repository(space.repo_id, private=private, token=token, repo_type="space", space_sdk=space.sdk)
    except HubError as error:
        response = getattr(error.__cause__, "response", None)
        if space.sdk != Space.sdk or response is None or response.status_code not in (PAYMENT_REQUIRED, FORBIDDEN):
            raise
        raise HubError(
            f"{WHO_MAY_HAVE_ONE}. Received: the Hub refuses to create {space.repo_id} for this account "
            f"({response.status_code}). If your account is allowed to, create it on the Hub's website (new Space, "
            "Gradio, ZeroGPU) and run this command again; add --static for a Space that is free; or write it with "
            "--to FOLDER and run it anywhere."
        ) from error


def _refuse_foreign(space: SpaceFiles, names: Sequence[str]) -> None:
    foreign = [name for name in names if name not in COMMON_FILES]
    if foreign and space.own_file not in names:
        raise HubError(
            f"This Space needs a repository of its own. Received: the Space {space.repo_id}, which has "
            f"{len(foreign):,} other files such as {shorten(foreign[0])!r}. Choose another name."
        )


def _files(space: Space) -> Iterator[tuple[str, bytes]]:
    """Path and content of all files of a Space."""
    models = json.dumps(",".join(model.name for model in space.models))
    yield "app.py", APP.format(models=models).encode()
    yield "README.md", _readme(space).encode()
    yield "requirements.txt", _package_file("publishing", PINS_FILE).read_bytes()
    for name in LEGAL_FILES:
        yield name, legal_text(name).encode()
    package = _package_file()
    for path in sorted(package.rglob("*")):
        parts = path.relative_to(package).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        measures = parts[:2] == ("assets", "features")  # the feature network for evaluation, which a Space does not do
        if path.is_file() and path.suffix in SOURCE_SUFFIXES and not hidden and not measures:
            yield "/".join((PACKAGE, *parts)), path.read_bytes()


def space_metadata(space: SpaceFiles, **own: Any) -> str:
    """The metadata of a Space's card as YAML: what all of ours have, and what is its own."""
    from huggingface_hub import SpaceCardData

    return SpaceCardData(
        title=title_of(space.repo_id, space.title), emoji=EMOJI, colorFrom=COLOR_FROM, colorTo=COLOR_TO, sdk=space.sdk,
        license=space.licence, tags=TAGS, short_description=SHORT_DESCRIPTION, **own,
    ).to_yaml()  # fmt: skip


def _readme(space: Space) -> str:
    preloaded = [model for model in space.models if model.public and is_commit(model.revision)]
    optional: dict[str, Any] = {}
    if preloaded:
        files = f"{FACTS_FILE},{WEIGHTS_FILE}"
        optional["preload_from_hub"] = [f"{model.repo_id} {files} {model.revision}" for model in preloaded]
    repositories = list(dict.fromkeys(model.repo_id for model in space.models))
    metadata = space_metadata(
        space, sdk_version=pinned_requirements()["gradio"], python_version=PYTHON_VERSION, app_file="app.py",
        models=repositories, **optional,
    )  # fmt: skip
    links = ", ".join(f"[{repo_id}](https://huggingface.co/{repo_id})" for repo_id in repositories)
    text = README.format(metadata=metadata, models=links)
    return text if all(model.public for model in space.models) else text + PRIVATE_NOTE


def _package_file(*parts: str) -> Path:
    """A file of this package, or its folder."""
    return Path(str(importlib.resources.files(PACKAGE))).joinpath(*parts)


def legal_text(name: str) -> str:
    """LICENSE or NOTICE: beside the package in a checkout or a Space, in the metadata of an installed package."""
    beside = _package_file().parent / name
    text = beside.read_text(encoding="utf-8") if beside.is_file() else ""
    if f"{PACKAGE} authors" in text:  # in site-packages it could belong to another package
        return text
    try:
        text = importlib.metadata.distribution("dcgan-hub").read_text(f"licenses/{name}") or ""
    except importlib.metadata.PackageNotFoundError:
        text = ""
    if not text:
        raise DataError(f"The package must come with its {name}. Received: none. Install dcgan-hub again.")
    return text
