"""The API endpoints: every action of the page by name, for `gradio_client` and, with --mcp, as a tool.

`endpoints.py` has the functions that answer them.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from dcgan_hub.demo.endpoints import Endpoints
from dcgan_hub.demo.rendering.files import FORMATS, SHAPES
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.tabs.event_options import AS_SENT, ASKING, DRAWING, FILMING
from dcgan_hub.networks.latents import METHODS

# Of the endpoints' components. For those that are visible themselves the page loads scripts, also in an invisible
# column; a gallery brings a player of videos.
UNLOADED: dict[str, Any] = {"visible": False}


def add_endpoints(renderer: Renderer) -> None:
    """Adds the endpoints to the page that is being built, where they are invisible."""
    first = renderer.registry.names()[:1]
    do = Endpoints(renderer)
    with gr.Column(visible=False):
        model, truncation = text_input("model", first[0] if first else ""), number_input("truncation", 1.0)
        gallery = gr.Gallery(label="images", format="png", **UNLOADED)
        picture = gr.Image(label="image", format="png", **UNLOADED)
        file = gr.File(label="file", **UNLOADED)
        sheet = [model, text_input("seed", "0"), number_input("number", 16), truncation]
        add_endpoint(do.generate, sheet, gallery, **DRAWING)
        add_endpoint(do.sheet, sheet, picture, **DRAWING)
        add_endpoint(do.archive, sheet, file, **DRAWING)
        add_endpoint(do.compare_models, [model, text_input("other"), *sheet[1:]], picture, **DRAWING)
        around_it = [text_input("point", "42"), number_input("strength", 0.3), number_input("number", 16)]
        add_endpoint(do.vary, [model, *around_it, number_input("first", 1), truncation], gallery, **DRAWING)
        groups = [text_input("a", "1,2,3"), text_input("b", "4,5,6"), text_input("c", "7,8,9")]
        add_endpoint(do.mix, [model, *groups, truncation], gallery, **DRAWING)
        corners, side = text_input("corners", "1,2,3,4"), number_input("side", 6)
        add_endpoint(do.plane, [model, corners, side, truncation], picture, **DRAWING)
        rows = [number_input("count", 10), number_input("reach", 3.0)]
        add_endpoint(do.directions, [model, text_input("point", "42"), *rows, truncation], picture, **DRAWING)
        keys = text_input("seeds", "1,2,3,4")
        way = [_choice("method", "slerp", tuple(METHODS)), gr.Checkbox(True, label="loop", **UNLOADED), truncation]
        add_endpoint(do.filmstrip, [model, keys, number_input("pictures", 9), *way], gallery, **DRAWING)
        speed = [number_input("frames", 96), number_input("frames_per_second", 24)]
        forms = [_choice("format", "mp4", FORMATS), _choice("shape", "picture", tuple(SHAPES))]
        film = [model, keys, *speed, *way, *forms]
        add_endpoint(do.interpolate, film, file, **FILMING)
        add_endpoint(do.models, [], gr.JSON(label="models", **UNLOADED))
        add_endpoint(do.classes, [model], gr.JSON(label="classes", **UNLOADED))
        repository = [text_input("repository", "user/name"), text_input("revision", "main")]
        add_endpoint(do.open_model, repository, gr.JSON(label="model", **UNLOADED), **ASKING)
        add_endpoint(do.facts, [text_input("model")], gr.JSON(label="facts", **UNLOADED))


def add_endpoint(function: Callable[..., Any], inputs: list[Component], outputs: Any, **options: Any) -> None:
    """Adds an endpoint named after the function; invisible components define its types, so that files can be sent."""
    gr.Button().click(function, inputs, outputs, api_name=function.__name__, **AS_SENT, **options)


def text_input(label: str, value: str | None = None) -> gr.Textbox:
    """A text input, which is required if it has no default."""
    return gr.Textbox(value, label=label, **UNLOADED)


def number_input(label: str, value: float) -> gr.Number:
    """An optional number, described as an integer if its default is one."""
    return gr.Number(value, label=label, precision=0 if isinstance(value, int) else None, **UNLOADED)


def _choice(label: str, value: str, choices: tuple[str, ...]) -> gr.Radio:
    return gr.Radio(list(choices), value=value, label=label, **UNLOADED)
