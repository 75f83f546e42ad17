"""Train an image generator (DCGAN) on a folder of images, and publish it for others to load and explore.

>>> from dcgan_hub import Generator, train
>>> train("./anime", minutes=20)  # doctest: +SKIP
>>> images = Generator.from_pretrained("runs/anime").generate(seeds=[1, 2, 3])  # doctest: +SKIP

Names are imported on first use, so that `import dcgan_hub` stays fast: importing Keras and TensorFlow takes seconds.
"""

import importlib
from typing import TYPE_CHECKING, Any

from dcgan_hub.keras_startup import prefer_installed_backend, prefer_onednn

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator
    from dcgan_hub.errors import (
        BundleError,
        DataError,
        DcganHubError,
        HubError,
        HubUnavailable,
        RunError,
        SettingsError,
    )
    from dcgan_hub.images.preparation.prepare import prepare_images
    from dcgan_hub.networks.discriminator import build_discriminator
    from dcgan_hub.networks.generator import build_generator
    from dcgan_hub.runs.directory import RunDirectory
    from dcgan_hub.settings import DataSettings, NetworkSettings, Settings, TrainingSettings
    from dcgan_hub.training.dcgan import DCGAN
    from dcgan_hub.training.train import train

__version__ = "0.1.0"

prefer_onednn()  # here, since this file always runs before our code imports TensorFlow

_MODULES = {
    "BundleError": "errors",
    "DCGAN": "training.dcgan",
    "DataError": "errors",
    "DataSettings": "settings",
    "DcganHubError": "errors",
    "Generator": "bundle.generator",
    "HubError": "errors",
    "HubUnavailable": "errors",
    "NetworkSettings": "settings",
    "RunDirectory": "runs.directory",
    "RunError": "errors",
    "Settings": "settings",
    "SettingsError": "errors",
    "TrainingSettings": "settings",
    "build_discriminator": "networks.discriminator",
    "build_generator": "networks.generator",
    "prepare_images": "images.preparation.prepare",
    "train": "training.train",
}

__all__ = [
    "DCGAN",
    "BundleError",
    "DataError",
    "DataSettings",
    "DcganHubError",
    "Generator",
    "HubError",
    "HubUnavailable",
    "NetworkSettings",
    "RunDirectory",
    "RunError",
    "Settings",
    "SettingsError",
    "TrainingSettings",
    "__version__",
    "build_discriminator",
    "build_generator",
    "prepare_images",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'dcgan_hub' has no attribute {name!r}")
    if _MODULES[name].startswith(("bundle.", "networks.", "training.")):  # which import Keras
        prefer_installed_backend()
    return getattr(importlib.import_module(f"dcgan_hub.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
