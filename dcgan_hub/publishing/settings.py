"""What is pushed, and how often. Needs no Keras, so that wrong options are answered at once."""

import dataclasses
from dataclasses import dataclass

from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.publication import Target


@dataclass(frozen=True, kw_only=True)
class PushSettings:
    """What is pushed during a run, and how often.

    Args:
        target: where to.
        licence: see `make_card`.
        every: steps between two pushes, made when the next checkpoint is written; None: only at the end.
        checkpoints: whether the newest checkpoint goes to a branch of its own.
    """

    target: Target
    licence: str | None = None
    every: int | None = None
    checkpoints: bool = False


def with_message(target: Target, facts: BundleFacts | None) -> Target:
    """The target with a message that says how far the training was, unless it has one."""
    step = facts.training.get("step") if facts else None
    if target.message is not None or type(step) is not int:
        return target
    return dataclasses.replace(target, message=f"Upload generator of step {step:,}")
