"""`dcgan-hub sample`: one PNG per seed, or a labeled sheet."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.commands.models import add_classes, add_model, add_truncation, load_model
from dcgan_hub.commands.seeds import MAX_SEEDS, SEEDS_HELP, parse_seeds
from dcgan_hub.commands.writing import add_overwrite, check_output_file, check_output_folder, progress, refuse_existing
from dcgan_hub.console import shell_word
from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.settings import MAX_SEED

if TYPE_CHECKING:
    import numpy as np

    from dcgan_hub.bundle.generator import Generator

ONE = (1, 1)  # an image that is not repeated
MAX_TILES = 16  # in a row or column
Classes = Sequence[int | None]  # numbers; None is the class that a seed draws

SUMMARY = "generate images: one PNG per seed, or a labeled grid of them"
EXAMPLES = """\
dcgan-hub sample runs/anime --seeds 1,5-9,100 --out faces/
dcgan-hub sample avatars --seeds 0-63 --sheet sheet.png
dcgan-hub sample runs/anime --count 50000 --out for-fid/
dcgan-hub sample runs/fashion --seeds 1-10 --classes trouser,3 --sheet sheet.png
dcgan-hub sample runs/textures --seeds 1-16 --tile 2x2 --sheet tiles.png"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seeds", metavar="LIST", help=SEEDS_HELP)
    which.add_argument("--count", metavar="N", type=int, help="number of images, of seeds 0 to N - 1")
    parser.add_argument("--first-seed", metavar="SEED", type=int, help="first seed of --count [0]")
    parser.add_argument("--out", metavar="DIR", type=Path, help="folder for one PNG per seed, as seed-0000000042.png")
    parser.add_argument("--sheet", metavar="FILE", type=Path, help="one PNG with a grid of all images and their seeds")
    add_classes(parser, "each seed is drawn in each of them, a row of the sheet for each class")
    parser.add_argument(
        "--tile", metavar="RxC", help="repeat each image in R rows and C columns, such as 2x2; of a generator that was "
        "trained with --seamless no seams show",
    )  # fmt: skip
    add_truncation(parser)
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generates the images and writes them."""
    seeds = _chosen_seeds(arguments)
    arguments.tile = _parsed_tile(arguments.tile)
    if arguments.out is None and arguments.sheet is None:
        raise SettingsError("Give an output. Received: neither --out nor --sheet. Try --out samples/.")
    if arguments.out is not None:
        check_output_folder(arguments.out)
        if arguments.classes is None:  # else the generator has to be loaded first, which knows their numbers
            refuse_existing(_existing(arguments.out, seeds, [None]), arguments.overwrite)
    if arguments.sheet is not None:
        if arguments.sheet.suffix.lower() != ".png":
            better = shell_word(arguments.sheet.with_suffix(".png") if arguments.sheet.name else "sheet.png")
            raise SettingsError(f"A sheet must be a PNG. Received: --sheet {arguments.sheet}. Try {better}.")
        check_output_file(arguments.sheet, arguments.overwrite)

    generator = load_model(arguments)
    classes = _chosen_classes(generator, arguments, len(seeds))
    if arguments.out is not None and arguments.classes is not None:
        refuse_existing(_existing(arguments.out, seeds, classes), arguments.overwrite)
    sheet_images = _draw(generator, seeds, classes, arguments)
    written, count = [], len(seeds) * len(classes)
    if arguments.out is not None:
        written.append(f"{count:,} image{'s' if count > 1 else ''} to {arguments.out}")
    if arguments.sheet is not None:
        _write_sheet(sheet_images, seeds, classes, generator, arguments)
        written.append(f"a sheet of {count:,} to {arguments.sheet}")
    sys.stdout.write(f"Wrote {' and '.join(written)}.\n")
    if arguments.tile != ONE and not generator.settings.seamless:
        sys.stdout.write(
            f"note: {generator.name} was not trained with --seamless, so seams show between the repeated images.\n"
        )
    return 0


def _parsed_tile(text: str | None) -> tuple[int, int]:
    """Rows and columns of "2x3"; (1, 1) for None."""
    if text is None:
        return ONE
    match = re.fullmatch(r"([0-9]{1,3})x([0-9]{1,3})", text.strip().lower())
    rows, columns = (int(match[1]), int(match[2])) if match else (0, 0)
    if not (1 <= rows <= MAX_TILES and 1 <= columns <= MAX_TILES):
        raise SettingsError(
            f"`--tile` must be rows x columns, each 1 to {MAX_TILES}. Received: --tile {shorten(text)}. Try --tile 2x2."
        )
    return rows, columns


def image_name(seed: int, number: int | None = None) -> str:
    """File name of a seed's image, of the class with a number if one was chosen; names sort by seed."""
    return f"seed-{seed:010d}.png" if number is None else f"seed-{seed:010d}-class-{number:03d}.png"


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


def _chosen_classes(generator: "Generator", arguments: argparse.Namespace, seeds: int) -> Classes:
    """The numbers of the classes in which every seed is drawn; [None] for the one that it draws itself."""
    from dcgan_hub.networks.classes import parse_classes

    if arguments.classes is None:
        return [None]
    classes = list(dict.fromkeys(parse_classes(arguments.classes, generator.class_names)))
    if seeds * len(classes) > 10 * MAX_SEEDS:
        raise SettingsError(
            f"At most {10 * MAX_SEEDS:,} images are drawn at a time. Received: {seeds:,} seeds in {len(classes):,} "
            "classes. Leave out some."
        )
    return classes


def _existing(folder: Path, seeds: Sequence[int], classes: Classes) -> list[Path]:
    """Files in `folder` that would be overwritten."""
    if not folder.is_dir():
        return []
    wanted = seeds if isinstance(seeds, range) else set(seeds)
    matches = (
        (re.fullmatch(r"seed-([0-9]{10})(?:-class-([0-9]{3}))?\.png", path.name), path) for path in folder.iterdir()
    )
    found = ((int(match[1]), int(match[2]) if match[2] else None, path) for match, path in matches if match)
    return sorted(path for seed, number, path in found if seed in wanted and number in classes)


def _draw(
    generator: "Generator", seeds: Sequence[int], classes: Classes,
    arguments: argparse.Namespace,
) -> "list[np.ndarray]":  # fmt: skip
    """Writes single images as they are generated; returns the images if a sheet needs them, else an empty list."""
    import numpy as np

    from dcgan_hub.images.grids import check_sheet_size, save_png

    (height, width, channels), (rows, columns) = generator.image_shape, arguments.tile
    if arguments.sheet is not None:
        check_sheet_size(len(seeds) * len(classes), (height * rows, width * columns, channels))
    kept = []
    drawn = (
        (seed, number, image)
        for number in classes
        for seed, image in zip(seeds, _images(generator, seeds, number, arguments.truncation), strict=True)
    )
    with progress(drawn, len(seeds) * len(classes), "images") as images:
        for seed, number, tile in images:
            image = np.tile(tile, (rows, columns, 1))
            if arguments.out is not None:
                text = _text_fields(generator, arguments) | {"seed": str(seed)}
                text |= {} if number is None else {"class": generator.class_names[number]}
                save_png(image, arguments.out / image_name(seed, number), text, quick=True)
            if arguments.sheet is not None:
                kept.append(image)
    return kept


def _images(
    generator: "Generator", seeds: Sequence[int], number: int | None, truncation: float
) -> "Iterator[np.ndarray]":
    for chunk in generator.generate_in_chunks(seeds, truncation=truncation, classes=number):
        yield from chunk


def _write_sheet(
    images: "list[np.ndarray]", seeds: Sequence[int], classes: Classes,
    generator: "Generator", arguments: argparse.Namespace,
) -> None:  # fmt: skip
    import numpy as np

    from dcgan_hub.images.grids import make_sheet, save_png

    captions = [
        str(seed) if number is None else f"{generator.class_names[number]} {seed}"
        for number in classes
        for seed in seeds
    ]
    columns = None if classes[0] is None else len(seeds)
    sheet = make_sheet(np.stack(images), columns=columns, captions=captions)
    text = _text_fields(generator, arguments) | {"seeds": arguments.seeds or f"{seeds[0]}-{seeds[-1]}"}
    save_png(sheet, arguments.sheet, text)


def _text_fields(generator: "Generator", arguments: argparse.Namespace) -> dict[str, str]:
    from dcgan_hub import __version__

    fields = {
        "model": generator.name,
        "truncation": f"{arguments.truncation:g}",
        **({} if arguments.tile == ONE else {"tile": "{}x{}".format(*arguments.tile)}),
        "Software": f"dcgan-hub {__version__}",
    }
    if generator.facts is not None and generator.facts.weights is not None:
        fields["weights"] = f"sha256:{generator.facts.weights.sha256}"
    return fields
