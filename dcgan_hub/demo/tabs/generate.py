"""The Generate tab: a sheet of images, one of which may be chosen, varied, kept and taken away."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.gradio_patches.raw_inputs import as_sent
from dcgan_hub.demo.html import escaped, note
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.files import archive_file, sheet_file
from dcgan_hub.demo.rendering.links import FIRST_IMAGES, Sheet, checked_sheet, read_query
from dcgan_hub.demo.rendering.pictures import caption, encode_png, file_stem, plain_image, sheet_html, waiting_html
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Renderer
from dcgan_hub.demo.tabs.event_options import DRAWING, HIDDEN, PATIENT, QUIET
from dcgan_hub.demo.tabs.widgets import add_link, add_sheet, chosen_point, controls_column, offered, pictures_column
from dcgan_hub.demo.validation import number_between, plain_text, read_point, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import MAX_LIST_CHARACTERS, Point, around, center_of, directions
from dcgan_hub.settings import MAX_SEED

FIRST_STRENGTH = 0.3
MAX_DIRECTIONS = 1_000_000
RANDOM_SEED = f"() => String(Math.floor(Math.random() * {MAX_SEED - MAX_IMAGES}))"
NOTHING_CHOSEN = "Choose an image to see it here, to vary it, to keep it or to take it away."


@dataclass(frozen=True)
class GenerateTab:
    """Components of the tab that others use or that events share.

    Attributes:
        seed: list of points.
        number: of images, where `seed` is a single seed.
        truncation: factor on the latents.
        sheet: the images.
        link: the query that reproduces them.
        chosen: text of the point that was chosen, or "".
        view: the chosen image.
        actions: buttons that need a chosen image: centre, keep, send, png.
    """

    seed: gr.Textbox
    number: gr.Slider
    truncation: gr.Slider
    draw: gr.Button
    chance: gr.Button
    sheet: gr.HTML
    link: gr.HTML
    chosen: gr.Textbox
    view: gr.HTML
    strength: gr.Slider
    others: gr.Button
    directions: gr.Number
    actions: tuple[gr.Button, gr.Button, gr.Button, gr.Button]
    save_sheet: gr.Button
    save_archive: gr.Button


def add_generate_tab() -> GenerateTab:
    """Lays out the tab."""
    with gr.Row(elem_classes="workbench"):
        with controls_column():
            seed = gr.Textbox(
                "0", label="Seed", info="A first seed, or a list: 1, 5-9, 42~7@0.3", max_lines=1, elem_id="seed"
            )
            number = gr.Slider(1, MAX_IMAGES, FIRST_IMAGES, step=1, label="Images", elem_id="number",
                               info="From the first seed on")  # fmt: skip
            truncation = gr.Slider(
                0.05, 2.0, 1.0, step=0.05, label="Truncation", info="Lower is more typical",
                elem_id="truncation",
            )  # fmt: skip
            with gr.Row(elem_classes="tight"):
                draw = gr.Button("Generate", variant="primary", min_width=110, elem_id="generate")
                chance = gr.Button("Surprise me", min_width=110, elem_id="surprise")
            with gr.Row(elem_classes="tight"):
                save_sheet = gr.Button("Save sheet", size="sm", min_width=90, interactive=False, elem_id="save-sheet")
                save_archive = gr.Button("Save zip", size="sm", min_width=90, interactive=False, elem_id="save-zip")
            link = add_link()
        with pictures_column():
            with gr.Row(elem_id="chosen", elem_classes="tight"):
                view = gr.HTML(choice_html(None), elem_id="chosen-view", elem_classes="pixels", min_height=132)
                with gr.Column(min_width=230, elem_id="chosen-actions"):
                    with gr.Row(elem_classes="tight"):
                        actions = (
                            _action("Make it the centre", "centre"),
                            _action("Keep in tray", "keep"),
                            _action("Send to Interpolate", "send"),
                            _action("Save PNG", "save-png"),
                        )
                    with gr.Row(elem_classes="tight"):
                        strength = gr.Slider(
                            0.05, 1.0, FIRST_STRENGTH, step=0.05, label="Strength", min_width=250,
                            elem_id="strength",
                        )  # fmt: skip
                        others = _action("Other variations", "others")
            sheet = add_sheet(waiting_html(FIRST_IMAGES, 1, 1), "images")
    chosen = as_sent(gr.Textbox("", elem_classes="unseen", elem_id="chosen-point", label="Chosen point"))
    directions = as_sent(gr.Number(1, visible=False, elem_id="directions", label="First direction"))
    for component in (seed, number, truncation, strength):
        as_sent(component)
    return GenerateTab(
        seed, number, truncation, draw, chance, sheet, link, chosen, view, strength, others, directions, actions,
        save_sheet, save_archive,
    )  # fmt: skip


def connect_generate_tab(tab: GenerateTab, renderer: Renderer, current: gr.Textbox, download: gr.HTML) -> None:
    """Adds the tab's events, but for keeping and sending, which belong to the tray and to Interpolate.

    Args:
        tab: its components.
        renderer: draws.
        current: the generator in use.
        download: saves files.
    """

    def draw(model: str, seed: Any, number: Any, truncation: Any, chosen: Any) -> Iterator[list[Any]]:
        if not model:
            yield [gr.skip()] * 4
            return
        with explained():
            yield from show_sheet(renderer, checked_sheet(model, seed, number, truncation), chosen)

    def choose(model: str, truncation: Any, event: gr.EventData) -> list[Any]:
        with explained():
            return choose_point(renderer, model, chosen_point(event), truncation)

    def redraw_chosen(model: str, truncation: Any, chosen: str) -> list[Any]:
        if not model:
            return [gr.skip()] * 7
        with explained():
            return choose_point(renderer, model, chosen, truncation)

    fields = [current, tab.seed, tab.number, tab.truncation, tab.chosen]
    shown = [tab.sheet, tab.link, tab.save_sheet, tab.save_archive]
    selected = [tab.chosen, tab.view, *tab.actions, tab.others]
    drawing = {"fn": draw, "inputs": fields, "outputs": shown, "show_progress_on": [tab.sheet]}
    drawing |= {**QUIET, **DRAWING, **PATIENT}
    gr.on([tab.draw.click, tab.seed.submit], **drawing)
    tab.truncation.input(trigger_mode="always_last", **drawing)
    tab.chance.click(None, None, tab.seed, js=RANDOM_SEED, **QUIET).then(**drawing)
    current.change(**drawing)
    gr.on(
        [current.change, tab.truncation.input], redraw_chosen, [current, tab.truncation, tab.chosen], selected,
        **QUIET, **DRAWING, **HIDDEN,
    )  # fmt: skip
    tab.sheet.choose(choose, [current, tab.truncation], selected, **QUIET, **DRAWING, **HIDDEN)
    _connect_variations(tab, drawing)
    _connect_downloads(tab, renderer, current, download)


def _connect_variations(tab: GenerateTab, drawing: dict[str, Any]) -> None:
    def centre(chosen: Any, number: Any, strength: Any) -> list[Any]:
        with explained():
            return [*center_on(chosen, number, strength, 1), gr.Button(interactive=True)]

    def shift(chosen: Any, number: Any, strength: Any, first: Any) -> list[Any]:
        with explained():
            return shift_around(chosen, number, strength, first)

    def vary_again(seed: Any, number: Any, strength: Any, first: Any) -> list[Any]:
        with explained():
            centre = center_of(plain_text("seed", seed, MAX_LIST_CHARACTERS))
            if not centre:  # no variations are shown
                return [gr.skip(), gr.skip()]
            return center_on(centre, number, strength, first)

    around_it = [tab.chosen, tab.number, tab.strength]
    tab.actions[0].click(centre, around_it, [tab.seed, tab.directions, tab.others], **QUIET).success(**drawing)
    tab.others.click(shift, [*around_it, tab.directions], [tab.seed, tab.directions], **QUIET).success(**drawing)
    gr.on(
        [tab.strength.input, tab.number.input], vary_again,
        [tab.seed, tab.number, tab.strength, tab.directions], [tab.seed, tab.directions],
        trigger_mode="always_last", **QUIET,
    ).success(**drawing)  # fmt: skip


def _connect_downloads(tab: GenerateTab, renderer: Renderer, current: gr.Textbox, download: gr.HTML) -> None:
    def save_png(model: str, chosen: Any, truncation: Any) -> Iterator[dict[str, Any]]:
        with explained(), offered(*png_of(renderer, model, chosen, truncation)) as file:
            yield file

    def save_sheet(link: Any) -> Iterator[dict[str, Any]]:
        with explained(), offered("sheet.png", sheet_file(drawing_of(renderer, link))) as file:
            yield file

    def save_archive(link: Any) -> Iterator[dict[str, Any]]:
        with explained(), offered("images.zip", archive_file(drawing_of(renderer, link))) as file:
            yield file

    saving = {"outputs": download, **QUIET, **DRAWING, **HIDDEN}
    tab.actions[3].click(save_png, [current, tab.chosen, tab.truncation], **saving)
    tab.save_sheet.click(save_sheet, tab.link, **saving)
    tab.save_archive.click(save_archive, tab.link, **saving)


def show_sheet(renderer: Renderer, sheet: Sheet, chosen: Any = "") -> Iterator[list[Any]]:
    """Draws a sheet; where that will take a while, empty places first.

    Yields:
        The sheet, the link's query, and updates of two buttons.

    Raises:
        DcganHubError: if it cannot be drawn.
    """
    points = sheet.points
    if not renderer.registry.is_loaded(sheet.model):
        height, width = renderer.registry.facts(sheet.model).network.image_size
        yield [waiting_html(len(points), height, width), gr.skip(), gr.skip(), gr.skip()]
    drawing = renderer.draw(sheet.model, points, sheet.truncation)
    ready = gr.Button(interactive=True)
    yield [sheet_html(drawing, str(chosen)), sheet.query(drawing.revision), ready, ready]


def choose_point(renderer: Renderer, model: str, text: Any, truncation: Any) -> list[Any]:
    """Shows one point large.

    Returns:
        Its text, the view, and updates of five buttons.

    Raises:
        DcganHubError: if it cannot be drawn.
    """
    if not text:
        return ["", choice_html(None), *[gr.Button(interactive=False)] * 5]
    point = read_point("point", text)
    drawing = renderer.draw(model, [point], truncation)
    picture = plain_image(drawing.images[0], f"Image of {caption(point)}")
    return [point.text, choice_html(point, picture), *[gr.Button(interactive=True)] * 5]


def choice_html(point: Point | None, picture: str = "") -> str:
    """The chosen image with its name, or an empty place of the same size."""
    if point is None:
        return f'<div class="choice"><span class="frame"></span>{note(NOTHING_CHOSEN)}</div>'
    return f'<div class="choice">{picture}<p class="name">{escaped(caption(point))}</p></div>'


def center_on(chosen: Any, number: Any, strength: Any, first: Any) -> list[Any]:
    """The list of a point and its variations.

    Returns:
        The text for the field of seeds, and the seed of the first direction, which may be a later one than asked for.

    Raises:
        SettingsError: if nothing was chosen, or a number is out of bounds.
    """
    if not chosen:
        raise SettingsError("An image must be chosen first. Received: none. Click one of the images.")
    point, count = read_point("point", chosen), max(2, whole_number("number", number, 1, MAX_IMAGES))
    start = whole_number("first", first, 1, MAX_SEED)
    text = around(point, number_between("strength", strength, 0.0, 1.0), count, start)
    return [text, directions(point, count, start)[0]]


def shift_around(chosen: Any, number: Any, strength: Any, first: Any) -> list[Any]:
    """As `center_on`, with variations in none of the directions that it took from `first` on."""
    shown = center_on(chosen, number, strength, first)[1]
    following = shown + max(2, whole_number("number", number, 1, MAX_IMAGES)) - 1
    return center_on(chosen, number, strength, following if following < MAX_DIRECTIONS else 1)


def png_of(renderer: Renderer, model: Any, text: Any, truncation: Any) -> tuple[str, bytes]:
    """Name and content of one image's file.

    Raises:
        DcganHubError: if it cannot be drawn.
    """
    point = read_point("point", text)
    drawing = renderer.draw(model, [point], truncation)
    return f"{file_stem(point)}.png", encode_png(drawing.images[0], drawing.text_of(0))


def drawing_of(renderer: Renderer, link: Any) -> Any:
    """What a link shows, drawn.

    Raises:
        DcganHubError: if the link is none, or cannot be drawn.
    """
    sheet, revision = read_query(link)
    return renderer.draw(renderer.registry.open(sheet.model, revision or None), sheet.points, sheet.truncation)


def _action(label: str, elem_id: str) -> gr.Button:
    return gr.Button(label, size="sm", min_width=130, interactive=False, elem_id=elem_id)
