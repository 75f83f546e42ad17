"""Walks: interpolations through key points, validated, and as one picture from which the page plays them.

N images, H x W pixels, C channels.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_hub.demo.rendering.captions import caption
from dcgan_hub.demo.rendering.links import MAX_NAME_LENGTH, TAB, link_query, read_number
from dcgan_hub.demo.rendering.pictures import strip_address
from dcgan_hub.demo.rendering.renderer import MAX_FRAMES, MAX_IMAGES, MIN_FRAMES, Renderer, checked_truncation
from dcgan_hub.demo.validation import one_of, plain_text, read_points, whole_number
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import PART_DIGITS, Point, turn
from dcgan_hub.networks.latents import METHODS

MIN_KEYS, MAX_KEYS = 2, 8
MAX_FRAMES_PER_SECOND = 60
STRIP_PIXELS = 800_000  # of all images of a strip, which with the key points' stays lossless, see `strip_address`
MIN_STRIP_IMAGES = 20  # of large images, whose strip is lossy
NAMED_METHOD = "slerp"  # of the images that points between two others stand for


@dataclass(frozen=True)
class Walk:
    """A valid interpolation through 2 to 8 key points."""

    model: str
    keys: Sequence[Point]
    frames: int
    frames_per_second: int
    method: str
    loop: bool
    truncation: float

    @property
    def parts(self) -> int:
        """The number of ways from one key point to the next."""
        return len(self.keys) if self.loop else len(self.keys) - 1

    def query(self, revision: str) -> str:
        """The query string of the link, including the question mark."""
        return link_query(self.model, revision, {
            TAB: "interpolate", "keys": ",".join(point.text for point in self.keys), "frames": self.frames,
            "speed": self.frames_per_second, "method": self.method, "loop": str(self.loop).lower(),
            "truncation": f"{self.truncation:g}",
        })  # fmt: skip

    def text(self, revision: str) -> dict[str, str]:
        """What is needed to generate it again, as short texts for a file."""
        return {
            "points": ",".join(point.text for point in self.keys),
            "method": self.method,
            "loop": str(self.loop).lower(),
            "frames": str(self.frames),
            "frames_per_second": str(self.frames_per_second),
            "model": self.model,
            **({"revision": revision} if revision else {}),
            "truncation": f"{self.truncation:g}",
            "software": "dcgan_hub",
        }


def checked_walk(
    model: Any, keys: Any, frames: Any, frames_per_second: Any, method: Any, loop: Any, truncation: Any,
    *, name: str = "seeds",
) -> Walk:  # fmt: skip
    """Validates the values of a request; `name` is that of the key points in messages.

    Raises:
        SettingsError: if one of them is out of range.
    """
    return Walk(
        plain_text("model", model, MAX_NAME_LENGTH),
        key_points(keys, name),
        whole_number("frames", frames, MIN_FRAMES, MAX_FRAMES),
        whole_number("frames_per_second", frames_per_second, 1, MAX_FRAMES_PER_SECOND),
        one_of("method", method, tuple(METHODS)),
        bool(loop),
        checked_truncation(truncation),
    )


def read_walk_link(parameters: Mapping[str, str]) -> Walk | None:
    """The walk in a link's parameters, of no model; None for a link without one.

    Raises:
        SettingsError: if one of the values is invalid.
    """
    if parameters.get(TAB) != "interpolate" or "keys" not in parameters:
        return None
    frames = read_number("frames", parameters.get("frames", "96"))
    speed = read_number("speed", parameters.get("speed", "24"))
    method, loops = parameters.get("method", NAMED_METHOD), parameters.get("loop", "true") == "true"
    return checked_walk("", parameters["keys"], frames, speed, method, loops, 1.0, name="key frames")


def key_points(keys: Any, name: str = "seeds") -> list[Point]:
    """Parses the key points of an interpolation."""
    is_empty = isinstance(keys, str) and not keys.strip(" \t\r\n,;")
    points = [] if is_empty else read_points(name, keys, MAX_KEYS)
    if len(points) < MIN_KEYS:
        raise SettingsError(
            f"`{name}` must be {MIN_KEYS} to {MAX_KEYS} seeds or points. Received: {len(points) or 'none'}. "
            "Try 1, 2, 3, 4."
        )
    return points


def strip_size(walk: Walk, pixels: int) -> int:
    """How many images of `pixels` pixels stand for a walk on the page.

    One a frame if these are few; else equally many from each key point to the next, so that all of these are shown.
    """
    most = min(MAX_IMAGES, max(MIN_STRIP_IMAGES, STRIP_PIXELS // pixels))
    if walk.frames <= most:
        return walk.frames
    return most // walk.parts * walk.parts if walk.loop else (most - 1) // walk.parts * walk.parts + 1


def places_along(walk: Walk, count: int) -> list[tuple[Point, Point, float]]:
    """Where `count` evenly spaced images are: between which key points, and at what part of the way."""
    places = []
    for position in np.linspace(0.0, walk.parts, count, endpoint=not walk.loop):
        index = min(int(position), walk.parts - 1)
        target = walk.keys[(index + 1) % len(walk.keys)]
        places.append((walk.keys[index], target, round(float(position) - index, PART_DIGITS)))
    return places


def walk_value(renderer: Renderer, walk: Walk) -> dict[str, Any]:
    """The data of the page's player, see walk.js: images along the walk, then those of the key points.

    Between key points of different classes the class changes step by step, as in the films of `Renderer.walk`.
    """
    facts = renderer.registry.facts(walk.model)
    (height, width), names = facts.network.image_size, facts.class_names
    walk = dataclasses.replace(walk, keys=renderer.with_classes(walk.model, walk.keys))
    count = strip_size(walk, height * width)
    places = places_along(walk, count)
    keys = renderer.draw(walk.model, walk.keys, walk.truncation).images
    address, columns = strip_address(np.concatenate([_images_at(renderer, walk, places), keys]))
    last = count if walk.loop else count - 1
    return {
        "address": address,
        "columns": columns,
        "width": width,
        "height": height,
        "points": [_name_at(walk, place) for place in places],
        "words": [_words_at(place, names) for place in places],
        "keys": [
            {"words": caption(point, names), "at": round(index * last / walk.parts) % count, "image": count + index}
            for index, point in enumerate(walk.keys)
        ],
        "seconds": walk.frames / walk.frames_per_second,
    }


def _images_at(renderer: Renderer, walk: Walk, places: Sequence[tuple[Point, Point, float]]) -> np.ndarray:
    if walk.method == NAMED_METHOD:
        return renderer.draw(walk.model, [turn(*place) for place in places], walk.truncation).images
    images = renderer.walk(walk.model, walk.keys, len(places), walk.method, walk.loop, walk.truncation)
    return np.stack(list(images))


def _name_at(walk: Walk, place: tuple[Point, Point, float]) -> str:
    """The text of the point at a place, or "" if it has none: a point between others is on the sphere."""
    return turn(*place).text if walk.method == NAMED_METHOD or place[2] in (0, 1) else ""


def _words_at(place: tuple[Point, Point, float], class_names: Sequence[str]) -> str:
    start, target, part = place
    if part in (0, 1):
        return caption(turn(*place), class_names)
    if not class_names:
        return f"from {start.text} to {target.text}, {part:.0%}"
    return f"from {caption(start, class_names)} to {caption(target, class_names)}, {part:.0%}"
