"""The choice of a class on the Generate tab: names with small pictures, and a sheet with a row for each class."""

from typing import Any

import gradio as gr
import numpy as np

from dcgan_hub.demo.rendering.links import MAX_NAME_LENGTH
from dcgan_hub.demo.rendering.pictures import enlarged, strip_address
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Renderer
from dcgan_hub.demo.style import STATIC
from dcgan_hub.demo.tabs.widgets import answer_to
from dcgan_hub.demo.validation import plain_text, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import Seed, of_class
from dcgan_hub.settings import MAX_SEED

PICTURES_AT_ONCE = 32  # of one answer
PICTURE_SIDE = 64  # pixels; larger images are shrunk
PICTURED_SEED = 0
MAX_ROWS = 32  # of a sheet by class, so that each has at least two images
MAX_ROW_LENGTH = 6
CLASSES = """\
<section class="classes" aria-label="Class">
  <div class="head">
    <span class="title">Class</span>
    <input type="search" class="filter" placeholder="Find a class" aria-label="Find a class" autocomplete="off" hidden>
  </div>
  <div class="options" role="listbox" aria-label="Class"></div>
  <p class="found" role="status"></p>
  <button type="button" class="by-class">A row for each class</button>
</section>
"""


def add_class_choice(renderer: Renderer) -> gr.HTML:
    """The classes of a generator, to choose one; nothing for a generator without.

    Value: from `choice_value`. `chosen`: the name of the chosen class, or "" for the one that a seed draws. Events:
    `choose`, with {"name"}, and `rows`, with {"classes"}, the numbers of those that are listed. Asks `pictures` of the
    server.
    """

    def pictures(asked: Any) -> dict[str, Any]:
        return pictures_value(renderer, asked)

    return gr.HTML(
        None, html_template=CLASSES, js_on_load=(STATIC / "class_choice.js").read_text(encoding="utf-8"),
        elem_id="classes", elem_classes="pixels", apply_default_css=False, server_functions=[pictures], chosen="",
    )  # fmt: skip


def choice_value(renderer: Renderer, model: str) -> dict[str, Any]:
    """What the page needs to list the classes of a generator."""
    return {"model": model, "names": list(renderer.class_names(model)), "most": MAX_ROWS}


def chosen_name(event: gr.EventData) -> str:
    """The class in the data of the event `choose`, or ""; raises SettingsError if it is no text."""
    data = event._data if isinstance(event._data, dict) else {}
    return plain_text("class", data.get("name", ""), MAX_NAME_LENGTH)


def pictures_value(renderer: Renderer, asked: Any) -> dict[str, Any]:
    """A small picture of each of some classes, for the page; or the problem.

    Args:
        renderer: draws them.
        asked: {"model", "classes": numbers, "ticket"}, unchecked; see `answer_to`.

    Returns:
        "address" of a strip with the pictures side by side, in the order of "classes", and the "ticket".
    """

    def draw(question: dict[str, Any]) -> dict[str, Any]:
        model = plain_text("model", question.get("model"), MAX_NAME_LENGTH)
        count = len(renderer.class_names(model))
        numbers = _class_numbers(question.get("classes"), count, PICTURES_AT_ONCE)
        images = renderer.draw(model, [of_class(Seed(PICTURED_SEED), number) for number in numbers]).images
        return {"address": strip_address(_shrunk(images), columns=len(images))[0]}

    model = asked.get("model") if isinstance(asked, dict) else ""
    return answer_to(asked, str(model or ""), draw)


def rows_by_class(numbers: Any, count: int, seed: Any) -> str:
    """A list of points with a row for each class: the same seeds in one class after another, at most 64 images.

    Args:
        numbers: of the classes, unchecked; 1 to 32.
        count: of all classes.
        seed: the text of the field of seeds; rows begin with its seed, or with 0 if it is a list.
    """
    classes = _class_numbers(numbers, count, MAX_ROWS)
    length = min(MAX_ROW_LENGTH, MAX_IMAGES // len(classes))
    text = str(seed).strip()
    first = min(int(text), MAX_SEED - length) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    return ", ".join(f"{first}-{first + length - 1}c{number}" for number in classes)


def _class_numbers(value: Any, count: int, most: int) -> list[int]:
    if not count:
        raise SettingsError("A sheet by class needs a generator with classes. Received: one without. Choose another.")
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise SettingsError(
            f"`classes` must be a list of 1 to {most} numbers. Received: something else. Reload the page."
        )
    return [whole_number("class", number, 0, count - 1) for number in value]


def _shrunk(images: np.ndarray) -> np.ndarray:
    """Images, uint8 (N, H, W, C), whose longer side has at most 64 pixels."""
    if max(images.shape[1:3]) <= PICTURE_SIDE:
        return images
    small = [np.asarray(enlarged(image, PICTURE_SIDE, sharp=False)) for image in images]
    return np.stack(small).reshape(len(images), *small[0].shape[:2], images.shape[3])
