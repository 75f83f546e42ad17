"""The random numbers of a step, by TensorFlow's stateless operations."""

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from dcgan_hub.training.distributed.replicas import WHOLE, BatchShard, own_shard


@dataclasses.dataclass(frozen=True)
class Draws:
    """Random numbers, one row per image, independent of the other images of the shard."""

    seed: Any  # integer tensor (2,)
    shard: BatchShard = WHOLE

    @classmethod
    def of_step(cls, seed: int, step: keras.Variable) -> "Draws":
        """Those of the replica's shard in a step of a run with this seed."""
        return cls(tf.stack([tf.constant(seed, tf.int64), tf.convert_to_tensor(step)]), own_shard())

    def of(self, purpose: int) -> "Draws":
        """Independent ones for one purpose of the step."""
        return dataclasses.replace(self, seed=tf.random.experimental.stateless_fold_in(self.seed, purpose))

    def normal(self, count: Any, size: int) -> Any:
        """Standard normal: float32 (count, size)."""
        return self.shard.of(lambda count: tf.random.stateless_normal((count, size), seed=self.seed), count)

    def uniform(self, count: Any, low: Any = 0.0, high: Any = 1.0, dtype: str = "float32") -> Any:
        """Uniform in [low, high): float32 or int32 (count, 1)."""
        return self.shard.of(lambda count: tf.random.stateless_uniform((count, 1), self.seed, low, high, dtype), count)
