"""A folder of image files, nested as people have them."""

import os
import stat
from collections import Counter
from collections.abc import Container, Iterator
from hashlib import sha256
from pathlib import Path

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.exclusions import MARKER_NAMES, RUN, excluded_files, exclusion_of, is_run
from dcgan_hub.images.sources.file_names import is_junk, printable
from dcgan_hub.images.sources.listing import Listing, RejectionCounts, Sample
from dcgan_hub.images.sources.other_kinds import kind_of
from dcgan_hub.images.sources.readers import CANNOT_OPEN, EMPTY, NOT_REGULAR, FileReader

DEEPEST_FOLDER = 64


class FolderSource:
    """Image files below a folder; links are followed, and a folder is never entered from within itself.

    Files that are not training images by location or origin (`exclusions.py`) are counted, but not part of `key`.
    """

    def __init__(self, folder: Path) -> None:
        """Takes an existing folder."""
        self.text = f"'{printable(str(folder))}/'"
        self._folder = folder
        self._listing: Listing | None = None
        self._key = ""
        self._others: list[str] = []

    def key(self) -> str:
        """Returns a digest of place, names, sizes and times of modification: equal as long as nothing is changed."""
        self._scan()
        return self._key

    def listing(self, workspace: Path) -> Listing:
        """Returns the files sorted by name; needs no workspace."""
        return self._scan()

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives evenly spread files."""
        return self._scan().samples(count)

    def is_empty(self) -> bool:
        """Whether there are no candidates for images."""
        return not self._scan().names

    def other_kinds(self) -> Counter[str]:
        """Returns the numbers of files that are clearly not images, by `kind_of`."""
        return self._scan().others

    def names_of(self, kinds: Container[str]) -> list[str]:
        """Returns the names of files of these kinds, sorted, relative to the folder."""
        self._scan()
        return sorted(name for name in self._others if kind_of(name) in kinds)

    def _scan(self) -> Listing:
        if self._listing is not None:
            return self._listing
        refused, facts = RejectionCounts(), []
        unusable = []
        for name, size, modified, reason in _walk(self._folder, refused):
            if is_junk(name):
                self._others.append(name)
            elif reason:
                unusable.append((name, reason))
            else:
                facts.append((name, size, modified))
        facts.sort()
        excluded = excluded_files(self._folder, [name for name, _, _ in facts])
        for name, reason in excluded.items():
            refused.add(reason, name)
        if excluded:
            facts = [fact for fact in facts if fact[0] not in excluded]
        unusable.sort()
        for name, reason in unusable:
            refused.add(reason, name)
        # The place belongs to it: unpacked archives may agree in every name, size and time, and differ in content.
        lines = [f"{self._folder.resolve()}\n"]
        lines += [f"{name}\0{size}\0{modified}\n" for name, size, modified in facts]
        lines += [f"{name}\0{reason}\n" for name, reason in unusable]
        self._key = sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
        names = [name for name, _, _ in facts]
        self._listing = Listing(
            reader=FileReader(str(self._folder)),
            names=names,
            locators=names,
            refused=refused,
            others=Counter(map(kind_of, self._others)),
        )
        return self._listing


def _walk(top: Path, excluded: RejectionCounts) -> Iterator[tuple[str, int, int, str]]:
    """Gives (relative name, size, time of modification in ns, reason why it is unusable or '') of each file.

    Files in folders without training images are only counted, in `excluded`, under the name of the folder.

    Raises DataError if the top folder cannot be read; folders below are reported as unusable instead.
    """
    # A stack instead of recursion, and strings instead of Paths: this runs over 100,000 files at each start.
    top_identity = _identity(os.stat(top))  # noqa: PTH116
    stack: list[tuple[str, frozenset]] = [("", frozenset([top_identity]))]
    while stack:
        prefix, ancestors = stack.pop()
        try:
            entries = os.scandir(f"{top}/{prefix}")
        except OSError as error:
            if not prefix:
                raise DataError(
                    f"The folder of images must be readable. Received: '{printable(str(top))}': {error.strerror}. "
                    "Change its permissions, or give another folder."
                ) from None
            yield prefix.rstrip("/"), 0, 0, CANNOT_OPEN
            continue
        files, folders, markers = _entries(entries, prefix)
        folder_name = prefix.rstrip("/").rpartition("/")[2]
        # The top folder was chosen by the user, so only a run directory is refused, all of whose images are generated.
        if reason := exclusion_of(folder_name, markers) if prefix else is_run(markers) and RUN:
            if count := sum(len(names) for _, _, names in os.walk(f"{top}/{prefix}")):
                excluded.add(reason, prefix or "./")
                excluded.add_unnamed(reason, count - 1)
            continue
        yield from files
        for name, identity in folders:
            if identity not in ancestors and len(ancestors) <= DEEPEST_FOLDER:
                stack.append((name + "/", ancestors | {identity}))


def _entries(entries: "os._ScandirIterator[str]", prefix: str) -> tuple[list[tuple], list[tuple], set[str]]:
    """Returns the files of a folder as `_walk` yields them, names and identities of its subfolders, and its markers."""
    files: list[tuple[str, int, int, str]] = []
    folders: list[tuple[str, tuple[int, int]]] = []
    markers = set()
    with entries:
        for entry in entries:
            name = prefix + (own_name := entry.name)
            if own_name in MARKER_NAMES:
                markers.add(own_name)
            try:
                status = entry.stat()
            except OSError:
                files.append((name, 0, 0, CANNOT_OPEN))  # a broken link, or a loop of links to files
                continue
            if stat.S_ISREG(status.st_mode):
                files.append((name, status.st_size, status.st_mtime_ns, "" if status.st_size else EMPTY))
            elif stat.S_ISDIR(status.st_mode):
                folders.append((name, _identity(status)))
            else:
                files.append((name, 0, 0, NOT_REGULAR))
    return files, folders, markers


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
