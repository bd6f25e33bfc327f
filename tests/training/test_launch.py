from __future__ import annotations

from typing import Any

import pytest
import torch

from pose_track.training.config import HardwareSettings
from pose_track.training.launch import is_first_process, launch, num_processes


def test_one_process_on_the_cpu() -> None:
    threads = torch.get_num_threads()
    try:
        fabric = launch(HardwareSettings(device="cpu", threads=1))
        assert torch.get_num_threads() == 1
        assert (fabric.world_size, fabric.device.type, fabric.strategy.precision.precision) == (1, "cpu", "32-true")
    finally:
        torch.set_num_threads(threads)


def test_precision() -> None:
    fabric = launch(HardwareSettings(device="cpu", precision="bf16-mixed"))
    assert fabric.strategy.precision.precision == "bf16-mixed"


@pytest.mark.parametrize(
    ("hardware", "kind", "expected"),
    [
        (HardwareSettings(), "cpu", (1, 1)),
        (HardwareSettings(), "cuda", (4, 1)),  # all of them
        (HardwareSettings(devices=2), "cuda", (2, 1)),
        (HardwareSettings(devices=2, nodes=3), "cpu", (2, 3)),
    ],
)
def test_processes_without_a_launcher(
    monkeypatch: pytest.MonkeyPatch, hardware: HardwareSettings, kind: str, expected: tuple[int, int]
) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert num_processes(hardware, kind) == expected


def test_torchrun_sets_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "6"}.items():
        monkeypatch.setenv(name, value)
    assert num_processes(HardwareSettings(devices=1), "cuda") == (2, 3)


def test_missing_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="CUDA"):
        launch(HardwareSettings(device="cuda"))


def test_fabric_run_sets_all_but_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    class Stub:
        def __init__(self, **options: Any) -> None:
            calls.append(options)

        def launch(self) -> None:
            calls.append({"launched": True})

    monkeypatch.setattr("pose_track.training.launch.Fabric", Stub)
    monkeypatch.setenv("LT_CLI_USED", "1")
    launch(HardwareSettings(device="cpu", devices=2))
    assert calls == [{}, {"launched": True}]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),  # torchrun
        ({"RANK": "4", "LOCAL_RANK": "0"}, False),
        ({"LOCAL_RANK": "1"}, False),  # Fabric
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
    ],
)
def test_the_first_process(variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_first_process() is expected
