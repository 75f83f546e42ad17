"""Seeds, walks and their ends, against formulas written a second time."""

import numpy as np
import pytest

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latents import draw_latents, interpolate_latents, interpolate_spherical


def test_a_seed_is_the_stream_of_random_state():
    seeds = [7, 42, 0, 2**32 - 1, 42]  # an odd latent_dim leaves half a pair of normals behind, which must not leak
    expected = [np.random.RandomState(seed).standard_normal(5).astype("float32") for seed in seeds]
    assert np.array_equal(draw_latents(seeds, 5), expected)


def test_the_stream_of_seed_zero_is_the_published_one():
    # First values of the Mersenne Twister's normals for seed 0, known from countless NumPy examples.
    assert draw_latents([0], 3)[0] == pytest.approx([1.7640524, 0.4001572, 0.978738], rel=1e-6)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", True, None])
def test_wrong_seeds_are_refused(seed):
    with pytest.raises(SettingsError, match="whole number from 0 to 4294967295"):
        draw_latents([seed], 4)


def test_slerp_turns_by_equal_angles_and_keeps_unit_length():
    start, end = np.array([1.0, 0.0, 0.0], "float32"), np.array([0.0, 1.0, 0.0], "float32")
    walk = interpolate_spherical(start, end, np.linspace(0, 1, 5))
    angles = np.arange(5) * np.pi / 8
    assert np.allclose(walk, np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1), atol=1e-6)


@pytest.mark.parametrize("method", ["slerp", "lerp"])
def test_a_walk_starts_and_ends_exactly_on_its_keys(method):
    keys = draw_latents([1, 2, 3], 16)
    walk = interpolate_latents(keys, 21, method)
    assert walk.shape == (21, 16)
    for frame, key in ((0, 0), (10, 1), (20, 2)):
        assert np.array_equal(walk[frame], keys[key])


def test_a_loop_stops_one_frame_before_its_start():
    keys = draw_latents([1, 2], 8)
    loop = interpolate_latents(keys, 10, "lerp", loop=True)
    back_and_forth = np.concatenate([keys, keys[:1]])
    expected = [back_and_forth[0] + (back_and_forth[1] - back_and_forth[0]) * i / 5 for i in range(5)]
    expected += [back_and_forth[1] + (back_and_forth[2] - back_and_forth[1]) * i / 5 for i in range(5)]
    assert np.allclose(loop, expected, atol=1e-6)


def test_parallel_and_zero_vectors_do_not_break_slerp():
    zero, one = np.zeros(3, "float32"), np.ones(3, "float32")
    for start, end in ((zero, one), (one, one), (one, -one)):
        walk = interpolate_spherical(start, end, np.array([0.0, 0.5, 1.0]))
        assert np.isfinite(walk).all() and np.array_equal(walk[0], start) and np.array_equal(walk[2], end)


@pytest.mark.parametrize("keys, frames, method", [(1, 5, "slerp"), (2, 1, "slerp"), (2, 5, "cubic")])
def test_a_walk_that_cannot_be_made_is_refused(keys, frames, method):
    with pytest.raises(SettingsError, match="Received"):
        interpolate_latents(draw_latents(range(keys), 4), frames, method)
