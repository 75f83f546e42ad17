"""What `--dry-run` shows: everything a run would do, without doing it."""

from dcgan_hub.console import format_bytes, format_duration
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.plan import Plan
from dcgan_hub.training.reporting.estimate import estimate_run
from dcgan_hub.training.reporting.summary import describe_length, describe_start

BYTES_A_PARAMETER = 4


def describe_dry_run(plan: Plan, gan: DCGAN) -> str:
    """The settings as TOML (for `--config`), the data, the networks, and the measured estimate as TOML comments."""
    progress = Progress(step=plan.record["progress"]["step"]) if plan.record else Progress()
    start = describe_start(plan, gan, progress)
    estimate = estimate_run(plan.settings, gan)
    speed = estimate.images_per_second
    lines = [*start.splitlines(), f"speed      about {speed:,.0f} images a second here, measured on random pixels"]
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
        "nothing was trained and nothing was written to the run directory",
    ]
    return plan.settings.to_toml() + "\n" + "\n".join(f"# {line}" for line in lines)
