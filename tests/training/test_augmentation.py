"""Augmentations against plain writings of them on single images, and the rule of adaptive strength."""

import numpy as np
import pytest
import tensorflow as tf

from dcgan_hub.training.augmentation import MAX_STRENGTH, Augmentation, flip_some, next_strength
from dcgan_hub.training.backends import Draws
from dcgan_hub.training.distributed.replicas import BatchShard

SEED = np.array([3, 7])
DRAWS = Draws(SEED)
IMAGES = np.random.RandomState(0).uniform(-1, 1, (64, 16, 24, 3)).astype("float32")
TRANSLATION = Augmentation(color=False, cutout=False)
CUTOUT = Augmentation(color=False, translation=False)
AROUND = Augmentation(color=False, cutout=False, seamless=True)
COLOUR = Augmentation(translation=False, cutout=False)


def shifted(image, rows, columns):
    """The image moved by plain slicing; grey comes in."""
    height, width, channels = image.shape
    wide = np.zeros((3 * height, 3 * width, channels), image.dtype)
    wide[height + rows : 2 * height + rows, width + columns : 2 * width + columns] = image
    return wide[height : 2 * height, width : 2 * width]


@pytest.mark.parametrize(
    "translation, shifted",
    [(TRANSLATION, shifted), (AROUND, lambda image, *shifts: np.roll(image, shifts, (0, 1)))],
    ids=["gray comes in", "around"],
)
def test_translation_moves_each_image_by_whole_pixels_up_to_an_eighth(translation, shifted):
    moved = np.asarray(translation(IMAGES, DRAWS, 1.0))
    found = set()
    for before, after in zip(IMAGES, moved, strict=True):
        fits = [
            (rows, columns)
            for rows in range(-2, 3)
            for columns in range(-3, 4)
            if np.array_equal(shifted(before, rows, columns), after)
        ]
        assert len(fits) == 1
        found.add(fits[0])
    assert {rows for rows, _ in found} == {-2, -1, 0, 1, 2}
    assert {columns for _, columns in found} == {-3, -2, -1, 0, 1, 2, 3}


def test_cutout_covers_one_rectangle_of_at_most_half_the_side():
    covered = np.asarray(CUTOUT(IMAGES, DRAWS, 1.0))
    sizes = set()
    for before, after in zip(IMAGES, covered, strict=True):
        hole = np.any(before != after, axis=-1)
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert hole.sum() == len(rows) * len(columns) and not after[hole].any()
        sizes.add((len(rows), len(columns)))
    assert max(rows for rows, _ in sizes) == 8 and max(columns for _, columns in sizes) == 12


def test_colour_changes_brightness_saturation_and_contrast():
    changed = np.asarray(COLOUR(IMAGES, DRAWS, 1.0)).astype("float64")
    for before, after in zip(IMAGES.astype("float64"), changed, strict=True):
        shift = after.mean() - before.mean()
        assert -0.5 <= shift <= 0.5
        grey_before, grey_after = before.mean(-1), after.mean(-1)
        contrast = grey_after.std() / grey_before.std()
        assert 0.5 - 1e-4 <= contrast <= 1.5 + 1e-4
        colour_before, colour_after = before - grey_before[..., None], after - grey_after[..., None]
        factor = (colour_after * colour_before).sum() / (colour_before**2).sum()
        np.testing.assert_allclose(colour_after, factor * colour_before, atol=1e-4)
        assert -1e-4 <= factor / contrast <= 2.0 + 1e-4


def test_colour_leaves_transparency_alone_and_works_on_grey():
    transparent = np.concatenate([IMAGES, IMAGES[..., :1]], axis=-1)
    changed = np.asarray(COLOUR(transparent, DRAWS, 1.0))
    assert np.array_equal(changed[..., 3], transparent[..., 3])
    assert not np.array_equal(changed[..., :3], transparent[..., :3])
    assert np.asarray(COLOUR(IMAGES[..., :1], DRAWS, 1.0)).shape == (64, 16, 24, 1)


def test_strength_is_the_probability_of_each_change():
    images = np.random.RandomState(1).uniform(-1, 1, (2000, 4, 4, 1)).astype("float32")
    for augmentation in (COLOUR, CUTOUT):
        changed = np.any(np.asarray(augmentation(images, DRAWS, 0.3)) != images, axis=(1, 2, 3)).mean()
        assert changed == pytest.approx(0.3, abs=0.05)
    assert np.array_equal(np.asarray(Augmentation()(images, DRAWS, 0.0)), images)


def test_the_same_seed_gives_the_same_images_and_another_one_others():
    first, again, other = (np.asarray(Augmentation()(IMAGES, Draws(seed), 1.0)) for seed in (SEED, SEED, SEED + 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize("strength", [1.0, 0.5])
@pytest.mark.parametrize(
    "augmentation",
    [TRANSLATION, CUTOUT, Augmentation(color=False), Augmentation(color=False, seamless=True)],
    ids=["moved", "covered", "both", "around"],
)
def test_gradients_come_back_to_the_pixels_that_were_moved(augmentation, strength):
    images = tf.constant(IMAGES)
    wanted = np.random.RandomState(2).standard_normal(IMAGES.shape).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch(images)
        total = tf.reduce_sum(augmentation(images, DRAWS, strength) * wanted)
    gradients = np.asarray(tape.gradient(total, images))
    moved = np.asarray(augmentation(IMAGES, DRAWS, strength))
    # A linear map: the total is what the gradients say, and they are the wanted values moved back.
    assert float((gradients * IMAGES).sum()) == pytest.approx(float((moved * wanted).sum()), rel=1e-4, abs=1e-2)
    assert all(np.isin(gradient[gradient != 0], one).all() for gradient, one in zip(gradients, wanted, strict=True))


def test_half_of_the_images_are_mirrored():
    flipped = np.asarray(flip_some(IMAGES, DRAWS))
    mirrored = [np.array_equal(after, before[:, ::-1]) for before, after in zip(IMAGES, flipped, strict=True)]
    same = [np.array_equal(after, before) for before, after in zip(IMAGES, flipped, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True)) and 16 < sum(mirrored) < 48


@pytest.mark.parametrize("change", [Augmentation(), lambda images, draws, _: flip_some(images, draws)])
def test_parts_of_a_batch_are_changed_as_within_the_whole(change):
    whole = np.asarray(change(IMAGES, DRAWS, 0.6))
    parts = [np.asarray(change(IMAGES[16 * n : 16 * n + 16], Draws(SEED, BatchShard(4, n)), 0.6)) for n in range(4)]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


@pytest.mark.parametrize(
    "strength, accuracy, expected",
    [(0.2, 0.9, 0.232), (0.2, 0.7, 0.168), (0.2, 0.8, 0.2), (0.01, 0.0, 0.0), (MAX_STRENGTH, 1.0, MAX_STRENGTH)],
    ids=["too sure", "not sure", "on target", "not below zero", "not above the strongest"],
)
def test_adaptive_strength_moves_towards_the_target(strength, accuracy, expected):
    moved = next_strength(tf.constant(strength), tf.constant(accuracy), 0.8, 32, 1000.0)
    assert float(moved) == pytest.approx(expected, abs=1e-6)
