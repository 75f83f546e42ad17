"""The Generate tab: a sheet of images, of which one can be selected, varied, kept and saved."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import gradio as gr

from dcgan_hub.demo.gradio_patches.raw_inputs import as_sent
from dcgan_hub.demo.html import escaped, note
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.files import archive_file, sheet_file
from dcgan_hub.demo.rendering.links import FIRST_IMAGES, Sheet, checked_sheet, read_query
from dcgan_hub.demo.rendering.pictures import (
    caption,
    encode_png,
    enlarged,
    explanation,
    file_stem,
    plain_image,
    sheet_html,
    waiting_html,
)
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Drawing, Renderer
from dcgan_hub.demo.tabs.event_options import DRAWING, DRAWN, QUIET, SILENT, Updates
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
    saver,
)
from dcgan_hub.demo.validation import number_between, one_of, plain_text, read_point, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import MAX_LIST_CHARACTERS, Point, around, center_of, target_seeds
from dcgan_hub.settings import MAX_SEED

FIRST_STRENGTH = 0.3
MAX_DIRECTIONS = 1_000_000
RANDOM_SEED = f"() => String(Math.floor(Math.random() * {MAX_SEED - MAX_IMAGES}))"
ANOTHER_REQUEST = "() => String(Math.random())"
NOTHING_CHOSEN = "Choose an image to see it large, to vary it, to keep it or to save it."
AS_DRAWN = "original"
SIZES = (AS_DRAWN, "512", "1080")  # pixels of the longer side of a saved PNG
SIZE_CHOICES = [("original", AS_DRAWN), ("512 px", "512"), ("1080 px", "1080")]
SHARP_KEY = "dcgan-hub-sharp"  # in the browser's storage
SHARPEN = f"""on => {{
    document.body.classList.toggle("sharp", on);
    try {{ localStorage.setItem("{SHARP_KEY}", String(on)); }} catch {{ /* not allowed: it lasts until the reload */ }}
}}"""
# What the browser does by itself with the selected image, see chosen.js.
CHOICE_ACTIONS = (
    '<p class="browser-actions"><button type="button" data-action="copy">Copy image</button>'
    '<button type="button" data-action="share" hidden>Share</button>'
    '<button type="button" data-action="leave" aria-label="Close">×</button></p>'
)


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
    Changing `request` triggers an update of the sheet. `truncation` has no control; it is 1 unless a link has it.
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
    draw: gr.Button
    request: gr.Textbox
    save_sheet: gr.Button
    save_archive: gr.Button
    link: gr.HTML

    @property
    def choice(self) -> list[Any]:
        """The components that `choose_point` updates."""
        return [self.chosen, self.view, self.link, *self.actions]


def add_generate_tab() -> GenerateTab:
    """Creates the layout of the tab."""
    with gr.Row(elem_classes="workbench"):
        with pictures_column():
            sheet = add_sheet(waiting_html(FIRST_IMAGES, 1, 1), "images")
        with controls_column():
            with gr.Row(elem_classes="tight", elem_id="ask"):
                chance = gr.Button("Surprise me", variant="primary", min_width=110, elem_id="surprise")
                draw = gr.Button("Generate", min_width=110, elem_id="generate")
            with gr.Column(elem_id="chosen"):
                view = add_chosen(choice_html(None))
                with gr.Row(elem_classes="tight"):
                    vary = add_small_button("Variations of this one", "vary", 150)
                    others = add_small_button("Other variations", "others", 110)
                strength = add_slider(0.05, 1.0, FIRST_STRENGTH, "How different", "strength", step=0.05)
                with gr.Row(elem_classes="tight"):
                    keep = add_small_button("Keep in tray", "keep", 110)
                    send = add_small_button("Add to the walk", "send", 110)
                save = add_small_button("Save PNG", "save-png")
                size = as_sent(
                    gr.Radio(
                        SIZE_CHOICES, value=AS_DRAWN, label="Size of the PNG", show_label=False, elem_id="png-size"
                    )
                )
            with gr.Column(elem_id="request"):
                seed = add_text("0", "Seed", "seed", info="A number is a picture. Several: 1, 5-9")
                number = add_slider(1, MAX_IMAGES, FIRST_IMAGES, "Images", "number", info="From the first seed on")
                with gr.Row(elem_classes="tight"):
                    save_sheet = add_small_button("Save sheet", "save-sheet")
                    save_archive = add_small_button("Save zip", "save-zip")
                link = add_link("link")
                sharp = as_sent(gr.Checkbox(False, label="Sharp pixels", container=False, elem_id="sharp"))
    chosen = add_unseen("Chosen point", "chosen-point")
    directions = as_sent(gr.Number(1, visible=False, elem_id="directions", label="First direction"))
    truncation = as_sent(gr.Number(1.0, visible=False, elem_id="truncation", label="Truncation"))
    request = add_unseen("Request for a sheet", "sheet-request")
    return GenerateTab(
        sheet, view, chosen, Actions(vary, others, keep, send, save), strength, directions, size, sharp, chance, seed,
        number, truncation, draw, request, save_sheet, save_archive, link,
    )  # fmt: skip


def connect_generate_tab(tab: GenerateTab, renderer: Renderer, current: gr.Textbox, download: gr.HTML) -> None:
    """Adds the tab's events, except keeping and sending, see `cross_tab_events`."""

    # No generator, since Gradio sends what it yields last twice.
    @explained()
    def draw(model: str, seed: Any, number: Any, truncation: Any, chosen: Any) -> Updates:
        request = checked_sheet(model, seed, number, truncation) if model else None
        return show_sheet(tab, renderer, request, chosen) if request else gr.skip()

    @explained()
    def choose(model: str, truncation: Any, event: gr.EventData) -> Updates:
        return choose_point(tab, renderer, model, chosen_point(event), truncation)

    @explained()
    def redraw_chosen(model: str, truncation: Any, chosen: str) -> Updates:
        return choose_point(tab, renderer, model, chosen, truncation) if model else gr.skip()

    @explained()
    def leave() -> Updates:
        return choose_point(tab, renderer, "", "", 1.0)

    fields = [current, tab.seed, tab.number, tab.truncation, tab.chosen]
    shown = [tab.sheet, tab.link, tab.save_sheet, tab.save_archive]
    # A single event handles all requests, since with two the answers could arrive in the wrong order. While it runs,
    # further requests wait, and only the last of them is handled, with the current values of the fields.
    tab.request.change(draw, fields, shown, trigger_mode="always_last", show_progress_on=[tab.sheet], **DRAWN)
    requesting = request_sheet(tab)
    gr.on([tab.draw.click, tab.seed.submit, current.change], **requesting)
    tab.chance.click(None, None, tab.seed, js=RANDOM_SEED, **QUIET).then(**requesting)
    current.change(redraw_chosen, [current, tab.truncation, tab.chosen], tab.choice, **SILENT, **DRAWING)
    tab.sheet.choose(choose, [current, tab.truncation], tab.choice, **SILENT, **DRAWING)
    tab.view.leave(leave, None, tab.choice, **SILENT)
    tab.sharp.change(None, tab.sharp, None, js=SHARPEN, **QUIET)
    _connect_variations(tab, requesting)
    _connect_downloads(tab, renderer, current, download)


def request_sheet(tab: GenerateTab) -> dict[str, Any]:
    """The arguments of an event that has the sheet drawn from the fields."""
    return {"fn": None, "outputs": tab.request, "js": ANOTHER_REQUEST, **SILENT}


def _connect_variations(tab: GenerateTab, requesting: dict[str, Any]) -> None:
    @explained()
    def center(chosen: Any, number: Any, strength: Any) -> Updates:
        return varied(center_on(chosen, number, strength, 1))

    @explained()
    def shift(chosen: Any, number: Any, strength: Any, first: Any) -> Updates:
        return varied(shift_around(chosen, number, strength, first))

    @explained()
    def vary_again(seed: Any, number: Any, strength: Any, first: Any) -> Updates:
        chosen = center_of(plain_text("seed", seed, MAX_LIST_CHARACTERS))
        return varied(center_on(chosen, number, strength, first)) if chosen else gr.skip()  # no variations are shown

    def varied(seed_and_first: tuple[str, int]) -> Updates:
        return dict(zip(shown, seed_and_first, strict=True))

    shown, settings = [tab.seed, tab.directions], [tab.number, tab.strength]
    tab.actions.vary.click(center, [tab.chosen, *settings], shown, **QUIET).success(**requesting)
    tab.actions.others.click(shift, [tab.chosen, *settings, tab.directions], shown, **QUIET).success(**requesting)
    gr.on(
        [tab.strength.input, tab.number.input], vary_again, [tab.seed, *settings, tab.directions], shown,
        trigger_mode="always_last", **QUIET,
    ).success(**requesting)  # fmt: skip


def _connect_downloads(tab: GenerateTab, renderer: Renderer, current: gr.Textbox, download: gr.HTML) -> None:
    def make_sheet(link: Any) -> tuple[str, bytes]:
        return "sheet.png", sheet_file(drawing_of(renderer, link))

    def make_archive(link: Any) -> tuple[str, bytes]:
        return "images.zip", archive_file(drawing_of(renderer, link))

    saving = {"outputs": download, **SILENT, **DRAWING}
    picture = [current, tab.chosen, tab.truncation, tab.size, tab.sharp]
    tab.actions.save.click(saver(partial(png_of, renderer)), picture, **saving)
    tab.save_sheet.click(saver(make_sheet), tab.link, **saving)
    tab.save_archive.click(saver(make_archive), tab.link, **saving)


def show_sheet(tab: GenerateTab, renderer: Renderer, sheet: Sheet, chosen: Any = "") -> Updates:
    """Generates a sheet and its link."""
    drawing = renderer.draw(sheet.model, sheet.points, sheet.truncation)
    ready = gr.Button(interactive=True)
    return {
        tab.sheet: sheet_html(drawing, str(chosen)), tab.link: sheet.query(drawing.revision),
        tab.save_sheet: ready, tab.save_archive: ready,
    }  # fmt: skip


def choose_point(tab: GenerateTab, renderer: Renderer, model: str, text: Any, truncation: Any) -> Updates:
    """Shows one point enlarged, or none."""
    point = read_point("point", text) if text else None
    picture = ""
    if point is not None:
        picture = plain_image(renderer.draw(model, [point], truncation).images[0], f"Image of {caption(point)}")
    name = point.text if point else ""
    buttons = {button: gr.Button(interactive=point is not None) for button in tab.actions}
    return {tab.chosen: name, tab.view: choice_html(point, picture), tab.link: gr.HTML(chosen=name), **buttons}


def choice_html(point: Point | None, picture: str = "") -> str:
    """The selected image with its name and what the browser can do with it, or a placeholder of the same size."""
    if point is None:
        return f'<div class="choice"><span class="frame"></span>{note(NOTHING_CHOSEN)}</div>'
    name, meaning = escaped(caption(point)), escaped(explanation(point))
    return f'<div class="choice">{picture}<p class="name" title="{meaning}">{name}</p>{CHOICE_ACTIONS}</div>'


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


def png_of(
    renderer: Renderer, model: Any, text: Any, truncation: Any, size: Any = AS_DRAWN, sharp: Any = False
) -> tuple[str, bytes]:
    """File name and content of one image; `size` is one of `SIZES`, of the longer side in pixels."""
    point = read_point("point", text)
    size = one_of("size", size, SIZES)
    drawing = renderer.draw(model, [point], truncation)
    if size == AS_DRAWN:
        return f"{file_stem(point)}.png", encode_png(drawing.images[0], drawing.text_of(0))
    picture = enlarged(drawing.images[0], int(size), bool(sharp))
    return f"{file_stem(point)}-{size}.png", encode_png(picture, drawing.text_of(0))


def drawing_of(renderer: Renderer, link: Any) -> Drawing:
    """Generates the images of a link."""
    sheet, revision = read_query(link)
    return renderer.draw(renderer.registry.open(sheet.model, revision or None), sheet.points, sheet.truncation)
