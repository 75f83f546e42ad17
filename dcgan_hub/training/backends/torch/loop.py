"""Many steps on PyTorch: batches read ahead by a thread, several steps in one call, and a loop like Keras' `fit`."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import torch

from dcgan_hub.training.backends.torch.devices import device, upload
from dcgan_hub.training.class_labels import ClassLabels
from dcgan_hub.training.distributed.cluster import Layout
from dcgan_hub.training.distributed.single_process import SingleProcess
from dcgan_hub.training.input_pipeline import batches_read_ahead


def gather_group(layout: Layout) -> SingleProcess:
    """The device that trains."""
    return SingleProcess(layout, batches)


def batches(
    images: np.ndarray, batch_size: int, seed: int, step: int, classes: ClassLabels | None = None
) -> Iterator[torch.Tensor | tuple[torch.Tensor, ...]]:
    """The batches from a step on, on the device: images, or (images, labels); see `batches_read_ahead`."""
    for batch in batches_read_ahead(images, batch_size, seed, step, classes):
        tensors = tuple(map(upload, batch))
        yield tensors[0] if classes is None else tensors


def make_several_steps(gan: Any, names: Sequence[str]) -> Callable[[Iterator[Any], int], dict[str, Any]]:
    """Returns a function that makes steps, and ends after the first one of which a metric is not finite.

    On a GPU the metrics are looked at after the last one only, since Python would wait for each step. They are means,
    which stay as they are once they are not finite.

    Args:
        gan: a compiled DCGAN.
        names: of its metrics.

    Returns:
        A function of an iterator over batches and a number of steps that trains and returns the metrics.
    """
    waits = device().type != "cpu"

    def several_steps(batches: Iterator[Any], count: int) -> dict[str, Any]:
        for _ in range(count):
            logs = gan.train_step(next(batches))
            if not waits and not all(math.isfinite(logs[name]) for name in names):
                break
        return {name: float(logs[name]) for name in names}

    return several_steps


def fit(gan: Any, batches: Iterator[Any], callbacks: list[Any]) -> None:
    """Trains until a callback stops it, in a single epoch: a resumed run may begin in the middle of a pass.

    Not Keras' `fit`, which gives each call of the training function one batch.
    """
    listeners = keras.callbacks.CallbackList(callbacks, model=gan)
    gan.stop_training = False
    listeners.on_train_begin()
    gan.reset_metrics()
    listeners.on_epoch_begin(0)
    while not gan.stop_training:
        listeners.on_train_batch_begin(0)
        listeners.on_train_batch_end(0, gan.train_function(batches))
    listeners.on_epoch_end(0)
    listeners.on_train_end()
