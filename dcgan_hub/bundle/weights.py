"""`model.safetensors`: the generator's weights, written the same for the same weights, read without trust.

A weight is named by its layer and its own name, e.g. "stage_2_enlarge/kernel". All variables are there, batch
normalisation's moving averages included. The reader checks every byte range before it uses one; no code of the file's
author ever runs.
"""

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from dcgan_hub.bundle.strict_json import REFETCH, check_names, parse_strict_json, shorten
from dcgan_hub.errors import BundleError

WEIGHTS_FILE = "model.safetensors"
MAXIMUM_HEADER_BYTES = 1_000_000
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}


def named_variables(network: Any) -> dict[str, Any]:
    """The variables of a Keras model by layer name and variable name.

    Not by `variable.path`, since that gets a prefix when a network is built inside another layer's name scope.
    """
    return {f"{layer.name}/{variable.name}": variable for layer in network.layers for variable in layer.variables}


def encode_weights(network: Any, half_precision: bool = False) -> bytes:
    """The content of `model.safetensors`.

    Args:
        network: Keras model with float32 variables.
        half_precision: whether kernels are rounded to F16. Vectors stay F32: they are few, and a small moving variance
            would be rounded to nothing.

    Raises:
        BundleError: if a weight is not finite, or too large for half precision.
    """
    arrays = {}
    for name, variable in named_variables(network).items():
        array = np.asarray(variable.numpy(), dtype=DTYPES["F32"])
        stored = _stored_dtype(array.ndim, "F16" if half_precision else "F32")
        with np.errstate(over="ignore"):  # an overflow is reported below
            arrays[name] = np.ascontiguousarray(array.astype(DTYPES[stored]))
        if not np.isfinite(arrays[name]).all():
            raise BundleError(
                f"Weights must be finite{' and below 65,504 for half precision' if half_precision else ''}. Received: "
                f"{name} with {np.count_nonzero(~np.isfinite(arrays[name]))} other values. Take an earlier checkpoint."
            )
    # Without metadata: its order in the file would be random, and tests compare the file's SHA-256.
    return safetensors.numpy.save(arrays)


def decode_weights(content: bytes, dtype: str, source: str | Path) -> dict[str, np.ndarray]:
    """Reads the content of a `model.safetensors` of a stranger.

    Args:
        content: the whole file, its size already bounded.
        dtype: "F32" or "F16", see `encode_weights`.
        source: what error messages call it.

    Returns:
        Arrays by name, views into `content`, float32 or float16, finite.

    Raises:
        BundleError: if the header is not what the format says, ranges overlap, leave gaps or run out of the file, or a
            value is not finite.
    """
    if len(content) < 8:
        raise _damaged(source, "at least 8 bytes", f"{len(content)} bytes")
    (header_bytes,) = struct.unpack("<Q", content[:8])
    if not 2 <= header_bytes <= min(MAXIMUM_HEADER_BYTES, len(content) - 8):
        raise _damaged(source, "a header that fits the file", f"a header of {header_bytes:,} bytes in {len(content):,}")
    header = parse_strict_json(content[8 : 8 + header_bytes], f"{source}: the header")
    header.pop("__metadata__", None)
    data = memoryview(content)[8 + header_bytes :]
    _check_ranges(
        {name: _checked_entry(name, entry, dtype, source) for name, entry in header.items()}, len(data), source
    )
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        array = np.frombuffer(data[start:end], dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
        if not np.isfinite(array).all():
            raise _damaged(source, "finite weights", f"NaN or infinity in `{shorten(name)}`")
        arrays[name] = array
    return arrays


def assign_weights(network: Any, arrays: dict[str, np.ndarray], source: str | Path) -> None:
    """Copies arrays into the variables of a network.

    Raises:
        BundleError: if names or shapes are not exactly those of the network.
    """
    variables = named_variables(network)
    check_names(arrays, set(variables), source, "the weights")
    for name, variable in variables.items():
        if arrays[name].shape != tuple(variable.shape):
            raise _damaged(source, f"`{name}` of shape {tuple(variable.shape)}", f"shape {arrays[name].shape}")
    for name, variable in variables.items():
        variable.assign(arrays[name].astype(np.float32))


def _stored_dtype(dimensions: int, dtype: str) -> str:
    return "F32" if dimensions < 2 else dtype


def _checked_entry(name: str, entry: Any, dtype: str, source: str | Path) -> tuple[int, int]:
    """The byte range of one weight, after its shape, dtype and length were found to agree."""
    if type(entry) is not dict:
        raise _damaged(source, f"an object for `{shorten(name)}`", shorten(entry))
    check_names(entry, {"dtype", "shape", "data_offsets"}, source, f"`{shorten(name)}`")
    shape, offsets = entry["shape"], entry["data_offsets"]
    for numbers in (shape, offsets):
        if type(numbers) is not list or len(numbers) > 8 or any(type(n) is not int or n < 0 for n in numbers):
            raise _damaged(source, f"short lists of whole numbers for `{shorten(name)}`", shorten(numbers))
    stored = _stored_dtype(len(shape), dtype)
    if entry["dtype"] != stored:
        raise _damaged(source, f"`{shorten(name)}` in {stored}", shorten(entry["dtype"]))
    length = math.prod(shape) * DTYPES[stored].itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != length:
        raise _damaged(source, f"{length:,} bytes for `{shorten(name)}` of shape {shape}", f"data_offsets {offsets}")
    return offsets[0], offsets[1]


def _check_ranges(ranges: dict[str, tuple[int, int]], data_bytes: int, source: str | Path) -> None:
    """Byte ranges must follow each other without gap or overlap and fill the file."""
    position = 0
    for name, (start, end) in sorted(ranges.items(), key=lambda item: item[1]):
        if start != position:
            raise _damaged(source, f"`{shorten(name)}` at byte {position:,} of the data", f"byte {start:,}")
        position = end
    if position != data_bytes:
        raise _damaged(source, f"{position:,} bytes of data", f"{data_bytes:,} bytes")


def _damaged(source: str | Path, wanted: str, received: str) -> BundleError:
    return BundleError(f"{source} must have {wanted}. Received: {received}. {REFETCH}")
