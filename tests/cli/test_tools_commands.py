"""Results of other estimators in the commands that change, measure and compare people."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from command_line import run_command
from formats.moving_people import FPS, by_name, moving_people
from make_video import make_video

from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.results.open_result import open_result
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.viewer.open_content import open_content

NUM_FRAMES = 20


def walking(track_id=4):
    """Ultralytics' results of somebody who moves to the right, unseen in frame 9."""
    x, y = np.arange(17) * 5.0, np.arange(17) * 20.0 + 10
    frames = []
    for frame in range(NUM_FRAMES):
        keypoints = {"x": (x + 3 * frame + 20).tolist(), "y": y.tolist(), "visible": [0.9] * 17}
        frames.append([] if frame == 9 else [{"name": "person", "track_id": track_id, "keypoints": keypoints}])
    return json.dumps(frames)


def test_finish_fills_gaps_of_ultralytics(tmp_path):
    (tmp_path / "a.json").write_text(walking())
    assert run_command("finish", tmp_path / "a.json", tmp_path / "b.jsonl", "--fps", "50") == 0
    header, records = read_tracks(tmp_path / "b.jsonl")
    frames = list(records)
    assert (header["source"], header["fps"], header["finishing"]["fps"]) == ("a", 50.0, 50.0)
    assert [tracked.track_ids.tolist() for tracked in frames] == [[4]] * NUM_FRAMES
    assert frames[9].pts_seconds == pytest.approx(0.18)
    assert frames[9].poses.joints[0, 0, 0] == pytest.approx(20 + 3 * 9, abs=0.5)


@pytest.mark.parametrize(("name", "out"), [("deeplabcut", "b.csv"), ("openpose", "b"), ("trc", "b")])
def test_finish_keeps_the_format(tmp_path, name, out):
    path = tmp_path / f"a{FORMATS[name].suffix}"
    FORMATS[name].write(moving_people(), path)
    assert run_command("finish", path, tmp_path / out, "--min_seconds", "0") == 0
    read = read_sequence(tmp_path / out)
    assert read.layout == name
    assert {frame for frame, person in by_name(read) if person == 3} == set(range(5))


def test_analyse_measures_trc(tmp_path):
    (tmp_path / "a.json").write_text(walking())
    assert run_command("convert", tmp_path / "a.json", tmp_path / "trc", "--to", "trc") == 0
    assert run_command("analyse", tmp_path / "trc", "--out", tmp_path / "out") == 0
    with (tmp_path / "out" / "angles.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == NUM_FRAMES
    assert float(rows[5]["nose_speed_px_per_s"]) == pytest.approx(3 * 25, rel=0.02)


def test_times_of_a_file_are_kept(tmp_path):
    FORMATS["trc"].write(moving_people(), tmp_path / "a")
    result = open_result(tmp_path / "a")
    assert result.fps == FPS
    assert [tracked.pts_seconds for tracked in result] == pytest.approx([index / FPS for index in range(5)])


def test_converted_tracks_are_a_result(tmp_path):
    FORMATS["deeplabcut"].write(moving_people(), tmp_path / "a.csv")
    assert run_command("convert", tmp_path / "a.csv", tmp_path / "b.jsonl", "--to", "tracks") == 0
    result = open_result(tmp_path / "b.jsonl")
    assert [tracked.track_ids.tolist() for tracked in result] == [[3], [3, 7], [3], [3, 7], [3]]


def test_analyse_writes_motion_for_opensim(tmp_path):
    (tmp_path / "a.json").write_text(walking())
    assert run_command("analyse", tmp_path / "a.json", "--out", tmp_path / "out", "--motion", "trc", "mot") == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"a_person4.trc", "a_person4.mot"} <= names
    assert run_command("analyse", tmp_path / "a.json", "--out", tmp_path / "out", "--motion", "trc") == 2


FULL_MARKS = "clean: AP 100.0, MOTA 100.0, MOTP 100.0, IDF1 100.0"
NO_HEAD = "people 7, predicted 7"  # they have no top of the head, and their neck is midway between the shoulders


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mmpose", FULL_MARKS),
        ("deeplabcut", FULL_MARKS),
        ("trc", FULL_MARKS),
        ("openpose", NO_HEAD),
        ("alphapose", NO_HEAD),
    ],
)
def test_evaluate_reads_other_programs(tmp_path, name, line, capsys):
    """A prediction that is the ground truth has full marks, whatever program wrote it."""
    boxes = np.tile(np.array([[0.0, 0, 40, 40]]), (7, 1))
    sequence = moving_people(POSETRACK_15)
    joints = np.where(np.isnan(sequence.people.joints), 5, sequence.people.joints)
    people = replace(sequence.people, joints=joints, joint_scores=np.ones(joints.shape[:2]), head_boxes=boxes)
    gt = replace(sequence, people=people)
    FORMATS["posetrack17"].write(gt, tmp_path / "gt.json")
    path = tmp_path / f"pred{FORMATS[name].suffix}"
    FORMATS[name].write(gt, path)
    assert run_command("evaluate", "--gt", tmp_path / "gt.json", "--pred", path) == 0
    assert line in capsys.readouterr().out


def test_the_viewer_takes_the_rate_of_the_video(tmp_path):
    (tmp_path / "a.json").write_text(walking())
    video = make_video(tmp_path / "clip.mp4")  # 10 frames a second
    content = open_content(tmp_path / "a.json", video=video)
    shown = content.results[0]
    assert shown.session is not None
    assert [tracked.pts_seconds for tracked in shown.session.frames()][:3] == pytest.approx([0, 0.1, 0.2])


def test_the_viewer_shows_a_folder(tmp_path):
    FORMATS["trc"].write(moving_people(), tmp_path / "a")
    (shown,) = open_content(tmp_path / "a").results
    assert shown.session is None
    assert [tracked.track_ids.tolist() for tracked in shown.result] == [[3], [3, 7], [3], [3, 7], [3]]
