"""What a source holds, before anything is decoded."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from dcgan_hub.images.sources.file_names import labels_from_folders, printable
from dcgan_hub.images.sources.readers import Reader

EXAMPLES_KEPT = 3

# Reads an item, or at least as many of its first bytes as asked for: an encoded image, or uint8 pixels from an array.
# May raise `RejectedFile`.
Sample = Callable[[int | None], "bytes | np.ndarray"]


def already_read(content: bytes | np.ndarray) -> Sample:
    """Returns a sample of content that has been read already."""
    return lambda limit: content


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """Files that were left out for one reason."""

    count: int
    examples: tuple[str, ...]  # at most three, printable, as `'photos/a.jpg' (48 x 48)`


class RejectionCounts:
    """Counts rejected files by reason and keeps the first few as examples."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, reason: str, name: str, detail: str = "") -> None:
        """Counts one file."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        examples = self._examples.setdefault(reason, [])
        if len(examples) < EXAMPLES_KEPT:
            examples.append(f"'{printable(name)}'" + (f" ({printable(detail)})" if detail else ""))

    def add_unnamed(self, reason: str, count: int) -> None:
        """Counts further files for a reason, without examples."""
        if count:
            self._counts[reason] = self._counts.get(reason, 0) + count

    def total(self) -> int:
        """Returns how many files were rejected for any reason."""
        return sum(self._counts.values())

    def include(self, part: "RejectionCounts", folder: str) -> None:
        """Adds the counts of a part of a source, whose examples get `folder` in front of their names."""
        for reason, count in part._counts.items():
            self._counts[reason] = self._counts.get(reason, 0) + count
            examples = self._examples.setdefault(reason, [])
            examples += [f"'{printable(folder)}/{name[1:]}" for name in part._examples[reason]]
            del examples[EXAMPLES_KEPT:]

    def freeze(self) -> dict[str, Rejected]:
        """Returns what was counted, the most frequent reason first."""
        reasons = sorted(self._counts, key=lambda reason: (-self._counts[reason], reason))
        return {r: Rejected(count=self._counts[r], examples=tuple(self._examples[r])) for r in reasons}

    def copy(self) -> "RejectionCounts":
        """Returns an independent copy."""
        other = RejectionCounts()
        other._counts = dict(self._counts)
        other._examples = {reason: list(examples) for reason, examples in self._examples.items()}
        return other


@dataclass(kw_only=True)
class Listing:
    """Candidates of a source in their final order: sorted by name for files, as stored for arrays and tables."""

    reader: Reader
    names: Sequence[str]
    locators: Sequence[Any]  # as many as names; what `reader.read` takes
    labels: np.ndarray | None = None  # int32 (N,), -1 = none; None = the folders in the names are the labels
    label_names: tuple[str, ...] = ()
    pixel_shape: tuple[int, ...] | None = None  # (H, W) or (H, W, C) if the items are rows of an array
    others: Counter[str] = field(default_factory=Counter)  # files that are clearly not images, by `kind_of`
    refused: RejectionCounts = field(default_factory=RejectionCounts)  # by name or archive entry

    def files_found(self) -> int:
        """Returns how many files there are, usable or not."""
        return len(self.names) + self.others.total() + self.refused.total()

    def labels_of(self, rows: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
        """Returns the labels of some items, int32 (N,), -1 = none, and the label names."""
        if self.labels is not None:
            return self.labels[rows].astype(np.int32), self.label_names
        return labels_from_folders([self.names[row] for row in rows.tolist()])

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives up to `count` evenly spread items."""
        for index in np.unique(np.linspace(0, max(0, len(self.names) - 1), count).astype(int)) if self.names else ():
            yield partial(self.reader.read, self.locators[index])


def file_key(path: Path) -> str:
    """Identifies the state of a file without reading it."""
    status = path.stat()
    return f"{path.resolve()}\0{status.st_size}\0{status.st_mtime_ns}"


class Source(Protocol):
    """Where images come from: a folder, an archive, an array, a table or a Hub dataset, before anything is read."""

    text: str  # how messages call it, printable and in quotes

    def key(self) -> str:
        """Identifies the state of the source, quickly: equal keys mean that nothing has changed."""
        ...

    def listing(self, workspace: Path) -> Listing:
        """Lists the candidates; may unpack content into the workspace, which exists until all of it has been read."""
        ...

    def samples(self, count: int) -> Iterator[Sample]:
        """Yields up to `count` items, evenly spread where that is cheap, without a workspace or reading all of it."""
        ...


class FileSource:
    """A source in a single file; subclasses know its format."""

    def __init__(self, path: Path) -> None:
        """Takes an existing file."""
        self.text = f"'{printable(str(path))}'"
        self._path = path

    def key(self) -> str:
        """Identifies the file by path, size and time of modification."""
        return file_key(self._path)
