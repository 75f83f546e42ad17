"""Which layers networks are made of, and how their weights start."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class LayerKinds:
    """Layers by what they do; each takes the options of Keras' own, and has the same weights."""

    convolution: Callable[..., Any] = keras.layers.Conv2D  # of both networks
    transposed_convolution: Callable[..., Any] = keras.layers.Conv2DTranspose  # of the generator
    normalization: Callable[..., Any] = keras.layers.BatchNormalization  # of the generator's batches


STOCK = LayerKinds()  # Keras' own: what is published loads without this package


def kernel_initializer(normalized: bool) -> keras.initializers.Initializer:
    """N(0, 0.02) (Radford et al. 2016, section 4) is made for layers that are normalised behind.

    Without that the signal would fade from stage to stage.
    """
    return keras.initializers.RandomNormal(stddev=0.02) if normalized else keras.initializers.HeNormal()
