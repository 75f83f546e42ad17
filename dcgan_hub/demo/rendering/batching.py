"""Dynamic batching: requests that wait for a generator are computed together in larger, more efficient batches."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

MAX_TOGETHER = 64  # images; a larger batch would only increase waiting times
Draw = Callable[[np.ndarray], np.ndarray]


@dataclass(eq=False)
class _Request:
    key: Hashable
    latents: np.ndarray
    draw: Draw
    images: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint8))
    failure: Exception | None = None
    is_done: bool = False
    called: threading.Event = field(default_factory=threading.Event)  # set when it is done, or must lead


class Batches:
    """Computes one batch at a time, the oldest request first; one of the waiting threads leads and computes for all.

    A leader whose own request is done returns at once, and signals the next waiting thread to lead.
    """

    def __init__(self, turn: threading.Lock) -> None:
        """Takes the lock that allows one computation at a time."""
        self._turn = turn
        self._waiting: list[_Request] = []
        self._is_led = False
        self._lock = threading.Lock()

    def draw(self, key: Hashable, latents: np.ndarray, draw: Draw) -> np.ndarray:
        """Maps latents, float32 (N, Z), to uint8 (N, H, W, C), possibly batched with other requests of equal `key`."""
        request = _Request(key, latents, draw)
        with self._lock:
            self._waiting.append(request)
            leads, self._is_led = not self._is_led, True
        if not leads:
            request.called.wait()
        if not request.is_done:
            self._lead(request)
        if request.failure is not None:
            raise request.failure
        return request.images

    def _lead(self, request: _Request) -> None:
        try:
            while not request.is_done:
                with self._turn:
                    self._draw_next()
        finally:
            with self._lock:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].called.set()

    def _draw_next(self) -> None:
        together = self._take()
        try:
            images = together[0].draw(np.concatenate([request.latents for request in together]))
            ends = np.cumsum([len(request.latents) for request in together])
            for request, part in zip(together, np.split(images, ends[:-1]), strict=True):
                request.images = part
        except Exception as error:  # every request of the batch gets it
            for request in together:
                request.failure = error
        for request in together:
            request.is_done = True
            request.called.set()

    def _take(self) -> list[_Request]:
        """Removes and returns the oldest request, and later ones with the same key that fit into the batch."""
        with self._lock:
            together: list[_Request] = []
            count = 0
            for request in self._waiting:
                fits = not together or count + len(request.latents) <= MAX_TOGETHER
                if request.key == self._waiting[0].key and fits:
                    together.append(request)
                    count += len(request.latents)
            self._waiting = [request for request in self._waiting if request not in together]
            return together
