"""`dcgan-hub find`: the image of a generator that is nearest to a given one, beside it."""

import argparse
import sys
from pathlib import Path

from dcgan_hub.commands.models import add_classes, add_model, load_model
from dcgan_hub.commands.writing import add_overwrite, check_output_file, progress
from dcgan_hub.errors import SettingsError

SUMMARY = "find the image of a generator that is nearest to an image of yours"
EXAMPLES = """\
dcgan-hub find avatars photo.jpg --out found.png
dcgan-hub find runs/anime drawing.png --steps 1000 --out found.png
dcgan-hub find runs/fashion sketch.png --classes coat,dress --out found.png"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    parser.add_argument("image", metavar="IMAGE", type=Path, help="image file; it is cropped at its center")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="PNG with both images side by side")
    parser.add_argument("--steps", metavar="N", type=int, default=400, help="steps of gradient descent [400]")
    parser.add_argument("--seed", metavar="SEED", type=int, default=0, help="first of the seeds to start from [0]")
    add_classes(parser, "where to look", "all")
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Finds the image and writes both."""
    import numpy as np

    from dcgan_hub.bundle.search import check_search
    from dcgan_hub.images.grids import make_sheet, save_png
    from dcgan_hub.images.targets import target_pixels
    from dcgan_hub.networks.classes import parse_classes

    if arguments.out.suffix.lower() != ".png":
        raise SettingsError(f"The output must be a PNG. Received: --out {arguments.out}. Try found.png.")
    check_output_file(arguments.out, arguments.overwrite)
    check_search(arguments.steps, arguments.seed)
    target_pixels(arguments.image, (64, 64, 3))  # a wrong file is said before anything slow

    generator = load_model(arguments)
    classes = None if arguments.classes is None else parse_classes(arguments.classes, generator.class_names)
    with progress(range(arguments.steps), arguments.steps, "steps") as bar:
        found = generator.find(arguments.image, arguments.steps, arguments.seed, lambda step: bar.update(), classes)
    text = {"model": generator.name, "distance": f"{found.distance:.4f}"}
    if found.class_name:
        text["class"] = found.class_name
    if found.point:
        text["point"] = found.point.text
    save_png(make_sheet(np.stack([found.target, found.image]), columns=2), arguments.out, text)
    sys.stdout.write(
        f"Wrote both images to {arguments.out}; they differ by {found.distance:.1%} on average.\n"
        + (f"The nearest image is of the class {found.class_name}.\n" if found.class_name else "")
        + (f"In the app, and with `dcgan-hub directions --point`, it is: {text['point']}\n" if "point" in text else "")
    )
    return 0
