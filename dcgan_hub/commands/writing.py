"""What commands that write files have in common: nothing is overwritten unasked, long work shows its progress."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dcgan_hub.errors import DataError

PROGRESS_AFTER_SECONDS = 2.0


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Adds `--overwrite`."""
    parser.add_argument("--overwrite", action="store_true", help="overwrite existing files")


def refuse_existing(existing: Iterable[Path], overwrite: bool) -> None:
    """Raises DataError if files exist that may not be replaced."""
    paths = list(existing)
    if paths and not overwrite:
        others = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
        raise DataError(
            f"Existing files are left alone. Received: {paths[0]}{others}, already there. "
            "Give another place, or add --overwrite."
        )


def check_output_file(path: Path, overwrite: bool) -> None:
    """Raises DataError if `path` is a folder, lies below a file, or exists and may not be replaced."""
    check_output_folder(path.parent)
    if path.is_dir():
        raise DataError(f"A file is written here. Received: the folder {path}. Give a file name inside it.")
    refuse_existing([path] if path.exists() else [], overwrite)


def check_output_folder(path: Path) -> None:
    """Raises DataError if `path` is no folder and cannot become one."""
    try:
        nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    except OSError as error:
        raise DataError(
            f"A folder must be usable. Received: {str(path)[:80]}: {error.strerror}. Give another."
        ) from error
    if not nearest.is_dir():
        raise DataError(f"A folder is needed here. Received: {path}, and {nearest} is a file. Give another place.")


def progress(items: Iterable[Any], total: int, unit: str) -> Any:
    """Passes items on; on a terminal, after two seconds, a bar shows how many are done and how long it will take."""
    from tqdm import tqdm

    return tqdm(items, total=total, unit=f" {unit}", delay=PROGRESS_AFTER_SECONDS, disable=not sys.stderr.isatty())
