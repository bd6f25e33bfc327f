"""The processor and the memory that a program runs on."""

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


def resident_bytes(process: int) -> int | None:
    """The resident memory of a process; None where the system has no /proc, and for a process that has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def available_bytes() -> int | None:
    """The memory that programs can still use, at most the limit of the control group that this process is in; None
    where the system does not tell."""
    match = re.search(r"^MemAvailable:\s+(\d+) kB$", _read(Path("/proc/meminfo")), re.MULTILINE)
    if match is None:
        return None
    limit = _read(Path("/sys/fs/cgroup/memory.max")).strip()
    machine = 1024 * int(match[1])
    return min(machine, int(limit)) if limit.isdigit() else machine


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _cpuinfo(field: str) -> str:
    """A field of the first processor in the kernel's list; "" where there is none."""
    match = re.search(rf"^{field}\s*: (.+)$", _read(_CPUINFO), re.MULTILINE)
    return match[1] if match else ""
