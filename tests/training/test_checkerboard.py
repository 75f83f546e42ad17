"""The constraint against checkerboards: its formula, what a constrained layer draws, and runs with it."""

import keras
import numpy as np
import pytest
from safetensors.numpy import load_file

from dcgan_hub import train
from dcgan_hub.presets import make_settings
from dcgan_hub.training.checkerboard import CheckerboardConstraint
from dcgan_hub.training.model import build_gan

SMALL = {
    "preset": "avatars-32", "image_size": 16, "filters": 4, "latent_dim": 8, "batch_size": 4, "evaluate_every": 0,
    "sample_every": 100, "checkerboard_constraint": True, "precision": "float32", "augmentation_colour": "late",
    "augmentation_color_after": 20, "augmentation_strength": 0.5,
}  # fmt: skip


def projected_by_least_squares(kernel, stride):
    """The nearest kernel whose taps have equal sums, one pair of channels at a time: what lies in the null space."""
    size = len(kernel)
    sums = np.zeros((stride * stride, size * size))
    for row in range(size):
        for column in range(size):
            sums[row % stride * stride + column % stride, row * size + column] = 1
    differences = sums[1:] - sums[0]
    away = np.linalg.pinv(differences) @ differences
    flat = kernel.reshape(size * size, -1)
    return (flat - away @ flat).reshape(kernel.shape)


@pytest.mark.parametrize(("size", "stride"), [(4, 2), (5, 2), (3, 2), (2, 2), (6, 3), (5, 3), (4, 4)])
def test_the_projection_is_the_nearest_kernel_with_equal_sums(size, stride):
    kernel = np.random.RandomState(size).standard_normal((size, size, 3, 2))
    ours = np.asarray(CheckerboardConstraint(stride)(kernel.astype(np.float32)))
    np.testing.assert_allclose(ours, projected_by_least_squares(kernel, stride), atol=1e-5)


def inner_pixels_of_a_flat_map(kernel, stride):
    """What a transposed convolution makes of a map of ones, away from the borders: (8, 8, D)."""
    layer = keras.layers.Conv2DTranspose(kernel.shape[2], kernel.shape[0], stride, padding="same", use_bias=False)
    layer.build((None, 12, 12, kernel.shape[3]))
    layer.kernel.assign(kernel)
    middle = 6 * stride
    return np.asarray(layer(np.ones((1, 12, 12, kernel.shape[3]))))[0, middle - 4 : middle + 4, middle - 4 : middle + 4]


@pytest.mark.parametrize(("size", "stride"), [(4, 2), (5, 2), (5, 3)])
def test_a_flat_map_stays_flat_only_with_the_constraint(size, stride):
    kernel = np.random.RandomState(size).standard_normal((size, size, 3, 2)).astype(np.float32)
    constrained = np.asarray(CheckerboardConstraint(stride)(kernel))
    assert np.ptp(inner_pixels_of_a_flat_map(kernel, stride), axis=(0, 1)).min() > 0.1
    assert np.ptp(inner_pixels_of_a_flat_map(constrained, stride), axis=(0, 1)).max() < 1e-5


def last_kernel(folder):
    """The kernel of the last stage that a run trains, at its last checkpoint: (K, K, D, C)."""
    checkpoint = max((folder / "checkpoints").iterdir())
    arrays = load_file(checkpoint / "state.safetensors")
    (name,) = [name for name in arrays if "ema" not in name and name.endswith("stage_1_enlarge/kernel")]
    return arrays[name]


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_runs_with_it_resume_exactly_and_only_they_have_equal_sums(precision, squares, tmp_path):
    for name, changes, stops in (("whole", {}, (8,)), ("resumed", {}, (3, 8)),
                                 ("free", {"checkerboard_constraint": False}, (8,))):  # fmt: skip
        for steps in stops:
            train(squares, run=tmp_path / name, **(SMALL | {"precision": precision, "steps": steps} | changes))
    whole, resumed, free = (last_kernel(tmp_path / name) for name in ("whole", "resumed", "free"))
    np.testing.assert_array_equal(whole, resumed)
    sums = [kernel.reshape(2, 2, 2, 2, *kernel.shape[2:]).sum(axis=(0, 2)) for kernel in (whole, free)]
    assert np.ptp(sums[0], axis=(0, 1)).max() < 1e-6 < 1e-3 < np.ptp(sums[1], axis=(0, 1)).max()


def test_networks_that_resize_have_nothing_to_constrain():
    values = {name: value for name, value in SMALL.items() if name != "preset"} | {"upsampling": "resize"}
    gan = build_gan(make_settings("avatars-32", values))
    assert all(weight.constraint is None for weight in gan.generator.trainable_variables)
