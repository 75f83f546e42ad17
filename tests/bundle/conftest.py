"""A small generator with weights as lively as trained ones, and bundles of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings

GOLDEN = Path(__file__).parent.parent / "golden"


def lively_generator(seed: int = 0, **settings: object) -> Generator:
    """A generator whose pixels use the whole range, as those of a fresh one do not."""
    chosen = {"image_size": (18, 24), "channels": 3, "latent_dim": 8, "filters": 6, "max_filters": 12} | settings
    network_settings = NetworkSettings(**chosen)
    network = build_generator(network_settings)
    random = np.random.default_rng(seed)
    for variable in network.variables:
        if variable.name == "moving_variance":
            variable.assign(random.uniform(0.5, 2.0, variable.shape))
        elif variable.name == "kernel":
            inputs = variable.shape[0] if len(variable.shape) == 2 else variable.shape[0] ** 2 * max(variable.shape[2:])
            variable.assign(random.normal(0.0, 2.5 / np.sqrt(inputs), variable.shape))
    return Generator(network_settings, network)


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
