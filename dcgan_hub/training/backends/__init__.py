"""What training needs of a backend and Keras does not have: the same names for each, in a folder of its own.

`adapter` has the operations of a step and `Draws` its random numbers, `loop` repeats steps, `devices` knows the
hardware, and `system_errors` what the backend's errors mean. To import this package imports Keras, with the backend
that was chosen before.
"""

import importlib
from typing import Any

import keras

from dcgan_hub.errors import SettingsError
from dcgan_hub.keras_startup import BACKENDS

if keras.backend.backend() not in BACKENDS:
    raise SettingsError(
        f"Training needs Keras on {' or '.join(BACKENDS)}. Received: KERAS_BACKEND or keras.json says "
        f"{keras.backend.backend()}. Set KERAS_BACKEND={BACKENDS[0]}."
    )


def _part(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{keras.backend.backend()}.{name}")


devices, system_errors = _part("devices"), _part("system_errors")
adapter, loop = _part("step"), _part("loop")
Draws = _part("draws").Draws
