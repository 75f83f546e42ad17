"""Writes a walk through four images as a film.

python examples/walk_film.py avatars walk.mp4
"""

import sys
from pathlib import Path

from dcgan_hub import Generator
from dcgan_hub.images.animations import save_animation


def main(model: str, film: str, seconds: int = 8) -> None:
    """Writes an endless walk of 30 frames a second; `film` ends in .mp4, .webp or .gif."""
    generator = Generator.from_pretrained(model)
    frames = generator.interpolate(seeds=[1, 2, 3, 4], frames=30 * seconds, loop=True)
    save_animation(frames, Path(film), frames_per_second=30)


if __name__ == "__main__":
    main(*sys.argv[1:])
