"""Threshold sweep: agreement with the benchmark, and `pose-track sweep`."""

from __future__ import annotations

import csv
import math
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import cv2
import pytest
from command_line import run_command
from stub_stages import stub_stages
from tiny_posetrack import ROOT, benchmark, report, write_posetrack_dataset

import pose_track.build.stages
from pose_track.benchmarks.posetrack.plot import plot_sweep
from pose_track.benchmarks.posetrack.sweep import SweepPoint, best_mota, load_run, sweep, sweep_table
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.config.load import configs_folder, load_settings
from pose_track.config.settings import PoseTrackSettings
from pose_track.structures.frames import Detections, Frame


def two_people(frame: Frame) -> Detections:
    """The labelled person with score 0.9, and from frame 2 on a false positive with score 0.4; nobody in frame 0."""
    if frame.index == 0:
        return Detections.empty()
    left = 10.0 + 2 * frame.index
    boxes, scores = [[left, 20, left + 40, 100], [120, 20, 160, 100]], [0.9, 0.4]
    return Detections(boxes[: frame.index], scores[: frame.index])  # type: ignore[arg-type]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set, with a run of the benchmark beside it in `out`."""
    monkeypatch.setattr(pose_track.build.stages, "build_stages", lambda settings: stub_stages(settings, two_people))
    write_posetrack_dataset(tmp_path / "data", num_frames=6)
    assert benchmark(tmp_path / "data") == 0
    return tmp_path / "data"


def run(data: Path, *words: object) -> int:
    given = ["--run", data.parent / "out", "--gt", data / "annotations/val", "--out", data.parent / "sweep", *words]
    return run_command("sweep", *given)


@pytest.mark.parametrize("mode", ["poseval", "clean"])
def test_points_equal_runs_of_the_benchmark(mode: str, data: Path) -> None:
    run_data = load_run(data.parent / "out", data / "annotations/val")
    tracker = load_settings(PoseTrackSettings, configs_folder() / "benchmark" / "bundled.yaml", tracker="fast").tracker
    points = sweep(run_data, tracker, (0, 0.5, 0.95), (0, 0.85), mode)
    assert [(p.person, p.joint) for p in points] == [(0, 0), (0, 0.85), (0.5, 0), (0.5, 0.85), (0.95, 0), (0.95, 0.85)]
    for point in points:
        thresholds = {"--submission.min_person_score": point.person, "--submission.min_joint_score": point.joint}
        shutil.rmtree(data.parent / "out")
        words = [word for pair in thresholds.items() for word in pair]
        assert benchmark(data, "--tracker", "fast", *words) == 0  # a tracker without optical flow and appearance
        expected = report(data)["modes"][mode]
        for name in [field.name for field in fields(SweepPoint)][3:]:  # AP of the benchmark counts all poses
            value = expected[name][-1]
            assert getattr(point, name) == pytest.approx(math.nan if value is None else value, abs=1e-9, nan_ok=True)
    best = best_mota(points)
    assert best is not None
    assert (best.person, best.joint) == (0.5, 0)
    by_thresholds = {(p.person, p.joint): p for p in points}
    assert by_thresholds[0, 0].mota < best.mota
    assert by_thresholds[0, 0].ap == best.ap == by_thresholds[0.5, 0].ap  # the false positives rank last
    assert by_thresholds[0.5, 0.85].mot_recall == by_thresholds[0.95, 0].mot_recall == 0


def test_command_writes_table_csv_and_plot(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data, "--person", "0.5,0", "--joint", "0,0.5,0.85") == 0
    stdout, stderr = capsys.readouterr()
    lines = stdout.splitlines()
    assert lines[0].split() == ["MOTA", "j", "0", "j", "0.5", "j", "0.85"]
    assert [line.split()[:2] for line in lines[1:3]] == [["p", "0"], ["p", "0.5"]]
    assert "100.0*" in lines[2]
    assert any("best MOTA 100.0 (AP 100.0) at person 0.5, joint 0" in line for line in lines)
    assert "6/6" in stderr
    with (data.parent / "sweep/sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["person"], row["joint"]) for row in rows] == [
        (p, j) for p in ("0.0", "0.5") for j in ("0.0", "0.5", "0.85")
    ]
    assert rows[3]["mota"] == "100.0"
    image = cv2.imread(str(data.parent / "sweep/sweep.png"))
    assert image is not None
    assert image.shape[0] >= 600  # enough to print
    assert image.shape[1] >= 1600


def test_tracker_settings_have_an_effect(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(data, "--person", "0.5", "--joint", "0")
    plain = capsys.readouterr().out
    run(data, "--person", "0.5", "--joint", "0", "--tracker.min_start_score", "0.99")
    assert capsys.readouterr().out.splitlines()[1] != plain.splitlines()[1]
    (data / "mine.yaml").write_text("tracker: {min_start_score: 0.99}")
    run(data, "--person", "0.5", "--joint", "0", "--config", data / "mine.yaml")
    assert capsys.readouterr().out.splitlines()[1] != plain.splitlines()[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--pose.flip_test", "true"], "unknown option '--pose.flip_test'"),
        (["--submission.min_joint_score", "0"], "unknown option '--submission.min_joint_score'"),
        (["--person", "0,2"], "got '0,2'"),
        (["--joint", "nan"], "got 'nan'"),
        (["--joint", "low"], "got 'low'"),
        (["--gt", "nowhere"], "no .json files in 'nowhere'"),
        (["--run", "nowhere"], "'nowhere' has no raw poses of a"),
    ],
)
def test_command_errors(words: list[str], message: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(data, *words) == EXIT_ERROR
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (data.parent / "sweep").exists()


def test_sequence_without_raw_poses_is_left_out_with_a_warning(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    (data.parent / "out/raw/b.jsonl").unlink()
    assert [gt.name for gt, _ in load_run(data.parent / "out", data / "annotations/val")] == ["a"]
    assert "1 of 2 sequences" in caplog.text


def test_annotations_without_people(data: Path) -> None:
    gt = write_posetrack_dataset(data.parent / "other", num_frames=6, unlabelled=range(6))
    with pytest.raises(ValueError, match="no labelled people"):
        load_run(data.parent / "out", gt)


def point(person: float, joint: float, mota: float, ap: float = 50.0) -> SweepPoint:
    return SweepPoint(person, joint, ap, mota, math.nan, math.nan, math.nan, math.nan)


def test_undefined_mota(tmp_path: Path) -> None:
    points = [point(0, 0, math.nan), point(0, 0.5, math.nan)]
    assert best_mota(points) is None
    assert "MOTA is undefined" in sweep_table(points)
    assert sweep_table(points).splitlines()[1].split() == ["p", "0", "-", "-"]
    plot_sweep(points, tmp_path / "sweep.png")
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


def test_no_pytorch(data: Path) -> None:
    words = ["sweep_thresholds.py", "--run", data.parent / "out", "--gt", data / "annotations/val", "--out", data / "s"]
    code = f"""
import runpy, sys
sys.argv = {[*map(str, words), "--person", "0", "--joint", "0"]!r}
try:
    runpy.run_path({str(ROOT / "tools/sweep_thresholds.py")!r}, run_name="__main__")
except SystemExit as error:
    assert error.code == 0, error.code
assert not {{"torch", "torchvision", "matplotlib.pyplot"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
