"""The grid of a sample sheet: 8 images in a row, 8 rows; with classes, a class in each row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcgan_hub.images.grids import GAP
from dcgan_hub.network_settings import MAX_CLASS_NAME_LENGTH, MAX_IMAGE_SIDE
from dcgan_hub.runs.untrusted import MAX_PICTURE_PIXELS, count, section, text

COLUMNS = 8
ROWS = 8  # without classes
MAX_ROWS = 32  # with classes, of which the first have a row


@dataclass(frozen=True)
class SheetGrid:
    """What the images of a sheet are, row by row."""

    seeds: tuple[int, ...]
    classes: tuple[int, ...] = ()  # of each image; empty without classes

    @property
    def rows(self) -> int:
        """Number of rows, of 8 images each."""
        return len(self.seeds) // COLUMNS

    def texts(self) -> dict[str, str]:
        """Text fields for the PNG: `seeds`, and with classes `classes`, the number of the class of each row."""
        seeds = {"seeds": f"{self.seeds[0]}-{max(self.seeds)}"}
        return seeds | ({"classes": ",".join(map(str, self.classes[::COLUMNS]))} if self.classes else {})


def sheet_grid(classes: int, image_size: tuple[int, int]) -> SheetGrid:
    """The grid for a generator of so many classes, 0 for none.

    With 2 to 4 classes there are several rows of each, of other seeds. Of many classes or large images, only as many
    rows as a sheet of 8 x 8 of the largest images has pixels, at most 32. A column has the same seed in each class.

    Args:
        classes: number of classes.
        image_size: (height, width) in pixels.
    """
    rows, columns = range(ROWS), range(COLUMNS)
    if not classes:
        return SheetGrid(tuple(COLUMNS * row + column for row in rows for column in columns))
    height, width = image_size
    fitting = (MAX_PICTURE_PIXELS // (GAP + COLUMNS * (width + GAP)) - GAP) // (height + GAP)
    rows = range(min(classes * max(1, ROWS // classes), MAX_ROWS, fitting))
    return SheetGrid(
        tuple(COLUMNS * (row // classes) + column for row in rows for column in columns),
        tuple(row % classes for row in rows for _ in columns),
    )


def grid_of_record(record: Mapping[str, Any]) -> SheetGrid:
    """The grid of the sheets of a run by the untrusted content of its `run.json`; 8 x 8 if that does not say it."""
    network = section(section(dict(record), "settings"), "network")
    sides = network.get("image_size")
    size = [count(side) or 0 for side in sides] if isinstance(sides, list) else []
    known = len(size) == 2 and all(1 <= side <= MAX_IMAGE_SIDE for side in size)
    return sheet_grid(count(network.get("classes")) or 0, (size[0], size[1])) if known else sheet_grid(0, (1, 1))


def cell_names(record: Mapping[str, Any]) -> list[str]:
    """What the page calls each image of a sheet, as in "Seed 3" or "Seed 3, cat", from an untrusted `run.json`."""
    grid = grid_of_record(record)
    if not grid.classes:
        return [f"Seed {seed}" for seed in grid.seeds]
    known = section(dict(record), "dataset").get("class_names")
    names = [text(name, MAX_CLASS_NAME_LENGTH) for name in known] if isinstance(known, list) else []
    names += [f"class {number}" for number in range(len(names), max(grid.classes) + 1)]
    return [f"Seed {seed}, {names[label]}" for seed, label in zip(grid.seeds, grid.classes, strict=True)]
