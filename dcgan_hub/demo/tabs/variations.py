"""Variations of the selected image of the Generate tab: lists of seeds around it, in one direction after another."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Renderer
from dcgan_hub.demo.tabs.event_options import QUIET, Updates
from dcgan_hub.demo.validation import number_between, plain_text, read_point, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.point_syntax import MAX_LIST_CHARACTERS, around, center_of, target_seeds
from dcgan_hub.settings import MAX_SEED

MAX_DIRECTIONS = 1_000_000


@dataclass(frozen=True)
class VariationControls:
    """Components of the tab: what is varied and how, and the fields that then ask for the variations."""

    vary: gr.Button
    others: gr.Button
    chosen: gr.Textbox
    strength: gr.Slider
    number: gr.Slider
    seed: gr.Textbox
    directions: gr.Number


def connect_variations(
    controls: VariationControls, renderer: Renderer, current: gr.Textbox, requesting: dict[str, Any]
) -> None:  # fmt: skip
    """Adds the events; after each the sheet is requested, as `requesting` says, of the generator in use, `current`."""

    def with_class(model: str, chosen: Any) -> Any:  # so that all variations are of the class of the image
        return renderer.with_classes(model, [read_point("point", chosen)])[0].text if chosen else chosen

    @explained()
    def center(model: str, chosen: Any, number: Any, strength: Any) -> Updates:
        return varied(center_on(with_class(model, chosen), number, strength, 1))

    @explained()
    def shift(model: str, chosen: Any, number: Any, strength: Any, first: Any) -> Updates:
        return varied(shift_around(with_class(model, chosen), number, strength, first))

    @explained()
    def vary_again(seed: Any, number: Any, strength: Any, first: Any) -> Updates:
        chosen = center_of(plain_text("seed", seed, MAX_LIST_CHARACTERS))
        return varied(center_on(chosen, number, strength, first)) if chosen else gr.skip()  # no variations are shown

    def varied(seed_and_first: tuple[str, int]) -> Updates:
        return dict(zip(shown, seed_and_first, strict=True))

    shown, settings = [controls.seed, controls.directions], [controls.number, controls.strength]
    varying = [current, controls.chosen, *settings]
    controls.vary.click(center, varying, shown, **QUIET).success(**requesting)
    controls.others.click(shift, [*varying, controls.directions], shown, **QUIET).success(**requesting)
    adjusting = [controls.strength.input, controls.number.input]
    adjusted = [controls.seed, *settings, controls.directions]
    gr.on(adjusting, vary_again, adjusted, shown, trigger_mode="always_last", **QUIET).success(**requesting)


def center_on(chosen: Any, number: Any, strength: Any, first: Any) -> tuple[str, int]:
    """The list of a point and its variations.

    Returns:
        The text for the field of seeds, and the seed of the first direction, which can be later than `first`.
    """
    if not chosen:
        raise SettingsError("An image must be chosen first. Received: none. Click one of the images.")
    point, count = read_point("point", chosen), max(2, whole_number("number", number, 1, MAX_IMAGES))
    start = whole_number("first", first, 1, MAX_SEED)
    text = around(point, number_between("strength", strength, 0.0, 1.0), count, start)
    return text, target_seeds(point, count, start)[0]


def shift_around(chosen: Any, number: Any, strength: Any, first: Any) -> tuple[str, int]:
    """Like `center_on`, with new directions instead of those starting at `first`."""
    shown = center_on(chosen, number, strength, first)[1]
    following = shown + max(2, whole_number("number", number, 1, MAX_IMAGES)) - 1
    return center_on(chosen, number, strength, following if following < MAX_DIRECTIONS else 1)
