"""`model.safetensors`: the generator's weights, written deterministically and read as untrusted input.

A weight is named by its layer and variable, e.g. "stage_2_enlarge/kernel". All variables are included, also the moving
averages of batch normalization. Nothing in the file can run code.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from dcgan_hub.bundle.strict_json import REFETCH, check_names, parse_strict_json, shorten_path
from dcgan_hub.errors import BundleError, shorten
from dcgan_hub.network_settings import CLASS_EMBEDDING, CLASS_EMBEDDING_DIM, PALETTE
from dcgan_hub.settings import NetworkSettings

WEIGHTS_FILE = "model.safetensors"
LENGTH_BYTES = 8  # at the start of the file: the length of the header
MAX_HEADER_BYTES = 1_000_000
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}
STATISTICS = ("moving_mean", "moving_variance")
NORMALIZATION = ("gamma", "beta", *STATISTICS)

Shapes = dict[str, tuple[int, ...]]  # of weights, by name


def named_variables(network: Any) -> dict[str, Any]:
    """The variables of a Keras model by layer name and variable name.

    Not by `variable.path`, since that gets a prefix when a network is built inside another layer's name scope.
    """
    return {f"{layer.name}/{variable.name}": variable for layer in network.layers for variable in layer.variables}


def encode_weights(network: Any, half_precision: bool = False) -> bytes:
    """The content of `model.safetensors`.

    Half precision rounds kernels to F16. Vectors stay F32: they are few, and a small moving variance would be rounded
    to 0.

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
                f"{name} with {np.count_nonzero(~np.isfinite(arrays[name]))} other values. Use an earlier checkpoint."
            )
    # No metadata: their order in the file would be random, and the SHA-256 must be reproducible.
    return safetensors.numpy.save(arrays)


def weight_shapes(settings: NetworkSettings) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights of a network, computed without building it."""
    sizes, widths, kernel = settings.sizes, settings.widths, settings.kernel_size
    normalized, transposed = settings.generator_normalization != "none", settings.upsampling == "transposed"
    base = math.prod(sizes[-1]) * widths[-1]
    shapes: dict[str, tuple[int, ...]] = {"project/kernel": (settings.conditioned_dim, base)}
    if settings.classes:
        shapes[f"{CLASS_EMBEDDING}/embeddings"] = (settings.classes, CLASS_EMBEDDING_DIM)
    if normalized:
        shapes |= {f"project_normalize/{name}": (widths[-1],) for name in NORMALIZATION}
    else:
        shapes["project/bias"] = (base,)
    for stage in range(len(widths), 0, -1):
        inputs, outputs = widths[stage - 1], widths[stage - 2] if stage > 1 else settings.output_channels
        layer = f"stage_{stage}_enlarge" if transposed else f"stage_{stage}_smooth"
        shapes[f"{layer}/kernel"] = (kernel, kernel, *((outputs, inputs) if transposed else (inputs, outputs)))
        if normalized and stage > 1:
            shapes |= _normalization_shapes(settings, f"stage_{stage}", outputs)
        else:
            shapes[f"{layer}/bias"] = (outputs,)
    if settings.palette_size:
        colors = settings.palette_size * settings.channels
        shapes |= {f"{PALETTE}/kernel": (settings.conditioned_dim, colors), f"{PALETTE}/bias": (colors,)}
    return shapes


def _normalization_shapes(settings: NetworkSettings, name: str, channels: int) -> dict[str, tuple[int, ...]]:
    """Weights that normalize one stage: statistics, and scale and offset or the dense layers that compute them."""
    if settings.generator_normalization == "batch":
        return {f"{name}_normalize/{variable}": (channels,) for variable in NORMALIZATION}
    shapes: dict[str, tuple[int, ...]] = {f"{name}_normalize/{variable}": (channels,) for variable in STATISTICS}
    for modulation in ("scale", "shift"):
        shapes[f"{name}_{modulation}/kernel"] = (settings.conditioned_dim, channels)
        shapes[f"{name}_{modulation}/bias"] = (channels,)
    return shapes


def weights_file_bytes(settings: NetworkSettings, dtype: str) -> tuple[int, int]:
    """The minimum and maximum size of the weights file of a network; the header's length varies."""
    return file_bytes(weight_shapes(settings), dtype)


def file_bytes(shapes: Shapes, dtype: str) -> tuple[int, int]:
    """The minimum and maximum size of a file of weights of these shapes."""
    data = sum(math.prod(shape) * DTYPES[_stored_dtype(len(shape), dtype)].itemsize for shape in shapes.values())
    return LENGTH_BYTES + data, LENGTH_BYTES + MAX_HEADER_BYTES + data


def decode_weights(content: bytes, settings: NetworkSettings, dtype: str, source: str | Path) -> dict[str, np.ndarray]:
    """Decodes the content of an untrusted `model.safetensors` of the network of `settings`; see `decode_arrays`."""
    return decode_arrays(content, weight_shapes(settings), dtype, source)


def decode_arrays(content: bytes, shapes: Shapes, dtype: str, source: str | Path) -> dict[str, np.ndarray]:
    """Decodes the content of an untrusted file of weights, whose size is already limited.

    Returns:
        Finite float32 or float16 arrays by name; names and shapes are those of `shapes`.

    Raises:
        BundleError: if the header is malformed, names or shapes are not those expected, ranges overlap, leave gaps or
            exceed the file, or a value is not finite.
    """
    header_bytes = int.from_bytes(content[:LENGTH_BYTES], "little")
    if not 0 < header_bytes <= min(MAX_HEADER_BYTES, len(content) - LENGTH_BYTES):
        raise _damaged(source, "a header that fits the file", f"a header of {header_bytes:,} bytes in {len(content):,}")
    header = content[LENGTH_BYTES : LENGTH_BYTES + header_bytes]
    # safetensors ignores duplicate names and unknown fields, so the names are checked here.
    entries = parse_strict_json(header, f"{shorten_path(source)}: the header")
    entries.pop("__metadata__", None)  # other writers may add metadata, which nothing here uses
    check_names(entries, set(shapes), source, "the weights")
    for name, shape in shapes.items():
        _check_entry(name, entries[name], shape, dtype, source)
    try:
        tensors = dict(safetensors.deserialize(content))
    except safetensors.SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing: ")
        raise _damaged(source, "a valid safetensors header", shorten(reason, 200)) from error
    arrays = {}
    for name, shape in shapes.items():
        values = np.frombuffer(tensors[name]["data"], DTYPES[_stored_dtype(len(shape), dtype)])
        if not _all_finite(values):
            raise _damaged(source, "finite weights", f"NaN or infinity in `{name}`")
        arrays[name] = values.reshape(shape)
    return arrays


def assign_weights(network: Any, arrays: dict[str, np.ndarray], source: str | Path) -> None:
    """Copies arrays into a network's variables; raises BundleError unless names and shapes match exactly."""
    variables = named_variables(network)
    check_names(arrays, set(variables), source, "the weights")
    for name, variable in variables.items():
        if arrays[name].shape != tuple(variable.shape):
            raise _damaged(source, f"`{name}` of shape {tuple(variable.shape)}", f"shape {arrays[name].shape}")
    for name, variable in variables.items():
        variable.assign(np.asarray(arrays[name], np.float32))


def _stored_dtype(dimensions: int, dtype: str) -> str:
    return "F32" if dimensions < 2 else dtype


def _check_entry(name: str, entry: Any, shape: tuple[int, ...], dtype: str, source: str | Path) -> None:
    """Checks dtype and shape in a weight's header entry; safetensors checks the rest."""
    check_names(entry if isinstance(entry, dict) else {}, {"dtype", "shape", "data_offsets"}, source, f"`{name}`")
    stored = _stored_dtype(len(shape), dtype)
    if entry["dtype"] != stored:
        raise _damaged(source, f"`{name}` in {stored}", shorten(entry["dtype"]))
    if entry["shape"] != list(shape):
        raise _damaged(source, f"`{name}` of shape {list(shape)}", f"shape {shorten(entry['shape'])}")


def _all_finite(values: np.ndarray) -> bool:
    # In slices, since isfinite needs a byte for every value.
    return all(np.isfinite(values[start : start + 2**20]).all() for start in range(0, len(values), 2**20))


def _damaged(source: str | Path, wanted: str, received: str) -> BundleError:
    return BundleError(f"{shorten_path(source)} must have {wanted}. Received: {received}. {REFETCH}")
