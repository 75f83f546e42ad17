"""A generator network as a function that gives an image the same, to the bit, whatever is drawn beside it.

Libraries add up the terms of a convolution or matrix product in an order that depends on the shape of the whole batch:
on how it is cut into blocks, and how these are spread over threads. The same image drawn in a batch of another size
then differs in its last bits. So the batch size is fixed: every image is drawn in a block of `BLOCK_SIZE` (empty places
are filled with zeros), by the same kernels with the same sizes. What remains is the place within the block:

- Convolutions of oneDNN cut a batch into images before anything else, and each image is computed by itself.
- Dense layers would multiply all rows of a block together. Here each row is a product of its own, of one shape.
- All else in a generator is computed for each number by itself.

Where convolutions are not oneDNN's, an image is a block of its own. docs/decisions/0020-blocks-of-eight.md has the
measurements.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from dcgan_hub.keras_startup import onednn_is_on
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.settings import NetworkSettings

BLOCK_SIZE = 8  # a multiple of the vectors of TensorFlow's own kernels, so that none of them has a rest
BLOCKS_AT_ONCE = 2  # while one waits for its threads, the other computes
CHUNK_SIZES = (2, 8, 32)
CHUNK_BYTES = 256 * 2**20  # of the largest feature map; wide networks are drawn in smaller chunks


class Inference:
    """Draws chunks of images; later changes of the network show in later images.

    A chunk may also be computed as one batch, which is faster for a single image and for many, where this network on
    this machine has been seen to give the same bits that way: the first chunk of such a size is drawn both ways.

    Args:
        network: from `build_generator(settings)`, float32 (n, Z) latents to float32 (n, H, W, C) in [-1, 1].
        settings: that it was built from.

    Attributes:
        largest_chunk: images that one call can draw.
    """

    @keras_defaults()
    def __init__(self, network: keras.Model, settings: NetworkSettings) -> None:
        self.largest_chunk = _affordable_chunk_size(settings)
        if keras.backend.backend() == "tensorflow":
            self._block_size = BLOCK_SIZE if self.largest_chunk >= BLOCK_SIZE and _convolves_by_onednn() else 1
            self._draw_blocks = _one_graph(network, rows_apart=self._block_size > 1)
        else:
            self._block_size = 1
            self._draw_blocks = lambda blocks: np.stack([network.predict_on_batch(block) for block in blocks])
        one_batch_sizes = {1, self.largest_chunk} - {self._block_size} if self._block_size > 1 else set()
        self._same_as_one_batch: dict[int, bool | None] = dict.fromkeys(one_batch_sizes)

    @keras_defaults()
    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Latents float32 (n, Z), n from 1 to `largest_chunk`, to images float32 (n, H, W, C) in [-1, 1]."""
        count = len(latents)
        if self._same_as_one_batch.get(count):
            return self._draw_in_blocks_of(count, latents)
        images = self._draw_in_blocks_of(self._block_size, latents)
        if count in self._same_as_one_batch and self._same_as_one_batch[count] is None and np.ptp(images) > 0:
            self._same_as_one_batch[count] = np.array_equal(self._draw_in_blocks_of(count, latents), images)
        return images

    def _draw_in_blocks_of(self, size: int, latents: np.ndarray) -> np.ndarray:
        count, latent_dim = latents.shape
        blocks = np.zeros((-(-count // size), size, latent_dim), np.float32)
        blocks.reshape(-1, latent_dim)[:count] = latents
        images = np.asarray(self._draw_blocks(blocks))
        return images.reshape(-1, *images.shape[2:])[:count]


def _convolves_by_onednn() -> bool:
    import tensorflow as tf

    return onednn_is_on() and not tf.config.list_physical_devices("GPU")


def _one_graph(network: keras.Model, rows_apart: bool) -> Callable[[np.ndarray], Any]:
    """Latents (b, n, Z), b blocks of n, to images (b, n, H, W, C), by one graph for all sizes."""
    import tensorflow as tf

    draw_block = _with_rows_apart(network) if rows_apart else lambda latents: network(latents, training=False)
    return tf.function(
        lambda blocks: tf.map_fn(
            draw_block, blocks, parallel_iterations=BLOCKS_AT_ONCE,
            fn_output_signature=tf.TensorSpec(network.output_shape, tf.float32),
        ),
        input_signature=[tf.TensorSpec((None, None, network.input_shape[-1]), tf.float32)],
        autograph=False,
        jit_compile=False,  # XLA would compile anew for every size, and round otherwise
    )  # fmt: skip


def _with_rows_apart(network: keras.Model) -> Callable[[Any], Any]:
    """The network, whose dense layers all take the latents, with a matrix product for each row of these layers."""
    import tensorflow as tf

    dense_layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    behind_dense = keras.Model([layer.output for layer in dense_layers], network.output)

    def multiply(layer: keras.layers.Dense, latents: Any) -> Any:
        rows = tf.matmul(latents[:, None], tf.convert_to_tensor(layer.kernel)[None])[:, 0]
        return rows + tf.convert_to_tensor(layer.bias) if layer.use_bias else rows

    return lambda latents: behind_dense([multiply(layer, latents) for layer in dense_layers], training=False)


def _affordable_chunk_size(settings: NetworkSettings) -> int:
    """The largest chunk whose largest feature map stays within CHUNK_BYTES; at least the smallest."""
    image_bytes = 4 * settings.largest_feature_map
    return max((size for size in CHUNK_SIZES if image_bytes * size <= CHUNK_BYTES), default=CHUNK_SIZES[0])
