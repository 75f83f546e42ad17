"""The Mix tab: breeding, the map between four pictures, and A - B + C on latent vectors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.html import escaped, note
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.captions import caption
from dcgan_hub.demo.rendering.links import TAB, link_query
from dcgan_hub.demo.rendering.pictures import plain_image
from dcgan_hub.demo.rendering.renderer import Drawing, Renderer
from dcgan_hub.demo.tabs.breeding import add_breeding, litter
from dcgan_hub.demo.tabs.event_options import ANOTHER_REQUEST, DRAWING, DRAWN, SILENT, Updates
from dcgan_hub.demo.tabs.plane_map import FIRST_CORNERS, add_map, corner_points, map_file, map_value
from dcgan_hub.demo.tabs.widgets import (
    add_link,
    add_sheet,
    add_text,
    add_unseen,
    controls_column,
    offered,
    pictures_column,
)
from dcgan_hub.demo.validation import read_points
from dcgan_hub.errors import DcganHubError
from dcgan_hub.networks.latent_points import MAX_AVERAGED, Mix, Point
from dcgan_hub.networks.point_syntax import parse_point
from dcgan_hub.settings import MAX_SEED

FIRST_GROUPS = {"A": "1, 2, 3", "B": "4, 5, 6", "C": "7, 8, 9"}
GROUPS = tuple(FIRST_GROUPS)
LABELS = {"A": "A", "B": "B, subtracted", "C": "C, added"}
FORMULA = "A − B + C, the formula of the DCGAN paper"
PROMISE = (
    "A − B + C removes from A what B has and adds what C has. Means of three seeds each work better than single seeds. "
    "An image that you click in the tray is added to the list that you used last."
)
OTHER_CORNERS = f"() => Array.from({{length: 4}}, () => Math.floor(Math.random() * {MAX_SEED})).join(', ')"
# Run in the browser. An update replaces all properties that are not Gradio's own.
TELL_MAP = "(corners, ...drawn_by) => ({__type__: 'update', props: {corners, drawn_by}})"
# With another generator the formula is drawn again if it is open, and emptied if it is folded.
DRAW_ANEW = """(corners, ...drawn_by) => {
    const isOpen = document.querySelector("#mix-result")?.checkVisibility();
    const updates = [{drawn_by, offered: null}, {corners, drawn_by}].map((props) => ({__type__: "update", props}));
    return [...updates, "", isOpen ? String(Math.random()) : ""];
}"""


@dataclass(frozen=True)
class MixTab:
    """Components of the tab.

    `target` names the list to which images of the tray are added: one of `groups`, which are the fields of A, B and C,
    "corners", or otherwise the parents. Changing `request` to a text triggers an update of `result`.
    """

    breeding: gr.HTML
    map: gr.HTML
    corners: gr.Textbox
    other_corners: gr.Button
    formula: gr.Accordion
    result: gr.HTML
    groups: dict[str, gr.Textbox]
    mix: gr.Button
    target: gr.Textbox
    request: gr.Textbox
    link: gr.HTML


def add_mix_tab() -> MixTab:
    """Lays out the tab."""
    breeding = add_breeding()
    with gr.Row(elem_classes="workbench", elem_id="map-row"):
        with pictures_column():
            plane = add_map()
        with controls_column():
            gr.HTML(note("Move over the map: from corner to corner, one picture becomes another."))
            hint = "Top left, top right, bottom left, bottom right. Click here, then on images of the tray"
            corners = add_text(FIRST_CORNERS, "Corners", "corners", info=hint)
            other_corners = gr.Button("Other corners", elem_id="other-corners")
            link = add_link("mix-link")
    with gr.Accordion(FORMULA, open=False, elem_id="formula") as formula:
        result = add_sheet("", "mix-result")
        gr.HTML(note(PROMISE))
        with gr.Row():
            groups = {
                name: add_text(seeds, LABELS[name], f"mix-{name.lower()}", min_width=160)
                for name, seeds in FIRST_GROUPS.items()
            }
        mix = gr.Button("Mix", variant="primary", elem_id="mix")
    target = add_unseen("Where images of the tray go", "mix-target")
    request = add_unseen("Request for a mix", "mix-request")
    return MixTab(breeding, plane, corners, other_corners, formula, result, groups, mix, target, request, link)


def connect_mix_tab(
    tab: MixTab, renderer: Renderer, current: gr.Textbox, truncation: gr.Slider, download: gr.HTML
) -> None:
    """Adds the tab's events, except those of the tray; `truncation` is that of the Generate tab."""
    _connect_pictures(tab, renderer, current, truncation, download)
    _connect_formula(tab, renderer, current, truncation)
    gr.on(
        [current.change, truncation.change], None, [tab.corners, current, truncation],
        [tab.breeding, tab.map, tab.result, tab.request], js=DRAW_ANEW, **SILENT,
    )  # fmt: skip
    for name, field in {**tab.groups, "corners": tab.corners}.items():
        field.focus(None, None, tab.target, js=f"() => '{name}'", **SILENT)
    tab.breeding.choose(None, None, tab.target, js="() => 'parents'", **SILENT)


def _connect_pictures(
    tab: MixTab, renderer: Renderer, current: gr.Textbox, truncation: gr.Slider, download: gr.HTML
) -> None:
    def show_litter(model: str, truncation: Any, a: Any, b: Any, c: Any, corners: Any, event: gr.EventData) -> Updates:
        value = litter(renderer, model, event._data, truncation)
        return {tab.breeding: value} | (_link(tab, renderer, model, corners, a, b, c) if "pictures" in value else {})

    def show_map(model: str, truncation: Any, a: Any, b: Any, c: Any, event: gr.EventData) -> Updates:
        value = map_value(renderer, model, event._data, truncation)
        drawn = value.get("drawn")
        return {tab.map: value} | (_link(tab, renderer, model, drawn["corners"], a, b, c) if drawn else {})

    def save_map(event: gr.EventData) -> Iterator[dict[str, Any]]:
        with explained(), offered("map.png", map_file(renderer, event._data)) as file:
            yield file

    # Every question is answered, and the page takes the answer to its last one.
    asking = [current, truncation, *tab.groups.values()]
    answering = {"trigger_mode": "multiple", **SILENT, **DRAWING}
    tab.breeding.ask(show_litter, [*asking, tab.corners], [tab.breeding, tab.link], **answering)
    tab.map.ask(show_map, asking, [tab.map, tab.link], **answering)
    tab.map.save(save_map, None, download, **SILENT, **DRAWING)
    tab.corners.change(None, [tab.corners, current, truncation], tab.map, js=TELL_MAP, **SILENT)
    tab.other_corners.click(None, None, tab.corners, js=OTHER_CORNERS, **SILENT)


def _connect_formula(tab: MixTab, renderer: Renderer, current: gr.Textbox, truncation: gr.Slider) -> None:
    @explained()
    def show_mix(request: str, model: str, a: Any, b: Any, c: Any, truncation: Any, corners: Any) -> Updates:
        if not (request and model):
            return gr.skip()
        html = mix_html(*draw_mix(renderer, model, a, b, c, truncation))
        return {tab.result: html} | _link(tab, renderer, model, corners, a, b, c)

    groups = [*tab.groups.values()]
    tab.request.change(
        show_mix, [tab.request, current, *groups, truncation, tab.corners], [tab.result, tab.link],
        trigger_mode="always_last", show_progress_on=[tab.result], **DRAWN,
    )  # fmt: skip
    gr.on(
        [tab.mix.click, tab.formula.expand, *[group.submit for group in groups]], None, None, tab.request,
        js=ANOTHER_REQUEST, **SILENT,
    )  # fmt: skip


def _link(tab: MixTab, renderer: Renderer, model: str, corners: Any, a: Any, b: Any, c: Any) -> Updates:
    try:
        return {tab.link: mix_query(model, renderer.registry.revision(model), corners, a, b, c)}
    except DcganHubError:
        return {}  # one of the other fields is being edited: the link stays as it is


def mix_query(model: str, revision: str, corners: Any, a: Any, b: Any, c: Any) -> str:
    """The query string of a link to the map and the formula; `read_mix_link` reads it.

    Raises:
        SettingsError: if one of the lists is invalid.
    """
    lists = {"corners": corner_points(corners)}
    lists |= {name.lower(): read_points(name, text, MAX_AVERAGED) for name, text in zip(GROUPS, (a, b, c), strict=True)}
    values = {name: ",".join(point.text for point in points) for name, points in lists.items()}
    return link_query(model, revision, {TAB: "mix", **values})


def read_mix_link(tab: MixTab, parameters: Mapping[str, str]) -> Updates:
    """The fields that a link names; nothing for a link to another tab.

    Raises:
        SettingsError: if one of the lists is invalid.
    """
    if parameters.get(TAB) != "mix":
        return {}
    asked: Updates = {}
    if "corners" in parameters:
        asked[tab.corners] = ", ".join(point.text for point in corner_points(parameters["corners"]))
    for name, field in tab.groups.items():
        if name.lower() in parameters:
            points = read_points(name, parameters[name.lower()], MAX_AVERAGED)
            asked[field] = ", ".join(point.text for point in points)
    return asked


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


def _picture(drawing: Drawing, index: int, words: str = "") -> str:
    point = drawing.points[index]
    named = caption(point, drawing.class_names)
    name, text = escaped(words or named), escaped(point.text)
    picture = plain_image(drawing.images[index], f"Image of {named}")
    return (
        f'<button type="button" class="picture" data-point="{text}" aria-pressed="false" title="{name}">{picture}'
        f'<span class="caption">{name}</span></button>'
    )
