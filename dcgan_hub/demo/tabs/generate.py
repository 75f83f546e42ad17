"""The Generate tab: a sheet of images, of which one can be selected, varied, kept and saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from dcgan_hub.demo.html import escaped
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.pictures import sheet_html, waiting_html
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Drawing, Renderer
from dcgan_hub.demo.rendering.sheets import FIRST_IMAGES, Sheet, checked_sheet, draw_sheet, goes_on
from dcgan_hub.demo.tabs.chosen_image import chosen_html, large_image
from dcgan_hub.demo.tabs.class_choice import add_class_choice, choice_value, chosen_name, rows_by_class
from dcgan_hub.demo.tabs.event_options import ANOTHER_REQUEST, DRAWING, DRAWN, QUIET, SILENT, Updates
from dcgan_hub.demo.tabs.generate_files import AS_DRAWN, SIZE_CHOICES, connect_files
from dcgan_hub.demo.tabs.model_bar import labeled
from dcgan_hub.demo.tabs.sheet_growth import MORE, connect_growth
from dcgan_hub.demo.tabs.variations import VariationControls, connect_variations
from dcgan_hub.demo.tabs.widgets import (
    add_chosen,
    add_link,
    add_sheet,
    add_slider,
    add_small_button,
    add_text,
    add_unseen,
    chosen_point,
    controls_column,
    pictures_column,
)
from dcgan_hub.demo.validation import read_point
from dcgan_hub.networks.point_classes import renumbered
from dcgan_hub.settings import MAX_SEED

FIRST_STRENGTH = 0.3
# An update replaces all properties that are not Gradio's own.
TELL_CLASS = "chosen => ({__type__: 'update', props: {chosen}})"
RANDOM_SEED = f"() => String(Math.floor(Math.random() * {MAX_SEED - MAX_IMAGES}))"
# Asks for another sheet, except for the one that came with the generator when the page was opened.
REQUEST_UNLESS_SHOWN = """(asked, link, model, seed, number) => {
    const shown = new URLSearchParams(link);
    const isShown = shown.get("model") === model && shown.get("seed") === seed && shown.get("count") === `${number}`;
    return isShown && !asked ? asked : String(Math.random());
}"""
NO_OTHER = ("none", "")  # the choice of no second generator
SHARP_KEY = "dcgan-hub-sharp"  # in the browser's storage
SHARPEN = f"""on => {{
    document.body.classList.toggle("sharp", on);
    try {{ localStorage.setItem("{SHARP_KEY}", String(on)); }} catch {{ /* not allowed: it lasts until the reload */ }}
}}"""


class Actions(NamedTuple):
    """Buttons that need a selected image."""

    vary: gr.Button
    others: gr.Button
    keep: gr.Button
    send: gr.Button
    save: gr.Button


@dataclass(frozen=True)
class GenerateTab:
    """Components of the tab.

    `link` contains the query that reproduces the images of `sheet`, and `chosen` the text of the selected point.
    Changing `request` triggers an update of the sheet. `other` is a second generator for the same points, or "".
    `class_name` is the class that was chosen in `classes`, or "".
    `truncation` has no control; it is 1 unless a link has it.
    """

    sheet: gr.HTML
    view: gr.HTML
    chosen: gr.Textbox
    actions: Actions
    strength: gr.Slider
    directions: gr.Number
    size: gr.Radio
    sharp: gr.Checkbox
    chance: gr.Button
    seed: gr.Textbox
    number: gr.Slider
    truncation: gr.Number
    other: gr.Dropdown
    classes: gr.HTML
    class_name: gr.Textbox
    draw: gr.Button
    request: gr.Textbox
    save_sheet: gr.Button
    save_archive: gr.Button
    link: gr.HTML

    @property
    def choice(self) -> list[Any]:
        """The components that `choose_point` updates."""
        return [self.chosen, self.view, self.link, *self.actions]


def add_generate_tab(renderer: Renderer) -> GenerateTab:
    """Creates the layout of the tab."""
    with gr.Row(elem_classes="workbench"):
        with pictures_column():
            sheet = add_sheet(waiting_html(FIRST_IMAGES, 1, 1), "images", grows=True)
        with controls_column():
            with gr.Row(elem_classes="tight", elem_id="ask"):
                chance = gr.Button("Surprise me", variant="primary", min_width=110, elem_id="surprise")
                draw = gr.Button("Generate", min_width=110, elem_id="generate")
            classes = add_class_choice(renderer)
            with gr.Column(elem_id="chosen"):
                view = add_chosen(chosen_html(None))
                with gr.Row(elem_classes="tight"):
                    vary = add_small_button("Variations of this one", "vary", 150)
                    others = add_small_button("Other variations", "others", 110)
                strength = add_slider(0.05, 1.0, FIRST_STRENGTH, "How different", "strength", step=0.05)
                with gr.Row(elem_classes="tight"):
                    keep = add_small_button("Keep in tray", "keep", 110)
                    send = add_small_button("Add to the walk", "send", 110)
                save = add_small_button("Save PNG", "save-png")
                size = gr.Radio(
                    SIZE_CHOICES, value=AS_DRAWN, label="Size of the PNG", show_label=False, elem_id="png-size"
                )
            with gr.Column(elem_id="request"):
                seed = add_text("0", "Seed", "seed", info="A number is a picture. Several: 1, 5-9")
                number = add_slider(1, MAX_IMAGES, FIRST_IMAGES, "Images", "number", info="From the first seed on")
                other = gr.Dropdown(
                        [NO_OTHER], value="", label="Second generator", info="The same seeds, row below row",
                        filterable=False, visible=False, elem_id="other",
                    )  # fmt: skip
                with gr.Row(elem_classes="tight"):
                    save_sheet = add_small_button("Save sheet", "save-sheet")
                    save_archive = add_small_button("Save zip", "save-zip")
                link = add_link("link")
                sharp = gr.Checkbox(False, label="Sharp pixels", container=False, elem_id="sharp")
    chosen = add_unseen("Chosen point", "chosen-point")
    directions = gr.Number(1, visible=False, elem_id="directions", label="First direction")
    truncation = gr.Number(1.0, visible=False, elem_id="truncation", label="Truncation")
    class_name = add_unseen("Chosen class", "class-name")
    request = add_unseen("Request for a sheet", "sheet-request")
    return GenerateTab(
        sheet, view, chosen, Actions(vary, others, keep, send, save), strength, directions, size, sharp, chance, seed,
        number, truncation, other, classes, class_name, draw, request, save_sheet, save_archive, link,
    )  # fmt: skip


def connect_generate_tab(
    tab: GenerateTab, renderer: Renderer, current: gr.Textbox, opened: gr.State, download: gr.HTML
) -> None:
    """Adds the tab's events, except keeping and sending, see `cross_tab_events`.

    `current` is the generator in use, and `opened` are those that this visitor opened.
    """

    # No generator, since Gradio sends what it yields last twice.
    @explained()
    def draw(
        model: str, seed: Any, number: Any, truncation: Any, other: Any, class_name: Any, chosen: Any
    ) -> Updates:  # fmt: skip
        if not model:
            return gr.skip()
        known = class_name if class_name in renderer.class_names(model) else ""  # else it is of the generator before
        return show_sheet(
            tab, renderer, checked_sheet(model, seed, number, truncation, other, class_name=known), chosen
        )

    fields = [current, tab.seed, tab.number, tab.truncation, tab.other, tab.class_name, tab.chosen]
    shown = [tab.sheet, tab.link, tab.save_sheet, tab.save_archive]
    # A single event handles all requests, since with two the answers could arrive in the wrong order. While it runs,
    # further requests wait, and only the last of them is handled, with the current values of the fields.
    tab.request.change(draw, fields, shown, trigger_mode="always_last", show_progress_on=[tab.sheet], **DRAWN)
    requesting = request_sheet(tab)
    gr.on([tab.draw.click, tab.seed.submit, tab.other.input], **requesting)
    shown_of = [tab.request, tab.link, current, tab.seed, tab.number]
    current.change(None, shown_of, tab.request, js=REQUEST_UNLESS_SHOWN, **SILENT)
    tab.chance.click(None, None, tab.seed, js=RANDOM_SEED, **QUIET).then(**requesting)
    _connect_other_generator(tab, renderer, current, opened)
    tab.sharp.change(None, tab.sharp, None, js=SHARPEN, **QUIET)
    _connect_choice(tab, renderer, current)
    _connect_classes(tab, renderer, current, requesting)
    varied = VariationControls(
        tab.actions.vary, tab.actions.others, tab.chosen, tab.strength, tab.number, tab.seed, tab.directions
    )
    connect_variations(varied, renderer, current, requesting)
    connect_growth(tab.sheet, tab.link, tab.chosen, tab.seed, renderer).success(**requesting)
    picture = [current, tab.chosen, tab.truncation, tab.size, tab.sharp, tab.other]
    buttons = {"png": tab.actions.save, "sheet": tab.save_sheet, "archive": tab.save_archive}
    connect_files(buttons, picture, tab.link, renderer, download)


def request_sheet(tab: GenerateTab) -> dict[str, Any]:
    """The arguments of an event that has the sheet drawn from the fields."""
    return {"fn": None, "outputs": tab.request, "js": ANOTHER_REQUEST, **SILENT}


def _connect_other_generator(tab: GenerateTab, renderer: Renderer, current: gr.Textbox, opened: gr.State) -> None:
    @explained()
    def adopt(
        model: str, other: Any, truncation: Any, chosen: str, opened: list[str], class_name: Any
    ) -> Updates:  # fmt: skip
        if not model:
            return gr.skip()
        others = other_choices(labeled(renderer.registry, opened), model, other)
        classes = choice_value(renderer, model)
        shown = {tab.other: others, tab.classes: classes}
        shown[tab.class_name] = class_name if class_name in classes["names"] else ""
        if not chosen:  # nothing to redraw, and a click whose image is being drawn must not be undone
            return shown
        point = with_known_classes(chosen, len(classes["names"]))
        return shown | choose_point(tab, renderer, model, point, truncation, other)

    current.change(
        adopt, [current, tab.other, tab.truncation, tab.chosen, opened, tab.class_name],
        [tab.other, tab.classes, tab.class_name, *tab.choice], **SILENT, **DRAWING,
    )  # fmt: skip


def _connect_choice(tab: GenerateTab, renderer: Renderer, current: gr.Textbox) -> None:
    @explained()
    def choose(model: str, other: Any, truncation: Any, event: gr.EventData) -> Updates:
        return choose_point(tab, renderer, model, chosen_point(event), truncation, other)

    @explained()
    def redraw_chosen(model: str, other: Any, truncation: Any, chosen: str) -> Updates:
        return choose_point(tab, renderer, model, chosen, truncation, other) if model else gr.skip()

    @explained()
    def leave() -> Updates:
        return choose_point(tab, renderer, "", "", 1.0)

    generators = [current, tab.other, tab.truncation]
    tab.other.input(redraw_chosen, [*generators, tab.chosen], tab.choice, **SILENT, **DRAWING)
    tab.sheet.choose(choose, generators, tab.choice, **SILENT, **DRAWING)
    tab.view.leave(leave, None, tab.choice, **SILENT)


def _connect_classes(
    tab: GenerateTab, renderer: Renderer, current: gr.Textbox, requesting: dict[str, Any]
) -> None:  # fmt: skip
    @explained()
    def take(event: gr.EventData) -> str:
        return chosen_name(event)

    @explained()
    def by_class(model: str, seed: Any, event: gr.EventData) -> Updates:
        numbers = event._data.get("classes") if isinstance(event._data, dict) else None
        return {tab.seed: rows_by_class(numbers, len(renderer.class_names(model)), seed), tab.class_name: ""}

    tab.classes.choose(take, None, tab.class_name, **SILENT).success(**requesting)
    tab.classes.rows(by_class, [current, tab.seed], [tab.seed, tab.class_name], **SILENT).success(**requesting)
    tab.class_name.change(None, tab.class_name, tab.classes, js=TELL_CLASS, **SILENT)


def show_sheet(tab: GenerateTab, renderer: Renderer, sheet: Sheet, chosen: Any = "") -> Updates:
    """Generates a sheet and its link."""
    drawings = draw_sheet(renderer, sheet)
    ready = gr.Button(interactive=True)
    return {
        tab.sheet: names_html(drawings) + sheet_html(drawings, str(chosen)) + (MORE if goes_on(sheet) else ""),
        tab.link: sheet.query(drawings[0].revision),
        tab.save_sheet: ready, tab.save_archive: ready,
    }  # fmt: skip


def other_choices(choices: Sequence[tuple[str, str]], model: str, other: Any) -> gr.Dropdown:
    """The second generators that can be chosen; nothing is shown where there is only one.

    The first one is listed, too, since the page may still ask for it as the second when it becomes the first.
    """
    is_another = other != model and any(name == other for _, name in choices)
    return gr.Dropdown(choices=[NO_OTHER, *choices], value=other if is_another else "", visible=len(choices) > 1)


def names_html(drawings: Sequence[Drawing]) -> str:
    """Which generator's images are above and which below; nothing for a single one."""
    if len(drawings) < 2:
        return ""
    above, below = (escaped(drawing.model) for drawing in drawings)
    return f'<p class="pair-names">Above <b>{above}</b>, below <b>{below}</b></p>'


def choose_point(
    tab: GenerateTab, renderer: Renderer, model: str, text: Any, truncation: Any, other: Any = ""
) -> Updates:
    """Shows one point enlarged, or none; with another generator its image is beside the first."""
    point = read_point("point", text) if text else None
    picture, tiles = "", False
    class_names: Sequence[str] = ()
    if point is not None:
        class_names = renderer.class_names(model)
        drawings = draw_sheet(renderer, checked_sheet(model, point.text, 1, truncation, other))
        picture = "".join(large_image(drawing, len(drawings) > 1) for drawing in drawings)
        tiles = any(drawing.seamless for drawing in drawings)
        if len(drawings) > 1:
            picture = f'<div class="pair">{picture}</div>'
    name = point.text if point else ""
    buttons = {button: gr.Button(interactive=point is not None) for button in tab.actions}
    return {
        tab.chosen: name,
        tab.view: chosen_html(point, picture, class_names, tiles),
        tab.link: gr.HTML(chosen=name),
        **buttons,
    }


def with_known_classes(text: str, count: int) -> str:
    """The selected point, or "", for another generator with so many classes; those that it lacks are left out."""
    return renumbered(read_point("point", text), {number: number for number in range(count)}).text if text else ""
