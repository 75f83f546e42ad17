"""The Interpolate tab: a walk from seed to seed as a video."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from dcgan_hub.demo.inputs import as_sent, whole_number
from dcgan_hub.demo.models import ModelRegistry
from dcgan_hub.demo.speech import explained
from dcgan_hub.errors import SettingsError
from dcgan_hub.images.animations import save_animation
from dcgan_hub.settings import MAXIMUM_SEED

FEWEST_SEEDS, MOST_SEEDS = 2, 8
FEWEST_FRAMES, MOST_FRAMES = 2, 360
MOST_FRAMES_PER_SECOND = 60
COMFORTABLE_SIDE = 512  # pixels; smaller images are enlarged towards it by a whole number, so that pixels stay sharp
METHODS = [("along the sphere", "slerp"), ("straight", "lerp")]


def parse_seeds(text: str) -> list[int]:
    """Reads seeds as people write them: separated by commas, semicolons or spaces.

    Raises:
        SettingsError: if a part is no seed, or there are fewer than 2 or more than 8.
    """
    parts = [part for part in re.split(r"[\s,;]+", text or "") if part]
    numbers = [part for part in parts if re.fullmatch(r"[0-9]{1,10}", part) and int(part) <= MAXIMUM_SEED]
    if len(numbers) != len(parts) or not FEWEST_SEEDS <= len(parts) <= MOST_SEEDS:
        raise SettingsError(
            f"`seeds` must be {FEWEST_SEEDS} to {MOST_SEEDS} whole numbers from 0 to {MAXIMUM_SEED}. "
            f"Received: {(text or '')[:80]!r}. Try 1, 2, 3, 4."
        )
    return [int(number) for number in numbers]


def save_walk(
    registry: ModelRegistry,
    path: Path,
    model: str,
    seeds: str,
    frames: float,
    frames_per_second: float,
    method: str,
    loop: bool,
) -> None:
    """Draws the walk and writes it as a video.

    Raises:
        BundleError: for a model that does not exist or cannot be loaded.
        SettingsError: for seeds or numbers out of bounds.
    """
    numbers = parse_seeds(seeds)
    count = whole_number("frames", frames, FEWEST_FRAMES, MOST_FRAMES)
    speed = whole_number("frames_per_second", frames_per_second, 1, MOST_FRAMES_PER_SECOND)
    generator = registry.load(model)
    scale = max(1, COMFORTABLE_SIDE // max(generator.image_shape[:2]))
    images = generator.interpolate(numbers, count, method=method, loop=loop)
    save_animation(images, path, speed, scale=scale, loop=loop)


def add_interpolate_tab(registry: ModelRegistry, model: gr.Dropdown) -> None:
    """Adds the tab's contents to the page that is being built.

    Args:
        registry: the generators there are.
        model: the page's choice of a generator.
    """

    def interpolate(
        model: str, seeds: str, frames: float, frames_per_second: float, method: str, loop: bool
    ) -> Iterator[str]:
        # Gradio copies the file into its own cache as soon as it is yielded; then the folder can go.
        with tempfile.TemporaryDirectory(prefix="dcgan-hub-") as folder, explained():
            path = Path(folder) / "interpolation.mp4"
            save_walk(registry, path, model, seeds, frames, frames_per_second, method, loop)
            yield str(path)

    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=1, min_width=270, elem_classes="controls"):
            seeds = gr.Textbox(
                "1, 2, 3, 4", label="Seeds", info="2 to 8 of them, in order", max_lines=1, elem_id="seeds"
            )
            frames = gr.Slider(FEWEST_FRAMES, MOST_FRAMES, 96, step=1, label="Frames")
            speed = gr.Slider(1, MOST_FRAMES_PER_SECOND, 24, step=1, label="Frames a second")
            method = gr.Radio(METHODS, value="slerp", label="Path")
            loop = gr.Checkbox(True, label="Return to the first seed")
            draw = gr.Button("Interpolate", variant="primary", elem_id="interpolate")
        with gr.Column(scale=3, min_width=320):
            video = gr.Video(
                label="Interpolation",
                show_label=False,
                autoplay=True,
                loop=True,
                interactive=False,
                buttons=["download"],
                elem_id="walk",
                elem_classes="pixels",
            )
    gr.on(
        [draw.click, seeds.submit],
        interpolate,
        [model, seeds, as_sent(frames), as_sent(speed), as_sent(method), loop],
        video,
        api_name="interpolate",
        api_description="Draws a walk from seed to seed and returns it as an MP4 video.",
        concurrency_id="generator",
    )
