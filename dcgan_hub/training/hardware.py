"""Detects the hardware: its description, and which number format it multiplies fast."""

import os
import platform
from pathlib import Path
from typing import Any

from dcgan_hub.keras_startup import import_keras_quietly
from dcgan_hub.settings import TrainingSettings
from dcgan_hub.training.distributed.cluster import Cluster, Layout

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
    has_bfloat16 = _devices().have_bfloat16() if has_gpu() else _processor_has_fast_bfloat16()
    return "bfloat16" if has_bfloat16 else "float32"


def policy_name(precision: str) -> str:
    """The Keras dtype policy for a precision: layers compute in it, weights are float32."""
    return {"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision]


def describe_hardware() -> dict[str, Any]:
    """Describes processor, cores and GPUs for the run's record."""
    return {
        "processor": _processor_field("model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpus": _devices().gpu_names(),
        "system": platform.system(),
        "kernels": _describe_kernels(),
    }


def _describe_kernels() -> str:
    """The compute kernels, e.g. "oneDNN, AVX2": a resume is bit-exact if these and the number of cores are the same."""
    if has_gpu():
        return "GPU"
    flags = _processor_field("flags").split()
    units = next((name for flag, name in VECTOR_UNITS.items() if flag in flags), platform.machine())
    return _devices().describe_kernels(units)


def has_gpu() -> bool:
    """Whether Keras' backend sees a GPU."""
    return bool(_devices().gpu_names())


def lay_out(training: TrainingSettings, cluster: Cluster | None) -> Layout:
    """Which devices train with these settings; raises SettingsError if there are not so many, or cannot be."""
    return _devices().lay_out(training, cluster)


def _devices() -> Any:
    import_keras_quietly()
    from dcgan_hub.training.backends import devices

    return devices


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
