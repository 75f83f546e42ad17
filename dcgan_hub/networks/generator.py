"""The generator: float32 (B, Z) latents to float32 (B, H, W, C) images in [-1, 1]."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.networks.layer_types import STOCK, LayerKinds, kernel_initializer
from dcgan_hub.settings import NetworkSettings


@keras_defaults()
def build_generator(
    settings: NetworkSettings, dtype: str | None = None, *, synchronized: bool = False, kinds: LayerKinds = STOCK
) -> keras.Model:
    """Builds the generator of Radford et al. 2016 for any image size, from stock layers unless others are given.

    A dense layer makes the first map, then each stage enlarges it by `stride` until it has the exact image size: where
    a size is not a multiple of the stride, the row and column too many are cropped off at the bottom and on the right.

    B images, H x W pixels, C channels, Z latent dimensions.

    Args:
        settings: sizes, widths and kinds of the layers.
        dtype: Keras dtype policy of the layers, e.g. "mixed_bfloat16"; weights and output stay float32.
        synchronized: whether batch statistics are taken over all replicas of a strategy of `tf.distribute`.
        kinds: of layers; others than Keras' own are for networks that are trained only.

    Returns:
        Keras model, float32 (B, Z) to float32 (B, H, W, C) in [-1, 1].
    """
    sizes, widths = settings.sizes, settings.widths
    height, width = sizes[-1]
    normalize = functools.partial(kinds.normalization, synchronized=synchronized)
    latents = keras.Input((settings.latent_dim,), name="latents", dtype="float32")
    features = keras.layers.Dense(height * width * widths[-1], **_dense_options(settings, dtype), name="project")(
        latents
    )
    features = keras.layers.Reshape((height, width, widths[-1]), dtype=dtype, name="first_map")(features)
    features = _activate(features, settings, dtype, "project", normalize)
    for stage in range(len(widths) - 1, 0, -1):
        name = f"stage_{stage + 1}"
        features = _enlarge(features, widths[stage - 1], sizes[stage], settings, kinds, dtype, name)
        features = _activate(features, settings, dtype, name, normalize, latents)
    pixels = _enlarge(features, settings.channels, sizes[0], settings, kinds, dtype, "stage_1", to_pixels=True)
    # In float32, since tanh in half precision would leave only 256 steps for the brightest tones.
    images = keras.layers.Activation("tanh", dtype="float32", name="images")(pixels)
    return keras.Model(latents, images, name="generator")


def _dense_options(settings: NetworkSettings, dtype: str | None) -> dict[str, Any]:
    normalized = settings.generator_normalization != "none"  # its offset makes a bias useless
    return {"use_bias": not normalized, "kernel_initializer": _kernel_initializer(settings), "dtype": dtype}


def _kernel_initializer(settings: NetworkSettings) -> keras.initializers.Initializer:
    return kernel_initializer(settings.generator_normalization != "none")


def _activate(
    features: Any, settings: NetworkSettings, dtype: str | None, name: str, normalize: Callable[..., Any],
    latents: Any = None,
) -> Any:  # fmt: skip
    """The normalisation that is asked for, then ReLU; what has no latents is never modulated."""
    modulated = settings.generator_normalization == "modulated" and latents is not None
    if settings.generator_normalization != "none":
        features = normalize(
            momentum=0.9, epsilon=1e-5, center=not modulated, scale=not modulated, gamma_initializer="ones",
            dtype=dtype, name=f"{name}_normalize",
        )(features)  # fmt: skip
    if modulated:
        features = _modulate(features, latents, dtype, name)
    return keras.layers.ReLU(dtype=dtype, name=f"{name}_activate")(features)


def _modulate(features: Any, latents: Any, dtype: str | None, name: str) -> Any:
    """Scales and shifts each channel by what the latents say.

    Chen et al., "On Self Modulation for Generative Adversarial Networks", ICLR 2019, with one dense layer for each of
    the two. All places of an image hear of the same latents at every stage, so they can agree, e.g. on a colour.
    """
    channels = features.shape[-1]
    scale = _modulation(latents, channels, "ones", dtype, f"{name}_scale")
    shift = _modulation(latents, channels, "zeros", dtype, f"{name}_shift")
    features = keras.layers.Multiply(dtype=dtype, name=f"{name}_scaled")([features, scale])
    return keras.layers.Add(dtype=dtype, name=f"{name}_shifted")([features, shift])


def _modulation(latents: Any, channels: int, bias: str, dtype: str | None, name: str) -> Any:
    values = keras.layers.Dense(
        channels, kernel_initializer=kernel_initializer(True), bias_initializer=bias, dtype=dtype, name=name
    )(latents)
    return keras.layers.Reshape((1, 1, channels), dtype=dtype, name=f"{name}_map")(values)


def _enlarge(
    features: Any, filters: int, size: tuple[int, int], settings: NetworkSettings, kinds: LayerKinds,
    dtype: str | None, name: str, to_pixels: bool = False,
) -> Any:  # fmt: skip
    """One stage: `stride` times larger, cropped to `size`, `filters` channels."""
    options: dict[str, Any] = {
        "padding": "same",
        "data_format": "channels_last",  # whatever the user's keras.json says
        "use_bias": to_pixels or settings.generator_normalization == "none",
        "kernel_initializer": kernel_initializer(to_pixels or settings.generator_normalization != "none"),
        "dtype": dtype,
    }
    if settings.upsampling == "transposed":
        features = kinds.transposed_convolution(
            filters, settings.kernel_size, strides=settings.stride, **options, name=f"{name}_enlarge"
        )(features)
        return _crop(features, size, dtype, name)
    features = keras.layers.UpSampling2D(
        settings.stride, interpolation="nearest", data_format="channels_last", dtype=dtype, name=f"{name}_enlarge"
    )(features)
    features = _crop(features, size, dtype, name)
    return kinds.convolution(filters, settings.kernel_size, **options, name=f"{name}_smooth")(features)


def _crop(features: Any, size: tuple[int, int], dtype: str | None, name: str) -> Any:
    too_many = features.shape[1] - size[0], features.shape[2] - size[1]
    if too_many == (0, 0):
        return features
    return keras.layers.Cropping2D(
        ((0, too_many[0]), (0, too_many[1])), data_format="channels_last", dtype=dtype, name=f"{name}_crop"
    )(features)
