"""What a link, a reload, or the browser's Back and Forward ask for, and the address bar that follows the page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.html import note
from dcgan_hub.demo.messages import warn
from dcgan_hub.demo.rendering.links import TAB, TABS, WITHOUT_MODEL
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.rendering.sheets import Sheet, read_link
from dcgan_hub.demo.rendering.walks import read_walk_link
from dcgan_hub.demo.tabs.directions import DirectionsTab, read_directions_link
from dcgan_hub.demo.tabs.event_options import LOADING, QUIET, SILENT, Updates
from dcgan_hub.demo.tabs.generate import SHARP_KEY, GenerateTab, other_choices, request_sheet, show_sheet
from dcgan_hub.demo.tabs.interpolate import InterpolateTab
from dcgan_hub.demo.tabs.mix import MixTab, read_mix_link
from dcgan_hub.demo.tabs.model_bar import FETCHING, ModelBar, facts_line, labeled, problem_line
from dcgan_hub.demo.tabs.widgets import visited_parameters
from dcgan_hub.demo.validation import read_point
from dcgan_hub.errors import DcganHubError
from dcgan_hub.networks.classes import number_of_class

LEARNED_ON = "This generator was retrained after the link was made, so its images differ."
TAB_OPENED = '() => document.dispatchEvent(new Event("dcgan-tab"))'
RESTORE_SHARPNESS = f"""() => {{
    let on = false;
    try {{ on = localStorage.getItem("{SHARP_KEY}") === "true"; }} catch {{ /* not allowed: pictures are smooth */ }}
    document.body.classList.toggle("sharp", on);
    return on;
}}"""


@dataclass(frozen=True)
class Page:
    """The parts of the page that a visit sets; `needs_model` are those that are hidden without a generator."""

    bar: ModelBar
    tabs: gr.Tabs
    generate: GenerateTab
    interpolate: InterpolateTab
    mix: MixTab
    directions: DirectionsTab
    empty: gr.Column
    needs_model: list[Any]

    @property
    def shown(self) -> list[Any]:
        """The components that a visit updates."""
        fields = self.generate
        asked = [fields.seed, fields.number, fields.truncation, fields.other, fields.class_name, fields.chosen]
        asked += [
            self.tabs,
            *walk_fields(self.interpolate),
            *(fields.sheet, fields.link, fields.save_sheet, fields.save_archive),
            self.mix.corners,
            *self.mix.groups.values(),
            self.directions.start,
        ]
        bar = self.bar
        return [bar.choice, bar.current, bar.opened, bar.status, *asked, self.empty, *self.needs_model]


def connect_visits(demo: gr.Blocks, page: Page, address: gr.HTML, renderer: Renderer) -> None:
    """Adds the events of a page that is opened, left by Back, and come back to; `address` is from `add_address`."""

    # The annotation of the request must be evaluated, so this module has no lazy annotations.
    def welcome(request: gr.Request) -> Iterator[Updates]:
        yield from visit(page, renderer, dict(request.query_params), [])

    def come_back(opened: list[str], event: gr.EventData) -> Iterator[Updates]:
        yield from visit(page, renderer, {TAB: TABS[0], **visited_parameters(event)}, opened)

    demo.load(welcome, None, page.shown, **SILENT, **LOADING)
    demo.load(None, None, page.generate.sharp, js=RESTORE_SHARPNESS, **QUIET)
    returned = address.visit(come_back, page.bar.opened, page.shown, **SILENT, **LOADING)
    returned.then(**request_sheet(page.generate))
    page.tabs.change(None, None, None, js=TAB_OPENED, **QUIET)


def visit(page: Page, renderer: Renderer, parameters: Mapping[str, str], opened: list[str]) -> Iterator[Updates]:
    """Shows what the parameters of a link ask for; `opened` are the generators that this visitor opened before."""
    registry, linked, asked = renderer.registry, None, {}
    try:
        linked = read_link(parameters)
        if parameters:  # or the visitor, who may have been quicker than this, loses what was typed
            asked = _asked_sheet(page.generate, linked[0] if linked else Sheet(""), parameters)
        asked |= _asked_walk(page.interpolate, parameters) | read_mix_link(page.mix, parameters)
        asked |= read_directions_link(page.directions, parameters)
    except DcganHubError as error:
        warn(error)
    sheet, revision = linked or (Sheet(""), "")
    names = registry.names()
    listed = [*names, *opened]
    asked |= _opened_tab(page, parameters, bool(names) or linked is not None)
    if any(model and model not in listed for model in sheet.models):
        shown = gr.Dropdown(choices=labeled(registry, opened))
        waiting = {page.bar.choice: shown, page.bar.opened: opened, page.bar.status: note(FETCHING, "status")}
        yield waiting | asked | _visible(page, bool(names))
    name = _linked_model(registry, sheet.model, revision) or next(iter(names), None)
    other = _linked_model(registry, sheet.other)
    opened = [*opened, *(model for model in (name, other) if model and model not in listed)]
    choices = labeled(registry, opened)
    if page.generate.seed in asked:
        asked[page.generate.other] = other_choices(choices, name or "", other)
        asked[page.generate.class_name] = _linked_class(registry, name, sheet.class_name)
    asked |= {page.bar.choice: gr.Dropdown(choices=choices, value=name), page.bar.opened: opened}
    if name and registry.is_loaded(name):  # or the page would first be told of it, and then ask for it
        if parameters:
            asked |= _current(page.bar, registry, name)
        else:  # not with the rest: Gradio sends what comes last twice
            # With the generator, which a click on an image of the sheet needs.
            yield _first_sheet(page.generate, renderer, name) | _current(page.bar, registry, name)
    yield asked | _visible(page, bool(name))


def _current(bar: ModelBar, registry: ModelRegistry, name: str) -> Updates:
    """The generator as the current one, with its facts; if its files have just gone, that is said instead."""
    try:
        return {bar.current: name, bar.status: facts_line(registry, name)}
    except DcganHubError as error:
        return {bar.status: problem_line(error, has_another=False)}


def _first_sheet(tab: GenerateTab, renderer: Renderer, name: str) -> Updates:
    """The sheet of a page that was opened without a link, for which it then need not ask."""
    try:
        return show_sheet(tab, renderer, Sheet(name))
    except DcganHubError:  # said when the page asks
        return {}


def walk_fields(tab: InterpolateTab) -> list[Any]:
    """The fields of a walk, in the order of `_asked_walk`."""
    return [tab.keys, tab.frames, tab.speed, tab.method, tab.loop]


def _asked_sheet(tab: GenerateTab, sheet: Sheet, parameters: Mapping[str, str]) -> Updates:
    """The fields of a sheet; a link to another tab changes only the truncation, which is that of all tabs."""
    if parameters.get(TAB, TABS[0]) != TABS[0] or "run" in parameters:
        return {tab.truncation: sheet.truncation}
    chosen = read_point("chosen", parameters["chosen"]).text if parameters.get("chosen") else ""
    shown = {tab.seed: sheet.seed, tab.number: sheet.number, tab.truncation: sheet.truncation}
    return shown | {tab.class_name: sheet.class_name, tab.chosen: chosen}


def _asked_walk(tab: InterpolateTab, parameters: Mapping[str, str]) -> Updates:
    """The fields of the walk that the link names, if it names one."""
    walk = read_walk_link(parameters)
    if walk is None:
        return {}
    keys = ", ".join(point.text for point in walk.keys)
    values = [keys, walk.frames, walk.frames_per_second, walk.method, walk.loop]
    return dict(zip(walk_fields(tab), values, strict=True))


def _opened_tab(page: Page, parameters: Mapping[str, str], has_model: bool) -> Updates:
    """The tab that the link names, if any; those that need a generator are not opened without one."""
    tab = "runs" if "run" in parameters else parameters.get(TAB)
    return {page.tabs: gr.Tabs(selected=tab)} if tab in TABS and (has_model or tab in WITHOUT_MODEL) else {}


def _visible(page: Page, has_models: bool) -> Updates:
    shown = {part: gr.update(visible=has_models) for part in page.needs_model}
    return {page.empty: gr.update(visible=not has_models), **shown}


def _linked_class(registry: ModelRegistry, model: str | None, class_name: str) -> str:
    """The class that a link names; one that the generator lacks is explained, and each seed draws its own."""
    if not class_name or not model:
        return ""
    try:
        names = registry.facts(model).class_names
        return names[number_of_class(class_name, names)]
    except DcganHubError as error:
        warn(error)
        return ""


def _linked_model(registry: ModelRegistry, model: str, revision: str = "") -> str | None:
    """A generator that a link names; a wrong one is explained on the page, which shows another, or no second one."""
    if not model:
        return None
    try:
        name = registry.open(model, revision or None)
        if revision and registry.revision(name) != revision and not name.rpartition("@")[2].startswith(revision):
            warn(LEARNED_ON)
        return name
    except DcganHubError as error:
        warn(error)
        return None
