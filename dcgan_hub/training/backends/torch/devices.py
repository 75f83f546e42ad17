"""The hardware that Keras trains on by PyTorch, and what its errors mean."""

import os

import keras
import torch

from dcgan_hub.errors import SettingsError, shorten
from dcgan_hub.networks.layer_types import STOCK, LayerKinds
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.distributed.cluster import VARIABLE, Cluster, Layout

NAME, TITLE, VERSION = "torch", "PyTorch", torch.__version__
SYSTEM_ERRORS: tuple[type[BaseException], ...] = ()  # besides those of Python
OTHER_MEMORY_ERRORS = ("out of memory", "not enough memory")  # of Apple's GPUs, and of processors


def device() -> torch.device:
    """The device of new tensors: a GPU if there is one, unless KERAS_TORCH_DEVICE names another device.

    Raises SettingsError if that is not there.
    """
    try:
        return keras.ops.zeros(()).device
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(
            "KERAS_TORCH_DEVICE must name a device that PyTorch can use, such as cuda, mps, xpu or cpu. Received: "
            f"{shorten(os.environ.get('KERAS_TORCH_DEVICE', ''))} ({shorten(str(error))}). Unset it, so that Keras "
            "chooses."
        ) from error


def gpu_names() -> list[str]:
    """The GPU that trains; a further one is not used."""
    kind = device().type
    if kind == "cpu":
        return []
    return [getattr(torch, kind).get_device_name(device())] if kind in ("cuda", "xpu") else [f"GPU ({kind})"]


def have_bfloat16() -> bool:
    """Whether the GPU computes in bfloat16 by itself."""
    kind = device().type
    if kind == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return kind == "xpu"


def layer_kinds() -> LayerKinds:
    """The layer classes of networks in training: Keras' own."""
    return STOCK


def compiles() -> bool:
    """No: `torch.compile` needs a C++ compiler, and takes minutes for the branches of a step."""
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether networks and batch do not fit into memory."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OTHER_MEMORY_ERRORS)


def is_lost_worker(error: BaseException) -> bool:
    """No: there are none."""
    return False
