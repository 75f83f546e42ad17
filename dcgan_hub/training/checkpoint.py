"""Checkpoints: everything that is needed to go on exactly, as arrays with a checksum. Nothing in them can run code.

A checkpoint is a folder `step-00000500/` with `state.safetensors` and `checkpoint.json`.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from dcgan_hub.errors import RunError
from dcgan_hub.files import whole_folder
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.run_directory import checkpoint_folders, step_number

FORMAT_VERSION = 1
KEPT = 2  # the newest, and the one before it in case the newest is damaged
STATE_FILE = "state.safetensors"
FACTS_FILE = "checkpoint.json"  # the checksum, and for people to read
FACTS_FIELD = "progress"
MEANS = "means/"  # older checkpoints have none


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        step: number of updates made.
        images_seen: number of real images shown.
        seconds: time spent training, over all starts.
    """

    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """Plain values for JSON, seconds to the tenth."""
        return {"step": self.step, "images_seen": self.images_seen, "seconds": round(self.seconds, 1)}


class DamagedCheckpoint(RunError):
    """A checkpoint is incomplete or was changed after it was written."""


class StateNotFinite(RunError):
    """A weight or another number of the state became NaN or infinite."""


def state_variables(gan: DCGAN) -> Iterator[tuple[str, Any]]:
    """Names and variables of everything that later steps and reports depend on, in a fixed order.

    Raises:
        RuntimeError: if two variables have one name, since a file could hold only one of them.
    """
    seen = set()
    for name, variable in _named_variables(gan):
        if name in seen:
            raise RuntimeError(f"two variables are called {name!r}")
        seen.add(name)
        yield name, variable


def _named_variables(gan: DCGAN) -> Iterator[tuple[str, Any]]:
    yield "step", gan.step
    yield "augmentation_strength", gan.augmentation_strength
    for network in ("generator", "discriminator", "ema_generator"):
        for layer in getattr(gan, network).layers:
            for variable in layer.variables:
                # Not `variable.path`: in it Keras numbers seed generators by how many the process has made.
                yield f"{network}/{layer.name}/{variable.name}", variable
    for optimizer in ("generator_optimizer", "discriminator_optimizer"):
        for variable in getattr(gan, optimizer).variables:
            yield f"{optimizer}/{variable.name}", variable
    # Means since the last report: findings rest on them, so a run in two parts must report what one in one does.
    for name, tracker in gan.trackers.items():
        for variable in tracker.variables:
            yield f"{MEANS}{name}/{variable.name}", variable


def read_state(gan: DCGAN, step: int) -> dict[str, np.ndarray]:
    """The values of `state_variables` by name.

    Args:
        gan: compiled model.
        step: of which they are, for the error.

    Raises:
        StateNotFinite: if one of them is not finite.
    """
    arrays = {name: np.asarray(variable.numpy()) for name, variable in state_variables(gan)}
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            raise StateNotFinite(
                f"The weights must be finite to be saved. Received: NaN or infinity in {name} at step {step}."
            )
    return arrays


def save_checkpoint(folder: Path, gan: DCGAN, progress: Progress) -> None:
    """Writes a checkpoint under its final name in one step.

    Args:
        folder: final name, e.g. checkpoints/step-00000500; an older one of that name is replaced.
        gan: compiled model.
        progress: how far the run is.

    Raises:
        StateNotFinite: if a number of the state is not finite, so that the last good checkpoint stays the last.
        OSError: if the disk is full or cannot be written; what was under `folder` before is still there.
    """
    arrays = read_state(gan, progress.step)
    facts: dict[str, Any] = progress.to_dict() | {"format_version": FORMAT_VERSION}
    with whole_folder(folder) as temporary:
        # Not `save_file`, which hides the system's error, such as a full disk, in one of its own kind. The facts are in
        # it too, so that one checksum covers all that is read.
        state = save(arrays, metadata={FACTS_FIELD: json.dumps(facts)})
        (temporary / STATE_FILE).write_bytes(state)
        facts["sha256"] = hashlib.sha256(state).hexdigest()
        (temporary / FACTS_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def load_checkpoint(folder: Path, gan: DCGAN) -> Progress:
    """Puts the state of a checkpoint into a compiled model of the same settings.

    Raises:
        DamagedCheckpoint: if a file is missing, truncated or changed; `gan` is untouched.
        RunError: if it is whole, but of another version or another model, or cannot be read; `gan` is untouched.
    """
    try:
        progress, arrays = _read_checked(folder)
    except OSError as error:
        raise RunError(f"A checkpoint must be readable. Received: '{folder}' ({error.strerror}). Mend that.") from error
    variables = dict(state_variables(gan))
    if not any(name.startswith(MEANS) for name in arrays):
        variables = {name: variable for name, variable in variables.items() if not name.startswith(MEANS)}
    odd = sorted(set(arrays) ^ set(variables))
    odd += [name for name in arrays if name in variables and arrays[name].shape != tuple(variables[name].shape)]
    if odd:
        raise RunError(
            f"A checkpoint must be of this model. Received: '{folder}', in which {len(odd)} arrays differ, e.g. "
            f"{odd[0]}. Go on with the versions of the packages that run.json names."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return progress


def _read_checked(folder: Path) -> tuple[Progress, dict[str, np.ndarray]]:
    try:
        expected = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))["sha256"]
        if _digest(folder / STATE_FILE) != expected:
            raise DamagedCheckpoint(f"'{folder}' does not match its checksum")
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedCheckpoint(f"'{folder}' is not whole: {error}") from error
    with safe_open(folder / STATE_FILE, framework="numpy") as state:
        facts = json.loads(state.metadata()[FACTS_FIELD])
        arrays = {name: state.get_tensor(name) for name in state.keys()}
    if facts["format_version"] != FORMAT_VERSION:
        raise RunError(
            f"A checkpoint must have format version {FORMAT_VERSION}. Received: '{folder}' with "
            f"{facts['format_version']}. Go on with the version of dcgan_hub that run.json names."
        )
    return Progress(step=facts["step"], images_seen=facts["images_seen"], seconds=facts["seconds"]), arrays


def load_newest(checkpoints: Path, gan: DCGAN, report: Any) -> Progress | None:
    """Loads the newest checkpoint that is whole; each damaged one is reported and set aside.

    Args:
        checkpoints: folder of the checkpoints.
        gan: compiled model.
        report: called with one sentence for each damaged checkpoint.

    Returns:
        How far the run was, or None where there is no checkpoint at all.

    Raises:
        RunError: if there are checkpoints, but none can be used.
    """
    damaged: list[DamagedCheckpoint] = []
    folders = checkpoint_folders(checkpoints)
    for folder in folders:
        try:
            progress = load_checkpoint(folder, gan)
        except DamagedCheckpoint as error:
            damaged.append(error)
            continue
        for complaint, broken in zip(damaged, folders, strict=False):
            _set_aside(broken)
            report(
                f"{complaint}; the one before it is used, of step {progress.step:,}, and the damaged one is set aside."
            )
        return progress
    if folders:
        raise RunError(
            f"A run needs one whole checkpoint to go on. Received: {len(folders)} in '{checkpoints}', all damaged "
            f"({'; '.join(map(str, damaged))}). Restore one from a copy, or start a new run with --run."
        )
    return None


def remove_old(checkpoints: Path, best: int | None = None, healthy: int | None = None) -> None:
    """Removes all checkpoints but the newest ones and those that are needed.

    Args:
        checkpoints: folder of the checkpoints.
        best: step of the best checkpoint, which stays.
        healthy: a step; the newest checkpoint at or before it stays too.
    """
    folders = checkpoint_folders(checkpoints)
    needed = {best, *[step for step in map(step_number, folders) if healthy is not None and step <= healthy][:1]}
    for folder in folders[KEPT:]:
        if step_number(folder) not in needed:
            shutil.rmtree(folder, ignore_errors=True)


def _set_aside(folder: Path) -> None:
    aside = folder.with_name(f"damaged-{folder.name}")
    with suppress(OSError):  # it is not needed; that it is still there does no harm
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
