"""Adaptive `steps_per_execution`: several steps per call, never past the next callback that is due."""

import time
from collections.abc import Iterable

import keras
import numpy as np

from dcgan_hub.training.backends import loop
from dcgan_hub.training.callbacks import Clock, Every
from dcgan_hub.training.dcgan import DCGAN, METRICS

SECONDS_A_CALL = 0.25  # interval at which the progress line is updated and Ctrl-C is noticed


class AdaptiveStepsPerCall(keras.callbacks.Callback):
    """Makes as many steps per call as fit into a quarter of a second, up to the next step with a callback due.

    The state after a step does not depend on how steps are grouped: the same graph makes all of them, and it stops
    after the first step with a non-finite metric.

    Args:
        gan: a compiled model; its `train_function` is replaced.
        clock: of the run; set to the number of steps made, before other callbacks read it.
        due: the periodic callbacks.
        last_step: of the run; None: no limit.
    """

    def __init__(self, gan: DCGAN, clock: Clock, due: Iterable[Every], last_step: int | None) -> None:
        super().__init__()
        self.clock, self.due, self.last_step = clock, tuple(due), last_step
        self.steps_at_once = 1  # the first call builds the graph, so its time is not that of a step
        self._is_first_call, self._started, self._first_step = True, 0.0, 0
        several_steps = loop.make_several_steps(gan, METRICS)
        gan.train_function = lambda batches: several_steps(batches, np.int32(self.steps_at_once))

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Records the start of a call."""
        self._started, self._first_step = time.monotonic(), self.clock.step

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Updates the clock, and sets the number of steps of the next call."""
        seconds = time.monotonic() - self._started
        self.clock.step = int(self.model.step.numpy())
        if self._is_first_call:
            self._is_first_call = False
            return
        fitting = SECONDS_A_CALL * (self.clock.step - self._first_step) / max(seconds, 1e-9)
        left = [every.steps_left for every in self.due]
        if self.last_step is not None:
            left.append(self.last_step - self.clock.step)
        self.steps_at_once = max(min(int(fitting), *left), 1)
