"""Files of other estimators: OpenPose, mmpose, Ultralytics and MediaPipe."""

import json
from pathlib import Path

import numpy as np
import pytest
from moving_people import assert_same_motion, by_name, moving_people

from pose_track.analysis.people import trajectories
from pose_track.formats.mmpose import write_mmpose
from pose_track.formats.openpose import write_openpose
from pose_track.formats.registry import identify_format, read_sequence
from pose_track.results.open_result import open_result
from pose_track.structures.skeleton import POSETRACK_15

LANDMARKS = [[100.0 + k, 50.0 + 2 * k, 0.0] for k in range(33)]
SQUATS = Path(__file__).resolve().parents[3] / "shared/data/videos/squats_blazepose33.json"


def keypoints(shift=0.0):
    return {"x": [10.0 + shift] * 16 + [0.0], "y": [20.0 + shift] * 16 + [0.0], "visible": [0.5] * 17}


def person(**changes):
    box = {"x1": 1.0, "y1": 2.0, "x2": 30.0, "y2": 40.0}
    known = {"name": "person", "class": 0, "confidence": 0.75, "box": box, "keypoints": keypoints()}
    return {**known, **changes}


def test_openpose_round_trips(tmp_path):
    sequence = moving_people()
    write_openpose(sequence, tmp_path / "out")
    assert identify_format(tmp_path / "out") == "openpose"
    read = by_name(read_sequence(tmp_path / "out"))
    for key, joints in by_name(sequence).items():
        assert read[key].keys() - joints.keys() <= {"head_bottom", "pelvis"}
        assert {name: read[key][name] for name in joints} == joints


def test_openposes_18_joints(tmp_path):
    values = [value for k in range(18) for value in (k + 1.0, 2.0, 0.5)]
    record = {"version": 1.2, "people": [{"pose_keypoints_2d": values}]}
    (tmp_path / "a_000000000007_keypoints.json").write_text(json.dumps(record))
    found = by_name(read_sequence(tmp_path))[7, -1]
    assert [found[name][0] for name in ("nose", "head_bottom", "right_shoulder", "right_hip", "left_ankle")] == [
        *(1, 2, 3, 9, 14)
    ]
    assert [found[name][0] for name in ("right_eye", "left_eye", "right_ear", "left_ear")] == [15, 16, 17, 18]


@pytest.mark.parametrize("skeleton", [POSETRACK_15, moving_people().skeleton])
def test_mmposes_demo_round_trips(tmp_path, skeleton):
    write_mmpose(moving_people(skeleton), tmp_path / "a.json")
    assert identify_format(tmp_path / "a.json") == "mmpose"
    read = read_sequence(tmp_path / "a.json")
    assert read.skeleton == skeleton
    assert_same_motion(read, moving_people(skeleton))


def test_mmposes_inferencer(tmp_path):
    instance = {
        "keypoints": [[3.0, 4.0]] * 17,
        "keypoint_scores": [0.5] * 17,
        "bbox": [[1, 2, 3, 4]],
        "bbox_score": 0.9,
    }
    frames = [{"frame_id": 0, "instances": [instance]}, {"frame_id": 1, "instances": []}]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    read = read_sequence(tmp_path / "a.json")
    assert [(info.index, len(people)) for info, people in read] == [(0, 1), (1, 0)]
    assert read.people.boxes.tolist() == [[1, 2, 3, 4]]
    assert read.people.scores.tolist() == [0.9]


@pytest.mark.parametrize("as_lines", [False, True])
def test_ultralytics(tmp_path, as_lines):
    frames = [[], [person(track_id=4), person(track_id=5, keypoints=keypoints(100))], []]
    text = "\n".join(map(json.dumps, frames)) if as_lines else json.dumps(frames, indent=1)
    path = tmp_path / ("a.jsonl" if as_lines else "a.json")
    path.write_text(text)
    assert identify_format(path) == "ultralytics"
    read = read_sequence(path)
    assert [people.track_ids.tolist() for _, people in read] == [[], [4, 5], []]
    assert read.people.scores.tolist() == [0.75, 0.75]
    assert read.people.boxes[0].tolist() == [1, 2, 30, 40]
    assert read.people.joints[:, 0].tolist() == [[10, 20], [110, 120]]
    assert np.isnan(read.people.joints[:, 16]).all()


@pytest.mark.parametrize("kind", ["lists", "names", "landmarks", "several"])
def test_mediapipe(tmp_path, kind):
    named = [{"x": x, "y": y, "z": z, "visibility": 0.25} for x, y, z in LANDMARKS]
    frames = {
        "lists": [LANDMARKS, []],
        "names": [named, []],
        "landmarks": [{"landmarks": named}, {"landmarks": []}],
        "several": [{"pose_landmarks": [named, named]}, {"pose_landmarks": []}],
    }[kind]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    assert identify_format(tmp_path / "a.json") == "mediapipe"
    read = read_sequence(tmp_path / "a.json")
    ids = [-1, -1] if kind == "several" else [1]
    assert [people.track_ids.tolist() for _, people in read] == [ids, []]
    found = by_name(read)[0, ids[0]]
    places = {"nose": 0, "left_shoulder": 11, "right_knee": 26, "left_heel": 29, "right_big_toe": 32}
    assert {name: found[name] for name in places} == {name: tuple(LANDMARKS[k][:2]) for name, k in places.items()}
    assert read.people.joint_scores[0, 0] == (1 if kind == "lists" else 0.25)


@pytest.mark.skipif(not SQUATS.exists(), reason="the recorded landmarks are not here")
def test_recorded_landmarks_are_one_person():
    (one,) = trajectories(open_result(SQUATS))
    assert len(one.frames) == 65
    knees, ankles, nose = (one.joints[:, one.skeleton.index(name), 1] for name in ("left_knee", "left_ankle", "nose"))
    assert (nose < knees).all()
    assert (knees < ankles).all()


INVALID = {
    "frame 0: .*pose model": [[person(keypoints=None)]],
    "frame 1": [[], [person(confidence="high")]],
    "different numbers of keypoints": [[person(), person(keypoints={"x": [5.0], "y": [5.0]})]],
    "positions from 0 to 1; write": [[person(keypoints={"x": [0.5] * 17, "y": [0.5] * 17})]],
    "33 landmarks are expected, got 2": [LANDMARKS[:2]],
    "positions from 0 to 1; multiply": [[[0.5, 0.5, 0.0]] * 33],
    "a frame_id of its own": [{"frame_id": 3, "instances": []}, {"frame_id": 3, "instances": []}],
    "no known skeleton has 2": [{"instances": [{"keypoints": [[1, 2], [3, 4]], "keypoint_scores": [1, 1]}]}],
}


@pytest.mark.parametrize("message", INVALID)
def test_invalid_values_are_refused_in_one_line(tmp_path, message):
    (tmp_path / "a.json").write_text(json.dumps(INVALID[message]))
    with pytest.raises(ValueError, match=message) as error:
        read_sequence(tmp_path / "a.json")
    assert "a.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_of_two_videos(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}_000000000000_keypoints.json").write_text('{"people": []}')
    with pytest.raises(ValueError, match="several videos"):
        read_sequence(tmp_path)
