"""Trains on a folder of images, and writes a sheet and a page.

python examples/own_images.py ./pictures
"""

import sys
from pathlib import Path
from typing import Any

from dcgan_hub import Generator, train
from dcgan_hub.images.grids import make_sheet


def main(pictures: str, **settings: Any) -> None:
    """Trains for an hour unless `settings` say otherwise; the same command again resumes."""
    name = Path(pictures).stem
    run = train(pictures, run=Path("runs") / name, **({"minutes": 60} | settings))
    generator = Generator.from_pretrained(run.path)
    make_sheet(generator.generate(seeds=range(64)), columns=8).save(f"{name}.png")
    generator.save_page(f"{name}.html")  # draws in any browser, without a network


if __name__ == "__main__":
    main(sys.argv[1])
