"""`pose-track benchmark consistency`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import run_command
from tiny_posetrack import ROOT

from pose_track.benchmarks.consistency import consistency_table, result_file
from pose_track.evaluation.side_consistency import ANY, CLOSE_JOINTS, SIDE_JOINTS, Share, SideConsistency
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import POSETRACK_15

HEADER = {
    "version": "0.0.1", "source": "clip.mp4", "fps": 25.0, "width": 640, "height": 480, "skeleton": "posetrack_15",
    "joint_names": list(POSETRACK_15.joint_names), "settings": {}, "weights": {},
}  # fmt: skip


def write_result(folder: Path, swaps: list[bool], score: float = 0.9) -> Path:
    """A folder with the tracks of one person, with left and right swapped in some frames."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    joints = rng.uniform(0, 100, (15, 2))
    with TracksWriter(folder / "tracks.jsonl", HEADER) as writer:
        for index, swap in enumerate(swaps):
            shown = joints[POSETRACK_15.flip_indices] if swap else joints
            arrays = (shown[None], np.full((1, 15), score), np.array([[0, 0, 100, 100]]), np.array([0.9]))
            poses = Poses(*(array.astype(np.float32) for array in arrays), POSETRACK_15)
            writer.write(TrackedPoses(index, index / 25, poses, np.array([1])))
    return folder


def consistency(changed: int, compared: int) -> SideConsistency:
    changes = dict.fromkeys((ANY, *SIDE_JOINTS), Share(changed, compared))
    return SideConsistency(compared, changes, dict.fromkeys((ANY, *CLOSE_JOINTS), Share()))


def test_table_sums_videos() -> None:
    lines = consistency_table({"a.mp4": consistency(1, 4), "b.mp4": consistency(0, 12)})
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in rows} == {2 + 7 + 4}
    assert [row[:3] for row in rows[2:]] == [["a.mp4", "4", "25.0 %"], ["b.mp4", "12", "0.0 %"], ["all", "16", "6.2 %"]]
    assert {cell for row in rows[2:] for cell in row[-4:]} == {"-"}
    assert len(consistency_table({"a.mp4": consistency(1, 4)})) == 3  # no sum of one video


def test_command_on_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of results, and a file; the threshold of drawn joints holds."""
    steady, swapping = (
        write_result(tmp_path / "steady", [False] * 5),
        write_result(tmp_path / "swapping", [False, True, True, False, False]),
    )
    words = [steady, swapping / "tracks.jsonl", "--json", tmp_path / "out.json"]
    assert run_command("benchmark", "consistency", *words) == 0
    out = capsys.readouterr().out
    assert "| all | 10 | 25.0 % |" in out
    written = json.loads((tmp_path / "out.json").read_text())["videos"]
    assert written[str(steady)]["changes"]["any"] == [0, 4]
    assert written[str(swapping / "tracks.jsonl")]["changes"]["any"] == [2, 4]
    assert run_command("benchmark", "consistency", *words, "--output.min_joint_score", 0.95) == 0
    assert json.loads((tmp_path / "out.json").read_text())["videos"][str(steady)]["changes"]["any"] == [0, 0]


def test_command_on_a_video(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The synthetic people of the sample keep their sides in the first frames."""
    words = ["--reader.end_seconds", 0.4, "--device", "cpu", "--json", tmp_path / "out.json"]
    assert run_command("benchmark", "consistency", ROOT / "data" / "sample" / "three_people.mp4", *words) == 0
    (result,) = json.loads((tmp_path / "out.json").read_text())["videos"].values()
    assert result["people"] >= 10
    changed, compared = result["changes"]["any"]
    assert compared >= 5
    assert changed <= compared / 2


def test_results_and_videos(tmp_path: Path) -> None:
    folder = write_result(tmp_path / "out", [False])
    assert result_file(folder) == result_file(folder / "tracks.jsonl") == folder / "tracks.jsonl"
    (tmp_path / "images").mkdir()
    for path in (tmp_path / "images", tmp_path / "clip.mp4", tmp_path / "none.jsonl"):
        assert result_file(path) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.mp4"], "'nowhere.mp4'"),
        (["bad.jsonl"], "bad.jsonl, line 1"),
        (["bad.jsonl", "--preset", "slow"], "'slow'"),
        (["bad.jsonl", "--output.min_joint_scor", 1], "'output.min_joint_score'"),
    ],
)
def test_errors(
    words: list[object],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert run_command("benchmark", "consistency", *words) == 2
    assert message in capsys.readouterr().err
