"""A generator in forms that need no Keras: one HTML page, and an ONNX file.

N images, H x W pixels, C channels.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from dcgan_hub.atomic_files import whole_file
from dcgan_hub.bundle.folder import sha256_of
from dcgan_hub.bundle.format import FACTS_FILE, BundleFacts, WeightFacts, current_versions
from dcgan_hub.bundle.weights import assign_weights, decode_weights, encode_weights, named_variables
from dcgan_hub.errors import BundleError, SettingsError
from dcgan_hub.images.grids import cannot_write
from dcgan_hub.networks.classes import draw_classes
from dcgan_hub.networks.directions import MAX_DIRECTIONS
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.pages.limits import check_fits_page
from dcgan_hub.pages.page import make_page

if TYPE_CHECKING:
    from dcgan_hub.bundle.generator import Generator

COMPARED_SEEDS = range(16)
MAX_BEYOND_ONE = 0.001  # share of bytes that may differ by 2; none may differ by more
BYTES_PER_WEIGHT = {"F16": 2, "F32": 4}
ONNX_COMMAND = "pip install 'dcgan-hub[onnx]'"


@dataclass(frozen=True)
class Agreement:
    """How the images of `COMPARED_SEEDS` agree with those of the generator."""

    bytes_compared: int
    equal: float  # share of bytes
    beyond_one: float  # share of bytes that differ by more than 1 of 255
    largest: int  # difference, of 255

    @property
    def is_close(self) -> bool:
        """Whether they are the same images: within 1 of 255 in 99.9% of bytes, and within 2 everywhere."""
        return self.largest <= 2 and self.beyond_one <= MAX_BEYOND_ONE


def write_page(generator: "Generator", network: keras.Model, path: Path) -> None:
    """Writes the page of a generator, atomically; `network` is the generator's.

    Weights are in half precision if that draws the same images (`Agreement.is_close`), else in single precision.

    Raises:
        BundleError: if the network is too large, or weights are not finite.
        DataError: if the file cannot be written.
    """
    check_fits_page(generator.settings)
    dtype, weights = _smallest_weights(generator, network)
    facts = _facts_with(generator, dtype, weights)
    directions = generator.directions(MAX_DIRECTIONS)
    _write(path, make_page(generator.name, facts.to_json(), weights, BYTES_PER_WEIGHT[dtype], directions))


def write_onnx(
    generator: "Generator", network: keras.Model, path: Path, half_precision: bool = False
) -> Agreement | None:
    """Writes a generator as an ONNX model, atomically, once it has been checked; `network` is the generator's.

    Inputs, outputs and metadata: docs/export.md.

    Returns:
        How its images agree with the generator's; None without onnxruntime, which runs it.

    Raises:
        BundleError: if weights are not finite or too large for half precision, or it draws other images.
        DataError: if the file cannot be written.
        SettingsError: if the package `onnx` is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise SettingsError(
            f"An ONNX file is written with the package onnx. Received: none installed. Run {ONNX_COMMAND}."
        ) from error
    from dcgan_hub.export.onnx_graph import make_onnx

    dtype = "F16" if half_precision else "F32"
    weights = encode_weights(network, half_precision)
    arrays = decode_weights(weights, generator.settings, dtype, "the weights")
    facts = _facts_with(generator, dtype, weights).to_json().decode()
    model = make_onnx(generator.settings, arrays, "generator", {"name": generator.name, FACTS_FILE: facts})
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    agreement = _run_onnx(generator, content)
    if agreement is not None and not agreement.is_close:
        raise BundleError(
            f"An exported model must draw the images of the generator. Received: bytes that differ by up to "
            f"{agreement.largest} of 255. {'Leave half precision out' if half_precision else 'Report this'}."
        )
    _write(path, content)
    return agreement


def _run_onnx(generator: "Generator", content: bytes) -> Agreement | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    inputs = {"latents": generator.latents(COMPARED_SEEDS)}
    if generator.class_names:
        inputs["classes"] = draw_classes(COMPARED_SEEDS, len(generator.class_names))
    (images,) = session.run(["images"], inputs)
    return _compare(images, generator)


def _compare(images: np.ndarray, generator: "Generator") -> Agreement:
    """Compares uint8 (N, H, W, C) of `COMPARED_SEEDS` with the generator's."""
    difference = np.abs(images.astype(np.int16) - generator.generate(COMPARED_SEEDS))
    return Agreement(
        difference.size, float((difference == 0).mean()), float((difference > 1).mean()), int(difference.max())
    )


def _smallest_weights(generator: "Generator", network: keras.Model) -> tuple[str, bytes]:
    """Dtype and content of the weights file: F16 if it draws the same images, else F32."""
    exact = encode_weights(network)
    try:
        half = encode_weights(network, half_precision=True)
    except BundleError:  # a weight beyond the range of half precision
        return "F32", exact
    return ("F16", half) if _draws_the_same(generator, network, half) else ("F32", exact)


def _draws_the_same(generator: "Generator", network: keras.Model, content: bytes) -> bool:
    arrays = decode_weights(content, generator.settings, "F16", "the weights")
    if all(np.array_equal(arrays[name], variable) for name, variable in named_variables(network).items()):
        return True
    rounded = build_generator(generator.settings, "float32")
    assign_weights(rounded, arrays, "the weights")
    half = type(generator)(generator.settings, rounded, class_names=generator.class_names)
    return _compare(half.generate(COMPARED_SEEDS), generator).is_close


def _facts_with(generator: "Generator", dtype: str, weights: bytes) -> BundleFacts:
    facts = generator.facts or BundleFacts(
        network=generator.settings, class_names=generator.class_names, versions=current_versions()
    )
    return dataclasses.replace(facts, weights=WeightFacts(dtype=dtype, sha256=sha256_of(weights)))


def _write(path: Path, content: bytes) -> None:
    try:
        with whole_file(path) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise cannot_write(path, error) from error
