"""Feature networks: networks trained on ImageNet, each with the preprocessing of its input.

N images, H x W pixels, C channels, S the side of a network's input, D features.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.keras_defaults import keras_defaults

FEATURES = ("efficientnet-lite0", "inception")
BATCH_SIZE = 64  # measured on 2 cores: 360 images per second at 16, 480 at 32, 530 at 64 and at 128
PAPER = 255  # background behind transparent pixels


@dataclass(frozen=True)
class FeatureNetwork:
    """A network and everything that determines its features."""

    name: str  # one of FEATURES
    sha256: str  # of its weights
    image_side: int  # S, in pixels
    resize: str  # description of the resizing to S
    dimensions: int  # D
    prepare: Callable[[np.ndarray], np.ndarray]  # uint8 (n, H, W, 3) to float32 (n, h, w, 3), the network's input
    network: Any  # Keras model, float32 (n, h, w, 3) to (n, D)

    @keras_defaults()
    def extract(self, images: np.ndarray) -> np.ndarray:
        """The features of images: uint8 (N, H, W, C), C 1, 3 or 4, to float32 (N, D)."""
        features = np.empty((len(images), self.dimensions), np.float32)
        for start in range(0, len(images), BATCH_SIZE):
            prepared = self.prepare(to_color(np.asarray(images[start : start + BATCH_SIZE])))
            # Another batch size would be retraced, and rounded differently.
            batch = np.zeros((BATCH_SIZE, *prepared.shape[1:]), np.float32)
            batch[: len(prepared)] = prepared
            features[start : start + len(prepared)] = self.network.predict_on_batch(batch)[: len(prepared)]
        return features


@keras_defaults()
def open_features(name: str = FEATURES[0]) -> FeatureNetwork:
    """Loads a feature network.

    Args:
        name: "efficientnet-lite0", which is part of this package, or "inception", Keras' InceptionV3, which Keras
            downloads on first use (88 MB).

    Raises:
        SettingsError: for another name.
        BundleError: if the package's own weights are damaged.
        DataError: if InceptionV3 cannot be downloaded.
    """
    if name == "efficientnet-lite0":
        from dcgan_hub.evaluation import efficientnet_lite0

        return FeatureNetwork(
            name=name,
            sha256=efficientnet_lite0.WEIGHTS_SHA256,
            image_side=efficientnet_lite0.IMAGE_SIDE,
            resize="bicubic, to uint8 (Pillow)",
            dimensions=efficientnet_lite0.DIMENSIONS,
            prepare=lambda images: resize_bicubic(images, efficientnet_lite0.IMAGE_SIDE),
            network=without_compilation(efficientnet_lite0.load_efficientnet_lite0()),
        )
    if name == "inception":
        from dcgan_hub.evaluation import inception

        network, sha256 = inception.load_inception()
        return FeatureNetwork(
            name=name,
            sha256=sha256,
            image_side=inception.IMAGE_SIDE,
            resize="bilinear, without anti-aliasing (Keras)",
            dimensions=inception.DIMENSIONS,
            prepare=lambda images: images.astype(np.float32),
            network=without_compilation(network),
        )
    raise SettingsError(f"`features` must be one of {', '.join(FEATURES)}. Received: {name!r}. Try {FEATURES[0]}.")


def to_color(images: np.ndarray) -> np.ndarray:
    """Converts images to RGB for feature networks: uint8 (N, H, W, C) to (N, H, W, 3).

    Gray is repeated. Transparent images are composited on white, so that invisible pixels have no effect.
    """
    if images.shape[-1] == 1:
        return np.repeat(images, 3, axis=-1)
    if images.shape[-1] == 3:
        return images
    alpha = images[..., 3:].astype(np.int32)
    return ((images[..., :3] * alpha + PAPER * (255 - alpha) + 127) // 255).astype(np.uint8)


def resize_bicubic(images: np.ndarray, side: int) -> np.ndarray:
    """Pillow's bicubic resize with anti-aliasing: uint8 (N, H, W, 3) to float32 (N, S, S, 3)."""
    resized = [np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)) for image in images]
    return np.stack(resized).astype(np.float32)


def without_compilation(network: Any) -> Any:
    """Disables XLA, which takes 3 to 16 seconds to compile such a network, and then runs it 35 times slower."""
    network.jit_compile = False
    return network
