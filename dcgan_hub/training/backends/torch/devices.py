"""The hardware that Keras trains on by PyTorch."""

import functools
import os

import keras
import numpy as np
import torch

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.layer_types import LayerKinds
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.backends.torch.layers import Convolution, FusedBatchNormalization, TransposedConvolution
from dcgan_hub.training.distributed.cluster import VARIABLE, Cluster, Layout

NAME, TITLE, VERSION = "torch", "PyTorch", torch.__version__
TENSOR_CORES = (7, 0)  # compute capability of NVIDIA's Volta, the first that gains time by float16


@functools.cache
def device() -> torch.device:
    """The device of new tensors: a GPU if there is one, unless KERAS_TORCH_DEVICE names another device.

    Raises SettingsError if that is not there.
    """
    try:
        tensor = keras.ops.zeros(())
        tensor.item()  # the device "meta" has no values
        return tensor.device
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(
            "KERAS_TORCH_DEVICE must name a device that PyTorch can use, such as cuda, mps, xpu or cpu. Received: "
            f"{shorten(os.environ.get('KERAS_TORCH_DEVICE', ''))} ({shorten(str(error))}). Unset it, so that Keras "
            "chooses."
        ) from error


def upload(array: np.ndarray) -> torch.Tensor:
    """The array on the device. From memory that is not pinned, CUDA copies only once all before is computed."""
    tensor, place = torch.from_numpy(array), device()
    return tensor.pin_memory().to(place, non_blocking=True) if place.type == "cuda" else tensor.to(place)


def gpu_names() -> list[str]:
    """The GPU that trains; a further one is not used."""
    kind = device().type
    if kind == "cpu":
        return []
    return [getattr(torch, kind).get_device_name(device())] if kind in ("cuda", "xpu") else [f"GPU ({kind})"]


def native_precision() -> str:
    """The number format in which the GPU computes fastest by itself."""
    kind = device().type
    if kind == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return "bfloat16"
        return "float16" if torch.cuda.get_device_capability() >= TENSOR_CORES else "float32"
    return {"xpu": "bfloat16", "mps": "float16"}.get(kind, "float32")


def computes_in(precision: str) -> bool:
    """Whether the device has convolutions and their gradients in a number format: it tries one."""
    try:
        with torch.enable_grad():
            maps = torch.ones(1, 4, 4, 4, dtype=getattr(torch, precision), device=device(), requires_grad=True)
            small = torch.nn.functional.conv2d(maps, maps)
            torch.nn.functional.conv_transpose2d(small, maps).sum().backward()
    except (RuntimeError, TypeError):
        return False
    return True


def make_deterministic() -> None:
    """Asks for kernels with the same result each time; operations that have none raise an error, see below."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it before its first matrix product
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # takes time, and no result depends on it


def layer_kinds() -> LayerKinds:
    """The layer classes of networks in training, which copy no maps."""
    return LayerKinds(Convolution, TransposedConvolution, FusedBatchNormalization)


def compiles() -> bool:
    """Never: `torch.compile` needs a C++ compiler, and takes minutes for the branches of a step."""
    return False


def describe_kernels(vector_units: str) -> str:
    """The compute kernels of the processor with these vector units."""
    return f"PyTorch, {vector_units}"


def lay_out(training: TrainingSettings, cluster: Cluster | None) -> Layout:
    """One device of this machine. Raises SettingsError if more are wanted, or it is not there."""
    if cluster is not None or training.devices not in ("auto", "1"):
        received = VARIABLE if cluster else f"devices={training.devices}"
        raise SettingsError(
            f"Several devices or machines need TensorFlow. Received: backend=torch with {received}. Nearest valid: "
            "devices=1 on one machine, or backend=tensorflow."
        )
    device()  # refuses one that is not there
    return Layout()
