"""Keras' InceptionV3 as the feature network, for metrics comparable with those of Keras' own GAN examples.

Its input is 75 x 75 pixels, the smallest that the network accepts (keras.io, "Data-efficient GANs with Adaptive
Discriminator Augmentation"). Published FIDs use other features, from other weights at 299 x 299.
"""

import hashlib
from typing import Any

import keras

from dcgan_hub.errors import DataError

IMAGE_SIDE = 75
DIMENSIONS = 2048


def load_inception() -> tuple[keras.Model, str]:
    """Returns the network with its ImageNet weights, which Keras downloads on first use and checks, and their SHA-256.

    Raises DataError if the weights are not cached and cannot be downloaded.
    """
    try:
        network = build_inception("imagenet")
    except Exception as error:  # Keras raises a bare Exception if a download fails
        raise DataError(
            "InceptionV3 needs its weights, 88 MB, which Keras downloads once. Received: "
            f"{' '.join(str(error).split())[:200]}. Connect to the network, or leave out --features inception."
        ) from error
    digest = hashlib.sha256()
    for weight in network.get_weights():
        digest.update(weight.tobytes())
    return network, digest.hexdigest()


def build_inception(weights: str | None) -> keras.Model:
    """Maps float32 (N, H, W, 3), RGB, 0 to 255, to float32 (N, 2048), 0 or more; `weights` None: random weights."""
    images = keras.Input((None, None, 3), name="images")
    body = keras.applications.InceptionV3(
        include_top=False, weights=weights, input_shape=(IMAGE_SIDE, IMAGE_SIDE, 3), pooling="avg"
    )
    return keras.Model(images, body(inception_input(images)), name="inception")


def inception_input(images: Any) -> Any:
    """Preprocesses images (N, H, W, 3), 0 to 255, for InceptionV3: (N, 75, 75, 3), -1 to 1."""
    resized = keras.layers.Resizing(IMAGE_SIDE, IMAGE_SIDE, interpolation="bilinear")(images)
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0)(resized)
