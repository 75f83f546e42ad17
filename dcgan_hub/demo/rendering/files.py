"""Files for download: sheets, archives and animations, created in memory or in a temporary folder."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcgan_hub.demo.rendering.pictures import encode_png, file_stem, png_files
from dcgan_hub.demo.rendering.renderer import (
    MAX_FRAMES,
    MIN_FRAMES,
    Drawing,
    Renderer,
    checked_truncation,
    weights_of,
)
from dcgan_hub.demo.validation import one_of, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.images.animations import save_animation
from dcgan_hub.images.grids import make_sheet
from dcgan_hub.networks.latent_points import Point
from dcgan_hub.networks.latents import METHODS

FORMATS = ("mp4", "gif", "webp", "zip")
MIN_KEYS, MAX_KEYS = 2, 8
MAX_FRAMES_PER_SECOND = 60
MAX_GIF_FRAMES_PER_SECOND = 50
# Pixels of the longer side, up to which smaller images are enlarged by an integer factor, so that pixels stay sharp.
COMFORTABLE_SIDES = {"mp4": 512, "gif": 256, "webp": 256, "zip": 1}
WEBP_QUALITY = 90  # lossless takes seven times as long
EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that equal contents give equal files


def sheet_file(drawing: Drawing, columns: int | None = None, named: bool = True) -> bytes:
    """A PNG sheet of all images, if `named` with their names below; its text fields name them in any case."""
    names = [point.text for point in drawing.points]
    text = {name: value for name, value in drawing.text_of(0).items() if name not in ("seed", "point")}
    sheet = make_sheet(drawing.images, columns, captions=names if named else None)
    return encode_png(sheet, {"points": ",".join(names), **text})


def archive_file(drawing: Drawing) -> bytes:
    """A zip with one PNG per image, named by position and seed."""
    digits = len(str(len(drawing.points)))
    names = [f"{index + 1:0{digits}}-{file_stem(point)}.png" for index, point in enumerate(drawing.points)]
    return _zip(dict(zip(names, png_files(drawing), strict=True)))


def film_file(
    renderer: Renderer,
    model: str,
    kind: Any,
    keys: Sequence[Point],
    frames: Any,
    frames_per_second: Any,
    method: Any,
    loop: Any,
    truncation: Any,
) -> bytes:
    """An interpolation through 2 to 8 points as the content of a file; results are cached.

    `kind` is "mp4", "gif", "webp", or "zip" for single PNG frames, with 1 to 60 frames per second (GIF: up to 50); the
    rest is as for `Renderer.walk`.

    Raises:
        BundleError: for a model that does not exist or cannot be loaded.
        HubError: if it cannot be downloaded.
        SettingsError: for numbers out of range.
        DataError: if there is not enough disk space.
    """
    kind, method = one_of("format", kind, FORMATS), one_of("method", method, tuple(METHODS))
    count, speed = checked_animation(keys, frames, frames_per_second, kind)
    factor = checked_truncation(truncation)
    generator = renderer.registry.load(model)
    texts = tuple(point.text for point in keys)
    key = ("film", weights_of(generator), texts, count, speed, method, bool(loop), factor, kind)
    content = renderer.cache.get(key)
    if content is None:
        images = renderer.walk(model, keys, count, method, bool(loop), factor)
        scale = max(1, COMFORTABLE_SIDES[kind] // max(generator.image_shape[:2]))
        if kind == "zip":
            content = _zip({f"frame-{index:03}.png": encode_png(image, {}) for index, image in enumerate(images)})
        else:
            with tempfile.TemporaryDirectory(prefix="dcgan-hub-film-") as folder:
                path = Path(folder) / f"walk.{kind}"
                save_animation(images, path, speed, scale=scale, webp_quality=WEBP_QUALITY)
                content = path.read_bytes()
        renderer.cache.put(key, content)
    return content


def animation_name(kind: str) -> str:
    """The file name of an interpolation."""
    return "frames.zip" if kind == "zip" else f"walk.{kind}"


def checked_animation(keys: Sequence[Point], frames: Any, frames_per_second: Any, kind: str = "mp4") -> tuple[int, int]:
    """Validates the number of key points; returns frames and frames per second as integers.

    Raises:
        SettingsError: if one of them is out of range.
    """
    if not MIN_KEYS <= len(keys) <= MAX_KEYS:
        raise SettingsError(f"Give {MIN_KEYS} to {MAX_KEYS} key frames. Received: {len(keys)}. Try 1, 2, 3, 4.")
    fastest = MAX_GIF_FRAMES_PER_SECOND if kind == "gif" else MAX_FRAMES_PER_SECOND
    count = whole_number("frames", frames, MIN_FRAMES, MAX_FRAMES)
    return count, whole_number("frames_per_second", frames_per_second, 1, fastest)


def _zip(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:  # PNG is already compressed
        for name, file in files.items():
            archive.writestr(zipfile.ZipInfo(name, EARLIEST_DATE), file)
    return content.getvalue()
