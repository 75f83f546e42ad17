"""Where images come from: finds out what `--data` means."""

import os
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Protocol

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.archives import TarSource, ZipSource
from dcgan_hub.images.sources.arrays import KERAS_NAMES, IdxSource, KerasSource, is_idx_header
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.folders import FolderSource
from dcgan_hub.images.sources.listing import Listing, Sample
from dcgan_hub.images.sources.numpy_files import ARRAY_IN_FILE, NumpySource
from dcgan_hub.images.sources.parquet import HUB_NAME, HubSource, ParquetSource

EMBEDDED_NAME = "avatars"
EMBEDDED_LICENSE = "cc0-1.0"  # see NOTICE
FORMS = (
    "a folder of images, a .zip or .tar archive, a .npy, .npz, idx or parquet file, a data set of the Hugging Face Hub "
    "(user/name), or one of avatars, mnist, fashion-mnist, cifar10"
)

KNOWN_SUFFIX = re.compile(
    r"\.(zip|tar(\.(gz|bz2|xz))?|tgz|tbz2?|txz|npy|npz|parquet|idx[34]-ubyte(\.gz)?|gz)(?=:|$)", re.IGNORECASE
)


class Source(Protocol):
    """Images somewhere, not yet read."""

    text: str  # how messages call it, printable and in quotes

    def key(self) -> str:
        """Identifies the state of the source; equal keys mean that nothing has changed. Fast."""
        ...

    def listing(self, workspace: Path) -> Listing:
        """Lists the candidates; may lay unpacked content into the workspace, which lives as long as it is read."""
        ...

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives up to `count` items, evenly spread where that is cheap, without a workspace and without reading all."""
        ...


def open_source(data: str | os.PathLike) -> Source:
    """Finds out what `data` means; a path that exists comes before a name of the same spelling.

    Raises DataError if it means nothing, or the file is of no known form.
    """
    given = os.fspath(data)
    if not given:
        raise DataError(f"`--data` must be {FORMS}. Received: an empty text.")
    if not isinstance(data, str) or not given.startswith("hf://"):
        try:
            path = Path(given).expanduser()
            if path.is_dir():
                return _source_of_folder(path)
            if path.is_file():
                return _source_of_file(path)
            if (match := ARRAY_IN_FILE.fullmatch(str(path))) and Path(match[1]).is_file():
                return NumpySource(Path(match[1]), match[2])
            if path.exists():
                raise DataError(f"`--data` must be {FORMS}. Received: '{printable(given)}', a device or a pipe.")
        except (OSError, ValueError, RuntimeError) as error:  # not permitted, no such name possible, no such home
            if isinstance(error, DataError):
                raise
            raise DataError(f"`--data` must be {FORMS}. Received: '{printable(given)}': {error}.") from None
    if given == EMBEDDED_NAME:
        return _embedded_source()
    if given in KERAS_NAMES:
        return KerasSource(given)
    if match := HUB_NAME.fullmatch(given):
        return HubSource(match[1], match[2], given)
    raise DataError(f"`--data` must be {FORMS}. Received: '{printable(given)}', which does not exist.")


def hub_id(data: str) -> str | None:
    """Name of the Hub data set that `data` means, without revision and split; None for anything else."""
    match = HUB_NAME.fullmatch(data)
    if not match or data in KERAS_NAMES or ARRAY_IN_FILE.fullmatch(data):
        return None
    if not data.startswith("hf://") and Path(data).expanduser().exists():
        return None
    return match[1]


def data_name(data: str) -> str:
    """What is made of `data` is called so: anime for ./anime, data/anime.tar.gz or hf://datasets/user/anime@v1.

    Only suffixes of the forms that can be read are dropped, so that set_v1.0 and set_v1.1 stay two names. Backslashes
    separate folders on every system: a path that begins with a drive would name the place itself.
    """
    text = data.partition("@")[0] if data.startswith("hf://") or hub_id(data) else data
    last = ([part for part in re.split(r"[/\\]", text) if part] or [""])[-1]
    if last in ("", ".", "..", "~"):
        last = Path(text).expanduser().resolve().name
    elif re.fullmatch("[A-Za-z]:", last):
        last = ""
    return re.sub("[:@]", "-", KNOWN_SUFFIX.sub("", last)) or "data"


def _source_of_folder(folder: Path) -> Source:
    """Takes parquet files in place of images if the folder has such and no images, as copies of Hub data sets do."""
    source = FolderSource(folder)
    tables = sorted(folder.glob("**/*.parquet"), key=str) if source.is_empty() else []
    return ParquetSource(tables, source.text) if tables else source


def _source_of_file(path: Path) -> Source:
    """Judges a file by its first bytes, because downloads often carry wrong extensions."""
    name = path.name.lower()
    with path.open("rb") as file:
        head = file.read(512)
    if name.endswith((".npz", ".npy")) or head.startswith(b"\x93NUMPY"):
        return NumpySource(path)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return ZipSource(path)
    if is_idx_header(head) or (head.startswith(b"\x1f\x8b") and "ubyte" in name):
        return IdxSource(path)
    if head.startswith(b"PAR1"):
        return ParquetSource([path])
    if head[257:262] == b"ustar" or head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or name.endswith(".tar"):
        return TarSource(path)
    raise DataError(
        f"`--data` must be {FORMS}. Received: the file '{printable(str(path))}', which is none of these. "
        "Put single images into a folder and give the folder."
    )


def _embedded_source() -> Source:
    path = resources.files("dcgan_hub") / "assets" / "avatars.zip"
    if not isinstance(path, Path) or not path.is_file():
        raise DataError(
            "The embedded data set 'avatars' must lie in the installed package. Received: an installation without "
            "'dcgan_hub/assets/avatars.zip'. Install the package again."
        )
    source = ZipSource(path)
    source.text = f"'{EMBEDDED_NAME}'"
    return source
