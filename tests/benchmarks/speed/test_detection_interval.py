"""The benchmark of detecting every n-th frame, and `pose-track benchmark detection`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_line import run_command
from tiny_posetrack import ROOT

from pose_track.benchmarks.posetrack.dataset import PoseTrackDataset, scan_dataset
from pose_track.benchmarks.speed.detection_interval import IntervalResult, interval_table, measure_intervals
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.config.settings import PoseTrackSettings

SAMPLE = ROOT / "data" / "sample"


def fake_result(every: int, seconds: float, has_metrics: bool = True) -> Any:
    """A result of `run_posetrack`, worse with every frame without detection."""
    totals = {"ap": 90.0 - every, "mota": 80.0 - 2 * every, "idf1": 70.0 - 3 * every}
    metrics = SimpleNamespace(**{name: np.append(np.full(15, 1.0), total) for name, total in totals.items()})
    evaluation = SimpleNamespace(modes={"poseval": metrics, "clean": None}) if has_metrics else None
    sequences = {name: SimpleNamespace(num_frames=50, seconds=seconds / 2) for name in ("a", "b")}
    return SimpleNamespace(evaluation=evaluation, sequences=sequences)


@pytest.fixture
def dataset() -> PoseTrackDataset:
    return scan_dataset(SAMPLE, "2018", "val")


def test_intervals_are_measured_in_turn(dataset: PoseTrackDataset) -> None:
    order: list[tuple[int, float]] = []
    folders = set[Path]()

    def benchmark(given: PoseTrackDataset, settings: PoseTrackSettings, out: Path) -> Any:
        assert given is dataset
        assert out.is_dir()
        assert not list(out.iterdir())
        folders.add(out)
        order.append((settings.detector.every, settings.detector.min_score))
        return fake_result(settings.detector.every, seconds=len(order))

    results = measure_intervals(dataset, (1, 3), {"detector.min_score": "0.25"}, rounds=3, benchmark=benchmark)
    assert order == [(1, 0.25), (3, 0.25)] * 3
    assert results == [
        IntervalResult("sample", 1, 100 / 3, 89, 78, 67),
        IntervalResult("sample", 3, 25, 87, 74, 61),
    ]
    assert not any(folder.exists() for folder in folders)


def test_each_data_set_is_compared_with_its_own_first_row() -> None:
    first = IntervalResult("a", 1, 10.0, 50.0, 40.0, 30.0)
    other = IntervalResult("b", 2, 10.0, 60.0, 50.0, 40.0)
    results = [first, replace(first, every=2, ap=49.0), other, replace(other, every=3, idf1=40.5)]
    assert [line.split()[3:] for line in interval_table(results)[1:]] == [
        ["50.0", "40.0", "30.0"],
        ["49.0", "(-1.0)", "40.0", "(+0.0)", "30.0", "(+0.0)"],
        ["60.0", "50.0", "40.0"],
        ["60.0", "(+0.0)", "50.0", "(+0.0)", "40.5", "(+0.5)"],
    ]


def test_no_metrics(dataset: PoseTrackDataset) -> None:
    with pytest.raises(ValueError, match="'sample'"):
        measure_intervals(dataset, (1,), {}, benchmark=lambda *_: fake_result(1, 1.0, has_metrics=False))


def test_command_prints_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        measure_intervals, "__defaults__", (1, lambda _, settings, __: fake_result(settings.detector.every, 1.0))
    )
    words = ["--root", SAMPLE, SAMPLE, "--every", 1, 2, "--rounds", 1, "--json", tmp_path / "intervals.json"]
    assert run_command("benchmark", "detection", *words, "--detector.min_score", 0.25) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:5]] == [["sample", "1"], ["sample", "2"]] * 2
    written = json.loads((tmp_path / "intervals.json").read_text())
    assert [result["every"] for result in written["intervals"]] == [1, 2, 1, 2]
    assert written["options"] == {"detector.min_score": "0.25"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--root", "nowhere"], "no .json files in 'nowhere"),
        (["--every", 0], "detector.every"),
        (["--rounds", 0], "rounds"),
        (["--detector.evry", 1], "'detector.every'"),
    ],
)
def test_command_errors(words: list[object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("benchmark", "detection", "--root", SAMPLE, *words) == EXIT_ERROR
    assert message in capsys.readouterr().err
