"""Sample sheets for the page: decoded, re-encoded, and cached.

Measured on 2 cores with a sheet of 530 x 530 pixels: decoding the PNG takes 10 ms; encoding as WebP at quality 90 takes
15 ms (97 kB), as lossless WebP 12 to 47 ms (about 600 kB), as PNG 47 ms (563 kB). So the player uses WebP, and a sheet
is saved as PNG.
"""

import base64
import hashlib
import io
import threading
from dataclasses import dataclass
from typing import Any

from cachetools import LRUCache, cached
from PIL import Image

from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.errors import DcganHubError, RunError, shorten
from dcgan_hub.runs.directory import sheet_name
from dcgan_hub.runs.untrusted import count, decode_picture

FILM, THUMBNAIL, EXACT = "film", "thumbnail", "exact"
KINDS = (FILM, THUMBNAIL, EXACT)
KEPT_BYTES = 64_000_000
THUMBNAIL_SIDE = 320  # pixels, at most
SMALL_SHEET = 160  # pixels; the thumbnail of a smaller sheet shows all of it


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
        return self._encode(content, sheet_name(step), kind)

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
        except DcganHubError as error:
            return {"problem": str(error)}
        return encoded.to_dict()


def _content_and_kind(content: bytes, name: str, kind: str) -> tuple[bytes, str]:
    return hashlib.blake2b(content, digest_size=16).digest(), kind


def _encode(content: bytes, name: str, kind: str) -> Encoded:
    picture = decode_picture(content, name)
    if kind == THUMBNAIL:
        picture = _first_images(picture)
    buffer = io.BytesIO()
    if kind == EXACT:
        picture.save(buffer, format="PNG")
    else:
        picture.save(buffer, format="WEBP", quality=90, method=0)
    media_type = "image/png" if kind == EXACT else "image/webp"
    return Encoded(buffer.getvalue(), media_type, picture.width, picture.height)


def _first_images(sheet: Image.Image) -> Image.Image:
    """A thumbnail of the upper left quarter of a sheet, 4 x 4 of 8 x 8 images, for more detail."""
    if min(sheet.size) >= SMALL_SHEET:
        sheet = sheet.crop((0, 0, (sheet.width + 2) // 2, (sheet.height + 2) // 2))  # including the gap of 2 pixels
    sheet.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return sheet
