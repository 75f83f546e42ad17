"""Files with the images of two generators for the same points.

N images, H x W pixels, C channels.
"""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from dcgan_hub.demo.rendering.pictures import encode_png, enlarged
from dcgan_hub.demo.rendering.renderer import Drawing
from dcgan_hub.images.animations import on_canvas
from dcgan_hub.images.grids import make_sheet

WHITE = np.full(3, 255, np.uint8)


def pairs_file(first: Drawing, second: Drawing) -> bytes:
    """A PNG sheet of pairs of rows: the same points by the first generator and, below, by the second.

    Names of points are below the images; text fields contain what is needed to reproduce all of them.
    """
    names = [point.text for point in first.points]
    columns = min(len(names), math.ceil(math.sqrt(2 * len(names))))
    missing = -len(names) % columns  # in the last row
    above, below = in_one_size([first.images, second.images])
    blanks = np.broadcast_to(WHITE, (missing, *above.shape[1:]))
    rows = (_in_rows(np.concatenate([images, blanks]), columns) for images in (above, below))
    captions = [*names, *[""] * missing]
    lines = [captions[start : start + columns] for start in range(0, len(captions), columns)]
    sheet = make_sheet(
        np.concatenate([row for pair in zip(*rows, strict=True) for row in pair]),
        columns,
        captions=[name for line in lines for name in (*line, *line)],
    )
    return encode_png(sheet, {"points": ",".join(names), **pair_text(first, second)})


def pair_picture(first: Drawing, second: Drawing, side: int | None, sharp: bool) -> Image.Image:
    """The first images of two drawings, side by side.

    Args:
        first: is on the left.
        second: is on the right.
        side: pixels of the longer side of each; without it that of the larger one.
        sharp: whether pixels stay squares when they are enlarged.
    """
    images = [images[0] for images in in_one_size([first.images[:1], second.images[:1]])]
    left, right = (enlarged(image, side or max(image.shape[:2]), sharp) for image in images)
    pair = Image.new("RGB", (2 * left.width, left.height))
    pair.paste(left, (0, 0))
    pair.paste(right, (left.width, 0))
    return pair


def pair_text(first: Drawing, second: Drawing) -> dict[str, str]:
    """The text fields of a picture of both, except for the points."""
    text = first.text_of(0)
    others = {"other": second.model, **({"other_revision": second.revision} if second.revision else {})}
    return {name: value for name, value in text.items() if name not in ("seed", "point", "class")} | others


def in_one_size(all_images: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Arrays of uint8 (N, H, W, C) as RGB of the largest size; smaller images are enlarged, in the middle of white."""
    size = (max(images.shape[1] for images in all_images), max(images.shape[2] for images in all_images))
    return [np.stack([on_canvas(image, size, WHITE) for image in images]) for images in all_images]


def _in_rows(images: np.ndarray, columns: int) -> list[np.ndarray]:
    return [images[start : start + columns] for start in range(0, len(images), columns)]
