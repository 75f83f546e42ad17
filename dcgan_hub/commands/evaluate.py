"""`dcgan-hub evaluate`: quality, diversity and memorization of a generator."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_hub.commands.models import add_model, load_model
from dcgan_hub.commands.writing import add_overwrite, check_output_file
from dcgan_hub.console import shell_word
from dcgan_hub.errors import DataError, SettingsError, shorten
from dcgan_hub.settings_fields import parse_value_range

if TYPE_CHECKING:
    import numpy as np

    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.evaluation.memorization import Memorization
    from dcgan_hub.evaluation.results import Measures
    from dcgan_hub.images.preparation.prepared import PreparedImages

SUMMARY = "measure quality (KID, FID), diversity (precision, recall) and memorization of training images"
EXAMPLES = """\
dcgan-hub evaluate runs/anime --data ./anime
dcgan-hub evaluate runs/anime --data ./anime --held-out ./anime-test --neighbors nearest.png --json quality.json
dcgan-hub evaluate avatars --data avatars --count 1000"""

DEFAULT_COUNT = 5000
FEATURES = ("efficientnet-lite0", "inception")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    parser.add_argument("--data", metavar="DATA", required=True, help="the training images, as for --data of train.py")
    parser.add_argument(
        "--held-out",
        metavar="DATA",
        help="images of the same kind that were not trained on: compare with these, and look for copies of --data",
    )
    parser.add_argument(
        "--label-column",
        metavar="NAME",
        help="column of the labels, as for train.py [for --data that of the training]",
    )
    parser.add_argument(
        "--count", metavar="N", type=int, default=DEFAULT_COUNT, help=f"number of images to generate [{DEFAULT_COUNT}]"
    )
    parser.add_argument(
        "--seed", metavar="SEED", type=int, default=0, help="seed of the first image; the others follow [0]"
    )
    parser.add_argument(
        "--features",
        choices=FEATURES,
        default=FEATURES[0],
        help=f"feature network; inception downloads 88 MB once [{FEATURES[0]}]",
    )
    parser.add_argument(
        "--neighbors", metavar="FILE", type=Path, help="PNG of generated images beside their nearest training images"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="JSON file of the results and how they were measured")
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Evaluates the generator and prints the results."""
    from dcgan_hub.evaluation.evaluator import check_count
    from dcgan_hub.images.preparation.classes import classes_as

    check_count(arguments.count, arguments.seed)
    _check_output_files(arguments)
    generator = load_model(arguments)
    training = prepare_for(generator, arguments.data, arguments.label_column or _fact(generator, "label_column"))
    real = training
    if arguments.held_out is not None:
        real = prepare_for(generator, arguments.held_out, arguments.label_column)
        if real.fingerprint == training.fingerprint:
            raise DataError(
                f"Held-out images must differ from those of --data. Received: {arguments.held_out}, with the same "
                "content. Give images that were not trained on, or leave out --held-out."
            )

    real = classes_as(real, generator.class_names)

    import numpy as np

    from dcgan_hub.evaluation.evaluator import Evaluator
    from dcgan_hub.evaluation.memorization import SEARCHED, measure_memorization

    evaluator = Evaluator(real, arguments.features, arguments.count, arguments.seed)
    drawn: list[np.ndarray] = []
    measures = evaluator.measure(
        lambda seeds: _kept(generator.generate_in_chunks(seeds, classes=evaluator.classes), drawn, SEARCHED),
        seamless=generator.settings.seamless,
    )
    images = np.concatenate(drawn)[:SEARCHED]
    memorization = measure_memorization(training.images, images)
    sys.stdout.write(f"{measures.describe()}\n{memorization.describe()}\n")
    for note in [*_notes(generator, training, real, arguments), *measures.notes()]:
        sys.stdout.write(f"note: {note}\n")
    _write_files(generator, training, measures, memorization, images, arguments)
    return 0


def prepare_for(generator: "Generator", data: str, label_column: str | None = None) -> "PreparedImages":
    """Prepares the images of `data` in the generator's size and channels, with the same fit as its training images."""
    from dcgan_hub.images.preparation.prepare import FITS, prepare_images

    height, width, channels = generator.image_shape
    fit, text = _fact(generator, "fit"), _fact(generator, "value_range")
    prepare = partial(
        prepare_images,
        data,
        image_size=(height, width),
        fit=fit if fit in FITS else FITS[0],
        value_range=parse_value_range(text) if text else None,
        label_column=label_column,
    )
    if channels != 4:  # the same options as a run, so that its prepared images are found in the cache
        prepared = prepare(channels=None)
        if prepared.images.shape[-1] == channels:
            return prepared
    return prepare(channels=channels)


def _fact(generator: "Generator", name: str) -> str | None:
    """A text from the facts of the training, which anybody may have written; None if there is none."""
    value = generator.facts.training.get(name) if generator.facts is not None else None
    return value if isinstance(value, str) else None


def _check_output_files(arguments: argparse.Namespace) -> None:
    for path, suffix in ((arguments.neighbors, ".png"), (arguments.json, ".json")):
        if path is None:
            continue
        if path.suffix.lower() != suffix:
            better = path.with_suffix(suffix) if path.name else f"evaluation{suffix}"
            raise SettingsError(f"This file must end in {suffix}. Received: {path}. Try {shell_word(better)}.")
        check_output_file(path, arguments.overwrite)


def _kept(chunks: "Iterable[np.ndarray]", kept: "list[np.ndarray]", count: int) -> "Iterator[np.ndarray]":
    """Yields the chunks of images unchanged, and appends those with the first `count` images to `kept`."""
    for chunk in chunks:
        if sum(map(len, kept)) < count:
            kept.append(chunk)
        yield chunk


def _notes(
    generator: "Generator", training: "PreparedImages", real: "PreparedImages", arguments: argparse.Namespace
) -> list[str]:
    """Caveats about the real images, in sentences."""
    notes = []
    known = generator.facts.dataset if generator.facts is not None else None
    if known is not None and known.fingerprint != training.fingerprint:
        notes.append(
            f"{generator.name} was not trained on exactly these images, so copies of its other training images are not "
            "found."
        )
    if generator.class_names and not real.class_names:
        notes.append(
            f"Nothing was measured within classes, since not all images have a label that is one of {generator.name} "
            f"({shorten(', '.join(generator.class_names))}). Put them into folders of these names."
        )
    if arguments.held_out is None:
        notes.append(
            "The real images are those of --data. If it was trained on them, copies score best; for a fair evaluation "
            "give unseen images with --held-out."
        )
    return notes


def _write_files(
    generator: "Generator",
    training: "PreparedImages",
    measures: "Measures",
    memorization: "Memorization",
    images: "np.ndarray",
    arguments: argparse.Namespace,
) -> None:
    from dcgan_hub import __version__
    from dcgan_hub.atomic_files import write_json
    from dcgan_hub.evaluation.memorization import neighbor_sheet
    from dcgan_hub.images.grids import cannot_write, save_png

    weights = generator.facts.weights if generator.facts is not None else None
    model = {"name": generator.name, "weights_sha256": weights.sha256 if weights is not None else None}
    if arguments.json is not None:
        content: dict[str, Any] = {"model": model, "data": arguments.data, "held_out": arguments.held_out}
        content |= {"training_fingerprint": training.fingerprint, "measures": measures.to_dict()}
        content |= {"memorisation": memorization.to_dict(), "dcgan_hub": __version__}
        try:
            write_json(arguments.json, content)
        except OSError as error:
            raise cannot_write(arguments.json, error) from error
        sys.stdout.write(f"Wrote {arguments.json}.\n")
    if arguments.neighbors is not None:
        seeds = range(arguments.seed, arguments.seed + len(images))
        sheet = neighbor_sheet(training.images, images, seeds, memorization)
        save_png(sheet, arguments.neighbors, {"model": generator.name, "Software": f"dcgan-hub {__version__}"})
        sys.stdout.write(f"Wrote {arguments.neighbors}.\n")
