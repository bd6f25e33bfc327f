"""What detecting every n-th frame costs, and tools/benchmark.py detection, which tells it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from made_posetrack import ROOT, run_tool

from pose_track.benchmarks.posetrack.dataset import DataSet, check_data
from pose_track.benchmarks.speed import detection_interval as tested
from pose_track.benchmarks.speed.detection_interval import Cost, cost_words, detection_costs
from pose_track.cli.parser import EXIT_FAULT
from pose_track.config.settings import PoseTrackSettings

SAMPLE = ROOT / "data" / "sample"


def outcome(every: int, seconds: float, measured: bool = True) -> Any:
    """As `run_benchmark` gives it, the more frames without detection, the worse."""
    totals = {"ap": 90.0 - every, "mota": 80.0 - 2 * every, "idf1": 70.0 - 3 * every}
    figures = SimpleNamespace(**{name: np.append(np.full(15, 1.0), total) for name, total in totals.items()})
    evaluation = SimpleNamespace(modes={"poseval": figures, "clean": None}) if measured else None
    done = {name: SimpleNamespace(num_frames=50, seconds=seconds / 2) for name in ("a", "b")}
    return SimpleNamespace(evaluation=evaluation, done=done)


@pytest.fixture
def data() -> DataSet:
    return check_data(SAMPLE, "2018", "val")


def test_each_distance_is_measured_in_turn(data: DataSet) -> None:
    order: list[tuple[int, float]] = []
    folders = set[Path]()

    def benchmark(given: DataSet, settings: PoseTrackSettings, out: Path) -> Any:
        assert given is data
        assert out.is_dir()
        assert not list(out.iterdir())
        folders.add(out)
        order.append((settings.detector.every, settings.detector.min_score))
        return outcome(settings.detector.every, seconds=len(order))

    costs = detection_costs(data, (1, 3), {"detector.min_score": "0.25"}, rounds=3, benchmark=benchmark)
    assert order == [(1, 0.25), (3, 0.25)] * 3
    assert costs == [Cost("sample", 1, 100 / 3, 89, 78, 67), Cost("sample", 3, 25, 87, 74, 61)]
    assert not any(folder.exists() for folder in folders)


def test_each_data_set_is_compared_with_its_own_first_line() -> None:
    first = Cost("a", 1, 10.0, 50.0, 40.0, 30.0)
    other = Cost("b", 2, 10.0, 60.0, 50.0, 40.0)
    costs = [first, replace(first, every=2, ap=49.0), other, replace(other, every=3, idf1=40.5)]
    assert [line.split()[3:] for line in cost_words(costs)[1:]] == [
        ["50.0", "40.0", "30.0"],
        ["49.0", "(-1.0)", "40.0", "(+0.0)", "30.0", "(+0.0)"],
        ["60.0", "50.0", "40.0"],
        ["60.0", "(+0.0)", "50.0", "(+0.0)", "40.5", "(+0.5)"],
    ]


def test_nothing_to_measure(data: DataSet) -> None:
    with pytest.raises(ValueError, match="no sequence of 'sample' could be measured"):
        detection_costs(data, (1,), {}, benchmark=lambda *_: outcome(1, 1.0, measured=False))


def test_tool_tells_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        tested.detection_costs, "__defaults__", (1, lambda _, settings, __: outcome(settings.detector.every, 1.0))
    )
    words = ["--root", SAMPLE, SAMPLE, "--every", 1, 2, "--rounds", 1, "--json", tmp_path / "found.json"]
    assert run_tool("benchmark", "detection", *words, "--detector.min_score", 0.25) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [["sample", "1"], ["sample", "2"]] * 2
    found = json.loads((tmp_path / "found.json").read_text())
    assert [cost["every"] for cost in found["costs"]] == [1, 2, 1, 2]
    assert found["options"] == {"detector.min_score": "0.25"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--root", "nowhere"], "there are no .json files in"),
        (["--every", 0], "detector.every"),
        (["--rounds", 0], "rounds must be 1 or more"),
        (["--detector.evry", 1], "did you mean 'detector.every'"),
    ],
)
def test_tool_refuses(words: list[object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool("benchmark", "detection", "--root", SAMPLE, *words) == EXIT_FAULT
    assert message in capsys.readouterr().err
