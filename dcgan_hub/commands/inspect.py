"""`dcgan-hub inspect`: examines a set of images before training."""

import argparse
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.commands.writing import add_overwrite, check_output_file
from dcgan_hub.console import shell_word
from dcgan_hub.keras_startup import import_keras_quietly
from dcgan_hub.settings_fields import parse_value_range

if TYPE_CHECKING:
    from dcgan_hub.images.preparation.survey import Survey
    from dcgan_hub.settings import Settings

SUMMARY = "examine images before training: counts, sizes, duplicates, unusable files, preset and time of a run"
EXAMPLES = """\
dcgan-hub inspect ./anime
dcgan-hub inspect anime.zip --sheet anime-sheet.png"""

CELL_SIDE = 96  # pixels of a thumbnail on the contact sheet
WIDTH = 110  # of wrapped lines
MAX_NAMED = 6  # sizes, modes and labels that are listed individually


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.add_argument("data", metavar="DATA", help="images, as for --data of train.py")
    parser.add_argument("--split", metavar="NAME", help="split of a Hub dataset [train, or else the first]")
    parser.add_argument("--sheet", metavar="FILE", type=Path, help="contact sheet [inspect-NAME.png in this folder]")
    parser.add_argument("--no-estimate", action="store_true", help="do not estimate the time and memory of a run")
    parser.add_argument(
        "--value-range", metavar="LOW:HIGH", help="stored pixel values that become black and white, as for train.py"
    )
    parser.add_argument("--label-column", metavar="NAME", help="column of the labels, as for train.py")
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the survey, writes the contact sheet, and estimates the time and memory of a run."""
    from dcgan_hub.images.preparation.survey import survey_images
    from dcgan_hub.images.sources.detection import with_split
    from dcgan_hub.images.sources.hub_names import without_page

    arguments.data = without_page(arguments.data)
    if arguments.split is not None:
        arguments.data = with_split(arguments.data, arguments.split)
    sheet = arguments.sheet or _default_sheet(arguments.data)
    # Only a file name that the user gave is protected; the default one may be overwritten.
    check_output_file(sheet, arguments.overwrite or arguments.sheet is None)
    value_range = parse_value_range(arguments.value_range) if arguments.value_range else None
    survey = survey_images(arguments.data, value_range=value_range, label_column=arguments.label_column)
    sys.stdout.write(describe_survey(survey))
    _write_sheet(survey, sheet)
    sys.stdout.write(f"contact sheet  {sheet}\n")
    settings = _recommend(arguments.data, survey)
    sys.stdout.write(f"preset         {settings.preset} (recommended)\n")
    if not arguments.no_estimate:
        sys.stdout.write(_estimate(survey, settings))
    stretch = f" --value-range={arguments.value_range}" if value_range else ""
    labels = f" --label-column={shell_word(arguments.label_column)}" if arguments.label_column else ""
    sys.stdout.write(f"next           python train.py --data {shell_word(arguments.data)}{stretch}{labels}\n")
    return 0


def describe_survey(survey: "Survey") -> str:
    """The survey as lines of text."""
    from dcgan_hub.images.sources.exclusions import EXCLUSIONS
    from dcgan_hub.images.sources.other_kinds import advice_on_kinds, describe_kinds

    unique, kinds = survey.readable - survey.duplicates, describe_kinds(survey.other_kinds)
    lines = [
        f"images         {unique:,} unique in {survey.source} ({survey.files_found:,} files)",
        f"duplicates     {survey.duplicates:,}",
        f"not images     {survey.not_images:,} other files{f': {kinds}' if kinds else ''}",
        *(f"               {advice}" for advice in advice_on_kinds(survey.other_kinds)),
        f"height         {_range(survey.heights)}",
        f"width          {_range(survey.widths)}",
        f"sizes (HxW)    {_most({f'{h}x{w}': count for (h, w), count in survey.sizes.items()})}",
        f"formats        {_most(survey.formats)}",
        f"modes          {_most(survey.modes)}" + (" (all gray)" if survey.all_gray else ""),
        f"labels         {_most(survey.labels) or 'none'}",
        *textwrap.wrap(f"classes        {_describe_labels(survey)}", WIDTH, subsequent_indent=" " * 15),
        f"borders        {survey.constant_borders:.0%} have bars of a single color on two opposite sides",
    ]
    described = {
        reason: f"  {entry.count:,} {reason}, e.g. {', '.join(entry.examples)}"
        for reason, entry in survey.rejected.items()
    }
    left_out = [line for reason, line in described.items() if reason in EXCLUSIONS]
    rejected = [line for reason, line in described.items() if reason not in EXCLUSIONS]
    if left_out:
        lines += ["left out       files that are not training images", *left_out]
    lines.append("unusable       " + ("" if rejected else "none"))
    notes = [textwrap.fill(f"warning        {note}", WIDTH, subsequent_indent=" " * 15) for note in survey.notes]
    return "\n".join(lines + rejected + notes) + "\n"


def _describe_labels(survey: "Survey") -> str:
    """Whether `--classes auto` would make classes of the labels, and of how many images they are."""
    from dcgan_hub.images.preparation.classes import describe_classes, explain_automatic

    counts = {label: count for label, count in survey.labels.items() if count}
    return explain_automatic(counts, survey.readable) or describe_classes(counts)


def _range(quantiles: tuple[int, ...]) -> str:
    return f"{quantiles[0]} to {quantiles[-1]} pixels, median {quantiles[len(quantiles) // 2]}"


def _most(counts: dict[str, int]) -> str:
    named = [f"{name} {count:,}" for name, count in list(counts.items())[:MAX_NAMED]]
    more = len(counts) - MAX_NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _default_sheet(data: str) -> Path:
    from dcgan_hub.images.sources.detection import data_name

    stem = "".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in data_name(data)).strip("-")
    return Path(f"inspect-{stem or 'data'}.png")


def _write_sheet(survey: "Survey", sheet: Path) -> None:
    import numpy as np
    from PIL import Image, ImageOps

    from dcgan_hub import __version__
    from dcgan_hub.images.grids import make_sheet, save_png

    cells = []
    for sample in survey.samples:
        cell = Image.new("RGB", (CELL_SIDE, CELL_SIDE), "white")
        thumbnail = ImageOps.contain(sample.convert("RGBA"), (CELL_SIDE, CELL_SIDE), Image.Resampling.LANCZOS)
        cell.paste(thumbnail, ((CELL_SIDE - thumbnail.width) // 2, (CELL_SIDE - thumbnail.height) // 2), thumbnail)
        cells.append(np.asarray(cell))
    text = {"source": survey.source, "Software": f"dcgan-hub {__version__}"}
    save_png(make_sheet(np.stack(cells), columns=8, scale=1), sheet, text)


def _recommend(data: str, survey: "Survey") -> "Settings":
    import_keras_quietly()
    from dcgan_hub.presets import make_settings
    from dcgan_hub.training.hardware import has_gpu, resolve_precision
    from dcgan_hub.training.plan import choose_preset

    preset = choose_preset(data, survey.heights[2], survey.widths[2], gpu=has_gpu())
    values = {"channels": 1 if survey.all_gray else 3, "precision": resolve_precision("auto")}
    return make_settings(preset, values)


def _estimate(survey: "Survey", settings: "Settings") -> str:
    from dcgan_hub.console import format_bytes, format_duration
    from dcgan_hub.training.model import build_gan
    from dcgan_hub.training.reporting.estimate import estimate_run

    estimate = estimate_run(settings, build_gan(settings))
    training, network = settings.training, settings.network
    steps = training.steps or 0
    seconds = steps * training.batch_size / estimate.images_per_second
    pixels = (survey.readable - survey.duplicates) * network.image_size[0] * network.image_size[1] * network.channels
    return (
        f"time           {format_duration(seconds)} for the preset's {steps:,} steps "
        f"({estimate.images_per_second:,.0f} images per second, measured); --minutes sets a shorter time\n"
        f"memory         {format_bytes(estimate.memory_bytes)} while training; {format_bytes(pixels)} of disk space "
        "for the prepared images\n"
    )
