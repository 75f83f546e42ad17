"""From settings to a compiled model."""

import random
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.networks.layer_types import LayerKinds
from dcgan_hub.settings import Settings, TrainingSettings
from dcgan_hub.training.augmentation import Augmentation
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.distributed.replicas import replica_count
from dcgan_hub.training.hardware import has_gpu, policy_name, xla_compiles
from dcgan_hub.training.layers.convolution import Convolution, TransposedConvolution
from dcgan_hub.training.layers.normalization import FusedBatchNormalization


@keras_defaults()
def build_gan(settings: Settings, kinds: LayerKinds | None = None) -> DCGAN:
    """A compiled model with the initial weights of the settings' seed; for several devices see `WorkerGroup.scope`.

    Without `kinds` the layers that are trained are those that this machine computes fastest.
    """
    network, training = settings.network, settings.training
    several = replica_count() > 1  # a part of a batch has other statistics than the whole
    policy = policy_name(training.precision)
    layers: dict[str, Any] = {"synchronized": several, "kinds": kinds or kinds_in_training()}
    with _default_seeds(training.seed):
        networks = (
            build_generator(network, policy, **layers),
            build_discriminator(network, policy, minibatch_stddev=training.batch_deviation, **layers),
            build_generator(network, "float32"),  # published: stock layers, in float32 on every machine
        )
    gan = DCGAN(
        *networks,
        loss=training.loss,
        label_smoothing=training.label_smoothing,
        r1_gamma=training.r1_gamma or None,
        r1_every=training.r1_every,
        slope_penalty=training.slope_penalty or None,
        flip=training.flip,
        augmentation=make_augmentation(training),
        augmentation_strength=typing.cast(float, training.augmentation_strength),
        augmentation_target=training.augmentation_target if training.augmentation == "adaptive" else None,
        augmentation_images=training.augmentation_images,
        one_stage=training.schedule == "one-stage",
        ema_decay=training.ema_decay,
        seed=training.seed,
    )
    gan.compile(
        make_optimizer(training, training.rates.generator, "generator_optimizer"),
        make_optimizer(training, training.rates.discriminator, "discriminator_optimizer"),
        # Replicas meet within a step, which XLA has no operation for.
        jit_compile=has_gpu() and not several and xla_compiles(),
    )
    return gan


@contextmanager
def _default_seeds(seed: int) -> Iterator[None]:
    """Makes all that is drawn for new layers a function of `seed`.

    Keras takes the seeds of initializers and of dropout from Python's `random`, which is afterwards as it was before.
    Not `keras.utils.set_random_seed`: it resets the generators of NumPy and TensorFlow too, and all are the caller's.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def kinds_in_training() -> LayerKinds:
    """The layers that this machine computes fastest, forwards and backwards."""
    if has_gpu():  # whose own convolutions are another library's
        return LayerKinds(normalization=FusedBatchNormalization)
    return LayerKinds(Convolution, TransposedConvolution, FusedBatchNormalization)


def make_augmentation(training: TrainingSettings) -> Augmentation | None:
    """What is done to the images before they are judged; None: nothing."""
    return None if training.augmentation == "none" else Augmentation(color=training.augmentation_colour == "yes")


def make_optimizer(training: TrainingSettings, learning_rate: float, name: str) -> keras.Optimizer:
    """The optimizer of one network."""
    rate: Any = learning_rate
    if training.learning_rate_decay_steps:
        # Falls at a time that the length of the run has no part in: a run of any length can stop, or go on.
        rate = keras.optimizers.schedules.InverseTimeDecay(learning_rate, training.learning_rate_decay_steps, 1.0)
    if training.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, rho=training.beta_2, name=name)
    kind = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[training.optimizer]
    return kind(rate, beta_1=training.beta_1, beta_2=training.beta_2, name=name)
