"""The Mix tab: A - B + C on latent vectors, and a plane between four points."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.gradio_patches.raw_inputs import as_sent
from dcgan_hub.demo.html import escaped, note
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.files import sheet_file
from dcgan_hub.demo.rendering.pictures import caption, plain_image, sheet_html
from dcgan_hub.demo.rendering.renderer import Drawing, Renderer
from dcgan_hub.demo.tabs.event_options import DRAWING, DRAWN, SILENT, Updates
from dcgan_hub.demo.tabs.widgets import add_sheet, add_slider, add_text, controls_column, pictures_column, saver
from dcgan_hub.demo.validation import read_points, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import MAX_AVERAGED, Mix, Point, parse_point, plane

CORNERS, FIRST_CORNERS = 4, "1, 2, 3, 4"
MIN_SIDE, MAX_SIDE = 2, 8
FIRST_GROUPS = {"A": "1, 2, 3", "B": "4, 5, 6", "C": "7, 8, 9"}
GROUPS = tuple(FIRST_GROUPS)
LABELS = {"A": "A", "B": "B, subtracted", "C": "C, added"}
PROMISE = (
    "A − B + C removes from A what B has and adds what C has. Means of three seeds each work better than single seeds."
)


@dataclass(frozen=True)
class MixTab:
    """Components of the tab; `groups` are the fields of A, B and C."""

    groups: dict[str, gr.Textbox]
    target: gr.Radio
    mix: gr.Button
    result: gr.HTML
    corners: gr.Textbox
    side: gr.Slider
    draw: gr.Button
    plane: gr.HTML
    save: gr.Button


def add_mix_tab() -> MixTab:
    """Lays out the tab."""
    with gr.Row(elem_classes="workbench"):
        with controls_column():
            gr.HTML(f"<h2>A − B + C</h2>{note(PROMISE)}")
            groups = {
                name: add_text(seeds, LABELS[name], f"mix-{name.lower()}") for name, seeds in FIRST_GROUPS.items()
            }
            places = [*GROUPS, "corners"]
            target = as_sent(gr.Radio(places, value="A", label="Add images of the tray to", elem_id="mix-target"))
            mix = gr.Button("Mix", variant="primary", elem_id="mix")
        with pictures_column():
            result = add_sheet(empty_result(), "mix-result")
    with gr.Row(elem_classes="workbench"):
        with controls_column():
            gr.HTML("<h2>A plane between four</h2>")
            hint = "Top left, top right, bottom left, bottom right"
            corners = add_text(FIRST_CORNERS, "Corners", "corners", info=hint)
            side = add_slider(MIN_SIDE, MAX_SIDE, 6, "Images per side", "side")
            draw = gr.Button("Draw the plane", variant="primary", elem_id="plane")
            save = gr.Button("Save sheet", size="sm", interactive=False, elem_id="save-plane")
        with pictures_column():
            surface = add_sheet(empty_plane(), "plane-sheet")
    return MixTab(groups, target, mix, result, corners, side, draw, surface, save)


def connect_mix_tab(
    tab: MixTab, renderer: Renderer, current: gr.Textbox, truncation: gr.Slider, download: gr.HTML
) -> None:
    """Adds the tab's events, except those of the tray; `truncation` is that of the Generate tab."""

    @explained()
    def show_mix(model: str, a: Any, b: Any, c: Any, truncation: Any) -> str:
        return mix_html(*draw_mix(renderer, model, a, b, c, truncation))

    @explained()
    def show_plane(model: str, corners: Any, side: Any, truncation: Any) -> Updates:
        drawing = draw_plane(renderer, model, corners, side, truncation)
        return {tab.plane: sheet_html(drawing, columns=int(side)), tab.save: gr.Button(interactive=True)}

    def make_plane(*request: Any) -> tuple[str, bytes]:
        return "plane.png", plane_file(renderer, *request)

    def clear() -> Updates:
        return {tab.result: empty_result(), tab.plane: empty_plane(), tab.save: gr.Button(interactive=False)}

    groups, plane_inputs = tab.groups.values(), [current, tab.corners, tab.side, truncation]
    gr.on(
        [tab.mix.click, *[group.submit for group in groups]], show_mix, [current, *groups, truncation], tab.result,
        **DRAWN,
    )  # fmt: skip
    gr.on(
        [tab.draw.click, tab.corners.submit, tab.side.input], show_plane, plane_inputs, [tab.plane, tab.save], **DRAWN
    )
    current.change(clear, None, [tab.result, tab.plane, tab.save], **SILENT)
    tab.save.click(saver(make_plane), plane_inputs, download, **SILENT, **DRAWING)


def mixed_points(a: Any, b: Any, c: Any) -> tuple[list[Point], list[tuple[Point, ...]]]:
    """The result of a mix and the means of A, B and C; and the points of each group."""
    texts = zip(GROUPS, (a, b, c), strict=True)
    groups = [tuple(read_points(name, text, MAX_AVERAGED)) for name, text in texts]
    means: list[Point] = [group[0] if len(group) == 1 else Mix((group,)) for group in groups]
    result = parse_point(Mix(tuple(groups)).text)  # checks the length of its name
    return [result, *means], groups


def draw_mix(renderer: Renderer, model: str, a: Any, b: Any, c: Any, truncation: Any) -> tuple[Drawing, list[int]]:
    """Generates the result, the three means and all points, in this order; also returns the size of each group."""
    sum_and_means, groups = mixed_points(a, b, c)
    parts = [point for group in groups for point in group]
    return renderer.draw(model, [*sum_and_means, *parts], truncation), [len(group) for group in groups]


def draw_plane(renderer: Renderer, model: str, corners: Any, side: Any, truncation: Any) -> Drawing:
    """Generates side x side images between four points."""
    points = read_points("corners", corners, CORNERS)
    if len(points) != CORNERS:
        raise SettingsError(f"`corners` must be {CORNERS} seeds or points. Received: {len(points)}. Try 1, 2, 3, 4.")
    return renderer.draw(model, plane(points, whole_number("side", side, MIN_SIDE, MAX_SIDE)), truncation)


def plane_file(renderer: Renderer, model: str, corners: Any, side: Any, truncation: Any) -> bytes:
    """The plane as a PNG sheet."""
    return sheet_file(draw_plane(renderer, model, corners, side, truncation), int(side))


def mix_html(drawing: Drawing, sizes: list[int]) -> str:
    """The sum as images: the points of each group, the means with their signs, and the result."""
    start, columns = 1 + len(sizes), []
    for index, size in enumerate(sizes):
        parts = "".join(_picture(drawing, place) for place in range(start, start + size))
        sign = ("", "−", "+")[index]
        columns.append(
            f'<div class="term"><span class="sign">{sign}</span>{_picture(drawing, 1 + index, GROUPS[index])}'
            f'<div class="parts">{parts}</div></div>'
        )
        start += size
    total = f'<div class="term total"><span class="sign">=</span>{_picture(drawing, 0)}</div>'
    return f'<div class="sum">{"".join(columns)}{total}</div>'


def empty_result() -> str:
    """A placeholder for the sum."""
    return f'<div class="sum empty">{note("The sum will appear here.")}</div>'


def empty_plane() -> str:
    """A placeholder for the plane."""
    return f'<div class="sheet empty plane-place">{note("The plane will appear here.")}</div>'


def _picture(drawing: Drawing, index: int, words: str = "") -> str:
    point = drawing.points[index]
    name, text = escaped(words or caption(point)), escaped(point.text)
    picture = plain_image(drawing.images[index], f"Image of {caption(point)}")
    return (
        f'<button type="button" class="picture" data-point="{text}" aria-pressed="false" title="{name}">{picture}'
        f'<span class="caption">{name}</span></button>'
    )
