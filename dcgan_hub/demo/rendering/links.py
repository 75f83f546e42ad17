"""Links that reproduce a sheet, written and parsed here.

They are `?model=…&revision=…&seed=…&count=…&truncation=…&class=…&other=…`. An invalid link raises SettingsError.
"""

import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcgan_hub.demo.rendering.renderer import MAX_IMAGES, checked_truncation
from dcgan_hub.demo.validation import plain_text, whole_number
from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.hub.names import is_commit
from dcgan_hub.networks.latent_points import Point, Seed
from dcgan_hub.networks.point_syntax import MAX_LIST_CHARACTERS, parse_points
from dcgan_hub.settings import MAX_SEED

TAB = "tab"  # the parameter that names the open tab
CLASS = "class"  # the parameter that names a class, as on the pages of `pages/`
TABS = ("generate", "interpolate", "mix", "directions", "runs", "about")  # the first one is not written into links
WITHOUT_MODEL = ("generate", "runs", "about")  # tabs that show something where there is no generator
PARAMETERS = (
    *("model", "revision", "seed", "count", "truncation", CLASS, "other", "chosen", TAB, "run"),
    *("keys", "frames", "speed", "method", "loop", "corners", "a", "b", "c", "line", "start"),
)
FIRST_IMAGES = 16  # shown initially
MAX_NAME_LENGTH = 300  # of a model, revision or class
MAX_QUERY_LENGTH = 3 * MAX_LIST_CHARACTERS


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


def link_query(model: str, revision: str, values: Mapping[str, Any]) -> str:
    """The query string of a link, including the question mark; a commit in the name of the model is left out of it."""
    repository, _, commit = model.rpartition("@")
    named = {"model": repository if is_commit(commit) else model, "revision": revision}
    return "?" + urllib.parse.urlencode({**named, **values}, safe=",/")


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


def read_number(name: str, text: str) -> float:
    """A number in a link."""
    try:
        return float(text)
    except ValueError:
        raise SettingsError(
            f"`{name}` in a link must be a number. Received: {shorten(text)!r}. Leave it out."
        ) from None
