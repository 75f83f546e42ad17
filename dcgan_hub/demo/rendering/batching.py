"""Turns at drawing: all requests share the processor fairly, and those for one generator are computed together.

One batch is computed at a time. A request for many operations is split into several turns, between which others draw.
Whose turn it is follows weighted fair queueing (Demers et al., SIGCOMM 1989): a request is stamped with the amount of
work at which it would end if all shared the processor equally, and the smallest stamp is next. So a cheap request
waits for at most one turn of an expensive one, and no request waits forever.
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np

from dcgan_hub.errors import SettingsError

MAX_TOGETHER = 64  # images of a turn; a larger batch would only increase waiting times
MIN_TOGETHER = 8  # images of a turn, unless the generator computes fewer at a time
TURN_OPERATIONS = 32_000_000_000  # of a turn of more than eight images: less than a second on two idle cores
MAX_SECONDS = 60.0  # per request, with the time for which it waits
Draw = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Work:
    """What is to be drawn.

    Attributes:
        key: equal for requests that can be computed together.
        draw: maps latents, float32 (N, Z), to uint8 (N, H, W, C).
        operations: multiplications and additions for one image.
        at_once: how many images `draw` computes at a time.
    """

    key: Hashable
    draw: Draw
    operations: int = 1
    at_once: int = MAX_TOGETHER

    @property
    def images_per_turn(self) -> int:
        """The largest number of images of one turn."""
        return min(max(TURN_OPERATIONS // self.operations, min(self.at_once, MIN_TOGETHER)), MAX_TOGETHER)


def deadline() -> float:
    """The time by which a request that begins now must have ended, as of `time.monotonic`."""
    return time.monotonic() + MAX_SECONDS


@dataclass(eq=False)
class _Request:
    work: Work
    latents: np.ndarray
    deadline: float
    start: float  # both in operations, see `Batches`
    parts: list[np.ndarray] = field(default_factory=list)
    failure: Exception | None = None
    is_done: bool = False
    called: threading.Event = field(default_factory=threading.Event)  # set when it is done, or must lead

    @property
    def drawn(self) -> int:
        return sum(map(len, self.parts))

    @property
    def remaining(self) -> int:
        return len(self.latents) - self.drawn

    @property
    def stamp(self) -> float:
        return self.start + self.work.operations * min(self.remaining, self.work.images_per_turn)

    def take(self, images: np.ndarray) -> None:
        self.start = self.stamp
        self.parts.append(images)
        if not self.remaining:
            self.end()

    def end(self, failure: Exception | None = None) -> None:
        self.failure, self.is_done = failure, True
        self.called.set()


class Batches:
    """Computes one batch at a time; one of the waiting threads leads and computes for all.

    A leader whose own request is done returns at once, and signals another waiting thread to lead.
    """

    def __init__(self) -> None:
        """Starts without requests."""
        self._waiting: list[_Request] = []
        self._served = 0.0  # operations, as the start of the request that had the last turn
        self._is_led = False
        self._lock = threading.Lock()

    def draw(self, work: Work, latents: np.ndarray, until: float) -> np.ndarray:
        """Maps latents, float32 (N, Z), to uint8 (N, H, W, C), possibly together with other requests of equal key.

        Raises:
            SettingsError: if it is not done at the time `until`, see `deadline`; checked before each turn.
        """
        with self._lock:
            request = _Request(work, latents, until, self._served)
            self._waiting.append(request)
            leads, self._is_led = not self._is_led, True
        if not leads:
            request.called.wait()
        if not request.is_done:
            self._lead(request)
        if request.failure is not None:
            raise request.failure
        return np.concatenate(request.parts)

    def _lead(self, request: _Request) -> None:
        try:
            while not request.is_done:
                self._take_turn()
        finally:
            with self._lock:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].called.set()

    def _take_turn(self) -> None:
        together = self._choose()
        if not together:
            return
        try:
            latents = [request.latents[request.drawn : request.drawn + count] for request, count in together]
            images = together[0][0].work.draw(np.concatenate(latents))
            ends = np.cumsum([count for _, count in together])
            for (request, _), part in zip(together, np.split(images, ends[:-1]), strict=True):
                request.take(part)
        except Exception as error:  # every request of the batch gets it
            for request, _ in together:
                request.end(error)
        with self._lock:
            self._waiting = [request for request in self._waiting if not request.is_done]

    def _choose(self) -> list[tuple[_Request, int]]:
        """The requests of the next turn with the number of images of each: whole requests, but for the first."""
        with self._lock:
            self._end_overdue()
            if not self._waiting:
                return []
            first, *others = sorted(self._waiting, key=lambda request: request.stamp)
            self._served = max(self._served, first.start)
            most = first.work.images_per_turn
            together = [(first, min(first.remaining, most))]
            for request in others:
                if (
                    request.work.key == first.work.key
                    and sum(count for _, count in together) + request.remaining <= most
                ):
                    together.append((request, request.remaining))
            return together

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for request in self._waiting:
            if now > request.deadline:
                request.end(too_slow(len(request.latents), request.drawn))
        self._waiting = [request for request in self._waiting if not request.is_done]


def too_slow(images: int, drawn: int) -> SettingsError:
    """The error for a request that is not done in time."""
    return SettingsError(
        f"A request may take at most {MAX_SECONDS:g} seconds. Received: one for {images:,} images, of which {drawn:,} "
        "were drawn by then. Request fewer, or a smaller generator."
    )
