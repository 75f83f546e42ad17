"""A generator network as a function that gives an image the same whatever is drawn beside it."""

from typing import Any

import keras
import numpy as np

from dcgan_hub.settings import NetworkSettings

# An image must not depend on how many are drawn with it. Measured (TensorFlow 2.21, one and two cores, 45 networks of
# all kinds): batches of 2, 4, 8, 16 and 32 agree in every bit, a batch of 1 differs by up to 6e-7 in every fifth
# network, odd sizes do now and then. So everything is drawn in batches of these sizes, filled up with zeros.
CHUNK_SIZES = (2, 8, 32)
CHUNK_BYTES = 256 * 2**20  # of the largest feature map; wide networks are drawn in smaller chunks


class Inference:
    """Draws chunks of images; later changes of the network show in later images.

    Args:
        network: float32 (n, Z) latents to float32 (n, H, W, C) in [-1, 1].
        settings: that it was built from.

    Attributes:
        largest_chunk: images that one call can draw.
    """

    def __init__(self, network: keras.Model, settings: NetworkSettings) -> None:
        if network.jit_compile:  # XLA would compile anew for every size, and round otherwise
            network.jit_compile = False
            network.predict_function = None
        self._latent_dim = settings.latent_dim
        self._chunk_sizes = _affordable_chunk_sizes(settings)
        self.largest_chunk = self._chunk_sizes[-1]
        self._compute = _one_graph(network, settings.latent_dim)

    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Latents float32 (n, Z), n from 1 to `largest_chunk`, to images float32 (n, H, W, C) in [-1, 1]."""
        count = len(latents)
        size = next(size for size in self._chunk_sizes if size >= count)
        filled = np.zeros((size, self._latent_dim), np.float32)
        filled[:count] = latents
        return np.asarray(self._compute(filled))[:count]


def _one_graph(network: keras.Model, latent_dim: int) -> Any:
    """The network as a function that is traced once for all sizes; Keras' own is traced for the first two it meets."""
    if keras.backend.backend() != "tensorflow":
        return network.predict_on_batch
    import tensorflow as tf

    return tf.function(
        lambda latents: network(latents, training=False),
        input_signature=[tf.TensorSpec((None, latent_dim), tf.float32)],
        autograph=False,
        jit_compile=False,
    )


def _affordable_chunk_sizes(settings: NetworkSettings) -> tuple[int, ...]:
    """The chunk sizes whose largest feature map stays within CHUNK_BYTES; at least the smallest."""
    affordable = tuple(size for size in CHUNK_SIZES if 4 * settings.largest_feature_map * size <= CHUNK_BYTES)
    return affordable or CHUNK_SIZES[:1]
