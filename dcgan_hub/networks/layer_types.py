"""Which layers networks are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class LayerKinds:
    """Layers by what they do; each takes the options of Keras' own, and has the same weights.

    Attributes:
        convolution: of both networks.
        transposed_convolution: of the generator.
        normalization: of the generator's batches.
    """

    convolution: Callable[..., Any] = keras.layers.Conv2D
    transposed_convolution: Callable[..., Any] = keras.layers.Conv2DTranspose
    normalization: Callable[..., Any] = keras.layers.BatchNormalization


STOCK = LayerKinds()  # Keras' own: what is published loads without this package
