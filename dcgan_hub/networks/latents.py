"""Latent vectors from seeds, and interpolation between them. N latents, Z dimensions. Does not import Keras."""

from collections.abc import Iterable, Iterator

import numpy as np

from dcgan_hub.errors import SettingsError
from dcgan_hub.settings import MAX_SEED


def checked_seeds(seeds: Iterable[int]) -> list[int]:
    """The seeds as a list of integers.

    Raises SettingsError if a seed is not a whole number in 0 to 2**32 - 1, or `seeds` is not iterable.
    """
    checked = []
    for seed in seed_iterator(seeds):
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed <= MAX_SEED:
            raise SettingsError(f"A seed must be a whole number from 0 to {MAX_SEED}. Received: {seed!r}. Try 0.")
        checked.append(int(seed))
    return checked


def seed_iterator(seeds: Iterable[int]) -> Iterator[int]:
    """Returns an iterator over the seeds, without checking them.

    Raises SettingsError at once if `seeds` is not iterable.
    """
    try:
        return iter(seeds)
    except TypeError:
        raise SettingsError(
            f"`seeds` must be a sequence of whole numbers, such as a list or a range. Received: {seeds!r}. "
            "Try seeds=[1, 2, 3]."
        ) from None


def draw_latents(seeds: Iterable[int], latent_dim: int) -> np.ndarray:
    """Draws one latent vector per seed: one seed, one image, forever.

    NumPy's policy (NEP 19) freezes RandomState's stream, so a seed gives the same vector in every version.

    Returns:
        float32 (N, Z), standard normal.
    """
    stream = np.random.RandomState()  # created once and reseeded: 30 times as fast, with the same numbers
    rows = []
    for seed in checked_seeds(seeds):
        stream.seed(seed)
        rows.append(stream.standard_normal(latent_dim))
    return np.asarray(rows, dtype=np.float32).reshape(len(rows), latent_dim)


def interpolate_linear(start: np.ndarray, end: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """The straight line from `start` (Z,) to `end` (Z,) at `fractions` (F,) in [0, 1]; float32 (F, Z)."""
    weight = np.asarray(fractions, dtype=np.float64)[:, None]
    return ((1.0 - weight) * start + weight * end).astype(np.float32)


def interpolate_spherical(start: np.ndarray, end: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Spherical interpolation (slerp) from `start` (Z,) to `end` (Z,) at `fractions` (F,) in [0, 1].

    A straight line between two normal vectors passes near the origin, where the generator was never trained; slerp
    preserves the typical norm (White 2016, "Sampling Generative Networks"). Directions follow the great circle, norms
    are interpolated linearly. (Nearly) parallel or opposite vectors have no unique great circle, so they are
    interpolated linearly.

    Returns:
        float32 (F, Z), exactly `start` at 0 and `end` at 1.
    """
    start_length, end_length = np.linalg.norm(start.astype(np.float64)), np.linalg.norm(end.astype(np.float64))
    if start_length == 0 or end_length == 0:
        return interpolate_linear(start, end, fractions)
    start_direction, end_direction = start / start_length, end / end_length
    angle = np.arccos(np.clip(np.dot(start_direction, end_direction), -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return interpolate_linear(start, end, fractions)
    weight = np.asarray(fractions, dtype=np.float64)[:, None]
    direction = np.sin((1.0 - weight) * angle) * start_direction + np.sin(weight * angle) * end_direction
    walk = (direction / np.sin(angle)) * ((1.0 - weight) * start_length + weight * end_length)
    return _with_exact_ends(walk.astype(np.float32), start, end, weight[:, 0])


def _with_exact_ends(walk: np.ndarray, start: np.ndarray, end: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    walk[fractions == 0.0] = start
    walk[fractions == 1.0] = end
    return walk


METHODS = {"slerp": interpolate_spherical, "lerp": interpolate_linear}


def interpolate_latents(key_latents: np.ndarray, frames: int, method: str = "slerp", loop: bool = False) -> np.ndarray:
    """Interpolates through key latents at equal distances.

    Args:
        key_latents: float32 (K, Z), K at least 2.
        frames: number of latents to return, at least 2. Without `loop` the first and the last are the first and the
            last key; with `loop` the path returns to the first key and stops one frame before it, so that a repeated
            animation has no duplicate frame.
        method: "slerp" or "lerp".
        loop: whether to return to the first key.

    Returns:
        float32 (frames, Z).

    Raises:
        SettingsError: for fewer than two keys or frames, or an unknown method.
    """
    if method not in METHODS:
        raise SettingsError(f"`method` must be one of {', '.join(METHODS)}. Received: {method!r}.")
    if len(key_latents) < 2 or frames < 2:
        raise SettingsError(
            "An interpolation needs at least 2 seeds or latents and 2 frames. "
            f"Received: {len(key_latents)} and frames={frames}. Try --seeds 1,2 --frames 60."
        )
    keys = np.concatenate([key_latents, key_latents[:1]]) if loop else key_latents
    positions = np.linspace(0.0, len(keys) - 1, frames, endpoint=not loop)
    segments = np.minimum(positions.astype(int), len(keys) - 2)
    walk = np.empty((frames, keys.shape[1]), np.float32)
    for segment in np.unique(segments):
        here = segments == segment
        walk[here] = METHODS[method](keys[segment], keys[segment + 1], positions[here] - segment)
    return walk
