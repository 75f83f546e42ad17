"""Many steps on TensorFlow: several in one call, by Keras' `fit`, on one device or on many."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from dcgan_hub.training.distributed.cluster import Layout
from dcgan_hub.training.distributed.single_process import SingleProcess
from dcgan_hub.training.distributed.worker_group import gather_worker_group


def gather_group(layout: Layout) -> SingleProcess:
    """The devices and processes that train; see `gather_worker_group`."""
    return gather_worker_group(layout)


def make_several_steps(gan: Any, names: Sequence[str]) -> Any:
    """Returns a function that makes steps, and ends after the first one of which a metric is not finite.

    Args:
        gan: a compiled DCGAN.
        names: of its metrics.

    Returns:
        A function of an iterator over batches and a number of steps (of NumPy, or each would be traced) that trains and
        returns the metrics.
    """
    strategy = gan.distribute_strategy

    def first_replica(value: Any) -> Any:
        return strategy.experimental_local_results(value)[0]

    @tf.function(autograph=False)
    def several_steps(batches: Any, count: Any) -> dict[str, Any]:
        def go_on(made: Any, is_finite: Any, *figures: Any) -> Any:
            return tf.logical_and(made < count, is_finite)

        def one_step(made: Any, is_finite: Any, *figures: Any) -> tuple[Any, ...]:
            logs = strategy.run(gan.train_step, args=(batches.get_next(),))
            figures = tuple(first_replica(logs[name]) for name in names)
            return made + 1, tf.reduce_all(tf.math.is_finite(tf.stack(figures))), *figures

        start = (0, True, *(0.0 for _ in names))
        _, _, *figures = tf.while_loop(go_on, one_step, start, parallel_iterations=1)
        return dict(zip(names, figures, strict=True))

    return several_steps


def fit(gan: Any, batches: Any, callbacks: list[Any]) -> None:
    """Trains until a callback stops it, in a single epoch: a resumed run may begin in the middle of a pass."""
    gan.fit(batches, epochs=1, steps_per_epoch=2**31 - 1, verbose=0, callbacks=callbacks, shuffle=False)
