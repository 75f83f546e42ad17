"""A visitor's own picture in the Directions tab: the image of the generator that is nearest to it.

The page shrinks the picture before it is sent, and nothing of it is kept.
"""

import base64
import binascii
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from PIL import Image

from dcgan_hub.bundle.search import Found, Search
from dcgan_hub.demo.messages import explanation
from dcgan_hub.demo.rendering.batching import MAX_SECONDS
from dcgan_hub.demo.rendering.pictures import data_address
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.images.preparation.decoding import open_image
from dcgan_hub.images.sources.readers import RejectedFile
from dcgan_hub.images.targets import decode_target
from dcgan_hub.networks.latent_points import MAX_VECTOR_DIM

PREFIX, JPEG_START = "data:image/jpeg;base64,", b"\xff\xd8"
MAX_ADDRESS = 200_000  # characters
MAX_SIDE = 512  # pixels; the page sends no more than the generator's size
STEPS, STEPS_BETWEEN = 400, 20  # in all, and between two answers
SEARCHING: dict[str, Any] = {"concurrency_id": "search", "concurrency_limit": 1}


def search(renderer: Renderer, model: str, asked: Any) -> Iterator[dict[str, Any]]:
    """The course of a search for the page: what was found so far, and at the end its point; or the problem.

    Args:
        renderer: has the generators.
        model: name of the generator.
        asked: {"picture", "ticket"}, unchecked; the picture is a JPEG as a `data:` URL.
    """
    question = asked if isinstance(asked, dict) else {}
    ticket = question.get("ticket")
    answer: dict[str, Any] = {"ticket": ticket if isinstance(ticket, int) else 0, "steps": STEPS}
    try:
        generator = renderer.registry.load(model)
        if generator.latent_dim > MAX_VECTOR_DIM:
            raise SettingsError(
                f"A picture can be found with generators of up to {MAX_VECTOR_DIM} latent dimensions. Received: "
                f"{model} with {generator.latent_dim}. Choose another."
            )
        picture, draw = decode_picture(question.get("picture")), partial(renderer.draw_latents, generator)
        running = Search(generator, picture, STEPS, 0, draw)
        end = time.monotonic() + MAX_SECONDS
        for step in range(0, STEPS, STEPS_BETWEEN):
            if step:
                yield answer | _shown(running.found()) | {"step": step}
            renderer.in_turns(running.advance, STEPS_BETWEEN, running.operations)
            if time.monotonic() > end:
                break
        found = running.found()
        yield answer | _shown(found) | {"step": STEPS, "point": found.point.text if found.point else ""}
    except DcganHubError as error:
        yield answer | {"problem": explanation(error)}


def decode_picture(address: Any) -> Image.Image:
    """The picture that the page sends.

    Raises:
        SettingsError: if it is none, or has more than 512 x 512 pixels.
    """
    try:
        if not isinstance(address, str) or not address.startswith(PREFIX) or len(address) > MAX_ADDRESS:
            raise RejectedFile("not a small JPEG")
        content = base64.b64decode(address.removeprefix(PREFIX), validate=True)
        if not content.startswith(JPEG_START):
            raise RejectedFile("not a small JPEG")
        if max(open_image(content).size) > MAX_SIDE:  # judged from its header
            raise RejectedFile("too many pixels")
        return decode_target(content, (MAX_SIDE, MAX_SIDE, 3))
    except (RejectedFile, binascii.Error) as error:
        reason = error.reason if isinstance(error, RejectedFile) else "not base64"
        raise SettingsError(
            f"The picture must be a JPEG of up to {MAX_SIDE} x {MAX_SIDE} pixels. Received: {reason}. Choose another."
        ) from None


def _shown(found: Found) -> dict[str, Any]:
    return {
        "target": data_address(found.target), "image": data_address(found.image), "distance": round(found.distance, 4)
    }  # fmt: skip
