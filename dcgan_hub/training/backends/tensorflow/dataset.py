"""Batches for training as a `tf.data.Dataset`. N images of H x W pixels and C channels, B images a batch."""

from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_hub.training.class_labels import ClassLabels
from dcgan_hub.training.input_pipeline import RandomRows, rows_of_shards

READ_AT_ONCE_BYTES, READ_AT_ONCE_BATCHES = 2 << 20, 16  # at most
READINGS_AHEAD = 2


def training_dataset(
    images: np.ndarray, batch_size: int, seed: int, step: int, classes: ClassLabels | None = None
) -> Any:
    """The batches as a `tf.data.Dataset` with prefetching.

    The last, incomplete batch of an epoch is dropped.

    Args:
        images: uint8 (N, H, W, C), N at least B; may be memory-mapped.
        batch_size: B.
        seed: of the run, 0 to 2**32 - 1.
        step: number of steps already made; the dataset begins with the batch of the next one.
        classes: of the images.

    Returns:
        Endless dataset of uint8 (B, H, W, C); with classes, of pairs of these and of their labels, int32 (B,).
    """
    return dataset_shards(images, batch_size, seed, step, range(1), 1, classes)


def dataset_shards(
    images: np.ndarray, batch_size: int, seed: int, step: int, shards: range, count: int,
    classes: ClassLabels | None = None,
) -> Any:  # fmt: skip
    """What some of the replicas see of the batches of `training_dataset`: each is divided into equal shards.

    Each Python call reads several small batches, because a call costs as much as reading one.

    `shards` are the numbers of the shards, one for each replica here; a batch has `count` of them over all workers, and
    B must be a multiple of that. The other arguments are those of `training_dataset`.

    Returns:
        Endless dataset of uint8 (B / count, H, W, C), with their labels if there are classes: of each step one shard
        after the other.
    """
    source: Any = RandomRows(images) if RandomRows.fits(images) else images
    shard_size, image_shape = batch_size // count, images.shape[1:]
    fitting = READ_AT_ONCE_BYTES // (shard_size * images[:1].nbytes)
    at_once = max(min(fitting, READ_AT_ONCE_BATCHES), len(shards))  # at least what a step needs here
    epoch, steps_before = divmod(step, len(images) // batch_size)

    def rows_of(number: Any) -> np.ndarray:
        return rows_of_shards(len(images), batch_size, seed, int(number), shards, count, classes)

    def order(number: Any) -> Any:
        return tf.ensure_shape(tf.numpy_function(rows_of, [number], tf.int64, stateful=False), (None, shard_size))

    def read_shards(rows: np.ndarray) -> np.ndarray:
        return source[rows.ravel()].reshape(*rows.shape, *image_shape)

    def labels_of(rows: Any, labels: np.ndarray) -> Any:
        found = tf.numpy_function(labels.__getitem__, [rows], tf.int32, stateful=False)
        return tf.ensure_shape(found, (None, shard_size))

    def read(rows: Any) -> Any:
        pixels = tf.numpy_function(read_shards, [rows], tf.uint8, stateful=False)
        pixels = tf.ensure_shape(pixels, (None, shard_size, *image_shape))
        return pixels if classes is None else (pixels, labels_of(rows, classes.labels))

    rows = tf.data.Dataset.range(epoch, tf.int64.max).map(order).unbatch().skip(steps_before * len(shards))
    batches = rows.batch(at_once).map(read).prefetch(READINGS_AHEAD).unbatch()
    return batches.with_options(_nothing_added())


def _nothing_added() -> tf.data.Options:
    """By default tf.data parallelizes such maps and prefetches more, so that memory grows with the number of cores.

    Without that, autotuning has nothing to tune, and its thread can delay the end of an iterator by up to a minute.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.map_parallelization = False
    options.experimental_optimization.inject_prefetch = False
    return options
