"""The Interpolate tab: an interpolation through key frames as a film, and a slider between two images."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
import numpy as np

from dcgan_hub.demo.gradio_patches.raw_inputs import as_sent
from dcgan_hub.demo.html import escaped, note
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.files import (
    MAX_GIF_FRAMES_PER_SECOND,
    MAX_KEYS,
    MIN_KEYS,
    animation_name,
    checked_animation,
    film_file,
)
from dcgan_hub.demo.rendering.pictures import caption, plain_image, strip_address
from dcgan_hub.demo.rendering.renderer import MAX_FRAMES, MAX_IMAGES, MIN_FRAMES, Renderer
from dcgan_hub.demo.tabs.event_options import DRAWN, FILMED, QUIET, SILENT, Updates
from dcgan_hub.demo.tabs.widgets import (
    add_between,
    add_slider,
    add_small_button,
    add_text,
    add_unseen,
    controls_column,
    pictures_column,
    saver,
    short_lived_file,
)
from dcgan_hub.demo.validation import one_of, read_points, whole_number
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.latent_points import Point, turn
from dcgan_hub.networks.latents import METHODS

FIRST_KEYS = "1, 2, 3, 4"
STRIP_PICTURES = 9
SLIDER_STEPS = 40  # 41 images, one per 15 pixels of a slider of 600
LARGE_IMAGE, LARGE_SLIDER_STEPS = 128 * 128, 20  # above this number of pixels a slider has fewer images
METHOD_CHOICES = [("along the sphere", "slerp"), ("straight", "lerp")]
NO_FILM = "The film will appear here, after a preview of its frames."
DRAWN_WITH = ("model", "keys", "frames", "speed", "method", "loop", "truncation")  # in the order of the events' inputs
OUTDATED = note(
    "The settings have changed since this film was drawn. The buttons below save the film shown; draw the walk again "
    "to update it."
)
# Runs in the browser: compares the settings that the film was drawn with to the fields.
TELL_OUTDATED = f"""(drawn, ...settings) =>
    drawn && JSON.stringify(JSON.parse(drawn)) !== JSON.stringify(settings) ? {json.dumps(OUTDATED)} : \"\"
"""


@dataclass(frozen=True)
class InterpolateTab:
    """Components of the tab."""

    keys: gr.Textbox
    from_tray: gr.Button
    frames: gr.Slider
    speed: gr.Slider
    method: gr.Radio
    loop: gr.Checkbox
    draw: gr.Button
    thumbnails: gr.HTML
    strip: gr.HTML
    outdated: gr.HTML
    video: gr.Video
    drawn: gr.Textbox
    savers: dict[str, gr.Button]
    first: gr.Textbox
    last: gr.Textbox
    load: gr.Button
    between: gr.HTML


def add_interpolate_tab() -> InterpolateTab:
    """Lays out the tab."""
    with gr.Row(elem_classes="workbench"):
        with controls_column():
            hint = f"{MIN_KEYS} to {MAX_KEYS} in order: seeds, points, or click an image in the tray"
            keys = add_text(FIRST_KEYS, "Key frames", "keys", info=hint)
            from_tray = gr.Button("Take all of the tray", size="sm", elem_id="keys-from-tray")
            method = as_sent(gr.Radio(METHOD_CHOICES, value="slerp", label="Path", elem_id="method"))
            loop = as_sent(gr.Checkbox(True, label="Return to the first", elem_id="loop"))
            frames = add_slider(MIN_FRAMES, MAX_FRAMES, 96, "Frames", "frames")
            # The page offers what all formats can; MP4 and WebP can be asked for more by the API.
            speed = add_slider(1, MAX_GIF_FRAMES_PER_SECOND, 24, "Frames per second", "speed")
            draw = gr.Button("Draw the walk", variant="primary", elem_id="interpolate")
        with pictures_column():
            thumbnails = gr.HTML(empty_strip("Key frames"), elem_id="key-frames", elem_classes=["pixels", "film-row"])
            strip = gr.HTML(
                empty_strip("Film strip", NO_FILM), elem_id="film-strip", elem_classes=["pixels", "film-row"]
            )
            outdated = gr.HTML("", elem_id="film-outdated")
            video = gr.Video(
                label="Walk", show_label=False, autoplay=True, loop=True, interactive=False, buttons=[],
                elem_id="walk", elem_classes="pixels",
            )  # fmt: skip
            with gr.Row(elem_classes="tight", elem_id="film-downloads"):
                kinds = {"mp4": "MP4", "gif": "GIF", "webp": "WebP", "zip": "frames"}
                savers = {
                    kind: add_small_button(f"Save {name}", f"save-{name.lower()}") for kind, name in kinds.items()
                }
            drawn = add_unseen("What the film was drawn with", "film-drawn-with")
    with gr.Row(elem_classes="workbench", elem_id="between-row"):
        with controls_column():
            gr.HTML("<h2>Between two images</h2>")
            first, last = add_text("1", "From", "between-from"), add_text("2", "To", "between-to")
            load = gr.Button("Show what lies between", elem_id="between-load")
        with pictures_column():
            between = add_between()
    return InterpolateTab(
        keys, from_tray, frames, speed, method, loop, draw, thumbnails, strip, outdated, video, drawn, savers,
        first, last, load, between,
    )  # fmt: skip


def connect_interpolate_tab(
    tab: InterpolateTab, renderer: Renderer, current: gr.Textbox, truncation: gr.Slider, download: gr.HTML
) -> None:
    """Adds the tab's events, except those of the tray; `truncation` is that of the Generate tab."""

    def show_keys(model: str, keys: Any, truncation: Any) -> str:
        return keys_html(renderer, model, keys, truncation) if model else empty_strip("Key frames")

    @explained()
    def show_strip(model: str, keys: Any, frames: Any, speed: Any, method: Any, loop: Any, truncation: Any) -> Updates:
        checked_animation(key_points(keys), frames, speed)
        strip = plain_strip("Film strip", film_strip(renderer, model, keys, method, loop, truncation))
        drawn = json.dumps([model, keys, frames, speed, method, loop, truncation])
        return {tab.strip: strip, tab.video: None, tab.drawn: drawn, **buttons(True)}

    def show_film(drawn: str) -> Iterator[str]:
        with explained(), short_lived_file(*animation_file(renderer, "mp4", drawn)) as path:
            yield path

    @explained()
    def show_between(model: str, first: Any, last: Any, truncation: Any) -> dict[str, Any] | None:
        return between_value(renderer, model, first, last, truncation) if model else None

    def clear() -> Updates:
        nothing = {tab.strip: empty_strip("Film strip", NO_FILM), tab.video: None, tab.drawn: ""}
        return nothing | {tab.between: None} | buttons(False)

    def buttons(interactive: bool) -> Updates:
        return {button: gr.Button(interactive=interactive) for button in tab.savers.values()}

    request = [current, tab.keys, tab.frames, tab.speed, tab.method, tab.loop, truncation]
    shown = [tab.strip, tab.video, tab.drawn, *tab.savers.values()]
    gr.on(
        [current.change, tab.keys.change, truncation.input], show_keys, [current, tab.keys, truncation], tab.thumbnails,
        trigger_mode="always_last", **DRAWN,
    )  # fmt: skip
    gr.on([tab.draw.click, tab.keys.submit], show_strip, request, shown, **DRAWN).success(
        show_film, tab.drawn, tab.video, **FILMED
    )
    gr.on([field.change for field in (tab.drawn, *request)], None, [tab.drawn, *request], tab.outdated,
          js=TELL_OUTDATED, **QUIET)  # fmt: skip
    current.change(clear, None, [*shown, tab.between], **SILENT)
    gr.on(
        [tab.load.click, tab.first.submit, tab.last.submit], show_between,
        [current, tab.first, tab.last, truncation], tab.between, **DRAWN,
    )  # fmt: skip
    for kind, button in tab.savers.items():
        make = saver(partial(animation_file, renderer, kind))
        button.click(make, tab.drawn, download, show_progress_on=[tab.strip], **FILMED)


def animation_file(renderer: Renderer, kind: str, drawn: Any) -> tuple[str, bytes]:
    """Name and content of a file with the film shown; `drawn` is a JSON list of its settings, see `DRAWN_WITH`."""
    try:
        request = json.loads(drawn)
    except (TypeError, ValueError, RecursionError):
        request = None
    if not isinstance(request, list) or len(request) != len(DRAWN_WITH):
        raise SettingsError("A film must be drawn before it can be saved. Draw the walk first.")
    model, *rest = request
    return animation_name(kind), film_of(renderer, model, kind, *rest)


def key_points(keys: Any) -> list[Point]:
    """Parses the key frames of an interpolation."""
    points = _listed(keys)
    if len(points) < MIN_KEYS:
        raise SettingsError(
            f"`seeds` must be {MIN_KEYS} to {MAX_KEYS} seeds or points. Received: {len(points)}. Try 1, 2, 3, 4."
        )
    return points


def film_strip(
    renderer: Renderer, model: str, keys: Any, method: Any, loop: Any, truncation: Any, pictures: Any = STRIP_PICTURES
) -> list[tuple[np.ndarray, str]]:
    """Evenly spaced images of an interpolation, uint8 (H, W, C), each with its position: "25%"."""
    count = whole_number("pictures", pictures, MIN_FRAMES, MAX_IMAGES)
    method = one_of("method", method, tuple(METHODS))
    images = renderer.walk(model, key_points(keys), count, method, bool(loop), truncation)
    last = count if loop else count - 1
    return [(image, f"{index / last:.0%}") for index, image in enumerate(images)]


def film_of(renderer: Renderer, model: str, kind: str, keys: Any, *request: Any) -> bytes:
    """The content of the animation's file."""
    return film_file(renderer, model, kind, key_points(keys), *request)


def keys_html(renderer: Renderer, model: str, keys: Any, truncation: Any) -> str:
    """The key frames as thumbnails, or the error in their list."""
    try:
        points = _listed(keys)
        drawing = renderer.draw(model, points, truncation) if points else None
    except DcganHubError as error:
        return empty_strip("Key frames", str(error))
    if drawing is None:
        return empty_strip("Key frames", "Type seeds, or click images in the tray.")
    hint = "One more is needed." if len(points) < MIN_KEYS else ""
    named = [(image, caption(point)) for image, point in zip(drawing.images, points, strict=True)]
    return plain_strip("Key frames", named, hint)


def between_value(renderer: Renderer, model: str, first: Any, last: Any, truncation: Any) -> dict[str, Any]:
    """The data of the slider between two images; see between.js."""
    start, end = read_points("from", first, 1)[0], read_points("to", last, 1)[0]
    height, width = renderer.registry.facts(model).network.image_size
    steps = LARGE_SLIDER_STEPS if height * width > LARGE_IMAGE else SLIDER_STEPS
    drawing = renderer.draw(model, [turn(start, end, index / steps) for index in range(steps + 1)], truncation)
    address, columns = strip_address(drawing.images)
    rows = -(-len(drawing.images) // columns)
    return {
        "address": address, "columns": columns, "rows": rows, "width": width, "height": height,
        "points": [point.text for point in drawing.points], "words": [caption(point) for point in drawing.points],
    }  # fmt: skip


def _listed(keys: Any) -> list[Point]:
    """Up to 8 points; no points for an empty field."""
    return [] if isinstance(keys, str) and not keys.strip() else read_points("seeds", keys, MAX_KEYS)


def plain_strip(title: str, pictures: Sequence[tuple[np.ndarray, str]], hint: str = "") -> str:
    """A row of images with captions under a heading."""
    cells = "".join(
        f'<span class="picture">{plain_image(image, f"{title}: {words}")}<span class="caption">{escaped(words)}</span>'
        "</span>"
        for image, words in pictures
    )
    return f'<h3>{escaped(title)}</h3><div class="strip">{cells}{note(hint) if hint else ""}</div>'


def empty_strip(title: str, words: str = "") -> str:
    """A placeholder for a strip."""
    return f'<h3>{escaped(title)}</h3><div class="strip empty">{note(words) if words else ""}</div>'
