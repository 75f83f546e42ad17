"""The training run from start to end."""

import contextlib
import dataclasses
import datetime
import os
import platform
from pathlib import Path
from typing import Any

import keras

from dcgan_hub import __version__
from dcgan_hub.bundle.format import DatasetFacts
from dcgan_hub.console import Console
from dcgan_hub.errors import RunError
from dcgan_hub.images.sources.detection import EMBEDDED_LICENSE, EMBEDDED_NAME, data_name, hub_id
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.backends import devices, loop
from dcgan_hub.training.callbacks import (
    Clock,
    CountSteps,
    CountVotes,
    Every,
    HealWhenIll,
    KeepMeans,
    ShowProgress,
    StopOnDivergence,
    StopWhenDone,
)
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.distributed.single_process import SingleProcess
from dcgan_hub.training.distributed.stop_vote import StopVote
from dcgan_hub.training.hardware import describe_hardware
from dcgan_hub.training.health.doctor import Doctor
from dcgan_hub.training.health.recovery import Rollback
from dcgan_hub.training.interruption import Interruption
from dcgan_hub.training.largest_batch import largest_batch_named
from dcgan_hub.training.model import build_gan
from dcgan_hub.training.outcome import outcome_recorded
from dcgan_hub.training.plan import Plan, make_plan
from dcgan_hub.training.recorder import AfterSave, NonChiefRecorder, Recorder
from dcgan_hub.training.reporting.failures import failures_explained
from dcgan_hub.training.reporting.summary import describe_end, describe_start
from dcgan_hub.training.reporting.timelapse import save_timelapse
from dcgan_hub.training.restoring import restore_all
from dcgan_hub.training.steps_per_call import AdaptiveStepsPerCall


def train(
    data: str | os.PathLike[str] | None = None,
    *,
    run: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    quiet: bool = False,
    keep_images: bool = False,
    backend: str = "auto",
    start_from: str | os.PathLike[str] | None = None,
    **settings: Any,
) -> RunDirectory:
    """Trains a generator on images, or resumes an existing run.

    The state after a step depends only on the settings, the images and the step number: a run that is interrupted and
    resumed ends with bit-identical weights on the same CPU.

    Args:
        data: folder, archive, array file, parquet file, Hub dataset or name, see `DataSettings.data`.
        run: run directory; default: runs/ and the name of the data.
        config: TOML settings file; settings given here take precedence.
        quiet: whether to print only warnings.
        keep_images: whether to resume with the run's own images from the cache although `data` has changed.
        backend: tensorflow or torch, with which Keras must have been imported; default: the one it was imported with.
        start_from: run directory, bundle, Hub name or "avatars": a generator whose weights and network settings a new
            run begins with; not needed to resume it.
        **settings: `preset`, and any field of DataSettings, NetworkSettings and TrainingSettings by its name.

    Returns:
        The run directory; `Generator.from_pretrained(run.path)` loads its generator.

    Raises:
        SettingsError, DataError, RunError: with a message on what to change; existing files were not modified.

    Example:
        >>> run = train("./anime", minutes=20)
    """
    console = Console(quiet=quiet)
    values = settings | ({"data": os.fspath(data)} if data is not None else {})
    folder, file = (Path(path) if path else None for path in (run, config))
    plan = make_plan(
        folder, file, values, show_progress=not quiet, keep_images=keep_images, backend=backend,
        start_from=os.fspath(start_from) if start_from is not None else None,
    )  # fmt: skip
    return run_plan(plan, console)


@keras_defaults()
def run_plan(plan: Plan, console: Console, after_save: AfterSave = lambda step: None) -> RunDirectory:
    """Executes a plan; see `train`.

    `after_save` is called with the step each time after checkpoint and bundle were written; training waits for it.
    """
    if not plan.layout.is_chief:
        console = Console(quiet=True)
    for note in plan.images.report.notes:
        console.warn(note)
    if plan.settings.training.deterministic:
        devices.make_deterministic()
    with failures_explained(plan), contextlib.ExitStack() as held:
        group = loop.gather_group(plan.layout)
        if group.is_chief:
            held.enter_context(plan.run.lock())
            _refuse_other_trainer(plan)
        group.check_shared_folder(plan.run)
        interruption, spent = Interruption(console), 0.0
        held.callback(interruption.release)
        while True:
            # Networks initialized from the seed, or restored from the newest checkpoint.
            with group.scope():
                gan = build_gan(plan.effective_settings)
            progress = restore_all(plan, gan, console, group)
            if plan.is_complete(progress.step):
                console.say(
                    f"'{plan.run.path}' is complete: {progress.step:,} of {plan.last_step:,} steps. Give more --steps."
                )
                break
            try:
                _train(plan, gan, progress, console, after_save, spent, group, interruption)
                break
            except Rollback as rollback:  # already rolled back; continue with the adjusted settings
                plan, spent = dataclasses.replace(plan, record=plan.run.read_record()), spent + rollback.seconds
                if interruption.heard:
                    break
    return plan.run


def _train(
    plan: Plan, gan: DCGAN, progress: Progress, console: Console, after_save: AfterSave, spent: float,
    group: SingleProcess, interruption: Interruption,
) -> None:  # fmt: skip
    run, settings = plan.run, plan.effective_settings
    training = settings.training
    clock = Clock(progress, training.batch_size)
    if group.is_chief:
        run.forget_after(progress.step, plan.reported_every)
    doctor = Doctor(training, run.read_metrics() if group.is_chief else (), plan.rollbacks)
    seconds = training.minutes * 60 - spent if training.minutes is not None and group.is_chief else None
    stop_vote = StopVote(gan.extra_logs) if group.has_workers else None
    stop = StopWhenDone(clock, plan.last_step, seconds, interruption, stop_vote)
    interruption.listen()

    with outcome_recorded(plan, clock, doctor, stop, console):
        recorder = _start_recorder(plan, progress, gan, clock, doctor, console, after_save)
        console.say(describe_start(plan, gan, progress))
        due = _what_is_due(training, clock, recorder)
        # The order matters: they run in this order after each call of the training function.
        callbacks = [
            KeepMeans(gan.metrics),
            # Several workers vote after each step on whether to stop; a single process makes several steps per call.
            *(
                [CountVotes(stop), CountSteps(clock)]
                if stop_vote
                else [AdaptiveStepsPerCall(gan, clock, due, plan.last_step)]
            ),
            StopOnDivergence(clock),
            ShowProgress(clock, stop, console),
            *due,
            *([HealWhenIll(doctor, settings, clock, stop)] if plan.may_heal else []),
            stop,
        ]
        if clock.step == 0:
            recorder.sample()
            if plan.origin is not None:
                recorder.checkpoint()  # from now on the run does not need its origin
        recorder.evaluate_if_missed()
        interruption.tell()
        clock.start()  # only now, so that a short time budget is not used up before the first step
        if not stop.is_over:  # it can be: after a kill between the last step and the end, or a signal before the first
            images, seed = plan.images.images, training.seed
            batches = group.batches(images, training.batch_size, seed, clock.step, plan.class_labels)
            with largest_batch_named(plan, gan, group, console):
                loop.fit(gan, batches, callbacks)
        recorder.finish()
        if group.is_chief:
            save_timelapse(run, console)
    console.say(describe_end(plan, clock, doctor, stop.interrupted_by, recorder.best_step))


def _what_is_due(training: TrainingSettings, clock: Clock, recorder: Recorder | NonChiefRecorder) -> list[Every]:
    """The periodic callbacks, in the order of their execution."""
    due = [
        Every(training.sample_every, clock, recorder.sample),  # before the report, which includes its statistics
        Every(training.report_every, clock, recorder.report),
        Every(training.sample_every, clock, recorder.plot),
        Every(training.checkpoint_every, clock, recorder.checkpoint),
    ]
    return [*due, Every(training.evaluate_every, clock, recorder.evaluate)] if training.evaluate_every else due


def _start_recorder(
    plan: Plan, progress: Progress, gan: DCGAN, clock: Clock, doctor: Doctor, console: Console, after_save: AfterSave
) -> Recorder | NonChiefRecorder:
    if not plan.layout.is_chief:
        return NonChiefRecorder(gan, clock)
    dataset = _dataset_facts(plan)
    _start_record(plan, progress, dataset, gan, doctor)
    return Recorder(plan, gan, dataset, clock, doctor, console, after_save)


def _refuse_other_trainer(plan: Plan) -> None:
    if plan.run.exists != (plan.record is not None):
        raise RunError(
            f"A run must be started by one process. Received: '{plan.run.path}', which another process has started "
            "meanwhile. Repeat the command to resume from there."
        )


def _start_record(plan: Plan, progress: Progress, dataset: DatasetFacts, gan: DCGAN, doctor: Doctor) -> None:
    """Writes `run.json` for a running run."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    record = {
        "format_version": 1,
        "name": plan.run.path.name,
        "state": "running",
        "reason": "",
        "settings": plan.settings.to_dict(),
        "dataset": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "count": dataset.count,
            "channels_asked": plan.images.report.options["channels"],
            "label_names": list(plan.images.label_names),
            "report": plan.images.report.describe_rejected(),
            **({"class_names": list(plan.class_names)} if plan.class_names else {}),
        },
        "parameters": {name: getattr(gan, name).count_params() for name in ("generator", "discriminator")},
        "backend": devices.NAME,
        **({"origin": plan.origin_facts.to_dict()} if plan.origin_facts else {}),
        "versions": {
            "dcgan_hub": __version__,
            devices.NAME: devices.VERSION,
            "keras": keras.__version__,
            "python": platform.python_version(),
        },
        "hardware": describe_hardware(),
        "created": (plan.record or {}).get("created", now),
        "started": now,
        "progress": progress.to_dict(),
        "health": doctor.report(),
        "healings": [rollback.to_dict() for rollback in plan.rollbacks],
    }
    plan.run.write_record(record)


def _dataset_facts(plan: Plan) -> DatasetFacts:
    data = plan.settings.data.data
    return DatasetFacts(
        name=Path(data).name or data_name(data),
        fingerprint=plan.images.fingerprint,
        count=len(plan.images.images),
        licence=EMBEDDED_LICENSE if data == EMBEDDED_NAME else None,
        hub_id=hub_id(data),
    )
