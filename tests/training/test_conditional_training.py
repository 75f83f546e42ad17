"""Training with classes: the step against a second writing of it, an exact resume, and wrong classes."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.errors import DataError
from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.presets import make_settings
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.settings import NetworkSettings
from dcgan_hub.training.augmentation import Augmentation
from dcgan_hub.training.checkpoint import load_checkpoint, read_state, save_checkpoint
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.model import build_gan

NETWORK = NetworkSettings(image_size=16, filters=4, latent_dim=6, generator_normalization="none", classes=3)
REAL = np.random.RandomState(0).randint(0, 256, (8, 16, 16, 3), dtype=np.uint8)
FLOATS = REAL.astype("float32") / 127.5 - 1.0
CLASSES = np.array([0, 2, 2, 1, 0, 2, 1, 2], np.int32)
NUMBERS = tf.constant(CLASSES)


def make_gan(**options):
    keras.utils.set_random_seed(1)
    gan = DCGAN(build_generator(NETWORK), build_discriminator(NETWORK), **options)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


@pytest.fixture(scope="module")
def eager_gan():
    gan = make_gan(r1_gamma=None)
    gan.run_eagerly = True
    return gan


class Plain:
    """The discriminator with the projection written once more, from the features of its last stage."""

    def __init__(self, discriminator):
        self.features = keras.Model(discriminator.inputs, discriminator.get_layer("stage_2_activate").output)
        self.judge, self.projection = (discriminator.get_layer(name) for name in ("judge", "class_projection"))

    def logits(self, images):
        features = self.features([tf.convert_to_tensor(images), NUMBERS])
        rows = tf.gather(self.projection.embeddings.value, CLASSES)
        projected = tf.einsum("bhwc,bc->b", features, rows)[:, None]
        return tf.reshape(features, (8, -1)) @ self.judge.kernel.value + self.judge.bias.value + projected

    def numpy_logits(self, images):
        features = np.asarray(self.features([tf.convert_to_tensor(images), NUMBERS]), np.float64)
        vectors = np.asarray(self.projection.embeddings)
        logits = np.empty((8, 1))
        for row, (map_, number) in enumerate(zip(features, CLASSES, strict=True)):
            logits[row] = map_.ravel() @ np.asarray(self.judge.kernel) + self.judge.bias
            logits[row] += np.dot(vectors[number], map_.sum(axis=(0, 1)))
        return logits


def test_a_step_equals_the_plain_writing_of_it():
    """Also the gradients of both embeddings; the generated images of a step are of the classes of its real ones."""
    gan = make_gan(r1_gamma=3.0, r1_every=1, seed=5)
    generator, discriminator, plain = gan.generator, gan.discriminator, Plain(gan.discriminator)
    assert not np.any(plain.projection.embeddings), "the first step is that of a discriminator without classes"
    plain.projection.embeddings.assign(np.random.RandomState(1).normal(0.0, 0.3, (3, 8)))
    latents = tf.random.stateless_normal((8, 6), seed=[5, 0])
    real, generated = tf.constant(FLOATS), generator([latents, NUMBERS])
    losses = np.logaddexp(0, -plain.numpy_logits(FLOATS)), np.logaddexp(0, plain.numpy_logits(generated))

    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(real)
            real_logits = plain.logits(real)
        lengths = tf.reduce_sum(inner.gradient(real_logits, real) ** 2, axis=(1, 2, 3))
        loss = tf.reduce_mean(tf.nn.softplus(-real_logits) + tf.nn.softplus(plain.logits(generated)))
        loss += 3.0 * tf.reduce_mean(lengths) / 2
    gradients = map(tf.convert_to_tensor, tape.gradient(loss, discriminator.trainable_variables))
    learned = [np.asarray(w - 0.1 * g) for w, g in zip(discriminator.trainable_variables, gradients, strict=True)]
    original = discriminator.get_weights()
    discriminator.set_weights(learned)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.nn.softplus(-plain.logits(generator([latents, NUMBERS]))))
    gradients = map(tf.convert_to_tensor, tape.gradient(loss, generator.trainable_variables))
    moved = [np.asarray(w - 0.1 * g) for w, g in zip(generator.trainable_variables, gradients, strict=True)]
    discriminator.set_weights(original)

    logs = gan.train_on_batch(REAL, CLASSES, return_dict=True)

    assert logs["d_loss"] == pytest.approx(losses[0].mean() + losses[1].mean(), rel=1e-5)
    assert logs["g_loss"] == pytest.approx(float(loss), rel=1e-4)
    for expected, network in ((learned, discriminator), (moved, generator)):
        for wanted, weight in zip(expected, network.trainable_variables, strict=True):
            np.testing.assert_allclose(weight, wanted, rtol=1e-3, atol=1e-6, err_msg=weight.path)


def test_a_run_with_classes_goes_on_from_its_checkpoint_as_if_nothing_had_happened(tmp_path):
    """With Adam, modulation and the gradient penalty; fails if any state of an embedding does not survive."""
    values = {"image_size": 16, "filters": 4, "latent_dim": 8, "batch_size": 8, "precision": "float32", "r1_every": 2}
    values |= {"augmentation": "none"}
    settings = make_settings("avatars-32", values)
    settings = dataclasses.replace(settings, network=dataclasses.replace(settings.network, classes=3))
    batches = [(REAL[::-1] if step % 2 else REAL, np.roll(CLASSES, step)) for step in range(4)]
    whole, resumed = build_gan(settings), build_gan(settings)
    whole.run_eagerly = resumed.run_eagerly = True  # sooner than to build two graphs
    for step, batch in enumerate(batches):
        if step == 2:
            save_checkpoint(tmp_path / "step-2", whole, Progress(step=2, images_seen=16, seconds=1.0))
        whole.train_on_batch(*batch)

    assert load_checkpoint(tmp_path / "step-2", resumed).step == 2
    for batch in batches[2:]:
        resumed.train_on_batch(*batch)

    expected, state = read_state(whole, 4), read_state(resumed, 4)
    assert {"discriminator/class_projection/embeddings", "ema_generator/class_embedding/embeddings"} <= set(state)
    assert all(np.array_equal(state[name], value) for name, value in expected.items())
    assert np.any(state["discriminator/class_projection/embeddings"])


def test_the_wasserstein_penalty_compares_images_of_one_class():
    """Its interpolations are between a real and a generated image of the same class, and are judged as that class."""
    gan = make_gan(loss="wasserstein", r1_gamma=None, slope_penalty=10.0, one_stage=True, augmentation=Augmentation())
    seen = []
    gan.run_eagerly = True
    judge = gan._judge
    gan._judge = lambda classes, images: seen.append(np.asarray(classes)) or judge(classes, images)
    gan.train_on_batch(REAL, CLASSES)
    assert len(seen) == 3 and all(np.array_equal(classes, CLASSES) for classes in seen)


@pytest.mark.parametrize(
    "classes, words",
    [
        (CLASSES + 1, "0 to 2, the 3 that the networks were built for. Received: 1 to 3"),
        (CLASSES - 1, "0 to 2, the 3 that the networks were built for. Received: -1 to 1"),
        (CLASSES.astype("float32"), "Received: classes: float32 (8,)"),
        (CLASSES[:, None], "Received: classes: int32 (8, 1)"),
        (None, "Received: classes: none"),
    ],
)
def test_wrong_classes_are_explained(eager_gan, classes, words):
    before = eager_gan.get_weights()
    with pytest.raises(DataError) as refusal:
        eager_gan.train_on_batch(REAL, classes)
    assert words in str(refusal.value)
    assert all(np.array_equal(a, b) for a, b in zip(before, eager_gan.get_weights(), strict=True))
