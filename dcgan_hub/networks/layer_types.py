"""The layer classes of the networks, and the initialization of their weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class LayerKinds:
    """Layer classes by role; each must accept the arguments of the Keras layer, and have the same weights."""

    convolution: Callable[..., Any] = keras.layers.Conv2D  # of both networks
    transposed_convolution: Callable[..., Any] = keras.layers.Conv2DTranspose  # of the generator
    normalization: Callable[..., Any] = keras.layers.BatchNormalization  # of the generator's batches


STOCK = LayerKinds()  # Keras' own, so that published models load without this package


def kernel_initializer(normalized: bool) -> keras.initializers.Initializer:
    """N(0, 0.02) (Radford et al. 2016, section 4) for layers followed by a normalization, else He initialization.

    Without a normalization, N(0, 0.02) would make the signal fade from stage to stage.
    """
    return keras.initializers.RandomNormal(stddev=0.02) if normalized else keras.initializers.HeNormal()
