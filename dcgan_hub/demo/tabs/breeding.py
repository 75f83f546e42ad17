"""Breeding on the page: sixteen pictures, of which some become the parents of the next sixteen, and their ancestors.

The line of ancestors is kept by the page, in `static/breeding.js`; the server only draws children of given parents.
"""

import uuid
from typing import Any

import gradio as gr

from dcgan_hub.demo.rendering.pictures import caption, data_address
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.style import STATIC
from dcgan_hub.demo.tabs.tray import MAX_KEPT
from dcgan_hub.demo.tabs.widgets import answer_to
from dcgan_hub.demo.validation import read_point, read_points, whole_number
from dcgan_hub.networks.breeding import CHILDREN, MAX_PARENTS, children
from dcgan_hub.networks.latent_points import Point, Seed

MAX_FIRST = 1_000_000
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


def litter(renderer: Renderer, model: str, asked: Any, truncation: Any) -> dict[str, Any]:
    """Sixteen pictures for the page, or the problem.

    Args:
        renderer: draws them.
        model: name of the generator; "" before there is one.
        asked: {"parents": list of points, "first": whole number, "tray": list of points, "ticket"}, unchecked. Without
            parents, these are pictures to start with: those of the tray and, to make sixteen, seeds; see
            `answer_to`.
        truncation: see `Renderer.draw`.
    """

    def draw(question: dict[str, Any]) -> dict[str, Any]:
        drawing = renderer.draw(model, litter_points(question), truncation)
        height, width = drawing.images.shape[1:3]
        pictures = [picture_of(point, image) for point, image in zip(drawing.points, drawing.images, strict=True)]
        return {"pictures": pictures, "width": width, "height": height}

    return answer_to(asked, model, draw)


def litter_points(asked: dict[str, Any]) -> list[Point]:
    """The points that `litter` draws."""
    first = whole_number("first", asked.get("first", 0), 0, MAX_FIRST)
    if asked.get("parents"):
        parents = {point.text: point for point in read_points("parents", asked["parents"], MAX_PARENTS)}
        return children(list(parents.values()), first)
    kept = read_points("tray", asked["tray"], MAX_KEPT) if asked.get("tray") and not first else []
    texts = {point.text for point in kept}
    seeds = [Seed(seed) for seed in range(CHILDREN * first, CHILDREN * (first + 1))]
    return [*kept, *(seed for seed in seeds if seed.text not in texts)][:CHILDREN]


def offered_picture(renderer: Renderer, model: str, text: str, truncation: Any) -> dict[str, str]:
    """A picture from elsewhere, for `offered` of the component; its "id" tells a second offer from the first."""
    point = read_point("point", text)
    image = renderer.draw(model, [point], truncation).images[0]
    return picture_of(point, image) | {"id": uuid.uuid4().hex}


def picture_of(point: Point, image: Any) -> dict[str, str]:
    """A picture for the page's script, from uint8 (H, W, C)."""
    return {"point": point.text, "words": caption(point), "source": data_address(image)}
