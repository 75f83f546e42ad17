"""Lets several workers agree on when to stop."""

from collections.abc import Callable
from typing import Any

from keras import ops


class StopVote:
    """Makes all workers stop at the same step: their votes are summed together with the metrics of each step.

    Otherwise a worker that stops by time or by a signal would leave the others waiting for it forever. The model
    reports the votes together with its metrics, as one of its `extra_logs`.
    """

    name = "stop_wishes"  # in the logs of a step

    def __init__(self, extra_logs: dict[str, Callable[[], Any]]) -> None:
        import tensorflow as tf  # which alone trains on several workers

        self._wish = tf.Variable(0.0, trainable=False)  # created outside the strategy's scope, so local to this worker
        extra_logs[self.name] = self.read

    def read(self) -> Any:
        """This worker's vote: a scalar, 0 or 1, read within the step."""
        return ops.convert_to_tensor(self._wish)

    def cast(self, wish: bool) -> None:
        """Sets this worker's vote for the next step."""
        self._wish.assign(float(wish))
