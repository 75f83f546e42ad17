"""`training/discriminator.safetensors`: the weights of the discriminator, for runs that start from a generator.

It is named and read like `model.safetensors`, as untrusted input, and only where training needs it. Not in the file is
the state of dropout's random numbers.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from dcgan_hub.bundle.safe_files import read_bounded
from dcgan_hub.bundle.weights import NORMALIZATION, Shapes, decode_arrays, file_bytes
from dcgan_hub.settings import NetworkSettings

DISCRIMINATOR_FILE = "training/discriminator.safetensors"


def discriminator_shapes(settings: NetworkSettings, minibatch_stddev: bool) -> Shapes:
    """Names and shapes of all weights of `build_discriminator`, computed without building it."""
    widths, kernel = settings.widths, settings.kernel_size
    spectral = "_spectral" if settings.discriminator_normalization == "spectral" else ""
    shapes: Shapes = {}
    for stage, (inputs, outputs) in enumerate(zip([settings.channels, *widths], widths, strict=False), start=1):
        batch = settings.discriminator_normalization == "batch" and stage > 1
        shapes |= _layer_shapes(f"stage_{stage}_shrink{spectral}", (kernel, kernel, inputs, outputs), not batch)
        if batch:
            shapes |= {f"stage_{stage}_normalize/{name}": (outputs,) for name in NORMALIZATION}
    features = math.prod(settings.sizes[-1]) * (widths[-1] + minibatch_stddev)
    if settings.classes:
        shapes["class_projection/embeddings"] = (settings.classes, widths[-1])
    return shapes | _layer_shapes(f"judge{spectral}", (features, 1), True)


def _layer_shapes(layer: str, kernel: tuple[int, ...], has_bias: bool) -> Shapes:
    shapes: Shapes = {f"{layer}/kernel": kernel}
    if has_bias:
        shapes[f"{layer}/bias"] = kernel[-1:]
    if layer.endswith("_spectral"):
        shapes[f"{layer}/vector_u"] = (1, kernel[-1])
    return shapes


def has_batch_deviation(training: dict[str, Any]) -> bool:
    """Whether the training of a generator, whose facts are untrusted, used `--minibatch-stddev`."""
    return training.get("batch_deviation") is True


def discriminator_file_bytes(settings: NetworkSettings, minibatch_stddev: bool) -> tuple[int, int]:
    """The minimum and maximum size of the file."""
    return file_bytes(discriminator_shapes(settings, minibatch_stddev), "F32")


def encode_discriminator(arrays: dict[str, np.ndarray]) -> bytes:
    """The content of the file: float32 arrays by name, as `discriminator_shapes` names them."""
    return safetensors.numpy.save(arrays)


def read_discriminator(path: Path, settings: NetworkSettings, minibatch_stddev: bool) -> dict[str, np.ndarray]:
    """The weights of the discriminator by name, float32 and finite.

    Raises:
        BundleError: if the file is missing, damaged, or not that of the network of `settings`; its size is checked
            before anything is read.
    """
    smallest, largest = discriminator_file_bytes(settings, minibatch_stddev)
    content = read_bounded(path, largest, smallest)
    return decode_arrays(content, discriminator_shapes(settings, minibatch_stddev), "F32", path)
