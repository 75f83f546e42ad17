"""A sheet of images: the request for it, its link, its drawings by one generator or two, and the seeds that follow.

The link is `?model=…&revision=…&seed=…&count=…&truncation=…&class=…&other=…`. An invalid one raises SettingsError.
"""

import dataclasses
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.rendering.links import CLASS, MAX_NAME_LENGTH, MAX_QUERY_LENGTH, link_query, read_number
from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, Drawing, Renderer, checked_truncation
from dcgan_hub.demo.validation import plain_text, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.classes import number_of_class
from dcgan_hub.networks.latent_points import Point, Seed, of_class
from dcgan_hub.networks.point_classes import named_shares, renumbered
from dcgan_hub.networks.point_syntax import MAX_LIST_CHARACTERS, parse_points
from dcgan_hub.settings import MAX_SEED

FIRST_IMAGES = 16  # shown initially
MORE_IMAGES = 16  # added at a time
MAX_SHOWN = 256  # images of one sheet on the page


@dataclass(frozen=True)
class Sheet:
    """A request for images; raises SettingsError if `seed` is not a list of points, or there are too many.

    `seed` is a list of points for `parse_points`; a single seed is the first of `number` consecutive ones. `points` are
    the resulting points, at most 64. `other` is a second generator that draws the same points, or "". `class_name` is a
    class of the first for the points that name none, or "" for the classes that their seeds draw.
    """

    model: str
    seed: str = "0"
    number: int = FIRST_IMAGES
    truncation: float = 1.0
    other: str = ""
    class_name: str = ""
    points: Sequence[Point] = field(init=False)

    def __post_init__(self) -> None:
        """Parses the points."""
        object.__setattr__(self, "points", _points(self.seed, self.number))

    @property
    def models(self) -> list[str]:
        """The generators that draw the points: one or two."""
        return [self.model, self.other] if self.other else [self.model]

    def query(self, revision: str) -> str:
        """The query string of the link, including the question mark."""
        values = {"seed": self.seed.replace(", ", ","), "count": self.number, "truncation": f"{self.truncation:g}"}
        more = {CLASS: self.class_name, "other": self.other}
        return link_query(self.model, revision, values | {name: value for name, value in more.items() if value})


def checked_sheet(
    model: Any, seed: Any, number: Any, truncation: Any, other: Any = "", most: int = MAX_IMAGES, class_name: Any = ""
) -> Sheet:
    """Validates the values of a request for at most `most` images; a second generator that is the first is none."""
    return Sheet(
        model=plain_text("model", model, MAX_NAME_LENGTH),
        other=plain_text("other", other or "", MAX_NAME_LENGTH) if other != model else "",
        seed=plain_text("seed", seed, MAX_LIST_CHARACTERS),
        number=whole_number("number", number, 1, most),
        truncation=checked_truncation(truncation),
        class_name=class_name if class_name == "" else plain_text(CLASS, class_name, MAX_NAME_LENGTH),
    )


def read_link(parameters: Mapping[str, str], most: int = MAX_IMAGES) -> tuple[Sheet, str] | None:
    """The request in a link's parameters, and its revision or ""; None for a link without a request.

    The link is to at most `most` images.
    """
    if not any(name in parameters for name in ("model", "seed")):
        return None
    revision = plain_text("revision", parameters.get("revision", ""), MAX_NAME_LENGTH)
    number = read_number("count", parameters.get("count", str(FIRST_IMAGES)))
    truncation = read_number("truncation", parameters.get("truncation", "1"))
    model, seed, other = (parameters.get(name, usual) for name, usual in (("model", ""), ("seed", "0"), ("other", "")))
    class_name = parameters.get(CLASS, "")
    return checked_sheet(model, seed, number, truncation, other, most, class_name), revision


def read_query(query: Any, most: int = MAX_IMAGES) -> tuple[Sheet, str]:
    """Like `read_link`, from the text of `Sheet.query`."""
    text = plain_text("link", query, MAX_QUERY_LENGTH).removeprefix("?")
    found = read_link(dict(urllib.parse.parse_qsl(text, keep_blank_values=True)), most)
    if found is None:
        raise SettingsError("A sheet must be shown first. Received: nothing. Press Generate.")
    return found


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


def _points(seed: str, number: int) -> list[Point]:
    points = parse_points(seed, MAX_IMAGES)
    only = points[0]
    if len(points) > 1 or not isinstance(only, Seed):
        return points
    if only.seed + number - 1 > MAX_SEED:
        raise SettingsError(
            f"Seeds must be at most {MAX_SEED}. Received: {number} images from seed {only.seed} on. "
            f"Nearest valid: seed={MAX_SEED - number + 1}."
        )
    return [Seed(seed) for seed in range(only.seed, only.seed + number)]


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
