"""Helpers of commands that write files: protection against overwriting, and progress bars."""

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
    """Raises DataError if files exist that must not be overwritten."""
    paths = list(existing)
    if paths and not overwrite:
        others = f" and {len(paths) - 1:,} more" if len(paths) > 1 else ""
        raise DataError(
            f"Existing files are not overwritten. Received: {paths[0]}{others}, which already exists. "
            "Give another path, or add --overwrite."
        )


def check_output_file(path: Path, overwrite: bool) -> None:
    """Raises DataError if `path` is a folder, is below a file, or exists and must not be overwritten."""
    check_output_folder(path.parent)
    if path.is_dir():
        raise DataError(f"The output must be a file. Received: the folder {path}. Give a file name inside it.")
    refuse_existing([path] if path.exists() else [], overwrite)


def check_output_folder(path: Path) -> None:
    """Raises DataError if `path` is not a folder and cannot be created as one."""
    try:
        nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    except OSError as error:
        raise DataError(
            f"The output folder must be usable. Received: {str(path)[:80]}: {error.strerror}. Give another."
        ) from error
    if not nearest.is_dir():
        raise DataError(f"The output must be a folder. Received: {path}, but {nearest} is a file. Give another path.")


def progress(items: Iterable[Any], total: int, unit: str) -> Any:
    """Iterates over items; on a terminal a progress bar appears after two seconds."""
    from tqdm import tqdm

    return tqdm(items, total=total, unit=f" {unit}", delay=PROGRESS_AFTER_SECONDS, disable=not sys.stderr.isatty())
