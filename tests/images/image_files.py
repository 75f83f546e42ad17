"""Image files made by the tests themselves, so that each pixel's true value is known."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def noise_image(seed: int, height: int = 16, width: int = 16, mode: str = "RGB") -> Image.Image:
    """An image that no other seed gives."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    shape = (height, width) if bands == 1 else (height, width, bands)
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, np.uint8))


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    output = io.BytesIO()
    image.save(output, image_format, **options)
    return output.getvalue()


def fill(folder: Path, count: int, first_seed: int = 0, size: int = 16) -> Path:
    """Writes `count` distinct PNG files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(first_seed, first_seed + count):
        (folder / f"{seed:05}.png").write_bytes(encoded(noise_image(seed, size, size)))
    return folder
