"""The discriminator: float32 (B, H, W, C) images in [-1, 1] to float32 (B, 1) logits, positive for real."""

import random
from typing import Any

import keras

from dcgan_hub.network_settings import convolution_margins
from dcgan_hub.networks.circular_padding import pad_circularly
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.networks.layer_types import STOCK, LayerKinds, kernel_initializer
from dcgan_hub.settings import NetworkSettings

LEAKY_SLOPE = 0.2  # Radford et al. 2016, section 4


@keras.saving.register_keras_serializable(package="dcgan_hub", name="BatchDeviation")  # as models that exist have it
class MinibatchStddev(keras.layers.Layer):
    """Minibatch standard deviation: appends one map, the standard deviation over the batch averaged over all features.

    Karras et al. 2018, "Progressive Growing of GANs", section 3, with the whole batch as one group.
    (B, H, W, C) to (B, H, W, C + 1); the added values are the same for all images of a batch.
    """

    def call(self, features: Any) -> Any:
        """Appends the map; (B, H, W, C) to (B, H, W, C + 1)."""
        exact = keras.ops.cast(features, "float32")
        variance = keras.ops.mean(keras.ops.square(exact - keras.ops.mean(exact, axis=0)), axis=0)
        # The gradient of the square root is infinite at 0, the variance if all images are equal.
        deviation = keras.ops.mean(keras.ops.sqrt(variance + 1e-8))
        return keras.ops.concatenate(
            [features, keras.ops.cast(deviation, features.dtype) * keras.ops.ones_like(features[..., :1])], axis=-1
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One more channel."""
        return (*input_shape[:-1], (input_shape[-1] or 0) + 1)


class ClassProjection(keras.layers.Layer):
    """Projection of features on a learned vector for each class: its output is a part of the logit.

    Miyato & Koyama 2018, "cGANs with Projection Discriminator": the inner product of the class embedding and the
    features, summed over all positions. Embeddings start at zero, so that the first steps are those without classes.
    They have no spectral normalization, which divides by a norm that is zero then.

    Args:
        classes: number of classes.
    """

    def __init__(self, classes: int, **options: Any) -> None:
        super().__init__(**options)
        self.classes = classes

    def build(self, features_shape: tuple[int | None, ...], classes_shape: tuple[int | None, ...]) -> None:
        """Makes the embeddings, (classes, C)."""
        self.embeddings = self.add_weight(
            shape=(self.classes, features_shape[-1]), initializer="zeros", name="embeddings"
        )

    def call(self, features: Any, classes: Any) -> Any:
        """Projects features (B, H, W, C) on those of int32 classes (B,): (B, 1)."""
        chosen = keras.ops.matmul(keras.ops.one_hot(classes, self.classes, dtype=self.compute_dtype), self.embeddings)
        return keras.ops.sum(keras.ops.sum(features, axis=(1, 2)) * chosen, axis=-1, keepdims=True)

    def compute_output_shape(
        self, features_shape: tuple[int | None, ...], classes_shape: tuple[int | None, ...]
    ) -> tuple[int | None, ...]:
        """One number for each image."""
        return features_shape[0], 1


@keras_defaults()
def build_discriminator(
    settings: NetworkSettings, dtype: str | None = None, *, minibatch_stddev: bool = False, synchronized: bool = False,
    kinds: LayerKinds = STOCK,
) -> keras.Model:  # fmt: skip
    """Builds the mirror image of the generator: one strided convolution per stage, then a dense layer to one logit.

    B images, H x W pixels, C channels. With classes, `ClassProjection` of the last stage's features is added to the
    logit. A seamless one pads its maps circularly, so it sees how an image continues on its other side.

    Args:
        settings: sizes, widths and types of the layers.
        dtype: Keras dtype policy of the layers, e.g. "mixed_bfloat16"; weights and logits stay float32.
        minibatch_stddev: whether the last stage is followed by `MinibatchStddev`; under a `tf.distribute` strategy it
            sees the images of one replica.
        synchronized: whether batch statistics are computed over all replicas of a `tf.distribute` strategy.
        kinds: layer classes, of which only the convolution is used.

    Returns:
        Keras model, float32 (B, H, W, C) in [-1, 1] to float32 (B, 1); with classes it takes two inputs, the images
        and int32 (B,), 0 to `settings.classes` - 1.
    """
    images = keras.Input((*settings.image_size, settings.channels), name="images", dtype="float32")
    features = images
    for stage, filters in enumerate(settings.widths, start=1):
        features = _shrink(features, filters, stage, settings, kinds, dtype, synchronized)
    last_map = features
    if minibatch_stddev:
        features = MinibatchStddev(dtype=dtype, name="batch_deviation")(features)
    features = keras.layers.Flatten(data_format="channels_last", dtype=dtype, name="flatten")(features)
    if settings.dropout:
        # Drawn as Keras does: on PyTorch, a layer without a seed draws from a generator that is not part of its state.
        seed = random.randint(1, 10**9)
        features = keras.layers.Dropout(settings.dropout, seed=seed, dtype=dtype, name="dropout")(features)
    # The last layer is float32, since the loss and the gradient penalty depend on small differences of logits.
    judge = keras.layers.Dense(1, kernel_initializer=_kernel_initializer(settings), dtype="float32", name="judge")
    logits = _spectrally(judge, settings, "float32")(features)
    if not settings.classes:
        return keras.Model(images, logits, name="discriminator")
    classes = keras.Input((), name="classes", dtype="int32")
    projected = ClassProjection(settings.classes, dtype="float32", name="class_projection")(last_map, classes)
    logits = keras.layers.Add(dtype="float32", name="logits")([logits, projected])
    return keras.Model([images, classes], logits, name="discriminator")


def _shrink(
    features: Any, filters: int, stage: int, settings: NetworkSettings, kinds: LayerKinds, dtype: str | None,
    synchronized: bool,
) -> Any:  # fmt: skip
    # As in the paper, the first layer has no batch normalization.
    batch = settings.discriminator_normalization == "batch" and stage > 1
    padding = "same"
    if settings.seamless:
        margins = convolution_margins(settings.kernel_size, settings.stride)
        features, padding = pad_circularly(features, margins, dtype, f"stage_{stage}"), "valid"
    convolution = kinds.convolution(
        filters, settings.kernel_size, strides=settings.stride, padding=padding, use_bias=not batch,
        data_format="channels_last",  # regardless of the user's keras.json
        kernel_initializer=_kernel_initializer(settings), dtype=dtype, name=f"stage_{stage}_shrink",
    )  # fmt: skip
    features = _spectrally(convolution, settings, dtype)(features)
    if batch:
        features = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, synchronized=synchronized, dtype=dtype, name=f"stage_{stage}_normalize"
        )(features)
    return keras.layers.LeakyReLU(LEAKY_SLOPE, dtype=dtype, name=f"stage_{stage}_activate")(features)


def _spectrally(layer: keras.layers.Layer, settings: NetworkSettings, dtype: str | None) -> keras.layers.Layer:
    """Wraps the layer in spectral normalization (Miyato et al. 2018) if the settings ask for it."""
    if settings.discriminator_normalization != "spectral":
        return layer
    if dtype == "mixed_float16":
        dtype = "float32"  # products of small weights, of which the norm is made, would be 0 in float16
    return keras.layers.SpectralNormalization(layer, dtype=dtype, name=f"{layer.name}_spectral")


def _kernel_initializer(settings: NetworkSettings) -> keras.initializers.Initializer:
    return kernel_initializer(settings.discriminator_normalization != "none")
