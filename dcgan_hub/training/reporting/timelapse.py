"""The time-lapse: the sample sheets of a run as an animation."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from dcgan_hub.console import Console
from dcgan_hub.errors import DcganHubError
from dcgan_hub.images.animations import save_animation
from dcgan_hub.runs.directory import RunDirectory

MAX_FRAMES = 120
FRAMES_PER_SECOND = 8.0
WEBP_QUALITY = 75  # a seventh of the lossless size; the sheets themselves keep every pixel


def save_timelapse(run: RunDirectory, console: Console) -> None:
    """Writes `timelapse.webp` from at most 120 evenly spaced sample sheets, including the last one."""
    sheets = run.sample_files()
    if not sheets:
        return
    chosen = np.unique(np.linspace(0, len(sheets) - 1, min(len(sheets), MAX_FRAMES)).round().astype(int))
    try:
        save_animation(
            _frames([sheets[index] for index in chosen]),
            run.timelapse_file,
            FRAMES_PER_SECOND,
            webp_quality=WEBP_QUALITY,
        )
    except (OSError, DcganHubError) as error:
        console.warn(f"'{run.timelapse_file}' cannot be written ({error}).")


def _frames(sheets: list[Path]) -> Iterator[np.ndarray]:
    for sheet in sheets:
        with Image.open(sheet) as image:
            pixels = np.asarray(image)
        yield pixels if pixels.ndim == 3 else pixels[..., None]
