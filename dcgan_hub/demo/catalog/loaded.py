"""Generators in memory."""

import threading
from collections.abc import Callable, Hashable
from contextlib import nullcontext
from typing import TYPE_CHECKING

from cachetools import LRUCache

from dcgan_hub.demo.admission import Room

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator


class Loaded:
    """An LRU cache of generators, limited by the bytes of their weights; they are loaded one at a time."""

    def __init__(self, maximum_bytes: int, room: Room | None = None) -> None:
        """Takes the size, of which no generator may be larger, and a room for those who load or wait for it."""
        self._kept: LRUCache[Hashable, Generator] = LRUCache(maximum_bytes, getsizeof=_weight_bytes)
        self._lock, self._loading = threading.Lock(), threading.Lock()
        self._room = room

    def get(self, key: Hashable, load: Callable[[], "Generator"]) -> "Generator":
        """The generator of a key, loaded unless it is in memory.

        Raises:
            Busy: if the room is full.
        """
        found = self._find(key)
        if found is None:
            with self._room.entered() if self._room else nullcontext(), self._loading:
                found = self._find(key) or self._keep(key, load())
        return found

    def holds(self, key: Hashable) -> bool:
        """Whether `get` has nothing to load."""
        return self._find(key) is not None

    def _find(self, key: Hashable) -> "Generator | None":
        with self._lock:
            return self._kept.get(key)

    def _keep(self, key: Hashable, generator: "Generator") -> "Generator":
        with self._lock:
            self._kept[key] = generator
        return generator


def _weight_bytes(generator: "Generator") -> int:
    return 4 * generator.settings.generator_parameters
