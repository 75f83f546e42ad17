"""Estimates time and memory of a run on this machine from a few steps on random pixels; nothing is saved."""

import sys
import time
from dataclasses import dataclass

import numpy as np
from keras import ops

from dcgan_hub.settings import Settings
from dcgan_hub.training.dcgan import DCGAN

WARM_UP_STEPS = 3
MAX_MEASURE_SECONDS = 8.0
MAX_STEPS = 64


@dataclass(frozen=True)
class Estimate:
    """The result of a few training steps."""

    images_per_second: float  # including steps with the R1 penalty
    memory_bytes: int | None  # peak memory of this process so far; None if the system does not provide it


def estimate_run(settings: Settings, gan: DCGAN) -> Estimate:
    """Times training steps on random pixels. The model's weights change, so it must not be used afterwards."""
    batch_size, network = settings.training.batch_size, settings.network
    shape = (batch_size, *network.image_size, network.channels)
    images = ops.convert_to_tensor(np.random.RandomState(0).randint(0, 256, shape, dtype=np.uint8))
    classes = ops.convert_to_tensor(np.arange(batch_size, dtype=np.int32) % max(network.classes, 1))
    batch = (images, classes) if network.classes else images
    step = gan.compiled_step()
    for _ in range(WARM_UP_STEPS):
        step(batch)
    start, made = time.monotonic(), 0
    # Whole periods of the lazy penalty, so that its expensive step has the right weight; a penalty that is rarer than
    # MAX_STEPS costs next to nothing.
    steps_a_round = min(settings.training.r1_every, MAX_STEPS)
    while made == 0 or (time.monotonic() - start < MAX_MEASURE_SECONDS and made < MAX_STEPS):
        for _ in range(steps_a_round):
            result = step(batch)
            made += 1
    float(result["g_loss"])  # waits for a GPU
    seconds = time.monotonic() - start
    return Estimate(images_per_second=made * batch_size / seconds, memory_bytes=_most_memory_bytes())


def _most_memory_bytes() -> int | None:
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # Linux counts in kilobytes
