"""What benchmarks show: lines of progress, tables, sheets side by side."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dcgan_hub.images.grids import GAP, INK, PAPER, make_sheet, save_png

TITLE_HEIGHT = 22
SHEET_COLUMNS = 6
SHEET_IMAGES = SHEET_COLUMNS**2
PAGE_COLUMNS = 8
PAGE_IMAGES = PAGE_COLUMNS**2
SHEET_SIDE = 64  # pixels of an image; smaller ones are enlarged towards it


def say(text: str) -> None:
    """One line of progress, on standard error, so that standard output holds the tables only."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def load_average() -> float | None:
    """Processes that wanted to run during the last minute: figures taken beside other work say little."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def markdown_table(heading: list[str], rows: list[list[str]]) -> str:
    """A table with one line a row, padded so that it can be read as it is."""
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [heading, *rows]]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def sheets_side_by_side(sheets: Sequence[tuple[str, np.ndarray]]) -> Image.Image:
    """One picture of several sheets, each under its title.

    Args:
        sheets: titles, and uint8 (N, H, W, C) images of one size; 36 of each are shown.
    """
    scale = max(1, SHEET_SIDE // max(sheets[0][1].shape[1:3]))
    drawn = [make_sheet(np.asarray(images[:SHEET_IMAGES]), columns=SHEET_COLUMNS, scale=scale) for _, images in sheets]
    between = 4 * GAP
    width = sum(sheet.width for sheet in drawn) + between * (len(drawn) - 1)
    picture = Image.new("RGB", (width, TITLE_HEIGHT + max(sheet.height for sheet in drawn)), PAPER)
    pen, left = ImageDraw.Draw(picture), 0
    for (title, _), sheet in zip(sheets, drawn, strict=True):
        pen.text((left + GAP, 3), title, INK, ImageFont.load_default(size=14))
        picture.paste(sheet, (left, TITLE_HEIGHT))
        left += sheet.width + between
    return picture


def save_page(images: np.ndarray, path: Path) -> None:
    """Writes the page by which runs are looked at: the first 64 of uint8 (N, H, W, C), always of the same seeds."""
    scale = max(1, SHEET_SIDE // max(images.shape[1:3]))
    save_png(make_sheet(np.asarray(images[:PAGE_IMAGES]), columns=PAGE_COLUMNS, scale=scale), path)
