"""Speed of a network with each backend, and `pose-track benchmark network`."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import run_command
from torch import nn

from pose_track.benchmarks.speed import network as network_speed
from pose_track.benchmarks.speed.network import (
    COMPILED,
    CUDA_GRAPHS,
    EAGER,
    ONNX,
    ONNX_RUNTIME,
    OPENVINO,
    TORCH,
    Backend,
    NetworkSpeeds,
    Workload,
    available_backends,
    count_gmacs,
    measure_network,
    seconds_of_call,
)
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.models.hrnet import HRNet, hrnet_w32, hrnet_w48
from pose_track.models.networks import NETWORKS

TINY = Workload("hrnet_tiny", (32, 64), 2)


def tiny(num_joints: int) -> HRNet:
    return HRNet(num_joints, widths=(4, 4, 8, 8), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)


@pytest.fixture(autouse=True)
def small_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(NETWORKS, "hrnet_tiny", tiny)
    monkeypatch.setenv("POSE_TRACK_CACHE", str(tmp_path / "cache"))


def test_published_gmacs() -> None:
    """7.1 and 32.9 in Sun et al. 2019, table 1, which does not count some layers between the stages."""
    with torch.device("meta"):
        assert count_gmacs(hrnet_w32(17), (192, 256)) == pytest.approx(7.1, rel=0.1)
        assert count_gmacs(hrnet_w48(17), (288, 384)) == pytest.approx(32.9, rel=0.1)


def test_gmacs_of_strides_and_groups() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Conv2d(8, 8, 5, padding=2, groups=4))
    assert count_gmacs(network, (20, 10)) == pytest.approx(50 * (8 * 27 + 8 * 2 * 25) * 1e-9)


def test_time_of_a_call_is_a_median() -> None:
    pauses = iter([0.05, 0.0, 0.0, 0.0])
    assert seconds_of_call(lambda: time.sleep(next(pauses)), 0.0) < 0.04  # at least three calls


def test_backends_are_interleaved(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    backends = {name: Backend(lambda name=name: order.append(name), "float32") for name in "ab"}
    monkeypatch.setattr(network_speed, "available_backends", lambda work, compiled: (backends, {"c": "why"}))
    speeds = measure_network(TINY, rounds=2, seconds=0.0, baseline=lambda: order.append("t") or 5.0)
    assert "".join(order) == "aabb" + 2 * "aaabbbt"
    assert {name: len(rates) for name, rates in speeds.people_per_second.items()} == {"a": 2, "b": 2, "baseline": 2}
    assert speeds.precisions == {"a": "float32", "b": "float32"}
    assert speeds.skipped == {"c": "why"}


def test_speedups_and_share_of_peak() -> None:
    rates = {EAGER: [10.0, 12.0, 8.0], OPENVINO: [100.0, 90.0, 160.0], ONNX_RUNTIME: [20.0, 20.0, 30.0]}
    speeds = NetworkSpeeds(Workload(), rates, 7.0, {OPENVINO: "bfloat16"}, {"x": "not installed"}, peak_tflops=2.8)
    assert speeds.summary()[OPENVINO] == {
        "people_per_second": 100,
        "ms_per_person": 10,
        "gflops": 1400,
        "speedup_over_eager": 10,
        "speedup_over_onnx_runtime": 5,
        "share_of_peak": 0.5,
    }
    title, head, *lines, last = speeds.lines()
    assert title == "hrnet_w32 192x256, batch 4, cpu: 7.00 GMACs a person"
    assert "x ONNX Runtime" in head
    assert lines[1].split() == [
        "pose_track",
        "OpenVINO",
        "bfloat16",
        "10.00",
        "100.0",
        "10.00",
        "5.00",
        "1400",
        "50.0%",
    ]
    assert last == "skipped x: not installed"


def test_no_speedup_over_a_skipped_backend() -> None:
    summary = NetworkSpeeds(Workload(), {EAGER: [10.0]}, 7.0).summary()[EAGER]
    assert summary.keys() == {"people_per_second", "ms_per_person", "gflops", "speedup_over_eager"}


def test_backend_that_is_not_installed_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_speed, "find_spec", lambda name: None)
    backends, skipped = available_backends(TINY)
    assert list(backends) == [EAGER, TORCH]
    missing = dict.fromkeys((ONNX, ONNX_RUNTIME), "onnx and onnxruntime not installed")
    assert skipped == {OPENVINO: "openvino not installed", **missing}


def test_backends_return_heatmaps() -> None:
    backends, _ = available_backends(TINY)
    eager, folded = backends[EAGER].run(), backends[TORCH].run()
    assert isinstance(eager, torch.Tensor)
    assert isinstance(folded, tuple)
    assert tuple(eager.shape) == folded[0].shape == (2, 17, 16, 8)
    assert backends[EAGER].precision == "float32"


def test_graphs_and_compiled_networks_return_the_same_heatmaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no GPU, a network is not recorded; compiling takes too long for a test."""
    modes: list[str] = []

    def compile_nothing(network: Callable[..., object], mode: str) -> Callable[..., object]:
        modes.append(mode)
        return network

    monkeypatch.setattr(torch, "compile", compile_nothing)
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 32, 3), np.uint8)
    backends, _ = available_backends(TINY, compiled=True)
    expected = backends[TORCH].run()
    assert isinstance(expected, tuple)
    for backend in (backends[COMPILED], network_speed._cuda_graphs(TINY, images)):
        (heatmaps,) = backend.run()  # type: ignore[misc]
        assert torch.allclose(heatmaps, torch.from_numpy(expected[0]), atol=1e-5)
    assert modes == ["reduce-overhead"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_networks_on_a_gpu() -> None:
    speeds = measure_network(replace(TINY, device="cuda"), rounds=1, seconds=0.0)
    assert {EAGER, TORCH, CUDA_GRAPHS} == set(speeds.summary())
    assert all(megabytes > 0 for megabytes in speeds.call_mb.values())
    assert speeds.precisions[CUDA_GRAPHS] == "bfloat16"


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (Workload("hrnet_w33"), "'hrnet_w33'; choose one of hrnet_compact"),
        (Workload(input_size=(190, 256)), r"multiples of 32, got \[190, 256\]"),
        (Workload(input_size=(192, 0)), "multiples of 32"),
        (Workload(batch=0), "batch must be 1 or more, got 0"),
    ],
)
def test_invalid_workload(work: Workload, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        measure_network(work)


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = shlex.join([sys.executable, "-c", "print('people_per_second: 2.5')"])
    words = ["--network", "hrnet_tiny", "--input_size", 32, 64, "--batch", 2, "--rounds", 1, "--seconds", 0.01]
    assert run_command("benchmark", "network", *words, "--against", baseline, "--json", tmp_path / "speed.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hrnet_tiny 32x64, batch 2, cpu: ")
    assert [line.split()[:2] for line in lines[2:4]] == [["eager", "PyTorch"], ["pose_track", "torch"]]
    written = json.loads((tmp_path / "speed.json").read_text())
    assert written["backends"]["baseline"]["people_per_second"] == 2.5
    assert written["backends"][TORCH]["speedup_over_eager"] > 0
    assert written["precisions"][EAGER] == "float32"
    assert (written["input_size"], written["batch"]) == ([32, 64], 2)
    assert written["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--network", "resnet"], "'resnet'"),
        (["--rounds", 0], "rounds"),
        (["--pose.network", "x"], "'--pose.network'"),
    ],
)
def test_command_errors(words: list[object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("benchmark", "network", *words) == EXIT_ERROR
    assert message in capsys.readouterr().err
