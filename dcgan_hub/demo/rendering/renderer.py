"""Generates images of latent points for all visitors: within limits, in batches, and with an LRU cache.

Independent of Gradio.

N images, H x W pixels, C channels.
"""

import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache

from dcgan_hub.demo.admission import Room
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.rendering.batching import TURN_OPERATIONS, Batches, Work, deadline
from dcgan_hub.demo.rendering.captions import class_words
from dcgan_hub.demo.validation import number_between
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import Point
from dcgan_hub.networks.point_classes import with_class

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

MAX_IMAGES = 64  # of one sheet
MIN_FRAMES, MAX_FRAMES = 2, 360
MIN_TRUNCATION, MAX_TRUNCATION = 0.05, 2.0
CACHE_BYTES = 48 * 2**20  # 4,000 images of 64 x 64 pixels
MAX_FRAMES_TOGETHER = 32  # of an animation in one turn
COSTLY_AT_ONCE = 3  # of those who draw more than a turn by a generator that a visitor chose


@dataclass(frozen=True)
class Drawing:
    """Generated images, uint8 (N, H, W, C), with everything needed to reproduce them.

    `revision` is a commit on the Hub, or the start of the weights' checksum, and `class_names` are those of the
    generator. Images of a `seamless` generator tile.
    """

    model: str
    revision: str
    points: Sequence[Point]
    truncation: float
    images: np.ndarray
    class_names: Sequence[str] = ()
    seamless: bool = False

    def text_of(self, index: int) -> dict[str, str]:
        """The text fields of the PNG file of one image."""
        point = self.points[index].text
        place = {"seed": point} if point.isdigit() else {"point": point}
        if self.class_names:
            place["class"] = class_words(self.points[index], self.class_names)
        model = {"model": self.model, **({"revision": self.revision} if self.revision else {})}
        return {**place, **model, "truncation": f"{self.truncation:g}", "software": "dcgan_hub"}


class Renderer:
    """Runs all generators of the app; raises the errors of `ModelRegistry.load`, SettingsError, and Busy."""

    def __init__(self, registry: ModelRegistry) -> None:
        """Takes the available generators."""
        self.registry = registry
        self.cache = ContentCache(CACHE_BYTES)
        self._batches = Batches()
        self._costly = Room(COSTLY_AT_ONCE, "are drawing with large generators of the Hub")

    def draw(self, model: str, points: Sequence[Point], truncation: Any = 1.0) -> Drawing:
        """Generates the images of 1 to 64 points, or takes them from the cache.

        A truncation below 1 makes images more typical and more alike.
        """
        factor = checked_truncation(truncation)
        if not 1 <= len(points) <= MAX_IMAGES:
            raise SettingsError(f"A sheet has 1 to {MAX_IMAGES} images. Received: {len(points):,}. Request fewer.")
        generator = self.registry.load(model)
        keys = [(identity_of(generator), point.text, factor) for point in points]
        contents = {key: self.cache.get(key) for key in keys}
        missing = {key: point for key, point in zip(keys, points, strict=True) if contents[key] is None}
        if missing:
            latents = generator.point_latents(list(missing.values()))
            with self._admitted(model, generator, len(latents)):
                images = self._compute(generator, latents, factor, deadline())
            for key, image in zip(missing, images, strict=True):
                contents[key] = image.tobytes()
                self.cache.put(key, contents[key] or b"")
        images = np.frombuffer(b"".join(contents[key] or b"" for key in keys), np.uint8)
        images = images.reshape(len(points), *generator.image_shape)
        return Drawing(
            model, self.registry.revision(model), points, factor, images, generator.class_names,
            generator.settings.seamless,
        )  # fmt: skip

    def class_names(self, model: str) -> Sequence[str]:
        """The classes of a generator; empty without. Does not load it."""
        return self.registry.facts(model).class_names

    def with_classes(self, model: str, points: Sequence[Point]) -> list[Point]:
        """The points under names that say their classes, if the generator has some; see `with_class`."""
        count = len(self.class_names(model))
        return [with_class(point, count) for point in points]

    def walk(
        self, model: str, keys: Sequence[Point], frames: Any, method: Any, loop: bool, truncation: Any = 1.0
    ) -> Iterator[np.ndarray]:
        """Generates an interpolation of 2 to 360 frames through two or more points, as uint8 (H, W, C) one by one.

        Between points of different classes the embeddings of both are interpolated.

        Raises:
            BundleError: for a model that does not exist or cannot be loaded.
            HubError: if it cannot be downloaded.
            SettingsError: for numbers out of range, and when the time limit is exceeded.
            Busy: if several others draw with large generators.
        """
        factor = checked_truncation(truncation)
        generator = self.registry.load(model)
        latents = generator.between(generator.point_latents(keys), frames, method, loop)
        if len(latents) <= MAX_IMAGES:  # a film strip
            with self._admitted(model, generator, len(latents)):
                return iter(self._compute(generator, latents, factor, deadline()))
        return self._frames(generator, latents, factor)

    def draw_latents(self, generator: "Generator", latents: np.ndarray) -> np.ndarray:
        """Generates the images of latents in turns with all other requests.

        Args:
            generator: draws them.
            latents: float32 (N, Z), with classes (N, Z + E).

        Returns:
            uint8 (N, H, W, C).
        """
        return self._compute(generator, latents, 1.0, deadline())

    def in_turns(self, step: Callable[[], None], count: int, operations: int) -> None:
        """Calls `step` `count` times, in turns with all other requests; a call costs `operations`."""

        def take(rows: np.ndarray) -> np.ndarray:
            for _ in rows:
                step()
            return rows

        self._batches.draw(Work(object(), take, operations, at_once=1), np.zeros((count, 1)), deadline())

    def _frames(self, generator: "Generator", latents: np.ndarray, truncation: float) -> Iterator[np.ndarray]:
        """uint8 (H, W, C) one by one, computed as they are needed."""
        until = deadline()
        for start in range(0, len(latents), MAX_FRAMES_TOGETHER):
            yield from self._compute(generator, latents[start : start + MAX_FRAMES_TOGETHER], truncation, until)

    def _compute(self, generator: "Generator", latents: np.ndarray, truncation: float, until: float) -> np.ndarray:
        """uint8 (N, H, W, C), in turns with all other requests."""
        work = Work(
            (id(generator), truncation), lambda latents: generator.generate(latents=latents, truncation=truncation),
            generator.settings.generator_operations, generator.largest_chunk,
        )  # fmt: skip
        return self._batches.draw(work, latents, until)

    def _admitted(self, model: str, generator: "Generator", images: int) -> AbstractContextManager[None]:
        """Keeps places in Gradio's queue free: few requests at a time may be for much work of a visitor's choice."""
        is_costly = images * generator.settings.generator_operations > TURN_OPERATIONS
        return self._costly.entered() if is_costly and not self.registry.is_own(model) else nullcontext()


def checked_truncation(value: Any) -> float:
    """Validates the truncation factor, and rounds it to three decimals."""
    return round(number_between("truncation", value, MIN_TRUNCATION, MAX_TRUNCATION), 3)


def identity_of(generator: "Generator") -> Hashable:
    """What its images depend on: the checksum of the weights, and the settings that their shapes do not show.

    Without the latter a generator that somebody published with the weights of another one could take its place.
    """
    settings, weights = generator.settings, generator.facts.weights if generator.facts else None
    return weights.sha256 if weights else "", settings.image_size, settings.seamless


class ContentCache:
    """An LRU cache of images and animations, shared by all visitors and limited in bytes; thread-safe."""

    def __init__(self, maximum_bytes: int) -> None:
        """Takes the maximum total size; items larger than an eighth of it are not cached."""
        self._contents: LRUCache[Hashable, bytes] = LRUCache(maximum_bytes, getsizeof=len)
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> bytes | None:
        """The content of a key, or None."""
        with self._lock:
            return self._contents.get(key)

    def put(self, key: Hashable, content: bytes) -> None:
        """Caches `content`, evicting the least recently used."""
        if len(content) <= self._contents.maxsize // 8:
            with self._lock:
                self._contents[key] = content

    @property
    def size(self) -> int:
        """Bytes currently in the cache."""
        return int(self._contents.currsize)
