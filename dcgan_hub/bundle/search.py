"""The search for the image of a generator that is nearest to a given one, step by step.

With classes a start keeps the class of its candidate: the descent is within classes, and the nearest image decides.

H x W pixels, C channels, Z latent dimensions, E dimensions of the class embedding.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dcgan_hub.errors import SettingsError
from dcgan_hub.images.pixels import to_signed_unit
from dcgan_hub.images.targets import target_pixels
from dcgan_hub.networks.classes import Choice, chosen_classes
from dcgan_hub.networks.latent_points import MAX_VECTOR_DIM, Point, of_class, vector
from dcgan_hub.networks.latents import checked_seeds
from dcgan_hub.settings import MAX_SEED

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

CANDIDATES, AT_ONCE, STARTS = 512, 64, 2
MAX_CLASSES_STARTED = 8  # each from its nearest candidate, if several classes are looked in
OPERATIONS = 3  # of a step of one start, in those of an image: forward, and backward to the latents
MAX_STEPS = 10_000
Draw = Callable[[np.ndarray], np.ndarray]  # float32 (N, Z), or (N, Z + E), to uint8 (N, H, W, C)


class Found(NamedTuple):
    """What `Generator.find` returns.

    Attributes:
        latents: float32 (Z,).
        image: the generator's image of them, uint8 (H, W, C).
        target: the image that was looked for, in the generator's size, uint8 (H, W, C).
        distance: mean absolute difference of the two images, 0 to 1.
        class_name: the class of the image; "" without classes.
        class_number: its number; -1 without classes.
    """

    latents: np.ndarray
    image: np.ndarray
    target: np.ndarray
    distance: float
    class_name: str = ""
    class_number: int = -1

    @property
    def point(self) -> Point | None:
        """The point of the image, whose latents are rounded; None if they are too many for a text."""
        if len(self.latents) > MAX_VECTOR_DIM:
            return None
        place = vector(self.latents)
        return place if self.class_number < 0 else of_class(place, self.class_number)


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
    """A search that has begun; see `Generator.find` for its arguments and errors.

    Attributes:
        operations: of one step.
    """

    def __init__(
        self, generator: "Generator", image: Any, steps: int, seed: int, draw: Draw | None = None,
        classes: Choice | None = None,
    ) -> None:  # fmt: skip
        """Finds where to start; `draw` takes the place of `generator.generate` for that."""
        from dcgan_hub.networks.inversion import Descent, nearest_seeds  # imports Keras, as the generator has done

        first = check_search(steps, seed)
        numbers = _classes_to_search(classes, generator.class_names)
        self._generator, self._target = generator, target_pixels(image, generator.image_shape)
        pixels = to_signed_unit(self._target.astype(np.float32))
        # In turns of all classes, so that each has a candidate, with the same seeds again if there are more classes.
        places = np.arange(max(CANDIDATES, len(numbers)))
        latents = generator.latents(range(first, first + CANDIDATES))[places % CANDIDATES]
        own = np.asarray(numbers or [0])[places % max(1, len(numbers))]
        candidates = generator.conditioned(latents, own.tolist()) if numbers else latents
        draw = draw or (lambda latents: generator.generate(latents=latents))
        chunks = (candidates[start : start + AT_ONCE] for start in range(0, len(candidates), AT_ONCE))
        drawn = (to_signed_unit(draw(chunk).astype(np.float32)) for chunk in chunks)
        nearest = nearest_seeds(pixels, drawn, len(candidates))
        nearest = nearest[:STARTS] if len(numbers) < 2 else _nearest_of_each(nearest, own)[:MAX_CLASSES_STARTED]
        self._classes = own[nearest].tolist() if numbers else None
        embeddings = candidates[nearest][:, generator.latent_dim :] if numbers else None
        self._descent = Descent(
            generator.settings, generator.get_weights(), pixels, latents[nearest], steps, embeddings
        )
        self.operations = OPERATIONS * len(nearest) * generator.settings.generator_operations

    def advance(self) -> None:
        """Takes one step."""
        self._descent.advance()

    def found(self) -> Found:
        """The best so far."""
        latents = self._descent.latents
        images = self._generator.generate(latents=latents, classes=self._classes)
        distances = np.abs(images.astype(np.float32) - self._target).mean(axis=(1, 2, 3)) / 255
        nearest = int(distances.argmin())
        found = Found(latents[nearest], images[nearest], self._target, float(distances[nearest]))
        if self._classes is None:
            return found
        number = self._classes[nearest]
        return found._replace(class_name=self._generator.class_names[number], class_number=number)


def _nearest_of_each(order: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The first candidate of each class, in the order given: int (classes,)."""
    _, places = np.unique(classes[order], return_index=True)
    return order[np.sort(places)]


def _classes_to_search(classes: Choice | None, names: Sequence[str]) -> list[int]:
    """The numbers of the classes in which to look, all of them by default; none without classes."""
    if classes is None:
        return list(range(len(names)))
    chosen = chosen_classes(classes, names)
    numbers = [chosen] if isinstance(chosen, int) else chosen
    if not numbers:
        raise SettingsError(
            f"`classes` must name a class to look in. Received: none. Leave it out, or try {names[0]!r}."
        )
    return list(dict.fromkeys(numbers))
