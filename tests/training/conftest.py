"""Tiny images and settings, so that a whole run takes seconds."""

import numpy as np
import pytest

TINY = {
    "image_size": 16, "filters": 4, "latent_dim": 8, "batch_size": 4, "precision": "float32",
    "sample_every": 4, "checkpoint_every": 4, "report_every": 2,
}  # fmt: skip


@pytest.fixture(scope="session")
def squares(tmp_path_factory):
    """Path of 30 images of 16 x 16 pixels: squares of random colour and place on a random ground."""
    random = np.random.RandomState(0)
    images = np.empty((30, 16, 16, 3), np.uint8)
    for image in images:
        image[:] = random.randint(0, 256, 3)
        top, left = random.randint(0, 8, 2)
        image[top : top + 8, left : left + 8] = random.randint(0, 256, 3)
    path = tmp_path_factory.mktemp("data") / "squares.npy"
    np.save(path, images)
    return path


@pytest.fixture(scope="session")
def tiny():
    """Settings of a tiny run."""
    return dict(TINY)
