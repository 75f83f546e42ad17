"""The random numbers of TensorFlow's stateless operations, in NumPy: the same seed, the same numbers on both backends.

They come from Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), a function of a
counter and a key; see `stateless_random_ops_v2.h` and `random_distributions.h` of TensorFlow. S seeds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

ROUNDS = 10
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
SCRAMBLING_KEY = np.uint64(0x3EC8F720), np.uint64(0x02461E29)  # by which TensorFlow makes a key and a counter of a seed
LOW_WORD, WORD_BITS = np.uint64(0xFFFFFFFF), np.uint64(32)
MANTISSA, ONE = np.uint32(0x7FFFFF), np.uint32(127 << 23)  # bits of a float32
SMALLEST = np.float32(1e-7)  # whose logarithm is taken


def seeds_of_steps(seed: int, steps: Sequence[int], purposes: Sequence[int]) -> np.ndarray:
    """The seeds of steps of a run, folded with one purpose after the other: int64 (S, 2)."""
    seeds = np.asarray([(seed, step) for step in steps], np.int64)
    for purpose in purposes:
        first = random_words(seeds, 1)[:, 0].view(np.int32)
        seeds = np.stack([first, np.full_like(first, purpose)], axis=1).astype(np.int64)
    return seeds


def random_words(seeds: np.ndarray, count: int) -> np.ndarray:
    """Random bits: int64 (S, 2) to uint32 (S, count)."""
    parts = seeds.view(np.uint64)
    halves = [part for column in parts.T for part in (column & LOW_WORD, column >> WORD_BITS)]
    mixed = _philox(halves, SCRAMBLING_KEY)
    numbers = np.arange(-(-count // 4), dtype=np.uint64)  # four words each
    zeros = np.zeros_like(numbers)
    words = _philox([numbers, zeros, mixed[2][:, None], mixed[3][:, None]], [word[:, None] for word in mixed[:2]])
    return np.stack(words, axis=-1).astype(np.uint32).reshape(len(seeds), -1)[:, :count]


def as_uniform(words: np.ndarray) -> np.ndarray:
    """uint32 to float32 in [0, 1), same shape."""
    return (words & MANTISSA | ONE).view(np.float32) - np.float32(1.0)


def as_normal(words: np.ndarray) -> np.ndarray:
    """uint32 (S, 2 n) to standard normal float32 (S, 2 n), by Box and Muller."""
    pairs = as_uniform(words).reshape(len(words), -1, 2)
    radii = np.sqrt(np.float32(-2.0) * np.log(np.maximum(pairs[..., 0], SMALLEST)))
    angles = np.float32(2.0 * np.pi) * pairs[..., 1]
    return np.stack([np.sin(angles) * radii, np.cos(angles) * radii], axis=-1).reshape(len(words), -1)


def _philox(counter: Sequence[Any], key: Sequence[Any]) -> list[Any]:
    """Four words of a counter and two of a key, uint64 below 2**32, to four random words; all shapes are broadcast."""
    first, second, third, fourth = counter
    keys = list(key)
    for _ in range(ROUNDS):
        one, other = first * MULTIPLIERS[0], third * MULTIPLIERS[1]
        first, second = (other >> WORD_BITS) ^ second ^ keys[0], other & LOW_WORD
        third, fourth = (one >> WORD_BITS) ^ fourth ^ keys[1], one & LOW_WORD
        keys = [(word + step) & LOW_WORD for word, step in zip(keys, WEYL, strict=True)]
    return [first, second, third, fourth]
