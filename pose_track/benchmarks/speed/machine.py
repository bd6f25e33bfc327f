"""Description of the machine that a measurement ran on."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

from pose_track.benchmarks.versions import library_versions
from pose_track.utils.machine import processor_flags, processor_name, usable_cores

# Instruction sets that limit the speed of a network, by their names in Linux. avx512_bf16 and amx_bf16: bfloat16.
_INSTRUCTION_SETS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")
_LIBRARIES = ("numpy", "torch", "openvino", "onnxruntime")
_NVIDIA_GPUS = Path("/proc/driver/nvidia/gpus")


def describe_machine() -> dict[str, Any]:
    """Processor and its instruction sets, usable cores, GPUs, system, and versions of Python and the libraries.

    No library is imported for its version.
    """
    flags = processor_flags()
    return {
        "processor": processor_name(),
        "instruction_sets": [name for name in _INSTRUCTION_SETS if name in flags],
        "cores": usable_cores(),
        "gpus": _gpu_names(),
        "system": platform.platform(),
        "versions": {"python": platform.python_version(), **library_versions(_LIBRARIES)},
    }


def machine_summary() -> str:
    """One line for a table: processor, cores, instruction sets and GPUs."""
    machine = describe_machine()
    parts = [machine["processor"], f"{machine['cores']} cores", " ".join(machine["instruction_sets"])]
    return ", ".join(part for part in [*parts, *machine["gpus"]] if part)


def _gpu_names() -> list[str]:
    """Names of NVIDIA GPUs as their Linux driver lists them; PyTorch is not needed."""
    files = sorted(_NVIDIA_GPUS.glob("*/information"))
    names = [re.search(r"^Model:\s*(.+)$", file.read_text(), re.MULTILINE) for file in files]
    return [name[1].strip() for name in names if name]
