"""Features of real images, computed once and kept beside the prepared images they are of.

`features-<network>.npz` in the folder of the prepared images holds the first M images of one fixed order: `features`,
float32 (M, D), and `facts`, JSON that says which network and which images. Its checksums are those of the zip format.
N images, D features.
"""

import json
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_hub.atomic_files import whole_file
from dcgan_hub.evaluation.features import FeatureNetwork
from dcgan_hub.images.preparation.prepared import PreparedImages
from dcgan_hub.images.progress import reported_progress

FORMAT = 1  # to be raised whenever the same images and weights would give other features
ORDER_SEED = 0
READ_AT_ONCE = 512  # images


def evaluation_order(count: int) -> np.ndarray:
    """The order in which images are taken for a measure: int64 (N,), mixed, since they are stored sorted by name.

    It is always the same, so that a larger measure goes on where a smaller one ended.
    """
    return np.random.RandomState(ORDER_SEED).permutation(count)


def real_features(
    prepared: PreparedImages, network: FeatureNetwork, count: int, show_progress: bool = True
) -> np.ndarray:
    """Features of the first `count` images of the fixed order, float32 (count, D), as far as possible from the cache.

    A cache that cannot be written, or is damaged, costs time and nothing else.
    """
    path = prepared.folder / f"features-{network.name}.npz"
    facts = {"format": FORMAT, "weights": network.sha256, "images": prepared.fingerprint}
    known = _read(path, facts, network.dimensions)
    if len(known) >= count:
        return known[:count]
    rows = evaluation_order(len(prepared.images))[len(known) : count]
    parts = [known]
    with reported_progress("Features of the real images, once", len(rows), show=show_progress) as advance:
        for start in range(0, len(rows), READ_AT_ONCE):
            chosen = rows[start : start + READ_AT_ONCE]
            parts.append(network.extract(prepared.images[chosen]))
            advance(len(chosen))
    features = np.concatenate(parts)
    with suppress(OSError), whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez(file, features=features, facts=np.array(json.dumps(facts, sort_keys=True)))
    return features


def _read(path: Path, facts: dict[str, Any], dimensions: int) -> np.ndarray:
    """The features that are there and fit; none, (0, D), where the file is missing, damaged or of something else."""
    nothing = np.empty((0, dimensions), np.float32)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            if str(content["facts"]) != json.dumps(facts, sort_keys=True):
                return nothing
            features = content["features"]  # reading to the end checks the checksum
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return nothing
    sound = features.dtype == np.float32 and features.ndim == 2 and features.shape[1] == dimensions
    return features if sound else nothing
