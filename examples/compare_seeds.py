"""Trains the same network from several seeds, and shows them side by side.

    python examples/compare_seeds.py ./pictures

A seed decides the first weights and the order of the images. How much results differ says how much of a difference
between two recipes is luck.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_hub import Generator, train
from dcgan_hub.images.grids import make_sheet

SEEDS = (0, 1, 2)


def main(pictures: str, **settings: Any) -> None:
    """Trains for 20 minutes each unless `settings` say otherwise; writes seeds.png with a row of images for each."""
    rows = []
    for seed in SEEDS:
        run = train(pictures, run=Path("runs") / f"seed-{seed}", seed=seed, **({"minutes": 20} | settings))
        measured = [row["kid"] for row in run.read_metrics() if "kid" in row]
        print(f"seed {seed}: KID {min(measured):.4f}" if measured else f"seed {seed}: not measured")  # noqa: T201
        rows.append(Generator.from_pretrained(run.path).generate(seeds=range(8)))
    make_sheet(np.concatenate(rows), columns=8).save("seeds.png")


if __name__ == "__main__":
    main(sys.argv[1])
