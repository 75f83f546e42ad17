"""`dcgan-hub directions`: a sheet that shows what each direction of the latent space changes."""

import argparse
import sys
from pathlib import Path

from dcgan_hub.commands.models import add_model, load_model
from dcgan_hub.commands.writing import add_overwrite, check_output_file
from dcgan_hub.errors import SettingsError

SUMMARY = "show what a generator's directions change, such as color or pose: a row of images for each"
EXAMPLES = """\
dcgan-hub directions avatars --out directions.png
dcgan-hub directions runs/anime --point 42 --count 20 --method pca --out directions.png"""

COLUMNS, MAX_REACH = 7, 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="PNG with a row for each direction")
    parser.add_argument("--point", metavar="POINT", default="1", help="seed or point in the middle of each row [1]")
    parser.add_argument("--count", metavar="N", type=int, default=10, help="number of directions, 1 to 20 [10]")
    parser.add_argument(
        "--method", choices=("sefa", "pca"), default="sefa",
        help="from the weights (SeFa), or from the first feature maps of many images (PCA, GANSpace) [sefa]",
    )  # fmt: skip
    parser.add_argument(
        "--reach", metavar="R", type=float, default=3.0,
        help="how far a row goes to either side of the point, in standard deviations of the latents [3]",
    )  # fmt: skip
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generates the images and writes the sheet."""
    import numpy as np

    from dcgan_hub.images.grids import make_sheet, save_png
    from dcgan_hub.networks.directions import check_count
    from dcgan_hub.networks.point_syntax import parse_point

    check_count(arguments.count)
    point = parse_point(arguments.point)
    if not 0 < arguments.reach <= MAX_REACH:
        raise SettingsError(f"`--reach` must be above 0 and at most {MAX_REACH}. Received: {arguments.reach:g}. Try 3.")
    if arguments.out.suffix.lower() != ".png":
        raise SettingsError(f"The sheet must be a PNG. Received: --out {arguments.out}. Try directions.png.")
    check_output_file(arguments.out, arguments.overwrite)

    generator = load_model(arguments)
    directions = generator.directions(arguments.count, arguments.method)
    amounts = np.linspace(-arguments.reach, arguments.reach, COLUMNS)
    shifts = (directions[:, None] * amounts[None, :, None]).reshape(-1, generator.latent_dim)
    latents = np.repeat(generator.point_latents([point]), len(shifts), axis=0)
    latents[:, : generator.latent_dim] += shifts
    captions = [f"{row}: {amount:+.3g}" for row in range(1, len(directions) + 1) for amount in amounts]
    sheet = make_sheet(generator.generate(latents=latents), columns=COLUMNS, captions=captions)
    save_png(sheet, arguments.out, {"model": generator.name, "point": point.text, "method": arguments.method})
    sys.stdout.write(f"Wrote {len(directions)} directions to {arguments.out}. The app has sliders for them.\n")
    return 0
