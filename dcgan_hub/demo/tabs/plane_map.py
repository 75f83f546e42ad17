"""The map: the plane between four points as a surface on which a cursor moves, with one large picture that follows it.

All pictures are sent at once as one sprite sheet, so that moving the cursor sends no request.

H x W pixels.
"""

import dataclasses
from typing import Any

import gradio as gr
import numpy as np

from dcgan_hub.demo.rendering.captions import caption
from dcgan_hub.demo.rendering.files import sheet_file
from dcgan_hub.demo.rendering.links import MAX_NAME_LENGTH
from dcgan_hub.demo.rendering.pictures import strip_address
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Drawing, Renderer
from dcgan_hub.demo.style import STATIC
from dcgan_hub.demo.tabs.widgets import answer_to
from dcgan_hub.demo.validation import plain_text, read_points, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import Point, plane

CORNERS, FIRST_CORNERS = 4, "1, 2, 3, 4"
MIN_SIDE, MAX_SIDE = 2, 8  # of a plane that is asked for by the API
MIN_MAP_SIDE, MAX_MAP_SIDE = 4, 12
SPRITE_SIDE = 1024  # pixels, which limit the images of a map
MAX_LOSSLESS_PIXELS = 200_000  # of a sprite sheet; a larger one is lossy, so that it arrives soon
MAP = """\
<section class="map" aria-label="Map between four pictures">
  <h2>A map between four</h2>
  <canvas class="view pixels" width="1" height="1" role="img" aria-label="No picture yet"></canvas>
  <div class="ground" tabindex="0" role="application" aria-label="Map: arrow keys move the cursor">
    <img class="terrain" alt="" draggable="false" hidden>
    <canvas class="corner"></canvas><canvas class="corner"></canvas>
    <canvas class="corner"></canvas><canvas class="corner"></canvas>
    <span class="cursor" hidden></span>
  </div>
  <p class="words" aria-live="polite"></p>
  <p class="problem" role="alert"></p>
  <p class="actions">
    <button type="button" data-action="wander" aria-pressed="false" disabled>Wander</button>
    <button type="button" data-action="keep" disabled>Keep in tray</button>
    <button type="button" data-action="show" disabled>Show in Generate</button>
    <button type="button" data-action="save" disabled>Save the map</button>
  </p>
</section>
"""


def add_map() -> gr.HTML:
    """The map.

    Value: from `map_value`. `drawn_by`: as of `add_breeding`. `corners`: the text of a field, which is drawn a moment
    after it has changed. Events: `ask`, with the argument of `map_value`, `save`, with that of `map_file`, and `keep`
    and `show`, with {"point"}.
    """
    return gr.HTML(
        None, html_template=MAP, js_on_load=(STATIC / "map.js").read_text(encoding="utf-8"), elem_id="map",
        elem_classes="pixels", apply_default_css=False, drawn_by=["", None], corners=FIRST_CORNERS,
    )  # fmt: skip


def map_value(renderer: Renderer, model: str, asked: Any, truncation: Any) -> dict[str, Any]:
    """The map for the page, or the problem.

    Args:
        renderer: draws the images.
        model: name of the generator; "" before there is one.
        asked: {"corners": list of four points, "ticket"}, unchecked; see `answer_to`.
        truncation: see `Renderer.draw`.
    """

    def draw(question: dict[str, Any]) -> dict[str, Any]:
        drawing = draw_map(renderer, model, question.get("corners"), truncation)
        address, side = strip_address(drawing.images, MAX_LOSSLESS_PIXELS)
        height, width = drawing.images.shape[1:3]
        points = drawing.points
        corners = [points[index] for index in (0, side - 1, -side, -1)]
        return {
            "address": address, "side": side, "width": width, "height": height,
            "points": [point.text for point in points],
            "words": [caption(corner, drawing.class_names) for corner in corners],
            "drawn": {
                "model": model, "corners": ", ".join(corner.text for corner in corners), "truncation": truncation
            },
        }  # fmt: skip

    return answer_to(asked, model, draw)


def draw_map(renderer: Renderer, model: str, corners: Any, truncation: Any) -> Drawing:
    """Generates the square of images on the map, as many as are quickly sent."""
    points = renderer.with_classes(model, corner_points(corners))
    height, width = renderer.registry.facts(model).network.image_size
    side = min(MAX_MAP_SIDE, max(MIN_MAP_SIDE, SPRITE_SIDE // max(height, width)))
    grid = plane(points, side)
    parts = [
        renderer.draw(model, grid[start : start + MAX_IMAGES], truncation) for start in range(0, side**2, MAX_IMAGES)
    ]
    images = np.concatenate([part.images for part in parts])
    return dataclasses.replace(parts[0], points=grid, images=images)


def map_file(renderer: Renderer, drawn: Any) -> bytes:
    """The map as a PNG sheet; `drawn` is that part of the value of `map_value`, unchecked."""
    drawn = drawn if isinstance(drawn, dict) else {}
    model = plain_text("model", drawn.get("model"), MAX_NAME_LENGTH)
    return plane_sheet(draw_map(renderer, model, drawn.get("corners"), drawn.get("truncation")))


def plane_file(renderer: Renderer, model: str, corners: Any, side: Any, truncation: Any) -> bytes:
    """A plane of side x side images as a PNG sheet."""
    return plane_sheet(draw_plane(renderer, model, corners, side, truncation))


def plane_sheet(drawing: Drawing) -> bytes:
    """A square of images as a PNG file; its text fields name the points, which are too long for captions."""
    return sheet_file(drawing, round(len(drawing.points) ** 0.5), named=False)


def draw_plane(renderer: Renderer, model: str, corners: Any, side: Any, truncation: Any) -> Drawing:
    """Generates side x side images between four points."""
    points = renderer.with_classes(model, corner_points(corners))
    return renderer.draw(model, plane(points, whole_number("side", side, MIN_SIDE, MAX_SIDE)), truncation)


def corner_points(corners: Any) -> list[Point]:
    """Parses the four corners of a plane."""
    points = read_points("corners", corners, CORNERS)
    if len(points) != CORNERS:
        raise SettingsError(f"`corners` must be {CORNERS} seeds or points. Received: {len(points)}. Try 1, 2, 3, 4.")
    return points
