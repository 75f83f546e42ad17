"""The endpoints: every action of the page as a typed function, for `gradio_client` and, with --mcp, as a tool.

They work on the same functions as the page and hold no state: what they need is in their arguments.
"""

import io
from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from dcgan_hub.demo.gradio_patches.raw_inputs import as_sent
from dcgan_hub.demo.gradio_patches.served_files import ServedPictures, serve_drawing, serve_strip
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.files import FORMATS, archive_file, film_name, sheet_file
from dcgan_hub.demo.rendering.links import MAX_NAME_LENGTH, checked_sheet
from dcgan_hub.demo.rendering.renderer import Drawing, Renderer
from dcgan_hub.demo.tabs.event_options import ASKING, DRAWING, FILMING
from dcgan_hub.demo.tabs.interpolate import film_of, film_strip
from dcgan_hub.demo.tabs.mix import mixed_points, plane_file
from dcgan_hub.demo.tabs.model_bar import fetch_model
from dcgan_hub.demo.tabs.widgets import short_lived_file
from dcgan_hub.demo.validation import number_between, plain_text, read_point, whole_number
from dcgan_hub.networks.latent_points import around, parse_points
from dcgan_hub.networks.latents import METHODS


def add_endpoints(renderer: Renderer) -> None:
    """Adds the endpoints to the page that is being built; nothing of them is seen there.

    Args:
        renderer: draws.
    """
    first = renderer.registry.names()[:1]
    model, truncation = _text(first[0] if first else ""), _number(1.0)
    gallery, picture, file, answer = (_output(kind) for kind in (gr.Gallery, gr.Image, gr.File, gr.JSON))
    do = Endpoints(renderer)

    sheet_inputs = [model, _text("0"), _number(16), truncation]
    _endpoint(do.generate, sheet_inputs, gallery, "generate", DRAWING)
    _endpoint(do.sheet, sheet_inputs, picture, "sheet", DRAWING)
    _endpoint(do.archive, sheet_inputs, file, "archive", DRAWING)
    _endpoint(
        do.vary, [model, _text("42"), _number(0.3), _number(16), _number(1), truncation], gallery, "vary", DRAWING
    )
    mixed = [model, _text("1,2,3"), _text("4,5,6"), _text("7,8,9"), truncation]
    _endpoint(do.mix, mixed, gallery, "mix", DRAWING)
    _endpoint(do.plane, [model, _text("1,2,3,4"), _number(6), truncation], picture, "plane", DRAWING)
    method, loop = _choice("slerp", tuple(METHODS)), as_sent(gr.Checkbox(True, visible=False))
    _endpoint(
        do.filmstrip, [model, _text("1,2,3,4"), _number(9), method, loop, truncation], gallery, "filmstrip", DRAWING
    )
    walk = [model, _text("1,2,3,4"), _number(96), _number(24), method, loop, truncation, _choice("mp4", FORMATS)]
    _endpoint(do.interpolate, walk, file, "interpolate", FILMING)
    _endpoint(do.models, [], answer, "models", {})
    _endpoint(do.open_model, [_text("user/name"), _text("main")], answer, "open_model", ASKING)


class Endpoints:
    """The endpoints' functions; Gradio shows their docstrings to those who use them."""

    def __init__(self, renderer: Renderer) -> None:
        """Takes what draws."""
        self._renderer = renderer

    def generate(self, model: str, seed: str = "0", number: int = 16, truncation: float = 1.0) -> ServedPictures:
        """Draws images of a generator. One seed is one image.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seed: first seed (0 to 4294967295), or a list of seeds, ranges and points: "1,5-9,42~7@0.3".
            number: how many images, 1 to 64, from a single first seed on; a list says itself how many.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            PNG images with captions; their text fields say how to draw them again.
        """
        with explained():
            return serve_drawing(_drawn(self._renderer, model, seed, number, truncation))

    def sheet(self, model: str, seed: str = "0", number: int = 16, truncation: float = 1.0) -> Image.Image:
        """Draws images of a generator on one sheet, with their seeds below.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seed: first seed (0 to 4294967295), or a list of seeds, ranges and points: "1,5-9,42~7@0.3".
            number: how many images, 1 to 64, from a single first seed on; a list says itself how many.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            A PNG image.
        """
        with explained():
            return _opened(sheet_file(_drawn(self._renderer, model, seed, number, truncation)))

    def archive(self, model: str, seed: str = "0", number: int = 16, truncation: float = 1.0) -> Iterator[str]:
        """Draws images of a generator into a zip of PNG files, which are named by seed and carry it as a text field.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seed: first seed (0 to 4294967295), or a list of seeds, ranges and points: "1,5-9,42~7@0.3".
            number: how many images, 1 to 64, from a single first seed on; a list says itself how many.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            A zip file.
        """
        with explained():
            content = archive_file(_drawn(self._renderer, model, seed, number, truncation))
        with short_lived_file("images.zip", content) as path:
            yield path

    def vary(
        self,
        model: str,
        point: str = "42",
        strength: float = 0.3,
        number: int = 16,
        first: int = 1,
        truncation: float = 1.0,
    ) -> ServedPictures:
        """Draws variations of one image, the image itself first.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            point: a seed, or another point such as "42~7@0.3" or "1.2-3.4+5.6".
            strength: how far variations go towards other seeds, 0 to 1.
            number: how many images, 1 to 64.
            first: seed of the first direction; another one gives other variations.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            PNG images with captions.
        """
        with explained():
            centre = read_point("point", point)
            count, start = whole_number("number", number, 1, 64), whole_number("first", first, 0, 1_000_000)
            points = around(centre, number_between("strength", strength, 0.0, 1.0), count, start)
            return serve_drawing(self._renderer.draw(_name(model), parse_points(points, 64), truncation))

    def mix(
        self, model: str, a: str = "1,2,3", b: str = "4,5,6", c: str = "7,8,9", truncation: float = 1.0
    ) -> ServedPictures:
        """Draws A - B + C on latent vectors, each averaged over several seeds.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            a: seeds or points to begin with, up to 16.
            b: seeds or points to take away.
            c: seeds or points to add.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            The result, then the means of A, B and C, as PNG images with captions.
        """
        with explained():
            sum_and_means, _ = mixed_points(a, b, c)
            return serve_drawing(self._renderer.draw(_name(model), sum_and_means, truncation))

    def plane(self, model: str, corners: str = "1,2,3,4", side: int = 6, truncation: float = 1.0) -> Image.Image:
        """Draws a plane of images between four points.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            corners: four seeds or points: top left, top right, bottom left, bottom right.
            side: images in a row and in a column, 2 to 8.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            A PNG image.
        """
        with explained():
            return _opened(plane_file(self._renderer, _name(model), corners, side, truncation))

    def filmstrip(
        self, model: str, seeds: str = "1,2,3,4", pictures: int = 9, method: str = "slerp", loop: bool = True,
        truncation: float = 1.0,
    ) -> ServedPictures:  # fmt: skip
        """Draws a few images of a walk from seed to seed, evenly spread.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seeds: 2 to 8 seeds or points, in order.
            pictures: how many images, 2 to 64.
            method: "slerp" along the sphere, or "lerp" straight.
            loop: whether to return to the first one.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            PNG images with captions.
        """
        with explained():
            return serve_strip(film_strip(self._renderer, _name(model), seeds, method, loop, truncation, pictures))

    def interpolate(
        self, model: str, seeds: str = "1,2,3,4", frames: int = 96, frames_per_second: int = 24, method: str = "slerp",
        loop: bool = True, truncation: float = 1.0, format: str = "mp4",
    ) -> Iterator[str]:  # fmt: skip
        """Draws a walk from seed to seed as a film.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seeds: 2 to 8 seeds or points, in order.
            frames: number of images in all, 2 to 360.
            frames_per_second: 1 to 60, for a GIF up to 50.
            method: "slerp" along the sphere, or "lerp" straight.
            loop: whether to return to the first one.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.
            format: "mp4", "gif", "webp", or "zip" for single PNG frames.

        Returns:
            The film's file.
        """
        with explained():
            content = film_of(
                self._renderer, _name(model), format, seeds, frames, frames_per_second, method, loop, truncation
            )
        with short_lived_file(film_name(format), content) as path:
            yield path

    def models(self) -> list[str]:
        """Lists the generators that this app shows.

        Returns:
            Their names. Others can be named as user/name@revision.
        """
        with explained():
            return self._renderer.registry.names()

    def open_model(self, repository: str, revision: str = "main") -> dict[str, Any]:
        """Opens a generator of the Hugging Face Hub.

        Args:
            repository: user/name.
            revision: branch, tag or commit hash.

        Returns:
            The name to use as `model`, its revision, and the size of its images.
        """
        with explained():
            name = fetch_model(self._renderer.registry, repository, revision)
            height, width = self._renderer.registry.facts(name).network.image_size
            return {"model": name, "revision": self._renderer.registry.revision(name), "width": width, "height": height}


def _drawn(renderer: Renderer, model: Any, seed: Any, number: Any, truncation: Any) -> Drawing:
    request = checked_sheet(model, seed, number, truncation)
    return renderer.draw(request.model, request.points, request.truncation)


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def _name(model: Any) -> str:
    return plain_text("model", model, MAX_NAME_LENGTH)


def _endpoint(function: Any, inputs: list[Any], output: Any, name: str, group: dict[str, Any]) -> None:
    gr.Button(visible=False).click(function, inputs, output, api_name=name, **group)


def _text(value: str) -> gr.Textbox:
    return as_sent(gr.Textbox(value, visible=False))


def _number(value: float) -> gr.Number:
    return as_sent(gr.Number(value, visible=False))


def _choice(value: str, choices: tuple[str, ...]) -> gr.Radio:
    return as_sent(gr.Radio(list(choices), value=value, visible=False))


def _output(kind: Any) -> Any:
    return kind(visible=False, **({"format": "png"} if kind in (gr.Gallery, gr.Image) else {}))
