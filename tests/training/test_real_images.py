"""What `DCGAN.fit` takes for real images: numbers of every type and range, and what it says of others."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.errors import DataError, SettingsError
from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.real_images import as_floats

NETWORK = NetworkSettings(image_size=16, filters=2, latent_dim=2, generator_normalization="none")
PIXELS = np.random.RandomState(0).randint(0, 256, (8, 16, 16, 3), dtype=np.uint8)
PIXELS[0, 0, 0], PIXELS[4, 0, 0] = (0, 127, 255), (0, 127, 255)
FLOATS = (PIXELS / 127.5 - 1.0).astype(np.float32)


def make_gan(**options):
    gan = DCGAN(build_generator(NETWORK), build_discriminator(NETWORK), r1_gamma=None)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), **options)
    return gan


@pytest.fixture(scope="module")
def eager():
    """One that needs no graph, for whatever is refused before anything is learned."""
    return make_gan(run_eagerly=True)


@pytest.mark.parametrize(
    "images, expected",
    [
        (PIXELS, FLOATS),
        (PIXELS.astype(np.int32), FLOATS),
        (PIXELS.astype(np.uint64), FLOATS),
        ((PIXELS.astype(np.int16) - 128).astype(np.int8), FLOATS),
        (PIXELS.astype(np.uint16) * 257, FLOATS),
        (PIXELS > 127, np.where(PIXELS > 127, 1.0, -1.0)),
        (FLOATS.astype(np.float64), FLOATS),
    ],
    ids=lambda array: array.dtype.name,
)
def test_integers_are_scaled_by_their_range_and_floats_stay(images, expected):
    floats = as_floats(tf.constant(images))
    assert floats.dtype == tf.float32
    np.testing.assert_allclose(floats, expected, atol=1e-6)


@pytest.mark.parametrize(
    "images, seen, advice",
    [
        (PIXELS.astype(np.float32), "float32 from 0 to 255", "images / 127.5 - 1"),
        (PIXELS.astype(np.float16), "from 0 to 255", "images / 127.5 - 1"),
        (PIXELS / np.float32(255), "float32 from 0 to 1", "images * 2 - 1"),
        (PIXELS - np.float32(127.5), "from -127.5 to 127.5", "(images - lowest)"),
        ((PIXELS - np.float32(124)) / 70, "from -1.77143 to 1.87143", "(images - lowest)"),
        (PIXELS * np.float32(16), "from 0 to 4080", "images / 2047.5 - 1"),
        (FLOATS * np.float32(1.1), "from -1.1 to 1.1", "keras.ops.clip(images, -1, 1)"),
        (PIXELS * np.float32(1.1) - 10, "from -10 to 270.5", "keras.ops.clip(images / 127.5 - 1, -1, 1)"),
        (np.where(PIXELS > 250, np.nan, FLOATS), "nan", "NaN"),
        (np.where(PIXELS > 250, np.inf, FLOATS), "inf", "infinity"),
        (PIXELS.astype(np.int16) * 100, "int16 from 0 to 25500", "keras.ops.cast(images, 'float32') / 32767.5 - 1"),
        (PIXELS.astype(np.uint16), "uint16 from 0 to 255", "keras.ops.cast(images, 'float32') / 127.5 - 1"),
        (PIXELS // 128 * np.int64(1), "int64 from 0 to 1", "keras.ops.cast(images, 'float32') * 2 - 1"),
        (PIXELS // 128 * np.int32(2) - 1, "int32 from -1 to 1", "give keras.ops.cast(images, 'float32'), of"),
        (PIXELS.astype(np.int64) * 10**6, "int64 from 0 to 2.55e+08", "(images - lowest)"),
        (PIXELS * 1j, "complex", "array"),
        (PIXELS[:, :, :, 0], "(8, 16, 16)", "keras.ops.repeat(images[..., None], 3, axis=-1)"),
        (PIXELS.transpose(0, 3, 1, 2), "(8, 3, 16, 16)", "keras.ops.transpose(images, (0, 2, 3, 1))"),
        (PIXELS[:, :8], "(8, 8, 16, 3)", "Resize"),
    ],
)
def test_what_would_be_misread_is_refused_with_the_range_seen_and_what_to_do(images, seen, advice, eager):
    before = eager.get_weights()
    with pytest.raises(DataError) as error:
        eager.train_on_batch(images)
    assert seen in str(error.value) and advice in str(error.value)
    assert all(np.array_equal(old, new) for old, new in zip(before, eager.get_weights(), strict=True))


@pytest.mark.parametrize(
    "batch, received",
    [
        ({"image": tf.constant(PIXELS), "label": tf.zeros(8)}, "a dictionary of image, label"),
        (tf.ragged.constant([[1.0, 2.0], [3.0]]), "a ragged tensor"),
        (tf.constant(["a.png"]), "a tensor of string"),
        (tf.constant(PIXELS[0]), "uint8 (16, 16, 3)"),
    ],
    ids=["dictionary", "ragged", "names", "one image"],
)
def test_what_is_no_batch_of_images_is_refused(batch, received, eager):
    with pytest.raises(DataError, match=re.escape(f"Received: {received}. ")):
        eager.train_step((batch, None))


def in_batches(images):
    """With labels, as Keras' loaders give them."""
    return tf.data.Dataset.from_tensor_slices((images, np.zeros(len(images)))).batch(4)


def test_a_graph_refuses_the_batch_that_is_out_of_range_before_anything_is_learned_from_it():
    gan, same = make_gan(), make_gan()
    same.set_weights(gan.get_weights())
    mixed = np.concatenate([FLOATS[:4], PIXELS[4:].astype(np.float32)])
    with pytest.raises(DataError, match=r"Received: float32 from 0 to 255.*dataset\.map"):
        gan.fit(in_batches(mixed), verbose=0, shuffle=False)
    same.fit(in_batches(FLOATS[:4]), verbose=0, shuffle=False)
    assert int(gan.step.numpy()) == 1
    assert all(np.array_equal(one, other) for one, other in zip(gan.get_weights(), same.get_weights(), strict=True))
    bright = np.abs(FLOATS)  # which only at the first step are taken for pixels from 0 to 1
    gan.fit(in_batches(bright), verbose=0, shuffle=False)
    assert int(gan.step.numpy()) == 3


def test_xla_which_leaves_out_assertions_does_not_leave_out_this_one():
    gan = make_gan(jit_compile=True)
    with pytest.raises(DataError, match="Received: float32 from 0 to 255"):
        gan.fit(in_batches(PIXELS.astype(np.float32)), verbose=0, shuffle=False)
    assert gan.jit_compile and int(gan.step.numpy()) == 0


def test_validation_images_are_refused(eager):
    with pytest.raises(SettingsError, match="validation_data"):
        eager.evaluate(PIXELS, verbose=0)
