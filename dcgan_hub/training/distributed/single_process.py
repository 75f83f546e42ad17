"""One device of one process, where there is nothing to exchange."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.training.class_labels import ClassLabels
from dcgan_hub.training.distributed.cluster import Layout


class SingleProcess:
    """The device that trains a run; `WorkerGroup` is several of them.

    `read_batches` has the arguments of `batches`, and knows what the backend reads.
    """

    def __init__(
        self, layout: Layout, read_batches: Callable[[np.ndarray, int, int, int, ClassLabels | None], Any]
    ) -> None:
        self.layout, self.read_batches = layout, read_batches

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the run directory."""
        return self.layout.is_chief

    @property
    def has_workers(self) -> bool:
        """Whether several processes take part."""
        return self.layout.cluster is not None

    def scope(self) -> contextlib.AbstractContextManager[Any]:
        """The scope in which to create networks and optimizers."""
        return contextlib.nullcontext()

    def batches(
        self, images: np.ndarray, batch_size: int, seed: int, step: int, classes: ClassLabels | None = None
    ) -> Any:
        """The batches from a step on: an endless iterable of uint8 (B, H, W, C), of images (N, H, W, C).

        With classes, each batch is a pair of these and of their labels, int32 (B,).
        """
        return self.read_batches(images, batch_size, seed, step, classes)

    def all_gather(self, number: int) -> list[int]:
        """One number from each process."""
        return [number]

    def check_shared_folder(self, run: RunDirectory) -> None:
        """Checks that all processes see the same files."""

    def check_same(self, what: str, content: bytes) -> None:
        """Checks that all processes have the same content."""
