"""The tray: images that a visitor keeps, at the bottom of the page and in the browser's storage, so that they persist.

The browser's storage is untrusted, so it is parsed as strictly as typed input.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.html import escaped, note
from dcgan_hub.demo.rendering.pictures import caption, plain_image
from dcgan_hub.demo.rendering.renderer import Drawing, Renderer
from dcgan_hub.demo.tabs.event_options import Updates
from dcgan_hub.demo.tabs.widgets import add_sheet
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.latent_points import MAX_CHARACTERS, parse_point

MAX_KEPT = 24  # per generator
MAX_MODELS = 12
STORAGE = "dcgan-hub-tray"
EMPTY = "Your tray is empty. Choose an image and keep it here; it stays until you remove it."
Kept = dict[str, list[str]]


@dataclass(frozen=True)
class Tray:
    """Components of the tray; `kept`, in the browser, contains texts of points by generator."""

    kept: gr.BrowserState
    view: gr.HTML
    clear: gr.Button


def add_tray() -> Tray:
    """Lays out the tray."""
    with gr.Row(elem_id="tray-bar"):
        view = add_sheet(tray_html(None), "tray")
        clear = gr.Button("Empty", size="sm", min_width=70, scale=0, interactive=False, elem_id="empty-tray")
    # The secret only has to be the same after a restart; nothing in the tray is confidential.
    return Tray(gr.BrowserState({}, storage_key=STORAGE, secret=STORAGE), view, clear)


def read_kept(value: Any) -> Kept:
    """Parses the browser's storage, dropping invalid entries."""
    kept: Kept = {}
    for model, texts in list(value.items())[:MAX_MODELS] if isinstance(value, dict) else ():
        if isinstance(model, str) and isinstance(texts, list):
            points = [text for text in texts[:MAX_KEPT] if isinstance(text, str) and _is_point(text)]
            kept[model] = list(dict.fromkeys(points))
    return kept


def keep(value: Any, model: str, text: str) -> Kept:
    """Adds a point.

    Raises:
        SettingsError: if the text is not a point, or the tray is full.
    """
    kept = read_kept(value)
    point = parse_point(text)
    mine = kept.pop(model, [])
    if len(mine) >= MAX_KEPT and point.text not in mine:
        raise SettingsError(f"The tray holds at most {MAX_KEPT} images. Received: one more. Remove one first.")
    others = dict(list(kept.items())[-MAX_MODELS + 1 :])
    return {**others, model: list(dict.fromkeys([*mine, point.text]))}


def remove(value: Any, model: str, text: str | None) -> Kept:
    """Removes a point, or all of them."""
    kept = read_kept(value)
    kept[model] = [point for point in kept.get(model, []) if text is not None and point != text]
    return kept


def show_tray(tray: Tray, renderer: Renderer, model: str, value: Any) -> Updates:
    """The images of one generator, and the button that removes them."""
    points = [parse_point(text) for text in read_kept(value).get(model, [])] if model else []
    try:
        view = tray_html(renderer.draw(model, points) if points else None)
    except DcganHubError as error:
        view = f'<div class="tray-place">{note(str(error), "note problem")}</div>'
    return {tray.view: view, tray.clear: gr.Button(interactive=bool(points))}


def tray_html(drawing: Drawing | None) -> str:
    """The images of the tray, each with a button that removes it."""
    if drawing is None:
        return f'<div class="tray-place">{note(EMPTY)}</div>'
    cells = []
    for point, image in zip(drawing.points, drawing.images, strict=True):
        name, text = escaped(caption(point)), escaped(point.text)
        cells.append(
            f'<span class="kept"><button type="button" class="picture" data-point="{text}" title="{name}">'
            f"{plain_image(image, f'Image of {caption(point)}')}</button>"
            f'<button type="button" class="remove" data-point="{text}" aria-label="Remove {name}">×</button>'
            "</span>"
        )
    return f'<div class="tray-place strip">{"".join(cells)}</div>'


def _is_point(text: str) -> bool:
    if len(text) > MAX_CHARACTERS:
        return False
    try:
        return parse_point(text).text == text
    except DcganHubError:
        return False
