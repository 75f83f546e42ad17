"""How several workers agree to stop."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


class StopVote:
    """Brings all workers to stop at the same step: a wish of one is added up over all with the metrics of each step.

    Without it, one that stops by its clock or by a signal would leave the others waiting for it for ever. The model
    in training reports the wishes with its metrics, as one of its `extra_logs`.
    """

    name = "stop_wishes"  # among what a step reports

    def __init__(self, extra_logs: dict[str, Callable[[], Any]]) -> None:
        self._wish = tf.Variable(0.0, trainable=False)  # a worker's own: made outside of the strategy's scope
        extra_logs[self.name] = self.read

    def read(self) -> Any:
        """This worker's wish: a scalar, 0 or 1, read within the step."""
        return tf.convert_to_tensor(self._wish)

    def cast(self, wish: bool) -> None:
        """Sets the wish that the next step will show to all."""
        self._wish.assign(float(wish))
