"""Builds a compiled model from settings."""

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
from dcgan_hub.training.backends import adapter, devices
from dcgan_hub.training.checkerboard import forbid_checkerboards
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.hardware import has_gpu, policy_name
from dcgan_hub.training.loss_scaling import scaled_for


@keras_defaults()
def build_gan(settings: Settings, kinds: LayerKinds | None = None) -> DCGAN:
    """Builds a compiled model, initialized from the settings' seed; for several devices see `WorkerGroup.scope`.

    By default the trained networks use the layers that are fastest on this machine.
    """
    network, training = settings.network, settings.training
    several = adapter.replica_count() > 1  # statistics of a shard differ from those of the whole batch
    policy = policy_name(training.precision)
    layers: dict[str, Any] = {"synchronized": several, "kinds": kinds or devices.layer_kinds()}
    with _default_seeds(training.seed):
        networks = (
            build_generator(network, policy, **layers),
            build_discriminator(network, policy, minibatch_stddev=training.batch_deviation, **layers),
            build_generator(network, "float32"),  # published: stock layers, in float32 on every machine
        )
    if training.checkerboard_constraint:
        forbid_checkerboards(networks[0])
    gan = DCGAN(
        *networks,
        loss=training.loss,
        label_smoothing=training.label_smoothing,
        r1_gamma=training.r1_gamma or None,
        r1_every=training.r1_every,
        slope_penalty=training.slope_penalty or None,
        flip=training.flip,
        augmentation=make_augmentation(training, network.seamless),
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
        # Not with several replicas: XLA does not support their all-reduce within a step.
        jit_compile=has_gpu() and not several and devices.compiles(),
    )
    return gan


@contextmanager
def _default_seeds(seed: int) -> Iterator[None]:
    """Makes the initialization and dropout of new layers a function of `seed`.

    Keras draws the seeds of initializers and dropout from Python's `random`, whose state is restored afterwards. Not
    `keras.utils.set_random_seed`, which also resets the caller's global generators of NumPy and TensorFlow.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def make_augmentation(training: TrainingSettings, seamless: bool = False) -> Augmentation | None:
    """The augmentation of the discriminator's images; None: no augmentation."""
    if training.augmentation == "none":
        return None
    is_late = training.augmentation_colour == "late"
    return Augmentation(
        color=is_late or training.augmentation_colour == "yes",
        color_after=training.augmentation_color_after if is_late else 0,
        seamless=seamless,
    )


def make_optimizer(training: TrainingSettings, learning_rate: float, name: str) -> keras.Optimizer:
    """The optimizer of one network."""
    rate: Any = learning_rate
    if training.learning_rate_decay_steps:
        # Independent of the length of the run, which can change when it is resumed.
        rate = keras.optimizers.schedules.InverseTimeDecay(learning_rate, training.learning_rate_decay_steps, 1.0)
    if training.optimizer == "rmsprop":
        optimizer = keras.optimizers.RMSprop(rate, rho=training.beta_2, name=name)
    else:
        kind = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW}[training.optimizer]
        optimizer = kind(rate, beta_1=training.beta_1, beta_2=training.beta_2, name=name)
    return scaled_for(training.precision, optimizer)
