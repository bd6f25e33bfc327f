"""The processor that a program runs on."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")  # Linux only


def processor_name() -> str:
    """The processor's name, from Linux's kernel; elsewhere from Python, which often knows only the architecture."""
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def processor_flags() -> set[str]:
    """Instruction sets of the processor, such as "avx2" or "amx_bf16", as Linux's kernel names them; empty where
    there is no such list."""
    return set(_cpuinfo("flags").split())


def usable_cores() -> int:
    """How many logical cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpuinfo(field: str) -> str:
    """A field of the first processor in the kernel's list; "" where there is none."""
    text = _CPUINFO.read_text(encoding="utf-8", errors="replace") if _CPUINFO.exists() else ""
    match = re.search(rf"^{field}\s*: (.+)$", text, re.MULTILINE)
    return match[1] if match else ""
