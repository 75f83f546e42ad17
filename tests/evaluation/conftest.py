"""Prepared sets of small images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.images.preparation.prepared import PreparedImages


def gradients(count: int, channels: int = 3, side: int = 20, seed: int = 0) -> np.ndarray:
    """Images that differ in colours and direction, uint8 (count, side, side, channels)."""
    random = np.random.RandomState(seed)
    rows, columns = np.mgrid[:side, :side] / side
    weights = random.uniform(-1, 1, (3, count, 1, 1, channels))
    fields = weights[0] * rows[..., None] + weights[1] * columns[..., None] + weights[2]
    return np.clip(127 + 60 * fields + random.normal(0, 4, fields.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def make_prepared(tmp_path: Path) -> Callable[..., PreparedImages]:
    """Prepares an array of images in a cache of this test."""

    def make(images: np.ndarray, name: str = "set") -> PreparedImages:
        np.save(tmp_path / f"{name}.npy", images)
        return prepare_images(
            tmp_path / f"{name}.npy", image_size=None, channels=images.shape[-1], cache_folder=tmp_path / "cache"
        )

    return make


@pytest.fixture(scope="session")
def make_images() -> Callable[..., np.ndarray]:
    return gradients
