"""The files that the Generate tab saves: the selected image, the sheet, and its images as a zip."""

from functools import partial
from typing import Any

import gradio as gr

from dcgan_hub.demo.rendering.captions import file_stem
from dcgan_hub.demo.rendering.files import archive_file, sheet_file
from dcgan_hub.demo.rendering.pairs import pair_picture, pair_text, pairs_file
from dcgan_hub.demo.rendering.pictures import encode_png, enlarged
from dcgan_hub.demo.rendering.renderer import Drawing, Renderer
from dcgan_hub.demo.rendering.sheets import MAX_SHOWN, checked_sheet, draw_sheet, linked_sheet
from dcgan_hub.demo.tabs.event_options import DRAWING, SILENT
from dcgan_hub.demo.tabs.widgets import saver
from dcgan_hub.demo.validation import one_of, read_point

AS_DRAWN = "original"
SIZES = (AS_DRAWN, "512", "1080")  # pixels of the longer side of a saved PNG
SIZE_CHOICES = [("original", AS_DRAWN), ("512 px", "512"), ("1080 px", "1080")]
# In the browser: the link of the sheet, with as many images as it has grown to.
AS_GROWN = """link => link && link.replace(/&count=\\d+/,
    `&count=${document.querySelectorAll("#images button.picture").length}`)"""


def connect_files(
    buttons: dict[str, gr.Button], picture: list[Any], link: gr.HTML, renderer: Renderer, download: gr.HTML
) -> None:
    """Adds the events of the buttons "png", "sheet" and "archive".

    `picture` are the components with the arguments of `png_of`, and `link` has that of the sheet.
    """

    def make_sheet(link: Any) -> tuple[str, bytes]:
        drawings = drawings_of(renderer, link)
        return "sheet.png", sheet_file(drawings[0]) if len(drawings) == 1 else pairs_file(*drawings)

    def make_archive(link: Any) -> tuple[str, bytes]:
        return "images.zip", archive_file(*drawings_of(renderer, link))

    saving = {"outputs": download, **SILENT, **DRAWING}
    buttons["png"].click(saver(partial(png_of, renderer)), picture, **saving)
    buttons["sheet"].click(saver(make_sheet), link, js=AS_GROWN, **saving)
    buttons["archive"].click(saver(make_archive), link, js=AS_GROWN, **saving)


def png_of(
    renderer: Renderer, model: Any, text: Any, truncation: Any, size: Any = AS_DRAWN, sharp: Any = False,
    other: Any = "",
) -> tuple[str, bytes]:  # fmt: skip
    """File name and content of one image, or of those of two generators, side by side.

    `size` is one of `SIZES`, of the longer side in pixels.
    """
    point = read_point("point", text)
    size = one_of("size", size, SIZES)
    side = None if size == AS_DRAWN else int(size)
    name = f"{file_stem(point)}{f'-{side}' if side else ''}.png"
    drawing, *others = draw_sheet(renderer, checked_sheet(model, point.text, 1, truncation, other))
    fields = drawing.text_of(0)
    if others:
        return name, encode_png(
            pair_picture(drawing, others[0], side, bool(sharp)), fields | pair_text(drawing, others[0])
        )
    image = drawing.images[0]
    return name, encode_png(enlarged(image, side, bool(sharp)) if side else image, fields)


def drawings_of(renderer: Renderer, link: Any) -> list[Drawing]:
    """Generates the images of a link by each of its generators."""
    return draw_sheet(renderer, linked_sheet(renderer.registry, link, MAX_SHOWN))
