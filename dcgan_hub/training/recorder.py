"""Writes the files of a run during training: metrics, sample sheets, plots, checkpoints and the bundle.

A full disk must neither end a healthy run nor go unnoticed: each kind of file that cannot be written is reported once
in a warning, the last good checkpoint is kept, and writing is retried the next time it is due.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image

from dcgan_hub.bundle.format import BundleFacts, DatasetFacts
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.origin import FIELD as ORIGIN_FIELD
from dcgan_hub.console import Console
from dcgan_hub.errors import DcganHubError, RunError
from dcgan_hub.evaluation.results import Measures
from dcgan_hub.images.grids import make_sheet, save_png
from dcgan_hub.runs.checkpoint_files import remove_old
from dcgan_hub.runs.directory import checkpoint_folders, rounded_row, step_number
from dcgan_hub.runs.sheet_grid import COLUMNS, sheet_grid
from dcgan_hub.training.callbacks import Clock
from dcgan_hub.training.checkpoint import read_state, save_checkpoint
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.hardware import describe_hardware
from dcgan_hub.training.health.doctor import Doctor
from dcgan_hub.training.health.sample_statistics import COPIES_SOUGHT, SampleStatistics, describe_copies
from dcgan_hub.training.plan import Plan
from dcgan_hub.training.quality import FIRST_SEED, QualityWatch
from dcgan_hub.training.reporting.events import EventFile
from dcgan_hub.training.reporting.plots import plot_accuracies, plot_losses, plot_quality

AfterSave = Callable[[int], None]
PLOT_SECONDS = 60.0  # minimum between updates of the same plots
LOOK_FIELD = "look"  # text field of a sheet with its statistics


class Recorder:
    """Keeps the run directory up to date.

    Every row of metrics is passed to the doctor. `after_save` is called with the step after checkpoint and bundle were
    written.
    """

    def __init__(
        self, plan: Plan, gan: DCGAN, dataset: DatasetFacts, clock: Clock, doctor: Doctor, console: Console,
        after_save: AfterSave,
    ) -> None:  # fmt: skip
        self.run, self.gan, self.settings, self.dataset = plan.run, gan, plan.effective_settings, dataset
        self.origin = plan.origin_facts
        self.clock, self.doctor, self.console, self.after_save = clock, doctor, console, after_save
        self._statistics, self._look = SampleStatistics(plan.images.images), self._look_not_reported()
        self.generator = Generator(
            self.settings.network, gan.ema_generator, name=self.run.path.name, class_names=plan.class_names
        )
        self.quality: QualityWatch | None = None
        training = self.settings.training
        if training.evaluate_every and QualityWatch.can_measure(plan.images):
            self.quality = QualityWatch(self.run, plan.images, self.generator, training.evaluate_images)
        self._has_labels = len(plan.images.label_names) > 1
        self._checkpoint_step = clock.step if clock.step else None  # of the last checkpoint, written or loaded
        self._plotted = 0.0  # time of the last plots, in seconds of this start; the first are drawn after a minute
        self._warned: set[str] = set()
        self._reported = (clock.step, 0.0)
        self._events = EventFile(self.run.tensorboard)

    def report(self, logs: dict[str, float]) -> None:
        """Writes a row of metrics, the means since the last report, and resets the means."""
        self._write_row(self._row(logs))
        self.gan.reset_metrics()

    def _report_end(self) -> None:
        """Writes the means since the last report if the run ends between two reports.

        A resumed run removes this row, and must then be identical to an uninterrupted run. So the means are not reset,
        and the doctor, whose findings depend on all rows, does not see it.
        """
        means, step = self.gan.means(), self.clock.step
        if means and not any(row["step"] == step and "g_loss" in row for row in self.run.read_metrics()):
            self._append_row(self._row(means))

    def _row(self, logs: dict[str, float]) -> dict[str, float]:
        """A row of metrics: progress, means, speed, and the statistics of the newest sheet."""
        progress, (step, seconds) = self.clock.progress, self._reported
        images = (progress.step - step) * self.clock.batch_size
        speed = images / max(self.clock.seconds_here - seconds, 1e-9)
        self._reported = (progress.step, self.clock.seconds_here)
        row = {
            **self._place(), **{name: float(value) for name, value in logs.items()},
            **({"images_per_second": speed} if images else {}), **self._look,
        }  # fmt: skip
        self._look = {}
        if self.gan.augmentation is not None:
            row["augmentation_strength"] = float(self.gan.augmentation_strength.numpy())
        return row

    def sample(self, logs: dict[str, float] | None = None) -> None:
        """Writes the sample sheet of this step.

        Its statistics become part of the next row of metrics, and are also stored in the sheet, so that a kill in
        between does not lose them. Only regular sheets, for which `logs` is given, have statistics: not that of the end
        of a run, which an uninterrupted run would not write.
        """
        step = self.clock.step
        # The same seeds in every sheet of every run, so that sheets can be compared.
        grid = sheet_grid(self.settings.network.classes, self.settings.network.image_size)
        images = self.generator.generate(seeds=grid.seeds, classes=grid.classes or None)
        text = {"step": str(step), **grid.texts(), "run": self.run.path.name}
        if logs is not None:
            self._look = rounded_row(self._statistics.compare(images))
            text[LOOK_FIELD] = json.dumps(self._look)
        self._try(
            "samples", lambda: save_png(make_sheet(images, columns=COLUMNS, scale=1), self.run.sample_file(step), text)
        )

    def plot(self, logs: dict[str, float] | None = None) -> None:
        """Updates the plots of losses and accuracies; during training at most once a minute, so not in the first one.

        Two plots take as much CPU time as ten steps of a small network.
        """
        now = self.clock.seconds_here
        if logs is None or now - self._plotted >= PLOT_SECONDS:
            self._try("plots", self._plot)
            self._plotted = now

    def checkpoint(self, logs: dict[str, float] | None = None) -> None:
        """Writes a checkpoint, removes old ones, and writes the bundle."""
        progress = self.clock.progress
        folder = self.run.checkpoint(progress.step)
        if self._try("checkpoints", lambda: save_checkpoint(folder, self.gan, progress)):
            self._checkpoint_step = progress.step
            self._remove_old()
            self._publish()

    def evaluate(self, logs: dict[str, float] | None = None) -> None:
        """Evaluates the EMA generator; the best so far is saved as the bundle, and its checkpoint is kept.

        With too few images for an evaluation, only copies of training images are searched for.
        """
        quality, progress = self.quality, self.clock.progress
        if quality is None:
            self._note_copies()
            return
        if quality.is_measured(progress.step):
            return
        # Before the measurement, so that after a kill the resumed run measures the same generator.
        if self._checkpoint_step != progress.step:
            self.checkpoint()
        measures = quality.measure()
        best = quality.is_best(measures)
        if best and not self._try("generator", lambda: self._save_bundle(self.run.generator, measures)):
            return
        if self._write_row(self._place() | measures.figures() | self._copies()):
            quality.note(progress.step, measures, best)
        self._remove_old()
        self._try("plots", self._plot_quality)
        self.console.say(f"step {progress.step:,}: {measures.summary()}" + (", the best so far" if best else ""))
        self._leave_out_time_since(progress.seconds)

    def finish(self) -> None:
        """Writes those of checkpoint, bundle, sheet, metrics and plots of the last step that are missing.

        If quality was measured during the run, it is measured again. Raises RunError if the state could not be saved.
        """
        if self._checkpoint_step == self.clock.step:
            self._publish()
        else:
            self.checkpoint()
        if self._checkpoint_step != self.clock.step:
            raise RunError(
                f"The state of step {self.clock.step:,} could not be saved in '{self.run.checkpoints}'. "
                f"{self._last_good()}"
            )
        if not self.run.sample_file(self.clock.step).exists():
            self.sample()
        self._report_end()
        self.plot()
        if self.quality is not None and self.quality.best_step is not None:
            self.evaluate()

    def evaluate_if_missed(self) -> None:
        """Makes up for a measurement that a kill has prevented."""
        every = self.settings.training.evaluate_every
        if self.clock.step and every and self.clock.step % every == 0:
            self.evaluate()

    def note(self, **changes: Any) -> None:
        """Updates entries of `run.json`."""
        self._try("run.json", lambda: self.run.write_record(self.run.read_record() | changes))

    @property
    def best_step(self) -> int | None:
        """The step with the smallest KID; None if nothing was measured."""
        return self.quality.best_step if self.quality else None

    def note_health(self) -> None:
        """Writes the doctor's findings to `run.json`."""
        self.note(health=self.doctor.report())

    def _place(self) -> dict[str, float]:
        progress = self.clock.progress
        return {"step": progress.step, "images_seen": progress.images_seen, "seconds": round(progress.seconds, 3)}

    def _write_row(self, row: dict[str, float]) -> bool:
        """Writes a row of metrics and passes it to the doctor, rounded as in the file; returns whether that worked."""
        written = self._append_row(row)
        before = self.doctor.report()
        for finding in self.doctor.observe(rounded_row(row)):
            self.console.warn(f"step {finding.step:,}: {finding.words}")
        if self.doctor.report() != before:
            self.note_health()
        return written

    def _append_row(self, row: dict[str, float]) -> bool:
        written = self._try("metrics.jsonl", lambda: self.run.append_metrics(row))
        self._try("tensorboard", lambda: self._write_events(row))
        return written

    def _look_not_reported(self) -> dict[str, Any]:
        """The statistics of the newest sheet if they are missing in the metrics, after a kill in between."""
        reported = max((row["step"] for row in self.run.read_metrics() if "g_loss" in row), default=0)
        for path in reversed(self.run.sample_files()):
            if step_number(path) <= reported:
                break
            with suppress(OSError, ValueError, TypeError, AttributeError), Image.open(path) as sheet:
                if LOOK_FIELD in sheet.info:
                    return {name: float(value) for name, value in json.loads(sheet.info[LOOK_FIELD]).items()}
        return {}

    def _note_copies(self) -> None:
        place = self._place()
        if any(row["step"] == place["step"] and "near_copies" in row for row in self.run.read_metrics()):
            return
        copies = self._copies()
        if copies and self._write_row(place | copies):
            self.console.say(f"step {place['step']:,}: {describe_copies(copies)}")
        self._leave_out_time_since(place["seconds"])

    def _leave_out_time_since(self, seconds: float) -> None:
        """Excludes the time of a measurement from the training speed."""
        self._reported = (self._reported[0], self._reported[1] + self.clock.progress.seconds - seconds)

    def _copies(self) -> dict[str, float]:
        if not self._statistics.can_find_copies:
            return {}
        seeds = range(FIRST_SEED, FIRST_SEED + COPIES_SOUGHT)
        return self._statistics.find_copies(self.generator.generate(seeds=seeds))

    def _remove_old(self) -> None:
        remove_old(self.run.checkpoints, best=self.best_step, healthy=self.doctor.suspected_since)

    def _publish(self) -> None:
        folder = self.run.generator if self.best_step is None else self.run.last_generator
        saved = self._try(folder.name, lambda: self._save_bundle(folder))
        self.note(progress=self.clock.progress.to_dict())
        if saved:
            self.after_save(self.clock.step)

    def _save_bundle(self, folder: Path, measures: Measures | None = None) -> None:
        progress = self.clock.progress
        data = self.settings.data
        facts: dict[str, Any] = progress.to_dict() | {"preset": self.settings.preset, "fit": data.fit}
        facts |= {name: value for name in ("value_range", "label_column") if (value := getattr(data, name)) is not None}
        if self._has_labels:  # else these settings have no effect
            facts |= {"classes": data.classes, "class_sampling": data.class_sampling}
        facts |= self.settings.training.to_dict() | {"hardware": describe_hardware()}
        facts["images_per_second"] = round(progress.images_seen / max(progress.seconds, 1e-9), 1)
        facts["parameters"] = {name: getattr(self.gan, name).count_params() for name in ("generator", "discriminator")}
        if self.origin is not None:
            facts[ORIGIN_FIELD] = self.origin.to_dict()
        metrics: dict[str, float] = {}
        if measures is not None:
            metrics = measures.figures()
            facts["metrics_protocol"] = measures.to_dict()["protocol"]
        self.generator.facts = BundleFacts(
            network=self.settings.network, training=facts, dataset=self.dataset, metrics=metrics,
            class_names=self.generator.class_names,
        )  # fmt: skip
        self.generator.save_pretrained(folder)

    def _plot_quality(self) -> None:
        plot_quality(self.run.read_metrics(), self.run.quality_plot)

    def _plot(self) -> None:
        rows = [row for row in self.run.read_metrics() if "g_loss" in row]
        if rows:
            plot_losses(rows, self.run.losses_plot)
            plot_accuracies(rows, self.run.accuracy_plot)

    def _write_events(self, row: dict[str, float]) -> None:
        shown = {name: value for name, value in row.items() if name not in ("step", "seconds")}
        self._events.write(int(row["step"]), shown)

    def _try(self, place: str, action: Callable[[], Any]) -> bool:
        try:
            action()
        except (OSError, DcganHubError) as error:
            if isinstance(error, DcganHubError) and not isinstance(error.__cause__, OSError):
                raise  # not a disk error, but non-finite weights
            if place not in self._warned:
                self.console.warn(
                    f"'{self.run.path / place}' cannot be written ({error}). Training continues, and will retry. "
                    f"{self._last_good()}"
                )
            self._warned.add(place)
            return False
        self._warned.discard(place)
        return True

    def _last_good(self) -> str:
        folders = checkpoint_folders(self.run.checkpoints)
        kept = f"The last good checkpoint is kept: '{folders[0]}'." if folders else "There is no checkpoint yet."
        return f"{kept} Free some disk space."


class NonChiefRecorder:
    """Replaces the Recorder on workers other than the chief: keeps their state equal to the chief's, writes nothing."""

    best_step = None  # only the chief knows it
    quality = None

    def __init__(self, gan: DCGAN, clock: Clock) -> None:
        self.gan, self.clock = gan, clock

    def report(self, logs: dict[str, float] | None = None) -> None:
        """Resets the means, as the chief does."""
        self.gan.reset_metrics()

    def checkpoint(self, logs: dict[str, float] | None = None) -> None:
        """Raises StateNotFinite whenever the chief does, so that all workers end together."""
        read_state(self.gan, self.clock.step)

    evaluate = finish = checkpoint  # the chief saves a checkpoint in each of them

    def sample(self, logs: dict[str, float] | None = None) -> None:
        """Does nothing, like the methods below."""

    plot = evaluate_if_missed = sample
