"""`dcgan-hub sample`: one PNG per seed, or a labeled sheet."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.commands.models import add_model, add_truncation, load_model
from dcgan_hub.commands.seeds import MAX_SEEDS, SEEDS_HELP, parse_seeds
from dcgan_hub.commands.writing import add_overwrite, check_output_file, check_output_folder, progress, refuse_existing
from dcgan_hub.console import shell_word
from dcgan_hub.errors import SettingsError
from dcgan_hub.settings import MAX_SEED

if TYPE_CHECKING:
    import numpy as np

    from dcgan_hub.bundle.generator import Generator

SUMMARY = "generate images: one PNG per seed, or a labeled grid of them"
EXAMPLES = """\
dcgan-hub sample runs/anime --seeds 1,5-9,100 --out faces/
dcgan-hub sample avatars --seeds 0-63 --sheet sheet.png
dcgan-hub sample runs/anime --count 50000 --out for-fid/"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seeds", metavar="LIST", help=SEEDS_HELP)
    which.add_argument("--count", metavar="N", type=int, help="number of images, of seeds 0 to N - 1")
    parser.add_argument("--first-seed", metavar="SEED", type=int, help="first seed of --count [0]")
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder for one PNG per seed, as seed-0000000042.png")
    parser.add_argument("--sheet", metavar="FILE", type=Path, help="one PNG with a grid of all images and their seeds")
    add_truncation(parser)
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generates the images and writes them."""
    seeds = _chosen_seeds(arguments)
    if arguments.out is None and arguments.sheet is None:
        raise SettingsError("Give an output. Received: neither --out nor --sheet. Try --out samples/.")
    if arguments.out is not None:
        check_output_folder(arguments.out)
        refuse_existing(_existing(arguments.out, seeds), arguments.overwrite)
    if arguments.sheet is not None:
        if arguments.sheet.suffix.lower() != ".png":
            better = shell_word(arguments.sheet.with_suffix(".png") if arguments.sheet.name else "sheet.png")
            raise SettingsError(f"A sheet must be a PNG. Received: --sheet {arguments.sheet}. Try {better}.")
        check_output_file(arguments.sheet, arguments.overwrite)

    generator = load_model(arguments)
    sheet_images = _draw(generator, seeds, arguments)
    written = []
    if arguments.out is not None:
        written.append(f"{len(seeds):,} image{'s' if len(seeds) > 1 else ''} to {arguments.out}")
    if arguments.sheet is not None:
        _write_sheet(sheet_images, seeds, generator, arguments)
        written.append(f"a sheet of {len(seeds):,} to {arguments.sheet}")
    sys.stdout.write(f"Wrote {' and '.join(written)}.\n")
    return 0


def image_name(seed: int) -> str:
    """File name of a seed's image; names sort in the order of the seeds."""
    return f"seed-{seed:010d}.png"


def _chosen_seeds(arguments: argparse.Namespace) -> Sequence[int]:
    if arguments.seeds is not None:
        if arguments.first_seed is not None:
            raise SettingsError("`--first-seed` requires --count. Received: --first-seed with --seeds. Leave one out.")
        return list(dict.fromkeys(parse_seeds(arguments.seeds)))
    first = arguments.first_seed or 0
    if arguments.count < 1 or first < 0 or first + arguments.count - 1 > MAX_SEED:
        raise SettingsError(
            f"`--count` must be at least 1 and seeds must stay within 0 to {MAX_SEED}. Received: "
            f"--count {arguments.count} --first-seed {first}. Try --count 64."
        )
    if arguments.count > 10 * MAX_SEEDS:
        raise SettingsError(
            f"`--count` must be at most {10 * MAX_SEEDS:,}. Received: {arguments.count:,}. Continue with --first-seed."
        )
    return range(first, first + arguments.count)


def _existing(folder: Path, seeds: Sequence[int]) -> list[Path]:
    """Files in `folder` that would be overwritten."""
    if not folder.is_dir():
        return []
    wanted = seeds if isinstance(seeds, range) else set(seeds)
    matches = ((re.fullmatch(r"seed-([0-9]{10})\.png", path.name), path) for path in folder.iterdir())
    return sorted(path for match, path in matches if match and int(match[1]) in wanted)


def _draw(generator: "Generator", seeds: Sequence[int], arguments: argparse.Namespace) -> "list[np.ndarray]":
    """Writes single images as they are generated; returns the images if a sheet needs them, else an empty list."""
    from dcgan_hub.images.grids import check_sheet_size, save_png

    if arguments.sheet is not None:
        check_sheet_size(len(seeds), generator.image_shape)
    kept = []
    chunks = generator.generate_in_chunks(seeds, truncation=arguments.truncation)
    with progress((image for chunk in chunks for image in chunk), len(seeds), "images") as images:
        for seed, image in zip(seeds, images, strict=True):
            if arguments.out is not None:
                text = _text_fields(generator, arguments) | {"seed": str(seed)}
                save_png(image, arguments.out / image_name(seed), text, quick=True)
            if arguments.sheet is not None:
                kept.append(image)
    return kept


def _write_sheet(
    images: "list[np.ndarray]", seeds: Sequence[int], generator: "Generator", arguments: argparse.Namespace
) -> None:
    import numpy as np

    from dcgan_hub.images.grids import make_sheet, save_png

    sheet = make_sheet(np.stack(images), captions=[str(seed) for seed in seeds])
    text = _text_fields(generator, arguments) | {"seeds": arguments.seeds or f"{seeds[0]}-{seeds[-1]}"}
    save_png(sheet, arguments.sheet, text)


def _text_fields(generator: "Generator", arguments: argparse.Namespace) -> dict[str, str]:
    from dcgan_hub import __version__

    fields = {
        "model": generator.name,
        "truncation": f"{arguments.truncation:g}",
        "Software": f"dcgan-hub {__version__}",
    }
    if generator.facts is not None and generator.facts.weights is not None:
        fields["weights"] = f"sha256:{generator.facts.weights.sha256}"
    return fields
