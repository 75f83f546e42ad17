"""Detects the hardware: its description, and which number format it multiplies fast."""

import os
import platform
from pathlib import Path
from typing import Any

from dcgan_hub.keras_startup import ONEDNN_SWITCH, import_keras_quietly, onednn_is_on

# Flags of /proc/cpuinfo, newest first; oneDNN has separate kernels for each.
VECTOR_UNITS = {
    "amx_tile": "AMX",
    "avx512_bf16": "AVX512-BF16",
    "avx512bw": "AVX-512",
    "avx2": "AVX2",
    "avx": "AVX",
    "sse4_1": "SSE 4.1",
}


def resolve_precision(precision: str) -> str:
    """Resolves "auto" to "float32" or "bfloat16"; other values are returned unchanged.

    bfloat16 is chosen for GPUs that support it (compute capability 8 and higher), for CPUs with AMX, and for AMD CPUs
    with AVX512-BF16. Intel CPUs with AVX512-BF16 but without AMX use float32, since bfloat16 convolutions took 1.2 to
    2.3 times as long there (docs/decisions/0003-precision.md).
    """
    if precision != "auto":
        return precision
    return "bfloat16" if _gpu_has_bfloat16() or _processor_has_fast_bfloat16() else "float32"


def policy_name(precision: str) -> str:
    """The Keras dtype policy for a precision: layers compute in it, weights are float32."""
    return {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]


def describe_hardware() -> dict[str, Any]:
    """Describes processor, cores and GPUs for the run's record."""
    return {
        "processor": _processor_field("model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpus": [details.get("device_name", "GPU") for details in _gpu_details()],
        "system": platform.system(),
        "kernels": _describe_kernels(),
    }


def _describe_kernels() -> str:
    """The compute kernels, e.g. "oneDNN, AVX2": a resume is bit-exact if these and the number of cores are the same."""
    if has_gpu():
        return "GPU"
    flags = _processor_field("flags").split()
    units = next((name for flag, name in VECTOR_UNITS.items() if flag in flags), platform.machine())
    if onednn_is_on():
        limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
        return f"oneDNN, {units}" + (f" used as {limit}" if limit else "")
    return f"{'Eigen' if os.environ.get(ONEDNN_SWITCH) == '0' else 'as TensorFlow chooses'}, {units}"


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return gpu_count() > 0


def xla_compiles() -> bool:
    """Whether XLA works: for GPUs it needs parts of CUDA that can be missing, which shows only when it compiles."""
    import_keras_quietly()
    import tensorflow as tf

    try:
        tf.function(tf.tanh, jit_compile=True)(tf.ones(2))
    except tf.errors.OpError:
        return False
    return True


def gpu_count() -> int:
    """Number of GPUs that TensorFlow sees."""
    return len(_gpu_details())


def _gpu_details() -> list[dict[str, Any]]:
    import_keras_quietly()
    import tensorflow as tf

    return [tf.config.experimental.get_device_details(device) for device in tf.config.list_physical_devices("GPU")]


def _gpu_has_bfloat16() -> bool:
    capabilities = [details.get("compute_capability", (0, 0)) for details in _gpu_details()]
    return bool(capabilities) and min(capabilities) >= (8, 0)


def _processor_has_fast_bfloat16() -> bool:
    flags = _processor_field("flags").split()
    return "amx_bf16" in flags or ("avx512_bf16" in flags and _processor_field("vendor_id") == "AuthenticAMD")


def _processor_field(name: str) -> str:
    """A field of Linux' /proc/cpuinfo; empty on other systems, where float32 is the safe choice."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")
