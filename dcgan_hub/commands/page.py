"""`dcgan-hub page`: one HTML file that draws a generator's images in the browser."""

import argparse
import sys
from pathlib import Path

from dcgan_hub.commands.models import add_model, load_model
from dcgan_hub.commands.writing import add_overwrite, check_output_file
from dcgan_hub.console import format_bytes, shell_word
from dcgan_hub.errors import SettingsError

SUMMARY = "write one HTML file that draws a generator's images in any browser, without a network"
EXAMPLES = """\
dcgan-hub page runs/anime --out anime.html
dcgan-hub page anna/faces@v1 --out faces.html"""
SUFFIXES = (".html", ".htm")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the HTML file to write")
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Writes the page."""
    path: Path = arguments.out
    if path.suffix.lower() not in SUFFIXES:
        better = shell_word(path.with_suffix(".html") if path.name else "page.html")
        raise SettingsError(f"A page must be an HTML file. Received: --out {path}. Try {better}.")
    check_output_file(path, arguments.overwrite)
    load_model(arguments).save_page(path)
    sys.stdout.write(
        f"Wrote {path} ({format_bytes(path.stat().st_size)}). It draws in any browser of 2023 or newer, without a "
        "network: open it, or send it.\n"
    )
    return 0
