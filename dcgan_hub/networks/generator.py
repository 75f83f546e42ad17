"""The generator: float32 (B, Z) latents, and int32 (B,) classes if there are any, to images.

B images, H x W pixels, C channels, Z latent dimensions, E dimensions of the class embedding. Images are float32
(B, H, W, C) in [-1, 1].
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from dcgan_hub.network_settings import (
    CLASS_EMBEDDING,
    CLASS_EMBEDDING_DIM,
    PALETTE,
    convolution_margins,
    transposed_margin,
)
from dcgan_hub.networks.circular_padding import pad_circularly
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.networks.layer_types import STOCK, LayerKinds, kernel_initializer
from dcgan_hub.settings import NetworkSettings

CONDITIONED = "conditioned"  # the layer that joins latents and class embedding
PALETTE_DEVIATION = 0.05  # of the initial kernel of the palette's layer


@keras_defaults()
def build_generator(
    settings: NetworkSettings, dtype: str | None = None, *, synchronized: bool = False, kinds: LayerKinds = STOCK
) -> keras.Model:
    """Builds the generator of Radford et al. 2016 for any image size, from stock layers by default.

    A dense layer produces the first feature map, and each stage upsamples it by `stride`, up to the exact image size:
    where a size is not a multiple of the stride, surplus rows and columns are cropped at the bottom and right.

    A seamless one pads its maps circularly before each convolution, so what is next to an edge follows from what is at
    the opposite one.

    With a palette, the last stage outputs how much of each of its colors a pixel has, see `_mix_palette`.

    With classes, a learned embedding of the class is appended to the latents, and all dense layers read both: the first
    one and those of self-modulation.

    Args:
        settings: sizes, widths and types of the layers.
        dtype: Keras dtype policy of the layers, e.g. "mixed_bfloat16"; weights and output stay float32.
        synchronized: whether batch statistics are computed over all replicas of a `tf.distribute` strategy.
        kinds: layer classes; any but Keras' own are for training only.

    Returns:
        Keras model, float32 (B, Z) to float32 (B, H, W, C) in [-1, 1]; with classes it takes two inputs, the latents
        and int32 (B,), 0 to `settings.classes` - 1.
    """
    sizes, widths = settings.sizes, settings.widths
    height, width = sizes[-1]
    normalize = functools.partial(kinds.normalization, synchronized=synchronized)
    inputs, conditioned = _inputs(settings, dtype)
    features = keras.layers.Dense(height * width * widths[-1], **_dense_options(settings, dtype), name="project")(
        conditioned
    )
    features = keras.layers.Reshape((height, width, widths[-1]), dtype=dtype, name="first_map")(features)
    features = _activate(features, settings, dtype, "project", normalize)
    for stage in range(len(widths) - 1, 0, -1):
        name = f"stage_{stage + 1}"
        features = _enlarge(features, widths[stage - 1], sizes[stage], settings, kinds, dtype, name)
        features = _activate(features, settings, dtype, name, normalize, conditioned)
    pixels = _enlarge(features, settings.output_channels, sizes[0], settings, kinds, dtype, "stage_1", to_pixels=True)
    if settings.palette_size:
        images = _mix_palette(pixels, conditioned, settings)
    else:
        # In float32, since in half precision tanh would quantize the brightest tones to 256 levels.
        images = keras.layers.Activation("tanh", dtype="float32", name="images")(pixels)
    return keras.Model(inputs, images, name="generator")


def _mix_palette(logits: Any, conditioned: Any, settings: NetworkSettings) -> Any:
    """Mixes a palette of P colors, computed from the latents, at each pixel: logits (B, H, W, P) to (B, H, W, C).

    The softmax of a pixel's logits is how much it has of each color. Where one color prevails, all pixels of an area
    are exactly alike, as in drawings; tanh turns each difference between their features into another color.
    """
    count, channels = settings.palette_size, settings.channels
    options = {"dtype": "float32"}  # half precision would quantize the brightest tones to 256 levels
    masks = keras.layers.Softmax(**options, name="masks")(logits)
    masks = keras.layers.Reshape((math.prod(settings.image_size), count), **options, name="mask_rows")(masks)
    palette = keras.layers.Dense(
        count * channels, kernel_initializer=keras.initializers.RandomNormal(stddev=PALETTE_DEVIATION),
        bias_initializer=keras.initializers.RandomUniform(-1.0, 1.0), **options, name=PALETTE,
    )(conditioned)  # fmt: skip
    palette = keras.layers.Activation("tanh", **options, name="palette_tanh")(palette)
    palette = keras.layers.Reshape((count, channels), **options, name="palette_rows")(palette)
    mixed = keras.layers.Dot((2, 1), **options, name="mixed")([masks, palette])
    return keras.layers.Reshape((*settings.image_size, channels), **options, name="images")(mixed)


def _inputs(settings: NetworkSettings, dtype: str | None) -> tuple[Any, Any]:
    """The inputs, and what the dense layers read: the latents (B, Z), or (B, Z + E) with the embedding of the class.

    The embedding starts with the distribution of the latents, so that layers see both on the same scale.
    """
    latents = keras.Input((settings.latent_dim,), name="latents", dtype="float32")
    if not settings.classes:
        return latents, latents
    classes = keras.Input((), name="classes", dtype="int32")
    embedded = keras.layers.Embedding(
        settings.classes, CLASS_EMBEDDING_DIM, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
        dtype=dtype, name=CLASS_EMBEDDING,
    )(classes)  # fmt: skip
    conditioned = keras.layers.Concatenate(dtype=dtype, name=CONDITIONED)([latents, embedded])
    return [latents, classes], conditioned


def behind_inputs(network: keras.Model) -> keras.Model:
    """The part of a generator that takes conditioned latents, (B, Z + E); without classes the generator itself."""
    if len(network.inputs) == 1:
        return network
    return keras.Model(network.get_layer(CONDITIONED).output, network.output)


def class_embedding(network: keras.Model) -> np.ndarray:
    """The current embeddings of the classes: float32 (classes, E)."""
    return np.asarray(network.get_layer(CLASS_EMBEDDING).embeddings.numpy())


def _dense_options(settings: NetworkSettings, dtype: str | None) -> dict[str, Any]:
    normalized = settings.generator_normalization != "none"  # its offset makes a bias redundant
    return {"use_bias": not normalized, "kernel_initializer": _kernel_initializer(settings), "dtype": dtype}


def _kernel_initializer(settings: NetworkSettings) -> keras.initializers.Initializer:
    return kernel_initializer(settings.generator_normalization != "none")


def _activate(
    features: Any, settings: NetworkSettings, dtype: str | None, name: str, normalize: Callable[..., Any],
    conditioned: Any = None,
) -> Any:  # fmt: skip
    """Normalization as in the settings, then ReLU; without `conditioned` latents there is no modulation."""
    modulated = settings.generator_normalization == "modulated" and conditioned is not None
    if settings.generator_normalization != "none":
        features = normalize(
            momentum=0.9, epsilon=1e-5, center=not modulated, scale=not modulated, gamma_initializer="ones",
            dtype=dtype, name=f"{name}_normalize",
        )(features)  # fmt: skip
    if modulated:
        features = _modulate(features, conditioned, dtype, name)
    return keras.layers.ReLU(dtype=dtype, name=f"{name}_activate")(features)


def _modulate(features: Any, conditioned: Any, dtype: str | None, name: str) -> Any:
    """Self-modulation: scales and shifts each channel by values computed from the latents.

    Chen et al., "On Self Modulation for Generative Adversarial Networks", ICLR 2019, with one dense layer each for
    scale and shift. All positions depend on the same latents at every stage, so they can agree, e.g. on a color.
    """
    channels = features.shape[-1]
    scale = _modulation(conditioned, channels, "ones", dtype, f"{name}_scale")
    shift = _modulation(conditioned, channels, "zeros", dtype, f"{name}_shift")
    features = keras.layers.Multiply(dtype=dtype, name=f"{name}_scaled")([features, scale])
    return keras.layers.Add(dtype=dtype, name=f"{name}_shifted")([features, shift])


def _modulation(conditioned: Any, channels: int, bias: str, dtype: str | None, name: str) -> Any:
    values = keras.layers.Dense(
        channels, kernel_initializer=kernel_initializer(True), bias_initializer=bias, dtype=dtype, name=name
    )(conditioned)
    return keras.layers.Reshape((1, 1, channels), dtype=dtype, name=f"{name}_map")(values)


def _enlarge(
    features: Any, filters: int, size: tuple[int, int], settings: NetworkSettings, kinds: LayerKinds,
    dtype: str | None, name: str, to_pixels: bool = False,
) -> Any:  # fmt: skip
    """One stage: upsamples by `stride`, crops to `size`, outputs `filters` channels."""
    options: dict[str, Any] = {
        "data_format": "channels_last",  # regardless of the user's keras.json
        "use_bias": to_pixels or settings.generator_normalization == "none",
        "kernel_initializer": kernel_initializer(to_pixels or settings.generator_normalization != "none"),
        "dtype": dtype,
    }
    if settings.upsampling == "transposed":
        surplus = 0
        if settings.seamless:
            margin = transposed_margin(settings.kernel_size, settings.stride)
            features = pad_circularly(features, (0, margin), dtype, name)
            _, surplus = convolution_margins(settings.kernel_size, settings.stride)
        features = kinds.transposed_convolution(
            filters, settings.kernel_size, strides=settings.stride, padding="same", **options, name=f"{name}_enlarge"
        )(features)
        return _crop(features, size, dtype, name, before=surplus)
    features = keras.layers.UpSampling2D(
        settings.stride, interpolation="nearest", data_format="channels_last", dtype=dtype, name=f"{name}_enlarge"
    )(features)
    features = _crop(features, size, dtype, name)
    if settings.seamless:
        features = pad_circularly(features, convolution_margins(settings.kernel_size, stride=1), dtype, name)
    return kinds.convolution(
        filters, settings.kernel_size, padding="valid" if settings.seamless else "same", **options,
        name=f"{name}_smooth",
    )(features)  # fmt: skip


def _crop(features: Any, size: tuple[int, int], dtype: str | None, name: str, before: int = 0) -> Any:
    """Crops to `size`: `before` rows at the top and columns at the left, and the other surplus at the other ends."""
    too_many = features.shape[1] - size[0], features.shape[2] - size[1]
    if too_many == (0, 0):
        return features
    return keras.layers.Cropping2D(
        tuple((before, surplus - before) for surplus in too_many), data_format="channels_last", dtype=dtype,
        name=f"{name}_crop",
    )(features)  # fmt: skip
