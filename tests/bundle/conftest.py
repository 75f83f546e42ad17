"""A small generator with weights as lively as trained ones, and bundles of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from varied_networks import lively_generator

from dcgan_hub.bundle.generator import Generator

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.fixture(scope="session")
def make_generator() -> Callable[..., Generator]:
    return lively_generator


@pytest.fixture(scope="session")
def generator() -> Generator:
    return lively_generator()


@pytest.fixture
def golden_bundle(tmp_path: Path) -> Path:
    """A copy, free to be damaged, of a bundle saved by the first version of this package."""
    return Path(shutil.copytree(GOLDEN / "tiny-bundle", tmp_path / "tiny-bundle"))
