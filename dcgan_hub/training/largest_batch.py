"""What fits into memory, found by trial after a step that did not."""

import gc
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from dcgan_hub.console import Console
from dcgan_hub.errors import RunError
from dcgan_hub.training.backends import loop, system_errors
from dcgan_hub.training.dcgan import DCGAN, METRICS
from dcgan_hub.training.distributed.single_process import SingleProcess
from dcgan_hub.training.plan import Plan

SMALLEST_BATCH = 2


class OutOfMemory(RunError):
    """Networks and batch do not fit into memory."""


@contextmanager
def largest_batch_named(plan: Plan, gan: DCGAN, group: SingleProcess, console: Console) -> Iterator[None]:
    """Turns an error of too little memory into an OutOfMemory that names the largest batch that fits, by halves.

    The trial steps change the weights of `gan`, which are not those of a whole step anyway. Several workers, which
    cannot fail together, get the error unchanged.
    """
    try:
        yield
    except Exception as error:
        if not system_errors.is_out_of_memory(error) or group.has_workers:
            raise
        console.say("out of memory: trying smaller batches")
        traceback.clear_frames(error.__traceback__)  # which hold what the step had computed
        batch_size = plan.settings.training.batch_size
        largest = _largest_that_fits(_make_trial(plan, gan, group), batch_size, plan.layout.replicas)
        advice = (
            f"The largest half, quarter, ... of it that fits is --batch-size {largest}: give that, or a smaller preset,"
            if largest
            else "No smaller one fits. Give a smaller preset or --image-size,"
        )
        raise OutOfMemory(
            f"The networks and a batch must fit into memory. Received: --batch-size {batch_size}. {advice} in a new "
            "--run."
        ) from error


def _largest_that_fits(fits: Callable[[int], bool], batch_size: int, replicas: int) -> int | None:
    """The first of the halves of a batch that fits and can be divided among the replicas."""
    while (batch_size := batch_size // 2) >= max(SMALLEST_BATCH, replicas):
        if batch_size % replicas == 0 and fits(batch_size):
            return batch_size
    return None


def _make_trial(plan: Plan, gan: DCGAN, group: SingleProcess) -> Callable[[int], bool]:
    several_steps = loop.make_several_steps(gan, METRICS)

    def fits(batch_size: int) -> bool:
        gc.collect()
        try:
            gan.step.assign(0)  # a step with the gradient penalty, which needs the most memory
            seed = plan.settings.training.seed
            batches: Any = group.batches(plan.images.images, batch_size, seed, 0, plan.class_labels)
            several_steps(iter(batches), np.int32(1))
        except Exception as error:
            if not system_errors.is_out_of_memory(error):
                raise
            return False
        return True

    return fits
