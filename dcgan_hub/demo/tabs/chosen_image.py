"""The selected image of the Generate tab as HTML: large, with its name and what the browser can do with it."""

from collections.abc import Sequence

from dcgan_hub.demo.html import escaped, note
from dcgan_hub.demo.rendering.captions import caption, explanation
from dcgan_hub.demo.rendering.pictures import plain_image
from dcgan_hub.demo.rendering.renderer import Drawing
from dcgan_hub.networks.latent_points import Point

NOTHING_CHOSEN = "Choose an image to see it large, to vary it, to keep it or to save it."
# What the browser does by itself with the selected image, see chosen.js.
COPY_AND_SHARE = (
    '<button type="button" data-action="copy">Copy image</button>'
    '<button type="button" data-action="share" hidden>Share</button>'
)
REPEAT = (
    '<button type="button" data-action="repeat" title="As a tile beside itself" aria-pressed="false">Repeat</button>'
)
LEAVE = '<button type="button" data-action="leave" aria-label="Close">×</button>'


def chosen_html(
    point: Point | None, picture: str = "", class_names: Sequence[str] = (), tiles: bool = False
) -> str:  # fmt: skip
    """The selected image with its name and what the browser can do with it, or a placeholder of the same size.

    An image that `tiles` can be shown repeated.
    """
    if point is None:
        return f'<div class="choice"><span class="frame"></span>{note(NOTHING_CHOSEN)}</div>'
    name, meaning = escaped(caption(point, class_names)), escaped(explanation(point, class_names))
    actions = f'<p class="browser-actions">{COPY_AND_SHARE}{REPEAT if tiles else ""}{LEAVE}</p>'
    return f'<div class="choice">{picture}<p class="name" title="{meaning}">{name}</p>{actions}</div>'


def large_image(drawing: Drawing, is_one_of_two: bool) -> str:
    """The large image of a drawing of one point; one of two is named by its generator."""
    words = f"Image of {caption(drawing.points[0], drawing.class_names)}"
    if not is_one_of_two:
        return plain_image(drawing.images[0], words)
    name = escaped(drawing.model)
    image = plain_image(drawing.images[0], f"{words} by {drawing.model}")
    return f'<figure>{image}<figcaption title="{name}">{name}</figcaption></figure>'
