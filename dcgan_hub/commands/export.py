"""`dcgan-hub export`: a generator in the format of other programs."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_hub.commands.models import add_model, load_model
from dcgan_hub.commands.writing import add_overwrite, check_output_file
from dcgan_hub.console import format_bytes, shell_word
from dcgan_hub.errors import SettingsError

if TYPE_CHECKING:
    from dcgan_hub.bundle.portable import Agreement

SUMMARY = "write a generator as an ONNX file, for other languages, browsers and game engines"
EXAMPLES = """\
dcgan-hub export runs/anime --out anime.onnx
dcgan-hub export anna/faces@v1 --half --out faces.onnx"""
FORMATS = ("onnx",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    parser.add_argument("--format", choices=FORMATS, default="onnx", help="the format of the file [onnx]")
    parser.add_argument("--half", action="store_true", help="store kernels in half precision: half the size")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help="the file to write")
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Writes the file."""
    path: Path = arguments.out
    if path.suffix.lower() != f".{arguments.format}":
        better = shell_word(path.with_suffix(f".{arguments.format}") if path.name else f"generator.{arguments.format}")
        raise SettingsError(f"An ONNX file is named .onnx. Received: --out {path}. Try {better}.")
    check_output_file(path, arguments.overwrite)
    agreement = load_model(arguments).export(path, half_precision=arguments.half)
    sys.stdout.write(f"Wrote {path} ({format_bytes(path.stat().st_size)}). {_describe(agreement)}\n")
    return 0


def _describe(agreement: "Agreement | None") -> str:
    if agreement is None:
        return "It was not run, since onnxruntime is not installed."
    differing = round((1 - agreement.equal) * agreement.bytes_compared)
    others = f"; the others differ by at most {agreement.largest} of 255" if differing else ""
    return (
        f"Run by onnxruntime, {agreement.bytes_compared - differing:,} of {agreement.bytes_compared:,} bytes of 16 "
        f"images are equal to Python's{others}."
    )
