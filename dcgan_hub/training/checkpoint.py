"""The state of a training: everything that is needed to go on exactly, taken from a model and put back into it.

`runs/checkpoint_files.py` writes and reads the files.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_hub.errors import RunError
from dcgan_hub.runs.checkpoint_files import DamagedCheckpoint, Progress, read_checkpoint, set_aside, write_checkpoint
from dcgan_hub.runs.directory import checkpoint_folders
from dcgan_hub.training.dcgan import DCGAN

MEANS = "means/"  # older checkpoints have none


class StateNotFinite(RunError):
    """A weight or another number of the state became NaN or infinite."""


def state_variables(gan: DCGAN) -> Iterator[tuple[str, Any]]:
    """Names and variables of everything that later steps and reports depend on, in a fixed order."""
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
    """The values of `state_variables` by name. Raises StateNotFinite, with the step, if one of them is not finite."""
    arrays = {name: np.asarray(variable.numpy()) for name, variable in state_variables(gan)}
    for name, array in arrays.items():
        if not np.all(np.isfinite(array)):
            raise StateNotFinite(
                f"The weights must be finite to be saved. Received: NaN or infinity in {name} at step {step}."
            )
    return arrays


def save_checkpoint(folder: Path, gan: DCGAN, progress: Progress) -> None:
    """Writes a checkpoint under its final name in one step; an older one of that name is replaced.

    Raises:
        StateNotFinite: if a number of the state is not finite, so that the last good checkpoint stays the last.
        OSError: if the disk is full or cannot be written; what was under `folder` before is still there.
    """
    write_checkpoint(folder, read_state(gan, progress.step), progress)


def load_checkpoint(folder: Path, gan: DCGAN) -> Progress:
    """Puts the state of a checkpoint into a compiled model of the same settings.

    Raises:
        DamagedCheckpoint: if a file is missing, truncated or changed; `gan` is untouched.
        RunError: if it is whole, but of another version or another model, or cannot be read; `gan` is untouched.
    """
    try:
        progress, arrays = read_checkpoint(folder)
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


def load_newest(checkpoints: Path, gan: DCGAN, report: Callable[[str], object]) -> Progress | None:
    """Loads the newest checkpoint that is whole and says how far the run was; None where there is none at all.

    Each damaged one is reported and set aside.

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
            set_aside(broken)
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
