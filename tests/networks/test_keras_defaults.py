"""Whatever the user has set in Keras: the same images, the same training, the same features; and it stays set."""

import contextlib

import keras
import numpy as np
import pytest

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.evaluation.features import open_features
from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.settings import NetworkSettings
from dcgan_hub.training.dcgan import DCGAN

NETWORK = NetworkSettings(image_size=16, filters=2, latent_dim=2, discriminator_normalization="spectral")
PIXELS = np.random.RandomState(0).randint(0, 256, (8, 16, 16, 3), dtype=np.uint8)
NAMES = ("dtype_policy", "floatx", "epsilon", "image_data_format")


def what_keras_is_set_to():
    return {name: getattr(keras.config, name)() for name in NAMES}


@contextlib.contextmanager
def set_by_the_user(**values):
    before = what_keras_is_set_to()
    for name, value in (before | values).items():
        getattr(keras.config, f"set_{name}")(value)
    try:
        yield
    finally:
        for name, value in before.items():
            getattr(keras.config, f"set_{name}")(value)


def all_that_is_computed():
    """Drawn images, features, and the weights after a step, all to the bit."""
    keras.utils.set_random_seed(1)
    gan = DCGAN(build_generator(NETWORK), build_discriminator(NETWORK, minibatch_stddev=True))
    gan.compile(keras.optimizers.SGD(0.125), keras.optimizers.SGD(0.125), run_eagerly=True)
    gan.train_on_batch(PIXELS)
    drawn = Generator.from_pretrained("avatars").generate([1, 2])
    return [drawn, open_features().extract(drawn), *gan.get_weights()]


@pytest.fixture(scope="module")
def expected():
    return all_that_is_computed()


@pytest.mark.parametrize(
    "values",
    [
        {"dtype_policy": "mixed_float16"},
        {"floatx": "float64", "dtype_policy": "float64"},
        {"floatx": "float16", "epsilon": 1e-2, "image_data_format": "channels_first", "dtype_policy": "float16"},
    ],
    ids=["mixed policy", "float64", "keras.json"],
)
def test_what_the_user_has_set_changes_nothing_and_stays_set(values, expected):
    with set_by_the_user(**values):
        before = what_keras_is_set_to()
        for value, same in zip(all_that_is_computed(), expected, strict=True):
            assert value.dtype == same.dtype and np.array_equal(value, same)
        assert what_keras_is_set_to() == before


def test_threads_that_overlap_leave_what_the_user_has_set():
    with set_by_the_user(floatx="float64"):
        one, other = keras_defaults(), keras_defaults()
        one.__enter__()
        other.__enter__()
        one.__exit__(None, None, None)
        assert keras.config.floatx() == "float32"
        other.__exit__(None, None, None)
        assert keras.config.floatx() == "float64"
