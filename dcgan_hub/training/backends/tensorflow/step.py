"""The operations of a step as a TensorFlow graph, whose tensors have no values yet. B images, P places, C channels."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from dcgan_hub.training.distributed.replicas import (
    MirroredMean,
    expect_means,
    is_multi_worker,
    mean_over_replicas,
    replica_count,
)

GRAPH_ERRORS = (tf.errors.OpError,)  # what Python's exceptions within a graph are wrapped in
value_of = tf.convert_to_tensor  # of an integer made `near_python`

__all__ = [
    "GRAPH_ERRORS",
    "MirroredMean",
    "as_one_call",
    "call_checked",
    "compiled",
    "expect_means",
    "gather",
    "global_norm",
    "gradients",
    "is_dense",
    "is_multi_worker",
    "keeping_weights",
    "mean_over_replicas",
    "near_python",
    "pull_back",
    "replica_count",
    "value_of",
    "without_gradients",
]


def near_python() -> contextlib.AbstractContextManager[Any]:
    """Variables made in it are read by Python in each step; TensorFlow's graphs read their own."""
    return contextlib.nullcontext()


def without_gradients(step: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a step, in which operations are recorded within a tape only, as always in TensorFlow."""
    return step


def gradients(
    function: Callable[..., tuple[Any, ...]], variables: Sequence[keras.Variable] = (), images: Sequence[Any] = ()
) -> tuple[list[Any], tuple[Any, ...]]:
    """The gradients of the first of the results of `function(*images)` at the variables and the images; all results.

    Can be called within `function`, and the gradients at images differentiated once more.
    """
    with tf.GradientTape() as tape:
        for tensor in images:
            tape.watch(tensor)
        results = function(*images)
    return tape.gradient(results[0], [*variables, *images]), results


def pull_back(function: Callable[[], Any], variables: Sequence[keras.Variable]) -> tuple[Any, Callable[[Any], Any]]:
    """The result of `function`, and a function from the gradients at it to those at the variables."""
    with tf.GradientTape() as tape:
        result = function()
    # As whole tensors: TensorFlow's gradient of an embedding has only the rows that were read.
    return result, lambda upstream: [tf.convert_to_tensor(each) for each in tape.gradient(result, variables, upstream)]


def keeping_weights(network: keras.Model) -> contextlib.AbstractContextManager[Any]:
    """Gradients in it are those at the weights of each pass, as TensorFlow's always are."""
    return contextlib.nullcontext()


def global_norm(tensors: Sequence[Any]) -> Any:
    """The Euclidean norm of all values of the tensors: a scalar."""
    return tf.linalg.global_norm(tensors)


def gather(rows: Any, numbers: Any) -> Any:
    """Of each image the rows with these numbers: (B, P, C) and int32 (B, Q) to (B, Q, C)."""
    return tf.gather(rows, numbers, batch_dims=1)


def compiled(function: Callable[..., Any]) -> Any:
    """The function, compiled for a GPU."""
    return tf.function(function, autograph=False, reduce_retracing=True, jit_compile=True)


def as_one_call(function: Callable[..., Any]) -> Any:
    """The function as one graph."""
    return tf.function(function, autograph=False)


def is_dense(images: Any) -> bool:
    """Whether this is an ordinary tensor."""
    return isinstance(images, tf.Tensor)


def call_checked(
    step: Callable[[Any], Any], values: Any, is_fine: Callable[[Any, Any], Any], refuse: Callable[[Any, Any], None]
) -> Any:
    """`step(values)`, but `refuse` instead if `is_fine` is not true; both get the lowest and the highest value."""
    floats = tf.cast(values, tf.float32)
    lowest, highest = tf.reduce_min(floats), tf.reduce_max(floats)

    def refuse_in_graph() -> Any:
        with tf.control_dependencies([tf.numpy_function(refuse, [lowest, highest], [])]):
            return tf.constant(False)

    with tf.control_dependencies([tf.cond(is_fine(lowest, highest), lambda: tf.constant(True), refuse_in_graph)]):
        return step(tf.identity(values))
