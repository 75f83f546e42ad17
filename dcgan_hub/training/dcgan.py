"""DCGAN as a Keras model: `compile`, `fit`, callbacks, as usual.

B images, H x W pixels, C channels, Z latent dimensions, R replicas. Under a strategy of `tf.distribute` B is what one
replica sees in a step, and the whole batch has R B images.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from dcgan_hub.errors import SettingsError
from dcgan_hub.network_settings import CLASS_EMBEDDING
from dcgan_hub.networks.keras_defaults import keras_defaults
from dcgan_hub.training.augmentation import Augmentation, flip_some, next_strength
from dcgan_hub.training.backends import Draws, adapter
from dcgan_hub.training.loss_scaling import counts, unscaled
from dcgan_hub.training.losses import LOSSES, gradient_penalty, r1_penalty
from dcgan_hub.training.real_images import RealImageModel, as_floats

EMA_WARM_UP_STEPS = 10  # the average follows closely at first, or it would show the initial weights for long
METRICS = ("g_loss", "d_loss", "real_accuracy", "generated_accuracy", "g_gradient_norm", "d_gradient_norm")
# What a step draws besides its latents; each has numbers of its own.
FLIPS, REAL_AUGMENTATION, DISCRIMINATOR_AUGMENTATION, GENERATED_AUGMENTATION, INTERPOLATION_COEFFICIENTS = range(1, 6)

Judge = Callable[[Any], Any]  # images (B, H, W, C) to logits (B, 1)


class DiscriminatorOutput(NamedTuple):
    """Result of one discriminator pass over a batch."""

    gradients: list[Any]  # of its objective, penalties included, with respect to its weights; scaled by its optimizer
    pixel_gradients: Any  # of the objective, at the generated images (B, H, W, C); in one-stage training only
    loss: Any  # without penalties
    real_logits: Any  # (B, 1)
    generated_logits: Any  # (B, 1)


class DCGAN(RealImageModel):
    """Trains a generator against a discriminator and keeps a moving average of the generator.

    Real and generated images pass the discriminator separately, so that batch normalization never mixes them. The
    gradient penalty is lazy: it is computed every `r1_every` steps and weighted by that number (Karras et al. 2020,
    "Analyzing and Improving the Image Quality of StyleGAN", section 3.1). Whatever a step draws by chance depends on
    `seed` and on the number of the step only, so a run that is continued draws what it would have drawn.

    Made and compiled in the scope of a strategy of `tf.distribute`, it trains on all its replicas. Gradients, metrics
    and the accuracy that adapts the augmentation are means over the replicas. What a step draws by chance is drawn for
    the whole batch, and each replica takes its part. All other state is a function of these, so it stays the same on
    every replica.

    Args:
        generator: float32 (B, Z) to float32 (B, H, W, C) in [-1, 1], see `build_generator`.
        discriminator: float32 (B, H, W, C) to float32 (B, 1) logits, see `build_discriminator`. Both networks may also
            take classes, int32 (B,). Batches are then (images, classes), and the generated images of a step are of the
            classes of its real ones.
        ema_generator: takes the moving average of the generator's weights, in the same order; default: a clone.
        loss: a name in `LOSSES`.
        label_smoothing: by how much the discriminator's target for real images is lowered, in [0, 0.5).
        r1_gamma: weight of the gradient penalty at real images; None disables it.
        r1_every: steps between two of these penalties.
        slope_penalty: weight of the gradient penalty between real and generated images, made for the Wasserstein loss
            (Gulrajani et al. 2017); None disables it.
        flip: whether half of the real images are shown mirrored left to right.
        augmentation: of all images that the discriminator sees; None: none.
        augmentation_strength: probability of each change, at the start.
        augmentation_target: fraction of real images classified correctly that the strength aims at; None: it stays.
        augmentation_images: real images over which an adapted strength could rise from 0 to 1.
        one_stage: whether one forward pass of the discriminator serves both updates, see `_one_stage`.
        ema_decay: of the moving average, per step, in [0, 1).
        seed: of all random numbers, 0 to 2**32 - 1.

    Example:
        >>> network = NetworkSettings(image_size=(32, 32))
        >>> gan = DCGAN(build_generator(network), build_discriminator(network))
        >>> gan.compile(keras.optimizers.Adam(2e-4, beta_1=0.5), keras.optimizers.Adam(2e-4, beta_1=0.5))
        >>> gan.fit(dataset_of_uint8_images, epochs=20)  # tf.data batches; or floats in [-1, 1]
        >>> gan.ema_generator.predict(latents)

    Attributes:
        replicas: R; 1 without a strategy.
        extra_logs: scalars that are reported beside the metrics, by name; each is read once a step on each replica.
    """

    @keras_defaults()
    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        ema_generator: keras.Model | None = None,
        *,
        loss: str = "non-saturating",
        label_smoothing: float = 0.0,
        r1_gamma: float | None = 1.0,
        r1_every: int = 8,
        slope_penalty: float | None = None,
        flip: bool = False,
        augmentation: Augmentation | None = None,
        augmentation_strength: float = 1.0,
        augmentation_target: float | None = None,
        augmentation_images: float = 100_000,
        one_stage: bool = False,
        ema_decay: float = 0.999,
        seed: int = 0,
    ) -> None:
        super().__init__(name="dcgan")
        self.replicas = adapter.replica_count()
        self.extra_logs: dict[str, Callable[[], Any]] = {}
        self.generator = generator
        self.discriminator = discriminator
        self.ema_generator = ema_generator or keras.models.clone_model(generator)
        self.ema_generator.set_weights(generator.get_weights())
        self.ema_generator.trainable = False
        self.loss_functions, self.label_smoothing = LOSSES[loss], label_smoothing
        self.r1_gamma, self.r1_every, self.slope_penalty = r1_gamma, r1_every, slope_penalty
        self.flip, self.augmentation = flip, augmentation
        self.augmentation_target, self.augmentation_images = augmentation_target, augmentation_images
        self.one_stage, self.ema_decay, self.seed = one_stage, ema_decay, seed
        self.image_shape = discriminator.inputs[0].shape[1:]
        self.class_count = _class_count(generator)
        self._generator_is_frozen = False
        with adapter.near_python():
            self.step = self.add_weight(shape=(), dtype="int64", initializer="zeros", trainable=False, name="step")
        self.augmentation_strength = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(augmentation_strength), trainable=False,
            name="augmentation_strength",
        )  # fmt: skip
        mean = keras.metrics.Mean if self.replicas == 1 else adapter.MirroredMean
        self.trackers = {name: mean(name=name) for name in METRICS}
        self.built = True  # the networks are; Keras would otherwise ask for an input shape of this wrapper

    @keras_defaults()
    def compile(
        self, generator_optimizer: keras.Optimizer, discriminator_optimizer: keras.Optimizer, **options: Any
    ) -> None:
        """Sets one optimizer for each network and builds both, so that their state exists before it is restored.

        `options` are those of `keras.Model.compile`; without `jit_compile`, XLA is off: it is slower on CPUs, and
        generates other random numbers from a seed.
        """
        super().compile(**({"jit_compile": False} | options))
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        if self.replicas > 1:
            adapter.expect_means(generator_optimizer, discriminator_optimizer)
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def freeze_generator(self, is_frozen: bool) -> None:
        """Sets whether steps train only the discriminator, which may have to catch up with a trained generator."""
        self._generator_is_frozen = is_frozen
        self.train_function: Any = None  # its graph contains the generator's update or not
        self.compile_step()

    def compiled_step(self) -> Callable[[Any], dict[str, Any]]:
        """Returns `train_step` as one call, a graph where the backend has graphs."""
        return adapter.as_one_call(self.train_step)

    @property
    def metrics(self) -> list[keras.Metric]:
        """Running means of the losses and accuracies; Keras resets them at each epoch."""
        return list(self.trackers.values())

    def means(self) -> dict[str, float]:
        """The running means by name; none where nothing was counted since they were reset."""
        # Not `result`, which of replicas can be read within a step only.
        values = {name: (tracker.total.numpy(), tracker.count.numpy()) for name, tracker in self.trackers.items()}
        return {name: float(total / count) for name, (total, count) in values.items() if count}

    @keras_defaults()
    def call(self, latents: Any, training: bool = False) -> Any:
        """Draws images with the moving average: (B, Z), or [(B, Z), (B,)] with classes, to (B, H, W, C) in [-1, 1]."""
        return self.ema_generator(latents, training=False)

    @keras_defaults()
    @adapter.without_gradients
    def train_on_images(self, real_images: Any, classes: Any = None) -> dict[str, Any]:
        """One update of the discriminator and one of the generator; returns the running means by name."""
        real_images = self._as_floats(real_images)
        if self.flip:
            real_images = flip_some(real_images, self._draws().of(FLIPS))
        latents = self._draw_latents(ops.shape(real_images)[0])
        generated_images, pull_back = adapter.pull_back(
            lambda: self.generator(_joined(latents, classes), training=True), self.generator.trainable_variables
        )
        judge = functools.partial(self._judge, classes)
        output = self._update_discriminator(judge, self._augmented(real_images, REAL_AUGMENTATION), generated_images)
        if not self._generator_is_frozen:
            loss, pixel_gradients = (
                self._one_stage(output) if self.one_stage else self._generator_pass(judge, generated_images)
            )
            # Chain rule through the generated images: no gradients of discriminator weights are computed.
            self._update_generator(loss, pull_back(pixel_gradients))
            self._update_moving_average()
        self.step.assign_add(1)
        logs = {name: tracker.result() for name, tracker in self.trackers.items()}
        logs |= {name: read() for name, read in self.extra_logs.items()}
        # Keras 3.15 takes the mean over workers along the first axis.
        return {name: value[None] for name, value in logs.items()} if adapter.is_multi_worker() else logs

    def _judge(self, classes: Any, images: Any) -> Any:
        """Logits (B, 1) of real or generated images, which are of the same classes."""
        return self.discriminator(_joined(images, classes), training=True)

    def _as_floats(self, images: Any) -> Any:
        return as_floats(images)

    def _draws(self) -> Any:
        """The random numbers of this step."""
        return Draws.of_step(self.seed, self.step)

    def _draw_latents(self, count: Any) -> Any:
        """Latents (B, Z)."""
        return self._draws().normal(count, self.generator.inputs[0].shape[-1])

    def _augmented(self, images: Any, purpose: int) -> Any:
        if self.augmentation is None:
            return images
        strength = ops.convert_to_tensor(self.augmentation_strength)
        seen = ops.cast(self.step, "float32") * ops.cast(ops.shape(images)[0] * self.replicas, "float32")
        return self.augmentation(images, self._draws().of(purpose), strength, seen)

    def _update_discriminator(self, judge: Judge, real_images: Any, generated_images: Any) -> DiscriminatorOutput:
        take_pass = functools.partial(self._discriminator_pass, judge, real_images, generated_images)
        weight = None if self.r1_gamma is None else self.r1_gamma * self.r1_every
        if weight is None:
            output = take_pass()
        elif self.replicas > 1 and _is_synchronized(self.discriminator):
            # No all-reduce is possible within a branch: the penalty is computed in each step, mostly with weight 0.
            output = take_pass(ops.where(self._is_penalized, weight, 0.0))
        else:
            output = DiscriminatorOutput(*ops.cond(self._is_penalized, lambda: take_pass(weight), take_pass))
        gradients = self._all_reduce(output.gradients)
        self._note_norm("d_gradient_norm", self.discriminator_optimizer, gradients)
        self.discriminator_optimizer.apply(gradients, self.discriminator.trainable_variables)
        means = self._note(
            d_loss=output.loss,
            real_accuracy=ops.mean(ops.cast(output.real_logits > 0, "float32")),
            generated_accuracy=ops.cast(output.generated_logits <= 0, "float32"),
        )
        self._adapt_augmentation(means["real_accuracy"], ops.shape(real_images)[0] * self.replicas)
        return output

    @property
    def _is_penalized(self) -> Any:
        return adapter.value_of(self.step) % self.r1_every == 0

    def _all_reduce(self, gradients: list[Any]) -> list[Any]:
        """The gradients of the whole batch."""
        return gradients if self.replicas == 1 else adapter.mean_over_replicas(gradients)

    def _note(self, **values: Any) -> dict[str, Any]:
        """Adds a step's values to the running means, and returns them; of several replicas the mean."""
        if self.replicas > 1:
            means = adapter.mean_over_replicas(ops.stack([ops.mean(value) for value in values.values()]))
            values = dict(zip(values, ops.unstack(means), strict=True))
        for name, value in values.items():
            self.trackers[name].update_state(value)
        return values

    def _note_norm(self, name: str, optimizer: keras.Optimizer, gradients: list[Any]) -> None:
        """Adds the norm of the whole batch's gradients, which the optimizer is about to apply, to its running mean."""
        norm = unscaled(optimizer, adapter.global_norm(gradients))
        weight = counts(optimizer, norm)
        if weight is not None:
            norm = ops.where(weight > 0, norm, 0.0)
        self.trackers[name].update_state(norm, sample_weight=weight)

    def _discriminator_pass(
        self, judge: Judge, real_images: Any, generated_images: Any, penalty_weight: Any = None
    ) -> DiscriminatorOutput:
        def judge_both(generated_images: Any) -> tuple[Any, ...]:
            real_logits, objective = self._pass_real(judge, real_images, penalty_weight)
            augmented_images = self._augmented(generated_images, DISCRIMINATOR_AUGMENTATION)
            generated_logits = judge(augmented_images)
            loss = self.loss_functions.discriminator(real_logits, generated_logits, self.label_smoothing)
            objective += loss
            if self.slope_penalty is not None:
                penalty = self._gradient_penalty(judge, real_images, ops.stop_gradient(augmented_images))
                objective += self.slope_penalty * penalty
            return self.discriminator_optimizer.scale_loss(objective), loss, real_logits, generated_logits

        variables = self.discriminator.trainable_variables
        with adapter.keeping_weights(self.discriminator):
            if self.one_stage:
                gradients, (_, *values) = adapter.gradients(judge_both, variables, [generated_images])
                pixel_gradients = unscaled(self.discriminator_optimizer, gradients[-1])
                return DiscriminatorOutput(gradients[:-1], pixel_gradients, *values)
            gradients, (_, *values) = adapter.gradients(lambda: judge_both(generated_images), variables)
            return DiscriminatorOutput(gradients, ops.zeros(()), *values)

    def _pass_real(self, judge: Judge, real_images: Any, penalty_weight: Any) -> tuple[Any, Any]:
        """Logits (B, 1) and the weighted penalty at real images, which is not computed where the weight is None."""
        if penalty_weight is None:
            return judge(real_images), ops.zeros(())
        real_logits, pixel_gradients = self._input_gradients(judge, real_images)
        return real_logits, penalty_weight * r1_penalty(pixel_gradients)

    def _gradient_penalty(self, judge: Judge, real_images: Any, generated_images: Any) -> Any:
        """The WGAN-GP penalty at random interpolations between the images (B, H, W, C)."""
        draws = self._draws().of(INTERPOLATION_COEFFICIENTS)
        coefficients = draws.uniform(ops.shape(real_images)[0])[:, :, None, None]
        interpolated_images = generated_images + coefficients * (real_images - generated_images)
        return gradient_penalty(self._input_gradients(judge, interpolated_images)[1])

    def _input_gradients(self, judge: Judge, images: Any) -> tuple[Any, Any]:
        """Logits (B, 1), and their gradients with respect to the images (B, H, W, C)."""

        def judge_all(images: Any) -> tuple[Any, Any]:
            logits = judge(images)
            return ops.sum(logits), logits

        (pixel_gradients,), (_, logits) = adapter.gradients(judge_all, images=[images])
        return logits, pixel_gradients

    def _adapt_augmentation(self, real_accuracy: Any, batch_size: Any) -> None:
        if self.augmentation is not None and self.augmentation_target is not None:
            strength = ops.convert_to_tensor(self.augmentation_strength)
            self.augmentation_strength.assign(
                next_strength(strength, real_accuracy, self.augmentation_target, batch_size, self.augmentation_images)
            )

    def _one_stage(self, output: DiscriminatorOutput) -> tuple[Any, Any]:
        """The generator's loss and its scaled gradients at the images, from those of the discriminator's loss.

        Both losses are means over the images of functions of one logit each, so the gradients at an image differ only
        by the ratio of the two functions' slopes (Shen et al. 2021, "Training Generative Adversarial Networks in One
        Stage", section 3.2). It needs a discriminator that judges each image by itself: no batch statistics.
        """
        slope_ratio = self.loss_functions.slope_ratio
        if slope_ratio is None:  # settings refuse it sooner
            raise SettingsError("This loss cannot be trained in one stage. Use non-saturating or wasserstein.")
        ratio = slope_ratio(output.generated_logits)  # (B, 1)
        pixel_gradients = self.generator_optimizer.scale_loss(output.pixel_gradients * ratio[:, :, None, None])
        return self.loss_functions.generator(output.generated_logits), pixel_gradients

    def _generator_pass(self, judge: Judge, generated_images: Any) -> tuple[Any, Any]:
        """The generator's loss and its scaled gradients at the images, by the discriminator that has just learned."""

        def loss_of(generated_images: Any) -> tuple[Any, Any]:
            augmented_images = self._augmented(generated_images, GENERATED_AUGMENTATION)
            loss = self.loss_functions.generator(judge(augmented_images))
            return self.generator_optimizer.scale_loss(loss), loss

        (pixel_gradients,), (_, loss) = adapter.gradients(loss_of, images=[generated_images])
        return loss, pixel_gradients

    def _update_generator(self, loss: Any, gradients: list[Any]) -> None:
        gradients = self._all_reduce(gradients)
        self._note_norm("g_gradient_norm", self.generator_optimizer, gradients)
        self.generator_optimizer.apply(gradients, self.generator.trainable_variables)
        self._note(g_loss=loss)

    def _update_moving_average(self) -> None:
        """Moves the average towards the generator, batch statistics included."""
        step = ops.cast(self.step, "float32")
        decay = ops.minimum(self.ema_decay, (1.0 + step) / (EMA_WARM_UP_STEPS + step))
        for average, weight in zip(self.ema_generator.weights, self.generator.weights, strict=True):
            value = ops.convert_to_tensor(weight)
            average.assign(value + decay * (ops.convert_to_tensor(average) - value))


def _class_count(generator: keras.Model) -> int:
    """Number of classes of a generator; 0 if it takes none."""
    return generator.get_layer(CLASS_EMBEDDING).input_dim if len(generator.inputs) > 1 else 0


def _joined(inputs: Any, classes: Any) -> Any:
    """The inputs of a network, with the classes if there are any."""
    return inputs if classes is None else [inputs, classes]


def _is_synchronized(network: keras.Model) -> bool:
    return any(getattr(layer, "synchronized", False) for layer in network.layers)
