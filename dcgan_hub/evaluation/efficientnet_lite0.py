"""EfficientNet-Lite0 up to its global average pooling: a small ImageNet network used to compare sets of images.

The weights are part of the package (assets/features, Apache-2.0, see NOTICE), made by tools/convert_features.py: batch
normalization is folded into the convolutions, 1 x 1 kernels are float16. Computation is in float32.

N images, 96 x 96 pixels, 1280 features.
"""

import hashlib
from pathlib import Path
from typing import Any

import keras
import safetensors.numpy

from dcgan_hub.bundle.weights import assign_weights
from dcgan_hub.errors import BundleError

IMAGE_SIDE = 96  # pixels; the network was trained at 224, but at 96 a CPU embeds several hundred images per second
DIMENSIONS = 1280
WEIGHTS_FILE = Path(__file__).resolve().parent.parent / "assets" / "features" / "efficientnet-lite0.safetensors"
WEIGHTS_SHA256 = "aa90c73df97636484684251b5a68f969fbb19f2a1f7fa916e7558934a65ed8bd"

STEM_FILTERS = 32
# The stages of EfficientNet-B0 (Tan & Le 2019, table 1), from which Lite0 differs in having no squeeze-and-excitation
# and another activation: repeats, side of the depthwise kernel, stride of the first block, expansion, filters.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def build_efficientnet_lite0() -> keras.Model:
    """Builds the network with new weights; maps float32 (N, 96, 96, 3), RGB, 0 to 255, to float32 (N, 1280), 0 to 6."""
    images = keras.Input((IMAGE_SIDE, IMAGE_SIDE, 3), name="images")
    features = keras.layers.Rescaling(1 / 128, offset=-127 / 128, name="rescale")(images)
    features = _convolution(STEM_FILTERS, 3, 2, "relu6", "stem")(features)
    number, inputs = 0, STEM_FILTERS
    for repeats, kernel_size, first_stride, expansion, filters in STAGES:
        for repeat in range(repeats):
            number += 1
            stride = first_stride if repeat == 0 else 1
            block = _block(features, f"block_{number}", inputs * expansion, kernel_size, stride, filters)
            repeated = stride == 1 and inputs == filters
            features = keras.layers.Add(name=f"block_{number}_add")([block, features]) if repeated else block
            inputs = filters
    features = _convolution(DIMENSIONS, 1, 1, "relu6", "head")(features)
    features = keras.layers.GlobalAveragePooling2D(name="average")(features)
    return keras.Model(images, features, name="efficientnet_lite0")


def load_efficientnet_lite0() -> keras.Model:
    """Builds the network with the weights of the package.

    Raises BundleError if the weights file is not the one this package was released with.
    """
    try:
        content = WEIGHTS_FILE.read_bytes()
    except OSError as error:
        raise _damaged(error.strerror or str(error)) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise _damaged(f"{len(content):,} bytes with the SHA-256 {digest[:12]}")
    network = build_efficientnet_lite0()
    assign_weights(network, safetensors.numpy.load(content), WEIGHTS_FILE)
    return network


def _block(features: Any, name: str, expanded: int, kernel_size: int, stride: int, filters: int) -> Any:
    """Inverted residual block: expansion (if it adds channels), depthwise convolution, linear projection."""
    if expanded != features.shape[-1]:
        features = _convolution(expanded, 1, 1, "relu6", f"{name}_expand")(features)
    depthwise = keras.layers.DepthwiseConv2D(
        kernel_size, strides=stride, padding="same", activation="relu6", name=f"{name}_depthwise"
    )
    return _convolution(filters, 1, 1, None, f"{name}_project")(depthwise(features))


def _convolution(filters: int, kernel_size: int, stride: int, activation: str | None, name: str) -> Any:
    return keras.layers.Conv2D(filters, kernel_size, strides=stride, padding="same", activation=activation, name=name)


def _damaged(received: str) -> BundleError:
    return BundleError(
        f"{WEIGHTS_FILE.name} must be the file that dcgan-hub was released with, with the SHA-256 "
        f"{WEIGHTS_SHA256[:12]}. Received: {received}. Install dcgan-hub again."
    )
