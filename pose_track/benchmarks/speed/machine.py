"""What a figure of speed was measured on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import numpy as np

from pose_track.runtime.machine import processor_name

# what decides how fast a network can be, of what the kernel lists; bfloat16: avx512_bf16 and amx_bf16
_INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")


def describe_computer() -> dict[str, Any]:
    """Its processor and what that has for networks, the cores there are to use, GPUs, system and versions."""
    return {
        "processor": processor_name(),
        "instructions": _instructions(),
        "cores": num_cores(),
        "gpus": _gpu_names(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def num_cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_words() -> str:
    """The same in a line, as much as a table needs."""
    found = describe_computer()
    parts = [found["processor"], f"{found['cores']} cores", " ".join(found["instructions"]), *found["gpus"]]
    return ", ".join(part for part in parts if part)


def _instructions() -> list[str]:
    """Those of the list above, where the system is Linux on x86; elsewhere none are known."""
    info = Path("/proc/cpuinfo")
    flags = re.search(r"^flags\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    there = set(flags[1].split()) if flags else set[str]()
    return [name for name in _INSTRUCTIONS if name in there]


def _gpu_names() -> list[str]:
    """As NVIDIA's driver on Linux tells them, without PyTorch."""
    files = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    names = [re.search(r"^Model:\s*(.+)$", file.read_text(), re.MULTILINE) for file in files]
    return [name[1].strip() for name in names if name]
