"""The seam ratio against plain loops, on tiles and on images that are none."""

import numpy as np
import pytest

from dcgan_hub.evaluation.seams import SeamRatio, seam_ratio


def plain_ratio(images):
    """Written with loops over the pairs of neighboring pixels."""
    ratios = []
    for turned in (images.astype(int), images.astype(int).transpose(0, 2, 1, 3)):
        rows = turned.shape[1]
        across = [np.abs(image[0] - image[rows - 1]) for image in turned]
        inside = [np.abs(image[row + 1] - image[row]) for image in turned for row in range(rows - 1)]
        ratios.append(np.mean(across) / np.mean(inside))
    return max(ratios, key=lambda ratio: max(ratio, 1 / ratio))


def waves(height, width, periods):
    """Gray waves, of which a tile holds `periods` (down, across)."""
    rows, columns = np.mgrid[:height, :width]
    phases = np.random.RandomState(0).uniform(0, 2 * np.pi, (64, 1, 1))
    angle = 2 * np.pi * (periods[0] * rows / height + periods[1] * columns / width) + phases
    return np.rint(127.5 + 127.5 * np.sin(angle))[..., None].astype(np.uint8)


@pytest.mark.parametrize("shape", [(5, 16, 24, 3), (7, 9, 4, 1), (3, 8, 8, 4)], ids=str)
def test_it_is_what_loops_over_all_pairs_of_pixels_find(shape):
    images = np.random.RandomState(0).randint(0, 256, shape, np.uint8)
    images[:, 0] //= 3  # a seam between rows
    assert seam_ratio(images) == pytest.approx(plain_ratio(images), rel=1e-9)
    in_chunks = SeamRatio()
    assert list(map(len, in_chunks.counted([images[:2], images[2:]]))) == [2, len(images) - 2]
    assert in_chunks.value == pytest.approx(seam_ratio(images), rel=1e-9)


def test_tiles_have_a_ratio_of_one_and_a_seam_of_either_axis_is_seen():
    assert seam_ratio(waves(32, 48, (2, 3))) == pytest.approx(1, abs=0.02)
    for periods in ((2.5, 3), (2, 3.5)):
        assert seam_ratio(waves(32, 48, periods)) > 2


def test_a_border_that_is_smoother_than_the_inside_is_a_seam_too():
    images = waves(32, 32, (2, 3))
    images[:, 0] = images[:, -1]
    assert seam_ratio(images) == 0


def test_there_is_none_without_images_and_without_differences():
    assert SeamRatio().value is None
    assert seam_ratio(np.full((4, 8, 8, 3), 7, np.uint8)) is None
