"""How Keras is started: which kernels TensorFlow computes with, and without its start-up messages."""

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ONEDNN_SWITCH = "TF_ENABLE_ONEDNN_OPTS"


def prefer_onednn() -> None:
    """Has TensorFlow compute with oneDNN on every x86-64 processor, unless the user has set TF_ENABLE_ONEDNN_OPTS.

    By itself it does so only on processors with VNNI, BF16 or AMX units and uses Eigen elsewhere, which takes 1.7 times
    as long to train on AVX2 (docs/performance.md). It reads the variable when it is imported: where that was earlier,
    it stays as it is.
    """
    if _is_x86_64() and "tensorflow" not in sys.modules:
        os.environ.setdefault(ONEDNN_SWITCH, "1")


def prefer_tensorflow() -> None:
    """Has Keras compute with TensorFlow, whatever the user's keras.json says, unless it is KERAS_BACKEND that says it.

    Where Keras was imported earlier, it stays with what it has.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")


def onednn_is_on() -> bool:
    """Whether TensorFlow surely computes with oneDNN; False where it was imported earlier and decided for itself."""
    return _is_x86_64() and os.environ.get(ONEDNN_SWITCH, "").lower() in ("1", "true")  # as TensorFlow reads it


def _is_x86_64() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")


def import_keras_quietly() -> None:
    """Imports Keras; TensorFlow says nothing unless the user has set TF_CPP_MIN_LOG_LEVEL.

    Some of its messages come before it reads that variable, straight from C++, so the process's standard error is
    closed to them during the import. What fails in there still raises as usual.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # whatever the user's keras.json says
    if LOG_LEVEL in os.environ:
        return
    os.environ[LOG_LEVEL] = "3"
    with _without_standard_error():
        import keras  # noqa: F401


@contextmanager
def _without_standard_error() -> Iterator[None]:
    with suppress(OSError, ValueError):  # a stream that was replaced or closed
        sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error to silence
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
