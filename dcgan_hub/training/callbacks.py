"""Keras callbacks of a run: step counting, periodic actions, progress, and reasons to stop."""

import math
import time
from collections.abc import Callable, Iterable

import keras

from dcgan_hub.console import Console, format_duration
from dcgan_hub.errors import RunError
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.settings import Settings
from dcgan_hub.training.distributed.stop_vote import StopVote
from dcgan_hub.training.health.doctor import Doctor
from dcgan_hub.training.health.recovery import Rollback, find_remedy
from dcgan_hub.training.interruption import Interruption

NETWORKS = {"generator": "g", "discriminator": "d"}  # prefixes of their metrics
REMEMBERED_SECONDS = 60.0  # time constant of the speed shown; several times a pause for a quality measurement


class Clock:
    """Counts steps, images and seconds of a run over all its starts; `progress` is that at this start."""

    def __init__(self, progress: Progress, batch_size: int) -> None:
        self.started_at = progress
        self.batch_size = batch_size
        self.step = progress.step
        self._start = time.monotonic()

    def start(self) -> None:
        """Starts counting seconds."""
        self._start = time.monotonic()

    @property
    def seconds_here(self) -> float:
        """Seconds since this start."""
        return time.monotonic() - self._start

    @property
    def progress(self) -> Progress:
        """The current progress of the run."""
        return Progress(
            step=self.step, images_seen=self.step * self.batch_size, seconds=self.started_at.seconds + self.seconds_here
        )


class LossNotFinite(RunError):
    """A loss or a gradient became NaN or infinite."""


class CountVotes(keras.callbacks.Callback):
    """Removes the stop votes from the logs of a step; comes before all callbacks that read metrics."""

    def __init__(self, stop: "StopWhenDone") -> None:
        super().__init__()
        self.stop = stop

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Stops all workers after this step if one of them voted to stop."""
        if logs and logs.pop(StopVote.name, 0.0) > 0.0:
            self.stop.is_outvoted = True


class CountSteps(keras.callbacks.Callback):
    """Advances the clock if each call makes one step; comes before all callbacks that read it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Counts one step."""
        self.clock.step += 1


class StopOnDivergence(keras.callbacks.Callback):
    """Stops at the first non-finite metric; Keras' own TerminateOnNaN only checks a metric called `loss`."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Raises LossNotFinite, naming the step and the metrics."""
        wrong = [name for name, value in (logs or {}).items() if not math.isfinite(value)]
        if wrong:
            raise LossNotFinite(f"{describe_figures(wrong)} became NaN or infinite at step {self.clock.step:,}.")


def describe_figures(names: Iterable[str]) -> str:
    """Names of metrics as the subject of a sentence, such as "The loss of the discriminator"."""
    remaining, parts = set(names), []
    for singular, plural, suffix in (("loss", "losses", "loss"), ("gradients", "gradients", "gradient_norm")):
        owners = [owner for owner, initial in NETWORKS.items() if f"{initial}_{suffix}" in remaining]
        remaining -= {f"{NETWORKS[owner]}_{suffix}" for owner in owners}
        if owners:
            of = " and ".join(f"the {owner}" for owner in owners)
            parts.append(f"the {plural if len(owners) > 1 else singular} of {of}")
    sentence = " and ".join([*parts, *sorted(remaining)])
    return sentence[:1].upper() + sentence[1:]


class KeepMeans(keras.callbacks.Callback):
    """Restores the means of the metrics from the checkpoint, since `fit` resets them when it starts."""

    def __init__(self, metrics: list[keras.Metric]) -> None:
        super().__init__()
        self._kept = [(variable, variable.numpy()) for metric in metrics for variable in metric.variables]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Restores them; the whole run is one epoch."""
        for variable, value in self._kept:
            variable.assign(value)


class Every(keras.callbacks.Callback):
    """Calls a function every `interval` steps of the run, with the means of the metrics."""

    def __init__(self, interval: int, clock: Clock, action: Callable[[dict[str, float]], None]) -> None:
        super().__init__()
        self.interval, self.clock, self.action = interval, clock, action

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Calls the function if it is due."""
        if self.clock.step % self.interval == 0:
            self.action(logs or {})

    @property
    def steps_left(self) -> int:
        """Steps until the next call: 1 to `interval`."""
        return self.interval - self.clock.step % self.interval


class StopWhenDone(keras.callbacks.Callback):
    """Stops after `last_step`, after `seconds` of this start (None: no limit), or at a signal.

    Several workers stop after `last_step`, or one step after one of them voted to stop.
    """

    def __init__(
        self, clock: Clock, last_step: int | None, seconds: float | None, interruption: Interruption,
        stop_vote: StopVote | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.clock, self.last_step, self.seconds, self.interruption = clock, last_step, seconds, interruption
        self.stop_vote, self.is_outvoted = stop_vote, False
        self._asked_elsewhere: str | None = None

    def remaining_seconds(self, images_per_second: float) -> float:
        """Remaining time: of the time budget, or for the remaining steps at this speed."""
        if self.last_step is None:
            return max((self.seconds or 0.0) - self.clock.seconds_here, 0.0)
        return (self.last_step - self.clock.step) * self.clock.batch_size / images_per_second

    @property
    def is_over(self) -> bool:
        """Whether the last step was made, time is up, or a signal was received."""
        out_of_steps = self.last_step is not None and self.clock.step >= self.last_step
        return out_of_steps or (self._wishes_to_stop if self.stop_vote is None else self.is_outvoted)

    @property
    def interrupted_by(self) -> str | None:
        """The signal that stops the run early, received here or by another worker; None: no signal."""
        return self.interruption.heard or self._asked_elsewhere

    @property
    def _wishes_to_stop(self) -> bool:
        return self.is_out_of_time or self.interruption.heard is not None

    @property
    def is_out_of_time(self) -> bool:
        """Whether the time budget is used up."""
        return self.seconds is not None and self.clock.seconds_here >= self.seconds

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Ends `fit` after this step if the run is over."""
        self.interruption.tell()
        if self.stop_vote is not None:
            self.stop_vote.cast(self._wishes_to_stop)
        if self.is_over:
            self.model.stop_training = True
        if self.is_outvoted and not self._wishes_to_stop:
            self._asked_elsewhere = "a signal at another worker"


class HealWhenIll(keras.callbacks.Callback):
    """Raises a Rollback if the doctor has a finding for which there is a remedy.

    Not if time is up, since a rollback would then only lose steps.
    """

    def __init__(self, doctor: Doctor, settings: Settings, clock: Clock, stop: StopWhenDone) -> None:
        super().__init__()
        self.doctor, self.settings, self.clock, self.stop = doctor, settings, clock, stop

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Handles findings from before a kill."""
        self.on_train_batch_end(-1)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Raises Rollback if there is a remedy."""
        for finding in self.doctor.lasting:
            if not self.stop.is_out_of_time and find_remedy(finding, self.settings):
                raise Rollback(finding, self.clock.step, self.clock.seconds_here)


class ShowProgress(keras.callbacks.Callback):
    """Keeps the progress line up to date."""

    def __init__(self, clock: Clock, stop: StopWhenDone, console: Console) -> None:
        super().__init__()
        self.clock, self.stop, self.console = clock, stop, console
        self._recent: tuple[int, float] | None = None  # step and seconds; not before the first step, which compiles
        self._steps, self._seconds = 0.0, 0.0  # exponentially decaying sums, for a smoothed speed

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Shows step, images, speed, time left, losses and accuracies."""
        now = (self.clock.step, self.clock.seconds_here)
        step, seconds = self._recent = self._recent or now
        elapsed = self.clock.seconds_here - seconds
        if elapsed >= 1.0:
            kept = math.exp(-elapsed / REMEMBERED_SECONDS)
            self._steps, self._seconds = kept * self._steps + self.clock.step - step, kept * self._seconds + elapsed
            self._recent = now
        self.console.progress(lambda: self._line(logs or {}))

    @property
    def _speed(self) -> float | None:
        """Images per second; None before the first measurement."""
        return self._steps * self.clock.batch_size / self._seconds if self._seconds else None

    def _line(self, logs: dict[str, float]) -> str:
        last = f"/{self.stop.last_step:,}" if self.stop.last_step else ""
        speed = f"{self._speed:,.0f} images/s" if self._speed else "starting"
        left = f"{format_duration(self.stop.remaining_seconds(self._speed))} left" if self._speed else "measuring"
        # The most useful first, since a narrow terminal truncates the line.
        return (
            f"step {self.clock.step:,}{last} | {left} | {speed} | "
            f"loss G {logs.get('g_loss', math.nan):.2f} D {logs.get('d_loss', math.nan):.2f} | "
            f"D accuracy real {logs.get('real_accuracy', math.nan):.0%} "
            f"generated {logs.get('generated_accuracy', math.nan):.0%} | "
            f"{self.clock.progress.images_seen:,} images seen"
        )
