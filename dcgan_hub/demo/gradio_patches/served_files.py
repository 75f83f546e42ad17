"""Pictures for programs: each a file, written once into the folder that Gradio serves from, and handed over as it is.

Gradio's own way encodes, hashes and copies each picture, and asks of every directory on its path whether it is a link,
four times and twice over, in the one thread that answers everybody. Here equal pictures are one file, whose path was
made by us of nothing but hashes and the names of points, so there is nothing to ask.
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

from dcgan_hub.demo.rendering.pictures import caption, encode_png, file_stem
from dcgan_hub.demo.rendering.renderer import Drawing


@dataclass(frozen=True)
class ServedPictures:
    """Paths and captions of a gallery, as an endpoint returns them to a page that `hand_over_served` has prepared."""

    pictures: Sequence[tuple[str, str]]

    def answer(self) -> list[dict[str, Any]]:
        """What a gallery sends; the address begins at the server's root, and Gradio puts the rest before it."""
        return [{"image": _described(path), "caption": words} for path, words in self.pictures]


def serve_drawing(drawing: Drawing, number: int | None = None) -> ServedPictures:
    """The first `number` images of a drawing, or all; their text fields say how to draw them again."""
    return ServedPictures([
        (_file(image, f"{file_stem(point)}.png", drawing.text_of(index)), caption(point))
        for index, (image, point) in enumerate(zip(drawing.images[:number], drawing.points[:number], strict=True))
    ])  # fmt: skip


def serve_strip(strip: Iterable[tuple[np.ndarray, str]]) -> ServedPictures:
    """Frames of a walk, with where they are on it."""
    return ServedPictures([(_file(image, "frame.png", {}), words) for image, words in strip])


def hand_over_served(demo: gr.Blocks) -> None:
    """Lets a page answer with `ServedPictures`.

    The method is replaced on the object: the page is not of another kind, it only has less to do.
    """
    usual = demo.postprocess_data

    async def postprocess(block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        if not isinstance(predictions, ServedPictures):
            return await usual(block_fn, predictions, state)
        # Here Gradio looks for files that have become too old.
        block_fn.outputs[0].temp_files.update(path for path, _ in predictions.pictures)
        return [predictions.answer()]

    demo.postprocess_data = postprocess


def _file(image: np.ndarray, name: str, text: Mapping[str, str]) -> str:
    """Path of a picture's file, which is written if it is not there."""
    content = hashlib.blake2b(image.tobytes(), digest_size=24)
    content.update(repr((image.shape, *text.items())).encode())
    folder = Path(get_upload_folder()).absolute() / content.hexdigest()
    path = folder / name
    try:
        os.utime(path)  # it is as young again as one that was just made
    except OSError:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{os.getpid()}-{threading.get_ident()}"
        unfinished.write_bytes(encode_png(image, text))
        unfinished.replace(path)
    return str(path)


def _described(path: str) -> dict[str, Any]:
    address = f"{API_PREFIX}/file={encode_file_path(path)}"
    return ImageData(path=path, url=address, orig_name=Path(path).name, mime_type="image/png").model_dump()
