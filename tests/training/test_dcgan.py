"""The Keras model: the update against a second writing of it, and use by a Keras user."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings
from dcgan_hub.training.augmentation import Augmentation
from dcgan_hub.training.dcgan import DCGAN, DISCRIMINATOR_AUGMENTATION, INTERPOLATION_COEFFICIENTS

NETWORK = NetworkSettings(image_size=16, filters=4, latent_dim=6, generator_normalization="none")
REAL = np.random.RandomState(0).randint(0, 256, (8, 16, 16, 3), dtype=np.uint8)


def make_gan(**options):
    keras.utils.set_random_seed(1)
    gan = DCGAN(build_generator(NETWORK), build_discriminator(NETWORK), **options)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    return gan


def plain_step(gan, real, seed, step, gamma):
    """One step written plainly: whole gradients, no tricks. Returns the weights expected after it."""
    real = tf.constant(real.astype("float32") / 127.5 - 1.0)
    latents = tf.random.stateless_normal((len(real), 6), seed=[seed, step])
    generator, discriminator = gan.generator, gan.discriminator
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(real)
            logits = discriminator(real)
        pixel_gradients = inner.gradient(logits, real)
        penalty = tf.reduce_mean(tf.reduce_sum(pixel_gradients**2, axis=(1, 2, 3))) / 2
        fake_logits = discriminator(generator(latents))
        loss = -tf.reduce_mean(tf.math.log_sigmoid(logits)) - tf.reduce_mean(tf.math.log_sigmoid(-fake_logits))
        loss += gamma * penalty
    gradients = tape.gradient(loss, discriminator.trainable_variables)
    expected = [w - 0.1 * g for w, g in zip(discriminator.trainable_variables, gradients, strict=True)]
    original = discriminator.get_weights()
    discriminator.set_weights(expected)
    with tf.GradientTape() as tape:
        generator_loss = -tf.reduce_mean(tf.math.log_sigmoid(discriminator(generator(latents))))
    gradients = tape.gradient(generator_loss, generator.trainable_variables)
    moved = [w - 0.1 * g for w, g in zip(generator.trainable_variables, gradients, strict=True)]
    discriminator.set_weights(original)
    return [np.asarray(w) for w in expected], [np.asarray(w) for w in moved]


def test_a_step_equals_the_plain_writing_of_it():
    """With the gradient penalty and without, which are branches of one graph."""
    gan = make_gan(r1_gamma=3.0, r1_every=4, seed=5)
    for step, gamma_times_interval in ((0, 12.0), (1, 0.0)):
        gan.step.assign(step)
        discriminator_weights, generator_weights = plain_step(gan, REAL, 5, step, gamma_times_interval)
        gan.train_on_batch(REAL)
        for expected, weight in zip(discriminator_weights, gan.discriminator.trainable_variables, strict=True):
            np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)
        for expected, weight in zip(generator_weights, gan.generator.trainable_variables, strict=True):
            np.testing.assert_allclose(weight, expected, rtol=1e-4, atol=1e-6)


def test_moving_average_follows_the_generator_batch_statistics_included():
    network = NetworkSettings(image_size=16, filters=4, latent_dim=6)
    gan = DCGAN(build_generator(network), build_discriminator(network), ema_decay=0.5)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    gan.step.assign(1000)  # after the warm-up
    before = gan.ema_generator.get_weights()
    gan.train_on_batch(REAL)
    averages = gan.ema_generator.get_weights()
    for old, current, average in zip(before, gan.generator.get_weights(), averages, strict=True):
        np.testing.assert_allclose(average, 0.5 * old + 0.5 * current, rtol=1e-5, atol=1e-7)
    statistics = [i for i, weight in enumerate(gan.ema_generator.weights) if "moving" in weight.name]
    assert statistics and all(not np.array_equal(before[i], averages[i]) for i in statistics)


def test_moving_average_follows_closely_at_first():
    gan = make_gan(ema_decay=0.999)
    before = gan.ema_generator.get_weights()
    gan.train_on_batch(REAL)
    expected = [0.1 * old + 0.9 * new for old, new in zip(before, gan.generator.get_weights(), strict=True)]
    for average, value in zip(gan.ema_generator.get_weights(), expected, strict=True):
        np.testing.assert_allclose(average, value, rtol=1e-5, atol=1e-7)


def test_a_keras_user_can_fit_it_with_floats_or_uint8_and_callbacks():
    floats = tf.data.Dataset.from_tensor_slices(REAL.astype("float32") / 127.5 - 1.0).batch(4).repeat(2)
    gan = make_gan()
    history = gan.fit(floats, epochs=2, verbose=0, shuffle=False, callbacks=[keras.callbacks.Callback()])
    assert set(history.history) == {
        "g_loss", "d_loss", "real_accuracy", "generated_accuracy", "g_gradient_norm", "d_gradient_norm",
    }  # fmt: skip
    assert int(gan.step) == 8

    other = make_gan()
    other.fit(tf.data.Dataset.from_tensor_slices(REAL).batch(4).repeat(2), epochs=2, verbose=0, shuffle=False)
    for a, b in zip(gan.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_no_penalty_is_the_same_as_one_of_no_weight_without_its_cost():
    without, weightless = make_gan(r1_gamma=None, slope_penalty=None), make_gan(r1_gamma=0.0, slope_penalty=0.0)
    penalized = []
    for gan in (without, weightless):
        take_gradients = gan._input_gradients
        gan._input_gradients = lambda *words, take=take_gradients, gan=gan: penalized.append(gan) or take(*words)
        gan.train_on_batch(REAL)
    assert without not in penalized and weightless in penalized
    for weight, same in zip(without.get_weights(), weightless.get_weights(), strict=True):
        np.testing.assert_allclose(weight, same, rtol=1e-5, atol=1e-7)


def test_accuracies_count_images_judged_correctly():
    gan = make_gan(r1_gamma=None)
    judge = gan.discriminator.get_layer("judge")
    judge.kernel.assign(tf.zeros_like(judge.kernel))
    judge.bias.assign([1.0])  # everything is called real
    logs = gan.train_on_batch(REAL, return_dict=True)
    assert logs["real_accuracy"] == 1.0 and logs["generated_accuracy"] == 0.0


def test_latents_of_a_step_depend_on_seed_and_step_only():
    first, second = make_gan(seed=1), make_gan(seed=2)
    draws = [np.asarray(gan._draw_latents(4)) for gan in (first, first, second)]
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])
    first.step.assign(1)
    assert not np.array_equal(draws[0], np.asarray(first._draw_latents(4)))


def test_wasserstein_step_equals_the_plain_writing_of_it():
    gan = make_gan(loss="wasserstein", r1_gamma=None, slope_penalty=10.0, seed=5)
    real = tf.constant(REAL.astype("float32") / 127.5 - 1.0)
    generated = gan.generator(tf.random.stateless_normal((8, 6), seed=[5, 0]))
    seed = tf.random.experimental.stateless_fold_in(np.array([5, 0]), INTERPOLATION_COEFFICIENTS)
    share = tf.random.stateless_uniform((8, 1, 1, 1), seed)
    between = share * real + (1.0 - share) * generated
    with tf.GradientTape() as tape:
        with tf.GradientTape() as inner:
            inner.watch(between)
            logits = gan.discriminator(between)
        lengths = tf.norm(tf.reshape(inner.gradient(logits, between), (8, -1)), axis=1)
        difference = tf.reduce_mean(gan.discriminator(generated)) - tf.reduce_mean(gan.discriminator(real))
        objective = difference + 10.0 * tf.reduce_mean((lengths - 1.0) ** 2)
    gradients = tape.gradient(objective, gan.discriminator.trainable_variables)
    expected = [np.asarray(w - 0.1 * g) for w, g in zip(gan.discriminator.trainable_variables, gradients, strict=True)]
    logs = gan.train_on_batch(REAL, return_dict=True)
    assert logs["d_loss"] == pytest.approx(float(difference), rel=1e-4)
    assert logs["d_gradient_norm"] == pytest.approx(float(tf.linalg.global_norm(gradients)), rel=1e-4)
    for wanted, weight in zip(expected, gan.discriminator.trainable_variables, strict=True):
        np.testing.assert_allclose(weight, wanted, rtol=1e-3, atol=1e-5)


def test_the_discriminator_sees_flipped_and_augmented_images_and_the_generator_learns_through_them():
    seen = []

    class Remember(Augmentation):
        def __call__(self, images, draws, strength, images_before):
            seen.append((np.asarray(images), np.asarray(draws.seed), float(strength)))
            assert float(images_before) == 0
            return super().__call__(images, draws, strength, images_before)

    gan = make_gan(flip=True, augmentation=Remember(), augmentation_strength=0.5, seed=5)
    gan.run_eagerly = True
    before = gan.generator.get_weights()
    gan.train_on_batch(REAL)
    (real, *_), (judged, *_), (learned, *_) = seen
    floats = REAL.astype("float32") / 127.5 - 1.0
    mirrored = [np.array_equal(a, b[:, ::-1]) for a, b in zip(real, floats, strict=True)]
    assert any(mirrored) and not all(mirrored)
    assert np.array_equal(judged, learned)  # the same images, judged once for each player
    assert len({tuple(seed) for _, seed, _ in seen}) == 3 and {strength for *_, strength in seen} == {0.5}
    assert any(not np.array_equal(a, b) for a, b in zip(before, gan.generator.get_weights(), strict=True))


def test_colors_are_augmented_only_after_as_many_images():
    late = make_gan(augmentation=Augmentation(color_after=16), augmentation_strength=1.0, seed=5)
    never = make_gan(augmentation=Augmentation(color=False), augmentation_strength=1.0, seed=5)
    for are_equal in (True, True, False):  # after 8, 16 and 24 images
        for gan in (late, never):
            gan.train_on_batch(REAL)
        pairs = zip(late.discriminator.get_weights(), never.discriminator.get_weights(), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs) == are_equal


def test_adaptive_strength_rises_while_the_discriminator_is_sure_and_a_fixed_one_stays():
    adaptive = make_gan(augmentation=Augmentation(), augmentation_strength=0.0, augmentation_target=0.5,
                        augmentation_images=80)  # fmt: skip
    fixed = make_gan(augmentation=Augmentation(), augmentation_strength=0.25)
    for gan in (adaptive, fixed):
        gan.run_eagerly = True  # sooner than to build the graph for one step
        judge = gan.discriminator.get_layer("judge")
        judge.bias.assign([100.0])  # everything is called real
        gan.train_on_batch(REAL)
    assert float(adaptive.augmentation_strength.numpy()) == pytest.approx(0.1)
    assert float(fixed.augmentation_strength.numpy()) == 0.25


@pytest.mark.parametrize("loss", ["non-saturating", "wasserstein"])
def test_one_stage_updates_both_by_their_own_gradients_at_the_same_weights(loss):
    """In a step with the gradient penalty and in one without, which are branches of one graph."""
    options = {"loss": loss, "r1_gamma": 3.0, "r1_every": 4, "slope_penalty": 2.0, "seed": 5,
               "augmentation": Augmentation(), "augmentation_strength": 0.5}  # fmt: skip
    gan, alternating = make_gan(one_stage=True, **options), make_gan(**options)
    discriminator = gan.discriminator
    weights = [network.get_weights() for network in (gan.generator, discriminator)]
    for step in (0, 1):
        for model in (gan, alternating):
            model.step.assign(step)
            for network, values in zip((model.generator, model.discriminator), weights, strict=True):
                network.set_weights(values)
        latents = tf.random.stateless_normal((8, 6), seed=[5, step])
        with tf.GradientTape() as tape:
            images = gan._augmented(gan.generator(latents), DISCRIMINATOR_AUGMENTATION)
            logits = discriminator(images)
            wanted = -tf.reduce_mean(tf.math.log_sigmoid(logits) if loss == "non-saturating" else logits)
        gradients = tape.gradient(wanted, gan.generator.trainable_variables)
        expected = [np.asarray(w - 0.1 * g) for w, g in zip(gan.generator.trainable_variables, gradients, strict=True)]

        for model in (gan, alternating):
            model.train_on_batch(REAL)
        for value, weight in zip(expected, gan.generator.trainable_variables, strict=True):
            np.testing.assert_allclose(weight, value, rtol=1e-3, atol=1e-6)
        for one, other in zip(discriminator.get_weights(), alternating.discriminator.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
