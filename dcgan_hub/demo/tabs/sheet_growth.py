"""The sheet of Generate goes on below its end, see static/sheet_growth.js."""

from typing import Any

import gradio as gr

from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.pictures import sheet_cells
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.rendering.sheets import MAX_SHOWN, Sheet, draw_sheet, following, linked_sheet
from dcgan_hub.demo.tabs.event_options import DRAWING, SILENT
from dcgan_hub.demo.tabs.widgets import answer_to
from dcgan_hub.demo.validation import plain_text, whole_number
from dcgan_hub.settings import MAX_SEED

MAX_SEED_DIGITS = len(str(MAX_SEED))
MORE = '<p class="further"><button type="button" data-action="more">More images</button></p>'


def connect_growth(sheet: gr.HTML, link: gr.HTML, chosen: gr.Textbox, seed: gr.Textbox, renderer: Renderer) -> Any:
    """Adds the events of a sheet that goes on; returns the one after which a sheet of other seeds is to be drawn."""

    def grow(link: Any, chosen: Any, event: gr.EventData) -> Any:
        return gr.HTML(more=more_images(renderer, link, event._data, chosen))

    @explained()
    def go_on(event: gr.EventData) -> str:
        return plain_text("seed", event._data.get("seed") if isinstance(event._data, dict) else None, MAX_SEED_DIGITS)

    sheet.more(grow, [link, chosen], sheet, trigger_mode="multiple", **SILENT, **DRAWING)
    return sheet.onward(go_on, None, seed, **SILENT)


def more_images(renderer: Renderer, link: Any, asked: Any, chosen: Any) -> dict[str, Any]:
    """More images for the sheet of a link, or the problem.

    Args:
        renderer: draws them.
        link: the query string of the sheet.
        asked: {"shown": how many images the page shows, "ticket"}, unchecked; see `answer_to`.
        chosen: the point whose picture is marked.

    Returns:
        {"ticket", "cells": HTML of the images' buttons, "end": HTML of what is below them}.
    """

    def draw(question: dict[str, Any]) -> dict[str, Any]:
        sheet = linked_sheet(renderer.registry, link)
        shown = whole_number("shown", question.get("shown"), 1, MAX_SHOWN)
        added = following(sheet, shown)
        if added is None:
            return {"cells": "", "end": end_html(sheet, shown)}
        total = shown + len(added.points)
        end = MORE if following(sheet, total) else end_html(sheet, total)
        return {"cells": "".join(sheet_cells(draw_sheet(renderer, added), str(chosen))), "end": end}

    return answer_to(asked, link, draw)


def end_html(sheet: Sheet, shown: int) -> str:
    """What is below a sheet that does not grow any more: a new sheet of the following seeds, if there are any."""
    following_seed = int(sheet.seed) + shown
    if following_seed > MAX_SEED:
        return f'<p class="further" role="status">{following_seed - 1} is the last seed.</p>'
    return (
        f'<p class="further" role="status">A page shows up to {MAX_SHOWN} images. '
        f'<button type="button" data-seed="{following_seed}">Go on from seed {following_seed}</button></p>'
    )
