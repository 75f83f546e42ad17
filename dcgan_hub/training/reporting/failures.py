"""Explains errors that end a run early, with advice."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from dcgan_hub.errors import DcganHubError, RunError, shorten
from dcgan_hub.runs.directory import checkpoint_folders
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.callbacks import LossNotFinite
from dcgan_hub.training.checkpoint import StateNotFinite
from dcgan_hub.training.plan import Plan

COLLECTIVE = "Collective ops is aborted by"  # TensorFlow's message if a worker is lost
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


@contextmanager
def failures_explained(plan: Plan) -> Iterator[None]:
    """Turns errors of the system or TensorFlow into a RunError that names the last good checkpoint.

    User errors found before training, and unexpected errors with their traceback, are passed on unchanged.
    """
    try:
        yield
    except (OSError, tf.errors.OpError, LossNotFinite, StateNotFinite) as error:
        folders = checkpoint_folders(plan.run.checkpoints)
        kept = f"The last good state is '{folders[0]}'." if folders else "There was no checkpoint yet."
        if plan.layout.cluster is not None and _is_lost_worker(error):
            kept = f"{kept} Run the same command on the remaining workers to resume from there."
        raise RunError(f"{describe_failure(error, plan.settings.training)} {kept}") from error


def describe_failure(error: BaseException, training: TrainingSettings) -> str:
    """Why a run ended early, in a sentence or two."""
    if _is_lost_worker(error):
        lines = [line for line in str(error).splitlines() if COLLECTIVE in line]
        reason = shorten((lines or [str(error)])[0].partition(COLLECTIVE)[2].strip(" :.") or str(error), 160)
        return f"A worker no longer responds ({reason})."
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted immediately; steps since the last checkpoint are lost."
    if isinstance(error, LossNotFinite | StateNotFinite):
        healed = "" if training.heal else ", or repeat the command with --heal"
        return (
            f"{error} Resuming would fail in the same way: start a new --run with a lower --learning-rate "
            f"(now {training.learning_rate:g}){healed}."
        )
    if isinstance(error, tf.errors.ResourceExhaustedError):
        return (
            "The networks and a batch must fit into memory. "
            f"Received: --batch-size {training.batch_size}. Try half of it, or a smaller preset, in a new --run."
        )
    if isinstance(error, OSError | tf.errors.OpError):
        return f"The run directory must be writable. Received: {error}. Free some space, or choose another with --run."
    return str(error) if isinstance(error, DcganHubError) else f"{type(error).__name__}: {error}"


def _is_lost_worker(error: BaseException) -> bool:
    return isinstance(error, tf.errors.OpError) and (isinstance(error, LOST) or COLLECTIVE in str(error))
