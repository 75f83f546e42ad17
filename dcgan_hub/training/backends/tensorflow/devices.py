"""The hardware that TensorFlow sees, and what its errors mean."""

import os
from typing import Any

import tensorflow as tf

from dcgan_hub.keras_startup import ONEDNN_SWITCH, onednn_is_on
from dcgan_hub.networks.layer_types import LayerKinds
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.distributed.cluster import Cluster, Layout
from dcgan_hub.training.distributed.cluster import lay_out as lay_out_devices
from dcgan_hub.training.layers.convolution import Convolution, TransposedConvolution
from dcgan_hub.training.layers.normalization import FusedBatchNormalization

NAME, TITLE, VERSION = "tensorflow", "TensorFlow", tf.__version__
SYSTEM_ERRORS = (tf.errors.OpError,)
COLLECTIVE = "Collective ops is aborted by"  # TensorFlow's message if a worker is lost
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


def gpu_names() -> list[str]:
    """The GPUs, by the names that their makers give them."""
    return [details.get("device_name", "GPU") for details in _gpu_details()]


def have_bfloat16() -> bool:
    """Whether all GPUs, of which there is one, compute in bfloat16: compute capability 8 and higher."""
    capabilities = [details.get("compute_capability", (0, 0)) for details in _gpu_details()]
    return bool(capabilities) and min(capabilities) >= (8, 0)


def _gpu_details() -> list[dict[str, Any]]:
    return [tf.config.experimental.get_device_details(device) for device in tf.config.list_physical_devices("GPU")]


def layer_kinds() -> LayerKinds:
    """The layer classes whose forward and backward pass are fastest on this machine."""
    if gpu_names():  # whose convolutions do not have the problems that ours solve
        return LayerKinds(normalization=FusedBatchNormalization)
    return LayerKinds(Convolution, TransposedConvolution, FusedBatchNormalization)


def compiles() -> bool:
    """Whether XLA works: for GPUs it needs parts of CUDA that can be missing, which shows only when it compiles."""
    try:
        tf.function(tf.tanh, jit_compile=True)(tf.ones(2))
    except tf.errors.OpError:
        return False
    return True


def describe_kernels(vector_units: str) -> str:
    """The compute kernels of the processor with these vector units."""
    if onednn_is_on():
        limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
        return f"oneDNN, {vector_units}" + (f" used as {limit}" if limit else "")
    return f"{'Eigen' if os.environ.get(ONEDNN_SWITCH) == '0' else 'as TensorFlow chooses'}, {vector_units}"


def lay_out(training: TrainingSettings, cluster: Cluster | None) -> Layout:
    """Which devices train; see `cluster.lay_out`."""
    return lay_out_devices(training, len(gpu_names()), cluster)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether networks and batch do not fit into memory."""
    return isinstance(error, tf.errors.ResourceExhaustedError)


def is_lost_worker(error: BaseException) -> bool:
    """Whether another worker no longer responds."""
    return isinstance(error, tf.errors.OpError) and (isinstance(error, LOST) or COLLECTIVE in str(error))


def describe_lost_worker(error: BaseException) -> str:
    """TensorFlow's reason, the line of its message that has one."""
    lines = [line for line in str(error).splitlines() if COLLECTIVE in line]
    return (lines or [str(error)])[0].partition(COLLECTIVE)[2].strip(" :.") or str(error)
