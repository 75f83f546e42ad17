"""The Interpolate tab: a walk through key frames, which the page plays itself and the server saves as a film."""

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from dcgan_hub.demo.html import note
from dcgan_hub.demo.messages import explanation
from dcgan_hub.demo.rendering.files import MAX_GIF_FRAMES_PER_SECOND, animation_name, film_file
from dcgan_hub.demo.rendering.renderer import MAX_FRAMES, MAX_IMAGES, MIN_FRAMES, Renderer
from dcgan_hub.demo.rendering.walks import MAX_KEYS, MIN_KEYS, Walk, checked_walk, key_points, walk_value
from dcgan_hub.demo.tabs.event_options import DRAWN, FILMED, QUIET, Updates
from dcgan_hub.demo.tabs.widgets import (
    add_link,
    add_slider,
    add_small_button,
    add_text,
    add_unseen,
    add_walk,
    controls_column,
    saver,
)
from dcgan_hub.demo.validation import one_of, whole_number
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.latents import METHODS

FIRST_KEYS = "1, 2, 3, 4"
STRIP_PICTURES = 9  # of the endpoint
METHOD_CHOICES = [("along the sphere", "slerp"), ("straight", "lerp")]
SHAPE_CHOICES = [("the picture", "picture"), ("square, 1080", "square"), ("9:16, 1080 × 1920", "9:16")]
SAVERS = {"mp4": "MP4", "gif": "GIF", "webp": "WebP", "zip": "frames"}
REQUESTED = ("model", "keys", "frames", "speed", "method", "loop", "truncation")  # in the order of the events' inputs
# Runs in the browser: asks for the walk of the fields, or, while nobody sees the tab, for the same as before.
ASK = """(asked, model, ...fields) =>
    model && document.querySelector("#walk canvas")?.getClientRects().length
        ? JSON.stringify([model, ...fields]) : asked
"""


@dataclass(frozen=True)
class InterpolateTab:
    """Components of the tab.

    Changing `request` draws the walk that it describes, see `read_request`; `drawn` is the request of the one shown.
    """

    walk: gr.HTML
    savers: dict[str, gr.Button]
    shape: gr.Radio
    keys: gr.Textbox
    problem: gr.HTML
    from_tray: gr.Button
    method: gr.Radio
    loop: gr.Checkbox
    frames: gr.Slider
    speed: gr.Slider
    request: gr.Textbox
    drawn: gr.Textbox
    link: gr.HTML


def add_interpolate_tab() -> InterpolateTab:
    """Lays out the tab."""
    with gr.Row(elem_classes="workbench"):
        with gr.Column(min_width=320):
            walk = add_walk()
        with controls_column():
            hint = f"{MIN_KEYS} to {MAX_KEYS} in order: seeds, points, or click an image in the tray"
            keys = add_text(FIRST_KEYS, "Key frames", "keys", info=hint)
            problem = gr.HTML("", elem_id="walk-problem")
            from_tray = gr.Button("Take all of the tray", size="sm", elem_id="keys-from-tray")
            method = gr.Radio(METHOD_CHOICES, value="slerp", label="Path", elem_id="method")
            loop = gr.Checkbox(True, label="Return to the first", elem_id="loop")
            frames = add_slider(MIN_FRAMES, MAX_FRAMES, 96, "Frames", "frames")
            # The page offers what all formats can; MP4 and WebP can be asked for more by the API.
            speed = add_slider(1, MAX_GIF_FRAMES_PER_SECOND, 24, "Frames per second", "speed")
            with gr.Row(elem_classes="tight", elem_id="film-downloads"):
                savers = {
                    kind: add_small_button(f"Save {name}", f"save-{name.lower()}", 80) for kind, name in SAVERS.items()
                }
            shape = gr.Radio(SHAPE_CHOICES, value="picture", label="Shape of the MP4", elem_id="film-shape")
            link = add_link("walk-link")
    request, drawn = add_unseen("Request for a walk", "walk-request"), add_unseen("Walk shown", "walk-drawn")
    return InterpolateTab(
        walk, savers, shape, keys, problem, from_tray, method, loop, frames, speed, request, drawn, link
    )


def connect_interpolate_tab(
    tab: InterpolateTab, renderer: Renderer, current: gr.Textbox, truncation: gr.Slider, download: gr.HTML
) -> None:
    """Adds the tab's events, except those of the tray; `truncation` is that of the Generate tab."""

    def show(request: str) -> Updates:
        try:
            walk = read_request(request)
            value = walk_value(renderer, walk)
        except DcganHubError as error:
            return {tab.problem: f'<div role="alert">{note(explanation(error), "problem")}</div>'}
        ready = {button: gr.Button(interactive=True) for button in tab.savers.values()}
        link = walk.query(renderer.registry.revision(walk.model))
        return {tab.walk: value, tab.drawn: request, tab.problem: "", tab.link: link, **ready}

    fields = [current, tab.keys, tab.frames, tab.speed, tab.method, tab.loop, truncation]
    asking = {"fn": None, "inputs": [tab.request, *fields], "outputs": tab.request, "js": ASK, **QUIET}
    tab.walk.shown(**asking)
    gr.on([field.change for field in fields], **asking)
    # The only listener that waits for its turn, since Gradio dispatches an event again to all when a waiting one ends.
    tab.request.change(
        show, tab.request, [tab.walk, tab.drawn, tab.problem, tab.link, *tab.savers.values()],
        trigger_mode="always_last", show_progress_on=[tab.walk], **DRAWN,
    )  # fmt: skip
    for kind, button in tab.savers.items():
        inputs = [tab.drawn, tab.shape] if kind == "mp4" else [tab.drawn]
        button.click(
            saver(partial(film_shown, renderer, kind)), inputs, download, show_progress_on=[tab.walk], **FILMED
        )


def read_request(request: Any) -> Walk:
    """Parses the page's request for a walk, a JSON list of the values of `REQUESTED`.

    Raises:
        SettingsError: if it is none, or one of the values is out of range.
    """
    try:
        values = json.loads(request)
    except (TypeError, ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(REQUESTED):
        raise SettingsError(
            f"A walk is a list of {', '.join(REQUESTED)}. Received: something else. Reload the page, and draw it again."
        )
    return checked_walk(*values, name="key frames")


def film_shown(renderer: Renderer, kind: str, drawn: Any, shape: Any = "picture") -> tuple[str, bytes]:
    """Name and content of a file with the walk that is shown."""
    return animation_name(kind), film_file(renderer, read_request(drawn), kind, shape)


def film_strip(
    renderer: Renderer, model: str, keys: Any, method: Any, loop: Any, truncation: Any, pictures: Any = STRIP_PICTURES
) -> list[tuple[np.ndarray, str]]:
    """Evenly spaced images of an interpolation, uint8 (H, W, C), each with its position: "25%"."""
    count = whole_number("pictures", pictures, MIN_FRAMES, MAX_IMAGES)
    method = one_of("method", method, tuple(METHODS))
    images = renderer.walk(model, key_points(keys), count, method, bool(loop), truncation)
    last = count if loop else count - 1
    return [(image, f"{index / last:.0%}") for index, image in enumerate(images)]
