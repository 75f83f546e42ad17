"""A generator as one HTML page, which needs neither Python nor a network."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from dcgan_hub.atomic_files import whole_file
from dcgan_hub.bundle.folder import sha256_of
from dcgan_hub.bundle.format import BundleFacts, WeightFacts, current_versions
from dcgan_hub.bundle.weights import assign_weights, decode_weights, encode_weights, named_variables
from dcgan_hub.errors import BundleError
from dcgan_hub.images.grids import cannot_write
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.pages.limits import check_fits_page
from dcgan_hub.pages.page import make_page

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

COMPARED_SEEDS = range(16)
MAX_BEYOND_ONE = 0.001  # share of bytes that half precision may change by 2; none may change by more
BYTES_PER_WEIGHT = {"F16": 2, "F32": 4}


def write_page(generator: "Generator", network: keras.Model, path: Path) -> WeightFacts:
    """Writes the page of a generator, atomically; `network` is the generator's.

    Weights are in half precision unless that would change images visibly: among the images of 16 seeds, no byte may
    change by more than 2, and at most one in 1000 by 2.

    Returns:
        How the weights are stored in the page.

    Raises:
        BundleError: if the network is too large, weights are not finite, or the file cannot be written.
    """
    check_fits_page(generator.settings)
    dtype, weights = _smallest_weights(generator, network)
    stored = WeightFacts(dtype=dtype, sha256=sha256_of(weights))
    facts = generator.facts or BundleFacts(network=generator.settings, versions=current_versions())
    content = dataclasses.replace(facts, weights=stored).to_json()
    page = make_page(generator.name, content, weights, BYTES_PER_WEIGHT[dtype])
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(page)
    except OSError as error:
        raise BundleError(str(cannot_write(path, error))) from error
    return stored


def _smallest_weights(generator: "Generator", network: keras.Model) -> tuple[str, bytes]:
    """Dtype and content of the weights file: F16 if its images are the same by the bounds above, else F32."""
    exact = encode_weights(network)
    try:
        half = encode_weights(network, half_precision=True)
    except BundleError:  # a weight beyond the range of half precision
        return "F32", exact
    return ("F16", half) if _draws_the_same(generator, network, half) else ("F32", exact)


def _draws_the_same(generator: "Generator", network: keras.Model, half: bytes) -> bool:
    arrays = decode_weights(half, generator.settings, "F16", "half precision")
    if all(np.array_equal(arrays[name], variable) for name, variable in named_variables(network).items()):
        return True
    rounded = build_generator(generator.settings, "float32")
    assign_weights(rounded, arrays, "half precision")
    images = type(generator)(generator.settings, rounded).generate(COMPARED_SEEDS)
    difference = np.abs(images.astype(np.int16) - generator.generate(COMPARED_SEEDS))
    return bool(difference.max() <= 2 and (difference > 1).mean() <= MAX_BEYOND_ONE)
