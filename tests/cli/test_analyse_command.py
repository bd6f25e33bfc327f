"""`pose-track analyse`: from its arguments to tables, report, lines and exit codes."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from analysis.figures import FEET, LENGTHS, side_figure
from command_line import run_command

from pose_track.analysis.trajectory import Trajectory
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import Poses, TrackedPoses

SECONDS = np.arange(90) / 30
SPEED = 60.0  # pixels a second
# of the legs and arms, as `body_height_pixels` adds them
HEIGHT = (sum(LENGTHS[name] for name in ("shank", "thigh", "upper_arm", "forearm"))) / (0.246 + 0.245 + 0.186 + 0.146)


def walker() -> Trajectory:
    hips = np.stack([200 + SPEED * SECONDS, np.full(90, 300.0)], axis=1)
    swing = 25 * np.sin(2 * np.pi * SECONDS)
    return side_figure(SECONDS, {"hips": hips, "left_hip": swing, "right_hip": -swing})


def write(path: Path, *people: Trajectory) -> Path:
    """A tracks.jsonl of people, with the ids 1, 2, ..., each from the first frame on."""
    header = {
        "version": "1", "source": "clip.mp4", "fps": 30, "width": 900, "height": 600, "skeleton": FEET.name,
        "joint_names": list(FEET.joint_names), "settings": {}, "weights": {},
    }  # fmt: skip
    with TracksWriter(path, header) as writer:
        for frame, seconds in enumerate(SECONDS.tolist()):
            here = [person for person in people if frame < len(person.frames)]
            joints = np.array([person.joints[frame] for person in here], np.float32).reshape(-1, FEET.num_joints, 2)
            scores = np.array([person.scores[frame] for person in here], np.float32).reshape(-1, FEET.num_joints)
            boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
            poses = Poses(joints, scores, boxes, np.ones(len(here), np.float32), FEET)
            writer.write(TrackedPoses(frame, seconds, poses, np.arange(len(here)) + 1))
    return path


def short(trajectory: Trajectory, num_frames: int) -> Trajectory:
    keep = slice(num_frames)
    parts = {name: getattr(trajectory, name)[keep] for name in ("frames", "seconds", "joints", "scores")}
    return replace(trajectory, **parts)


def analyse(path: Path, *options: object) -> int:
    return run_command("analyse", path, "--out", path.with_name("out"), *options)


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_tables_and_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "tracks.jsonl", walker())
    assert analyse(path, "--report", tmp_path / "new" / "report.html") == 0
    assert capsys.readouterr().out == f"{path} -> {tmp_path / 'out'}: 1 person, positions in px\n"
    rows = table(tmp_path / "out" / "angles.csv")
    assert [row["frame"] for row in rows] == [str(i) for i in range(90)]
    assert float(rows[45]["left_hip_deg"]) == pytest.approx(25 * np.sin(2 * np.pi * 1.5), abs=0.5)
    (summary,) = table(tmp_path / "out" / "summary.csv")
    assert float(summary["mean_speed_px_per_s"]) == pytest.approx(SPEED, rel=0.05)
    assert float(summary["cadence_steps_per_min"]) == pytest.approx(120, abs=4)
    page = (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    assert "Person 1" in page
    assert "mid-stance" in page


def test_what_is_not_known_is_an_empty_cell(tmp_path: Path) -> None:
    """Too short for steps, and an arm that is never seen."""
    person = short(walker(), 12)
    person.scores[:, FEET.joint_names.index("left_wrist")] = 0
    assert analyse(write(tmp_path / "in.jsonl", person)) == 0
    (summary,) = table(tmp_path / "out" / "summary.csv")
    assert summary["left_elbow_range_deg"] == summary["left_stance_seconds"] == ""
    for name in ("summary", "angles"):
        assert "nan" not in (tmp_path / "out" / f"{name}.csv").read_text()


@pytest.mark.parametrize(
    ("options", "metres_per_pixel"),
    [
        (("--height", "1.75"), 1.75 / HEIGHT),
        (("--height", "1=1.75"), 1.75 / HEIGHT),
        (("--scale", "100,100", "400,500", "2.5"), 2.5 / 500),
        (("--floor", "0,0=0,0", "900,0=4.5,0", "900,600=4.5,3", "0,600=0,3"), 0.005),
    ],
)
def test_metres(options: tuple[str, ...], metres_per_pixel: float, tmp_path: Path) -> None:
    assert analyse(write(tmp_path / "tracks.jsonl", walker()), *options) == 0
    (summary,) = table(tmp_path / "out" / "summary.csv")
    assert float(summary["mean_speed_m_per_s"]) == pytest.approx(SPEED * metres_per_pixel, rel=0.05)


def test_slow_motion(tmp_path: Path) -> None:
    """A clip of 240 frames a second, stored as 30: eight times as many steps a minute."""
    assert analyse(write(tmp_path / "tracks.jsonl", walker()), "--speed-factor", 0.125) == 0
    (summary,) = table(tmp_path / "out" / "summary.csv")
    assert float(summary["mean_speed_px_per_s"]) == pytest.approx(8 * SPEED, rel=0.05)
    assert float(summary["duration_seconds"]) == pytest.approx(SECONDS[-1] / 8, abs=1e-6)


def test_a_camera_that_is_not_level_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    body = walker()
    sideways = body.joints[..., 0] + 4 * SPEED * SECONDS[:, None]  # far enough to tell
    fallen = np.stack([sideways, body.joints[..., 1] + sideways * np.tan(np.radians(5))], axis=-1)
    assert analyse(write(tmp_path / "tracks.jsonl", replace(body, joints=fallen))) == 0
    assert "falls by 5.0 degrees to the right" in capsys.readouterr().out


def test_a_person_too_short_for_the_filter_is_left_out_with_a_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert analyse(write(tmp_path / "tracks.jsonl", walker(), short(walker(), 4))) == 0
    assert caplog.messages == ["person 2 is in 4 frames; a motion needs at least 6; left out"]
    assert [row["person"] for row in table(tmp_path / "out" / "summary.csv")] == ["1"]


def test_somebody_without_a_size_is_left_out_with_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert analyse(write(tmp_path / "tracks.jsonl", walker(), unseen_limbs()), "--height", "1.75") == 0
    assert caplog.messages == ["the size of person 2 cannot be told: no arm and no leg is seen in 6 frames; left out"]


def unseen_limbs() -> Trajectory:
    """Only the head is seen."""
    scores = np.zeros((90, FEET.num_joints))
    scores[:, :3] = 1
    return replace(walker(), scores=scores)


@pytest.mark.parametrize(
    ("people", "options", "text"),
    [
        ([short(walker(), 4)], (), "person 1 is in 4 frames; a motion needs at least 6"),
        ([short(walker(), 4), short(walker(), 5)], (), "needs at least 6; nor can the others be measured"),
        ([], (), "has nobody in six frames or more; there is nothing to measure"),
        ([unseen_limbs()], ("--height", "1.75"), "the size of person 1 cannot be told: no arm and no leg is seen"),
        ([walker()], ("--height", "tall"), "--height takes metres, such as 1.75 or 3=1.75 for person 3, got 'tall'"),
        ([walker()], ("--height", "1=175"), "--height 175 is no body height in metres"),
        ([walker()], ("--height", "nan"), "--height nan is no body height in metres"),
        ([walker()], ("--height", "2=1.75"), "a height is given for person 2, who is not there; the ids are 1"),
        ([walker()], ("--height", "1.75", "--scale", "0,0", "9,9", "1"), "--height and --scale both say"),
        ([walker()], ("--scale", "0,0", "0,0", "1"), "--scale takes two different points and a distance above 0"),
        ([walker()], ("--scale", "0,0", "9,0", "-1"), "--scale takes two different points and a distance above 0"),
        ([walker()], ("--floor", "0,0=0,0", "9,0=1,0", "9,9=1,1"), "a floor needs at least four points"),
        ([walker()], ("--floor", "0,0", "9,0", "9,9", "0,9"), "--floor takes points X,Y=U,V"),
        ([walker()], ("--floor", "0,0=0,0", "9,0=1,0", "18,0=2,0", "0,9=0,1"), "lie on a line"),
        ([walker()], ("--speed-factor", "0"), "--speed-factor must be a number above 0, got 0.0"),
        ([walker()], ("--speed-factor", "inf"), "--speed-factor must be a number above 0, got inf"),
        ([walker()], ("--speed-factor", "nan"), "--speed-factor must be a number above 0, got nan"),
        (
            [walker()],
            ("--region", "2000,0", "2100,0", "2100,9"),
            "the region is outside of the image, which has 900x600",
        ),
        ([walker()], ("--region", "0,0", "9,0", "9,9"), "has nobody in six frames or more"),
        ([walker()], ("--people", "2"), "there is no person 2; the ids are 1"),
        ([walker()], ("--report", "report.pdf"), "--report writes an .html, got 'report.pdf'"),
    ],
)
def test_one_clear_line(
    people: list[Trajectory],
    options: tuple[str, ...],
    text: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert analyse(write(tmp_path / "tracks.jsonl", *people), *options) == EXIT_ERROR
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert text in line
    assert not (tmp_path / "out").exists()


def test_nothing_is_replaced_without_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "tracks.jsonl", walker())
    report = tmp_path / "report.html"
    report.write_text("mine")
    assert analyse(path, "--report", report) == EXIT_ERROR
    assert "already exists" in capsys.readouterr().err
    assert (report.read_text(), (tmp_path / "out").exists()) == ("mine", False)
    assert analyse(path, "--report", report, "--overwrite") == 0
