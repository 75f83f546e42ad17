"""What a network draws from: latents (N, Z), or with classes conditioned latents (N, Z + E), the embedding behind them.

N images, Z latent dimensions, E dimensions of the class embedding.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from dcgan_hub.bundle.drawing_arguments import checked_latents
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.classes import draw_classes, wrong_count
from dcgan_hub.networks.generator import class_embedding
from dcgan_hub.networks.latent_points import LatentSpace, Point, latents_of
from dcgan_hub.networks.latents import draw_latents, interpolate_latents
from dcgan_hub.networks.point_classes import class_shares
from dcgan_hub.settings import NetworkSettings

Numbers = int | Sequence[int] | np.ndarray  # one class for all images, or one for each


class ConditionedLatents:
    """Makes latents of seeds and classes; later changes of the network's embedding take effect.

    Args:
        network: a generator.
        settings: those of the network.
        class_names: of its classes; empty without classes.
    """

    def __init__(self, network: keras.Model, settings: NetworkSettings, class_names: Sequence[str]) -> None:
        self._network, self._settings, self._class_names = network, settings, class_names

    def of_seeds(self, seeds: Sequence[int], classes: Numbers | None) -> np.ndarray:
        """With the classes given, or else those that the seeds draw."""
        latents = draw_latents(seeds, self._settings.latent_dim)
        return self.of_latents(latents, classes) if classes is not None else self.of_drawn_classes(latents, seeds)

    def of_seed_batches(self, seeds: Iterator[int], classes: int | list[int] | None, size: int) -> Iterator[np.ndarray]:
        """The same, `size` seeds at a time."""
        start = 0
        while batch := list(itertools.islice(seeds, size)):
            yield self.of_seeds(batch, classes[start:][: len(batch)] if isinstance(classes, list) else classes)
            start += len(batch)
        if isinstance(classes, list) and start < len(classes):
            raise wrong_count(len(classes), start)

    def of_drawn_classes(self, latents: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
        """Latents (N, Z), with classes those that the seeds draw."""
        if not self._class_names:
            return latents
        return self.of_latents(latents, draw_classes(seeds, len(self._class_names)))

    def of_points(self, points: Sequence[Point], space: LatentSpace) -> np.ndarray:
        """What points of the generator's latent space are drawn from, with classes as `class_shares` has them."""
        latents = latents_of(points, space)
        if not self._class_names:
            return latents
        known, count = class_embedding(self._network).astype(np.float64), len(self._class_names)
        embeddings = [
            sum(share * known[number] for number, share in class_shares(point, count).items()) for point in points
        ]
        return np.concatenate(
            [latents, np.asarray(embeddings, np.float32).reshape(len(points), known.shape[1])], axis=1
        )

    def of_latents(self, latents: np.ndarray, classes: Numbers) -> np.ndarray:
        """Latents (N, Z) with the embeddings of their classes: float32 (N, Z + E)."""
        numbers = [classes] * len(latents) if isinstance(classes, int) else classes
        if len(numbers) != len(latents):
            raise wrong_count(len(numbers), len(latents))
        return np.concatenate([latents, class_embedding(self._network)[numbers]], axis=1)

    def of_given(self, latents: Any, classes: int | list[int] | None) -> np.ndarray:
        """A user's latents, checked: with `classes` of shape (N, Z), without of the shape that the network draws from.

        Raises SettingsError for others, also for latents (N, Z) that lack classes.
        """
        if classes is not None:
            return self.of_latents(checked_latents(latents, self._settings.latent_dim), classes)
        if self._class_names and isinstance(latents, np.ndarray) and latents.shape[1:] == (self._settings.latent_dim,):
            raise SettingsError(
                "A generator with classes needs `classes` beside latents, which have none. Received: latents alone. "
                f"Try classes={self._class_names[0]!r}, or seeds, which draw their class."
            )
        return checked_latents(latents, self._settings.conditioned_dim)

    def truncated(self, latents: np.ndarray, factor: np.float32) -> np.ndarray:
        """Latents times a factor; embeddings stay as they are."""
        scaled = latents[:, : self._settings.latent_dim] * factor
        return np.concatenate([scaled, latents[:, self._settings.latent_dim :]], axis=1)

    def between(self, keys: np.ndarray, frames: int, method: str, loop: bool) -> np.ndarray:
        """Interpolates latents by the method of `interpolate_latents`, and embeddings on a straight line."""
        walk = interpolate_latents(keys[:, : self._settings.latent_dim], frames, method, loop)
        if keys.shape[1] == self._settings.latent_dim:
            return walk
        embeddings = interpolate_latents(keys[:, self._settings.latent_dim :], frames, "lerp", loop)
        return np.concatenate([walk, embeddings], axis=1)
