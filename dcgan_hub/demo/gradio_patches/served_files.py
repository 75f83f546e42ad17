"""Images for API clients: each is written once to the folder that Gradio serves, and returned by its path.

Gradio's own way encodes, hashes and copies each image, and repeatedly checks every directory of its path for links, in
the single thread that serves all requests. Here equal images share one file, whose path is built only from hashes and
names of points, so no checks are needed.
"""

import hashlib
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.data_classes import ImageData
from gradio.route_utils import API_PREFIX
from gradio.utils import get_upload_folder
from gradio_client.utils import encode_file_path  # type: ignore[import-untyped]

from dcgan_hub.demo.rendering.captions import caption, file_stem
from dcgan_hub.demo.rendering.pictures import encode_png
from dcgan_hub.demo.rendering.renderer import Drawing


@dataclass(frozen=True)
class ServedPictures:
    """Paths and captions of a gallery, returned by endpoints of a page with `hand_over_served`."""

    pictures: Sequence[tuple[str, str]]

    def answer(self) -> list[dict[str, Any]]:
        """The gallery's payload; URLs start at the server's root, and Gradio prepends the rest."""
        return [{"image": _described(path), "caption": words} for path, words in self.pictures]


def serve_drawing(drawing: Drawing, number: int | None = None) -> ServedPictures:
    """The first `number` images of a drawing, or all; text fields contain what is needed to reproduce them."""
    return ServedPictures([
        (_file(image, f"{file_stem(point)}.png", drawing.text_of(index)), caption(point, drawing.class_names))
        for index, (image, point) in enumerate(zip(drawing.images[:number], drawing.points[:number], strict=True))
    ])  # fmt: skip


def serve_strip(strip: Iterable[tuple[np.ndarray, str]]) -> ServedPictures:
    """Frames of an interpolation, with their position as the caption."""
    return ServedPictures([(_file(image, "frame.png", {}), words) for image, words in strip])


def hand_over_served(demo: gr.Blocks) -> None:
    """Lets event handlers of a page return `ServedPictures`.

    The method is replaced on the object, since a subclass of `gr.Blocks` is not needed for this.
    """
    usual = demo.postprocess_data

    async def postprocess(block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        if not isinstance(predictions, ServedPictures):
            return await usual(block_fn, predictions, state)
        # From here Gradio deletes files that are too old.
        block_fn.outputs[0].temp_files.update(path for path, _ in predictions.pictures)
        return [predictions.answer()]

    demo.postprocess_data = postprocess


def _file(image: np.ndarray, name: str, text: Mapping[str, str]) -> str:
    """Path of an image's file, which is written if it does not exist."""
    content = hashlib.blake2b(image.tobytes(), digest_size=24)
    content.update(repr((image.shape, *text.items())).encode())
    folder = Path(get_upload_folder()).absolute() / content.hexdigest()
    path = folder / name
    try:
        os.utime(path)  # renews the file, so that it is not deleted as too old
    except OSError:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{os.getpid()}-{threading.get_ident()}"
        try:
            unfinished.write_bytes(encode_png(image, text))
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)  # of a full disk, too
            raise
    return str(path)


def _described(path: str) -> dict[str, Any]:
    address = f"{API_PREFIX}/file={encode_file_path(path)}"
    return ImageData(path=path, url=address, orig_name=Path(path).name, mime_type="image/png").model_dump()
