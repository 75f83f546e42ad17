"""Answers of tools for language models: a gallery as one sheet that the model sees, everything else as text or JSON.

Gradio shows a model only an endpoint's single image. Galleries, several outputs at once, and objects become the text of
Python values, with paths of the server's disk; there is no option for this.
"""

import base64
import io
import json
from typing import Any

import gradio as gr
import numpy as np
from gradio.processing_utils import add_root_url
from gradio_client.utils import is_file_obj_with_meta  # type: ignore[import-untyped]
from PIL import Image

from dcgan_hub.images.grids import make_sheet

LARGEST_SIDE = 1568  # pixels of a sheet; language models reduce larger ones themselves
WEBP_QUALITY = 90


def show_pictures_to_tools(demo: gr.Blocks) -> None:
    """Makes the tools of a launched page answer with images, captions and JSON; a page without tools stays as it is.

    The method is replaced on the object, which `launch` creates.
    """
    server = demo.mcp_server_obj
    if server is None:
        return
    usual = server.postprocess_output_data

    def postprocess(data: Any, root_url: str) -> list[Any]:
        outputs = add_root_url(_outputs(data), root_url, None)
        return [part for output in outputs for part in parts_of(output, root_url)]

    def parts_of(output: Any, root_url: str) -> list[Any]:
        if _is_gallery(output):
            sheet = server.types.ImageContent(type="image", data=_sheet(output), mimeType="image/webp")
            return [sheet, *usual([_captions(output)], root_url)]
        if isinstance(output, str) or is_file_obj_with_meta(output):
            return usual([output], root_url)
        return usual([json.dumps(output, ensure_ascii=False)], root_url)

    server.postprocess_output_data = postprocess


def _outputs(data: Any) -> list[Any]:
    """The outputs of an endpoint one by one; Gradio wraps several that contain files in one more list."""
    first = data[0] if len(data) == 1 else None
    if isinstance(first, list | tuple) and any(map(is_file_obj_with_meta, first)):
        return list(first)
    return list(data)


def _is_gallery(output: Any) -> bool:
    return (
        isinstance(output, list)
        and bool(output)
        and all(isinstance(item, dict) and is_file_obj_with_meta(item.get("image")) for item in output)
    )


def _sheet(gallery: list[dict[str, Any]]) -> str:
    """All images with their captions below, as base64 of a WebP file."""
    images = np.stack([_pixels(item["image"]["path"]) for item in gallery])
    sheet = make_sheet(images, captions=[item["caption"] or "" for item in gallery])
    sheet.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    content = io.BytesIO()
    sheet.save(content, format="WEBP", quality=WEBP_QUALITY)
    return base64.b64encode(content.getvalue()).decode("ascii")


def _pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        pixels = np.asarray(picture)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _captions(gallery: list[dict[str, Any]]) -> str:
    lines = [f"{number}. {item['caption']}: {item['image']['url']}" for number, item in enumerate(gallery, start=1)]
    return "\n".join(["The images above, row by row, as PNG files of their own size:", *lines])
