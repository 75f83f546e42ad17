"""Batch-invariant inference: an image has the same bits whatever it is batched with.

The order in which libraries sum the terms of a convolution or matrix product depends on the shape of the whole batch:
on how it is split into blocks, and how these are distributed over threads. So the last bits of an image change with the
batch size. Here the batch size is fixed: every image is computed in a block of `BLOCK_SIZE` (padded with zeros), by the
same kernels with the same shapes. What remains is the position within the block:

- oneDNN's convolutions split a batch by image first, and compute each image independently.
- Dense layers would multiply all rows of a block together. Here each row is a separate product of the same shape.
- All other layers of a generator are elementwise.

Where convolutions do not use oneDNN, as on GPUs, each image is a block of its own. Measurements:
docs/decisions/0020-blocks-of-eight.md.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from dcgan_hub.keras_startup import onednn_is_on
from dcgan_hub.networks.generator import behind_inputs
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.settings import NetworkSettings

BLOCK_SIZE = 8  # a multiple of the vector width of TensorFlow's own kernels, so that they have no remainder
BLOCKS_AT_ONCE = 2  # while one waits for its threads, the other computes
CHUNK_SIZES = (2, 8, 32)
CHUNK_BYTES = 256 * 2**20  # of the largest feature map; wide networks use smaller chunks


class Inference:
    """Generates chunks of images; later changes of the network's weights take effect.

    A single image or a largest chunk is faster as one batch. The first chunk of such a size is computed both ways, and
    one batch is used from then on if the bits were the same for this network on this machine.

    Args:
        network: from `build_generator(settings)`.
        settings: those of the network.

    Attributes:
        largest_chunk: maximum number of images per call.
    """

    @keras_defaults()
    def __init__(self, network: keras.Model, settings: NetworkSettings) -> None:
        self.largest_chunk = _affordable_chunk_size(settings)
        self._block_size = BLOCK_SIZE if self.largest_chunk >= BLOCK_SIZE and _convolves_by_onednn() else 1
        behind = behind_inputs(network)
        draw_block = _with_rows_apart(network) if self._block_size > 1 else functools.partial(behind, training=False)
        self._draw_blocks = DRAWING.get(keras.backend.backend(), _by_predict)(behind, draw_block)
        one_batch_sizes = {1, self.largest_chunk} - {self._block_size} if self._block_size > 1 else set()
        self._same_as_one_batch: dict[int, bool | None] = dict.fromkeys(one_batch_sizes)

    @keras_defaults()
    def __call__(self, latents: np.ndarray) -> np.ndarray:
        """Maps latents float32 (n, Z), n from 1 to `largest_chunk`, to images float32 (n, H, W, C) in [-1, 1].

        Those of a generator with classes are conditioned, (n, Z + E).
        """
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
    if keras.backend.backend() == "torch":
        import torch

        return torch.backends.mkldnn.is_available() and keras.ops.zeros(()).device.type == "cpu"
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return onednn_is_on() and not tf.config.list_physical_devices("GPU")


def _by_predict(network: keras.Model, draw_block: Callable[[Any], Any]) -> Callable[[np.ndarray], Any]:
    return lambda blocks: np.stack([network.predict_on_batch(block) for block in blocks])


def _by_torch(network: keras.Model, draw_block: Callable[[Any], Any]) -> Callable[[np.ndarray], Any]:
    import torch

    @torch.no_grad()
    def draw(blocks: np.ndarray) -> np.ndarray:
        return np.stack([keras.ops.convert_to_numpy(draw_block(keras.ops.convert_to_tensor(b))) for b in blocks])

    return draw


def _one_graph(network: keras.Model, draw_block: Callable[[Any], Any]) -> Callable[[np.ndarray], Any]:
    """Maps latents (b, n, Z), b blocks of n, to images (b, n, H, W, C), with one graph for all sizes."""
    import tensorflow as tf

    return tf.function(
        lambda blocks: tf.map_fn(
            draw_block, blocks, parallel_iterations=BLOCKS_AT_ONCE,
            fn_output_signature=tf.TensorSpec(network.output_shape, tf.float32),
        ),
        input_signature=[tf.TensorSpec((None, None, network.input_shape[-1]), tf.float32)],
        autograph=False,
        jit_compile=False,  # XLA would recompile for every size, and round differently
    )  # fmt: skip


def _with_rows_apart(network: keras.Model) -> Callable[[Any], Any]:
    """The network with a separate matrix product per row in its dense layers, which all take the same vectors."""
    dense_layers = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    behind_dense = keras.Model([layer.output for layer in dense_layers], network.output)

    def multiply(layer: keras.layers.Dense, latents: Any) -> Any:
        rows = keras.ops.matmul(latents[:, None], keras.ops.convert_to_tensor(layer.kernel)[None])[:, 0]
        return rows + keras.ops.convert_to_tensor(layer.bias) if layer.use_bias else rows

    return lambda latents: behind_dense([multiply(layer, latents) for layer in dense_layers], training=False)


DRAWING = {"tensorflow": _one_graph, "torch": _by_torch}  # by backend; others by Keras' `predict`


def _affordable_chunk_size(settings: NetworkSettings) -> int:
    """The largest chunk size whose largest feature map fits into CHUNK_BYTES, or else the smallest one."""
    image_bytes = 4 * settings.largest_feature_map
    return max((size for size in CHUNK_SIZES if image_bytes * size <= CHUNK_BYTES), default=CHUNK_SIZES[0])
