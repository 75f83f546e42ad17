"""Keras without TensorFlow's start-up messages."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


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
