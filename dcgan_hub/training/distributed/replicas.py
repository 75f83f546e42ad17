"""Helpers for training a model on several devices or machines, in the scope of a `tf.distribute` strategy.

A replica is a device with its own copy of the weights; R replicas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf


def replica_count() -> int:
    """R of the current strategy; 1 without one."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def replica_number() -> Any:
    """Number of the current replica: 0 to R - 1 over all workers."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0


@dataclass(frozen=True)
class BatchShard:
    """A replica's shard of the whole batch; shards have equal size and are in the order of the replicas.

    With it, the random numbers of an image do not depend on how the batch is divided.
    """

    replicas: int = 1  # R
    number: Any = 0  # of this replica, starting at 0

    def of(self, draw: Callable[[Any], Any], count: Any) -> Any:
        """Draws random numbers for the whole batch and returns those of the `count` images of this shard.

        `draw` maps a number of images to a tensor with that many rows.
        """
        whole = draw(count * self.replicas)
        return whole if self.replicas == 1 else whole[self.number * count : (self.number + 1) * count]


WHOLE = BatchShard()


def own_shard() -> BatchShard:
    """The shard of the current replica."""
    return BatchShard(replica_count(), replica_number())


def is_multi_worker() -> bool:
    """Whether the replicas belong to several processes."""
    return isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)


def mean_over_replicas(values: Any) -> Any:
    """All-reduces each tensor to its mean over all replicas; all must call it together, outside conditionals."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, values)


def expect_means(*optimizers: keras.Optimizer) -> None:
    """Makes optimizers apply gradients without an all-reduce of their own.

    Keras 3.15 sums gradients over the replicas within `apply`, so reporting their norm would need a second all-reduce.
    Instead the model computes the mean itself, and the optimizer must not sum again.
    `tests/training/test_several_devices.py` fails if Keras renames this method.
    """
    for optimizer in optimizers:
        optimizer._all_reduce_sum_gradients = list


class MirroredMean(keras.metrics.Mean):
    """A running mean of values that are equal on all replicas.

    Keras accumulates separately on each replica and sums on every read, which all workers must do together. This metric
    can be read and assigned like a weight, even by a single worker.
    """

    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, aggregation: str = "none", name: str | None = None
    ) -> keras.Variable:
        """Creates a variable that is mirrored on all replicas."""
        return keras.Variable(
            keras.initializers.get(initializer), shape=shape, dtype=dtype or self.dtype, trainable=False, name=name
        )
