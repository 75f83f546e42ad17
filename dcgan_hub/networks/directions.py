"""Directions of the latent space along which images change most, found without labels. Does not import Keras.

Two methods, both deterministic:

- "sefa": the closed-form factorization of Shen & Zhou 2021 ("Closed-Form Factorization of Latent Semantics in GANs"):
  the leading right singular vectors of all matrices that are multiplied with the latents, stacked. Here these are
  the first dense layer, with the batch normalization behind it, and the dense layers of self-modulation and of a
  palette.
- "pca": the principal components of the first feature map over many latents, regressed on the latents (Härkönen et al.
  2020, "GANSpace").

K directions, N samples, Z latent dimensions, P positions and C channels of the first feature map.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from dcgan_hub.errors import SettingsError
from dcgan_hub.network_settings import PALETTE
from dcgan_hub.networks.latents import draw_latents

if TYPE_CHECKING:
    import keras

METHODS = ("sefa", "pca")
MAX_DIRECTIONS = 20
SAMPLES_PER_DIMENSION, MIN_SAMPLES, MAX_SAMPLES = 4, 512, 4096  # of "pca"; seeds 0, 1, 2, ...
SAMPLES_AT_ONCE = 64


def check_count(count: Any) -> None:
    """Raises SettingsError unless `count` is a whole number from 1 to 20."""
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_DIRECTIONS:
        raise SettingsError(f"`count` of directions must be 1 to {MAX_DIRECTIONS}. Received: {count!r}. Try 10.")


def find_directions(network: "keras.Model", method: str = "sefa") -> np.ndarray:
    """Finds the directions of a network from `build_generator`, those that change most first.

    Args:
        network: from `build_generator`; with classes, directions are those of the latents alone, for any class.
        method: "sefa" or "pca".

    Returns:
        float32 (K, Z), rows of norm 1; K is 20 or Z, whichever is smaller. The largest component of each is positive.

    Raises:
        SettingsError: for an unknown method.
    """
    if method not in METHODS:
        raise SettingsError(f"`method` must be {' or '.join(METHODS)}. Received: {method!r}. Try sefa.")
    count = min(MAX_DIRECTIONS, network.inputs[0].shape[-1])
    found = _factorized(_latent_matrices(network), count) if method == "sefa" else _regressed(network, count)
    largest = np.take_along_axis(found, np.abs(found).argmax(axis=1)[:, None], axis=1)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True) * np.sign(largest), np.float32)


def _factorized(matrices: list[np.ndarray], count: int) -> np.ndarray:
    """The `count` leading left singular vectors of the matrices (Z, M) side by side, as rows."""
    stacked = np.concatenate(matrices, axis=1).astype(np.float64)
    _, vectors = np.linalg.eigh(stacked @ stacked.T)  # in ascending order
    return np.asarray(vectors[:, ::-1][:, :count].T)


def _latent_matrices(network: "keras.Model") -> list[np.ndarray]:
    """All matrices (Z, M) that the latents are multiplied with, each in units of normalized features.

    The first one has a column for each position of the feature map, the others one for all positions. So it is divided
    by the square root of P, and a channel has the same weight in all of them.
    """
    layers = {layer.name: layer for layer in network.layers}
    positions = int(np.prod(layers["first_map"].output.shape[1:3]))
    project = np.asarray(layers["project"].kernel, np.float64)
    if "project_normalize" in layers:
        project = project * np.tile(_scale(layers["project_normalize"]), positions)
    further = [layer for name, layer in layers.items() if name.endswith(("_scale", "_shift")) or name == PALETTE]
    matrices = [project / np.sqrt(positions), *(np.asarray(layer.kernel, np.float64) for layer in further)]
    return [matrix[: network.inputs[0].shape[-1]] for matrix in matrices]  # without the rows of a class embedding


def _scale(normalization: Any) -> np.ndarray:
    """What batch normalization multiplies each channel with: float64 (C,)."""
    scale = 1.0 / np.sqrt(np.asarray(normalization.moving_variance, np.float64) + normalization.epsilon)
    return scale * np.asarray(normalization.gamma, np.float64) if normalization.scale else scale


def _regressed(network: "keras.Model", count: int) -> np.ndarray:
    """For each principal component of the first feature map, the direction that predicts the latents best from it."""
    import keras

    from dcgan_hub.networks.generator import CONDITIONED, class_embedding

    latent_dim = network.inputs[0].shape[-1]
    samples = min(MAX_SAMPLES, max(MIN_SAMPLES, SAMPLES_PER_DIMENSION * latent_dim))
    latents = draw_latents(range(samples), latent_dim)
    read, vectors = network.input, latents
    if len(network.inputs) > 1:  # all of the mean class, so that only the latents vary
        read = network.get_layer(CONDITIONED).output
        mean_class = class_embedding(network).mean(axis=0)
        vectors = np.concatenate([latents, np.tile(mean_class, (samples, 1))], axis=1)
    first_map = keras.Model(read, network.get_layer("project_activate").output)
    chunks = np.split(vectors, samples // SAMPLES_AT_ONCE)
    features = np.concatenate(
        [np.asarray(first_map(chunk, training=False)).reshape(len(chunk), -1) for chunk in chunks]
    )
    centered = features - features.mean(axis=0)
    # The coordinates of the samples are the eigenvectors of their Gram matrix, which is smaller than the covariance.
    _, eigenvectors = np.linalg.eigh((centered @ centered.T).astype(np.float64))
    coordinates = eigenvectors[:, ::-1][:, :count]
    return np.asarray(coordinates.T @ latents)
