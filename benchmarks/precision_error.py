"""What bfloat16 changes in a run: gradients at its newest checkpoint in both precisions, beside how batches differ.

usage: python benchmarks/precision_error.py RUN [--batches 100] [--json FILE]

Both networks get the weights of the checkpoint in float32 and in bfloat16, and are shown the same batches, latents and
augmentations; nothing is learned. An error that is by chance is small beside what one batch differs from the next, and
fades over many of them; one that stays in the mean would lead training elsewhere. Prints for each weight: how large the
mean gradient is, and the deviation of single batches from it; the error of a batch, as a share of its gradient; and the
error of the mean, as a share of the mean, beside the share that would remain by chance.
"""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from reporting.program import exit_status_of, write_figures
from reporting.report import markdown_table, say

from dcgan_hub import __version__
from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.keras_startup import import_keras_quietly

PRECISIONS = ("float32", "bfloat16")


class KeepGradients:
    """In the place of an optimizer: keeps what it is given, and changes no weight."""

    def build(self, variables: list[Any]) -> None:
        """Makes room for gradients of these."""
        import tensorflow as tf

        self.kept = [tf.Variable(tf.zeros(variable.shape), trainable=False) for variable in variables]

    def apply(self, gradients: list[Any], variables: list[Any]) -> None:
        """Keeps them."""
        for kept, gradient in zip(self.kept, gradients, strict=True):
            kept.assign(gradient)


class Sums:
    """Of the gradients of one weight over batches; D values.

    Attributes:
        exact: sum of those in float32, float64 (D,).
        error: sum of what bfloat16 differs from them by, float64 (D,).
        exact_square, error_square: sums of squared lengths.
    """

    def __init__(self) -> None:
        self.exact: Any = 0.0
        self.error: Any = 0.0
        self.exact_square = self.error_square = 0.0

    def add(self, exact: np.ndarray, rounded: np.ndarray) -> None:
        """Adds those of one batch, float32 (D,)."""
        exact = exact.astype(np.float64)
        error = rounded - exact
        self.exact, self.error = self.exact + exact, self.error + error
        self.exact_square += float(np.sum(exact**2))
        self.error_square += float(np.sum(error**2))

    def figures(self, count: int) -> dict[str, float]:
        """Of `count` batches: see the table."""
        mean = float(np.linalg.norm(self.exact)) / count
        usual_error = (self.error_square / count) ** 0.5
        return {
            "mean": mean,
            "deviation": max(self.exact_square / count - mean**2, 0.0) ** 0.5,
            "error": usual_error / (self.exact_square / count) ** 0.5,
            "error_of_mean": float(np.linalg.norm(self.error)) / count / mean,
            "by_chance": usual_error / count**0.5 / mean,
        }


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """The figures of each weight, by its name."""
    import_keras_quietly()
    from dcgan_hub.training.backends.tensorflow.dataset import training_dataset
    from dcgan_hub.training.checkpoint import load_newest
    from dcgan_hub.training.model import build_gan
    from dcgan_hub.training.plan import make_plan

    plan = make_plan(options.run, None, {})
    training = plan.effective_settings.training
    steps, gans = {}, {}
    for precision in PRECISIONS:
        gan = build_gan(
            dataclasses.replace(plan.effective_settings, training=dataclasses.replace(training, precision=precision))
        )
        progress = load_newest(plan.run.checkpoints, gan, say)
        if progress is None:
            raise RunError(f"The run must have a checkpoint. Received: '{options.run}', which has none. Train longer.")
        gan.compile(KeepGradients(), KeepGradients())
        gans[precision], steps[precision] = gan, gan.compiled_step()
    batches = training_dataset(plan.images.images, training.batch_size, training.seed, progress.step)
    strength = float(gans["float32"].augmentation_strength.numpy())
    sums: dict[str, Sums] = {}
    for number, batch in enumerate(batches.take(options.batches)):
        kept = {}
        for precision, gan in gans.items():
            gan.augmentation_strength.assign(strength)  # which a step adapts to what it saw
            steps[precision](batch)
            kept[precision] = gradients_of(gan)
        for name, exact in kept["float32"].items():
            sums.setdefault(name, Sums()).add(exact, kept["bfloat16"][name])
        if (number + 1) % max(options.batches // 10, 1) == 0:
            say(f"{number + 1} of {options.batches} batches")
    return {name: of.figures(options.batches) for name, of in sums.items() if of.exact_square > 0.0}


def gradients_of(gan: Any) -> dict[str, np.ndarray]:
    """What the last step would have given the optimizers: float32 (D,) by the weight's name."""
    found = {}
    for network, optimizer in (
        (gan.generator, gan.generator_optimizer),
        (gan.discriminator, gan.discriminator_optimizer),
    ):
        for variable, kept in zip(network.trainable_variables, optimizer.kept, strict=True):
            found[f"{network.name}/{variable.path}"] = kept.numpy().ravel()
    return found


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    if options.batches < 2:
        raise SettingsError(f"--batches must be 2 or more. Received: {options.batches}. Try 100.")
    figures = measure(options)
    heading = ["gradient of", "mean", "deviation", "error of a batch", "error of the mean", "by chance"]
    rows = [
        [
            name,
            f"{of['mean']:.2e}",
            f"{of['deviation']:.2e}",
            *(f"{of[key]:.1%}" for key in ("error", "error_of_mean", "by_chance")),
        ]
        for name, of in figures.items()
    ]
    print(markdown_table(heading, rows))
    write_figures(options.json, {"dcgan_hub": __version__, "batches": options.batches, "weights": figures})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run directory, with a checkpoint and its images where they were")
    parser.add_argument("--batches", type=int, default=100, help="that are shown [100]")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
