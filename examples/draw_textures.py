"""Draws textures that tile: waves, dots, bricks and wood. `train.py --seamless` learns to draw more of them.

    python examples/draw_textures.py textures

What leaves a texture at one side comes in at the other one, so that tiles side by side show no seam.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 64  # pixels
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE] / SIDE  # from 0 to 1


def around(distance: np.ndarray) -> np.ndarray:
    """The distance to the nearest whole number: that of two places around a tile of side 1."""
    return np.abs((distance + 0.5) % 1 - 0.5)


def waves(random: np.random.Generator) -> np.ndarray:
    """A sum of waves with whole numbers of periods: a surface of water, of sand, of clouds."""
    height = np.zeros((SIDE, SIDE))
    for _ in range(12):
        down, across = random.integers(-5, 6, 2)
        strength = random.normal() / (1 + np.hypot(down, across))
        height += strength * np.sin(2 * np.pi * (down * ROWS + across * COLUMNS + random.random()))
    return (height - height.min()) / np.ptp(height)


def dots(random: np.random.Generator) -> np.ndarray:
    """Soft dots of one size on a grid, each somewhat off its place."""
    number, radius = random.integers(3, 6), random.uniform(0.2, 0.35)
    covered = np.zeros((SIDE, SIDE))
    for row, column in np.ndindex(number, number):
        center = (np.array([row, column]) + 0.5 + random.uniform(-0.15, 0.15, 2)) / number
        distance = np.hypot(around(ROWS - center[0]), around(COLUMNS - center[1]))
        covered = np.maximum(covered, np.clip((radius / number - distance) * SIDE / 2 + 0.5, 0, 1))
    return covered


def bricks(random: np.random.Generator) -> np.ndarray:
    """Courses of bricks of several tones; every other one is shifted by half a brick."""
    courses, length, joint = 2 * random.integers(2, 4), random.integers(2, 4), random.uniform(0.08, 0.14)
    course = np.floor(ROWS * courses).astype(int)
    along = (COLUMNS * length + 0.5 * (course % 2)) % length
    tones = random.uniform(0.55, 1, (courses, length))[course, along.astype(int)]
    nearest = np.minimum(around(along) / length, around(ROWS * courses) / courses)
    return tones * np.clip((nearest - joint / courses / 2) * SIDE / 2, 0, 1)


def wood(random: np.random.Generator) -> np.ndarray:
    """Grain along one axis, bent by slow waves."""
    bend = sum(random.normal(0, 0.06) * np.sin(2 * np.pi * (n * ROWS + random.random())) for n in (1, 2))
    across = COLUMNS + bend + 0.03 * np.sin(2 * np.pi * (ROWS + 2 * COLUMNS + random.random()))
    grain = sum(np.sin(2 * np.pi * (n * across + random.random())) / n for n in random.integers(2, 9, 4))
    return (grain - grain.min()) / np.ptp(grain)


KINDS: tuple[Callable[[np.random.Generator], np.ndarray], ...] = (waves, dots, bricks, wood)


def main(folder: str, count: int = 200) -> None:
    """Draws PNG files of 64 x 64 pixels, the same ones every time."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        random = np.random.default_rng(number)
        shade = np.roll(KINDS[number % len(KINDS)](random), random.integers(0, SIDE, 2), (0, 1))[..., None]
        dark, light = random.uniform(0, 110, 3), random.uniform(140, 255, 3)  # colors
        pixels = np.rint(dark + shade * (light - dark)).astype(np.uint8)
        Image.fromarray(pixels).save(Path(folder) / f"{number:04d}.png")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
