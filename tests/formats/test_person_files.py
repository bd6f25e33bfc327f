"""Formats with one person a file: C3D, NWB, BVH and JSON, each read back."""

import json
from dataclasses import replace

import numpy as np
import pytest
from moving_people import FPS, by_name, moving_people
from optional_packages import need_packages

from pose_track.formats.bvh import BONES, write_bvh, write_person_bvh
from pose_track.formats.c3d import write_person_c3d
from pose_track.formats.motions import Motion, motions
from pose_track.formats.registry import FORMATS
from pose_track.structures.sequence import PoseAnnotations
from pose_track.structures.skeleton import COCO_17, Skeleton

LENGTHS = {"chest": 90.0, "head": 40.0, "shoulder": 25.0, "elbow": 50.0, "wrist": 45.0, "hip": 15.0, "knee": 70.0}


def test_c3d(tmp_path):
    ezc3d = pytest.importorskip("ezc3d", reason="ezc3d is not installed")
    sequence = moving_people()
    FORMATS["c3d"].write(sequence, tmp_path / "out")
    file = ezc3d.c3d(str(tmp_path / "out" / "clip_person7.c3d"))
    assert file["parameters"]["POINT"]["RATE"]["value"] == [FPS]
    assert file["parameters"]["POINT"]["UNITS"]["value"] == ["px"]
    names = file["parameters"]["POINT"]["LABELS"]["value"]
    assert names == list(sequence.skeleton.joint_names)
    points = file["data"]["points"]
    first = file["header"]["points"]["first_frame"]
    assert (first, points.shape) == (1, (4, 17, 3))
    expected = by_name(sequence)
    for n in range(points.shape[2]):
        found = {
            name: tuple(xyz[:2])
            for name, xyz in zip(names, points[:3, :, n].T.tolist(), strict=True)
            if xyz[0] == xyz[0]
        }
        wanted = expected.get((first + n, 7), {})
        assert found.keys() == wanted.keys()
        assert all(found[name] == pytest.approx(wanted[name], abs=1e-3) for name in wanted)


def test_c3d_in_metres(tmp_path):
    ezc3d = pytest.importorskip("ezc3d", reason="ezc3d is not installed")
    video = motions(moving_people())
    person = replace(video.people[0], joints=video.people[0].joints / 100)
    write_person_c3d(replace(video, unit="m"), person, tmp_path / "a.c3d")
    file = ezc3d.c3d(str(tmp_path / "a.c3d"))
    assert file["parameters"]["POINT"]["UNITS"]["value"] == ["mm"]
    x, y = person.joints[0, 0]
    assert file["data"]["points"][:3, 0, 0].tolist() == pytest.approx([1000 * x, -1000 * y, 0], rel=1e-5)


def test_nwb_is_read_by_movement(tmp_path):
    for package in ("pynwb", "ndx_pose", "movement"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    from movement.io import load_poses

    sequence = moving_people()
    FORMATS["nwb"].write(sequence, tmp_path / "out")
    dataset = load_poses.from_file(tmp_path / "out" / "clip_person7.nwb", source_software="NWB")
    assert (dataset.attrs["fps"], dataset.sizes["time"]) == (FPS, 5)
    assert dataset.individuals.to_numpy().tolist() == ["person7"]
    one = dataset.position.sel(individuals="person7", keypoints="nose").to_numpy()
    assert np.isfinite(one[:, 0]).tolist() == [False, True, False, True, False]
    np.testing.assert_allclose(one[3], by_name(sequence)[3, 7]["nose"])


def test_json(tmp_path):
    sequence = moving_people()
    FORMATS["person-json"].write(sequence, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "clip_person7.json").read_text())
    assert {key: record[key] for key in ("video", "person", "fps", "unit")} == {
        **{"video": "clip", "person": 7},
        **{"fps": FPS, "unit": "px"},
    }
    assert [(frame["frame"], frame["seconds"]) for frame in record["frames"]] == [(1, 0.02), (2, 0.04), (3, 0.06)]
    assert record["frames"][1]["positions"] == [None] * 17
    found = dict(zip(record["joints"], record["frames"][0]["positions"], strict=True))
    expected = by_name(sequence)[1, 7]
    assert {name: tuple(value[:2]) for name, value in found.items() if value} == expected


def jointed_person(num_frames=6):
    """Somebody with bones of constant length, which turn from frame to frame."""
    rng = np.random.default_rng(2)
    points = {"pelvis": rng.uniform(100, 200, (num_frames, 2))}
    for bone in BONES:
        angle = np.arctan2(-bone.rest[1], bone.rest[0]) + rng.uniform(-2.5, 2.5, num_frames)
        length = LENGTHS.get(bone.end.split("_")[-1], 65.0)
        opposite = bone.end.replace("right", "left") if bone.rest[0] < 0 else None
        step = length * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        if opposite:  # pelvis and chest stay midway
            step = points[bone.start] - points[opposite]
        points[bone.end] = points[bone.start] + step
    points["nose"] = points["head"]
    joints = np.stack([points.get(name, np.full((num_frames, 2), np.nan)) for name in COCO_17.joint_names], axis=1)
    return Motion(1, 0, joints, np.ones(joints.shape[:2])), points


def forward_kinematics(text):
    """{name: (T, 3)} of the joints of a BVH file, and of the ends of bones as "name end"."""
    hierarchy, motion = text.split("MOTION")
    words = hierarchy.split()
    nodes, stack, name = [], [], ""
    for n, word in enumerate(words):
        if word in ("ROOT", "JOINT"):
            name = words[n + 1]
        elif word == "End":
            name = f"{stack[-1]} end"
        elif word == "{":
            nodes.append([name, stack[-1] if stack else None, None, []])
            stack.append(name)
        elif word == "}":
            stack.pop()
        elif word == "OFFSET":
            nodes[-1][2] = np.array([float(w) for w in words[n + 1 : n + 4]])
        elif word == "CHANNELS":
            nodes[-1][3] = words[n + 2 : n + 2 + int(words[n + 1])]
    lines = motion.strip().splitlines()
    rows = np.array([[float(cell) for cell in line.split()] for line in lines[2:]])
    assert len(rows) == int(lines[0].split()[1])
    assert rows.shape[1] == sum(len(node[3]) for node in nodes)
    places = {node[0]: [] for node in nodes}
    for row in rows:
        values, turned = iter(row), {None: (np.zeros(3), np.eye(3))}
        for name, parent, offset, channels in nodes:
            origin, rotation = turned[parent]
            position, own = origin + rotation @ offset, rotation
            for channel in channels:
                value = next(values)
                if channel.endswith("position"):
                    position = position + value * np.eye(3)["XYZ".index(channel[0])]
                else:
                    own = own @ axis_rotation("XYZ".index(channel[0]), np.radians(value))
            turned[name] = (position, own)
            places[name].append(position)
    return {name: np.array(where) for name, where in places.items()}


def axis_rotation(axis, angle):
    matrix = np.eye(3)
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix[[a, a, b, b], [a, b, a, b]] = np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
    return matrix


def test_bvh_moves_as_the_person(tmp_path):
    person, points = jointed_person()
    video = replace(motions(moving_people()), skeleton=COCO_17)
    write_person_bvh(video, person, tmp_path / "a.bvh")
    found = forward_kinematics((tmp_path / "a.bvh").read_text())
    upwards = np.array([1, -1])
    for name, bone, end in [
        ("left_knee", "left_knee_to_left_ankle", False),
        ("right_ankle", "right_knee_to_right_ankle", True),
        ("left_wrist", "left_elbow_to_left_wrist", True),
        ("right_elbow", "right_elbow_to_right_wrist", False),
        ("head", "chest_to_head", True),
        ("right_hip", "right_hip_to_right_knee", False),
    ]:
        places = found[f"{bone} end" if end else bone]
        np.testing.assert_allclose(places[:, :2], points[name] * upwards, atol=0.01, err_msg=name)
        assert (places[:, 2] == 0).all()


def test_bvh_keeps_the_angle_of_what_is_not_seen(tmp_path):
    person, _ = jointed_person()
    joints = person.joints.copy()
    joints[2, COCO_17.index("left_wrist")] = np.nan
    joints[:, COCO_17.index("right_ankle")] = np.nan
    video = replace(motions(moving_people()), skeleton=COCO_17)
    write_person_bvh(video, replace(person, joints=joints), tmp_path / "a.bvh")
    found = forward_kinematics((tmp_path / "a.bvh").read_text())
    assert not any("right_ankle" in name for name in found)
    forearm = found["left_elbow_to_left_wrist end"] - found["left_elbow_to_left_wrist"]
    np.testing.assert_allclose(forearm[2], forearm[1], atol=0.01)


def test_bvh_needs_a_trunk(tmp_path):
    horse = Skeleton("horse", ("nose", "withers"))
    horses = PoseAnnotations.from_joints(np.ones((7, 2, 2)), track_ids=np.ones(7, np.int64))
    with pytest.raises(ValueError, match="hips and shoulders, which horse lacks"):
        write_bvh(replace(moving_people(), skeleton=horse, people=horses), tmp_path / "out")


@pytest.mark.parametrize("name", ["trc", "c3d", "bvh", "person-json", "nwb"])
def test_a_folder_with_other_files_stays(tmp_path, name):
    (tmp_path / "notes.txt").write_text("mine")
    need_packages(name)
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        FORMATS[name].write(moving_people(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(FileExistsError, match="is a file, and a folder is written"):
        FORMATS["person-json"].write(moving_people(), tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"
