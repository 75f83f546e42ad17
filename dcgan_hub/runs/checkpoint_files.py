"""The files of a checkpoint: their names, the run's progress, and arrays with a checksum.

A checkpoint is a folder `step-00000500/` with `state.safetensors` and `checkpoint.json`. Nothing in them can run code,
and nothing here needs TensorFlow: `training/checkpoint.py` copies the arrays from and to a model.
"""

import hashlib
import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from dcgan_hub.atomic_files import whole_folder
from dcgan_hub.errors import RunError
from dcgan_hub.runs.directory import checkpoint_folders, step_number

FORMAT_VERSION = 1
KEPT = 2  # the newest, and the one before it in case the newest is damaged
STATE_FILE = "state.safetensors"
FACTS_FILE = "checkpoint.json"  # the checksum, and the progress in readable form
FACTS_FIELD = "progress"
STATE_TYPES = {"F32", "I32", "I64", "U32", "U64"}


@dataclass(frozen=True)
class Progress:
    """The progress of a run."""

    step: int = 0  # training steps completed
    images_seen: int = 0  # real images shown to the discriminator
    seconds: float = 0.0  # spent training, over all starts of the run

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON, seconds to the tenth."""
        return {"step": self.step, "images_seen": self.images_seen, "seconds": round(self.seconds, 1)}


class DamagedCheckpoint(RunError):
    """A checkpoint is incomplete or was changed after it was written."""


def write_checkpoint(folder: Path, arrays: dict[str, np.ndarray], progress: Progress) -> None:
    """Writes a checkpoint atomically, replacing an older one of the same name.

    Raises:
        OSError: if the disk is full or not writable; the previous content of `folder` is still there.
    """
    facts: dict[str, Any] = progress.to_dict() | {"format_version": FORMAT_VERSION}
    with whole_folder(folder) as temporary:
        # Not `save_file`, which wraps system errors, such as a full disk, in an exception of its own. The facts are
        # included, so that one checksum covers everything that is read.
        state = save(arrays, metadata={FACTS_FIELD: json.dumps(facts)})
        (temporary / STATE_FILE).write_bytes(state)
        facts["sha256"] = hashlib.sha256(state).hexdigest()
        (temporary / FACTS_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def read_checkpoint(folder: Path) -> tuple[Progress, dict[str, np.ndarray]]:
    """Reads the progress of the run and its arrays by name from a checkpoint written on this machine.

    Raises:
        DamagedCheckpoint: if a file is missing, truncated or changed.
        RunError: if it is intact, but of another format version.
        OSError: if it cannot be read.
    """
    try:
        expected = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))["sha256"]
        if not matches_checksum(folder / STATE_FILE, expected):
            raise DamagedCheckpoint(f"'{folder}' does not match its checksum")
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedCheckpoint(f"'{folder}' is incomplete: {error}") from error
    with safe_open(folder / STATE_FILE, framework="numpy") as state:
        facts = json.loads(state.metadata()[FACTS_FIELD])
        arrays = {name: state.get_tensor(name) for name in state.keys()}
    if facts["format_version"] != FORMAT_VERSION:
        raise RunError(
            f"A checkpoint must have format version {FORMAT_VERSION}. Received: '{folder}' with "
            f"{facts['format_version']}. Resume with the version of dcgan_hub given in run.json."
        )
    return Progress(step=facts["step"], images_seen=facts["images_seen"], seconds=facts["seconds"]), arrays


def check_checkpoint(folder: Path) -> None:
    """Validates an untrusted checkpoint without loading its arrays.

    Raises:
        OSError, ValueError, KeyError, TypeError, RecursionError, SafetensorError: if it differs from what
            `write_checkpoint` writes.
    """
    state_file = folder / STATE_FILE
    if not matches_checksum(state_file, json.loads((folder / FACTS_FILE).read_bytes())["sha256"]):
        raise ValueError("its checksum does not match")
    with safe_open(state_file, framework="numpy") as state:
        progress = json.loads(state.metadata()[FACTS_FIELD])
        types = {state.get_slice(name).get_dtype() for name in state.keys()}
    if progress["step"] != step_number(folder) or not types <= STATE_TYPES:
        raise ValueError("it holds something else")
    for name in ("format_version", "step", "images_seen", "seconds"):
        kinds = (int, float) if name == "seconds" else (int,)
        if type(progress[name]) not in kinds or not 0 <= progress[name] < 2**53:
            raise ValueError(f"its {name} is no number")


def matches_checksum(state_file: Path, expected: Any) -> bool:
    """Whether a file has the expected SHA-256."""
    with state_file.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == expected


def remove_old(checkpoints: Path, best: int | None = None, healthy: int | None = None) -> None:
    """Removes all checkpoints except the newest two, that of step `best`, and the newest at or before `healthy`.

    That of step 0 is kept, too: a run has one if it started from another generator, and may be rolled back to it.
    """
    folders = checkpoint_folders(checkpoints)
    needed = {0, best, *[step for step in map(step_number, folders) if healthy is not None and step <= healthy][:1]}
    for folder in folders[KEPT:]:
        if step_number(folder) not in needed:
            shutil.rmtree(folder, ignore_errors=True)


def set_aside(folder: Path) -> None:
    """Renames a damaged checkpoint, so that it is no longer recognized as one."""
    aside = folder.with_name(f"damaged-{folder.name}")
    with suppress(OSError):  # it does no harm if it is still there
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
