"""A sheet that goes on: the images of its generators, and of the seeds that follow those on the page."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.rendering.links import Sheet, read_query
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Drawing, Renderer
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.classes import number_of_class
from dcgan_hub.networks.latent_points import Point, of_class
from dcgan_hub.networks.point_classes import named_shares, renumbered
from dcgan_hub.settings import MAX_SEED

MORE_IMAGES = 16  # added at a time
MAX_SHOWN = 256  # images of one sheet on the page


def linked_sheet(registry: ModelRegistry, link: Any, most: int = MAX_IMAGES) -> Sheet:
    """The sheet of a link's query string with at most `most` images, its generators by their names in the app."""
    sheet, revision = read_query(link, most)
    return dataclasses.replace(sheet, model=registry.open(sheet.model, revision or None))


def draw_sheet(renderer: Renderer, sheet: Sheet) -> list[Drawing]:
    """One drawing by each generator of a sheet of any number of images.

    The second generator draws a class in its own class of the same name, or as if no class was named.
    """
    names = renderer.class_names(sheet.model)
    points = _in_class(sheet.points, sheet.class_name, names)
    drawings = [_draw(renderer, sheet.model, points, sheet.truncation)]
    if sheet.other:
        others = {name: number for number, name in enumerate(renderer.class_names(sheet.other))}
        numbers = {number: others[name] for number, name in enumerate(names) if name in others}
        theirs = [renumbered(point, numbers) for point in points]
        drawings.append(_draw(renderer, sheet.other, theirs, sheet.truncation))
    return drawings


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


def _in_class(points: Sequence[Point], class_name: str, names: Sequence[str]) -> list[Point]:
    """The points, those that name no class in the one that is given."""
    if not class_name:
        return list(points)
    number = number_of_class(class_name, names)
    return [point if named_shares(point) else of_class(point, number) for point in points]


def _draw(renderer: Renderer, model: str, points: list[Point], truncation: float) -> Drawing:
    starts = range(0, len(points), MAX_IMAGES)
    parts = [renderer.draw(model, points[start : start + MAX_IMAGES], truncation) for start in starts]
    return dataclasses.replace(parts[0], points=points, images=np.concatenate([part.images for part in parts]))
