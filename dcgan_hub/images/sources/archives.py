"""Image files inside a zip or tar archive, never unpacked to the disk under names that the archive chose."""

import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Self

from dcgan_hub.errors import DataError
from dcgan_hub.images.sources.exclusions import excluded_members
from dcgan_hub.images.sources.file_names import is_junk, is_unsafe, printable
from dcgan_hub.images.sources.listing import FileSource, Listing, RejectionCounts, Sample, already_read
from dcgan_hub.images.sources.other_kinds import kind_of
from dcgan_hub.images.sources.readers import (
    EMPTY,
    MAX_FILE_BYTES,
    MAX_RATIO,
    NOT_REGULAR,
    RATIO_MATTERS_FROM,
    TOO_LARGE,
    SpanReader,
    ZipReader,
)

UNSAFE_NAME = "stored under an unsafe name"
ENCRYPTED = "encrypted"
OTHER_METHOD = "packed by a method other than deflate"
BOMB = f"packed more than {MAX_RATIO} to 1"
OVERLAPPING = "overlapping another file of the archive"
REPEATED_NAME = "stored twice under the same name"
# What the standard library raises on a damaged archive; gzip.BadGzipFile and plain I/O errors are OSErrors.
DAMAGE = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError,
    EOFError, OSError, ValueError, NotImplementedError, RecursionError,
)  # fmt: skip
TAR_TYPES_READ_WHOLE = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip


class ZipSource(FileSource):
    """Members of a zip archive."""

    def listing(self, workspace: Path) -> Listing:
        """Reads the directory of the archive. Raises `DataError` if it is damaged; needs no workspace."""
        refused = RejectionCounts()
        others: Counter[str] = Counter()
        entries: list[tuple[str, tuple[int, int, int, int, int]]] = []
        with damage_explained(self.text, "zip"), zipfile.ZipFile(self._path) as archive:
            members = archive.infolist()
        members.sort(key=lambda member: member.filename)
        overlapping = _overlapping_offsets(members)
        excluded = excluded_members([member.filename for member in members if not member.is_dir()])
        previous = None
        for member in members:
            name = member.filename
            if member.is_dir():
                continue
            if name in excluded:
                refused.add(excluded[name], name)
            elif is_junk(name) and not is_unsafe(name):
                others[kind_of(name)] += 1
            elif reason := _reason_against(member, overlapping):
                refused.add(reason, name)
            elif name == previous:
                refused.add(REPEATED_NAME, name)
            else:
                place = (member.header_offset, member.compress_size, member.file_size, member.compress_type, member.CRC)
                entries.append((name, place))
                previous = name
        return Listing(
            reader=ZipReader(str(self._path)),
            names=[name for name, _ in entries],
            locators=[place for _, place in entries],
            others=others,
            refused=refused,
        )

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives evenly spread members."""
        return self.listing(self._path.parent).samples(count)


def _reason_against(member: zipfile.ZipInfo, overlapping: set[int]) -> str:
    """Tells why a member is not even to be opened, or returns ''."""
    if is_unsafe(member.filename) or is_unsafe(member.orig_filename):
        return UNSAFE_NAME
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return NOT_REGULAR
    if member.flag_bits & 0x1:
        return ENCRYPTED
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return OTHER_METHOD
    if member.file_size == 0:
        return EMPTY
    if member.file_size > MAX_FILE_BYTES or member.compress_size > MAX_FILE_BYTES:
        return TOO_LARGE
    if member.file_size > max(RATIO_MATTERS_FROM, MAX_RATIO * member.compress_size):
        return BOMB
    return OVERLAPPING if member.header_offset in overlapping else ""


def _overlapping_offsets(members: list[zipfile.ZipInfo]) -> set[int]:
    """Returns header offsets of members whose data reach into the next one: a zip bomb without high ratios."""
    ordered = sorted(members, key=lambda member: member.header_offset)
    found: set[int] = set()
    for member, following in pairwise(ordered):
        if member.header_offset + 30 + len(member.filename) + member.compress_size > following.header_offset:
            found.update((member.header_offset, following.header_offset))
    return found


class TarSource(FileSource):
    """Regular members of a tar archive, plain or packed with gzip, bzip2 or xz."""

    def listing(self, workspace: Path) -> Listing:
        """Lists the archive. A packed one can only be read from front to end, so its images are laid in the workspace.

        Raises DataError if the archive is damaged before its first image.
        """
        refused, junk_names = RejectionCounts(), []
        entries: dict[str, tuple[int, int]] = {}
        packed = not _is_plain_tar(self._path)
        spool = workspace / "members"
        with spool.open("wb") if packed else open(os.devnull, "wb") as output:  # noqa: PTH123
            for member, content in _tar_members(self._path, self.text):
                reason = _reason_against_tar(member)
                if is_junk(member.name) and reason != UNSAFE_NAME:
                    junk_names.append(member.name)
                elif reason:
                    refused.add(reason, member.name)
                elif packed:
                    # The later of two members of one name is the current one: that is how tar updates archives.
                    entries[member.name] = (output.tell(), _copy(content, output, self.text))
                else:
                    entries[member.name] = (member.offset_data, member.size)
        for name, reason in excluded_members([*entries, *junk_names]).items():
            if entries.pop(name, None):  # other files are not images anyway
                refused.add(reason, name)
        names = sorted(entries)
        return Listing(
            reader=SpanReader(str(spool if packed else self._path)),
            names=names,
            locators=[entries[name] for name in names],
            others=Counter(map(kind_of, junk_names)),
            refused=refused,
        )

    def samples(self, count: int) -> Iterator[Sample]:
        """Gives evenly spread members; of a packed archive the first ones, as others are behind them."""
        if _is_plain_tar(self._path):
            yield from self.listing(self._path.parent).samples(count)
            return
        for member, content in _tar_members(self._path, self.text):
            if count and not is_junk(member.name) and not _reason_against_tar(member):
                count -= 1
                yield already_read(content.read())  # now, as a stream does not come back
            if not count:
                return


def _is_plain_tar(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(512)
    return not head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ"))


def _reason_against_tar(member: tarfile.TarInfo) -> str:
    if is_unsafe(member.name):
        return UNSAFE_NAME
    if not member.isreg() or member.issparse():
        return NOT_REGULAR
    if member.size == 0:
        return EMPTY
    return TOO_LARGE if member.size > MAX_FILE_BYTES else ""


class _CarefulTarInfo(tarfile.TarInfo):
    """Refuses names and attributes of more than 1 MiB, which tarfile would read into memory whatever their size."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Reads one header block."""
        member = super().frombuf(buf, encoding, errors)
        if member.type in TAR_TYPES_READ_WHOLE and member.size > 2**20:
            raise tarfile.ReadError("a name or attribute of more than 1 MiB")
        return member


def _tar_members(path: Path, text: str) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Gives the members that are not folders, with their content, and forgets each before the next."""
    unpacked_size = 0
    # Mode "r:" seeks over content, "r|*" reads it; the former is for plain archives only.
    mode: Any = "r:" if _is_plain_tar(path) else "r|*"
    with damage_explained(text, "tar"), tarfile.open(path, mode, tarinfo=_CarefulTarInfo) as archive:
        while (member := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # else 200,000 members take 300 MB
            unpacked_size += member.size
            if unpacked_size > max(2**30, MAX_RATIO * path.stat().st_size):
                raise tarfile.ReadError(f"unpacks to more than {MAX_RATIO} times its size")
            if not member.isdir():
                yield member, (member.isreg() and archive.extractfile(member)) or io.BytesIO()


def _copy(content: IO[bytes], output: IO[bytes], text: str) -> int:
    """Copies a member and returns its size; an `OSError` of the output passes through, as the disk may be full."""
    size = 0
    while True:
        with damage_explained(text, "tar"):
            part = content.read(2**20)
        if not part:
            return size
        output.write(part)
        size += len(part)


@contextmanager
def damage_explained(text: str, kind: str) -> Iterator[None]:
    """Makes a `DataError` of what the standard library raises on a damaged archive."""
    try:
        yield
    except DataError:  # which is a ValueError too
        raise
    except DAMAGE as error:
        reason = "headers without end" if isinstance(error, RecursionError) else printable(str(error)) or "damaged"
        raise DataError(
            f"The archive must be a whole and sound {kind} file. Received: {text}: "
            f"{reason}. Copy or download it again, or unpack it and give the folder."
        ) from None
