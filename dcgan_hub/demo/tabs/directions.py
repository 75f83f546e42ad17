"""The Directions tab: one image, and a slider for each direction of the latent space along which it can be moved.

The sliders ask the server without Gradio's queue, so that the image follows them.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from dcgan_hub.demo.rendering.captions import explanation
from dcgan_hub.demo.rendering.files import sheet_file
from dcgan_hub.demo.rendering.links import MAX_NAME_LENGTH, TAB, link_query
from dcgan_hub.demo.rendering.pictures import data_address, strip_address
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.style import STATIC
from dcgan_hub.demo.tabs.event_options import SILENT, Updates
from dcgan_hub.demo.tabs.photo import SEARCHING, search
from dcgan_hub.demo.tabs.widgets import (
    add_link,
    add_text,
    answer_to,
    chosen_point,
    controls_column,
    pictures_column,
)
from dcgan_hub.demo.validation import number_between, plain_text, read_point, whole_number
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.latent_points import MAX_AMOUNT, Point, Shifted, shift
from dcgan_hub.settings import MAX_SEED

FIRST_START = "1"
ROWS, MAX_ROWS = 10, 12  # on the page; of a sheet that is asked for by the API
NAMES = {str(direction) for direction in range(1, ROWS + 1)}  # of directions in JSON
REACH = 3.0  # of the sliders, in standard deviations of the latents
STOPS = (-REACH, -REACH / 2, 0.0, REACH / 2, REACH)  # shown above a slider
DIRECTIONS = """\
<section class="directions" aria-label="Directions">
  <div class="result">
    <img class="view" alt="No image yet" hidden>
    <span class="frame"></span>
    <p class="words" aria-live="polite"></p>
    <p class="problem" role="alert"></p>
    <p class="actions">
      <button type="button" data-action="keep" disabled>Keep in tray</button>
      <button type="button" data-action="show" disabled>Show in Generate</button>
      <button type="button" data-action="reset" disabled>Reset all</button>
    </p>
    <div class="photo">
      <button type="button" class="choose">Start from a picture of yours</button>
      <input type="file" accept="image/*" aria-label="A picture of yours" tabindex="-1" hidden>
      <figure hidden>
        <img class="target" alt="Your picture, small"><img class="found" alt="The nearest image so far">
        <figcaption><span aria-live="polite"></span><progress aria-label="Search"></progress></figcaption>
      </figure>
    </div>
  </div>
  <ol class="rows"></ol>
</section>
"""
ANOTHER_SEED = f"() => String(Math.floor(Math.random() * {MAX_SEED}))"
# Run in the browser. An update replaces all properties that are not Gradio's own.
TELL = "(start, ...drawn_by) => ({__type__: 'update', props: {start, drawn_by}})"


@dataclass(frozen=True)
class DirectionsTab:
    """Components of the tab; `start` is the image that is moved, a point."""

    view: gr.HTML
    start: gr.Textbox
    chance: gr.Button
    link: gr.HTML


def add_directions_tab(renderer: Renderer) -> DirectionsTab:
    """Lays out the tab."""
    with gr.Row(elem_classes="workbench"):
        with pictures_column():
            view = _add_directions(renderer)
        with controls_column():
            chance = gr.Button("Surprise me", variant="primary", elem_id="directions-surprise")
            hint = "A seed or point, or click an image in the tray"
            start = add_text(FIRST_START, "Image", "directions-start", info=hint)
            link = add_link("directions-link")
    return DirectionsTab(view, start, chance, link)


def _add_directions(renderer: Renderer) -> gr.HTML:
    """The image and its sliders.

    Value: from `photo.search`, the answer to the event `find`. `start`: the text of the field. `drawn_by`: the
    generator and the truncation. Events: `settled`, once the sliders rest, `keep` and `show`, all with {"point"}, and
    `find`, with {"picture", "ticket"}. Asks `rows` and `moved` of the server.
    """

    def rows(asked: Any) -> dict[str, Any]:
        return rows_value(renderer, asked)

    def moved(asked: Any) -> dict[str, Any]:
        return moved_value(renderer, asked)

    return gr.HTML(
        None, html_template=DIRECTIONS, js_on_load=(STATIC / "directions.js").read_text(encoding="utf-8"),
        elem_id="directions", elem_classes="pixels", apply_default_css=False, server_functions=[rows, moved],
        drawn_by=["", None], start=FIRST_START,
    )  # fmt: skip


def connect_directions_tab(tab: DirectionsTab, renderer: Renderer, current: gr.Textbox, truncation: gr.Slider) -> None:
    """Adds the tab's events, except those of the tray; `truncation` is that of the Generate tab."""

    def show_link(model: str, event: gr.EventData) -> Updates:
        try:
            return {tab.link: directions_query(model, renderer.registry.revision(model), chosen_point(event))}
        except DcganHubError:
            return {tab.link: ""}  # the generator is gone, which the page says where it is chosen

    def find(model: str, event: gr.EventData) -> Iterator[Updates]:
        for answer in search(renderer, model, event._data):
            yield {tab.view: answer} | ({tab.start: answer["point"]} if "point" in answer else {})

    tab.view.find(find, current, [tab.view, tab.start], trigger_mode="multiple", **SILENT, **SEARCHING)
    tab.view.settled(show_link, current, tab.link, **SILENT)
    tab.chance.click(None, None, tab.start, js=ANOTHER_SEED, **SILENT)
    gr.on(
        [tab.start.change, current.change, truncation.change], None, [tab.start, current, truncation], tab.view,
        js=TELL, **SILENT,
    )  # fmt: skip


def rows_value(renderer: Renderer, asked: Any) -> dict[str, Any]:
    """For each direction a strip of images, for the page; or the problem.

    Args:
        renderer: draws the images.
        asked: {"model", "start", "truncation", "ticket"}, unchecked; see `answer_to`.

    Returns:
        "start", the point without what the sliders add; "amounts", which these are, by direction; "rows", the
        addresses of strips with the images of `stops`; "width" and "height" of one image; and "revision".
    """

    def draw(question: dict[str, Any]) -> dict[str, Any]:
        model = _model_of(question)
        count = min(ROWS, renderer.registry.facts(model).network.latent_dim)
        start, amounts = _split(read_point("start", question.get("start")), count)
        drawing = renderer.draw(model, _moved_once(start, count, STOPS), question.get("truncation"))
        height, width = drawing.images.shape[1:3]
        strips = drawing.images.reshape(count, len(STOPS), *drawing.images.shape[1:])
        return {
            "start": start.text, "amounts": {str(number): amount for number, amount in amounts.items()},
            "stops": STOPS, "width": width, "height": height, "revision": drawing.revision,
            "rows": [strip_address(strip, columns=len(STOPS))[0] for strip in strips],
        }  # fmt: skip

    return answer_to(asked, _named_model(asked), draw)


def moved_value(renderer: Renderer, asked: Any) -> dict[str, Any]:
    """The image that the sliders make, for the page; or the problem.

    Args:
        renderer: draws the image.
        asked: as of `rows_value`, and "amounts" by direction.
    """

    def draw(question: dict[str, Any]) -> dict[str, Any]:
        point = shift(read_point("start", question.get("start")), _read_amounts(question.get("amounts")))
        drawing = renderer.draw(_model_of(question), [point], question.get("truncation"))
        words = explanation(point, drawing.class_names)
        return {"point": point.text, "words": words, "source": data_address(drawing.images[0])}

    return answer_to(asked, _named_model(asked), draw)


def directions_file(renderer: Renderer, model: str, point: Any, count: Any, reach: Any, truncation: Any) -> bytes:
    """A PNG sheet with a row for each of the first `count` directions, from -reach to +reach."""
    start, rows = read_point("point", point), whole_number("count", count, 1, MAX_ROWS)
    reach = round(number_between("reach", reach, 0.01, MAX_AMOUNT), 2)
    points = _moved_once(start, rows, np.linspace(-reach, reach, len(STOPS)).tolist())
    return sheet_file(renderer.draw(model, points, truncation), len(STOPS), named=False)


def directions_query(model: str, revision: str, point: str) -> str:
    """The query string of a link to the tab; `read_directions_link` reads it."""
    return link_query(model, revision, {TAB: "directions", "start": read_point("start", point).text})


def read_directions_link(tab: DirectionsTab, parameters: Mapping[str, str]) -> Updates:
    """The field that a link names; nothing for a link to another tab.

    Raises:
        SettingsError: if it is not a point.
    """
    if parameters.get(TAB) != "directions" or "start" not in parameters:
        return {}
    return {tab.start: read_point("start", parameters["start"]).text}


def _moved_once(start: Point, count: int, amounts: Iterable[float]) -> list[Point]:
    """`start` moved along each of the first directions, and along no other, by each of the amounts."""
    return [shift(start, {direction: amount}) for direction in range(1, count + 1) for amount in amounts]


def _split(point: Point, count: int) -> tuple[Point, dict[int, float]]:
    """The point without what `count` sliders add, and this by direction; a point beyond the sliders is left whole."""
    if not isinstance(point, Shifted) or any(number > count or abs(amount) > REACH for number, amount in point.shifts):
        return point, {}
    return point.start, dict(point.shifts)


def _read_amounts(value: Any) -> dict[int, float]:
    """Amounts by direction, as JSON has them: the names are texts."""
    if not isinstance(value, dict) or len(value) > ROWS or not all(name in NAMES for name in value):
        raise SettingsError(
            f"`amounts` must be numbers by direction, 1 to {ROWS}. Received: something else. Reload the page."
        )
    return {int(name): number_between(f"direction {name}", amount, -REACH, REACH) for name, amount in value.items()}


def _model_of(question: dict[str, Any]) -> str:
    return plain_text("model", question.get("model"), MAX_NAME_LENGTH)


def _named_model(asked: Any) -> str:
    """What the question names, unchecked; "" before there is a generator."""
    return str(asked.get("model") or "") if isinstance(asked, dict) else ""
