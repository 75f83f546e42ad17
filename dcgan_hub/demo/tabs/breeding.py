"""Breeding on the page: sixteen pictures, of which some become the parents of the next sixteen, and their ancestors.

The line of ancestors is kept by the page, in `static/breeding.js`, and by its link; the server only draws.
"""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from dcgan_hub.demo.rendering.captions import caption
from dcgan_hub.demo.rendering.pictures import data_address
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.style import STATIC
from dcgan_hub.demo.tabs.tray import MAX_KEPT
from dcgan_hub.demo.tabs.widgets import answer_to
from dcgan_hub.demo.validation import plain_text, read_point, read_points, whole_number
from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.breeding import CHILDREN, MAX_PARENTS, children
from dcgan_hub.networks.latent_points import Point, Seed
from dcgan_hub.networks.point_classes import with_class
from dcgan_hub.networks.point_syntax import MAX_LIST_CHARACTERS

MAX_FIRST = 1_000_000
MAX_GENERATIONS = 13  # of a line: the start and twelve ancestors
BREEDING = """\
<section class="breeding" aria-label="Breed pictures">
  <p class="hint" role="status"></p>
  <div class="litter" role="group" aria-label="Pictures to choose from"></div>
  <div class="commands">
    <button type="button" class="breed" disabled>Breed</button>
    <button type="button" class="others" disabled>Other pictures</button>
  </div>
  <p class="problem" role="alert"></p>
  <div class="parents">
    <div class="large"><p class="note">The picture that you choose is shown here.</p></div>
    <div class="beside">
      <p class="words"></p>
      <p class="actions">
        <button type="button" data-action="keep" disabled>Keep in tray</button>
        <button type="button" data-action="show" disabled>Show in Generate</button>
      </p>
      <ul class="picked" aria-label="Chosen as parents"></ul>
    </div>
  </div>
  <nav class="line" aria-label="Ancestors"><ol></ol></nav>
</section>
"""


def add_breeding() -> gr.HTML:
    """The sheet, the chosen parents and their ancestors.

    Value: from `litter`. `drawn_by`: the generator, and whatever else makes its images different; pictures are asked
    for when they are first seen, and again when this changes. `offered`: a picture from elsewhere, to choose as parent.
    Events: `ask`, with the argument of `litter`, `choose`, and `keep` and `show`, with {"point"}.
    """
    return gr.HTML(
        None, html_template=BREEDING, js_on_load=(STATIC / "breeding.js").read_text(encoding="utf-8"),
        elem_id="breeding", elem_classes="pixels", apply_default_css=False, drawn_by=["", None], offered=None,
    )  # fmt: skip


class Generation(NamedTuple):
    """A sheet of a line: the parents of its pictures, none at the start, and which children of theirs these are."""

    parents: list[Point]
    first: int


def litter(renderer: Renderer, model: str, asked: Any, truncation: Any) -> dict[str, Any]:
    """Sixteen pictures for the page, or the problem.

    Args:
        renderer: draws them.
        model: name of the generator; "" before there is one.
        asked: {"parents": list of points, "first": whole number, "tray": list of points, "ticket"}, unchecked. Without
            parents, these are pictures to start with: those of the tray and, to make sixteen, seeds; see
            `answer_to`, and the answer has an "example", see `example_points`. With "line", see `read_line`, the
            pictures are those of its last generation, and the answer has the line with its pictures.
        truncation: see `Renderer.draw`.
    """

    def pictures_of(points: Sequence[Point]) -> list[dict[str, str]]:
        drawing = renderer.draw(model, points, truncation)
        return [
            picture_of(point, image, drawing.class_names) for point, image in zip(points, drawing.images, strict=True)
        ]

    def draw(question: dict[str, Any]) -> dict[str, Any]:
        line = read_line(question["line"]) if question.get("line") else []
        if line and not line[-1].parents:
            question = question | {"first": line[-1].first}
        classes = len(renderer.class_names(model))
        has_parents = bool(line[-1].parents if line else question.get("parents"))
        points = line_points(line[-1], classes) if line and has_parents else litter_points(question, classes)
        example = [] if has_parents else example_points(points, classes)
        pictures = pictures_of([*points, *example])
        answer: dict[str, Any] = {"pictures": pictures[: len(points)], "example": pictures[len(points) :]}
        height, width = renderer.registry.load(model).image_shape[:2]
        ancestors = list({point.text: point for generation in line for point in generation.parents}.values())
        if ancestors:
            drawn = {picture["point"]: picture for picture in pictures_of(ancestors)}
            answer["line"] = [
                {"parents": [drawn[parent.text] for parent in parents], "first": first} for parents, first in line
            ]
        return answer | {"width": width, "height": height}

    return answer_to(asked, model, draw)


def read_line(text: Any) -> list[Generation]:
    """Parses a line of ancestors in a link: "*1;3,7;5,2~4@0.3*2".

    Generations are separated by semicolons; each is the list of its parents, and an asterisk and `first` unless that is
    0. The first generation has no parents.

    Raises:
        SettingsError: for anything else, too many generations, and more ancestors than can be drawn at once.
    """
    parts = plain_text("line", text, MAX_LIST_CHARACTERS).split(";")
    if len(parts) > MAX_GENERATIONS:
        raise SettingsError(
            f"`line` may have at most {MAX_GENERATIONS} generations. Received: {len(parts):,}. Leave out the oldest."
        )
    line = [_generation(*part.partition("*")) for part in parts]
    if line[0].parents or not all(generation.parents for generation in line[1:]):
        raise SettingsError(
            f"`line` must begin with a generation without parents, and no other is without. "
            f"Received: {shorten(str(text))!r}. Leave it out."
        )
    return line


def line_points(generation: Generation, classes: int = 0) -> list[Point]:
    """The pictures of a generation that has parents; with `classes` children are of the classes of their parents."""
    parents = {point.text: point for point in (with_class(parent, classes) for parent in generation.parents)}
    return children(list(parents.values()), generation.first)


def _generation(parents: str, asterisk: str, first: str) -> Generation:
    number = int(first) if first.isascii() and first.isdigit() and len(first) < 8 else first
    return Generation(
        read_points("parents", parents, MAX_PARENTS) if parents else [],
        whole_number("first", number, 0, MAX_FIRST) if asterisk else 0,
    )


def litter_points(asked: dict[str, Any], classes: int = 0) -> list[Point]:
    """The points that `litter` draws, by a generator with so many classes."""
    first = whole_number("first", asked.get("first", 0), 0, MAX_FIRST)
    if asked.get("parents"):
        return line_points(Generation(read_points("parents", asked["parents"], MAX_PARENTS), first), classes)
    kept = read_points("tray", asked["tray"], MAX_KEPT) if asked.get("tray") and not first else []
    texts = {point.text for point in kept}
    seeds = [Seed(seed) for seed in range(CHILDREN * first, CHILDREN * (first + 1))]
    return [*kept, *(seed for seed in seeds if seed.text not in texts)][:CHILDREN]


def example_points(points: Sequence[Point], classes: int = 0) -> list[Point]:
    """A child of the first two points, which shows what breeding is before any is chosen; none of too long ones."""
    try:
        return line_points(Generation(list(points[:2]), 0), classes)[:1]
    except SettingsError:
        return []


def offered_picture(renderer: Renderer, model: str, text: str, truncation: Any) -> dict[str, str]:
    """A picture from elsewhere, for `offered` of the component; its "id" tells a second offer from the first."""
    point = read_point("point", text)
    drawing = renderer.draw(model, [point], truncation)
    return picture_of(point, drawing.images[0], drawing.class_names) | {"id": uuid.uuid4().hex}


def picture_of(point: Point, image: Any, class_names: Sequence[str]) -> dict[str, str]:
    """A picture for the page's script, from uint8 (H, W, C)."""
    return {"point": point.text, "words": caption(point, class_names), "source": data_address(image)}
