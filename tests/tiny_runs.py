"""Tiny images and settings, so that a whole run takes seconds."""

from pathlib import Path

import numpy as np
import pytest

# Most of a tiny run is spent on building the graph of a step. Augmentation and the gradient penalty are half of that
# graph; tests of what they do, or of the default recipe, take them in again with DEFAULT_RECIPE.
TINY = {
    "image_size": 16, "filters": 4, "latent_dim": 8, "batch_size": 4, "precision": "float32",
    "sample_every": 4, "checkpoint_every": 4, "report_every": 2, "augmentation": "none", "r1_gamma": 0.0,
}  # fmt: skip
DEFAULT_RECIPE = {"augmentation": "adaptive", "r1_gamma": 1.0}


def make_squares(path: Path, count: int) -> Path:
    """Writes images of 16 x 16 pixels: squares of random color and place on a random ground."""
    random = np.random.RandomState(0)
    images = np.empty((count, 16, 16, 3), np.uint8)
    for image in images:
        image[:] = random.randint(0, 256, 3)
        top, left = random.randint(0, 8, 2)
        image[top : top + 8, left : left + 8] = random.randint(0, 256, 3)
    np.save(path, images)
    return path


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 squares."""
    return make_squares(tmp_path_factory.mktemp("data") / "squares.npy", 30)


@pytest.fixture(scope="session")
def finished_run(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """9 steps on the squares, with checkpoints at 8 and 9; not to be changed, tests change copies."""
    from dcgan_hub import train

    return train(squares, run=tmp_path_factory.mktemp("runs") / "squares", steps=9, quiet=True, **TINY).path


@pytest.fixture(scope="session")
def tiny() -> dict[str, object]:
    """Settings of a tiny run."""
    return dict(TINY)
