"""What the tray does for the tabs, and the tabs for each other: the events that cross from one part to another."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.files import MAX_KEYS
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.tabs.event_options import DRAWING, HIDDEN, QUIET
from dcgan_hub.demo.tabs.generate import GenerateTab, choose_point
from dcgan_hub.demo.tabs.interpolate import FIRST_KEYS, InterpolateTab
from dcgan_hub.demo.tabs.mix import CORNERS, GROUPS, MixTab
from dcgan_hub.demo.tabs.tray import Tray, keep, read_kept, remove, show_tray
from dcgan_hub.demo.tabs.widgets import chosen_point
from dcgan_hub.demo.validation import plain_text, read_point, read_points
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import MAX_AVERAGED, MAX_CHARACTERS

SILENT = QUIET | HIDDEN


@dataclass(frozen=True)
class Parts:
    """The parts of the page that work with each other."""

    current: gr.Textbox
    tabs: gr.Tabs
    generate: GenerateTab
    interpolate: InterpolateTab
    mix: MixTab
    tray: Tray


def connect_parts(parts: Parts, renderer: Renderer) -> None:
    """Adds the events."""
    _connect_tray(parts, renderer)
    _connect_choices(parts, renderer)

    def send(chosen: Any, keys: Any) -> str:
        with explained():
            return joined(keys, chosen, MAX_KEYS, FIRST_KEYS)

    def take_all(model: str, kept: Any) -> str:
        with explained():
            texts = read_kept(kept).get(model, [])
            if not texts:
                raise SettingsError("The tray must hold something. Received: an empty one. Keep images in it first.")
            return ", ".join(texts[:MAX_KEYS])

    keys = parts.interpolate.keys
    parts.generate.actions[2].click(send, [parts.generate.chosen, keys], keys, **SILENT).success(
        lambda keys: gr.Info(f"Key frames of Interpolate: {keys}", title="Sent"), keys, None, **SILENT
    )
    parts.interpolate.from_tray.click(take_all, [parts.current, parts.tray.kept], keys, **SILENT)


def _connect_tray(parts: Parts, renderer: Renderer) -> None:
    tray, current = parts.tray, parts.current

    def keep_chosen(model: str, kept: Any, chosen: Any) -> Any:
        with explained():
            return keep(kept, model, plain_text("point", chosen, MAX_CHARACTERS))

    def keep_shown(model: str, kept: Any, event: gr.EventData) -> Any:
        with explained():
            result = keep(kept, model, chosen_point(event))
        gr.Info("It is in the tray now.", title="Kept")
        return result

    def drop(model: str, kept: Any, event: gr.EventData) -> Any:
        return remove(kept, model, chosen_point(event))

    def drop_all(model: str, kept: Any) -> Any:
        return remove(kept, model, None)

    def show(model: str, kept: Any) -> list[Any]:
        return show_tray(renderer, model, kept)

    shown = {"fn": show, "inputs": [current, tray.kept], "outputs": [tray.view, tray.clear], **SILENT, **DRAWING}
    state = [current, tray.kept]
    changes = [
        parts.generate.actions[1].click(keep_chosen, [*state, parts.generate.chosen], tray.kept, **SILENT),
        parts.mix.result.choose(keep_shown, state, tray.kept, **SILENT),
        parts.mix.plane.choose(keep_shown, state, tray.kept, **SILENT),
        parts.interpolate.between.keep(keep_shown, state, tray.kept, **SILENT),
        tray.view.remove(drop, state, tray.kept, **SILENT),
        tray.clear.click(drop_all, state, tray.kept, **SILENT),
    ]
    for change in changes:
        change.success(**shown)
    current.change(**shown)


def _connect_choices(parts: Parts, renderer: Renderer) -> None:
    """A picture of the tray goes where the visitor is at work."""
    generate, mix = parts.generate, parts.mix
    fields = [parts.interpolate.keys, *mix.groups, mix.corners]
    selected = [generate.chosen, generate.view, *generate.actions, generate.others]

    def take(model: str, truncation: Any, target: Any, *texts_and_event: Any) -> list[Any]:
        *texts, event = texts_and_event
        data = event._data if isinstance(event._data, dict) else {}
        with explained():
            place = place_of(data.get("tab"), target)
            if place is None:
                return [*[gr.skip()] * len(fields), *choose_point(renderer, model, chosen_point(event), truncation)]
            most = (MAX_KEYS, MAX_AVERAGED, MAX_AVERAGED, MAX_AVERAGED, CORNERS)[place]
            updates: list[Any] = [gr.skip()] * (len(fields) + len(selected))
            updates[place] = joined(texts[place], chosen_point(event), most, DEFAULTS[place])
        return updates

    def take_from_tray(
        model: str, truncation: Any, target: Any, keys: Any, a: Any, b: Any, c: Any, corners: Any, event: gr.EventData
    ) -> list[Any]:
        return take(model, truncation, target, keys, a, b, c, corners, event)

    def show_in_generate(model: str, truncation: Any, event: gr.EventData) -> list[Any]:
        with explained():
            return [*choose_point(renderer, model, chosen_point(event), truncation), gr.Tabs(selected="generate")]

    parts.tray.view.choose(
        take_from_tray, [parts.current, generate.truncation, mix.target, *fields], [*fields, *selected],
        **SILENT, **DRAWING,
    )  # fmt: skip
    parts.interpolate.between.show(
        show_in_generate, [parts.current, generate.truncation], [*selected, parts.tabs], **SILENT, **DRAWING
    )


DEFAULTS = (FIRST_KEYS, "1, 2, 3", "4, 5, 6", "7, 8, 9", "1, 2, 3, 4")  # examples, which the first own picture replaces


def place_of(tab: Any, target: Any) -> int | None:
    """Index of the field that a picture of the tray goes to: key frames, A, B, C or corners; None for none of them."""
    if tab == "Interpolate":
        return 0
    if tab == "Mix":
        return 1 + GROUPS.index(target) if target in GROUPS else 1 + len(GROUPS)
    return None


def joined(texts: Any, text: Any, most: int, example: str) -> str:
    """A list of points with one more.

    Args:
        texts: the list; the example in it is replaced.
        text: of the point.
        most: points that the list may have; at the last place the new one replaces the old.
        example: what the field held from the start.

    Raises:
        SettingsError: if the new one is no point.
    """
    point = read_point("point", text)
    try:
        points = read_points("seeds", texts, most) if texts != example else []
    except SettingsError:
        points = []  # what was typed before is no list, and the click says what is wanted
    return ", ".join(known.text for known in [*points[: most - 1], point])
