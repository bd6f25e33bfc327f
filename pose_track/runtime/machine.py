"""What a figure of speed was measured on, in words."""

from __future__ import annotations

import platform
import re
from pathlib import Path


def device_name(device: str) -> str:
    """The kind of a device (see `resolve_device`) and what it is called: "cuda: NVIDIA A100-SXM4-40GB"."""
    kind = device.partition(":")[0]
    if kind != "cuda":
        return f"{kind}: {processor_name()}"
    import torch  # evaluation is measured where there is none

    return f"{kind}: {torch.cuda.get_device_name(device)}"


def processor_name() -> str:
    """The processor's name; on Linux, where Python does not tell it, from the kernel."""
    return _told("model name") or platform.processor() or platform.machine()


def processor_flags() -> set[str]:
    """What it can do, such as "avx2" or "amx_bf16", in the words of Linux's kernel; elsewhere nothing is known."""
    return set(_told("flags").split())


def _told(what: str) -> str:
    """What the kernel tells of the first processor; "" where it tells nothing."""
    info = Path("/proc/cpuinfo")
    lines = re.findall(rf"^{what}\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return lines[0] if lines else ""
