"""Shields this package's networks from Keras' global settings, which belong to the user.

Importing this module does not import Keras.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DEFAULTS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}  # process-wide
_lock = threading.Lock()
_kept: dict[str, Any] = {}  # the user's values
_users = 0  # active contexts in all threads


@contextmanager
def keras_defaults() -> Iterator[None]:
    """Context manager and decorator: Keras' default settings while networks are built, traced and trained.

    Otherwise a dtype policy (`keras.mixed_precision.set_global_policy`), `keras.config.set_floatx` or keras.json would
    set the dtype of metrics, optimizers and all layers without an explicit one.
    """
    import keras

    policy = keras.config.dtype_policy()  # thread-local
    _enter()
    try:
        keras.config.set_dtype_policy("float32")
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        _leave()


def _enter() -> None:
    global _users, _kept
    import keras

    with _lock:
        if _users == 0:
            _kept = {name: getattr(keras.config, name)() for name in DEFAULTS}
        _users += 1
        _write(DEFAULTS)


def _leave() -> None:
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            _write(_kept)


def _write(values: dict[str, Any]) -> None:
    import keras

    for name, value in values.items():
        getattr(keras.config, f"set_{name}")(value)
