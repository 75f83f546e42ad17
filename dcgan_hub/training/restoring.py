"""The state that a run begins with: of its newest checkpoint, or of the generator that it starts from."""

import json
import typing

from dcgan_hub import __version__
from dcgan_hub.console import Console
from dcgan_hub.errors import RunError, shorten
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.runs.origin import Origin
from dcgan_hub.training.checkpoint import load_checkpoint, load_newest, read_state
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.distributed.single_process import SingleProcess
from dcgan_hub.training.plan import Plan
from dcgan_hub.training.start.warm_up import WARM_UP_STEPS, warm_up
from dcgan_hub.training.start.weights import needs_warm_up, take_weights


def restore_all(plan: Plan, gan: DCGAN, console: Console, group: SingleProcess) -> Progress:
    """Restores the newest intact checkpoint, the same on all workers, or takes the weights of the origin."""
    progress = _restore(plan, gan, console) if group.is_chief else None
    step = group.all_gather(-1 if progress is None else progress.step)[0]
    if step >= 0 and not group.is_chief:
        progress = load_checkpoint(plan.run.checkpoint(step), gan)
        _apply_rollbacks(plan, gan, progress)
    if progress is None and plan.origin is not None:
        _start_from(plan.origin, plan, gan, console, group)
    progress = progress or Progress()
    if group.has_workers:
        facts = [plan.settings.to_dict(), plan.images.fingerprint, bool(plan.record), __version__]
        group.check_same("settings and images", json.dumps(facts, sort_keys=True).encode())
        group.check_same("weights", b"".join(array.tobytes() for array in read_state(gan, progress.step).values()))
    return progress


def _start_from(origin: Origin, plan: Plan, gan: DCGAN, console: Console, group: SingleProcess) -> None:
    take_weights(origin, gan)
    if needs_warm_up(origin, gan):
        console.say(f"the discriminator warms up for {WARM_UP_STEPS} steps, with the generator frozen")
        training = plan.effective_settings.training
        warm_up(gan, plan.images.images, training.batch_size, training.seed, group, plan.class_labels)


def _restore(plan: Plan, gan: DCGAN, console: Console) -> Progress | None:
    """Restores the newest checkpoint; None if there is none."""
    if plan.record is None:
        return None
    progress = load_newest(plan.run.checkpoints, gan, console.warn)
    _apply_rollbacks(plan, gan, progress)
    reached = plan.record["progress"]["step"]
    if progress is None and not reached and plan.origin_facts and plan.origin is None:
        raise RunError(
            f"A run that was stopped before its first checkpoint needs the generator it starts from. Received: "
            f"'{plan.run.path}' without --start-from. Repeat the command of its start, from "
            f"{shorten(plan.origin_facts.name)}."
        )
    if progress is None and reached:
        raise RunError(
            f"A run needs an intact checkpoint to be resumed. Received: '{plan.run.path}', which had reached step "
            f"{reached:,}, without one. Restore a checkpoint from a copy, or start a new run with --run."
        )
    return progress


def _apply_rollbacks(plan: Plan, gan: DCGAN, progress: Progress | None) -> None:
    """Sets those values of a restored checkpoint that a later rollback has changed."""
    training = plan.effective_settings.training
    if progress is None or not plan.rollbacks:
        return
    if not training.learning_rate_decay_steps:  # with decay, the rates are not part of the state
        gan.generator_optimizer.learning_rate = training.rates.generator
        gan.discriminator_optimizer.learning_rate = training.rates.discriminator
    # A checkpoint after the rollback already contains the strength adapted since.
    if any("augmentation_strength" in h.changes and progress.step <= h.back_to for h in plan.rollbacks):
        gan.augmentation_strength.assign(typing.cast(float, training.augmentation_strength))
