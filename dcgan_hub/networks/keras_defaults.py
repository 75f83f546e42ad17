"""Keras' global settings, which belong to the user and must not change what networks compute.

Keras is imported when it is used.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

DEFAULTS = {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}  # of the whole process
_lock = threading.Lock()
_kept: dict[str, Any] = {}  # what the user has set
_users = 0  # of the defaults at this moment, in all threads


@contextmanager
def keras_defaults() -> Iterator[None]:
    """While networks are built, traced and trained: Keras as it comes, whatever the user has set. Also a decorator.

    A dtype policy (`keras.mixed_precision.set_global_policy`), `keras.config.set_floatx` and a keras.json would else
    decide in how many bits metrics, optimizers and all layers without an explicit dtype compute.
    """
    import keras

    policy = keras.config.dtype_policy()  # which each thread has for itself
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
