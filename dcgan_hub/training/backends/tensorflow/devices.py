"""The hardware that TensorFlow sees."""

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
NATIVE_SINCE = {"bfloat16": (8, 0), "float16": (7, 0)}  # NVIDIA's compute capability


def gpu_names() -> list[str]:
    """The GPUs, by the names that their makers give them."""
    return [details.get("device_name", "GPU") for details in _gpu_details()]


def native_precision() -> str:
    """The number format in which all GPUs, of which there is one, compute fastest by themselves."""
    capability = min(details.get("compute_capability", (0, 0)) for details in _gpu_details())
    return next((name for name, needed in NATIVE_SINCE.items() if capability >= needed), "float32")


def computes_in(precision: str) -> bool:
    """Whether the device has convolutions and their gradients in a number format: it tries one."""
    try:
        maps = tf.ones((1, 4, 4, 4), precision)
        with tf.GradientTape() as tape:
            tape.watch(maps)
            result = tf.nn.conv2d(maps, maps, 1, "SAME")
        tape.gradient(result, maps)
    except (tf.errors.OpError, TypeError):
        return False
    return True


def _gpu_details() -> list[dict[str, Any]]:
    return [tf.config.experimental.get_device_details(device) for device in tf.config.list_physical_devices("GPU")]


def make_deterministic() -> None:
    """Asks for kernels with the same result each time, until the process ends."""
    tf.config.experimental.enable_op_determinism()


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
