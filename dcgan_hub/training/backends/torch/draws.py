"""The random numbers of a step on PyTorch: those that TensorFlow draws on a processor."""

import dataclasses
import functools
from typing import Any

import keras
import numpy as np

from dcgan_hub.training.backends.torch.devices import upload
from dcgan_hub.training.backends.torch.philox import as_normal, as_uniform, random_words, seeds_of_steps
from dcgan_hub.training.backends.torch.step import value_of

MAX_WORDS_AT_ONCE, MAX_STEPS_AT_ONCE = 2**18, 64  # since NumPy's calls cost more than the numbers
STREAMS_KEPT = 64  # more than a step has


@dataclasses.dataclass(frozen=True)
class Draws:
    """Random numbers, one row per image, independent of the other images."""

    seed: int
    step: int
    purposes: tuple[int, ...] = ()

    @classmethod
    def of_step(cls, seed: int, step: keras.Variable) -> "Draws":
        """Those of a step of a run with this seed."""
        return cls(seed, value_of(step))

    def of(self, purpose: int) -> "Draws":
        """Independent ones for one purpose of the step."""
        return dataclasses.replace(self, purposes=(*self.purposes, purpose))

    def normal(self, count: int, size: int) -> Any:
        """Standard normal: float32 (count, size)."""
        even = -(-count * size // 2) * 2
        values = as_normal(self._words(even)[None])[0, : count * size]
        return upload(values.reshape(count, size))

    def uniform(self, count: int, low: Any = 0.0, high: Any = 1.0, dtype: str = "float32") -> Any:
        """Uniform in [low, high): float32 or int32 (count, 1)."""
        words = self._words(count)
        if dtype == "int32":
            return upload((words % np.uint32(high - low)).astype(np.int32)[:, None] + np.int32(low))
        return upload(as_uniform(words)[:, None] * np.float32(high - low) + np.float32(low))

    def _words(self, count: int) -> np.ndarray:
        at_once = max(min(MAX_WORDS_AT_ONCE // count, MAX_STEPS_AT_ONCE), 1)
        number, place = divmod(self.step, at_once)
        return _words_of_steps(self.seed, number * at_once, at_once, self.purposes, count)[place]


@functools.lru_cache(maxsize=STREAMS_KEPT)
def _words_of_steps(seed: int, first: int, steps: int, purposes: tuple[int, ...], count: int) -> np.ndarray:
    return random_words(seeds_of_steps(seed, range(first, first + steps), purposes), count)
