"""Finds out what `--data` means: which kind of source it is."""

import os
import re
from collections import Counter
from dataclasses import replace
from importlib import resources
from pathlib import Path

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.archives import TarSource, ZipSource
from dcgan_hub.images.sources.arrays import KERAS_NAMES, IdxSource, KerasSource, is_idx_header
from dcgan_hub.images.sources.file_names import printable
from dcgan_hub.images.sources.folders import FolderSource
from dcgan_hub.images.sources.hub_data import HubSource
from dcgan_hub.images.sources.hub_names import advice_on_address, parse_hub_name
from dcgan_hub.images.sources.listing import Source
from dcgan_hub.images.sources.numpy_files import ARRAY_IN_FILE, NumpySource
from dcgan_hub.images.sources.other_kinds import ADVICE, ARCHIVES, ARRAYS, TABLES, advice_on_kinds, kind_of
from dcgan_hub.images.sources.shards import ShardsSource
from dcgan_hub.images.sources.tables import TableSource, current_files

EMBEDDED_NAME = "avatars"
EMBEDDED_LICENSE = "cc0-1.0"  # see NOTICE
FORMS = (
    "a folder of images, a .zip or .tar archive, a .npy, .npz, idx, parquet or arrow file, a dataset on the Hugging "
    "Face Hub (user/name or user/name:subset), or one of avatars, mnist, fashion-mnist, cifar10"
)
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_SUFFIXES = "|".join(map(re.escape, (*ARCHIVES, *ARRAYS, *TABLES, ".tbz", ".tbz2", ".txz", ".gz")))
KNOWN_SUFFIX = re.compile(rf"(\.idx[34]-ubyte(\.gz)?|{_SUFFIXES})(?=:|$)", re.IGNORECASE)


def open_source(data: str | os.PathLike, label_column: str | None = None) -> Source:
    """Finds out what `data` means, see `_open`, and where its labels are.

    Args:
        data: a folder, an archive, an array, a table, a Hub dataset, or a name.
        label_column: name of the column of a table or Hub dataset, or of the array in an .npz file, that holds the
            labels; None: one of the usual name, or the folders in which images are.

    Raises:
        DataError: if `data` means nothing, or the file is of no known form, or can have no column of labels.
    """
    source = _open(data)
    if label_column is not None:
        if not isinstance(source, TableSource | HubSource | NumpySource):
            raise DataError(
                "`--label-column` names a column of a table or of a dataset on the Hub, or an array of an .npz file. "
                f"Received: '{printable(label_column)}' for {source.text}, which is none of these. Leave it out."
            )
        source.label_column = label_column
    return source


def _open(data: str | os.PathLike) -> Source:
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
    if name := parse_hub_name(given):
        return HubSource(name, given)
    advice = advice_on_address(given)
    received = f"'{printable(given)}'" + (f". {advice}" if advice else ", which does not exist.")
    raise DataError(f"`--data` must be {FORMS}. Received: {received}")


def hub_id(data: str) -> str | None:
    """Name of the Hub dataset that `data` means, without revision, subset and split; None for anything else."""
    name = parse_hub_name(data)
    if not name or data in KERAS_NAMES or ARRAY_IN_FILE.fullmatch(data):
        return None
    if not data.startswith("hf://") and Path(data).expanduser().exists():
        return None
    return name.repo_id


def with_split(data: str, split: str) -> str:
    """Adds a split to a Hub dataset, as in `user/name:subset:split`. Raises `DataError` for any other `data`."""
    name = parse_hub_name(data) if hub_id(data) else None
    if name is None or name.split not in (None, split):
        raise DataError(
            "`--split` selects a split of a dataset on the Hub, given as user/name or user/name:subset. Received: "
            f"'{printable(data)}'. Give the folder or file of that split, or leave out --split."
        )
    return ("hf://datasets/" if "://" in data else "") + str(replace(name, split=split))


def data_name(data: str) -> str:
    """Name for runs and sheets made from `data`: anime for ./anime, data/anime.tar.gz or hf://datasets/user/anime@v1.

    Only suffixes of known formats are dropped, so set_v1.0 and set_v1.1 remain distinct. Backslashes separate folders
    on every system: on Windows, `runs/` followed by a path with a drive letter would be the data folder itself.
    """
    text = re.sub("@[^:]*", "", data) if data.startswith("hf://") or hub_id(data) else data
    last = ([part for part in re.split(r"[/\\]", text) if part] or [""])[-1]
    if last in ("", ".", "..", "~"):
        last = Path(text).expanduser().resolve().name
    elif re.fullmatch("[A-Za-z]:", last):
        last = ""
    return re.sub("[:@]+", "-", KNOWN_SUFFIX.sub("", last)) or "data"


def _source_of_folder(folder: Path) -> Source:
    """A folder of images; without images, its archives (shards) or tables, as in a copy of a dataset repository.

    Archives take precedence, since tables beside shards contain metadata about them.
    """
    source = FolderSource(folder)
    if not source.is_empty():
        return source
    kinds = {kind: count for kind, count in source.other_kinds().items() if kind in ADVICE}
    for wanted in (ARCHIVES, TABLES, ARRAYS):
        if kinds.keys().isdisjoint(wanted):
            continue
        paths = [folder / name for name in source.names_of(wanted)]
        others = Counter({kind: count for kind, count in kinds.items() if kind not in wanted})
        if wanted is ARCHIVES:
            shards = [(path, ZipSource(path) if _head(path).startswith(ZIP) else TarSource(path)) for path in paths]
            return ShardsSource(shards, source.text, others)
        if wanted is TABLES:
            return TableSource(current_files(paths), source.text, others)
        if len(paths) == 1:
            return NumpySource(paths[0])
    return source


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _source_of_file(path: Path) -> Source:
    """Detects the format by the first bytes, since downloads often have wrong extensions."""
    name = path.name.lower()
    head = _head(path)
    if name.endswith((".npz", ".npy")) or head.startswith(b"\x93NUMPY"):
        return NumpySource(path)
    if head.startswith(ZIP):
        return ZipSource(path)
    if is_idx_header(head) or (head.startswith(b"\x1f\x8b") and "ubyte" in name):
        return IdxSource(path)
    if head.startswith((b"PAR1", b"ARROW1", b"\xff\xff\xff\xff")):
        return TableSource([path])
    if head[257:262] == b"ustar" or head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or name.endswith(".tar"):
        return TarSource(path)
    raise DataError(
        f"`--data` must be {FORMS}. Received: the file '{printable(str(path))}', which is none of these. "
        + (", ".join(advice_on_kinds([kind_of(path.name)])) or "Put single images into a folder and give the folder.")
    )


def _embedded_source() -> Source:
    path = resources.files("dcgan_hub") / "assets" / "avatars.zip"
    if not isinstance(path, Path) or not path.is_file():
        raise DataError(
            "The embedded dataset 'avatars' must be part of the installed package. Received: an installation without "
            "'dcgan_hub/assets/avatars.zip'. Install the package again."
        )
    source = ZipSource(path)
    source.text = f"'{EMBEDDED_NAME}'"
    return source
