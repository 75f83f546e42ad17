"""The tray: images that a visitor keeps, at the bottom of the page and in the browser's storage, so that they persist.

The browser's storage is untrusted, so it is parsed as strictly as typed input. Every change starts from what is stored
now, since another browser tab may have changed it.
"""

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.html import escaped, note
from dcgan_hub.demo.messages import explanation
from dcgan_hub.demo.rendering.captions import caption
from dcgan_hub.demo.rendering.pictures import plain_image
from dcgan_hub.demo.rendering.renderer import Drawing, Renderer
from dcgan_hub.demo.tabs.event_options import Updates
from dcgan_hub.demo.tabs.widgets import add_sheet, add_stored, add_unseen
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.point_syntax import MAX_CHARACTERS, parse_point

MAX_KEPT = 24  # per generator
MAX_MODELS = 12
MAX_STORED = MAX_MODELS * MAX_KEPT * MAX_CHARACTERS
STORAGE = "dcgan-hub-kept"  # the key in the browser's storage
# In the browser, before an event with the inputs (model, kept, ...): `kept` becomes what is stored now.
READ_STORED = f"""(model, kept, ...others) => {{
    try {{ kept = localStorage.getItem("{STORAGE}") ?? kept; }} catch {{ /* not allowed: what the page knows */ }}
    return [model, kept, ...others];
}}"""
STORE = f"""kept => {{
    try {{ localStorage.setItem("{STORAGE}", kept); }} catch {{ /* not allowed: it is kept until the page is left */ }}
}}"""
EMPTIED = "The tray is empty."
Kept = dict[str, list[str]]


@dataclass(frozen=True)
class Tray:
    """Components of the tray.

    `kept` is a copy of what is stored, JSON with texts of points by generator; `before` is what it was before images
    were removed, or "". `stored` has the event `sync`, when another browser tab has changed what is stored. Changing
    `request` triggers an update of the images.
    """

    kept: gr.Textbox
    before: gr.Textbox
    stored: gr.HTML
    view: gr.HTML
    clear: gr.Button
    undo: gr.Button
    request: gr.Textbox


def add_tray() -> Tray:
    """Lays out the tray."""
    with gr.Row(elem_id="tray-bar"):
        view = add_sheet(tray_html(None), "tray")
        clear = gr.Button("Empty", size="sm", min_width=70, scale=0, visible=False, elem_id="empty-tray")
        undo = gr.Button("Undo", size="sm", min_width=70, scale=0, visible=False, elem_id="undo-tray")
    kept, before = add_unseen("Kept images", "kept"), add_unseen("Kept images before", "kept-before")
    request = add_unseen("Request for the tray", "tray-request")
    return Tray(kept, before, add_stored(STORAGE), view, clear, undo, request)


def read_kept(value: Any) -> Kept:
    """Parses the browser's storage, dropping invalid entries."""
    try:
        stored = json.loads(value) if isinstance(value, str) and len(value) <= MAX_STORED else {}
    except (ValueError, RecursionError):
        stored = {}
    kept: Kept = {}
    for model, texts in list(stored.items())[:MAX_MODELS] if isinstance(stored, dict) else ():
        if isinstance(texts, list):
            points = [text for text in texts[:MAX_KEPT] if isinstance(text, str) and _is_point(text)]
            kept[model] = list(dict.fromkeys(points))
    return kept


def keep(value: Any, model: str, text: str) -> str:
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
    return json.dumps({**others, model: list(dict.fromkeys([*mine, point.text]))})


def remove(value: Any, model: str, text: str | None) -> str:
    """Removes a point, or all of them."""
    kept = read_kept(value)
    kept[model] = [point for point in kept.get(model, []) if text is not None and point != text]
    return json.dumps(kept)


def bring_back(value: Any, model: str, before: Any) -> str:
    """The tray with the points of `before` again, in their order; those that were kept since follow."""
    kept = read_kept(value)
    points = dict.fromkeys([*read_kept(before).get(model, []), *kept.get(model, [])])
    return json.dumps({**kept, model: list(points)[:MAX_KEPT]})


def show_tray(tray: Tray, renderer: Renderer, model: str, value: Any, before: Any) -> Updates:
    """The images of one generator, and the buttons that remove them and bring them back."""
    points = [parse_point(text) for text in read_kept(value).get(model, [])] if model else []
    can_undo = bool(read_kept(before).get(model))
    try:
        view = tray_html(renderer.draw(model, points) if points else None, can_undo)
    except DcganHubError as error:
        view = f'<div class="tray-place shown">{note(explanation(error), "note problem")}</div>'
    shown = {tray.clear: gr.Button(visible=bool(points)), tray.undo: gr.Button(visible=can_undo)}
    return {tray.kept: json.dumps(read_kept(value)), tray.view: view, **shown}


def tray_html(drawing: Drawing | None, can_undo: bool = False) -> str:
    """The images of the tray, each with a button that removes it; nothing for an empty tray, see page.css."""
    if drawing is None:
        return f'<div class="tray-place shown">{note(EMPTIED)}</div>' if can_undo else '<div class="tray-place"></div>'
    cells = []
    for point, image in zip(drawing.points, drawing.images, strict=True):
        words = caption(point, drawing.class_names)
        name, text = escaped(words), escaped(point.text)
        cells.append(
            f'<span class="kept"><button type="button" class="picture" data-point="{text}" title="{name}">'
            f"{plain_image(image, f'Image of {words}')}</button>"
            f'<button type="button" class="remove" data-point="{text}" aria-label="Remove {name}">×</button>'
            "</span>"
        )
    return f'<div class="tray-place strip shown">{"".join(cells)}</div>'


def _is_point(text: str) -> bool:
    if len(text) > MAX_CHARACTERS:
        return False
    try:
        return parse_point(text).text == text
    except DcganHubError:
        return False
