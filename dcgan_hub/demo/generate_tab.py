"""The Generate tab: one seed, one image."""

from typing import TYPE_CHECKING, Any

import gradio as gr
from PIL import Image

from dcgan_hub.demo.inputs import as_sent, whole_number
from dcgan_hub.demo.models import ModelRegistry
from dcgan_hub.demo.speech import explained
from dcgan_hub.errors import SettingsError
from dcgan_hub.settings import MAXIMUM_SEED

if TYPE_CHECKING:
    import numpy as np

MOST_IMAGES = 64
FIRST_IMAGES = 16  # what a visitor sees without asking
RANDOM_SEED = f"() => Math.floor(Math.random() * {MAXIMUM_SEED - MOST_IMAGES})"


def draw_images(
    registry: ModelRegistry, model: str, seed: float | None, number: float, truncation: float
) -> list[tuple[Image.Image, str]]:
    """Draws `number` images of the seeds from `seed` on.

    Args:
        registry: the generators there are.
        model: name of one of them.
        seed: the first seed, 0 to 2**32 - 1.
        number: 1 to 64.
        truncation: above 0 up to 2; below 1 images become more typical and more alike.

    Returns:
        Images with their captions, "seed 7"; each PNG also carries its seed as a text field.

    Raises:
        BundleError: for a model that does not exist or cannot be loaded.
        SettingsError: for numbers out of bounds.
    """
    first = whole_number("seed", seed, 0, MAXIMUM_SEED)
    count = whole_number("number", number, 1, MOST_IMAGES)
    if first + count - 1 > MAXIMUM_SEED:
        raise SettingsError(
            f"Seeds end at {MAXIMUM_SEED}. Received: {count} images from seed {first} on. "
            f"Nearest valid: seed={MAXIMUM_SEED - count + 1}."
        )
    seeds = range(first, first + count)
    images = registry.load(model).generate(seeds=seeds, truncation=truncation)
    return [(as_picture(image, seed), f"seed {seed}") for image, seed in zip(images, seeds, strict=True)]


def as_picture(image: "np.ndarray", seed: int) -> Image.Image:
    """uint8 (H, W, C), C 1, 3 or 4, as a picture that knows its seed."""
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    picture.info["seed"] = str(seed)
    return picture


def add_generate_tab(registry: ModelRegistry, model: gr.Dropdown) -> dict[str, Any]:
    """Adds the tab's contents to the page that is being built.

    Args:
        registry: the generators there are.
        model: the page's choice of a generator.

    Returns:
        Arguments of a Gradio event that draws the first sheet, once the page knows its models.
    """

    def generate(model: str, seed: float, number: float, truncation: float) -> list[tuple[Image.Image, str]]:
        with explained():
            return draw_images(registry, model, seed, number, truncation)

    def generate_if_possible(model: str, seed: float, number: float, truncation: float) -> Any:
        return generate(model, seed, number, truncation) if model else None

    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=1, min_width=270, elem_classes="controls"):
            seed = gr.Number(0, label="Seed", info="The first image; the others follow it", elem_id="seed")
            number = gr.Slider(1, MOST_IMAGES, FIRST_IMAGES, step=1, label="Images", elem_id="number")
            truncation = gr.Slider(0.1, 2.0, 1.0, step=0.05, label="Truncation", info="Lower is more typical")
            draw = gr.Button("Generate", variant="primary", elem_id="generate")
            chance = gr.Button("Random seed", elem_id="random-seed")
        with gr.Column(scale=3, min_width=320):
            gallery = gr.Gallery(
                label="Images",
                show_label=False,
                format="png",
                object_fit="contain",
                height="auto",
                buttons=["download", "download_all", "fullscreen"],
                interactive=False,
                elem_id="images",
                elem_classes="pixels",
            )
    inputs = [model, as_sent(seed), as_sent(number), as_sent(truncation)]
    drawing = {"outputs": gallery, "concurrency_id": "generator", "show_progress": "minimal"}
    gr.on(
        [draw.click, seed.submit],
        generate,
        inputs,
        api_name="generate",
        api_description="Draws images of a model: `number` of them, of the seeds from `seed` on.",
        **drawing,
    )
    chance.click(None, None, seed, js=RANDOM_SEED, api_visibility="private").then(
        generate, inputs, api_visibility="private", **drawing
    )
    first_sheet = {"fn": generate_if_possible, "inputs": inputs, "api_visibility": "private", **drawing}
    model.input(**first_sheet)
    return first_sheet
