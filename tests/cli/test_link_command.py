"""`pose-track link`, from its arguments to files, lines and exit codes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from command_line import run_command
from linking.synthetic_walkers import walker_sequence, write_unlinked_tracks
from shared_data import shared

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.registry import FORMATS, read_sequence


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> Done:
        code = run_command("link", *arguments)
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def pred(tmp_path: Path) -> Path:
    """A folder of three files in different formats."""
    folder = tmp_path / "pred"
    folder.mkdir()
    FORMATS["posetrack17"].write(walker_sequence("posetrack17"), folder / "a.json")
    FORMATS["posetrack18"].write(walker_sequence("posetrack18"), folder / "b.json")
    write_unlinked_tracks(folder / "c.jsonl", walker_sequence("coco"))
    return folder


def test_output_of_a_folder(tmp_path: Path, pred: Path, run: Run) -> None:
    done = run("--pred", pred, "--out", tmp_path / "out")
    assert (done.code, done.err) == (0, "")
    names = ["a.json", "b.json", "c.jsonl"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for name, line in zip(names, done.out.splitlines(), strict=True):
        figures = r"8 frames, \d+ of 24 people, 3 tracks, \d+\.\d\d ms a frame"
        assert re.fullmatch(rf"{re.escape(str(pred / name))} -> {tmp_path}/out/{name}: {figures}", line)


def test_one_file(tmp_path: Path, pred: Path, run: Run) -> None:
    assert run("--pred", pred / "b.json", "--out", tmp_path / "out").code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.json"]


def test_a_broken_file_in_a_folder(tmp_path: Path, pred: Path, run: Run) -> None:
    (pred / "a.json").write_text('{"annolist": [')
    done = run("--pred", pred, "--out", tmp_path / "out")
    assert (done.code, len(done.err.splitlines()), len(done.out.splitlines())) == (2, 1, 2)
    assert done.err.startswith(f"error: {pred / 'a.json'} is not valid JSON")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.json", "c.jsonl"]


def test_overwrite(tmp_path: Path, pred: Path, run: Run) -> None:
    arguments = ("--pred", pred, "--out", tmp_path / "out")
    assert run(*arguments).code == 0
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "a.json'" in done.err
    assert "--overwrite" in done.err
    assert run(*arguments, "--overwrite").code == 0


def test_lenient_skips_and_counts_problems(tmp_path: Path, pred: Path, run: Run) -> None:
    data = json.loads((pred / "b.json").read_text())
    data["annotations"][0]["keypoints"][0] = "left"
    (pred / "b.json").write_text(json.dumps(data))
    arguments = ("--pred", pred / "b.json", "--out", tmp_path / "out")
    assert run(*arguments).code == 2
    done = run(*arguments, "--lenient")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(", 1 problems left out\n")


def test_score_thresholds_and_fps(tmp_path: Path, pred: Path, run: Run) -> None:
    def counts(*arguments: object) -> tuple[int, int]:
        assert run("--pred", pred / "b.json", "--out", tmp_path / "out", "--overwrite", *arguments).code == 0
        people = read_posetrack(tmp_path / "out" / "b.json").people
        return len(people), int(people.has_joint.sum())

    all_people, all_joints = counts()
    assert counts("--min-person-score", "0.65")[0] < all_people
    assert counts("--min-joint-score", "0.5")[1] < all_joints
    for arguments in (
        ["--min-person-score", "1.5"],
        ["--min-joint-score=-1"],
        ["--fps", "0"],
        ["--min-joint-score", "x"],
    ):
        done = run("--pred", pred, "--out", tmp_path / "new", *arguments)
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)


def test_tracker_settings(tmp_path: Path, pred: Path, run: Run) -> None:
    def tracks(*arguments: object) -> int:
        done = run("--pred", pred / "b.json", "--out", tmp_path / "out", "--overwrite", *arguments)
        assert (done.code, done.err) == (0, "")
        return int(re.findall(r"(\d+) tracks", done.out)[0])

    (tmp_path / "mine.yaml").write_text("tracker:\n  min_start_score: 0.65\n")
    assert tracks("--preset", "fast") == 3
    assert tracks("--config", tmp_path / "mine.yaml") == 2
    assert tracks("--preset", "fast", "--tracker.min_start_score", "0.75") == 1
    assert tracks("--config", tmp_path / "mine.yaml", "--tracker.min_start_score", "0.1") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "slow"], "'slow'"),
        (["--preset", "fast", "--config", "a.yaml"], "--preset"),
        (["--config", "gone.yaml"], "'gone.yaml'"),
        (["--tracker.min_start_scor", "1"], "did you mean 'tracker.min_start_score'"),
        (["--pose.flip_test", "1"], "'pose'"),
        (["--fps", "1/0"], "fps"),
        (["--framse", "x"], "did you mean '--frames'"),
        (["--frames", "gone"], "'gone' is not a folder"),
    ],
)
def test_errors_are_one_line(tmp_path: Path, pred: Path, run: Run, arguments: list[str], message: str) -> None:
    done = run("--pred", pred / "b.json", "--out", tmp_path / "out", *arguments)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert message in done.err


def test_skeleton_of_coco_results(tmp_path: Path, run: Run) -> None:
    FORMATS["coco"].write(walker_sequence("posetrack18"), tmp_path / "a.json")
    arguments = ("--pred", tmp_path / "a.json", "--out", tmp_path / "out", "--skeleton", "posetrack18_17")
    assert run(*arguments).code == 0
    before, after = (json.loads(path.read_text()) for path in (tmp_path / "a.json", tmp_path / "out" / "a.json"))
    assert len({entry.pop("track_id") for entry in after}) == 3
    for entry in before:
        del entry["track_id"]
    assert after == before


def test_imports(tmp_path: Path, pred: Path) -> None:
    arguments = ["link", "--pred", str(pred), "--out", str(tmp_path / "out")]
    code = f"import sys\nfrom pose_track.cli.main import main\nassert main({arguments}) == 0\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "pose_track.linking.files" in loaded
    assert not {"torch", "torchvision", "scipy", "cv2", "av", "filterpy", "pyarrow"} & loaded


def test_real_videos(tmp_path: Path, run: Run) -> None:
    """The ground-truth poses of real videos keep their track ids."""
    folder = shared("data/mpposetrack_gt")
    path = sorted(folder.glob("*.json"))[0]
    assert run("--pred", path, "--out", tmp_path, "--preset", "fast").code == 0
    gt, linked = read_sequence(path), read_sequence(tmp_path / path.name)
    same = pairs = 0
    previous: dict[int, int] = {}  # gt id -> predicted id in the frame before
    for (_, gt_people), (_, people) in zip(gt, linked, strict=True):
        current = dict(zip(gt_people.track_ids.tolist(), people.track_ids.tolist(), strict=True))
        same += sum(previous[gt_id] == track_id for gt_id, track_id in current.items() if gt_id in previous)
        pairs += len(previous.keys() & current.keys())
        previous = current
    assert pairs > 0
    assert same / pairs > 0.98
    assert np.unique(list(previous.values())).size == len(previous)
