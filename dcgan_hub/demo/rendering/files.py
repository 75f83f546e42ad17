"""Files for download: sheets, archives and animations, created in memory or in a temporary folder."""

import io
import json
import math
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_hub.demo.rendering.captions import class_words, file_stem, row_length
from dcgan_hub.demo.rendering.pictures import encode_png, png_files
from dcgan_hub.demo.rendering.renderer import Drawing, Renderer, identity_of
from dcgan_hub.demo.rendering.walks import Walk
from dcgan_hub.demo.validation import one_of, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.images.animations import border_color, on_canvas, save_animation
from dcgan_hub.images.grids import make_sheet
from dcgan_hub.networks.latent_points import OfClass

FORMATS = ("mp4", "gif", "webp", "zip")
# Height and width of an MP4; the picture's own, enlarged, without.
SHAPES = {"picture": None, "square": (1080, 1080), "9:16": (1920, 1080)}
MAX_GIF_FRAMES_PER_SECOND = 50
# Pixels that the longer side of smaller images reaches when enlarged by an integer factor, so that pixels stay sharp.
COMFORTABLE_SIDES = {"mp4": 512, "gif": 256, "webp": 256, "zip": 1}
WEBP_QUALITY = 90  # lossless takes seven times as long
EARLIEST_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that equal contents give equal files


def sheet_file(drawing: Drawing, columns: int | None = None, named: bool = True) -> bytes:
    """A PNG sheet of all images, if `named` with their names below; its text fields name them in any case."""
    names = [point.text for point in drawing.points]
    text = {name: value for name, value in drawing.text_of(0).items() if name not in ("seed", "point", "class")}
    columns = columns or row_length(drawing.points) or None
    sheet = make_sheet(drawing.images, columns, captions=_below(drawing) if named else None)
    return encode_png(sheet, {"points": ",".join(names), **text})


def _below(drawing: Drawing) -> list[str]:
    """What is below the images of a sheet: their points, and their classes by name."""
    if not drawing.class_names:
        return [point.text for point in drawing.points]
    return [
        f"{point.inner.text if isinstance(point, OfClass) else point.text} {class_words(point, drawing.class_names)}"
        for point in drawing.points
    ]


def archive_file(*drawings: Drawing) -> bytes:
    """A zip with one PNG per image, named by position and seed; those of several drawings are in numbered folders."""
    files: dict[str, bytes] = {}
    for number, drawing in enumerate(drawings, start=1):
        folder = f"{number}-{re.sub(r'[^A-Za-z0-9.@_-]+', '-', drawing.model)}/" if len(drawings) > 1 else ""
        digits = len(str(len(drawing.points)))
        names = [f"{index + 1:0{digits}}-{file_stem(point)}.png" for index, point in enumerate(drawing.points)]
        files |= {f"{folder}{name}": file for name, file in zip(names, png_files(drawing), strict=True)}
    return _zip(files)


def film_file(renderer: Renderer, walk: Walk, kind: Any, shape: Any = "picture") -> bytes:
    """An interpolation as the content of a file, with what is needed to generate it again; results are cached.

    Args:
        renderer: generates the images.
        walk: the interpolation; a GIF has up to 50 frames per second.
        kind: "mp4", "gif", "webp", or "zip" for single PNG frames.
        shape: of an MP4: "picture", or "square" and "9:16" for a plain canvas of 1080 x 1080 or 1080 x 1920 pixels.

    Raises:
        BundleError: for a model that does not exist or cannot be loaded.
        HubError: if it cannot be downloaded.
        SettingsError: for a wrong format or shape.
        DataError: if there is not enough disk space.
    """
    kind, shape = one_of("format", kind, FORMATS), one_of("shape", shape, tuple(SHAPES))
    _check_format(walk, kind, shape)
    generator = renderer.registry.load(walk.model)
    text = walk.text(renderer.registry.revision(walk.model))
    key = ("film", identity_of(generator), kind, shape, *text.items())
    content = renderer.cache.get(key)
    if content is None:
        images = renderer.walk(walk.model, walk.keys, walk.frames, walk.method, walk.loop, walk.truncation)
        if kind == "zip":
            content = _zip({f"frame-{index:03}.png": encode_png(image, text) for index, image in enumerate(images)})
        else:
            scale, size = math.ceil(COMFORTABLE_SIDES[kind] / max(generator.image_shape[:2])), SHAPES[shape]
            if size:
                color = border_color(renderer.draw(walk.model, walk.keys, walk.truncation).images)
                scale, images = 1, (on_canvas(image, size, color) for image in images)
            content = _encoded(images, kind, walk.frames_per_second, scale, text)
        renderer.cache.put(key, content)
    return content


def animation_name(kind: str) -> str:
    """The file name of an interpolation."""
    return "frames.zip" if kind == "zip" else f"walk.{kind}"


def _check_format(walk: Walk, kind: str, shape: str) -> None:
    if kind == "gif":
        whole_number("frames_per_second", walk.frames_per_second, 1, MAX_GIF_FRAMES_PER_SECOND)
    if kind != "mp4" and SHAPES[shape]:
        raise SettingsError(
            f"Only an mp4 can have a shape other than picture. Received: format={kind}, shape={shape}. "
            "Leave the shape out."
        )


def _encoded(images: Iterator[np.ndarray], kind: str, speed: int, scale: int, text: Mapping[str, str]) -> bytes:
    with tempfile.TemporaryDirectory(prefix="dcgan-hub-film-") as folder:
        path = Path(folder) / f"walk.{kind}"
        save_animation(images, path, speed, scale=scale, webp_quality=WEBP_QUALITY, comment=json.dumps(text))
        return path.read_bytes()


def _zip(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:  # PNG is already compressed
        for name, file in files.items():
            archive.writestr(zipfile.ZipInfo(name, EARLIEST_DATE), file)
    return content.getvalue()
