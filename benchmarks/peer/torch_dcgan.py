"""Trains the DCGAN of PyTorch's tutorial for a given time: what benchmarks/quality.py and train_speed.py compare with.

usage: python benchmarks/peer/torch_dcgan.py IMAGES.npy --seconds 600 --out GENERATED.npy [--channels-last --bfloat16]

Needs torch and numpy and nothing of dcgan_hub, so it runs under a Python of its own:

    python -m venv torch-venv && torch-venv/bin/pip install torch==2.13.0 numpy

IMAGES.npy holds uint8 (N, H, W, C), H = W. The networks work at the next power of two from 32 on: widths 64 to 512 at
64 x 64 pixels, and one layer fewer at half the side. Images of another side, such as 28 x 28, get their edges repeated
up to it, and generated ones are cut back. The whole set is in memory, so unlike in the tutorial no time is spent on
decoding. Time counts from the beginning of the first step. Prints one JSON object.
"""

import argparse
import contextlib
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LATENT = 100
LEARNING_RATE, BETAS = 2e-4, (0.5, 0.999)
DEVIATION = 0.02  # of initial kernels, and of initial scales around 1
MIN_SIDE, MAX_SIDE = 32, 256
DRAWN_AT_ONCE = 100
SECONDS_BETWEEN_REPORTS = 10.0
MISTAKE = 2  # exit status, as argparse's own


class PeerError(Exception):
    """A mistake of the user: printed without a traceback."""


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


def endless_batches(images: Any, size: int) -> Iterator[Any]:
    """Pass after pass in a new order, without the rest below one batch: uint8 (B, C, H, W)."""
    import torch

    while True:
        order = torch.randperm(len(images))
        for start in range(0, len(images) - size + 1, size):
            yield images[order[start : start + size]]


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
        real_images = (batch.float() / 127.5 - 1.0).contiguous(memory_format=layout)
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


def train(step: Callable[[Any], None], batches: Iterator[Any], options: argparse.Namespace) -> dict[str, float]:
    """Steps until the time is over. Returns images seen, seconds, and images a second after the warm-up."""
    start = time.monotonic()
    warm_at = reported_at = start
    steps = 0
    while (now := time.monotonic()) - start < options.seconds:
        step(next(batches))
        steps += 1
        if steps == options.warm_up:
            warm_at = time.monotonic()
        if now - reported_at >= SECONDS_BETWEEN_REPORTS:
            reported_at = now
            sys.stderr.write(f"peer: step {steps:,}, {now - start:,.0f} of {options.seconds:,.0f} s\n")
    end = time.monotonic()
    measured = max(steps - options.warm_up, 0) * options.batch
    return {
        "steps": steps,
        "images_seen": steps * options.batch,
        "seconds": end - start,
        "images_per_second": measured / max(end - warm_at, 1e-9),
    }


def draw(generator: Any, options: argparse.Namespace) -> Iterator[Any]:
    """Generated images little by little: uint8 (n, side, side, C), `--count` in all, the same for the same weights.

    With the running statistics of batch normalisation, in float32; with `--batch-statistics` with those of each batch
    of 100, as the tutorial draws its own sheet.
    """
    import torch

    generator.train(options.batch_statistics)
    torch.manual_seed(options.seed)
    with torch.no_grad():
        for start in range(0, options.count, DRAWN_AT_ONCE):
            latents = torch.randn(DRAWN_AT_ONCE, LATENT, 1, 1)
            pixels = ((generator(latents) + 1.0) * 127.5).round().clamp(0, 255).byte()
            yield pixels[: options.count - start].permute(0, 2, 3, 1).numpy()


def read_images(options: argparse.Namespace) -> Any:
    """The set as it was given. Raises PeerError unless it can be trained on."""
    import numpy as np

    try:
        images = np.load(options.images, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise PeerError(f"IMAGES must be a .npy file. Received: {options.images}: {error}. Give another.") from None
    square = images.ndim == 4 and images.shape[1] == images.shape[2] and images.shape[3] in (1, 3, 4)
    if not square or images.dtype != np.uint8:
        raise PeerError(
            f"IMAGES must be uint8 (N, H, W, C) with H = W and C 1, 3 or 4. Received: {images.dtype} {images.shape}. "
            "Convert them first."
        )
    if len(images) < options.batch:
        raise PeerError(f"There must be one batch of images. Received: {len(images)}. Try --batch {len(images)}.")
    return images


def network_side(side: int, wanted: int | None) -> int:
    """The side at which the networks work. Raises PeerError for one that is no power of two or too small."""
    if wanted is None:
        wanted = max(MIN_SIDE, 2 ** math.ceil(math.log2(side)))
    if wanted < side or not MIN_SIDE <= wanted <= MAX_SIDE or wanted & (wanted - 1):
        raise PeerError(
            f"`--size` must be a power of two, {MIN_SIDE} to {MAX_SIDE} and not below the images' {side}. "
            f"Received: {wanted}. Leave it out."
        )
    return wanted


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Trains, draws, and returns what is printed."""
    try:
        import numpy as np
        import torch
    except ImportError as error:
        raise PeerError(
            f"The peer needs torch and numpy. Received: {sys.executable}, where {error.name} is missing. "
            "Give a Python with `pip install torch==2.13.0 numpy`."
        ) from None
    for name in ("batch", "width", "count"):
        if getattr(options, name) < 1:
            raise PeerError(f"`--{name}` must be at least 1. Received: {getattr(options, name)}. Leave it out.")
    images = read_images(options)
    side = network_side(images.shape[1], options.size)
    before = (side - images.shape[1]) // 2
    margin = (before, side - images.shape[1] - before)
    framed = np.pad(images, ((0, 0), margin, margin, (0, 0)), mode="edge")

    torch.manual_seed(options.seed)
    generator, discriminator = build_networks(side, images.shape[3], options.width)
    batches = endless_batches(torch.from_numpy(framed).permute(0, 3, 1, 2), options.batch)
    facts = train(make_step(generator, discriminator, options), batches, options)
    if options.out is not None:
        shape = (options.count, *images.shape[1:])
        generated = np.lib.format.open_memmap(options.out, mode="w+", dtype=np.uint8, shape=shape)
        kept = slice(before, before + images.shape[1])
        for number, chunk in enumerate(draw(generator, options)):
            generated[number * DRAWN_AT_ONCE : number * DRAWN_AT_ONCE + len(chunk)] = chunk[:, kept, kept]
        generated.flush()
    parameters = [sum(weight.numel() for weight in n.parameters()) for n in (generator, discriminator)]
    return facts | {
        "recipe": f"width {options.width}, batch {options.batch}, {'bfloat16' if options.bfloat16 else 'float32'}"
        + (", channels last" if options.channels_last else ""),
        "network_side": side,
        "parameters": dict(zip(("generator", "discriminator"), parameters, strict=True)),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
    }


def main() -> int:
    """Reads the command line and prints the facts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, metavar="IMAGES.npy", help="uint8 (N, H, W, C)")
    parser.add_argument("--seconds", type=float, default=600.0, help="of training; 0 only builds the networks [600]")
    parser.add_argument("--out", type=Path, metavar="FILE", help=".npy for generated images [none are drawn]")
    parser.add_argument("--count", type=int, default=5000, help="images to generate [5000]")
    parser.add_argument("--batch", type=int, default=128, help="images a step [128]")
    parser.add_argument("--size", type=int, help="side of the networks' images [next power of two, at least 32]")
    parser.add_argument("--width", type=int, default=64, help="channels of the layers next to the image [64]")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and latents [0]")
    parser.add_argument("--warm-up", type=int, default=0, metavar="STEPS", help="first steps not counted for speed [0]")
    parser.add_argument("--channels-last", action="store_true", help="channels last in memory")
    parser.add_argument("--bfloat16", action="store_true", help="layers in bfloat16")
    parser.add_argument("--batch-statistics", action="store_true", help="draw with the statistics of each batch")
    try:
        sys.stdout.write(json.dumps(run(parser.parse_args())) + "\n")
    except PeerError as error:
        sys.stderr.write(f"error: {error}\n")
        return MISTAKE
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
