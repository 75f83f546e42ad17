"""Trains Keras' example of a GAN with adaptive augmentation (Béres 2021, gan_ada) for a given time.

usage: python benchmarks/peer/keras_ada.py IMAGES.npy --seconds 600 --out GENERATED.npy

Runs under the Python of dcgan_hub. Written anew from the example's description on keras.io: networks of 128 channels at
every side, batch normalization without scale in both, dropout of 0.4 before the verdict, the non-saturating loss, Adam
with 0.0002 and a first decay of 0.5, a moving average of 0.99, and augmentation (mirroring, moving, turning, zooming)
whose probability follows the share of real images that the discriminator finds real, aimed at 0.85.

The example keeps the weights of the smallest KID, measured on Inception's features of 75 x 75 pixels after every epoch.
Here it is measured on those of EfficientNet-Lite0, by which this package, too, chooses the step that it publishes: on
1,000 training images every 250 steps and at the end, within the time.
"""

import argparse
from typing import Any

from program import Program, Recipe

LATENT = 64
BASE_SIDE = 4  # pixels
SLOPE = 0.2  # of leaky ReLU
DROPOUT = 0.4
LEARNING_RATE, BETA_1 = 2e-4, 0.5
AVERAGE_DECAY = 0.99
MAX_TRANSLATION, MAX_ROTATION, MAX_ZOOM = 0.125, 0.125, 0.25  # parts of a side, of a turn, of a side
TARGET_ACCURACY = 0.85  # on real images
INTEGRATION_STEPS = 1000
MEASURED_EVERY = 250  # steps
MEASURED_IMAGES = 1000


def build_generator(side: int, channels: int, width: int) -> Any:
    """Maps float32 (B, 64) to (B, side, side, C) in [0, 1]."""
    import keras
    from keras import layers

    latents = keras.Input((LATENT,))
    features = layers.Dense(BASE_SIDE * BASE_SIDE * width, use_bias=False)(latents)
    features = layers.ReLU()(layers.BatchNormalization(scale=False)(features))
    features = layers.Reshape((BASE_SIDE, BASE_SIDE, width))(features)
    for _ in range(doublings(side) - 1):
        features = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(features)
        features = layers.ReLU()(layers.BatchNormalization(scale=False)(features))
    images = layers.Conv2DTranspose(channels, 4, strides=2, padding="same", activation="sigmoid")(features)
    return keras.Model(latents, images)


def build_discriminator(side: int, channels: int, width: int) -> Any:
    """Maps float32 (B, side, side, C) in [0, 1] to logits (B, 1)."""
    import keras
    from keras import layers

    images = features = keras.Input((side, side, channels))
    for _ in range(doublings(side)):
        features = layers.Conv2D(width, 4, strides=2, padding="same", use_bias=False)(features)
        features = layers.LeakyReLU(SLOPE)(layers.BatchNormalization(scale=False)(features))
    features = layers.Dropout(DROPOUT)(layers.Flatten()(features))
    return keras.Model(images, layers.Dense(1)(features))


def doublings(side: int) -> int:
    """How often the base map is doubled up to this side, a power of two."""
    return (side // BASE_SIDE).bit_length() - 1


class Augmenter:
    """Changes images with a probability that follows the discriminator's accuracy."""

    def __init__(self) -> None:
        import keras
        from keras import layers

        self.probability = keras.Variable(0.0, trainable=False)
        self._layers = [
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(MAX_TRANSLATION, MAX_TRANSLATION, interpolation="nearest"),
            layers.RandomRotation(MAX_ROTATION),
            layers.RandomZoom((-MAX_ZOOM, 0.0), (-MAX_ZOOM, 0.0)),
        ]

    def __call__(self, images: Any) -> Any:
        """Each image changed or as it is: float32 (B, S, S, C)."""
        import tensorflow as tf

        changed = images
        for layer in self._layers:
            changed = layer(changed, training=True)
        chosen = tf.random.uniform((images.shape[0], 1, 1, 1)) < self.probability.value
        return tf.where(chosen, changed, images)

    def follow(self, real_logits: Any) -> None:
        """Moves the probability by how far the accuracy on real images is from its target."""
        import tensorflow as tf

        accuracy = 0.5 * (1.0 + tf.reduce_mean(tf.sign(real_logits)))
        moved = self.probability.value + (accuracy - TARGET_ACCURACY) / INTEGRATION_STEPS
        self.probability.assign(tf.clip_by_value(moved, 0.0, 1.0))


class Trainer:
    """The networks, their step, and the weights of the smallest KID so far."""

    def __init__(self, options: argparse.Namespace, shape: tuple[int, ...]) -> None:
        import keras
        import tensorflow as tf

        _, side, _, channels = shape
        self.generator = build_generator(side, channels, options.width)
        self.average = keras.models.clone_model(self.generator)
        self.average.set_weights(self.generator.get_weights())
        self.average.jit_compile = False  # XLA takes long on a processor
        self.discriminator = build_discriminator(side, channels, options.width)
        self._augment = Augmenter()
        self._optimizers = [keras.optimizers.Adam(LEARNING_RATE, beta_1=BETA_1) for _ in range(2)]
        for optimizer, network in zip(self._optimizers, (self.generator, self.discriminator), strict=True):
            optimizer.build(network.trainable_variables)
        self._graph = tf.function(self._update)
        self._judge = KernelDistance()
        self._steps = self._measured_at = 0
        self._best = (float("inf"), self.average.get_weights())

    def step(self, batch: Any) -> None:
        """One update of both networks, and now and then a measurement."""
        import tensorflow as tf

        self._judge.gather(batch)
        self._graph(tf.constant(batch))
        self._steps += 1
        if self._steps % MEASURED_EVERY == 0:
            self._measure()

    def images(self, latents: Any) -> Any:
        """uint8 (n, S, S, C) of the moving average, for float32 latents (n, 64)."""
        return (self.average.predict_on_batch(latents) * 255.0).round().astype("uint8")

    def restore_best(self) -> None:
        """Takes the weights of the smallest KID, the last ones included."""
        if self._measured_at < self._steps:
            self._measure()
        self.average.set_weights(self._best[1])

    def _measure(self) -> None:
        self._measured_at = self._steps
        distance = self._judge.distance(self.images)
        if distance < self._best[0]:
            self._best = (distance, self.average.get_weights())

    def _update(self, batch: Any) -> None:
        import keras
        import tensorflow as tf

        count = batch.shape[0]
        real_images = self._augment(tf.cast(batch, tf.float32) / 255.0)
        with tf.GradientTape(persistent=True) as tape:
            generated_images = self._augment(self.generator(tf.random.normal((count, LATENT)), training=True))
            real_logits = self.discriminator(real_images, training=True)
            generated_logits = self.discriminator(generated_images, training=True)
            ones, zeros = tf.ones((count, 1)), tf.zeros((count, 1))
            cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
            generator_loss = cross_entropy(ones, generated_logits)
            discriminator_loss = 0.5 * (cross_entropy(ones, real_logits) + cross_entropy(zeros, generated_logits))
        losses, networks = (generator_loss, discriminator_loss), (self.generator, self.discriminator)
        for loss, network, optimizer in zip(losses, networks, self._optimizers, strict=True):
            optimizer.apply_gradients(
                zip(tape.gradient(loss, network.trainable_variables), network.trainable_variables, strict=True)
            )
        self._augment.follow(real_logits)
        for average, weight in zip(self.average.weights, self.generator.weights, strict=True):
            average.assign(AVERAGE_DECAY * average + (1.0 - AVERAGE_DECAY) * weight)


class KernelDistance:
    """KID of generated images against the first real ones that were trained on."""

    def __init__(self) -> None:
        from dcgan_hub.evaluation.features import open_features

        self._network = open_features()
        self._waiting: list[Any] = []
        self._real: Any = None

    def gather(self, batch: Any) -> None:
        """Remembers real images, uint8 (B, S, S, C), until there are enough."""
        if sum(map(len, self._waiting)) < MEASURED_IMAGES and self._real is None:
            self._waiting.append(batch)

    def distance(self, images_of: Any) -> float:
        """KID of as many generated images; `images_of` makes them of latents."""
        import numpy as np

        from dcgan_hub.evaluation.kid import kernel_inception_distance

        if self._real is None:
            self._real = self._network.extract(np.concatenate(self._waiting)[:MEASURED_IMAGES])
            self._waiting = []
        latents = np.random.RandomState(0).normal(size=(len(self._real), LATENT)).astype("float32")
        return kernel_inception_distance(self._real, self._network.extract(images_of(latents))).value


def build(options: argparse.Namespace, shape: tuple[int, ...]) -> Recipe:
    """The networks, their step and images of the best weights."""
    import numpy as np

    from dcgan_hub.keras_startup import import_keras_quietly

    import_keras_quietly()
    import keras

    keras.utils.set_random_seed(options.seed)
    trainer = Trainer(options, shape)
    random = np.random.RandomState(options.seed)

    def draw(number: int) -> Any:
        trainer.restore_best()
        return trainer.images(random.normal(size=(number, LATENT)).astype("float32"))

    networks = {"generator": trainer.generator, "discriminator": trainer.discriminator}
    parameters = {name: network.count_params() for name, network in networks.items()}
    return Recipe(
        f"width {options.width}, batch {options.batch}, float32",
        trainer.step,
        draw,
        {"parameters": parameters, "keras": keras.__version__},
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what only this peer knows."""
    parser.add_argument("--width", type=int, default=128, help="channels of all layers [128]")


if __name__ == "__main__":
    program = Program(
        description=__doc__,
        modules=("keras", "tensorflow", "dcgan_hub"),
        install="pip install dcgan-hub",
        batch=128,
        build=build,
        add_options=add_options,
    )
    raise SystemExit(program.main())
