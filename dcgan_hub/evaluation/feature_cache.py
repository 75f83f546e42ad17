"""Features of real images, computed once and cached beside the prepared images.

`features-<network>.npz` in the folder of the prepared images holds the features of the first M images of a fixed order:
`features`, float32 (M, D), and `facts`, JSON that identifies the network and the images. The zip format adds checksums.
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

FORMAT = 1  # increase it when the same images and weights would give different features
ORDER_SEED = 0
READ_AT_ONCE = 512  # images


def evaluation_order(count: int) -> np.ndarray:
    """The order in which images are used in an evaluation: int64 (N,), shuffled, since they are stored sorted by name.

    It is always the same, so that a larger evaluation can reuse the features of a smaller one.
    """
    return np.random.RandomState(ORDER_SEED).permutation(count)


def real_features(
    prepared: PreparedImages, network: FeatureNetwork, count: int, show_progress: bool = True
) -> np.ndarray:
    """Features of the first `count` images of the fixed order, float32 (count, D), from the cache as far as possible.

    If the cache is damaged or cannot be written, the features are just computed.
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
    """The cached features; none, (0, D), if the file is missing, damaged or of another network or other images."""
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
