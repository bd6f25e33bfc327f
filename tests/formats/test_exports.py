"""Formats that are only written."""

import csv
import json
import sys

import numpy as np
import pytest
from sample_sequences import POSITIONS, SCORES, some_joints, three_frames, triples

from pose_track.datasets.coco import load_coco_people
from pose_track.formats import tables
from pose_track.formats.alphapose import write_alphapose
from pose_track.formats.coco_dataset import write_coco_dataset
from pose_track.formats.defaults import person_xywh
from pose_track.formats.mmpose import write_mmpose
from pose_track.formats.openpose import BODY_25, write_openpose
from pose_track.formats.registry import FORMATS
from pose_track.formats.tables import write_csv, write_parquet
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, POSETRACK_15

NAMES = [f"clip_{index:012d}_keypoints.json" for index in range(3)]
WRITERS = {
    "alphapose": write_alphapose,
    "openpose": write_openpose,
    "mmpose": write_mmpose,
    "csv": write_csv,
    "parquet": write_parquet,
}


def test_alphapose(tmp_path):
    write_alphapose(three_frames(), tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == [
        {"image_id": "0.jpg", "category_id": 1, "keypoints": triples(), "score": 0.8, "box": [5, 6, 30, 84], "idx": 3},
        {
            **{"image_id": "0.jpg", "category_id": 1, "keypoints": triples(shift=100, with_scores=False), "score": 1},
            **{"box": [110, 120, 20, 60]},
        },
        {
            **{"image_id": "000002.jpg", "category_id": 1, "keypoints": [0] * 51, "score": 1},
            **{"box": [0, 0, 0, 0], "idx": 4},
        },
    ]


def test_alphapose_converts_to_cocos_joints(tmp_path):
    write_alphapose(three_frames(POSETRACK_15), tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())[0]["keypoints"] == triples()


@pytest.mark.parametrize("skeleton", [COCO_17, POSETRACK_15])
def test_openpose(tmp_path, skeleton):
    write_openpose(three_frames(skeleton), tmp_path / "r")
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == NAMES
    first, second, third = (json.loads((tmp_path / "r" / name).read_text()) for name in NAMES)
    expected = np.zeros((25, 3))
    expected[[0, 5, 2, 9]] = [(*POSITIONS[name], SCORES[name]) for name in POSITIONS]  # numbers of the BODY_25 model
    expected[1] = (20, 41, 0.625)  # midway between the shoulders, with the mean of their scores
    person = first["people"][0]
    assert first["version"] == 1.3
    assert np.reshape(person.pop("pose_keypoints_2d"), (25, 3)).tolist() == expected.tolist()
    assert person.pop("person_id") == [3]
    assert set(person) == {
        *("face_keypoints_2d", "hand_left_keypoints_2d", "hand_right_keypoints_2d"),
        *("pose_keypoints_3d", "face_keypoints_3d", "hand_left_keypoints_3d", "hand_right_keypoints_3d"),
    }
    assert all(value == [] for value in person.values())
    assert first["people"][1]["person_id"] == [-1]
    assert second == {"version": 1.3, "people": []}
    assert third["people"][0]["pose_keypoints_2d"] == [0] * 75


def test_openposes_feet_face_and_hands(tmp_path):
    joints = np.arange(1, 267, dtype=float).reshape(1, 133, 2)
    people = PoseAnnotations.from_joints(joints, np.ones((1, 133)))
    sequence = PoseSequence("clip", COCO_WHOLEBODY_133, (FrameInfo(0),), people, np.zeros(1, np.int64))
    write_openpose(sequence, tmp_path / "r")
    (person,) = json.loads((tmp_path / "r" / NAMES[0]).read_text())["people"]
    assert person["pose_keypoints_2d"][57:60] == [35, 36, 1]  # left big toe: the 17th joint, of BODY_25 the 19th
    assert len(person["face_keypoints_2d"]) == 210
    assert person["face_keypoints_2d"][:3] == [47, 48, 1]
    assert person["face_keypoints_2d"][204:] == [0] * 6  # the pupils
    assert (person["hand_left_keypoints_2d"][:2], person["hand_right_keypoints_2d"][:2]) == ([183, 184], [225, 226])
    assert len(person["hand_right_keypoints_2d"]) == 63


def test_order_of_openposes_joints():
    names = [BODY_25.joint_names[k] for k in (0, 1, 2, 7, 8, 9, 11, 14, 15, 18, 19, 24)]
    assert names == [
        *("nose", "neck", "right_shoulder", "left_wrist", "mid_hip", "right_hip", "right_ankle", "left_ankle"),
        *("right_eye", "left_ear", "left_big_toe", "right_heel"),
    ]


def test_mid_hip_needs_both_hips(tmp_path):
    sequence = three_frames()
    sequence.people.joints[0, COCO_17.index("left_hip")] = (31.25, 90)
    sequence.people.joint_scores[0, COCO_17.index("left_hip")] = 0.75
    write_openpose(sequence, tmp_path / "r")
    people = json.loads((tmp_path / "r" / NAMES[0]).read_text())["people"]
    assert people[0]["pose_keypoints_2d"][24:27] == [21.25, 85, 0.5]
    assert people[1]["pose_keypoints_2d"][24:27] == [0, 0, 0]


@pytest.mark.parametrize("name", ["../../away", "a/b", "..", "", "a\\b\0c", "x" * 300, "é\n"])
def test_file_names_stay_in_the_folder(tmp_path, name):
    (tmp_path / "in").mkdir()
    write_openpose(three_frames(name=name), tmp_path / "in" / "r")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["r"]
    assert len(list((tmp_path / "in" / "r").glob("*_keypoints.json"))) == 3


def test_openpose_folder_replaces_only_an_older_one(tmp_path):
    folder = tmp_path / "r"
    write_openpose(three_frames(name="old"), folder)
    write_openpose(three_frames(), folder)
    assert sorted(path.name for path in folder.iterdir()) == NAMES
    (folder / "notes.txt").write_text("other")
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        write_openpose(three_frames(), folder)
    assert (folder / "notes.txt").read_text() == "other"
    assert len(list(folder.iterdir())) == 4


def test_two_frames_with_one_index(tmp_path):
    frames = (FrameInfo(0), FrameInfo(0))
    sequence = PoseSequence("clip", COCO_17, frames, PoseAnnotations.empty(COCO_17), np.zeros(0, np.int64))
    with pytest.raises(FileExistsError):
        write_openpose(sequence, tmp_path / "r")
    assert list(tmp_path.iterdir()) == []


def test_mmpose(tmp_path):
    write_mmpose(three_frames(), tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    meta, frames = data["meta_info"], data["instance_info"]
    assert (meta["dataset_name"], meta["num_keypoints"]) == ("coco", 17)
    assert meta["keypoint_id2name"] == {str(k): name for k, name in enumerate(COCO_17.joint_names)}
    assert meta["keypoint_name2id"]["left_wrist"] == 9
    assert [5, 7] in meta["skeleton_links"]
    assert [frame["frame_id"] for frame in frames] == [1, 2, 3]
    complete, joints_only = frames[0]["instances"]
    expected = np.reshape(triples(), (17, 3))
    assert complete["keypoints"] == expected[:, :2].tolist()
    assert complete["keypoint_scores"] == expected[:, 2].tolist()
    assert (complete["bbox"], complete["bbox_score"], complete["track_id"]) == ([[5, 6, 35, 90]], 0.8, 3)
    assert joints_only["bbox"] == [[110, 120, 130, 180]]
    assert "track_id" not in joints_only
    assert frames[1]["instances"] == []
    assert frames[2]["instances"][0]["bbox"] == [[0, 0, 0, 0]]
    assert [frame.get("image_name") for frame in frames] == [None, None, "images/x/000002.jpg"]


def test_mmpose_names_the_joints(tmp_path):
    write_mmpose(three_frames(POSETRACK_15), tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    assert list(data["meta_info"]["keypoint_name2id"]) == list(POSETRACK_15.joint_names)
    nose = data["meta_info"]["keypoint_name2id"]["nose"]
    assert data["instance_info"][0]["instances"][0]["keypoints"][nose] == list(POSITIONS["nose"])


EXPECTED_CSV = """frame,seconds,track,joint,x,y,score,image
0,0.0,3,nose,10.5,20.0,0.9,
0,0.0,3,left_shoulder,30.0,40.0,0.5,
0,0.0,3,right_shoulder,10.0,42.0,0.75,
0,0.0,3,right_hip,11.25,80.0,0.25,
0,0.0,,nose,110.5,120.0,,
0,0.0,,left_shoulder,130.0,140.0,,
0,0.0,,right_shoulder,110.0,142.0,,
0,0.0,,right_hip,111.25,180.0,,
"""


def test_csv(tmp_path):
    write_csv(three_frames(), tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_bytes().decode() == EXPECTED_CSV


def crowd(count=200):
    """Random people with odd digits, a fifth of the joints absent, in frames without times."""
    rng = np.random.default_rng(0)
    joints, scores = rng.normal(0, 1e3, (count, 17, 2)), rng.uniform(0, 1, (count, 17))
    joints[rng.uniform(size=(count, 17)) < 0.2] = np.nan
    people = PoseAnnotations.from_joints(joints, scores, track_ids=np.arange(count))
    frames = tuple(FrameInfo(index) for index in range(50))
    return PoseSequence("crowd", COCO_17, frames, people, np.sort(rng.integers(0, 50, count)))


def test_csv_has_each_joint_with_every_digit(tmp_path):
    sequence = crowd()
    write_csv(sequence, tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    joints, scores = np.full((200, 17, 2), np.nan), np.full((200, 17), np.nan)
    for row in rows:
        person, k = int(row["track"]), COCO_17.index(row["joint"])
        assert int(row["frame"]) == sequence.frame_indices[person]
        joints[person, k], scores[person, k] = (float(row["x"]), float(row["y"])), float(row["score"])
    np.testing.assert_array_equal(joints, sequence.people.joints)
    np.testing.assert_array_equal(scores, np.where(sequence.people.has_joint, sequence.people.joint_scores, np.nan))
    assert len(rows) == sequence.people.has_joint.sum()
    assert {row["seconds"] for row in rows} == {""}


@pytest.mark.parametrize("make", [three_frames, crowd])
def test_parquet_has_the_rows_of_csv_with_types(tmp_path, monkeypatch, make):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(tables, "_ROWS_PER_BATCH", 100)
    write_csv(make(), tmp_path / "r.csv")
    write_parquet(make(), tmp_path / "r.parquet")
    file = parquet.ParquetFile(tmp_path / "r.parquet")
    types = ["int64", "double", "int64", "string", "double", "double", "double", "string"]
    assert [str(field.type) for field in file.schema_arrow] == types
    group_sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert all(100 <= count < 300 for count in group_sizes[:-1])  # complete frames
    assert (len(group_sizes) > 10) == (make is crowd)
    columns = file.read().to_pydict()
    assert tuple(columns) == tables.COLUMNS
    rows = [["" if value is None else str(value) for value in row] for row in zip(*columns.values(), strict=True)]
    with (tmp_path / "r.csv").open(newline="") as text:
        assert [list(tables.COLUMNS), *rows] == list(csv.reader(text))


def test_parquet_states_units_and_source(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(three_frames(), tmp_path / "r.parquet")
    schema = parquet.read_schema(tmp_path / "r.parquet")
    units = {field.name: field.metadata[b"unit"] for field in schema if b"unit" in (field.metadata or {})}
    assert units == {"seconds": b"s", "x": b"px", "y": b"px"}
    assert schema.metadata[b"source"] == b"clip"


def test_parquet_without_people(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(
        PoseSequence("s", COCO_17, (), PoseAnnotations.empty(COCO_17), np.zeros(0, np.int64)), tmp_path / "r.parquet"
    )
    table = parquet.read_table(tmp_path / "r.parquet")
    assert (table.num_rows, tuple(table.column_names)) == (0, tables.COLUMNS)


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ImportError, match=r"pyarrow.*pip install"):
        write_parquet(three_frames(), tmp_path / "r.parquet")


class FailingSource:
    """A source that raises after its first frame."""

    name, skeleton, extra = "clip", COCO_17, {}

    def __iter__(self):
        yield next(iter(three_frames()))
        raise ValueError("line 3 is broken")


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_no_file_is_left_after_an_error(tmp_path, write):
    with pytest.raises(ValueError, match="line 3 is broken"):
        write(FailingSource(), tmp_path / "r")
    assert list(tmp_path.iterdir()) == []


class LongSource:
    """A long source that records the size of the output before each frame."""

    name, skeleton, extra = "clip", COCO_17, {}

    def __init__(self, path):
        self.path, self.sizes = path, []

    def __iter__(self):
        people = PoseAnnotations.from_joints(*(np.repeat(values, 30, axis=0) for values in some_joints()))
        for index in range(400):
            self.sizes.append(sum(p.stat().st_size for p in self.path.parent.iterdir()))
            yield FrameInfo(index), people


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_tables_are_written_frame_by_frame(tmp_path, monkeypatch, write):
    monkeypatch.setattr(tables, "_ROWS_PER_BATCH", 1000)
    source = LongSource(tmp_path / "r")
    write(source, tmp_path / "r")
    assert source.sizes[300] > source.sizes[100] > 0


@pytest.mark.parametrize(
    ("box", "bbox", "expected"),
    [
        # the file's numbers, where the box is unchanged
        ((0.1, 0.1, 0.3, 1 / 3 + 0.1), [0.1, 0.1, 0.2, 1 / 3], [0.1, 0.1, 0.2, 1 / 3]),
        # not where the box has changed
        ((1.0, 1, 3, 4), [0.1, 0.1, 0.2, 0.7], [1, 1, 2, 3]),
        ((1.0, 1, 3, 4), None, [1, 1, 2, 3]),
        # without rounding errors
        ((0.1, 0.1, 0.3, 0.8), None, [0.1, 0.1, 0.2, 0.7]),
        # values that other layouts may have under this key
        ((1.0, 1, 3, 4), "1123", [1, 1, 2, 3]),
        ((1.0, 1, 3, 4), [1, 1, None, 3], [1, 1, 2, 3]),
        ((1.0, 1, 3, 4), [1, 1, 2, 10**400], [1, 1, 2, 3]),
    ],
)
def test_unchanged_box_keeps_the_numbers_of_its_file(box, bbox, expected):
    people = PoseAnnotations.from_joints(np.full((1, 17, 2), np.nan), boxes=np.array([box]))
    people.extra[0] = {"bbox": bbox}
    assert person_xywh(people) == [expected]


@pytest.mark.parametrize(("name", "ids"), [("clip", [0, 1, 2]), ("000342_a", [10003420000, 10003420001, 10003420002])])
def test_coco_dataset(tmp_path, name, ids):
    sequence = three_frames(name=name)
    write_coco_dataset(sequence, tmp_path / "r.json")
    data = json.loads((tmp_path / "r.json").read_text())
    names = [f"{name}_000000.jpg", f"{name}_000001.jpg", "images/x/000002.jpg"]
    assert [(image["id"], image["file_name"]) for image in data["images"]] == list(zip(ids, names, strict=True))
    first, second = data["annotations"]  # the third person has neither box nor joints
    assert [(a["id"], a["image_id"], a["category_id"], a["num_keypoints"]) for a in (first, second)] == [
        (1, ids[0], 1, 4),
        (2, ids[0], 1, 4),
    ]
    assert (first["bbox"], first["area"], first["score"], first["track_id"]) == ([5, 6, 30, 84], 2520, 0.8, 3)
    assert second["bbox"] == [110, 120, 20, 60]
    assert first["keypoints"][:6] == [10.5, 20, 2, 0, 0, 0]
    assert data["categories"][0]["keypoints"] == list(COCO_17.joint_names)
    label, _ = load_coco_people(tmp_path / "r.json", COCO_17)
    assert label.image_id == ids[0]


@pytest.mark.parametrize("name", ["clip", "000342_a"])
def test_image_ids_agree_between_formats(tmp_path, name):
    sequence = three_frames(name=name)
    written = {}
    for to in ("coco", "coco-dataset", "posetrack18"):
        FORMATS[to].write(sequence, tmp_path / f"{to}.json")
        data = json.loads((tmp_path / f"{to}.json").read_text())
        written[to] = [entry["image_id"] for entry in (data if to == "coco" else data["annotations"])]
    assert written["coco"] == written["posetrack18"]
    assert written["coco-dataset"] == written["coco"][:2]
