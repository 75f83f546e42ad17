"""The search for the image of a generator that is nearest to a given one, step by step.

H x W pixels, C channels, Z latent dimensions.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dcgan_hub.errors import SettingsError
from dcgan_hub.images.pixels import to_signed_unit
from dcgan_hub.images.targets import target_pixels
from dcgan_hub.networks.latents import checked_seeds
from dcgan_hub.settings import MAX_SEED

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

CANDIDATES, AT_ONCE, STARTS = 512, 64, 2
OPERATIONS = 3 * STARTS  # of a step, in those of an image: forward, and backward to the latents
MAX_STEPS = 10_000
Draw = Callable[[np.ndarray], np.ndarray]  # float32 (N, Z) to uint8 (N, H, W, C)


class Found(NamedTuple):
    """What `Generator.find` returns.

    Attributes:
        latents: float32 (Z,).
        image: the generator's image of them, uint8 (H, W, C).
        target: the image that was looked for, in the generator's size, uint8 (H, W, C).
        distance: mean absolute difference of the two images, 0 to 1.
    """

    latents: np.ndarray
    image: np.ndarray
    target: np.ndarray
    distance: float


def check_search(steps: Any, seed: Any) -> int:
    """The first seed of a search; raises SettingsError if it or the number of steps is out of range."""
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MAX_STEPS:
        raise SettingsError(f"`steps` must be 1 to {MAX_STEPS:,}. Received: {steps!r}. Try 400.")
    first = checked_seeds([seed])[0]
    if first > MAX_SEED - CANDIDATES + 1:
        raise SettingsError(
            f"`seed` of a search must be at most {MAX_SEED - CANDIDATES + 1}, since it starts from {CANDIDATES} seeds. "
            f"Received: {first}. Try 0."
        )
    return first


class Search:
    """A search that has begun; see `Generator.find` for its arguments and errors."""

    def __init__(self, generator: "Generator", image: Any, steps: int, seed: int, draw: Draw | None = None) -> None:
        """Finds where to start; `draw` takes the place of `generator.generate` for that."""
        from dcgan_hub.networks.inversion import Descent, nearest_seeds  # imports Keras, as the generator has done

        first = check_search(steps, seed)
        if generator.class_names:
            raise SettingsError(
                "An image can be looked for with generators without classes. Received: one with "
                f"{len(generator.class_names):,} classes. Choose another generator."
            )
        self._generator, self._target = generator, target_pixels(image, generator.image_shape)
        pixels = to_signed_unit(self._target.astype(np.float32))
        candidates = generator.latents(range(first, first + CANDIDATES))
        draw = draw or (lambda latents: generator.generate(latents=latents))
        chunks = (candidates[start : start + AT_ONCE] for start in range(0, CANDIDATES, AT_ONCE))
        drawn = (to_signed_unit(draw(chunk).astype(np.float32)) for chunk in chunks)
        starts = candidates[nearest_seeds(pixels, drawn, STARTS)]
        self._descent = Descent(generator.settings, generator.get_weights(), pixels, starts, steps)

    def advance(self) -> None:
        """Takes one step."""
        self._descent.advance()

    def found(self) -> Found:
        """The best so far."""
        latents = self._descent.latents
        images = self._generator.generate(latents=latents)
        distances = np.abs(images.astype(np.float32) - self._target).mean(axis=(1, 2, 3)) / 255
        nearest = int(distances.argmin())
        return Found(latents[nearest], images[nearest], self._target, float(distances[nearest]))
