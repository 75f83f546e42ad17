"""A sheet that goes on: the images of its generators, and of the seeds that follow those on the page."""

import dataclasses
from typing import Any

import numpy as np

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.rendering.links import Sheet, read_query
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Drawing, Renderer
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import Point
from dcgan_hub.settings import MAX_SEED

MORE_IMAGES = 16  # added at a time
MAX_SHOWN = 256  # images of one sheet on the page


def linked_sheet(registry: ModelRegistry, link: Any, most: int = MAX_IMAGES) -> Sheet:
    """The sheet of a link's query string with at most `most` images, its generators by their names in the app."""
    sheet, revision = read_query(link, most)
    return dataclasses.replace(sheet, model=registry.open(sheet.model, revision or None))


def draw_sheet(renderer: Renderer, sheet: Sheet) -> list[Drawing]:
    """One drawing by each generator of a sheet of any number of images."""
    return [_draw(renderer, model, sheet) for model in sheet.models]


def goes_on(sheet: Sheet) -> bool:
    """Whether seeds follow: those of a single first seed, unlike a list of points."""
    return sheet.seed.isdigit()


def following(sheet: Sheet, shown: int) -> Sheet | None:
    """The sheet of the next images after the `shown` first ones, or None if they are the last.

    Raises:
        SettingsError: for a list of points, which nothing follows.
    """
    if not goes_on(sheet):
        raise SettingsError(f"Only a single first seed goes on. Received: the list {sheet.seed!r}. Type one seed.")
    first = int(sheet.seed) + shown
    number = min(MORE_IMAGES, MAX_SHOWN - shown, MAX_SEED + 1 - first)
    return dataclasses.replace(sheet, seed=str(first), number=number) if number > 0 else None


def _draw(renderer: Renderer, model: str, sheet: Sheet) -> Drawing:
    parts = [_part(renderer, model, sheet, start) for start in range(0, len(sheet.points), MAX_IMAGES)]
    images = np.concatenate([part.images for part in parts])
    return dataclasses.replace(parts[0], points=sheet.points, images=images)


def _part(renderer: Renderer, model: str, sheet: Sheet, start: int) -> Drawing:
    points: list[Point] = list(sheet.points[start : start + MAX_IMAGES])
    return renderer.draw(model, points, sheet.truncation)
