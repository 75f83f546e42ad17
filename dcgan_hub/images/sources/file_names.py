"""Names of files: which can be images at all, what label their folder gives, how messages show them."""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

JUNK_NAMES = frozenset(
    {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "license", "readme", "makefile", "_success"}
)
JUNK_FOLDERS = frozenset({"__macosx", "$recycle.bin", "system volume information", "@eadir"})
# Files that say themselves that they are something else. All others are opened and judged by content, because images
# without extension or with a strange one are common.
JUNK_EXTENSIONS = frozenset(
    "txt md rst log csv tsv json jsonl ndjson xml yaml yml toml ini cfg html htm css js ts py pyc ipynb sh bat "
    "java pdf doc docx xls xlsx ppt pptx odt zip tar gz tgz bz2 xz zst 7z rar npy npz parquet arrow feather h5 "
    "hdf5 pkl pt pth safetensors onnx tfrecord mat mdb lmdb cls db sqlite mp4 mov avi mkv webm mp3 wav flac m4a "
    "ogg exe dll so lnk url torrent part idx crdownload tmp bak xmp aae mtl obj blend".split()
)
SPLIT_FOLDERS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "eval"})
MAX_SHOWN_NAME_LENGTH = 120


def printable(text: str) -> str:
    """Returns `text` safe for a terminal: letters of any script stay, control and direction characters are escaped."""
    if len(text) > MAX_SHOWN_NAME_LENGTH:
        text = f"{text[:50]}…{text[-60:]}"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def is_junk(name: str) -> bool:
    """Tells by its name alone whether a file is plainly no image. `name` is relative, with `/` between folders."""
    # Written without pathlib: it runs for every file at each start, and 100,000 files must take a fraction of a second.
    if name.startswith(".") or "/." in name:
        return True
    folder, _, last = name.lower().rpartition("/")
    if last in JUNK_NAMES or ("." in last and last.rpartition(".")[2] in JUNK_EXTENSIONS):
        return True
    return bool(folder) and not JUNK_FOLDERS.isdisjoint(folder.split("/"))


def is_unsafe(name: str) -> bool:
    """Tells whether the name of an archive's member points outside of the archive, as in `../../etc/passwd`."""
    portable = name.replace("\\", "/")
    drive = portable[1:3] == ":/"
    return portable.startswith("/") or drive or ".." in portable.split("/") or "\0" in name


def labels_from_folders(names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Reads labels off the folders that the images lie in.

    The folders that all images share say nothing and are left out (`cifar10/` in `cifar10/cat/1.png`), so are the
    customary names of splits (`train/`, `test/`). The first folder that remains is the label.

    Args:
        names: of the used images, relative, with `/` between folders.

    Returns:
        int32 (N,) of indices into the sorted label names, -1 for an image without label; and the label names.
    """
    folders = [PurePosixPath(name).parts[:-1] for name in names]
    unlabeled = np.full(len(names), -1, np.int32)
    if not folders:
        return unlabeled, ()
    first, last = min(folders), max(folders)  # what the extremes share, all between them share
    shared = 0
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    labels = []
    for parts in folders:
        rest = [part for part in parts[shared:] if part.lower() not in SPLIT_FOLDERS]
        labels.append(rest[0] if rest else None)
    label_names = tuple(sorted({label for label in labels if label is not None}))
    index = {label: number for number, label in enumerate(label_names)}
    for row, label in enumerate(labels):
        if label is not None:
            unlabeled[row] = index[label]
    return unlabeled, label_names
