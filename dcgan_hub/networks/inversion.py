"""Inversion: the latents whose image is nearest to a given one, by gradient descent from several starts.

The latents are the only weights of a Keras model around a copy of the generator, so Keras' own training finds them on
any backend. Compared are the pixels, and their means over squares of 2, 4 and 8 pixels, which lead from far away.

N starts, Z latent dimensions, E dimensions of the class embedding, H x W pixels, C channels.
"""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from dcgan_hub.networks.generator import behind_inputs, build_generator
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.settings import NetworkSettings

POOLED = (2, 4, 8)  # pixels
LEARNING_RATE = 0.25  # at first, in standard deviations of the latents; falls to 0 by half a cosine
TYPICAL_WEIGHT = 0.02  # of the distance from the norm that the generator was trained with
MAX_LATENT = 4.0  # of one number; more than a million latents hold one beyond


def nearest_seeds(target: np.ndarray, images: Iterable[np.ndarray], count: int) -> np.ndarray:
    """Indices of the `count` images that are most similar to the target: int (count,), the most similar first.

    Args:
        target: float32 (H, W, C) in [-1, 1].
        images: chunks of float32 (n, H, W, C).
        count: number of indices.
    """
    small = _means(target[None], POOLED[-2])
    distances = np.concatenate([((_means(chunk, POOLED[-2]) - small) ** 2).mean(axis=(1, 2, 3)) for chunk in images])
    return np.argsort(distances, kind="stable")[:count]


class Descent:
    """Gradient descent from several latents at once.

    Attributes:
        steps: taken so far.
    """

    @keras_defaults()
    def __init__(
        self, settings: NetworkSettings, weights: list[np.ndarray], target: np.ndarray, starts: np.ndarray, steps: int,
        embeddings: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        """Builds a model around a copy of the generator; its first step is slow.

        Args:
            settings: of the generator.
            weights: of the generator, as from Keras' `get_weights`.
            target: float32 (H, W, C) in [-1, 1].
            starts: float32 (N, Z).
            steps: that will be taken; the learning rate falls to 0 over them.
            embeddings: float32 (N, E), of the classes of the starts, which stay as they are; None without classes.
        """
        generator = build_generator(settings, "float32")
        generator.set_weights(weights)
        generator.trainable = False
        self.steps = 0
        self._latents = _Latents(starts, embeddings)
        given = keras.Input((), dtype="float32")
        self._model = keras.Model(given, behind_inputs(generator)(self._latents(given)))
        rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
        self._model.compile(optimizer=keras.optimizers.Adam(rate, beta_2=0.99), loss=_distance, jit_compile=False)
        self._batch = np.zeros(len(starts), np.float32), np.repeat(target[None], len(starts), axis=0)

    @keras_defaults()
    def advance(self) -> None:
        """Takes one step."""
        self._model.train_on_batch(*self._batch)
        self.steps += 1

    @property
    def latents(self) -> np.ndarray:
        """The latents found so far, float32 (N, Z)."""
        return np.clip(np.asarray(self._latents.values), -MAX_LATENT, MAX_LATENT)


class _Latents(keras.layers.Layer):
    """Latents as weights, kept near the typical norm; with classes the embeddings are behind them."""

    def __init__(self, starts: np.ndarray, embeddings: np.ndarray | None) -> None:
        super().__init__(dtype="float32")
        self._embeddings = embeddings
        self.values = self.add_weight(shape=starts.shape, initializer="zeros", name="latents")
        self.values.assign(starts)

    def call(self, given: Any) -> Any:
        values = keras.ops.convert_to_tensor(self.values)
        spread = keras.ops.mean(keras.ops.square(values), axis=-1)
        self.add_loss(TYPICAL_WEIGHT * keras.ops.mean(keras.ops.square(spread - 1.0)))
        latents = values + keras.ops.reshape(given, (-1, 1))
        if self._embeddings is None:
            return latents
        return keras.ops.concatenate([latents, keras.ops.convert_to_tensor(self._embeddings)], axis=1)


def _distance(targets: Any, images: Any) -> Any:
    """Mean squared differences of pixels and of their means over squares."""
    difference = targets - images
    total = keras.ops.mean(keras.ops.square(difference))
    for side in POOLED:
        means = keras.ops.average_pool(difference, side, side, padding="valid", data_format="channels_last")
        total = total + keras.ops.mean(keras.ops.square(means))
    return total


def _means(images: np.ndarray, side: int) -> np.ndarray:
    """Means over squares of `side` pixels; rows and columns that fill none are left out."""
    count, height, width, channels = images.shape
    rows, columns = height // side, width // side
    squares = images[:, : rows * side, : columns * side].reshape(count, rows, side, columns, side, channels)
    return np.asarray(squares.mean(axis=(2, 4)))
