"""Events between different parts of the page: the tray and the tabs."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.rendering.walks import MAX_KEYS
from dcgan_hub.demo.tabs.breeding import offered_picture
from dcgan_hub.demo.tabs.directions import FIRST_START, DirectionsTab
from dcgan_hub.demo.tabs.event_options import ANOTHER_REQUEST, DRAWING, SILENT, Updates
from dcgan_hub.demo.tabs.generate import GenerateTab, choose_point
from dcgan_hub.demo.tabs.interpolate import FIRST_KEYS, InterpolateTab
from dcgan_hub.demo.tabs.mix import FIRST_GROUPS, GROUPS, MixTab
from dcgan_hub.demo.tabs.plane_map import CORNERS, FIRST_CORNERS
from dcgan_hub.demo.tabs.tray import READ_STORED, STORE, Tray, bring_back, keep, read_kept, remove, show_tray
from dcgan_hub.demo.tabs.widgets import chosen_point
from dcgan_hub.demo.validation import plain_text, read_point, read_points
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import MAX_AVERAGED
from dcgan_hub.networks.point_syntax import MAX_CHARACTERS

# Fields to which images of the tray are added: maximum number of points, and the initial example, which is replaced.
LISTS = {
    "keys": (MAX_KEYS, FIRST_KEYS),
    **{name: (MAX_AVERAGED, seeds) for name, seeds in FIRST_GROUPS.items()},
    "corners": (CORNERS, FIRST_CORNERS),
    "start": (1, FIRST_START),
}


@dataclass(frozen=True)
class Parts:
    """The parts of the page that are connected."""

    current: gr.Textbox
    tabs: gr.Tabs
    generate: GenerateTab
    interpolate: InterpolateTab
    mix: MixTab
    directions: DirectionsTab
    tray: Tray


def connect_parts(parts: Parts, renderer: Renderer) -> None:
    """Adds the events."""
    _connect_tray(parts, renderer)
    _connect_choices(parts, renderer)

    @explained()
    def send(chosen: Any, keys: Any) -> str:
        return joined(keys, chosen, *LISTS["keys"])

    @explained()
    def take_all(model: str, kept: Any) -> str:
        texts = read_kept(kept).get(model, [])
        if not texts:
            raise SettingsError("The tray must not be empty. Received: no images. Keep images in it first.")
        return ", ".join(texts[:MAX_KEYS])

    keys = parts.interpolate.keys
    parts.generate.actions.send.click(send, [parts.generate.chosen, keys], keys, **SILENT).success(
        lambda keys: gr.Info(f"Key frames of Interpolate: {keys}", title="Sent"), keys, None, **SILENT
    )
    parts.interpolate.from_tray.click(take_all, [parts.current, parts.tray.kept], keys, js=READ_STORED, **SILENT)


def _connect_tray(parts: Parts, renderer: Renderer) -> None:
    tray, current = parts.tray, parts.current

    @explained()
    def keep_chosen(model: str, kept: Any, chosen: Any) -> Updates:
        return {tray.kept: keep(kept, model, plain_text("point", chosen, MAX_CHARACTERS)), tray.before: ""}

    @explained()
    def keep_shown(model: str, kept: Any, event: gr.EventData) -> Updates:
        result = keep(kept, model, chosen_point(event))
        gr.Info("The image is now in the tray.", title="Kept")
        return {tray.kept: result, tray.before: ""}

    def drop(model: str, kept: Any, event: gr.EventData) -> Updates:
        return {tray.kept: remove(kept, model, chosen_point(event)), tray.before: kept}

    def drop_all(model: str, kept: Any) -> Updates:
        return {tray.kept: remove(kept, model, None), tray.before: kept}

    def undo(model: str, kept: Any, before: Any) -> Updates:
        return {tray.kept: bring_back(kept, model, before), tray.before: ""}

    def show(model: str, kept: Any, before: Any) -> Updates:
        return show_tray(tray, renderer, model, kept, before)

    state = [current, tray.kept]
    changed = {"outputs": [tray.kept, tray.before], "js": READ_STORED, **SILENT}
    shown = {
        "fn": show, "inputs": [*state, tray.before], "outputs": [tray.kept, tray.view, tray.clear, tray.undo],
        **SILENT, **DRAWING,
    }  # fmt: skip
    changes = [
        parts.generate.actions.keep.click(keep_chosen, [*state, parts.generate.chosen], **changed),
        parts.mix.result.choose(keep_shown, state, **changed),
        parts.mix.breeding.keep(keep_shown, state, **changed),
        parts.mix.map.keep(keep_shown, state, **changed),
        parts.directions.view.keep(keep_shown, state, **changed),
        parts.interpolate.walk.keep(keep_shown, state, **changed),
        tray.view.remove(drop, state, **changed),
        tray.clear.click(drop_all, state, **changed),
        tray.undo.click(undo, [*state, tray.before], **changed),
    ]
    for change in changes:
        change.success(None, tray.kept, None, js=STORE, **SILENT).then(**shown)
    for noticed in (current.change, tray.stored.sync):
        noticed(None, None, tray.request, js=ANOTHER_REQUEST, **SILENT)
    # The only listener of this event: two of one event that wait for their turn would wake each other.
    tray.request.change(js=READ_STORED, trigger_mode="always_last", **shown)


def _connect_choices(parts: Parts, renderer: Renderer) -> None:
    """Sends an image that is clicked in the tray to the active tab."""
    generate, mix = parts.generate, parts.mix
    lists = [parts.interpolate.keys, *mix.groups.values(), mix.corners, parts.directions.start]
    fields = dict(zip(LISTS, lists, strict=True))

    @explained()
    def take(
        model: str, truncation: Any, other: Any, target: Any, keys: Any, a: Any, b: Any, c: Any, corners: Any,
        start: Any, event: gr.EventData,
    ) -> Updates:  # fmt: skip
        place = place_of(event._data.get("tab") if isinstance(event._data, dict) else None, target)
        if place is None:
            return choose_point(generate, renderer, model, chosen_point(event), truncation, other)
        if place == "parents":
            return {mix.breeding: gr.HTML(offered=offered_picture(renderer, model, chosen_point(event), truncation))}
        texts = dict(zip(LISTS, (keys, a, b, c, corners, start), strict=True))
        return {fields[place]: joined(texts[place], chosen_point(event), *LISTS[place])}

    @explained()
    def show_in_generate(model: str, truncation: Any, other: Any, event: gr.EventData) -> Updates:
        shown = choose_point(generate, renderer, model, chosen_point(event), truncation, other)
        return shown | {parts.tabs: gr.Tabs(selected="generate")}

    generators = [parts.current, generate.truncation, generate.other]
    parts.tray.view.choose(
        take, [*generators, mix.target, *fields.values()],
        [*fields.values(), mix.breeding, *generate.choice], **SILENT, **DRAWING,
    )  # fmt: skip
    for shown in (parts.interpolate.walk, mix.breeding, mix.map, parts.directions.view):
        shown.show(show_in_generate, generators, [*generate.choice, parts.tabs], **SILENT, **DRAWING)


def place_of(tab: Any, target: Any) -> str | None:
    """The entry of `LISTS` to which an image of the tray is added, "parents" for those of breeding, or None."""
    if tab == "Interpolate":
        return "keys"
    if tab == "Directions":
        return "start"
    if tab == "Mix":
        return target if target in (*GROUPS, "corners") else "parents"
    return None


def joined(texts: Any, text: Any, most: int, example: str) -> str:
    """Adds a point to a list; the initial example of the field is replaced.

    In a list of `most` points the new one replaces the last.
    """
    point = read_point("point", text)
    try:
        points = read_points("seeds", texts, most) if texts != example else []
    except SettingsError:
        points = []  # the typed text is invalid, so the click replaces it
    return ", ".join(known.text for known in [*points[: most - 1], point])
