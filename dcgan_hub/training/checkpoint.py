"""The training state: saves everything needed for an exact resume from a model, and restores it.

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
from dcgan_hub.training.loss_scaling import state_of

MEANS = "means/"  # older checkpoints have none


class StateNotFinite(RunError):
    """A weight or another value of the state became NaN or infinite."""


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
                # Not `variable.path`, where Keras numbers seed generators by a process-wide counter.
                yield f"{network}/{layer.name}/{variable.name}", variable
    for optimizer in ("generator_optimizer", "discriminator_optimizer"):
        for name, variable in state_of(getattr(gan, optimizer)):
            yield f"{optimizer}/{name}", variable
    # Means since the last report: findings depend on them, so a resumed run must report those of an uninterrupted one.
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
    """Writes a checkpoint atomically, replacing an older one of the same name.

    Raises:
        StateNotFinite: if a value of the state is not finite, so that the last good checkpoint remains the newest.
        OSError: if the disk is full or not writable; the previous content of `folder` is still there.
    """
    write_checkpoint(folder, read_state(gan, progress.step), progress)


def load_checkpoint(folder: Path, gan: DCGAN) -> Progress:
    """Restores the state of a checkpoint to a compiled model of the same settings.

    Raises:
        DamagedCheckpoint: if a file is missing, truncated or changed; `gan` is unchanged.
        RunError: if it is of another version or another model, or cannot be read; `gan` is unchanged.
    """
    try:
        progress, arrays = read_checkpoint(folder)
    except OSError as error:
        raise RunError(f"A checkpoint must be readable. Received: '{folder}' ({error.strerror}). Fix that.") from error
    variables = dict(state_variables(gan))
    if not any(name.startswith(MEANS) for name in arrays):
        variables = {name: variable for name, variable in variables.items() if not name.startswith(MEANS)}
    odd = sorted(set(arrays) ^ set(variables))
    odd += [name for name in arrays if name in variables and arrays[name].shape != tuple(variables[name].shape)]
    if odd:
        raise RunError(
            f"A checkpoint must belong to this model. Received: '{folder}', in which {len(odd)} arrays differ, e.g. "
            f"{odd[0]}. Resume with the package versions given in run.json."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])
    return progress


def load_newest(checkpoints: Path, gan: DCGAN, report: Callable[[str], object]) -> Progress | None:
    """Loads the newest intact checkpoint and returns its progress; None if there are no checkpoints.

    Damaged ones are reported and renamed.

    Raises:
        RunError: if there are checkpoints, but none is usable.
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
            report(f"{complaint}; it was renamed, and the previous one, of step {progress.step:,}, is used.")
        return progress
    if folders:
        raise RunError(
            f"A run needs an intact checkpoint to be resumed. Received: {len(folders)} in '{checkpoints}', all damaged "
            f"({'; '.join(map(str, damaged))}). Restore one from a copy, or start a new run with --run."
        )
    return None
