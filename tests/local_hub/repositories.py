"""One repository on disk.

    repo.json        visibility and such
    refs.json        {"refs/heads/main": commit, "refs/tags/v1": commit, "refs/pr/1": commit}
    commits/<oid>    JSON: parent, author, message, and every file with its hash
    blobs/<sha256>   content of files
    incoming/<oid>   large files that were sent and not yet verified

A commit is made by writing its blobs, then the commit, then the refs: only with the last step does anybody see it.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from .disk import write_whole
from .refusals import Refusal, unknown_revision

HEADS, TAGS, PULLS = "refs/heads/", "refs/tags/", "refs/pr/"
COMMIT_OID = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Entry:
    """A file in a commit.

    Attributes:
        sha256: of the content, which is the name of the blob.
        git_oid: SHA-1 as git computes it: of the content, or of the pointer to it for a large file.
        size: bytes, as everybody is told.
        large: whether the file is kept by LFS.
    """

    sha256: str
    git_oid: str
    size: int
    large: bool

    @property
    def etag(self) -> str:
        return self.sha256 if self.large else self.git_oid

    @property
    def pointer(self) -> bytes:
        """What git keeps in place of a large file."""
        return b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize %d\n" % (
            self.sha256.encode(),
            self.size,
        )


@dataclass(frozen=True)
class Commit:
    """A state of all files; `date` is an ISO time in UTC."""

    oid: str
    parent: str | None
    author: str
    title: str
    message: str
    date: str
    files: dict[str, Entry]


def git_blob_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Repository:
    """A repository; nothing of it is kept in memory.

    Args:
        folder: of this repository.
        repo_type: "model", "dataset" or "space".
        repo_id: "namespace/name".
    """

    def __init__(self, folder: Path, repo_type: str, repo_id: str):
        self.folder = folder
        self.type = repo_type
        self.id = repo_id

    @property
    def exists(self) -> bool:
        return (self.folder / "repo.json").exists()

    @property
    def settings(self) -> dict:
        """Visibility ("private"), "gated" (False, "auto" or "manual"), "sdk" of a Space, time of creation."""
        return json.loads((self.folder / "repo.json").read_bytes())

    def write_settings(self, settings: Mapping) -> None:
        write_whole(self.folder / "repo.json", json.dumps(dict(settings)).encode())

    @property
    def refs(self) -> dict[str, str]:
        """Full name of each ref, as git has it, and its commit."""
        file = self.folder / "refs.json"
        return json.loads(file.read_bytes()) if file.exists() else {}

    def write_refs(self, refs: Mapping[str, str]) -> None:
        write_whole(self.folder / "refs.json", json.dumps(dict(refs)).encode())

    def resolve(self, revision: str) -> str:
        """The commit that a branch, a tag, a full ref or a commit hash means.

        Raises:
            Refusal: none of them has this name.
        """
        if COMMIT_OID.fullmatch(revision) and (self.folder / "commits" / revision).exists():
            return revision
        refs = self.refs
        for name in (HEADS + revision, TAGS + revision, revision):
            if name in refs:
                return refs[name]
        raise unknown_revision(revision)

    def commit(self, oid: str) -> Commit:
        content = json.loads((self.folder / "commits" / oid).read_bytes())
        files = {path: Entry(**entry) for path, entry in content.pop("files").items()}
        return Commit(oid=oid, files=files, **content)

    def history(self, oid: str | None) -> Iterator[Commit]:
        """This commit and those before it, newest first."""
        while oid is not None:
            commit = self.commit(oid)
            yield commit
            oid = commit.parent

    def add_commit(self, ref: str, parent: str | None, files: Mapping[str, Entry], author: str, text: str) -> str:
        """Writes a commit and lets `ref` mean it.

        Args:
            ref: full name.
            parent: commit before this one.
            files: all files of the new state.
            author: name of an account.
            text: title, and after an empty line the message.

        Returns:
            The commit's hash.
        """
        title, _, message = text.partition("\n\n")
        rows = {path: asdict(entry) for path, entry in files.items()}
        about = {"parent": parent, "author": author, "title": title, "message": message, "date": now()}
        encoded = json.dumps({**about, "files": rows}).encode()
        oid = hashlib.sha1(encoded).hexdigest()
        write_whole(self.folder / "commits" / oid, encoded)
        self.write_refs({**self.refs, ref: oid})
        return oid

    def blob(self, sha256: str) -> Path:
        return self.folder / "blobs" / sha256

    def incoming(self, oid: str) -> Path:
        return self.folder / "incoming" / oid

    def add_blob(self, content: bytes, large: bool, declared_size: int | None = None) -> Entry:
        """Stores content and returns the entry for it; `declared_size` is told instead of the true size."""
        sha256 = hashlib.sha256(content).hexdigest()
        write_whole(self.blob(sha256), content)
        size = len(content) if declared_size is None else declared_size
        if large:
            return large_entry(sha256, size)
        return Entry(sha256, git_blob_oid(content), size, large=False)

    def uploaded(self, sha256: str) -> Entry:
        """The entry for a large file that was sent and verified before.

        Raises:
            Refusal: it was not.
        """
        if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not self.blob(sha256).exists():
            raise Refusal(400, "Your push was rejected because an LFS pointer pointed to a file that does not exist")
        return large_entry(sha256, self.blob(sha256).stat().st_size)


def large_entry(sha256: str, size: int) -> Entry:
    entry = Entry(sha256, "", size, large=True)
    return Entry(sha256, git_blob_oid(entry.pointer), size, large=True)
