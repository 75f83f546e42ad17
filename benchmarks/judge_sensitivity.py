"""What each judge sees: the distances of changed images from images that nothing was done to.

usage: python benchmarks/judge_sensitivity.py --data DRAWINGS --other OTHER_DRAWINGS --judges all [--count 1000]

Splits a set by a seeded permutation into the images that judges know and others, changes the others in several ways,
and prints each judge's FID and KID as a Markdown table. A judge that does not tell a change from unchanged images is
blind to it.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from judges.distances import Distances
from judges.panel import add_judges, chosen_judges, open_networks, seat
from PIL import Image, ImageFilter
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import markdown_table, say

from dcgan_hub.errors import DataError
from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.keras_startup import import_keras_quietly

COLLAPSED_TO = 50  # images
CHANNELS = 3


def blurred(images: np.ndarray, pixels: float) -> np.ndarray:
    """Images after a Gaussian blur of this deviation: uint8 (N, H, W, 3)."""
    blur = ImageFilter.GaussianBlur(pixels)
    return np.stack([np.asarray(Image.fromarray(image).filter(blur)) for image in images])


def with_noise(images: np.ndarray, deviation: float) -> np.ndarray:
    """Images with Gaussian noise in each channel of each pixel: uint8 (N, H, W, 3)."""
    noise = np.random.RandomState(0).normal(0.0, deviation, images.shape)
    return np.clip(images + noise, 0, 255).round().astype(np.uint8)


def changed(images: np.ndarray, other: np.ndarray) -> dict[str, np.ndarray]:
    """Sets of images by what was done to them; `other` are as many of another kind."""
    return {
        "held-out images": images,
        "noise, deviation 5 of 255": with_noise(images, 5.0),
        "blur, 0.5 pixels": blurred(images, 0.5),
        f"collapse to {COLLAPSED_TO} images": images[np.arange(len(images)) % COLLAPSED_TO],
        "another style": other,
    }


def shuffled_images(data: str, size: int, count: int) -> np.ndarray:
    """As many images of a set in a seeded order: uint8 (N, size, size, 3). Raises DataError if there are fewer."""
    images = prepare_images(data, image_size=(size, size), channels=CHANNELS).images
    if len(images) < count:
        raise DataError(f"There must be {count:,} images. Received: {len(images):,} in {data}. Give a lower --count.")
    return images[np.random.RandomState(0).permutation(len(images))[:count]]


def compare(options: argparse.Namespace, folder: Path) -> dict[str, dict[str, Distances]]:
    """What each judge says of each set."""
    networks = open_networks(chosen_judges(options.judges), options.judge_packages, options.size)
    images = shuffled_images(options.data, options.size, 2 * options.count)
    np.save(folder / "known.npy", images[: options.count])
    known = prepare_images(folder / "known.npy", image_size=None, channels=CHANNELS, cache_folder=folder / "cache")
    judges = seat(networks, known, options.count)
    sets = changed(images[options.count :], shuffled_images(options.other, options.size, options.count))
    results: dict[str, dict[str, Distances]] = {}
    for number, (name, shown) in enumerate(sets.items(), 1):
        say(f"{number} of {len(sets)}: {name}")
        results[name] = {judge.name: judge.distances(shown) for judge in judges}
    return results


def describe(results: dict[str, dict[str, Distances]]) -> str:
    """The table: a line for each set, two columns for each judge."""
    names = list(next(iter(results.values())))
    heading = ["images", *(f"{name} {figure}" for name in names for figure in ("FID", "KID x 1000"))]
    rows = [[name, *(cell for found in row.values() for cell in found.cells())] for name, row in results.items()]
    return markdown_table(heading, rows)


def run(options: argparse.Namespace) -> None:
    require_positive(vars(options), "size", "count")
    import_keras_quietly()
    with tempfile.TemporaryDirectory() as folder:
        results = compare(options, Path(folder).resolve())
    print(describe(results))
    figures: dict[str, Any] = {name: {judge: d.to_dict() for judge, d in row.items()} for name, row in results.items()}
    write_figures(options.json, {"count": options.count, "size": options.size, "sets": figures})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="a set, as for train.py")
    parser.add_argument("--other", required=True, metavar="DATA", help="a set of another kind")
    parser.add_argument("--size", type=int, default=64, help="pixels a side [64]")
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="images of each set [1000]")
    add_judges(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
