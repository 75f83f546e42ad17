"""Images for the browser: PNG and WebP content, and the HTML of a sheet whose images can be selected.

N images, H x W pixels, C channels. Every text in the HTML is escaped.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from dcgan_hub.demo.html import escaped
from dcgan_hub.demo.rendering.captions import captions, class_words, explanation, row_length
from dcgan_hub.demo.rendering.png import encode_small_png, text_fields
from dcgan_hub.demo.rendering.renderer import Drawing
from dcgan_hub.images.grids import opaque
from dcgan_hub.networks.latent_points import Point

MAX_LOSSLESS_PIXELS = 128 * 128  # pixels of an image on the page; larger ones are shown as WebP and downloaded as PNG
MAX_LOSSLESS_STRIP_PIXELS = 1_000_000
WEBP_QUALITY = 92
FEW_IMAGES = 4  # on a sheet; so few are shown larger


def as_picture(image: np.ndarray) -> Image.Image:
    """Converts uint8 (H, W, C), C 1, 3 or 4, to a Pillow image."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def encode_png(picture: Image.Image | np.ndarray, text: Mapping[str, str]) -> bytes:
    """PNG content with text fields."""
    if isinstance(picture, np.ndarray):
        return encode_small_png(picture, text)
    content = io.BytesIO()
    picture.save(content, format="PNG", pnginfo=text_fields(text))
    return content.getvalue()


def png_files(drawing: Drawing) -> list[bytes]:
    """One PNG per image; its text fields contain what is needed to reproduce it."""
    return [encode_png(image, drawing.text_of(index)) for index, image in enumerate(drawing.images)]


def enlarged(image: np.ndarray, side: int, sharp: bool) -> Image.Image:
    """An image whose longer side has `side` pixels, with sharp pixels or smooth."""
    picture = as_picture(image)
    factor = side / max(picture.size)
    size = (round(picture.width * factor), round(picture.height * factor))
    return picture.resize(size, Image.Resampling.NEAREST if sharp else Image.Resampling.BICUBIC)


def data_address(image: np.ndarray) -> str:
    """A uint8 image (H, W, C) as a `data:` URL, lossless up to 128 x 128."""
    return _address(image, MAX_LOSSLESS_PIXELS)


def strip_address(
    images: np.ndarray, largest: int = MAX_LOSSLESS_STRIP_PIXELS, columns: int | None = None
) -> tuple[str, int]:
    """A `data:` URL of all images, uint8 (N, H, W, C), as one sprite sheet, row by row, and the number of columns.

    Sheets of more than `largest` pixels are lossy; without `columns` they are as square as can be.
    """
    count, height, width = images.shape[:3]
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    strip = np.zeros((rows * height, columns * width, images.shape[-1]), np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        strip[row * height : (row + 1) * height, column * width : (column + 1) * width] = image
    return _address(strip, largest), columns


def sheet_html(drawings: Sequence[Drawing], chosen: str = "") -> str:
    """A sheet of image buttons; two drawings of the same points form pairs, the first above the second.

    The same points in one class after another are a row for each, under its name.
    """
    cells, columns = sheet_cells(drawings, chosen), row_length(drawings[0].points)
    return _rows_by_class(cells, columns, drawings[0]) if columns else _sheet(cells)


def sheet_cells(drawings: Sequence[Drawing], chosen: str = "") -> list[str]:
    """The buttons of a sheet; `data-point` contains the point's text, and the one equal to `chosen` is marked."""
    points, names = drawings[0].points, drawings[0].class_names
    return [
        _cell(point, name, [(drawing, drawing.images[index]) for drawing in drawings], point.text == chosen)
        for index, (point, name) in enumerate(zip(points, captions(points, names), strict=True))
    ]


def waiting_html(number: int, height: int, width: int) -> str:
    """A sheet of placeholders, so that the layout does not shift when the images arrive."""
    cell = (
        f'<span class="picture waiting"><span class="frame" style="aspect-ratio:{width}/{height}"></span>'
        '<span class="caption">&nbsp;</span></span>'
    )
    return _sheet([cell] * number)


def plain_image(image: np.ndarray, words: str) -> str:
    """An `img` element with alternative text."""
    height, width = image.shape[:2]
    return f'<img src="{data_address(image)}" alt="{escaped(words)}" width="{width}" height="{height}">'


def _cell(point: Point, short: str, drawn: Sequence[tuple[Drawing, np.ndarray]], is_chosen: bool) -> str:
    words = explanation(point, drawn[0][0].class_names)
    name, text = escaped(words), escaped(point.text)
    images = "".join(
        plain_image(image, f"Image of {words}{f' by {drawing.model}' if len(drawn) > 1 else ''}")
        for drawing, image in drawn
    )
    return (
        f'<button type="button" class="picture" data-point="{text}" aria-pressed="{str(is_chosen).lower()}" '
        f'title="{name}">{images}<span class="caption">{escaped(short)}</span></button>'
    )


def _sheet(cells: Sequence[str]) -> str:
    return f'<div class="sheet{" few" if len(cells) <= FEW_IMAGES else ""}">{"".join(cells)}</div>'


def _rows_by_class(cells: Sequence[str], columns: int, drawing: Drawing) -> str:
    rows = []
    for start in range(0, len(cells), columns):
        name = class_words(drawing.points[start], drawing.class_names)
        rows.append(
            f'<p class="row-name" title="{escaped(name)}">{escaped(name)}</p>{"".join(cells[start : start + columns])}'
        )
    return f'<div class="sheet by-class" style="--columns:{columns}">{"".join(rows)}</div>'


def _address(image: np.ndarray, largest: int) -> str:
    """A `data:` URL: PNG up to `largest` pixels, lossy WebP above."""
    kind, buffer = "png", io.BytesIO()
    if image.shape[0] * image.shape[1] <= largest:
        buffer.write(encode_png(image, {}))
    else:
        kind = "webp"
        as_picture(image if image.shape[-1] > 1 else opaque(image)).save(buffer, "WEBP", quality=WEBP_QUALITY)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
