"""Processes, devices and precision of a run, by Lightning Fabric."""

from __future__ import annotations

import os

import cv2
import torch
from lightning_fabric import Fabric

from pose_track.runtime.device import resolve_device
from pose_track.training.config import Hardware


def launch(hardware: Hardware) -> Fabric:
    """The processes of a run, started; under torchrun or `fabric run` those that it started.

    Raises ValueError where the device is not there.
    """
    if hardware.threads:
        torch.set_num_threads(hardware.threads)
        cv2.setNumThreads(hardware.threads)
    kind = resolve_device(hardware.device).partition(":")[0]
    torch.backends.cudnn.benchmark = kind == "cuda"  # all batches are of one size: the fastest convolutions pay
    precision = hardware.precision
    if precision == "auto":
        precision = "bf16-mixed" if kind == "cuda" else "32-true"
    if "LT_CLI_USED" in os.environ:  # `fabric run` hands everything but this over itself
        fabric = Fabric()
    else:
        devices, nodes = processes(hardware, kind)
        strategy = "ddp" if devices * nodes > 1 else "auto"
        fabric = Fabric(accelerator=kind, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)
    fabric.launch()
    return fabric


def processes(hardware: Hardware, kind: str) -> tuple[int, int]:
    """How many processes on a machine, and how many machines."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        local = int(os.environ["LOCAL_WORLD_SIZE"])
        return local, int(os.environ["WORLD_SIZE"]) // local
    every = torch.cuda.device_count() if kind == "cuda" else 1
    return hardware.devices or every, hardware.nodes
