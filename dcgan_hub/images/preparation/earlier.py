"""Images that were prepared from an earlier state of their source.

N images, H x W pixels, C channels.
"""

import hashlib
from pathlib import Path

import numpy as np

from dcgan_hub.images.preparation.cache import default_cache_folder
from dcgan_hub.images.preparation.prepared import REPORT_NAME, PreparedImages, open_prepared


def find_prepared(fingerprint: str, cache_folder: Path | None = None) -> PreparedImages | None:
    """Finds prepared images in the cache by fingerprint, also those of earlier versions; None if there are none.

    Args:
        fingerprint: of `PreparedImages`.
        cache_folder: None for `default_cache_folder()`.
    """
    for path in sorted((cache_folder or default_cache_folder()).glob(f"*/{REPORT_NAME}")):
        prepared = open_prepared(path.parent, oldest_format=1)
        if prepared is not None and prepared.fingerprint == fingerprint:
            return prepared
    return None


def count_differences(before: np.ndarray, now: np.ndarray) -> tuple[int, int]:
    """Returns how many images are new and how many are gone; a changed image counts as both. Compares pixels.

    Both are uint8 (N, H, W, C) with any N and C. Images with one channel are compared as RGB.
    """
    channels = max(before.shape[-1], now.shape[-1])
    digests_before, digests_now = _digests(before, channels), _digests(now, channels)
    return len(digests_now - digests_before), len(digests_before - digests_now)


def _digests(images: np.ndarray, channels: int) -> set[bytes]:
    repeats = channels if images.shape[-1] == 1 else 1
    return {hashlib.blake2b(np.repeat(image, repeats, axis=-1).tobytes(), digest_size=16).digest() for image in images}
