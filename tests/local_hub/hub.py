"""`LocalHub`: everything the server serves, and what tests may ask and order."""

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from .accounts import Account, Accounts, Token
from .faults import Fault, RequestRecord
from .refusals import Refusal
from .repositories import HEADS, PULLS, Commit, Entry, Repository, now

NAMES = re.compile(r"[\w\-.]{1,96}", re.ASCII)
PAGE_SIZE = 10  # entries of a tree, or repositories of a list; the Hub gives 1000, but then no test would turn a page
LARGE_BYTES = 10_000_000  # what is larger has to go through LFS
LARGE_SUFFIXES = (
    ".7z .arrow .bin .bz2 .ckpt .ftz .gz .h5 .joblib .mlmodel .model .msgpack .npy .npz .onnx .ot .parquet .pb .pickle"
    " .pkl .pt .pth .rar .safetensors .tar .tflite .tgz .wasm .xz .zip .zst"
).split()
LARGE_NAMES = ("tfevents",)
GIT_ATTRIBUTES = "".join(
    f"{pattern} filter=lfs diff=lfs merge=lfs -text\n"
    for pattern in [*(f"*{suffix}" for suffix in LARGE_SUFFIXES), *(f"*{name}*" for name in LARGE_NAMES)]
).encode()

Change = Callable[[dict[str, Entry]], None]


class LocalHub:
    """A Hub in a folder.

    Two objects, also in two processes, may share a folder: what is committed through one is at once seen through the
    other. Faults and the log belong to the object, that is, to one server.

    Args:
        root: folder with all state; made if needed.
        may_die: whether a fault may kill this process.

    Attributes:
        requests: log since the start or `forget_requests`, oldest first.
        write_token: token of "tester" with the role write, where the fixture `hub` made this.
        read_token: likewise with the role read.
    """

    write_token: str
    read_token: str

    def __init__(self, root: Path, may_die: bool = False):
        self._may_die = may_die
        self.start_over(root)

    def start_over(self, root: Path) -> None:
        """Goes on with another folder, without faults and with an empty log."""
        self.root = root
        self.root.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.root / "lock")
        self.accounts = Accounts(self.root / "accounts.json")
        self._faults: list[Fault] = []
        self.requests: list[RequestRecord] = []

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Held while something is changed; no other thread or process changes anything meanwhile."""
        with self._lock:
            yield

    # Accounts

    def add_account(self, name: str, organisations: Sequence[str] = (), pro: bool = True) -> None:
        with self.changing():
            self.accounts.add(Account(name, tuple(organisations), pro))

    def add_token(self, account: str, role: str = "write", writable: Sequence[str] = ()) -> str:
        """A new token.

        Args:
            account: that exists.
            role: "read", "write" or "fineGrained".
            writable: for "fineGrained", namespaces and "namespace/name"s that it may write.
        """
        with self.changing():
            return self.accounts.add_token(account, role, writable)

    def remove_token(self, token: str) -> None:
        with self.changing():
            self.accounts.remove_token(token)

    def token_in(self, authorization: str | None) -> Token | None:
        """The token in a header, if the Hub knows it."""
        scheme, _, text = (authorization or "").partition(" ")
        return self.accounts.token(text) if scheme.lower() == "bearer" else None

    # Repositories

    def repository(self, repo_id: str, repo_type: str = "model") -> Repository:
        """The repository of this name, which need not exist."""
        namespace, name = repo_id.split("/")
        assert NAMES.fullmatch(namespace) and NAMES.fullmatch(name) and ".." not in repo_id, repo_id
        return Repository(self.root / "repositories" / f"{repo_type}s" / namespace / name, repo_type, repo_id)

    def repositories(self, repo_type: str = "model") -> list[Repository]:
        folders = (self.root / "repositories" / f"{repo_type}s").glob("*/*")
        found = (Repository(folder, repo_type, f"{folder.parent.name}/{folder.name}") for folder in sorted(folders))
        return [repository for repository in found if repository.exists]

    def create(self, repository: Repository, **settings: Any) -> None:
        """Makes a repository without commits."""
        with self.changing():
            repository.write_settings({"private": False, "gated": False, "sdk": None, "created": now(), **settings})

    def delete(self, repository: Repository) -> None:
        with self.changing():
            (repository.folder / "repo.json").unlink()  # from here on it is gone
            shutil.rmtree(repository.folder)

    def commit(
        self,
        repository: Repository,
        revision: str,
        change: Change,
        author: str,
        text: str,
        parent: str | None = None,
        pull_request: bool = False,
    ) -> tuple[str, str]:
        """Makes a commit, whole or not at all.

        Args:
            repository: that exists.
            revision: branch or full ref.
            change: gets the files there are, and changes them.
            author: name of an account.
            text: title, and after an empty line the message.
            parent: commit that `revision` has to mean still.
            pull_request: leave the branch alone and make the ref of a new pull request.

        Returns:
            Full ref and hash of the commit.

        Raises:
            Refusal: `revision` is no branch, or has gone on from `parent`; or what `change` raises.
        """
        with self.changing():
            refs = repository.refs
            ref = revision if revision.startswith("refs/") else HEADS + revision
            head = refs.get(ref)
            if head is None and refs:  # the first commit of a repository makes its branch
                repository.resolve(revision)
                raise Refusal(400, f"{revision} is no branch, it cannot be committed to")
            if parent is not None and parent != head:
                raise Refusal(412, "A commit has happened since. Please refresh and try again.")
            files = dict(repository.commit(head).files) if head else {}
            change(files)
            if pull_request:
                ref = f"{PULLS}{1 + sum(name.startswith(PULLS) for name in refs)}"
            return ref, repository.add_commit(ref, head, files, author, text)

    # For tests

    def plant(
        self,
        repo_id: str,
        files: Mapping[str, bytes],
        repo_type: str = "model",
        branch: str = "main",
        private: bool = False,
        gated: bool = False,
        declared_sizes: Mapping[str, int] | None = None,
        message: str = "Planted",
    ) -> str:
        """Puts a repository into a state by one commit, without any check of names or content.

        Args:
            repo_id: "namespace/name"; made if it does not exist.
            files: all files of the new state.
            repo_type: "model", "dataset" or "space".
            branch: made if it does not exist.
            private: only its owner sees it.
            gated: only its owner gets its files.
            declared_sizes: bytes that a file pretends to have. If they are more than there are, the download goes on
                with zeros.
            message: of the commit.

        Returns:
            The commit's hash.
        """
        repository = self.repository(repo_id, repo_type)
        settings = repository.settings if repository.exists else {"created": now(), "sdk": None}
        with self.changing():
            repository.write_settings({**settings, "private": private, "gated": "auto" if gated else False})
            sizes = declared_sizes or {}
            entries = {
                path: repository.add_blob(content, is_large(path, content[:512], len(content)), sizes.get(path))
                for path, content in files.items()
            }
            ref = HEADS + branch
            return repository.add_commit(ref, repository.refs.get(ref), entries, repo_id.split("/")[0], message)

    def exists(self, repo_id: str, repo_type: str = "model") -> bool:
        return self.repository(repo_id, repo_type).exists

    def settings(self, repo_id: str, repo_type: str = "model") -> dict:
        return self.repository(repo_id, repo_type).settings

    def head(self, repo_id: str, revision: str = "main", repo_type: str = "model") -> str:
        """The commit that a branch, tag or full ref means."""
        return self.repository(repo_id, repo_type).resolve(revision)

    def refs(self, repo_id: str, repo_type: str = "model") -> dict[str, str]:
        """Full name of each ref, such as "refs/heads/main" and "refs/tags/v1", and its commit."""
        return self.repository(repo_id, repo_type).refs

    def files(self, repo_id: str, revision: str = "main", repo_type: str = "model") -> dict[str, bytes]:
        """Path and content of all files of a revision."""
        repository = self.repository(repo_id, repo_type)
        entries = repository.commit(repository.resolve(revision)).files
        return {path: repository.blob(entry.sha256).read_bytes() for path, entry in entries.items()}

    def commits(self, repo_id: str, revision: str = "main", repo_type: str = "model") -> list[Commit]:
        """The commits of a revision, newest first."""
        repository = self.repository(repo_id, repo_type)
        return list(repository.history(repository.resolve(revision)))

    # Misbehaviour and log

    def misbehave(self, path: str = "", **fault: Any) -> Fault:
        """Spoils the requests whose path has this regular expression in it; see `Fault` for how.

        Returns:
            The fault. Earlier ones go before it.
        """
        row = Fault(path, **fault)
        self.add_fault(row)
        return row

    def add_fault(self, fault: Fault) -> None:
        assert self._may_die or not fault.kill, "this would kill the tests; use HubProcess"
        self._faults.append(fault)

    def behave(self) -> None:
        """Takes back all faults, also from requests that wait because of them."""
        faults, self._faults = self._faults, []
        for fault in faults:
            fault.over = True

    def choose_fault(self, method: str, path: str) -> Fault | None:
        return next((fault for fault in self._faults if fault.fits(method, path)), None)

    def log(self, record: RequestRecord) -> None:
        self.requests.append(record)

    def forget_requests(self) -> None:
        self.requests.clear()

    def holder_of(self, authorization: str | None) -> str | None:
        token = self.token_in(authorization)
        return token.account if token else None


def is_large(path: str, sample: bytes, size: int) -> bool:
    """Whether a file has to go through LFS.

    The Hub decides by the repository's .gitattributes, by size, and by whether the content is text; here the
    attributes are those that a new repository has.

    Args:
        path: in the repository.
        sample: first bytes of the file.
        size: of the file in bytes.
    """
    name = path.rsplit("/", 1)[-1]
    if size == 0:
        return False
    return (
        size > LARGE_BYTES
        or b"\0" in sample
        or name.endswith(tuple(LARGE_SUFFIXES))
        or any(part in name for part in LARGE_NAMES)
    )
