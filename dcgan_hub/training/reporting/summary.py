"""Summaries of a run before its first and after its last step, and the output of `--dry-run`."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np

from dcgan_hub.console import format_bytes, format_duration, shell_word
from dcgan_hub.evaluation.seams import seam_ratio
from dcgan_hub.images.preparation.classes import class_counts, describe_classes
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.settings_fields import format_image_size
from dcgan_hub.training.backends import devices
from dcgan_hub.training.callbacks import Clock
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.hardware import describe_hardware
from dcgan_hub.training.health.detectors import Finding
from dcgan_hub.training.health.doctor import Doctor
from dcgan_hub.training.plan import Plan
from dcgan_hub.training.reporting.estimate import estimate_run
from dcgan_hub.training.start.weights import fit_of

MAX_FINDINGS_SHOWN = 5
SEAMS_MEASURED = 1000  # images
SEAM_TOLERANCE = 0.2  # of the ratio of images that tile, from 1
BYTES_A_PARAMETER = 4


def describe_start(plan: Plan, gan: DCGAN, progress: Progress) -> str:
    """A few lines on data, networks, training settings and length of a run."""
    network, training = plan.settings.network, plan.settings.training
    count = len(plan.images.images)
    kind = {1: "gray", 3: "color", 4: "color with transparency"}[network.channels]
    lines = [
        f"data       {plan.settings.data.data}: {count:,} images, {format_image_size(network.image_size)} {kind}",
        *(f"           {line}" for line in plan.images.report.describe_rejected()),
        *_describe_classes(plan),
        f"networks   {plan.settings.preset}: generator {gan.generator.count_params():,} parameters, "
        f"discriminator {gan.discriminator.count_params():,}"
        + (f", palette of {network.palette_size} colors" if network.palette_size else ""),
        *_describe_seams(plan),
        *_describe_origin(plan, gan),
        f"training   batches of {training.batch_size}, {training.optimizer} {training.learning_rate:g}, "
        f"{training.precision}, {'deterministic kernels, ' if training.deterministic else ''}"
        f"seed {training.seed}, {describe_length(plan)}",
        f"           on {', '.join(describe_hardware()['gpus']) or 'the processor'} by {devices.TITLE}",
        *_describe_augmentation(plan),
        *(["           the first step takes longer, since XLA compiles it for the GPU"] if gan.jit_compile else []),
        *([f"devices    {_describe_devices(plan)}"] if plan.layout.replicas > 1 else []),
        f"run        {plan.run.path}" + (f", resuming from step {progress.step:,}" if plan.record else ""),
        *_describe_other_kernels(plan),
    ]
    return "\n".join(lines)


def _describe_classes(plan: Plan) -> list[str]:
    """The classes, or why there are none although there are several folders or labels."""
    if plan.classes_line in ("", "none"):
        counts = class_counts(plan.images)
        return [f"classes    {describe_classes(counts)}"] if counts else []
    return [f"classes    {plan.classes_line}"]


def _describe_seams(plan: Plan) -> list[str]:
    """Of a seamless generator: whether its training images tile, since it learns what they have at their borders."""
    if not plan.settings.network.seamless:
        return []
    images = plan.images.images
    ratio = seam_ratio(np.asarray(images[:: -(-len(images) // SEAMS_MEASURED)]))
    if ratio is None or abs(ratio - 1) <= SEAM_TOLERANCE:
        return [f"seamless   yes; the images tile, too (seam ratio {ratio or 1:.2f})"]
    return [
        "seamless   yes, but the images themselves do not tile: across their borders pixels differ "
        f"{ratio:.2f} times as much",
        "           as inside, and the generator will learn these seams. Give images that tile.",
    ]


def _describe_origin(plan: Plan, gan: DCGAN) -> list[str]:
    if plan.origin is None:
        return []
    origin = plan.origin
    generator = fit_of(gan.generator, origin.generator).describe("generator")
    discriminator = fit_of(gan.discriminator, origin.discriminator or {}).describe("discriminator")
    return [f"start      from {origin.facts.name}: {generator}, {discriminator}"]


def _describe_other_kernels(plan: Plan) -> list[str]:
    before = (plan.record or {}).get("hardware")
    if not isinstance(before, dict) or "kernels" not in before:
        return []
    now = describe_hardware()
    if (before["kernels"], before.get("cores")) == (now["kernels"], now["cores"]):
        return []
    return [
        f"           this machine uses {now['kernels']} on {now['cores']} cores, the last one {before['kernels']} on "
        f"{before.get('cores')}:",
        "           the run resumes from the same weights, but will not be bit-identical to a run on one machine",
    ]


def _describe_augmentation(plan: Plan) -> list[str]:
    training = plan.settings.training
    if training.augmentation == "none":
        return []
    late = f"translation and cutout, color after {training.augmentation_color_after:,} images"
    operations = {"yes": "translation, cutout and color", "late": late, "no": "translation and cutout"}
    return [f"           {training.augmentation} augmentation: {operations[training.augmentation_colour]}"]


def _describe_devices(plan: Plan) -> str:
    share = plan.settings.training.batch_size // plan.layout.replicas
    return f"{plan.layout.describe()}, {share} image{'s' if share > 1 else ''} of each batch on each"


def describe_length(plan: Plan) -> str:
    """The requested length of the run, in words."""
    if plan.last_step is None:
        return f"for {plan.settings.training.minutes:g} minutes"
    epochs = plan.last_step / (len(plan.images.images) // plan.settings.training.batch_size)
    return f"up to step {plan.last_step:,} ({epochs:,.1f} passes over the images)"


def describe_end(
    plan: Plan, clock: Clock, doctor: Doctor, interrupted_by: str | None, best_step: int | None = None
) -> str:
    """The paths of the results, the doctor's findings, and what to do next."""
    run, progress = plan.run, clock.progress
    made = clock.step - clock.started_at.step
    speed = made * clock.batch_size / max(clock.seconds_here, 1e-9)
    command, path = console_command(), shell_word(run.path)
    ending = f"stopped by {interrupted_by}" if interrupted_by else "finished"
    lines = [
        f"{ending} at step {progress.step:,}: {made:,} steps in {format_duration(clock.seconds_here)}, "
        f"{speed:,.0f} images per second, {progress.images_seen:,} images seen",
        f"  samples    {run.sample_file(clock.step)}",
        f"  film       {run.timelapse_file}",
        # There are none if a run was stopped before its first step.
        *([f"  plots      {run.losses_plot}, {run.accuracy_plot}"] if clock.step else []),
        f"  generator  {run.generator}" + (f", the best one, of step {best_step:,}" if best_step else ""),
        *(f"  rollback   {rollback.describe().removeprefix('Rolled back: ')}" for rollback in plan.rollbacks),
        *(f"  doctor     {_describe_finding(finding)}" for finding in doctor.findings[-MAX_FINDINGS_SHOWN:]),
        "next:",
        f"  {command} sample {path} --seeds 0-63 --sheet sheet.png",
        f"  {command} interpolate {path} --seeds 1,2,3 --loop --out walk.mp4",
        f"  {command} app --model {path}",
        "  to continue training, repeat the same command with more --steps or --minutes",
    ]
    return "\n".join(lines)


def _describe_finding(finding: Finding) -> str:
    over = "" if finding.over is None else f" (over since step {finding.over:,})"
    return f"step {finding.step:,}{over}: {finding.words}"


def console_command() -> str:
    """`dcgan-hub` if the shell finds it, else a command that works with this Python; can be pasted into a shell."""
    if shutil.which("dcgan-hub"):
        return "dcgan-hub"
    beside = Path(sys.executable).with_name("dcgan-hub")
    return shell_word(os.path.relpath(beside)) if beside.exists() else f"{shell_word(sys.executable)} -m dcgan_hub"


def describe_dry_run(plan: Plan, gan: DCGAN) -> str:
    """The settings as TOML (for `--config`), the data, the networks, and the measured estimate as TOML comments."""
    progress = Progress(step=plan.record["progress"]["step"]) if plan.record else Progress()
    start = describe_start(plan, gan, progress)
    estimate = estimate_run(plan.settings, gan)
    speed = estimate.images_per_second
    warnings = [f"warning: {note}" for note in plan.images.report.notes]
    lines = [
        *warnings,
        *start.splitlines(),
        f"speed      about {speed:,.0f} images per second, measured on random pixels",
    ]
    if plan.last_step is None:
        minutes = plan.settings.training.minutes or 0.0
        steps = speed * minutes * 60 / plan.settings.training.batch_size
        lines.append(f"length     about {steps:,.0f} steps in {minutes:g} minutes")
    else:
        steps = max(plan.last_step - progress.step, 0)
        seconds = steps * plan.settings.training.batch_size / speed
        lines.append(f"length     {describe_length(plan)}: about {format_duration(seconds)}")
    weights = sum(network.count_params() for network in (gan.generator, gan.discriminator))
    disk = 3 * BYTES_A_PARAMETER * weights + BYTES_A_PARAMETER * gan.generator.count_params()  # Adam's two moments too
    lines += [
        f"memory     {format_bytes(estimate.memory_bytes)}; two checkpoints of {format_bytes(disk)} are kept on disk",
        "no training was done, and nothing was written to the run directory",
    ]
    return plan.settings.to_toml() + "\n" + "\n".join(f"# {line}" for line in lines)
