"""A static Space: one page that draws a generator's images in the browser. The Hub only serves its files."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dcgan_hub.bundle.card import check_license
from dcgan_hub.hub.names import check_repo_id
from dcgan_hub.images.grids import make_sheet, save_png
from dcgan_hub.pages.page import HUB, make_hub_page
from dcgan_hub.publishing.space import (
    CODE_LICENSE,
    LEGAL_FILES,
    ShownModel,
    check_title,
    legal_text,
    space_metadata,
    title_of,
)

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

WHAT_IT_COSTS = "Static Spaces are free for every account, and need no processor of the Hub"
PAGE_FILE, THUMBNAIL_FILE = "index.html", "thumbnail.png"

README = """\
---
{metadata}
---

Images that a small network has learned to draw{models}. They are drawn in your browser: the Hub only serves the files.
Every seed is one image, the same here, on the command line and in Python. Created by `dcgan-hub space --static`.
"""


@dataclass(frozen=True)
class StaticSpace:
    """The configuration of a static Space, and its page."""

    sdk: ClassVar[str] = "static"
    own_file: ClassVar[str] = "NOTICE"  # of this package
    own_folder: ClassVar[str | None] = None

    repo_id: str
    page: bytes  # HTML
    model: str | None = None  # user/name on the Hub; None if the page carries one that is not there
    thumbnail: bytes | None = None  # PNG; None if the images were not at hand
    title: str | None = None  # None: derived from the name
    licence: str = CODE_LICENSE  # of the Space, as the Hub spells it

    def __post_init__(self) -> None:
        check_repo_id(self.repo_id)
        check_title(self.title)
        object.__setattr__(self, "licence", check_license(self.licence))  # the instance is frozen

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of all files."""
        yield PAGE_FILE, self.page
        yield "README.md", _readme(self).encode()
        if self.thumbnail is not None:
            yield THUMBNAIL_FILE, self.thumbnail
        for name in LEGAL_FILES:
            yield name, legal_text(name).encode()


def loading_page(space_id: str, title: str | None, model: ShownModel) -> bytes:
    """A page that loads its model from the Hub at `HF_ENDPOINT`."""
    from huggingface_hub import constants

    return make_hub_page(title_of(space_id, title), model.repo_id, model.revision or "main", constants.ENDPOINT)


def embedding_page(generator: "Generator") -> bytes:
    """The page of `Generator.save_page`."""
    with tempfile.TemporaryDirectory() as folder:
        return generator.save_page(Path(folder) / PAGE_FILE).read_bytes()


def draw_thumbnail(generator: "Generator") -> bytes:
    """A PNG of 16 images."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / THUMBNAIL_FILE
        save_png(make_sheet(generator.generate(range(16)), columns=4), path, {"seeds": "0-15"})
        return path.read_bytes()


def _readme(space: StaticSpace) -> str:
    optional: dict[str, Any] = {}
    if space.model is not None:
        optional["models"] = [space.model]
    if space.thumbnail is not None:
        optional["thumbnail"] = f"{HUB}/spaces/{space.repo_id}/resolve/main/{THUMBNAIL_FILE}"
    metadata = space_metadata(space, app_file=PAGE_FILE, **optional)
    models = f": [{space.model}]({HUB}/{space.model})" if space.model else ""
    return README.format(metadata=metadata, models=models)
