"""Lets a new discriminator catch up with a generator that is trained already."""

import keras
import numpy as np

from dcgan_hub.training.backends import loop
from dcgan_hub.training.class_labels import ClassLabels
from dcgan_hub.training.dcgan import DCGAN, METRICS
from dcgan_hub.training.distributed.single_process import SingleProcess

WARM_UP_STEPS = 100  # docs/decisions/0035-start-from.md


class _StopAfter(keras.callbacks.Callback):
    """Ends `fit` after a number of steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Ends `fit` once they are made."""
        self.model.stop_training = int(self.model.step.numpy()) >= self.steps


def warm_up(
    gan: DCGAN, images: np.ndarray, batch_size: int, seed: int, group: SingleProcess, classes: ClassLabels | None = None
) -> None:
    """Trains the discriminator alone, before the first step of a run, which begins after it with step 0.

    Its optimizer and the strength of the augmentation keep their states; the generator is as before, except for the
    moving statistics of its batch normalization.

    Args:
        gan: a compiled model that has made no step.
        images: uint8 (N, H, W, C).
        batch_size: B; the batches are those of the first steps.
        seed: of the run.
        group: the devices and processes that train.
        classes: the labels of the images, if there are classes.
    """
    gan.freeze_generator(True)
    if not group.has_workers:
        several_steps = loop.make_several_steps(gan, METRICS)
        gan.train_function = lambda batches: several_steps(batches, np.int32(1))
    loop.fit(gan, group.batches(images, batch_size, seed, 0, classes), [_StopAfter(WARM_UP_STEPS)])
    gan.freeze_generator(False)
    gan.step.assign(0)
    gan.reset_metrics()
