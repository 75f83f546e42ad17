"""What is pushed, and how often. Needs no Keras, so that wrong options are answered at once."""

import dataclasses
from dataclasses import dataclass

from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.publication import Target


@dataclass(frozen=True, kw_only=True)
class PushSettings:
    """What is pushed during a run, and how often."""

    target: Target
    licence: str | None = None  # see `make_card`
    every: int | None = None  # steps between two pushes, each at the next checkpoint; None: at the end only
    checkpoints: bool = False  # whether the newest checkpoint goes to a branch of its own


def with_message(target: Target, facts: BundleFacts | None) -> Target:
    """The target with a message that says how far the training was, unless it has one."""
    step = facts.training.get("step") if facts else None
    if target.message is not None or type(step) is not int:
        return target
    return dataclasses.replace(target, message=f"Upload generator of step {step:,}")
