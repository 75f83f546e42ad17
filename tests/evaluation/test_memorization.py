"""Copies are told from new images, also copies that were changed a little."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from dcgan_hub.errors import DataError
from dcgan_hub.evaluation.memorization import measure_memorization, neighbor_ratios, neighbor_sheet
from dcgan_hub.images.preparation.prepare import prepare_images


@pytest.fixture(scope="module")
def faces():
    """The embedded drawings at 32 x 32: half to train on, half held out."""
    images = prepare_images("avatars", image_size=(32, 32), channels=3, show_progress=False).images
    mixed = np.random.RandomState(0).permutation(len(images))
    return images[mixed[:1000]], images[mixed[1000:]]


def measured(training, generated):
    return measure_memorization(training, generated, show_progress=False)


def test_new_images_are_no_copies(faces):
    training, held_out = faces
    found = measured(training, held_out)
    assert found.near_copies < 0.03 and found.near_copies_of_real < 0.03
    assert found.median_ratio == pytest.approx(found.median_ratio_of_real, abs=0.1)
    assert not found.copies and "no sign of copying" in found.describe()


def changed(image, how):
    if how == "blur":
        return np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(0.7)))
    if how == "jpeg":
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=60)
        return np.asarray(Image.open(file))
    grain = np.random.RandomState(0).normal(0, 15, image.shape) if how == "grain" else 0
    return np.clip(image + grain, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("how", ["exact", "blur", "jpeg", "grain"])
def test_copies_are_found(faces, how):
    training, _ = faces
    copies = np.stack([changed(image, how) for image in training[100:200]])
    found = measured(training, copies)
    assert found.near_copies > 0.85 and found.copies
    assert (found.nearest == np.arange(100, 200)).mean() > 0.95
    assert "it copies training images" in found.describe()


def test_a_few_copies_among_new_images_are_found(faces):
    training, held_out = faces
    found = measured(training, np.concatenate([held_out[:450], training[:50]]))
    assert 0.1 <= found.near_copies < 0.13 and found.copies


def test_ratios_are_those_of_plain_loops():
    random = np.random.default_rng(0)
    training, points = random.normal(size=(40, 3)), random.normal(size=(10, 3))

    def ratio(point, known):
        by_distance = sorted(known, key=lambda other: np.linalg.norm(point - other))
        nearest = by_distance[0]
        spacing = min(np.linalg.norm(nearest - other) for other in known if other is not nearest)
        return np.linalg.norm(point - nearest) / spacing

    found, rows = neighbor_ratios(training, points)
    np.testing.assert_allclose(found, [ratio(point, list(training)) for point in points])
    assert all(np.linalg.norm(points - training[rows], axis=1) <= np.linalg.norm(points - training[0], axis=1))
    own = np.arange(0, 40, 3)
    found, _ = neighbor_ratios(training, training[own], own)
    without = [[other for row, other in enumerate(training) if row != index] for index in own]
    expected = [ratio(training[index], known) for index, known in zip(own, without, strict=True)]
    np.testing.assert_allclose(found, expected)


def test_equal_thumbnails_of_training_images_are_no_division_by_zero():
    training = np.zeros((3, 2))
    found, _ = neighbor_ratios(training, np.array([[0.0, 0.0], [1.0, 0.0]]))
    assert found[0] == 0.0 and found[1] > 1e100


def test_the_sheet_shows_the_most_suspicious_first(faces):
    training, held_out = faces
    generated = np.concatenate([held_out[:60], training[:1]])
    found = measured(training, generated)
    sheet = np.asarray(neighbor_sheet(training, generated, range(500, 561), found))
    cell = np.asarray(Image.fromarray(training[0]).resize((96, 96), Image.Resampling.NEAREST))
    np.testing.assert_array_equal(sheet[2:98, 2:98], cell)  # the copy on the left, its original on the right
    width = (sheet.shape[1] - 2) // 8
    np.testing.assert_array_equal(sheet[2:98, 2 + width : 98 + width], cell)


@pytest.mark.parametrize("channels", [1, 4])
def test_grey_and_transparent_images(make_images, channels):
    images = make_images(60, channels)
    assert measured(images[:50], images[:5]).near_copies == 1.0
    assert measured(images[:50], images[50:]).near_copies < 1.0


def test_two_images_are_too_few(faces):
    with pytest.raises(DataError, match="Received: 2"):
        measured(faces[0][:2], faces[1][:2])
