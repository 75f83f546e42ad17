"""Several steps in one call: the same training, with Python asked when something is due."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.presets import make_settings
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.training import steps_per_call
from dcgan_hub.training.backends import devices, loop
from dcgan_hub.training.callbacks import Clock, Every
from dcgan_hub.training.checkpoint import read_state, state_variables
from dcgan_hub.training.dcgan import METRICS
from dcgan_hub.training.hardware import has_gpu
from dcgan_hub.training.model import build_gan
from dcgan_hub.training.steps_per_call import AdaptiveStepsPerCall

SMALL = {
    "image_size": (16, 16), "filters": 4, "latent_dim": 8, "batch_size": 4, "precision": "float32",
    "augmentation": "adaptive", "r1_every": 3,
}  # fmt: skip


def make_gan(**values):
    return build_gan(make_settings("avatars-32", SMALL | values))


def batches(count=1000):
    """Batches of random images."""
    images = np.random.RandomState(0).uniform(-1.0, 1.0, (count, 4, 16, 16, 3)).astype(np.float32)
    return tf.data.Dataset.from_tensor_slices(images)


def state_of(gan, step):
    return {name: array.tobytes() for name, array in read_state(gan, step).items()}


def test_steps_in_other_groups_are_the_same_steps():
    states, logs, gan = [], [], make_gan()
    several_steps, initial_state = loop.make_several_steps(gan, METRICS), read_state(gan, 0)
    for groups in ((1,) * 12, (5, 6, 1), (12,)):
        for name, variable in state_variables(gan):
            variable.assign(initial_state[name])
        iterator = iter(batches())
        for count in groups:
            figures = several_steps(iterator, np.int32(count))
        states.append(state_of(gan, 12))
        logs.append({name: float(value) for name, value in figures.items()})
    assert states[0] == states[1] == states[2]
    assert logs[0] == logs[1] == logs[2]


def test_they_are_the_steps_that_keras_makes():
    """Of Keras' own `fit`, whose graph may round otherwise."""
    ours, theirs = make_gan(), make_gan()
    figures = loop.make_several_steps(ours, METRICS)(iter(batches()), np.int32(6))
    history = theirs.fit(batches(6), verbose=0, shuffle=False)
    for mine, other in zip(ours.generator.weights, theirs.generator.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), atol=1e-4)
    for name, value in figures.items():
        assert float(value) == pytest.approx(history.history[name][0], rel=1e-3), name


def test_xla_makes_the_same_steps(monkeypatch):
    """With latents made of whole numbers, since XLA makes other fractions of a seed."""
    gans = [make_gan(augmentation="none", optimizer="rmsprop") for _ in range(2)]
    assert gans[0].jit_compile == has_gpu()
    for gan, by_xla in zip(gans, (False, True), strict=True):
        gan.compile(gan.generator_optimizer, gan.discriminator_optimizer, jit_compile=by_xla)
    monkeypatch.setattr(
        tf.random,
        "stateless_normal",
        lambda shape, seed: tf.cast(tf.random.stateless_uniform(shape, seed, -2, 3, tf.int32), tf.float32),
    )
    weights, logs, compiled = [], [], []
    for gan in gans:
        several_steps, iterator, count = loop.make_several_steps(gan, METRICS), iter(batches()), np.int32(6)
        figures = several_steps(iterator, count)
        graph = several_steps.get_concrete_function(iterator, count).graph.as_graph_def()
        compiled.append(re.search(r'"_XlaMustCompile"\s+value \{\s+b: true', str(graph)) is not None)
        weights.append(gan.generator.get_weights())
        logs.append({name: float(value) for name, value in figures.items()})
    assert compiled == [False, True]
    for plain, by_xla in zip(*weights, strict=True):
        np.testing.assert_allclose(by_xla, plain, atol=1e-4)
    assert logs[1] == pytest.approx(logs[0], rel=1e-3)


def test_it_stops_after_the_first_step_that_is_not_finite():
    gan = make_gan()
    gan._as_floats = lambda images: tf.where(tf.convert_to_tensor(gan.step) < 4, images, np.nan)  # behind the check
    figures = loop.make_several_steps(gan, METRICS)(iter(batches()), np.int32(20))
    assert int(gan.step.numpy()) == 5
    assert np.isnan(float(figures["d_loss"]))


class Watch(keras.callbacks.Callback):
    """Notes the step after each call, and how many the next one will make."""

    def __init__(self, clock, paced):
        super().__init__()
        self.clock, self.paced, self.seen = clock, paced, []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((self.clock.step, self.paced.steps_at_once))
        self.model.stop_training = self.clock.step >= 40


@pytest.mark.parametrize("seconds", (1e-9, 1e9))
def test_what_is_due_is_never_late(monkeypatch, seconds):
    """Whether a step is far too slow for two at once, or any number would fit."""
    monkeypatch.setattr(steps_per_call, "SECONDS_A_CALL", seconds)
    called = {7: [], 10: []}
    gan, clock = make_gan(augmentation="none", r1_gamma=0.0), Clock(Progress(), 4)
    due = [Every(every, clock, lambda logs, every=every: called[every].append(clock.step)) for every in called]
    paced = AdaptiveStepsPerCall(gan, clock, due, last_step=40)
    watch = Watch(clock, paced)
    gan.fit(batches(), epochs=1, verbose=0, shuffle=False, callbacks=[paced, *due, watch])
    assert called == {7: [7, 14, 21, 28, 35], 10: [10, 20, 30, 40]}
    steps = [step for step, _ in watch.seen]
    assert steps == (list(range(1, 41)) if seconds < 1.0 else [1, 2, 7, 10, 14, 20, 21, 28, 30, 35, 40])


def test_a_machine_where_xla_does_not_work_is_known(monkeypatch):
    """As on a GPU without the whole of CUDA, where it fails as soon as something is compiled."""

    def fail(*arguments):
        raise tf.errors.InternalError(None, None, "libdevice not found at ./libdevice.10.bc")

    assert devices.compiles()
    monkeypatch.setattr(tf, "tanh", fail)
    assert not devices.compiles()
