"""Batches for training: a pure function of (seed, step), read from the memory-mapped images.

N images of H x W pixels and C channels, B images a batch.
"""

from typing import Any

import numpy as np
import tensorflow as tf

PREFETCHED_BATCHES = 4


def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """The order of the images in one pass over them.

    RandomState's stream is frozen by NumPy's policy (NEP 19), so a run goes on in the same order in every version.

    Args:
        count: N.
        seed: of the run, 0 to 2**32 - 1.
        epoch: number of the pass, from 0.

    Returns:
        int64 (N,), a permutation of 0 to N - 1.
    """
    return np.random.RandomState([seed, epoch]).permutation(count)


class Batches:
    """The batch of any step, by its number; the rest of an epoch below one batch is left out.

    Args:
        images: uint8 (N, H, W, C), N at least B; may be memory-mapped.
        batch_size: B.
        seed: of the run.
    """

    def __init__(self, images: np.ndarray, batch_size: int, seed: int) -> None:
        self._images, self._batch_size, self._seed = images, batch_size, seed
        self._steps_per_epoch = len(images) // batch_size
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def __call__(self, step: int) -> np.ndarray:
        """The images of a step: uint8 (B, H, W, C)."""
        epoch, position = divmod(int(step), self._steps_per_epoch)
        if epoch != self._epoch:  # steps come one after the other, so one order is kept
            self._epoch, self._order = epoch, epoch_order(len(self._images), self._seed, epoch)
        chosen = self._order[position * self._batch_size : (position + 1) * self._batch_size]
        # Sorted, so that a memory-mapped file is read in one direction; the order within a batch has no effect.
        return self._images[np.sort(chosen)]


def training_dataset(images: np.ndarray, batch_size: int, seed: int, step: int) -> Any:
    """The batches as a `tf.data.Dataset` that reads ahead while the networks compute.

    Args:
        images: uint8 (N, H, W, C).
        batch_size: B.
        seed: of the run.
        step: number of steps already made; the dataset begins with the batch of the next one.

    Returns:
        Endless dataset of uint8 (B, H, W, C).
    """
    batches = Batches(images, batch_size, seed)

    def read(number: Any) -> Any:
        batch = tf.numpy_function(batches, [number], tf.uint8, stateful=False)
        return tf.ensure_shape(batch, (batch_size, *images.shape[1:]))

    return tf.data.Dataset.range(step, tf.int64.max).map(read).prefetch(PREFETCHED_BATCHES)
