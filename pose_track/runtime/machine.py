"""What a figure of speed was measured on, in words."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def device_name(device: torch.device) -> str:
    """Its kind and what it is called: "cuda: NVIDIA A100-SXM4-40GB"."""
    if device.type != "cuda":
        return f"{device.type}: {processor_name()}"
    import torch  # evaluation is measured where there is none

    return f"{device.type}: {torch.cuda.get_device_name(device)}"


def processor_name() -> str:
    """The processor's name; on Linux, where Python does not tell it, from the kernel."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()
