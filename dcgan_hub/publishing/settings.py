"""What is pushed, and how often. Does not import Keras, so that invalid options are reported at once."""

import dataclasses
from dataclasses import dataclass

from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.publication import Target


@dataclass(frozen=True, kw_only=True)
class PushSettings:
    """What is pushed during a run, and how often."""

    target: Target
    licence: str | None = None  # see `make_card`
    every: int | None = None  # steps between pushes, each at the next checkpoint; None: only at the end
    checkpoint_branch: str | None = None  # to which the newest checkpoint is pushed; None: it is not


def with_message(target: Target, facts: BundleFacts | None) -> Target:
    """The target with a commit message that gives the training step, unless it already has a message."""
    step = facts.training.get("step") if facts else None
    if target.message is not None or type(step) is not int:
        return target
    return dataclasses.replace(target, message=f"Upload generator of step {step:,}")
