from __future__ import annotations

from typing import Any

import pytest
import torch

from pose_track.training.config import Hardware
from pose_track.training.launch import launch, processes


def test_one_process_on_the_cpu() -> None:
    threads = torch.get_num_threads()
    try:
        fabric = launch(Hardware(device="cpu", threads=1))
        assert torch.get_num_threads() == 1
        assert (fabric.world_size, fabric.device.type, fabric.strategy.precision.precision) == (1, "cpu", "32-true")
    finally:
        torch.set_num_threads(threads)


def test_precision_is_as_asked() -> None:
    fabric = launch(Hardware(device="cpu", precision="bf16-mixed"))
    assert fabric.strategy.precision.precision == "bf16-mixed"


@pytest.mark.parametrize(
    ("hardware", "kind", "found"),
    [
        (Hardware(), "cpu", (1, 1)),
        (Hardware(), "cuda", (4, 1)),  # all there are
        (Hardware(devices=2), "cuda", (2, 1)),
        (Hardware(devices=2, nodes=3), "cpu", (2, 3)),
    ],
)
def test_processes_without_a_launcher(
    monkeypatch: pytest.MonkeyPatch, hardware: Hardware, kind: str, found: tuple[int, int]
) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert processes(hardware, kind) == found


def test_a_launcher_decides_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "6"}.items():
        monkeypatch.setenv(name, value)
    assert processes(Hardware(devices=1), "cuda") == (2, 3)


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="finds no CUDA device here"):
        launch(Hardware(device="cuda"))


def test_fabric_run_decides_but_for_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []

    class Stub:
        def __init__(self, **options: Any) -> None:
            made.append(options)

        def launch(self) -> None:
            made.append({"launched": True})

    monkeypatch.setattr("pose_track.training.launch.Fabric", Stub)
    monkeypatch.setenv("LT_CLI_USED", "1")
    launch(Hardware(device="cpu", devices=2))
    assert made == [{}, {"launched": True}]
