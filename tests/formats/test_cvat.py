"""CVAT's XML, written, read, and as CVAT itself writes it."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from command_line import run_command
from formats.annotated_sequences import annotated, assert_same_people
from formats.track_files import write_tracks

from pose_track.formats.cvat.labels import write_cvat_labels
from pose_track.formats.cvat.reader import read_cvat
from pose_track.formats.cvat.writer import write_cvat
from pose_track.formats.person_tracks import person_tracks
from pose_track.formats.problems import Problems
from pose_track.formats.registry import identify_format, read_sequence
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton

# As CVAT exports a task with two tracks: shapes between keyframes have keyframe="0", and an absent point is outside.
EXPORTED = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta>
    <task>
      <id>5</id><name>walk</name><size>6</size><mode>interpolation</mode><overlap>5</overlap><bugtracker></bugtracker>
      <start_frame>0</start_frame><stop_frame>5</stop_frame>
      <labels>
        <label><name>ball</name><color>#ff0000</color><type>rectangle</type><attributes></attributes></label>
        <label><name>person</name><color>#c06060</color><type>skeleton</type><attributes></attributes>
          <svg>&lt;line data-type="edge" data-node-from="1" data-node-to="2"&gt;&lt;/line&gt;</svg></label>
        <label><name>head</name><type>points</type><attributes></attributes><parent>person</parent></label>
        <label><name>tail</name><type>points</type><attributes></attributes><parent>person</parent></label>
      </labels>
      <original_size><width>320</width><height>180</height></original_size>
    </task>
    <dumped>2024-01-01 00:00:00</dumped>
  </meta>
  <track id="0" label="ball" source="manual">
    <box frame="0" keyframe="1" outside="0" occluded="0" xtl="10" ytl="20" xbr="30" ybr="80" z_order="0"></box>
  </track>
  <track id="1" label="person" source="manual">
    <skeleton frame="1" keyframe="1" z_order="0">
      <points label="tail" keyframe="1" outside="0" occluded="1" points="10.50,20.00"></points>
      <points label="head" keyframe="1" outside="0" occluded="0" points="30.00,40.25">
        <attribute name="quality">good</attribute>
      </points>
    </skeleton>
    <skeleton frame="2" keyframe="0" z_order="0">
      <points label="tail" keyframe="0" outside="1" occluded="1" points="11.50,20.00"></points>
      <points label="head" keyframe="0" outside="0" occluded="0" points="31.00,40.25"></points>
    </skeleton>
    <skeleton frame="3" keyframe="1" z_order="0">
      <points label="tail" keyframe="1" outside="1" occluded="1" points="11.50,20.00"></points>
      <points label="head" keyframe="1" outside="1" occluded="0" points="31.00,40.25"></points>
    </skeleton>
  </track>
</annotations>
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "annotations.xml"


@pytest.mark.parametrize(
    "skeleton", [COCO_17, POSETRACK_15, Skeleton("horse", ("nose", "mane", "left_ear", "right_ear"))]
)
@pytest.mark.parametrize("num_frames", [30, 42])
def test_round_trip(path, skeleton, num_frames):
    sequence = annotated(skeleton, num_frames)
    write_cvat(sequence, path)
    read = read_cvat(path)
    if skeleton.name == "horse":
        assert read.skeleton.joint_names == skeleton.joint_names
        read = type(read)(read.name, skeleton, read.frames, read.people, read.frame_indices)
    assert_same_people(sequence, read)
    assert identify_format(path) == "cvat"


def test_the_written_file_has_what_cvat_requires(path):
    """The attributes that CVAT's loader takes without a default, and the form of its own exports."""
    write_cvat(annotated(num_frames=42), path)
    root = ElementTree.parse(path).getroot()
    assert (root.tag, root.findtext("version")) == ("annotations", "1.1")
    assert root.findtext("meta/task/mode") == "interpolation"
    labels = {label.findtext("name"): label for label in root.iterfind("meta/task/labels/label")}
    assert labels["person"].findtext("type") == "skeleton"
    assert [name for name, label in labels.items() if label.findtext("parent") == "person"] == list(COCO_17.joint_names)
    tracks = root.findall("track")
    assert [(track.get("id"), track.get("label")) for track in tracks] == [("1", "person"), ("6", "person")]
    for track in tracks:
        frames = [int(skeleton.get("frame")) for skeleton in track.iterfind("skeleton")]
        assert frames == sorted(set(frames))
        for skeleton in track.iterfind("skeleton"):
            assert skeleton.get("keyframe") == "1"
            points = skeleton.findall("points")
            assert [one.get("label") for one in points] == list(COCO_17.joint_names)
            for one in points:
                assert {one.get(name) for name in ("outside", "occluded", "keyframe")} <= {"0", "1"}
                assert len([float(value) for value in one.get("points").split(",")]) == 2
    ends = [
        [
            int(shape.get("frame"))
            for shape in track.iterfind("skeleton")
            if all(one.get("outside") == "1" for one in shape.iterfind("points"))
        ]
        for track in tracks
    ]
    assert ends == [[20], [10, 30]]


def test_an_export_of_cvat(path, caplog):
    path.write_text(EXPORTED)
    read = read_cvat(path)
    assert read.skeleton.joint_names == ("head", "tail")
    assert len(read.frames) == 6
    assert read.frame_indices.tolist() == [1, 2]
    assert read.people.track_ids.tolist() == [2, 2]
    np.testing.assert_array_equal(read.people.joints, [[[30, 40.25], [10.5, 20]], [[31, 40.25], [np.nan, np.nan]]])
    assert read.people.flags.tolist() == [[2, 1], [2, 0]]
    assert dict(read.extra) == {"width": 320, "height": 180}
    assert "1 tracks without a skeleton" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<annotations>", "<html>", "not CVAT's XML"),
        ("<annotations>", '<!DOCTYPE a [<!ENTITY b "c">]><annotations>', "document type"),
        ("</track>\n</annotations>", "</track>", "not valid XML"),
        ('track id="1"', 'track id="x"', "track x: id must be a number"),
        ('skeleton frame="1"', 'skeleton frame="-1"', "track 1: frame must be a number"),
        ('points="10.50,20.00"', 'points="nan,20.00"', "track 1: x must be a finite number"),
        ('points="10.50,20.00"', 'points="10.50"', "track 1: points of tail must be x,y"),
        ('points="10.50,20.00"', 'points="a,b"', "track 1: could not convert"),
        ('points label="tail"', 'points label="tale"', "track 1: cvat has no joint 'tale'"),
        ('<track id="0"', '<image id="0" name="a.png"></image><track id="0"', "CVAT for video 1.1"),
        ("<skeleton frame", "<bones frame", "not valid XML"),
    ],
)
def test_invalid_files(path, old, new, message):
    path.write_text(EXPORTED.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        read_cvat(path)


def test_invalid_tracks_are_left_out_if_lenient(path):
    path.write_text(EXPORTED.replace('points="10.50,20.00"', 'points="nan,20.00"'))
    problems = Problems(lenient=True)
    assert len(read_cvat(path, problems).people) == 0
    assert len(problems.messages) == 1


def test_people_without_ids_get_their_own(path):
    sequence = annotated()
    sequence.people.track_ids[:3] = -1
    write_cvat(sequence, path)
    read = read_cvat(path)
    assert len(set(read.people.track_ids.tolist())) == 5
    assert len(read.people) == len(sequence.people)


def test_labels_are_cvats_raw_json(tmp_path):
    write_cvat_labels(annotated(), tmp_path / "labels.json")
    (person,) = json.loads((tmp_path / "labels.json").read_text())
    assert (person["name"], person["type"]) == ("person", "skeleton")
    assert [one["name"] for one in person["sublabels"]] == list(COCO_17.joint_names)
    drawing = ElementTree.fromstring(f"<svg>{person['svg']}</svg>")
    circles = {one.get("data-node-id"): one for one in drawing.iterfind("circle")}
    assert [one.get("data-label-name") for one in circles.values()] == list(COCO_17.joint_names)
    assert len({(one.get("cx"), one.get("cy")) for one in circles.values()}) == COCO_17.num_joints
    for line in drawing.iterfind("line"):
        start, end = circles[line.get("data-node-from")], circles[line.get("data-node-to")]
        assert [line.get(name) for name in ("x1", "y1", "x2", "y2")] == [
            *(start.get("cx"), start.get("cy"), end.get("cx"), end.get("cy")),
        ]


def test_from_a_result_to_truth(tmp_path, path):
    """tracks.jsonl to CVAT, and back to PoseTrack's layout for `evaluate`."""
    frames = write_tracks(tmp_path / "tracks.jsonl", POSETRACK_15, [[1, 2], [], [2], [1, 2]])
    assert run_command("convert", tmp_path / "tracks.jsonl", path, "--to", "cvat") == 0
    gt = tmp_path / "gt.json"
    assert run_command("convert", path, gt, "--to", "posetrack18") == 0
    read = read_sequence(gt)
    assert [len(people) for _, people in read] == [2, 0, 1, 2]
    assert person_tracks(read)[0] == 4
    pairs = [(read.skeleton.index(name), POSETRACK_15.index(name)) for name in POSETRACK_15.joint_names]
    for (_, people), tracked in zip(read, frames, strict=True):
        for target, k in pairs:
            there = tracked.poses.joint_scores[:, k] > 0
            np.testing.assert_array_equal(people.has_joint[:, target], there)
            np.testing.assert_allclose(people.joints[there, target], tracked.poses.joints[there, k], atol=0.011)
