"""Processes, devices and precision of a run, through Lightning Fabric."""

from __future__ import annotations

import os

import cv2
import torch
from lightning_fabric import Fabric

from pose_track.runtime.device import resolve_device
from pose_track.training.config import HardwareSettings


def launch(hardware: HardwareSettings) -> Fabric:
    """Start the processes of a run; under torchrun or `fabric run`, join those that it started.

    Raises ValueError if the device is not available.
    """
    if hardware.threads:
        torch.set_num_threads(hardware.threads)
        cv2.setNumThreads(hardware.threads)
    kind = resolve_device(hardware.device).partition(":")[0]
    torch.backends.cudnn.benchmark = (
        kind == "cuda"
    )  # all batches have one size, so that searching for the fastest convolutions pays
    precision = hardware.precision
    if precision == "auto":
        precision = "bf16-mixed" if kind == "cuda" else "32-true"
    if "LT_CLI_USED" in os.environ:  # `fabric run` sets device, processes and precision itself
        fabric = Fabric()
    else:
        devices, nodes = num_processes(hardware, kind)
        strategy = "ddp" if devices * nodes > 1 else "auto"
        fabric = Fabric(accelerator=kind, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)
    fabric.launch()
    return fabric


def is_first_process() -> bool:
    """Whether this process, before `launch`, is the first of its run: torchrun and Fabric tell those that they start
    which one they are."""
    ranks = ("RANK",) if "RANK" in os.environ else ("LOCAL_RANK", "NODE_RANK")
    return all(os.environ.get(rank, "0") == "0" for rank in ranks)


def num_processes(hardware: HardwareSettings, kind: str) -> tuple[int, int]:
    """The number of processes on each machine, and the number of machines. kind: "cpu" or "cuda"."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        return local, int(os.environ["WORLD_SIZE"]) // local
    available = torch.cuda.device_count() if kind == "cuda" else 1
    return hardware.devices or available, hardware.nodes
