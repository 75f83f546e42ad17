"""Trains a small R3GAN (Huang et al. 2025) for a given time: its losses and its blocks, at a size for two cores.

usage: python benchmarks/peer/r3gan.py IMAGES.npy --seconds 600 --out GENERATED.npy

Runs under the Python of the tutorial's peer. Written anew from the paper's formulas:

- Losses of pairs (relativistic): each real logit is compared with a generated one, softplus of the difference.
- Zero-centered gradient penalties on real and on generated images (R1 and R2), here on every 8th step, eight times as
  strong, which the authors recommend where time is short.
- Residual blocks without normalization: 1 x 1 to twice the width, 3 x 3 in groups of 16 channels, 1 x 1 back, whose
  kernel begins at 0; two of them a resolution; bilinear resizing between.
- Adam without momentum; learning rate, penalty and the second decay follow half a cosine over the planned time.

Left out: augmentation, of which the authors use little and which matters for small sets.
"""

import argparse
import copy
import math
from collections.abc import Callable
from typing import Any

from program import PeerError, Program, Recipe
from torch_images import facts_of, to_pixels, to_tensor

LEARNING_RATE = (2e-4, 5e-5)  # at the beginning and at the end, as all pairs
SECOND_DECAY = (0.9, 0.99)
LAST_PENALTY = 0.1  # of the first
PENALTY_EVERY = 8  # steps
AVERAGED = 1 / 40  # half-life of the moving average, of the images seen so far


def half_cosine(values: tuple[float, float], done: float) -> float:
    """From the first value at 0 to the second at 1."""
    first, last = values
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))


def squared_slopes(discriminator: Any, images: Any) -> tuple[Any, Any]:
    """Logits of images (B, C, S, S), and the mean of their squared gradients with respect to the pixels."""
    import torch

    images = images.detach().requires_grad_(True)
    logits = discriminator(images)
    (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return logits, slopes.square().sum((1, 2, 3)).mean()


class Trainer:
    """The networks, their optimizers and the moving average of the generator."""

    def __init__(self, generator: Any, discriminator: Any, options: argparse.Namespace) -> None:
        import torch

        self.generator, self.discriminator = generator, discriminator
        self.average = copy.deepcopy(generator).requires_grad_(False)
        networks = (generator, discriminator)
        self.optimizers = [torch.optim.Adam(n.parameters(), LEARNING_RATE[0], (0.0, SECOND_DECAY[0])) for n in networks]
        self.batch, self.first_penalty = options.batch, options.gamma
        self.penalty = options.gamma
        self.steps = 0

    def follow(self, done: float) -> None:
        """Sets what changes over the time, of which the part `done` is over."""
        self.penalty = half_cosine((self.first_penalty, LAST_PENALTY * self.first_penalty), done)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = half_cosine(LEARNING_RATE, done)
                group["betas"] = (0.0, half_cosine(SECOND_DECAY, done))

    def step(self, batch: Any) -> None:
        """The discriminator's update, the generator's, and the average's."""
        real_images = to_tensor(batch)
        self._update(self.optimizers[1], lambda: self._discriminator_loss(real_images))
        self._update(self.optimizers[0], lambda: self._generator_loss(real_images))
        self.steps += 1
        decay = 0.5 ** (1 / max(AVERAGED * self.steps, 1e-3))
        for average, weight in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            average.lerp_(weight.detach(), 1.0 - decay)

    def _update(self, optimizer: Any, loss: Callable[[], Any]) -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    def _generated(self) -> Any:
        import torch

        return self.generator(torch.randn(self.batch, self.generator.latent_dim))

    def _discriminator_loss(self, real_images: Any) -> Any:
        import torch
        from torch.nn.functional import softplus

        with torch.no_grad():
            generated_images = self._generated()
        if self.steps % PENALTY_EVERY:
            return softplus(self.discriminator(generated_images) - self.discriminator(real_images)).mean()
        real, real_slopes = squared_slopes(self.discriminator, real_images)
        generated, generated_slopes = squared_slopes(self.discriminator, generated_images)
        penalty = 0.5 * self.penalty * PENALTY_EVERY * (real_slopes + generated_slopes)
        return softplus(generated - real).mean() + penalty

    def _generator_loss(self, real_images: Any) -> Any:
        import torch
        from torch.nn.functional import softplus

        with torch.no_grad():
            real = self.discriminator(real_images)
        return softplus(real - self.discriminator(self._generated())).mean()


def build(options: argparse.Namespace, shape: tuple[int, ...]) -> Recipe:
    """The networks, their step and their images, drawn with the moving average."""
    import torch
    from r3gan_networks import GROUP, Discriminator, Generator, widths_for

    torch.manual_seed(options.seed)
    if options.width % (GROUP // 2):
        raise PeerError(f"`--width` must be a multiple of {GROUP // 2}. Received: {options.width}. Leave it out.")
    widths = widths_for(shape[1], options.width)
    generator, discriminator = Generator(widths, shape[3]), Discriminator(widths, shape[3])
    trainer = Trainer(generator, discriminator, options)
    drawing = torch.Generator().manual_seed(options.seed)

    def draw(number: int) -> Any:
        with torch.no_grad():
            return to_pixels(trainer.average(torch.randn(number, generator.latent_dim, generator=drawing)))

    words = f"width {options.width}, batch {options.batch}, gamma {options.gamma:g}, penalty every {PENALTY_EVERY}"
    return Recipe(words, trainer.step, draw, facts_of(generator, discriminator), trainer.follow)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what only this peer knows."""
    parser.add_argument("--width", type=int, default=16, help="channels of the layers next to the image [16]")
    parser.add_argument("--gamma", type=float, default=1.0, help="of both penalties, at the beginning [1]")


if __name__ == "__main__":
    program = Program(
        description=__doc__,
        modules=("torch", "numpy"),
        install="pip install torch==2.13.0 numpy",
        batch=32,
        build=build,
        add_options=add_options,
    )
    raise SystemExit(program.main())
