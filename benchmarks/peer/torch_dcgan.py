"""Trains the DCGAN of PyTorch's tutorial for a given time: what benchmarks/quality.py and train_speed.py compare with.

usage: python benchmarks/peer/torch_dcgan.py IMAGES.npy --seconds 600 --out GENERATED.npy [--channels-last --bfloat16]

Runs under a Python of its own:

    python -m venv torch-venv && torch-venv/bin/pip install torch==2.13.0 numpy

Widths are 64 to 512 at 64 x 64 pixels, and there is one layer fewer at half the side. Images, time and output are those
of all peers (program.py).
"""

import argparse
import contextlib
import itertools
import math
from collections.abc import Callable
from typing import Any

from program import Program, Recipe
from torch_images import facts_of, to_pixels, to_tensor

LATENT = 100
LEARNING_RATE, BETAS = 2e-4, (0.5, 0.999)
DEVIATION = 0.02  # of initial kernels, and of initial scales around 1


def build_networks(side: int, channels: int, width: int) -> tuple[Any, Any]:
    """Generator, (B, 100, 1, 1) to (B, C, side, side) in [-1, 1]; discriminator, such images to (B,) logits.

    The discriminator of the tutorial ends in a sigmoid and is judged by the cross-entropy of probabilities. Here both
    are one function of logits: the same loss, without overflow in half precision.
    """
    from torch import nn

    stages = int(math.log2(side)) - 3  # between the 4 x 4 map and the layer that makes pixels
    widths = [width * 2**stage for stage in range(stages + 1)]
    layers: list[Any] = [nn.ConvTranspose2d(LATENT, widths[-1], 4, 1, 0, bias=False)]
    for below, above in zip(widths[:0:-1], widths[-2::-1], strict=True):
        layers += [nn.BatchNorm2d(below), nn.ReLU(True), nn.ConvTranspose2d(below, above, 4, 2, 1, bias=False)]
    layers += [nn.BatchNorm2d(width), nn.ReLU(True), nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False)]
    generator = nn.Sequential(*layers, nn.Tanh())

    layers = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for above, below in itertools.pairwise(widths):
        layers += [nn.Conv2d(above, below, 4, 2, 1, bias=False), nn.BatchNorm2d(below), nn.LeakyReLU(0.2, True)]
    discriminator = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False), nn.Flatten(0))

    for module in [*generator.modules(), *discriminator.modules()]:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, DEVIATION)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, DEVIATION)
            nn.init.zeros_(module.bias)
    return generator, discriminator


def make_step(generator: Any, discriminator: Any, options: argparse.Namespace) -> Callable[[Any], None]:
    """One step of the tutorial: discriminator on real, on generated images, update; then the generator."""
    import torch

    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    generator.to(memory_format=layout)
    discriminator.to(memory_format=layout)
    cross_entropy = torch.nn.BCEWithLogitsLoss()
    optimizers = [torch.optim.Adam(n.parameters(), LEARNING_RATE, BETAS) for n in (generator, discriminator)]
    generator_optimizer, discriminator_optimizer = optimizers
    real_label, generated_label = torch.ones(options.batch), torch.zeros(options.batch)

    def precision() -> Any:
        return torch.autocast("cpu", dtype=torch.bfloat16) if options.bfloat16 else contextlib.nullcontext()

    def loss(images: Any, label: Any) -> Any:
        with precision():
            logits = discriminator(images)
        return cross_entropy(logits.float(), label)

    def step(batch: Any) -> None:
        real_images = to_tensor(batch).contiguous(memory_format=layout)
        discriminator_optimizer.zero_grad()
        loss(real_images, real_label).backward()
        with precision():
            generated_images = generator(torch.randn(options.batch, LATENT, 1, 1))
        loss(generated_images.detach(), generated_label).backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        loss(generated_images, real_label).backward()
        generator_optimizer.step()

    return step


def build(options: argparse.Namespace, shape: tuple[int, ...]) -> Recipe:
    """The networks, their step and their images.

    Images are drawn with the running statistics of batch normalization, in float32; with `--batch-statistics` with
    those of each batch of 100, as the tutorial draws its own sheet.
    """
    import torch

    torch.manual_seed(options.seed)
    generator, discriminator = build_networks(shape[1], shape[3], options.width)
    drawing = torch.Generator().manual_seed(options.seed)

    def draw(number: int) -> Any:
        generator.train(options.batch_statistics)
        with torch.no_grad():
            return to_pixels(generator(torch.randn(number, LATENT, 1, 1, generator=drawing)))

    precision, layout = "bfloat16" if options.bfloat16 else "float32", ", channels last" * options.channels_last
    words = f"width {options.width}, batch {options.batch}, {precision}{layout}"
    step = make_step(generator, discriminator, options)
    return Recipe(words, step, draw, facts_of(generator, discriminator))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what only this peer knows."""
    parser.add_argument("--width", type=int, default=64, help="channels of the layers next to the image [64]")
    parser.add_argument("--channels-last", action="store_true", help="channels last in memory")
    parser.add_argument("--bfloat16", action="store_true", help="layers in bfloat16")
    parser.add_argument("--batch-statistics", action="store_true", help="draw with the statistics of each batch")


if __name__ == "__main__":
    program = Program(
        description=__doc__,
        modules=("torch", "numpy"),
        install="pip install torch==2.13.0 numpy",
        batch=128,
        build=build,
        add_options=add_options,
    )
    raise SystemExit(program.main())
