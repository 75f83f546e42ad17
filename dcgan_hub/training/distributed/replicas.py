"""What a model needs to train on several devices or machines at once, in the scope of a strategy of `tf.distribute`.

A replica is one device with its own copy of the weights; R replicas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf


def replica_count() -> int:
    """R of the strategy in whose scope this is called; 1 without one."""
    return int(tf.distribute.get_strategy().num_replicas_in_sync)


def replica_number() -> Any:
    """Which replica computes this: 0 to R - 1 over all workers."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group if context else 0


@dataclass(frozen=True)
class BatchShard:
    """The shard of the whole batch that a replica has: all have as many images, in the order of the replicas.

    What is drawn by chance for an image then does not depend on how the batch is divided.
    """

    replicas: int = 1  # R
    number: Any = 0  # of this replica, from 0 on

    def of(self, draw: Callable[[Any], Any], count: Any) -> Any:
        """Draws for the whole batch and returns what the `count` images of this shard get.

        `draw` makes of a number of images a tensor with as many rows.
        """
        whole = draw(count * self.replicas)
        return whole if self.replicas == 1 else whole[self.number * count : (self.number + 1) * count]


WHOLE = BatchShard()


def own_shard() -> BatchShard:
    """The shard of the replica that computes this."""
    return BatchShard(replica_count(), replica_number())


def is_multi_worker() -> bool:
    """Whether the replicas are those of several processes."""
    return isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy)


def mean_over_replicas(values: Any) -> Any:
    """The mean of each tensor over all replicas, the same on all; to be called by all at once, outside of branches."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, values)


def expect_means(*optimizers: keras.Optimizer) -> None:
    """Makes optimizers take gradients as they are.

    Keras 3.15 adds gradients up over the replicas within `apply`. Then their norm, which is reported, would need a
    second exchange of all of them. So the model takes the mean itself, and the optimizer must not add once more;
    `tests/training/test_several_devices.py` fails should Keras rename this method.
    """
    for optimizer in optimizers:
        optimizer._all_reduce_sum_gradients = list


class MirroredMean(keras.metrics.Mean):
    """A running mean of values that are the same on all replicas.

    Keras keeps what each replica has counted apart and adds it up whenever it is read, which all workers must do at
    once. This one is read and set like a weight, also by one worker alone.
    """

    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, aggregation: str = "none", name: str | None = None
    ) -> keras.Variable:
        """A variable with a copy on each replica, which is told to stay the same."""
        return keras.Variable(
            keras.initializers.get(initializer), shape=shape, dtype=dtype or self.dtype, trainable=False, name=name
        )
