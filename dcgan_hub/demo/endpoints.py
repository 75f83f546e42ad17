"""The functions behind the API endpoints: what they take, what they return, and what is said of them.

They use the same functions as the page and are stateless: everything they need is in their arguments.
"""

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

from PIL import Image

from dcgan_hub.demo.gradio_patches.served_files import ServedPictures, serve_drawing, serve_strip
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.rendering.files import animation_name, archive_file, film_file, sheet_file
from dcgan_hub.demo.rendering.links import MAX_NAME_LENGTH
from dcgan_hub.demo.rendering.pairs import pairs_file
from dcgan_hub.demo.rendering.renderer import Drawing, Renderer
from dcgan_hub.demo.rendering.sheets import checked_sheet, draw_sheet
from dcgan_hub.demo.rendering.walks import checked_walk
from dcgan_hub.demo.tabs.about import describe
from dcgan_hub.demo.tabs.directions import directions_file
from dcgan_hub.demo.tabs.interpolate import film_strip
from dcgan_hub.demo.tabs.mix import mixed_points
from dcgan_hub.demo.tabs.model_bar import fetch_model
from dcgan_hub.demo.tabs.plane_map import plane_file
from dcgan_hub.demo.tabs.widgets import short_lived_file
from dcgan_hub.demo.validation import number_between, plain_text, read_point, whole_number
from dcgan_hub.networks.point_syntax import around, parse_points


class Endpoints:
    """The endpoints' functions; Gradio shows their docstrings to API users.

    Gradio reads `Args` and `Returns` line by line, so each description must be on one line.
    """

    def __init__(self, renderer: Renderer) -> None:
        """Takes the renderer."""
        self._renderer = renderer

    @explained()
    def generate(self, model: str, seed: str = "0", number: int = 16, truncation: float = 1.0) -> ServedPictures:
        """Generates images. One seed is one image.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seed: first seed (0 to 4294967295), or a list of seeds, ranges and points: "1,5-9,42~7@0.3,42c3".
            number: how many images, 1 to 64, from a single first seed on; a list says itself how many.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            PNG images with captions; their text fields contain what is needed to reproduce them.
        """
        return serve_drawing(_drawn(self._renderer, model, seed, number, truncation))

    @explained()
    def sheet(self, model: str, seed: str = "0", number: int = 16, truncation: float = 1.0) -> Image.Image:
        """Generates images on one sheet, with their seeds below.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seed: first seed (0 to 4294967295), or a list of seeds, ranges and points: "1,5-9,42~7@0.3,42c3".
            number: how many images, 1 to 64, from a single first seed on; a list says itself how many.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            A PNG image.
        """
        return _opened(sheet_file(_drawn(self._renderer, model, seed, number, truncation)))

    def archive(self, model: str, seed: str = "0", number: int = 16, truncation: float = 1.0) -> Iterator[str]:
        """Generates images as a zip of PNG files, which are named by seed and include it as a text field.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seed: first seed (0 to 4294967295), or a list of seeds, ranges and points: "1,5-9,42~7@0.3,42c3".
            number: how many images, 1 to 64, from a single first seed on; a list says itself how many.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            A zip file.
        """
        with explained():
            content = archive_file(_drawn(self._renderer, model, seed, number, truncation))
        with short_lived_file("images.zip", content) as path:
            yield path

    @explained()
    def compare_models(
        self, model: str, other: str, seed: str = "0", number: int = 16, truncation: float = 1.0
    ) -> Image.Image:
        """Generates images of the same seeds by two generators on one sheet, row above row, with the seeds below.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub; its rows are above.
            other: another one; its rows are below.
            seed: first seed (0 to 4294967295), or a list of seeds, ranges and points: "1,5-9,42~7@0.3,42c3".
            number: how many images of each, 1 to 64, from a single first seed on; a list says itself how many.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            A PNG image.
        """
        request = dataclasses.replace(checked_sheet(model, seed, number, truncation), other=_name(other))
        return _opened(pairs_file(*draw_sheet(self._renderer, request)))

    @explained()
    def vary(
        self,
        model: str,
        point: str = "42",
        strength: float = 0.3,
        number: int = 16,
        first: int = 1,
        truncation: float = 1.0,
    ) -> ServedPictures:
        """Generates variations of one image, starting with the image itself.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            point: a seed, or another point such as "42~7@0.3" or "1.2-3.4+5.6".
            strength: how far variations go towards other seeds, 0 to 1.
            number: how many images, 1 to 64.
            first: seed of the first direction; a different one gives different variations.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            PNG images with captions.
        """
        center = read_point("point", point)
        count, start = whole_number("number", number, 1, 64), whole_number("first", first, 0, 1_000_000)
        (center,) = self._renderer.with_classes(_name(model), [center])  # variations keep it
        points = around(center, number_between("strength", strength, 0.0, 1.0), count, start)
        return serve_drawing(self._renderer.draw(_name(model), parse_points(points, 64), truncation))

    @explained()
    def mix(
        self, model: str, a: str = "1,2,3", b: str = "4,5,6", c: str = "7,8,9", truncation: float = 1.0
    ) -> ServedPictures:
        """Latent arithmetic: generates A - B + C of latent vectors, each averaged over several seeds.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            a: seeds or points to start with, up to 16.
            b: seeds or points to subtract.
            c: seeds or points to add.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            The result, then the means of A, B and C, as PNG images with captions.
        """
        sum_and_means, _ = mixed_points(a, b, c)
        return serve_drawing(self._renderer.draw(_name(model), sum_and_means, truncation))

    @explained()
    def plane(self, model: str, corners: str = "1,2,3,4", side: int = 6, truncation: float = 1.0) -> Image.Image:
        """Generates a grid of images that interpolates between four points.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            corners: four seeds or points: top left, top right, bottom left, bottom right.
            side: images per row and column, 2 to 8.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            A PNG image.
        """
        return _opened(plane_file(self._renderer, _name(model), corners, side, truncation))

    @explained()
    def directions(
        self, model: str, point: str = "42", count: int = 10, reach: float = 3.0, truncation: float = 1.0
    ) -> Image.Image:
        """Generates rows of images that show what each direction of the latent space changes, such as color or pose.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            point: the seed or point in the middle of each row.
            count: how many directions, 1 to 12; those that change most come first.
            reach: how far a row goes to either side, in standard deviations of the latents, up to 9.99.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            A PNG image with five images per row.
        """
        return _opened(directions_file(self._renderer, _name(model), point, count, reach, truncation))

    @explained()
    def filmstrip(
        self, model: str, seeds: str = "1,2,3,4", pictures: int = 9, method: str = "slerp", loop: bool = True,
        truncation: float = 1.0,
    ) -> ServedPictures:  # fmt: skip
        """Generates a few evenly spaced images of an interpolation from seed to seed.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seeds: 2 to 8 seeds or points, in order.
            pictures: how many images, 2 to 64.
            method: "slerp" (spherical) or "lerp" (linear).
            loop: whether to return to the first one.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.

        Returns:
            PNG images with captions.
        """
        return serve_strip(film_strip(self._renderer, _name(model), seeds, method, loop, truncation, pictures))

    def interpolate(
        self, model: str, seeds: str = "1,2,3,4", frames: int = 96, frames_per_second: int = 24, method: str = "slerp",
        loop: bool = True, truncation: float = 1.0, format: str = "mp4", shape: str = "picture",
    ) -> Iterator[str]:  # fmt: skip
        """Generates an interpolation from seed to seed as a video or animation.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.
            seeds: 2 to 8 seeds or points, in order.
            frames: total number of images, 2 to 360.
            frames_per_second: 1 to 60, for a GIF up to 50.
            method: "slerp" (spherical) or "lerp" (linear).
            loop: whether to return to the first one.
            truncation: 0.05 to 2; below 1 images become more typical and alike, above 1 more unusual.
            format: "mp4", "gif", "webp", or "zip" for single PNG frames.
            shape: of an mp4, "picture", "square" (1080 x 1080 pixels) or "9:16" (1080 x 1920) on a plain background.

        Returns:
            The file.
        """
        with explained():
            walk = checked_walk(model, seeds, frames, frames_per_second, method, loop, truncation)
            content = film_file(self._renderer, walk, format, shape)
        with short_lived_file(animation_name(format), content) as path:
            yield path

    @explained()
    def models(self) -> list[str]:
        """Lists the generators that this app shows.

        Returns:
            Their names. Generators on the Hub can also be given as user/name@revision.
        """
        return self._renderer.registry.names()

    @explained()
    def classes(self, model: str) -> list[str]:
        """Lists the classes of a generator: the kinds of images that it draws on request. Points name them by number.

        Args:
            model: name from /models, or user/name@revision on the Hugging Face Hub.

        Returns:
            Their names, the one of class 0 first; "42c0" is seed 42 in class 0. Empty for a generator without classes.
        """
        return list(self._renderer.class_names(_name(model)))

    @explained()
    def open_model(self, repository: str, revision: str = "main") -> dict[str, Any]:
        """Opens a generator on the Hugging Face Hub.

        Args:
            repository: user/name.
            revision: branch, tag or commit hash.

        Returns:
            The name to use as `model`, its revision, and the size of its images.
        """
        name = fetch_model(self._renderer.registry, repository, revision)
        height, width = self._renderer.registry.facts(name).network.image_size
        return {"model": name, "revision": self._renderer.registry.revision(name), "width": width, "height": height}

    @explained()
    def facts(self, model: str) -> dict[str, str]:
        """Returns what is known about a generator: size, parameters, data, license of the images, training, versions.

        Args:
            model: name of a generator from the list of models, or user/name or user/name@revision on the Hub.

        Returns:
            Short texts by name; unknown facts are left out.
        """
        return describe(self._renderer.registry.facts(_name(model)))


def _drawn(renderer: Renderer, model: Any, seed: Any, number: Any, truncation: Any) -> Drawing:
    request = checked_sheet(model, seed, number, truncation)
    return renderer.draw(request.model, request.points, request.truncation)


def _opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def _name(model: Any) -> str:
    return plain_text("model", model, MAX_NAME_LENGTH)
