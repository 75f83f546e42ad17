"""Chooses the backend of Keras that trains, before Keras is imported."""

import os
import subprocess
import sys

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.keras_startup import BACKENDS, is_installed

VARIABLE = "KERAS_BACKEND"
HOW_TO_INSTALL = {"tensorflow": "pip install tensorflow", "torch": 'pip install "dcgan-hub[torch]"'}
SEES_GPU = {  # programs that end with status 0 if it does
    "tensorflow": "import tensorflow as tf; raise SystemExit(not tf.config.list_physical_devices('GPU'))",
    "torch": "import torch; raise SystemExit(not torch.accelerator.is_available())",
}


def choose_backend(wanted: str) -> str:
    """Selects the backend with which Keras will be imported.

    Args:
        wanted: one of `BACKENDS`; or "auto", for that of KERAS_BACKEND, or else PyTorch if it alone can use a GPU or
            is installed, and TensorFlow otherwise.

    Returns:
        One of `BACKENDS`.

    Raises:
        SettingsError: if it is unknown or not installed, or Keras runs with another one.
    """
    imported = _imported_backend()
    chosen = (imported or os.environ.get(VARIABLE) or _best_backend()) if wanted == "auto" else wanted
    if chosen not in BACKENDS:
        given = f"backend={shorten(chosen)}" if chosen == wanted else f"{VARIABLE}={shorten(chosen)}"
        raise SettingsError(f"`backend` must be auto or one of {', '.join(BACKENDS)}. Received: {given}. Try auto.")
    if imported not in (None, chosen):
        raise SettingsError(
            f"`backend` must be the one that Keras was imported with. Received: backend={chosen} in a process where "
            f"Keras runs on {imported}. Set {VARIABLE}={chosen} before Keras is imported, or train in a new process, "
            "as train.py does."
        )
    if not is_installed(chosen):
        raise SettingsError(
            f"`backend` must be installed. Received: backend={chosen}. Install it: {HOW_TO_INSTALL[chosen]}"
        )
    os.environ[VARIABLE] = chosen
    return chosen


def asked_backend(wanted: str) -> str:
    """The backend that a user asks for: "auto" is that of KERAS_BACKEND if it is set."""
    return wanted if wanted != "auto" else _imported_backend() or os.environ.get(VARIABLE) or "auto"


def _imported_backend() -> str | None:
    if "keras" not in sys.modules:
        return None
    import keras

    return keras.backend.backend()


def _best_backend() -> str:
    installed = [backend for backend in BACKENDS if is_installed(backend)] or [BACKENDS[0]]
    if len(installed) > 1 and _sees_gpu("torch") and not _sees_gpu("tensorflow"):
        return "torch"
    return installed[0]


def _sees_gpu(backend: str) -> bool:
    """Whether a backend can use a GPU; in a process of its own, since both in one can disturb each other."""
    return subprocess.run([sys.executable, "-c", SEES_GPU[backend]], capture_output=True).returncode == 0
