"""How many people a second a network does in each way, and tools/benchmark.py network, which tells it."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from made_posetrack import run_tool
from torch import nn

from pose_track.benchmarks.speed import network as tested
from pose_track.benchmarks.speed.network import (
    ONNX,
    ONNX_RUNTIME,
    OPENVINO,
    PUBLISHED,
    TORCH,
    NetworkSpeeds,
    Workload,
    count_gmacs,
    network_speeds,
    runnable_ways,
    seconds_of_call,
)
from pose_track.cli.parser import EXIT_FAULT
from pose_track.models.hrnet import NETWORKS, HRNet, hrnet_w32, hrnet_w48

TINY = Workload("hrnet_tiny", (32, 64), 2)


def tiny(num_joints: int) -> HRNet:
    return HRNet(num_joints, widths=(4, 4, 8, 8), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(NETWORKS, "hrnet_tiny", tiny)
    monkeypatch.setenv("POSE_TRACK_CACHE", str(tmp_path / "cache"))


def test_multiplications_are_those_that_are_published() -> None:
    """7.1 and 32.9 thousand million (Sun et al. 2019, table 1), counted there without some of the layers between."""
    with torch.device("meta"):
        assert count_gmacs(hrnet_w32(17), (192, 256)) == pytest.approx(7.1, rel=0.1)
        assert count_gmacs(hrnet_w48(17), (288, 384)) == pytest.approx(32.9, rel=0.1)


def test_multiplications_of_strides_and_groups() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.Conv2d(8, 8, 5, padding=2, groups=4))
    assert count_gmacs(network, (20, 10)) == pytest.approx(50 * (8 * 27 + 8 * 2 * 25) * 1e-9)


def test_a_call_is_the_median_of_several() -> None:
    pauses = iter([0.05, 0.0, 0.0, 0.0])
    assert seconds_of_call(lambda: time.sleep(next(pauses)), 0.0) < 0.04  # three calls, however short the time


def test_the_ways_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    ways: dict[str, Callable[[], object]] = {name: lambda name=name: order.append(name) for name in "ab"}
    monkeypatch.setattr(tested, "runnable_ways", lambda work: (ways, {"c": "why"}))
    speeds = network_speeds(TINY, rounds=2, seconds=0.0, theirs=lambda: order.append("t") or 5.0)
    assert "".join(order) == "aabb" + 2 * "aaabbbt"
    assert {way: len(each) for way, each in speeds.people_per_second.items()} == {"a": 2, "b": 2, "theirs": 2}
    assert speeds.left_out == {"c": "why"}


def test_ratios_and_what_is_reached() -> None:
    rates = {PUBLISHED: [10.0, 12.0, 8.0], OPENVINO: [100.0, 90.0, 160.0], ONNX_RUNTIME: [20.0, 20.0, 30.0]}
    speeds = NetworkSpeeds(Workload(), rates, 7.0, {"x": "not installed"}, peak_tflops=2.8)
    assert speeds.summary()[OPENVINO] == {
        "people_per_second": 100,
        "ms_per_person": 10,
        "gflops": 1400,
        "times_published": 10,
        "times_onnx_runtime": 5,
        "share_of_peak": 0.5,
    }
    title, head, *lines, last = speeds.words()
    assert title == "hrnet_w32 192x256, batch 4, cpu: 7.00 GMACs a person"
    assert "x ONNX Runtime" in head
    assert lines[1].split() == ["our", "OpenVINO", "10.00", "100.0", "10.00", "5.00", "1400", "50.0%"]
    assert last == "without x: not installed"


def test_without_onnx_runtime_there_is_no_ratio_to_it() -> None:
    summary = NetworkSpeeds(Workload(), {PUBLISHED: [10.0]}, 7.0).summary()[PUBLISHED]
    assert summary.keys() == {"people_per_second", "ms_per_person", "gflops", "times_published"}


def test_what_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "find_spec", lambda name: None)
    ways, left_out = runnable_ways(TINY)
    assert list(ways) == [PUBLISHED, TORCH]
    lacking = dict.fromkeys((ONNX, ONNX_RUNTIME), "onnx and onnxruntime not installed")
    assert left_out == {OPENVINO: "openvino not installed", **lacking}


def test_a_way_gives_the_outputs_of_the_network() -> None:
    ways, _ = runnable_ways(TINY)
    published, ours = ways[PUBLISHED](), ways[TORCH]()
    assert isinstance(published, torch.Tensor)
    assert isinstance(ours, tuple)
    assert tuple(published.shape) == ours[0].shape == (2, 17, 16, 8)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (Workload("hrnet_w33"), "unknown network 'hrnet_w33'; choose one of hrnet_compact"),
        (Workload(input_size=(190, 256)), "two multiples of 32, got \\[190, 256\\]"),
        (Workload(input_size=(192, 0)), "two multiples of 32"),
        (Workload(batch=0), "batch must be 1 or more, got 0"),
    ],
)
def test_what_cannot_be_run(work: Workload, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network_speeds(work)


def test_tool_tells_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs = shlex.join([sys.executable, "-c", "print('people_per_second: 2.5')"])
    words = ["--network", "hrnet_tiny", "--input_size", 32, 64, "--batch", 2, "--rounds", 1, "--seconds", 0.01]
    assert run_tool("benchmark", "network", *words, "--against", theirs, "--json", tmp_path / "found.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("hrnet_tiny 32x64, batch 2, cpu: ")
    assert [line.split()[0] for line in lines[2:4]] == ["published", "our"]
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["ways"]["theirs"]["people_per_second"] == 2.5
    assert found["ways"][TORCH]["times_published"] > 0
    assert (found["input_size"], found["batch"]) == ([32, 64], 2)
    assert found["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--network", "resnet"], "unknown network 'resnet'"),
        (["--rounds", 0], "rounds must be 1 or more"),
        (["--pose.network", "x"], "unknown option '--pose.network'"),
    ],
)
def test_tool_refuses(words: list[object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool("benchmark", "network", *words) == EXIT_FAULT
    assert message in capsys.readouterr().err
