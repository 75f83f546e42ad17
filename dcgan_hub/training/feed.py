"""Batches for training: a pure function of (seed, step), read from the memory-mapped images.

N images of H x W pixels and C channels, B images a batch.
"""

from collections.abc import Iterator
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


def batches_from(images: np.ndarray, batch_size: int, seed: int, step: int) -> Iterator[np.ndarray]:
    """Yields batches without end, starting with the one of `step`; the rest of an epoch below one batch is left out.

    Args:
        images: uint8 (N, H, W, C), N at least B; may be memory-mapped.
        batch_size: B.
        seed: of the run.
        step: number of steps already made.

    Yields:
        uint8 (B, H, W, C).
    """
    steps_per_epoch = len(images) // batch_size
    epoch, position = divmod(step, steps_per_epoch)
    while True:
        order = epoch_order(len(images), seed, epoch)
        for start in range(position * batch_size, steps_per_epoch * batch_size, batch_size):
            # Sorted, so that a memory-mapped file is read in one direction; the order within a batch has no effect.
            yield images[np.sort(order[start : start + batch_size])]
        epoch, position = epoch + 1, 0


def training_dataset(images: np.ndarray, batch_size: int, seed: int, step: int) -> Any:
    """The batches as a `tf.data.Dataset` that reads ahead while the networks compute.

    Args:
        images: uint8 (N, H, W, C).
        batch_size: B.
        seed: of the run.
        step: number of steps already made.

    Returns:
        Endless dataset of uint8 (B, H, W, C).
    """
    signature = tf.TensorSpec((batch_size, *images.shape[1:]), tf.uint8)
    dataset = tf.data.Dataset.from_generator(
        lambda: batches_from(images, batch_size, seed, step), output_signature=signature
    )
    return dataset.prefetch(PREFETCHED_BATCHES)
