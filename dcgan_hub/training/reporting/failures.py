"""Explains errors that end a run early, with advice."""

from collections.abc import Iterator
from contextlib import contextmanager

from dcgan_hub.errors import DcganHubError, RunError, shorten
from dcgan_hub.runs.directory import checkpoint_folders
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.backends import system_errors
from dcgan_hub.training.callbacks import LossNotFinite
from dcgan_hub.training.checkpoint import StateNotFinite
from dcgan_hub.training.largest_batch import OutOfMemory
from dcgan_hub.training.plan import Plan

EXPLAINED = (OSError, *system_errors.SYSTEM_ERRORS, LossNotFinite, StateNotFinite, OutOfMemory)


@contextmanager
def failures_explained(plan: Plan) -> Iterator[None]:
    """Turns errors of the system or the backend into a RunError that names the last good checkpoint.

    User errors found before training, and unexpected errors with their traceback, are passed on unchanged.
    """
    try:
        yield
    except Exception as error:
        if not _is_explained(error):
            raise
        folders = checkpoint_folders(plan.run.checkpoints)
        kept = f"The last good state is '{folders[0]}'." if folders else "There was no checkpoint yet."
        if plan.layout.cluster is not None and system_errors.is_lost_worker(error):
            kept = f"{kept} Run the same command on the remaining workers to resume from there."
        raise RunError(f"{describe_failure(error, plan.settings.training)} {kept}") from error


def describe_failure(error: BaseException, training: TrainingSettings) -> str:
    """Why a run ended early, in a sentence or two."""
    if system_errors.is_lost_worker(error):
        return f"A worker no longer responds ({shorten(system_errors.describe_lost_worker(error), 160)})."
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted immediately; steps since the last checkpoint are lost."
    if isinstance(error, LossNotFinite | StateNotFinite):
        healed = "" if training.heal else ", or repeat the command with --heal"
        return (
            f"{error} Resuming would fail in the same way: start a new --run with a lower --learning-rate "
            f"(now {training.learning_rate:g}){healed}."
        )
    if isinstance(error, OutOfMemory):
        return str(error)
    if system_errors.is_nondeterministic(error):
        return (
            "With --deterministic, all operations need deterministic kernels. Received: "
            f"{shorten(str(error), 160)} Repeat the command with --no-deterministic."
        )
    if system_errors.is_out_of_memory(error):
        return (
            "The networks and a batch must fit into memory. "
            f"Received: --batch-size {training.batch_size}. Try half of it, or a smaller preset, in a new --run."
        )
    if isinstance(error, EXPLAINED):
        return f"The run directory must be writable. Received: {error}. Free some space, or choose another with --run."
    return str(error) if isinstance(error, DcganHubError) else f"{type(error).__name__}: {error}"


def _is_explained(error: Exception) -> bool:
    return (
        isinstance(error, EXPLAINED)
        or system_errors.is_out_of_memory(error)
        or system_errors.is_nondeterministic(error)
    )
