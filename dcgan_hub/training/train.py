"""A run from its first line to its last."""

import contextlib
import dataclasses
import datetime
import json
import os
import platform
import typing
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from dcgan_hub import __version__
from dcgan_hub.bundle.format import DatasetFacts
from dcgan_hub.console import Console
from dcgan_hub.errors import RunError
from dcgan_hub.images.sources.detection import EMBEDDED_LICENSE, EMBEDDED_NAME, data_name, hub_id
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.settings import TrainingSettings
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
from dcgan_hub.training.checkpoint import load_checkpoint, load_newest, read_state
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.distributed.stop_vote import StopVote
from dcgan_hub.training.distributed.worker_group import WorkerGroup, gather_worker_group
from dcgan_hub.training.hardware import describe_hardware
from dcgan_hub.training.health.doctor import Doctor
from dcgan_hub.training.health.recovery import Rollback
from dcgan_hub.training.interruption import Interruption
from dcgan_hub.training.model import build_gan
from dcgan_hub.training.outcome import outcome_recorded
from dcgan_hub.training.plan import Plan, make_plan
from dcgan_hub.training.recorder import AfterSave, NonChiefRecorder, Recorder
from dcgan_hub.training.reporting.failures import failures_explained
from dcgan_hub.training.reporting.summary import describe_end, describe_start
from dcgan_hub.training.reporting.timelapse import save_timelapse
from dcgan_hub.training.steps_per_call import AdaptiveStepsPerCall


def train(
    data: str | os.PathLike[str] | None = None,
    *,
    run: str | os.PathLike[str] | None = None,
    config: str | os.PathLike[str] | None = None,
    quiet: bool = False,
    **settings: Any,
) -> RunDirectory:
    """Trains a generator on images, or goes on with the run that is there.

    The state after a step depends on the settings, the images and the number of the step only: a run that is
    interrupted and started again ends with the same weights, to the bit, on the same CPU.

    Args:
        data: folder, archive, array file, parquet file, Hub data set or name, see `DataSettings.data`.
        run: run directory; default: runs/ and the name of the data.
        config: TOML settings file; settings given here win over it.
        quiet: whether to print warnings only.
        **settings: any field of DataSettings, NetworkSettings and TrainingSettings by its name, and `preset`.

    Returns:
        The run directory; `Generator.from_pretrained(run.path)` draws from it.

    Raises:
        SettingsError, DataError, RunError: with a message on what to change; nothing that exists was touched.

    Example:
        >>> run = train("./anime", minutes=20)
    """
    console = Console(quiet=quiet)
    values = settings | ({"data": os.fspath(data)} if data is not None else {})
    plan = make_plan(Path(run) if run else None, Path(config) if config else None, values, show_progress=not quiet)
    return run_plan(plan, console)


def run_plan(plan: Plan, console: Console, after_save: AfterSave = lambda step: None) -> RunDirectory:
    """Trains what was planned; see `train`.

    `after_save` is called with the step whenever checkpoint and bundle were written, while training waits.
    """
    if not plan.layout.is_chief:
        console = Console(quiet=True)
    with failures_explained(plan), contextlib.ExitStack() as held:
        group = gather_worker_group(plan.layout)
        if group.is_chief:
            held.enter_context(plan.run.lock())
            _refuse_other_trainer(plan)
        group.check_shared_folder(plan.run)
        interruption, spent = Interruption(console), 0.0
        held.callback(interruption.release)
        while True:
            # The networks, the same for the same seed; or as they were at the newest checkpoint.
            with group.scope():
                gan = build_gan(plan.effective_settings)
            progress = _restore_all(plan, gan, console, group)
            if plan.is_complete(progress.step):
                console.say(
                    f"'{plan.run.path}' has made {progress.step:,} of {plan.last_step:,} steps already; ask for more."
                )
                break
            try:
                _train(plan, gan, progress, console, after_save, spent, group, interruption)
                break
            except Rollback as rollback:  # it was taken back, and goes on with the remedy
                plan, spent = dataclasses.replace(plan, record=plan.run.read_record()), spent + rollback.seconds
                if interruption.heard:
                    break
    return plan.run


def _train(
    plan: Plan, gan: DCGAN, progress: Progress, console: Console, after_save: AfterSave, spent: float,
    group: WorkerGroup, interruption: Interruption,
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

    with (
        outcome_recorded(plan, clock, doctor, stop, console),
        contextlib.closing(_start_recorder(plan, progress, gan, clock, doctor, console, after_save)) as recorder,
    ):
        console.say(describe_start(plan, gan, progress))
        due = _what_is_due(training, clock, recorder)
        # Between two calls of TensorFlow happens what is needed, in this order.
        callbacks = [
            KeepMeans(gan.metrics),
            # Workers agree after each step on whether to go on; others make several steps in one call.
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
        recorder.evaluate_if_missed()
        interruption.tell()
        clock.start()  # now, so that a short budget of time is not spent before the first step
        if not stop.is_over:  # else a kill fell between the last step and the end, or a signal before the first
            batches = group.batches(plan.images.images, training.batch_size, training.seed, clock.step)
            # One epoch of Keras is the whole start: a resumed run may enter a pass over the images midway.
            gan.fit(batches, epochs=1, steps_per_epoch=2**31 - 1, verbose=0, callbacks=callbacks, shuffle=False)
        recorder.finish()
        if group.is_chief:
            save_timelapse(run, console)
    console.say(describe_end(plan, clock, doctor, stop.interrupted_by, recorder.best_step))


def _what_is_due(training: TrainingSettings, clock: Clock, recorder: Recorder | NonChiefRecorder) -> list[Every]:
    """What happens between two steps every so often, in this order."""
    due = [
        Every(training.sample_every, clock, recorder.sample),  # before the report, which has its figures
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
            f"A run is started by one trainer. Received: '{plan.run.path}', in which another one has been at work "
            "since this one began. Give the command again to go on from there."
        )


def _restore_all(plan: Plan, gan: DCGAN, console: Console, group: WorkerGroup) -> Progress:
    """The newest whole checkpoint, on all workers the same."""
    progress = _restore(plan, gan, console) if group.is_chief else Progress()
    step = group.all_gather(progress.step)[0]
    if step and not group.is_chief:
        progress = load_checkpoint(plan.run.checkpoint(step), gan)
        _apply_rollbacks(plan, gan, progress)
    if group.has_workers:
        facts = [plan.settings.to_dict(), plan.images.fingerprint, bool(plan.record), __version__]
        group.check_same("settings and images", json.dumps(facts, sort_keys=True).encode())
        group.check_same("weights", b"".join(array.tobytes() for array in read_state(gan, step).values()))
    return progress


def _restore(plan: Plan, gan: DCGAN, console: Console) -> Progress:
    if plan.record is None:
        return Progress()
    progress = load_newest(plan.run.checkpoints, gan, console.warn)
    _apply_rollbacks(plan, gan, progress)
    reached = plan.record["progress"]["step"]
    if progress is None and reached:
        raise RunError(
            f"A run needs one whole checkpoint to go on. Received: '{plan.run.path}', which had reached step "
            f"{reached:,}, without one. Restore a checkpoint from a copy, or start a new run with --run."
        )
    return progress or Progress()


def _apply_rollbacks(plan: Plan, gan: DCGAN, progress: Progress | None) -> None:
    """Sets what a checkpoint holds, but a healing has changed since."""
    training = plan.effective_settings.training
    if progress is None or not plan.rollbacks:
        return
    if not training.learning_rate_decay_steps:  # else the rates are no part of the state
        gan.generator_optimizer.learning_rate = training.rates.generator
        gan.discriminator_optimizer.learning_rate = training.rates.discriminator
    # A checkpoint of a later step has a strength that was adapted since.
    if any("augmentation_strength" in h.changes and progress.step <= h.back_to for h in plan.rollbacks):
        gan.augmentation_strength.assign(typing.cast(float, training.augmentation_strength))


def _start_record(plan: Plan, progress: Progress, dataset: DatasetFacts, gan: DCGAN, doctor: Doctor) -> None:
    """Writes `run.json` as it stands while the run goes on."""
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
        },
        "parameters": {name: getattr(gan, name).count_params() for name in ("generator", "discriminator")},
        "versions": {
            "dcgan_hub": __version__,
            "tensorflow": tf.__version__,
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
