"""What a worker does between two steps that writes nothing: the worker of number 0 writes for all."""

from typing import Any

from dcgan_hub.training.callbacks import Clock
from dcgan_hub.training.checkpoint import read_state
from dcgan_hub.training.dcgan import DCGAN


class Follower:
    """Stands where the chief has its Recorder, and keeps the state of this worker the same as the chief's.

    Args:
        gan: the model in training.
        clock: of the run.
    """

    best_step = None  # known to the chief
    quality = None

    def __init__(self, gan: DCGAN, clock: Clock) -> None:
        self.gan, self.clock = gan, clock

    def report(self, logs: dict[str, float] | None = None) -> None:
        """Starts new means, as the chief does."""
        self.gan.reset_metrics()

    def checkpoint(self, logs: dict[str, float] | None = None) -> None:
        """Raises StateNotFinite where the chief does, so that all end alike."""
        read_state(self.gan, self.clock.step)

    evaluate = finish = checkpoint  # of which a checkpoint is a part

    def sample(self, logs: dict[str, float] | None = None) -> None:
        """Draws nothing."""

    plot = sample

    def evaluate_if_missed(self) -> None:
        """Measures nothing."""

    def note(self, **changes: Any) -> None:
        """Notes nothing."""

    def close(self) -> None:
        """Has no file to finish."""
