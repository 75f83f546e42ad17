"""What a generator draws, and that an image depends on its own latent vector only."""

import itertools

import keras
import numpy as np
import pytest

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.inference import BLOCK_SIZE
from dcgan_hub.errors import BundleError, SettingsError
from dcgan_hub.networks.generator import build_generator

SHAPES = {
    "28x28 grey": {"image_size": (28, 28), "channels": 1, "latent_dim": 64, "filters": 16, "max_filters": 32},
    "150x150": {"image_size": (150, 150), "latent_dim": 33, "filters": 8, "max_filters": 48},
    "96x64 transparent": {"image_size": (96, 64), "channels": 4, "latent_dim": 100, "filters": 8, "max_filters": 64},
    "64x64 modulated": {
        "image_size": (64, 64),
        "generator_normalization": "modulated",
        "filters": 16,
        "max_filters": 128,
        "latent_dim": 128,
    },
    "50x34 resized": {"image_size": (50, 34), "upsampling": "resize", "generator_normalization": "none", "filters": 12},
}


def test_one_seed_is_one_latent_vector_of_numpys_frozen_stream(generator):
    seeds = [0, 7, 2**32 - 1, 7]
    expected = [np.random.RandomState(seed).standard_normal(generator.latent_dim) for seed in seeds]

    latents = generator.latents(seeds)

    assert latents.dtype == np.float32
    np.testing.assert_array_equal(latents, np.array(expected).astype(np.float32))


@pytest.mark.parametrize("settings", SHAPES.values(), ids=SHAPES.keys())
def test_an_image_does_not_depend_on_its_neighbours(make_generator, settings):
    """Fails on a processor with AVX2 if dense layers multiply a block at once, on others if images share a batch."""
    generator = make_generator(**settings)
    seeds = list(range(41))
    together = generator.generate(seeds)

    alone = np.concatenate([generator.generate([seed]) for seed in seeds])
    in_fives = np.concatenate([generator.generate(seeds[start : start + 5]) for start in range(0, 41, 5)])
    reversed_order = generator.generate(seeds[::-1])[::-1]

    assert together.std() > 20, "flat images would be equal anyway"
    for other in (alone, in_fives, reversed_order):
        np.testing.assert_array_equal(other, together)


@pytest.mark.parametrize("settings", SHAPES.values(), ids=SHAPES.keys())
def test_floats_do_not_depend_on_the_place_in_a_block_nor_on_what_fills_it(make_generator, settings):
    """Pixels may hide a difference in the last bits; floats do not."""
    generator = make_generator(**settings)
    draw, latents = generator._draw, generator.latents(range(BLOCK_SIZE))
    expected = draw(latents)

    for first in range(1, BLOCK_SIZE):
        np.testing.assert_array_equal(np.roll(draw(np.roll(latents, -first, axis=0)), first, axis=0), expected)
    np.testing.assert_array_equal(draw(latents[:3]), expected[:3])
    extreme = np.concatenate([latents[:3], 100 * latents[3:]])
    np.testing.assert_array_equal(draw(extreme)[:3], expected[:3])


def test_pixels_are_the_networks_floats_scaled_and_rounded(generator):
    floats = generator._network.predict_on_batch(generator.latents([3, 4]))
    expected = np.clip(np.floor((floats.astype(np.float64) + 1) * 127.5 + 0.5), 0, 255)

    images = generator.generate([3, 4])

    assert images.dtype == np.uint8
    assert images.shape == (2, *generator.image_shape) == (2, 18, 24, 3)
    assert np.mean(images == expected) > 0.999  # float32 and float64 may round a tie differently
    np.testing.assert_allclose(images.astype(float), expected, atol=1)


def rotate(start, end, fraction):
    """Slerp written as a rotation in the plane of both vectors, lengths interpolated."""
    first = start / np.linalg.norm(start)
    second = end - (end @ first) * first
    second /= np.linalg.norm(second)
    angle = np.arctan2(end @ second, end @ first) * fraction
    length = (1 - fraction) * np.linalg.norm(start) + fraction * np.linalg.norm(end)
    return length * (np.cos(angle) * first + np.sin(angle) * second)


def test_slerp_turns_one_vector_into_the_other(generator):
    keys = generator.latents([1, 2, 3]).astype(np.float64)
    expected = [rotate(keys[0], keys[1], t) for t in (0, 0.25, 0.5, 0.75)]
    expected += [rotate(keys[1], keys[2], t) for t in (0, 0.25, 0.5, 0.75, 1)]

    np.testing.assert_allclose(generator.walk([1, 2, 3], 9), expected, atol=1e-5)


def test_lerp_is_the_straight_line(generator):
    start, end = generator.latents([1, 2])

    middle = generator.walk([1, 2], 3, method="lerp")[1]

    np.testing.assert_allclose(middle, (start + end) / 2, atol=1e-6)


@pytest.mark.parametrize("method", ["slerp", "lerp"])
def test_a_walk_begins_and_ends_with_the_images_of_its_seeds(generator, method):
    frames = generator.interpolate([5, 9, 2], 7, method)

    np.testing.assert_array_equal(frames[[0, 3, 6]], generator.generate([5, 9, 2]))
    assert len({frame.tobytes() for frame in frames}) == 7


def test_a_looped_walk_stops_one_frame_before_its_beginning(generator):
    frames = generator.interpolate([5, 9, 2], 6, loop=True)
    there_and_back = generator.interpolate([5, 9, 2, 5], 7)

    np.testing.assert_array_equal(frames, there_and_back[:-1])


def test_truncation_scales_the_latents(generator):
    expected = generator.generate(latents=generator.latents([1, 2]) * np.float32(0.5))

    np.testing.assert_array_equal(generator.generate([1, 2], truncation=0.5), expected)
    assert not np.array_equal(expected, generator.generate([1, 2]))


def test_chunks_come_one_at_a_time(generator):
    endless = (seed % 1000 for seed in itertools.count())

    chunks = generator.generate_in_chunks(endless)

    np.testing.assert_array_equal(next(chunks), generator.generate(range(32)))
    np.testing.assert_array_equal(next(chunks), generator.generate(range(32, 64)))


def test_no_seeds_are_no_images(generator):
    assert generator.generate([]).shape == (0, 18, 24, 3)


@pytest.mark.parametrize(
    "arguments, received",
    [
        ({}, "none"),
        ({"seeds": [1], "latents": np.zeros((1, 8))}, "both"),
        ({"seeds": [-1]}, "-1"),
        ({"seeds": [2**32]}, str(2**32)),
        ({"seeds": [1.5]}, "1.5"),
        ({"latents": np.zeros((1, 7))}, r"\(1, 7\)"),
        ({"latents": np.zeros(8)}, r"\(8,\)"),
        ({"latents": np.full((1, 8), np.nan)}, "NaN"),
        ({"latents": [[0.0] * 8, [0.0] * 7]}, r"\[\[0\.0.*not an array of numbers"),
        ({"latents": "eight"}, "eight"),
        ({"latents": {}}, "{}"),
        ({"seeds": 5}, "5"),
        ({"seeds": np.int64(5)}, "5"),
        ({"seeds": np.array(5)}, "5"),
        ({"seeds": [1], "truncation": 0.0}, "0.0"),
        ({"seeds": [1], "truncation": 2.5}, "2.5"),
        ({"seeds": [1], "truncation": float("nan")}, "nan"),
        ({"seeds": [1], "truncation": "1"}, "'1'"),
    ],
)
def test_wrong_arguments_are_explained(generator, arguments, received):
    with pytest.raises(SettingsError, match=rf"Received: .*{received}"):
        generator.generate(**arguments)


@pytest.mark.parametrize("arguments", [{"seeds": 5}, {"latents": [[0.0] * 8, [0.0] * 7]}])
def test_wrong_arguments_are_explained_before_the_first_chunk_is_asked_for(generator, arguments):
    with pytest.raises(SettingsError, match=r"Received: .*\. (Try|Get)"):
        generator.generate_in_chunks(**arguments)


def test_one_number_is_no_walk(generator):
    with pytest.raises(SettingsError, match=r"sequence of whole numbers.* Received: 5\."):
        generator.interpolate(5, 10)


@pytest.mark.parametrize("seeds, frames, method", [([1], 5, "slerp"), ([1, 2], 1, "slerp"), ([1, 2], 5, "cubic")])
def test_wrong_walks_are_explained(generator, seeds, frames, method):
    with pytest.raises(SettingsError, match="Received: "):
        generator.interpolate(seeds, frames, method)


def test_a_network_of_another_precision_or_shape_is_refused(generator):
    half = build_generator(generator.settings, dtype="mixed_bfloat16")
    with pytest.raises(BundleError, match=r"Received: .*bfloat16"):
        Generator(generator.settings, half)
    with pytest.raises(BundleError, match=r"Received: \(5,\)"):
        Generator(generator.settings, keras.Sequential([keras.Input((8,)), keras.layers.Dense(5)]))
