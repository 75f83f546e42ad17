"""Every test prepares into a cache of its own."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from dcgan_hub.images.preparation.prepare import prepare_images
from dcgan_hub.images.preparation.prepared import PreparedImages

sys.path.insert(0, str(Path(__file__).parent))  # so that tests can import image_files


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default cache of this test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("DCGAN_HUB_CACHE", str(folder))
    return folder


@pytest.fixture
def prepare(cache: Path) -> Callable[..., PreparedImages]:
    """`prepare_images` at 16 x 16 into a cache of its own."""
    return partial(prepare_images, image_size=(16, 16), channels=None)
