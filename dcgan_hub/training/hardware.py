"""Detects the hardware: its description, and which number format it multiplies fast."""

import os
import platform
from pathlib import Path
from typing import Any

from dcgan_hub.errors import SettingsError
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
KERNEL_LIMIT = "ONEDNN_MAX_CPU_ISA"


def resolve_precision(precision: str, replicas: int = 1) -> str:
    """Resolves "auto"; other values are returned unchanged.

    On a GPU "auto" is the number format in which it computes natively: bfloat16 (compute capability 8 and higher), else
    float16 on a single one, else float32. It is bfloat16 for CPUs with AMX, and for AMD CPUs with AVX512-BF16, and
    float32 for others: on Intel CPUs with AVX512-BF16 but without AMX bfloat16 convolutions took 1.2 to 2.3 times as
    long (docs/decisions/0003-precision.md).

    Raises:
        SettingsError: if the device does not compute in the number format, or several would in float16.
    """
    if precision != "auto":
        _refuse_lacking(precision, replicas)
        return precision
    if not has_gpu():
        return "bfloat16" if _processor_has_fast_bfloat16() else "float32"
    native = _devices().native_precision()
    usable = _devices().computes_in(native) and not (native == "float16" and replicas > 1)
    return native if usable else "float32"


def _refuse_lacking(precision: str, replicas: int) -> None:
    if precision == "float16" and replicas > 1:
        raise SettingsError(
            f"float16 is for a single device. Received: precision=float16 on {replicas}. Nearest valid: devices=1, or "
            "precision=float32."
        )
    if precision == "bfloat16" and not has_gpu() and _bfloat16_crashes():
        raise SettingsError(
            "bfloat16 needs AVX-512 kernels of oneDNN on this processor, or TensorFlow crashes. Received: "
            f"precision=bfloat16 with {KERNEL_LIMIT}={os.environ[KERNEL_LIMIT]}. Nearest valid: precision=float32."
        )
    if precision != "float32" and not _devices().computes_in(precision):
        device = ", ".join(_devices().gpu_names()) or "this processor"
        raise SettingsError(
            f"`precision` must be a number format in which the device computes. Received: precision={precision} on "
            f"{device} by {_devices().TITLE}. Nearest valid: precision=float32."
        )


def policy_name(precision: str) -> str:
    """The Keras dtype policy for a precision: layers compute in it, weights are float32."""
    return precision if precision == "float32" else f"mixed_{precision}"


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
    if not _onednn_may_use("BF16", "FP16", "AMX"):
        return False
    return "amx_bf16" in flags or ("avx512_bf16" in flags and _processor_field("vendor_id") == "AuthenticAMD")


def _bfloat16_crashes() -> bool:
    """TensorFlow 2.21 looks at the processor's flags only, and oneDNN's kernels for AVX2 and older have no bfloat16."""
    has_wide_units = "avx512f" in _processor_field("flags").split()
    return has_wide_units and _devices().NAME == "tensorflow" and not _onednn_may_use("AVX512")


def _onednn_may_use(*kernels: str) -> bool:
    """Whether the limit that users may set for oneDNN, such as AVX2, allows some kernels, by parts of their names."""
    limit = os.environ.get(KERNEL_LIMIT, "ALL").upper()
    return any(name in limit for name in (*kernels, "AVX10", "ALL", "DEFAULT"))


def _processor_field(name: str) -> str:
    """A field of Linux' /proc/cpuinfo; empty on other systems, where float32 is the safe choice."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == name), "")
