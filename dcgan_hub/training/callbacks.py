"""What happens between two steps: metrics, sample sheets, checkpoints, and the reasons to stop."""

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

NETWORKS = {"generator": "g", "discriminator": "d"}  # how their metrics begin
REMEMBERED_SECONDS = 60.0  # by the speed shown: some times longer than a pause in which quality is measured


class Clock:
    """Counts steps, images and seconds of a run over all its starts; `progress` is how far it was at this one."""

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
        """How far the run is now."""
        return Progress(
            step=self.step, images_seen=self.step * self.batch_size, seconds=self.started_at.seconds + self.seconds_here
        )


class LossNotFinite(RunError):
    """A loss or a gradient became NaN or infinite."""


class CountVotes(keras.callbacks.Callback):
    """Takes the wishes to stop out of what a step reports; the first of the callbacks, the others see metrics only."""

    def __init__(self, stop: "StopWhenDone") -> None:
        super().__init__()
        self.stop = stop

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Lets all stop after this step if one of them wished it before."""
        if logs and logs.pop(StopVote.name, 0.0) > 0.0:
            self.stop.is_outvoted = True


class CountSteps(keras.callbacks.Callback):
    """Advances the clock where each call makes one step; before all others that read it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Counts one step."""
        self.clock.step += 1


class StopOnDivergence(keras.callbacks.Callback):
    """Stops at the first loss that is not finite; Keras' own TerminateOnNaN looks only at a metric called `loss`."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Raises LossNotFinite with the step and what is not finite."""
        wrong = [name for name, value in (logs or {}).items() if not math.isfinite(value)]
        if wrong:
            raise LossNotFinite(f"{describe_figures(wrong)} became NaN or infinite at step {self.clock.step:,}.")


def describe_figures(names: Iterable[str]) -> str:
    """Names of metrics as the start of a sentence, such as "The loss of the discriminator"."""
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
    """Goes on with the means of the metrics as a checkpoint had them: `fit` forgets them when it starts."""

    def __init__(self, metrics: list[keras.Metric]) -> None:
        super().__init__()
        self._kept = [(variable, variable.numpy()) for metric in metrics for variable in metric.variables]

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Puts them back; the run is one epoch."""
        for variable, value in self._kept:
            variable.assign(value)


class Every(keras.callbacks.Callback):
    """Calls a function every `interval` steps of the run, with the means of the metrics."""

    def __init__(self, interval: int, clock: Clock, action: Callable[[dict[str, float]], None]) -> None:
        super().__init__()
        self.interval, self.clock, self.action = interval, clock, action

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Calls the function if it is time."""
        if self.clock.step % self.interval == 0:
            self.action(logs or {})

    @property
    def steps_left(self) -> int:
        """Steps from here to the next call: 1 to `interval`."""
        return self.interval - self.clock.step % self.interval


class StopWhenDone(keras.callbacks.Callback):
    """Stops after a step, after seconds of this start, or when a signal asks for it; None: no such limit.

    Several workers stop by number of steps, or one step after one of them wished it.
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
        """Time left: of the budget, or for the steps that are missing at this speed."""
        if self.last_step is None:
            return max((self.seconds or 0.0) - self.clock.seconds_here, 0.0)
        return (self.last_step - self.clock.step) * self.clock.batch_size / images_per_second

    @property
    def is_over(self) -> bool:
        """Whether the last step was made, the time is over, or a signal was heard."""
        out_of_steps = self.last_step is not None and self.clock.step >= self.last_step
        return out_of_steps or (self._wishes_to_stop if self.stop_vote is None else self.is_outvoted)

    @property
    def interrupted_by(self) -> str | None:
        """What asked for an end before its time: a signal, here or at another worker; None: nothing did."""
        return self.interruption.heard or self._asked_elsewhere

    @property
    def _wishes_to_stop(self) -> bool:
        return self.is_out_of_time or self.interruption.heard is not None

    @property
    def is_out_of_time(self) -> bool:
        """Whether the budget of time is spent."""
        return self.seconds is not None and self.clock.seconds_here >= self.seconds

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Ends `fit` after this step if it is time."""
        self.interruption.tell()
        if self.stop_vote is not None:
            self.stop_vote.cast(self._wishes_to_stop)
        if self.is_over:
            self.model.stop_training = True
        if self.is_outvoted and not self._wishes_to_stop:
            self._asked_elsewhere = "a signal at another worker"


class HealWhenIll(keras.callbacks.Callback):
    """Ends the training with a Rollback where the doctor has found something that can be healed.

    Not where time is over, when going back would only lose steps.
    """

    def __init__(self, doctor: Doctor, settings: Settings, clock: Clock, stop: StopWhenDone) -> None:
        super().__init__()
        self.doctor, self.settings, self.clock, self.stop = doctor, settings, clock, stop

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Looks at what was found before a kill."""
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
        self._recent: tuple[int, float] | None = None  # step and seconds, since the first step, which compiles
        self._steps, self._seconds = 0.0, 0.0  # of a while that fades, for a speed that follows without jumping

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
        """Images a second; None before there is one."""
        return self._steps * self.clock.batch_size / self._seconds if self._seconds else None

    def _line(self, logs: dict[str, float]) -> str:
        last = f"/{self.stop.last_step:,}" if self.stop.last_step else ""
        speed = f"{self._speed:,.0f} images/s" if self._speed else "starting"
        left = f"{format_duration(self.stop.remaining_seconds(self._speed))} left" if self._speed else "measuring"
        # The most useful first: a narrow terminal cuts the end off.
        return (
            f"step {self.clock.step:,}{last} | {left} | {speed} | "
            f"loss G {logs.get('g_loss', math.nan):.2f} D {logs.get('d_loss', math.nan):.2f} | "
            f"D right on real {logs.get('real_accuracy', math.nan):.0%} "
            f"generated {logs.get('generated_accuracy', math.nan):.0%} | "
            f"{self.clock.progress.images_seen:,} images seen"
        )
