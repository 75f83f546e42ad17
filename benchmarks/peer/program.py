"""What the peers' programs have in common: their command line, the clock, and the images that they leave.

IMAGES.npy holds uint8 (N, H, W, C), H = W. The networks work at the next power of two from 32 on. Images of another
side, such as 28 x 28, get their edges repeated up to it, and generated ones are cut back. The whole set is in memory,
so no time is spent on decoding. Time counts from the beginning of the first step. Prints one JSON object.

Nothing of dcgan_hub is needed, since peers run under a Python of their own. B images a batch, S x S pixels, C channels.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MIN_SIDE, MAX_SIDE = 32, 256
DRAWN_AT_ONCE = 100
SECONDS_BETWEEN_REPORTS = 10.0
MISTAKE = 2  # exit status, as argparse's own


class PeerError(Exception):
    """A mistake of the user: printed without a traceback."""


@dataclass(frozen=True)
class Recipe:
    """A pair of networks that can be trained and drawn from."""

    words: str  # what of it is not always the same
    step: Callable[[Any], object]  # trains on uint8 (B, S, S, C)
    draw: Callable[[int], Any]  # as many images, uint8 (n, S, S, C), others with each call
    facts: dict[str, Any]  # numbers of parameters, versions
    # Told before each step which part of the time is over, 0 to 1.
    schedule: Callable[[float], object] = lambda done: None


@dataclass(frozen=True)
class Program:
    """One peer."""

    description: str  # its docstring
    modules: tuple[str, ...]  # that its Python must have
    install: str  # how they get there
    batch: int  # images a step, by default
    build: Callable[[argparse.Namespace, tuple[int, ...]], Recipe]  # of options and the images' shape, (N, S, S, C)
    add_options: Callable[[argparse.ArgumentParser], object] = lambda parser: None

    def main(self) -> int:
        """Reads the command line and prints the facts."""
        parser = argparse.ArgumentParser(
            description=self.description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.add_argument("images", type=Path, metavar="IMAGES.npy", help="uint8 (N, H, W, C)")
        parser.add_argument("--seconds", type=float, default=600.0, help="of training; 0 only builds [600]")
        parser.add_argument("--out", type=Path, metavar="FILE", help=".npy for generated images [none are drawn]")
        parser.add_argument("--count", type=int, default=5000, help="images to generate [5000]")
        parser.add_argument("--batch", type=int, default=self.batch, help=f"images a step [{self.batch}]")
        parser.add_argument("--size", type=int, help="side of the networks' images [next power of two, at least 32]")
        parser.add_argument("--seed", type=int, default=0, help="of weights, order and latents [0]")
        parser.add_argument("--warm-up", type=int, default=0, metavar="STEPS", help="steps not counted for speed [0]")
        self.add_options(parser)
        try:
            sys.stdout.write(json.dumps(self.run(parser.parse_args())) + "\n")
        except PeerError as error:
            sys.stderr.write(f"error: {error}\n")
            return MISTAKE
        return 0

    def run(self, options: argparse.Namespace) -> dict[str, Any]:
        """Trains, draws, and returns what is printed."""
        missing = [name for name in self.modules if find_spec(name) is None]
        if missing:
            raise PeerError(
                f"The peer needs {' and '.join(self.modules)}. Received: {sys.executable}, where {missing[0]} is "
                f"missing. Give a Python with `{self.install}`."
            )
        for name, value in vars(options).items():
            if name not in ("seconds", "seed", "warm_up") and type(value) is int and value < 1:
                raise PeerError(f"`--{name.replace('_', '-')}` must be at least 1. Received: {value}. Leave it out.")
        images = read_images(options)
        side = network_side(images.shape[1], options.size)
        framed, kept = frame(images, side)
        recipe = self.build(options, framed.shape)
        facts = train(recipe, endless_batches(framed, options.batch, options.seed), options)
        if options.out is not None:
            write_drawn(recipe, kept, options, images.shape[1:])
        return facts | recipe.facts | {"recipe": recipe.words, "network_side": side}


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


def frame(images: Any, side: int) -> tuple[Any, slice]:
    """Repeats the edges of images up to this side; and the part of it that the images are, in both directions."""
    import numpy as np

    before = (side - images.shape[1]) // 2
    margin = (before, side - images.shape[1] - before)
    return np.pad(images, ((0, 0), margin, margin, (0, 0)), mode="edge"), slice(before, before + images.shape[1])


def endless_batches(images: Any, size: int, seed: int) -> Iterator[Any]:
    """Pass after pass in a new order, without the rest below one batch: uint8 (B, S, S, C)."""
    import numpy as np

    random = np.random.RandomState(seed)
    while True:
        order = random.permutation(len(images))
        for start in range(0, len(images) - size + 1, size):
            yield images[order[start : start + size]]


def train(recipe: Recipe, batches: Iterator[Any], options: argparse.Namespace) -> dict[str, float]:
    """Steps until the time is over. Returns images seen, seconds, and images a second after the warm-up."""
    start = time.monotonic()
    warm_at = reported_at = start
    steps = 0
    while (now := time.monotonic()) - start < options.seconds:
        recipe.schedule((now - start) / options.seconds)
        recipe.step(next(batches))
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


def write_drawn(recipe: Recipe, kept: slice, options: argparse.Namespace, shape: tuple[int, ...]) -> None:
    """Draws `--count` images little by little and writes them, cut back to the images' own side."""
    import numpy as np

    drawn = np.lib.format.open_memmap(options.out, mode="w+", dtype=np.uint8, shape=(options.count, *shape))
    for start in range(0, options.count, DRAWN_AT_ONCE):
        chunk = recipe.draw(DRAWN_AT_ONCE)[: options.count - start, kept, kept]
        drawn[start : start + len(chunk)] = chunk
    drawn.flush()
