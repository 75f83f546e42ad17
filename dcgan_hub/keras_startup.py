"""Keras start-up: the backend, TensorFlow's kernels, and no start-up messages."""

import ctypes
import importlib.util
import os
import platform
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BACKENDS = ("tensorflow", "torch")  # those of Keras that networks are trained on
LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ONEDNN_SWITCH = "TF_ENABLE_ONEDNN_OPTS"
# TensorFlow's libraries that write to standard error while they are loaded, before LOG_LEVEL is read.
LOGGING_LIBRARIES = ("libtensorflow_framework.so.2", "python/profiler/internal/_pywrap_profiler_plugin.so")
ENDED_WELL = b"ended well"
KEEPER = f"""
import os, sys
held_back = sys.stdin.buffer.read()
if not held_back.endswith({ENDED_WELL!r}):
    os.write(2, held_back)
"""


def prefer_onednn() -> None:
    """Enables oneDNN in TensorFlow on every x86-64 processor, unless the user has set TF_ENABLE_ONEDNN_OPTS.

    By default TensorFlow uses it only on processors with VNNI, BF16 or AMX units, and Eigen elsewhere, which takes 1.7
    times as long to train on AVX2 (docs/performance.md). Without effect if TensorFlow has been imported already.
    """
    if _is_x86_64() and "tensorflow" not in sys.modules:
        os.environ.setdefault(ONEDNN_SWITCH, "1")


def prefer_installed_backend() -> None:
    """Selects Keras' backend, whatever keras.json says, unless the user has set KERAS_BACKEND: the first one installed.

    Without effect if Keras has been imported already.
    """
    if "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", next(filter(is_installed, BACKENDS), BACKENDS[0]))


def is_installed(package: str) -> bool:
    """Whether a package can be imported; it is not imported."""
    return importlib.util.find_spec(package) is not None


def onednn_is_on() -> bool:
    """Whether TensorFlow is known to use oneDNN; False if it was imported before `prefer_onednn` and decided itself."""
    return _is_x86_64() and os.environ.get(ONEDNN_SWITCH, "").lower() in ("1", "true")  # as TensorFlow reads it


def _is_x86_64() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64")


def import_keras_quietly() -> None:
    """Imports Keras without TensorFlow's start-up messages; see `silence_tensorflow`."""
    prefer_installed_backend()
    silence_tensorflow()
    import keras  # noqa: F401


def silence_tensorflow() -> None:
    """Silences TensorFlow's log for a later import, unless the user has set TF_CPP_MIN_LOG_LEVEL.

    Libraries that log before they read that variable are loaded here, with standard error held back. All threads share
    standard error, so while other threads run nothing is held back, and TensorFlow may log.
    """
    if LOG_LEVEL in os.environ:
        return
    os.environ[LOG_LEVEL] = "3"
    if "tensorflow" in sys.modules or _other_threads_run():
        return
    package = importlib.util.find_spec("tensorflow")
    if package is None or package.origin is None:
        return
    libraries = [path for name in LOGGING_LIBRARIES if (path := Path(package.origin).parent / name).exists()]
    if libraries:
        with suppress(OSError), standard_error_held_back():  # the import itself reports what cannot be loaded
            for library in libraries:
                ctypes.CDLL(str(library))


def _other_threads_run() -> bool:
    from tqdm import TMonitor  # outlives a progress bar, and writes nothing

    return sum(not isinstance(thread, TMonitor) for thread in threading.enumerate()) > 1


@contextmanager
def standard_error_held_back() -> Iterator[None]:
    """Discards what is written to standard error, but replays it if the block raises or the process dies.

    A separate process holds it: without AVX, TensorFlow aborts ours with an explanation on standard error.

    Raises:
        OSError: if there is no standard error, or no further process.
    """
    shown = os.dup(2)
    with suppress(OSError, ValueError):  # a stream that was replaced or closed
        sys.stderr.flush()
    read_end, write_end = os.pipe()
    # In a session of its own, Ctrl-C is not for it.
    keeper = subprocess.Popen([sys.executable, "-ISc", KEEPER], stdin=read_end, start_new_session=True)
    os.dup2(write_end, 2)
    os.close(read_end)
    os.close(write_end)
    try:
        yield
        os.write(2, ENDED_WELL)
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        keeper.wait()
