"""The runs that the app shows: those in the runs folder, by name, and those on the Hub, by repository."""

import os
import re
import threading
from pathlib import Path
from typing import cast

from cachetools import LRUCache

from dcgan_hub.bundle.format import FACTS_FILE
from dcgan_hub.demo.catalog.hub_cache import HubCache
from dcgan_hub.demo.catalog.hub_runs import read_hub_run
from dcgan_hub.demo.catalog.hub_store import HubStore
from dcgan_hub.errors import RunError, shorten
from dcgan_hub.hub.download import Access
from dcgan_hub.hub.names import SCHEME, parse_model
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.runs.snapshot import CHECKPOINT, Run, Signature, changed_at, read_local_run, signature_of
from dcgan_hub.runs.untrusted import Reader

MAX_NAMED = 5  # runs listed in a message
KEPT_RUNS = 32  # in the cache; up to a megabyte each

UNSENDABLE = re.compile("[\ud800-\udfff\x00-\x1f]")  # lone surrogates represent bytes that are not UTF-8


class RunShelf:
    """The runs in a folder, by default `runs`, and those on the Hub.

    A name from a visitor never becomes a path: it is looked up among the existing names.
    """

    def __init__(self, folder: Path, open_hub: bool = True) -> None:
        """Takes a folder, which may not exist yet, and whether visitors may open runs from the Hub."""
        self.folder = folder
        self.hub_store = HubStore()  # of everything that visitors request from the Hub
        self._on_hub = HubCache(self.hub_store, self._read_from_hub) if open_hub else None
        self._kept: LRUCache[str, tuple[Signature, Run]] = LRUCache(KEPT_RUNS)
        self._lock = threading.Lock()

    @property
    def opens_hub(self) -> bool:
        """Whether visitors may open runs from the Hub."""
        return self._on_hub is not None

    def names(self) -> list[str]:
        """Names of the runs in the folder, most recently changed first."""
        folders = self._folders()
        return sorted(folders, key=lambda name: changed_at(folders[name]), reverse=True)

    def signatures(self) -> dict[str, Signature]:
        """For each run in the folder a value that changes when the run does; cheap."""
        return {name: signature_of(path) for name, path in self._folders().items()}

    def generator_folder(self, name: str) -> Path | None:
        """The bundle of a run, or None if it has not saved one yet.

        Raises:
            RunError: if there is no run of that name.
        """
        folder = self._find(name)
        bundle = RunDirectory(folder).generator
        return bundle if Reader(folder).holds(bundle / FACTS_FILE) else None

    def checkpoint(self, name: str) -> tuple[Path, int] | None:
        """Run folder and step of a checkpoint such as "anime@step-00000500", or None if it does not exist."""
        run_name, _, step_name = name.rpartition("@")
        folder = self._folders().get(run_name)
        match = CHECKPOINT.fullmatch(step_name)
        if folder is None or match is None or not Reader(folder).holds(RunDirectory(folder).checkpoint(int(match[1]))):
            return None
        return folder, int(match[1])

    def open(self, name: str) -> Run:
        """Reads a run of the folder, or hf://user/name[@revision], as far as possible.

        Raises:
            RunError: if there is no such run.
            HubError: if it cannot be downloaded.
            SettingsError: if hf:// is not followed by a repository name.
        """
        if self._on_hub is not None and isinstance(name, str) and name.startswith(SCHEME):
            return self._on_hub.open(*parse_model(name))[1]
        folder = self._find(name)
        signature = signature_of(folder)
        with self._lock:
            kept = self._kept.get(name)
        if kept and kept[0] == signature and any(map(any, signature)):
            return kept[1]
        run = read_local_run(folder)
        with self._lock:
            self._kept[name] = (signature, run)
        return run

    def _read_from_hub(self, repository: str, revision: str | None, access: Access) -> tuple[str, Run]:
        return read_hub_run(repository, revision, access, cast(HubCache[Run], self._on_hub).fetch_file)

    def _folders(self) -> dict[str, Path]:
        """Runs in the folder by name, without links that lead out of it and names that cannot be sent as JSON."""
        here = Path(os.path.realpath(self.folder))
        found = {}
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    inside = not entry.is_symlink() or Path(os.path.realpath(entry.path)).parent == here
                    if inside and RunDirectory(Path(entry.path)).exists and not UNSENDABLE.search(entry.name):
                        found[entry.name] = Path(entry.path)
        except OSError:
            return {}
        return found

    def _find(self, name: str) -> Path:
        folders = self._folders()
        if not isinstance(name, str) or name not in folders:
            known = sorted(folders)
            listed = ", ".join(shorten(known_name) for known_name in known[:MAX_NAMED])
            listed += f" and {len(known) - MAX_NAMED:,} more" if len(known) > MAX_NAMED else ""
            hub = ", or hf://user/name for one on the Hub" if self.opens_hub else ""
            raise RunError(
                f"The run must be one of those on this machine{hub}. Received: "
                f"{shorten(name)!r}. There are: {listed or 'none; start one with `python train.py`'}."
            )
        return folders[name]
