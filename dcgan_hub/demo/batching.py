"""Requests that wait for a generator are drawn together: a batch of 32 costs hardly more than one of 16."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

MOST_TOGETHER = 64  # images; more would only let others wait longer
Draw = Callable[[np.ndarray], np.ndarray]


@dataclass(eq=False)
class _Request:
    latents: np.ndarray
    images: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    failure: Exception | None = None
    is_done: bool = False


class Batches:
    """Draws one batch at a time; whoever gets the turn draws for all who wait for the same."""

    def __init__(self, turn: threading.Lock) -> None:
        """Takes the lock that lets one compute at a time."""
        self._turn = turn
        self._waiting: dict[Hashable, list[_Request]] = {}
        self._lock = threading.Lock()

    def draw(self, key: Hashable, latents: np.ndarray, draw: Draw) -> np.ndarray:
        """Draws latents, perhaps together with those of others.

        Args:
            key: requests with equal keys may be drawn by the same `draw`.
            latents: float32 (N, Z).
            draw: gives one image a latent vector, whatever it is drawn with.

        Returns:
            uint8 (N, H, W, C).
        """
        request = _Request(latents)
        with self._lock:
            self._waiting.setdefault(key, []).append(request)
        with self._turn:
            while not request.is_done:
                self._draw_next(key, draw)
        if request.failure is not None:
            raise request.failure
        return request.images

    def _draw_next(self, key: Hashable, draw: Draw) -> None:
        together = self._take(key)
        try:
            images = draw(np.concatenate([request.latents for request in together]))
        except Exception as error:  # of whatever kind: it belongs to all of them
            for request in together:
                request.failure, request.is_done = error, True
            return
        ends = np.cumsum([len(request.latents) for request in together])
        for request, part in zip(together, np.split(images, ends[:-1]), strict=True):
            request.images, request.is_done = part, True

    def _take(self, key: Hashable) -> list[_Request]:
        """The oldest requests, at least one of them."""
        with self._lock:
            waiting = self._waiting.pop(key)
            together = [waiting.pop(0)]
            count = len(together[0].latents)
            while waiting and count + len(waiting[0].latents) <= MOST_TOGETHER:
                count += len(waiting[0].latents)
                together.append(waiting.pop(0))
            if waiting:
                self._waiting[key] = waiting
            return together
