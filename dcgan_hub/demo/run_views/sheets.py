"""Sample sheets for the page: decoded, re-encoded, and cached.

Measured on 2 cores with a sheet of 530 x 530 pixels: decoding the PNG takes 10 ms; encoding as WebP at quality 90 takes
15 ms (97 kB), as lossless WebP 12 to 47 ms (about 600 kB), as PNG 47 ms (563 kB). So the player uses WebP, and a sheet
is saved as PNG.
"""

import base64
import hashlib
import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache, cached
from PIL import Image

from dcgan_hub.demo.admission import Busy
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.messages import explanation
from dcgan_hub.demo.validation import whole_number
from dcgan_hub.errors import DcganHubError, RunError, SettingsError, shorten
from dcgan_hub.images.grids import GAP, PAPER
from dcgan_hub.runs.directory import sheet_name
from dcgan_hub.runs.sheet_grid import COLUMNS, ROWS, grid_of_record
from dcgan_hub.runs.untrusted import MAX_PICTURE_PIXELS, MAX_SHEET_SIDE, count, decode_picture

FILM, THUMBNAIL, EXACT = "film", "thumbnail", "exact"
KINDS = (FILM, THUMBNAIL, EXACT)
KEPT_BYTES = 64_000_000
THUMBNAIL_SIDE = 320  # pixels, at most
SMALL_SHEET = 160  # pixels; the thumbnail of a smaller sheet shows all of it
FEW = 4  # rows and columns of a thumbnail
MAX_STRIP = 48  # steps, as many as runs_life.js asks for
MAX_STRIP_SIDE = 128  # pixels of an image in a strip
SHEETS_APART = 4 * GAP  # pixels between two sheets side by side
MAX_PAIR_PIXELS = 2 * MAX_PICTURE_PIXELS + SHEETS_APART * MAX_SHEET_SIDE


@dataclass(frozen=True)
class Encoded:
    """An encoded image: `content` of `media_type`, `width` x `height` pixels."""

    content: bytes
    media_type: str
    width: int
    height: int

    def to_dict(self) -> dict[str, Any]:
        """The image as a `data:` URL, with its size."""
        data = base64.b64encode(self.content).decode("ascii")
        return {"source": f"data:{self.media_type};base64,{data}", "width": self.width, "height": self.height}


class SheetCache:
    """Encodes sheets, with an LRU cache of 64 MB shared by all visitors."""

    def __init__(self, shelf: RunShelf) -> None:
        """Takes the shelf of runs."""
        self._shelf = shelf
        kept: LRUCache[Any, Encoded] = LRUCache(KEPT_BYTES, getsizeof=lambda encoded: len(encoded.content))
        self._encode = cached(kept, key=_content_and_kind, lock=threading.Lock())(_encode)

    def fetch(self, run: str, step: int, kind: str) -> Encoded:
        """The sheet of a step: as a frame of the time-lapse, as a thumbnail of its first images, or lossless."""
        content = self.read(run, step)
        if kind not in KINDS:
            raise RunError(f"`kind` must be one of {', '.join(KINDS)}. Received: {shorten(kind)!r}. Try film.")
        return self._encode(content, sheet_name(step), kind, grid_of_record(self._shelf.open(run).record).rows)

    def picture(self, run: str, step: int) -> Image.Image:
        """The sheet of a step, decoded; raises as `fetch` does."""
        return decode_picture(self.read(run, step), sheet_name(step))

    def read(self, run: str, step: int) -> bytes:
        """The unchanged file of a sheet; raises as `fetch` does."""
        view = self._shelf.open(run)
        if count(step) is None or step not in view.steps:
            near = min(view.steps, key=lambda known: abs(known - (count(step) or 0)), default=None)
            hint = f"Nearest: {near}" if near is not None else "It has none yet"
            raise RunError(f"The run must have a sheet of this step. Received: step {shorten(step, 40)}. {hint}.")
        return view.read_sheet(step)

    def serve(self, asked: Any) -> dict[str, Any]:
        """Answers a request of the page, {"run", "step", "kind"}, with the image or {"problem": a sentence}."""
        asked = asked if isinstance(asked, dict) else {}
        try:
            encoded = self.fetch(asked.get("run", ""), asked.get("step", -1), asked.get("kind", FILM))
        except Busy:
            raise  # which the page does not remember
        except DcganHubError as error:
            return {"problem": explanation(error)}
        return encoded.to_dict()

    def serve_life(self, asked: Any) -> dict[str, Any]:
        """Answers a request of the page for one image of the sheets of up to 48 steps.

        Args:
            asked: {"run", "cell": 0 to 63 (or more with many classes), row by row, "steps"}.

        Returns:
            The images side by side as one, and the `steps` whose sheets are readable; or {"problem": a sentence}.
        """
        asked = asked if isinstance(asked, dict) else {}
        try:
            crops = self._crops(asked.get("run", ""), asked.get("steps"), asked.get("cell"))
        except Busy:
            raise  # which the page does not remember
        except DcganHubError as error:
            return {"problem": explanation(error)}
        width, height = next(iter(crops.values())).size
        strip = Image.new("RGB", (width * len(crops), height))
        for place, crop in enumerate(crops.values()):
            strip.paste(crop.resize((width, height)), (place * width, 0))
        return _as_webp(strip).to_dict() | {"steps": list(crops)}

    def _crops(self, run: str, steps: Any, cell: Any) -> dict[int, Image.Image]:
        """One image of the sheet of each step; those of damaged sheets are left out, unless all are damaged."""
        rows = grid_of_record(self._shelf.open(run).record).rows
        number = whole_number("cell", cell, 0, COLUMNS * rows - 1)
        if not isinstance(steps, list) or not 1 <= len(steps) <= MAX_STRIP:
            received = f"{len(steps):,} steps" if isinstance(steps, list) else shorten(steps, 40)
            raise SettingsError(f"`steps` must be a list of 1 to {MAX_STRIP}. Received: {received}. Leave some out.")
        crops, problems = {}, []
        for step in steps:
            try:
                crops[step] = crop_of(self.picture(run, step), number, rows)
            except RunError as error:
                problems.append(error)
        if not crops:
            raise problems[0]
        return crops


def crop_of(sheet: Image.Image, cell: int, rows: int = ROWS) -> Image.Image:
    """One of the images of a sheet of 8 columns, at most 128 pixels wide or high.

    Raises:
        RunError: if the sheet is too small to hold them.
    """
    width, height = (GAP + images * (GAP + 1) for images in (COLUMNS, rows))
    if sheet.width < width or sheet.height < height:
        raise RunError(
            f"A sample sheet must have at least {width} x {height} pixels. "
            f"Received: {sheet.width} x {sheet.height}. Its images cannot be told apart."
        )
    row, column = divmod(cell, COLUMNS)
    across, down = (sheet.width - GAP) / COLUMNS, (sheet.height - GAP) / rows
    left, top = round(GAP + column * across), round(GAP + row * down)
    crop = sheet.crop((left, top, left + round(across) - GAP, top + round(down) - GAP))
    crop.thumbnail((MAX_STRIP_SIDE, MAX_STRIP_SIDE))
    return crop


def side_by_side(sheets: Sequence[Image.Image]) -> Image.Image:
    """Sheets on one; smaller ones are enlarged by a whole factor, so that their pixels stay sharp.

    Raises:
        RunError: if they are too large together.
    """
    height = max(sheet.height for sheet in sheets)
    sizes = [(sheet.width * (height // sheet.height), sheet.height * (height // sheet.height)) for sheet in sheets]
    width = sum(size[0] for size in sizes) + SHEETS_APART * (len(sizes) - 1)
    if width * height > MAX_PAIR_PIXELS:
        raise RunError(
            f"Sheets side by side may have at most {MAX_PAIR_PIXELS:,} pixels. Received: {width} x {height}. "
            "They are not shown together."
        )
    joined, left = Image.new("RGB", (width, height), PAPER), 0
    for sheet, size in zip(sheets, sizes, strict=True):
        joined.paste(sheet.resize(size, Image.Resampling.NEAREST), (left, (height - size[1]) // 2))
        left += size[0] + SHEETS_APART
    return joined


def _content_and_kind(content: bytes, name: str, kind: str, rows: int) -> tuple[bytes, str, int]:
    return hashlib.blake2b(content, digest_size=16).digest(), kind, rows


def _encode(content: bytes, name: str, kind: str, rows: int) -> Encoded:
    picture = decode_picture(content, name)
    if kind == EXACT:
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        return Encoded(buffer.getvalue(), "image/png", picture.width, picture.height)
    return _as_webp(_first_images(picture, rows) if kind == THUMBNAIL else picture)


def _as_webp(picture: Image.Image) -> Encoded:
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=90, method=0)
    return Encoded(buffer.getvalue(), "image/webp", picture.width, picture.height)


def _first_images(sheet: Image.Image, rows: int) -> Image.Image:
    """A thumbnail of the upper left 4 x 4 images of a sheet, for more detail."""
    if min(sheet.size) >= SMALL_SHEET:
        width, height = _extent(sheet.width, FEW, COLUMNS), _extent(sheet.height, min(FEW, rows), rows)
        sheet = sheet.crop((0, 0, width, height))
    sheet.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return sheet


def _extent(side: int, shown: int, images: int) -> int:
    """Pixels of the first images along a side of a sheet, with the gap behind the last one."""
    return (side - GAP) * shown // images + GAP
