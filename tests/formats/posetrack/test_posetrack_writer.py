import json
import logging
import re
import tracemalloc
from types import MappingProxyType

import numpy as np
import pytest
from formats.track_files import write_tracks
from shared_data import shared

from pose_track.formats.posetrack.reader import write_posetrack17, write_posetrack18
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.formats.tracks_source import TracksSource
from pose_track.structures.conversion import convert_poses
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15

PEOPLE = [[1, 2], [], [3, 2], [2]]
EARS = ("left_ear", "right_ear")
sources = pytest.mark.parametrize("skeleton", [POSETRACK_15, POSETRACK18_17, COCO_17], ids=lambda s: s.name)
writers = pytest.mark.parametrize("write", [write_posetrack17, write_posetrack18])


def expected(tracks, target):
    """The frames of the tracks file, converted to the target skeleton."""
    return [(t, convert_poses(t.poses, target)) for t in read_tracks(tracks)[1]]


def exported(tmp_path, write, skeleton, people=PEOPLE, source="videos/clip.mp4"):
    write_tracks(tmp_path / "tracks.jsonl", skeleton, people, source)
    write(TracksSource(tmp_path / "tracks.jsonl"), tmp_path / "out.json")
    return json.loads((tmp_path / "out.json").read_text())


def shapes(value):
    """Keys and types of a JSON value; of a list, those of its first item."""
    if isinstance(value, dict):
        return {key: shapes(v) for key, v in value.items()}
    if isinstance(value, list):
        return [shapes(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@sources
@pytest.mark.parametrize("people", [[], [[]], PEOPLE], ids=["no frames", "nobody", "people"])
def test_17_has_every_frame_and_every_present_joint(tmp_path, skeleton, people):
    found = exported(tmp_path, write_posetrack17, skeleton, people)
    frames = expected(tmp_path / "tracks.jsonl", POSETRACK_15)
    assert found.keys() == {"annolist"}
    assert len(found["annolist"]) == len(people)
    for (tracked, poses), record in zip(frames, found["annolist"], strict=True):
        index = tracked.frame_index
        assert record["image"] == [{"name": f"images/clip/{index + 1:08d}.jpg"}]
        assert (record["imgnum"], record["is_labeled"]) == ([index + 1], [1])
        assert [r["track_id"] for r in record["annorect"]] == [[i] for i in people[index]]
        for k, rect in enumerate(record["annorect"]):
            (points,) = (p["point"] for p in rect["annopoints"])
            present = np.flatnonzero(poses.joint_scores[k])
            assert [p["id"] for p in points] == [[j] for j in present]
            assert all(p["is_visible"] == [1] for p in points)
            xy = [[p["x"][0], p["y"][0]] for p in points]
            np.testing.assert_allclose(xy, poses.joints[k, present], atol=0.0051)
            np.testing.assert_allclose([p["score"][0] for p in points], poses.joint_scores[k, present], atol=5.1e-5)
            np.testing.assert_allclose([rect[c][0] for c in ("x1", "y1", "x2", "y2")], poses.boxes[k], atol=0.001)
            np.testing.assert_allclose(rect["score"], [poses.scores[k]], atol=1e-6)


@sources
@pytest.mark.parametrize("people", [[], [[]], PEOPLE], ids=["no frames", "nobody", "people"])
def test_18_has_every_frame_and_every_person(tmp_path, skeleton, people):
    found = exported(tmp_path, write_posetrack18, skeleton, people, source="000342_mpii_test.mp4")
    frames = expected(tmp_path / "tracks.jsonl", POSETRACK18_17)
    assert list(found) == ["images", "annotations", "categories"]
    assert [i["id"] for i in found["images"]] == [10003420000 + n for n in range(len(people))]
    assert [i["file_name"] for i in found["images"]] == [
        f"images/000342_mpii_test/{n:06d}.jpg" for n in range(len(people))
    ]
    for image in found["images"]:
        assert image["frame_id"] == image["id"]
        assert (image["vid_id"], image["nframes"], image["is_labeled"]) == ("000342", len(people), True)
    annotations = iter(found["annotations"])
    for tracked, poses in frames:
        for k, track_id in enumerate(tracked.track_ids):
            a = next(annotations)
            image_id = 10003420000 + tracked.frame_index
            assert (a["id"], a["image_id"]) == (image_id * 100 + k, image_id)
            assert (a["track_id"], a["category_id"]) == (track_id, 1)
            keypoints = np.reshape(a["keypoints"], (17, 3))
            scores = poses.joint_scores[k].copy()
            scores[[POSETRACK18_17.index(ear) for ear in EARS]] = 0
            present = scores > 0
            np.testing.assert_array_equal(keypoints[:, 2], present)
            np.testing.assert_allclose(keypoints[present, :2], poses.joints[k, present], atol=0.0051)
            assert (keypoints[~present] == 0).all()
            np.testing.assert_allclose(a["scores"], scores, atol=5.1e-5)
            x1, y1, x2, y2 = poses.boxes[k]
            np.testing.assert_allclose(a["bbox"], [x1, y1, x2 - x1, y2 - y1], atol=0.01)
    assert next(annotations, None) is None
    assert found["categories"][0]["keypoints"] == list(POSETRACK18_17.joint_names)


def test_18_ears_are_zeros_though_coco_has_them(tmp_path):
    found = exported(tmp_path, write_posetrack18, COCO_17, [[1], [1], [1]])
    ears = [POSETRACK18_17.index(ear) for ear in EARS]
    keypoints = np.reshape([a["keypoints"] for a in found["annotations"]], (3, 17, 3))
    scores = np.array([a["scores"] for a in found["annotations"]])
    assert (keypoints[:, ears] == 0).all()
    assert (scores[:, ears] == 0).all()
    assert (keypoints[..., 2] > 0).any()


def test_18_ids_without_a_number_in_the_name(tmp_path):
    images = exported(tmp_path, write_posetrack18, POSETRACK_15)["images"]
    assert [(i["vid_id"], i["id"]) for i in images] == [("clip", n) for n in range(4)]


def test_18_annotation_ids_stay_unique_in_a_crowd(tmp_path):
    crowd = list(range(1, 131))
    annotations = exported(tmp_path, write_posetrack18, POSETRACK_15, [crowd, crowd])["annotations"]
    assert len({a["id"] for a in annotations}) == 260


@writers
def test_computed_numbers_have_the_decimals_of_tracks(tmp_path, write):
    """COCO's people get a computed neck and top of the head; 2018 has computed widths and heights of boxes."""
    exported(tmp_path, write, COCO_17, [[], list(range(1, 9))])
    decimals = re.findall(r"\d\.(\d+)", (tmp_path / "out.json").read_text())
    assert {len(d) for d in decimals} == {1, 2, 3, 4}
    joints = re.sub(r'"scores?":\[[^]]*\]|"score":[^,}]*', "", (tmp_path / "out.json").read_text())
    assert {len(d) for d in re.findall(r"\d\.(\d+)", joints)} == {1, 2}


def test_person_without_joints(tmp_path):
    tracks = tmp_path / "tracks.jsonl"
    write_tracks(tracks, POSETRACK_15, [[1]])
    lines = tracks.read_text().splitlines()
    record = json.loads(lines[1])
    record["people"][0]["joints"] = [[5, 5, 0]] * 15
    tracks.write_text(f"{lines[0]}\n{json.dumps(record)}\n")
    write_posetrack17(TracksSource(tracks), tmp_path / "17.json")
    (rect,) = json.loads((tmp_path / "17.json").read_text())["annolist"][0]["annorect"]
    assert (rect["track_id"], rect["annopoints"]) == ([1], [])
    write_posetrack18(TracksSource(tracks), tmp_path / "18.json")
    (annotation,) = json.loads((tmp_path / "18.json").read_text())["annotations"]
    assert (annotation["keypoints"], annotation["scores"]) == ([0] * 51, [0] * 17)


def test_joint_at_the_origin_is_present(tmp_path):
    tracks = tmp_path / "tracks.jsonl"
    write_tracks(tracks, POSETRACK18_17, [[1]])
    lines = tracks.read_text().splitlines()
    record = json.loads(lines[1])
    record["people"][0]["joints"][0] = [0, 0, 0.5]
    tracks.write_text(f"{lines[0]}\n{json.dumps(record)}\n")
    write_posetrack18(TracksSource(tracks), tmp_path / "18.json")
    (annotation,) = json.loads((tmp_path / "18.json").read_text())["annotations"]
    assert (annotation["keypoints"][:3], annotation["scores"][0]) == ([0, 0, 1], 0.5)


@writers
def test_image_names_and_ids_are_kept(tmp_path, write):
    frames = (FrameInfo(0, "shots/0.png", 70), FrameInfo(1, "shots/10.png", 71, is_labelled=False), FrameInfo(5))
    people = PoseAnnotations.from_joints(np.full((1, 17, 2), 3.0))
    write(PoseSequence("clip", POSETRACK18_17, frames, people, np.array([1])), tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    images = found.get("images", found.get("annolist"))
    names = [i.get("file_name") or i["image"][0]["name"] for i in images]
    assert names[:2] == ["shots/0.png", "shots/10.png"]
    assert names[2] in ("images/clip/00000006.jpg", "images/clip/000005.jpg")
    assert [i["is_labeled"] for i in images] in ([True, False, True], [[1], [0], [1]])
    if "images" in found:
        assert [i["id"] for i in images] == [70, 71, 5]
        assert [(a["id"], a["image_id"]) for a in found["annotations"]] == [(7101, 71)]


@writers
def test_missing_values_have_no_key(tmp_path, write):
    """No id, no scores, no head box; for PoseTrack18 a bbox is computed."""
    people = PoseAnnotations.from_joints(np.array([[[3.0, 4.0], [13.0, 24.0]] + [[np.nan, np.nan]] * 13] * 2))
    write(PoseSequence("clip", POSETRACK_15, (FrameInfo(0),), people, np.array([0, 0])), tmp_path / "out.json")
    found = json.loads((tmp_path / "out.json").read_text())
    if "annolist" in found:
        rects = found["annolist"][0]["annorect"]
        assert [r.keys() for r in rects] == [{"annopoints"}] * 2
        assert rects[0]["annopoints"][0]["point"][1] == {"id": [1], "x": [13.0], "y": [24.0], "is_visible": [1]}
    else:
        keys = {"id", "image_id", "category_id", "keypoints", "bbox"}
        assert [a.keys() for a in found["annotations"]] == [keys] * 2
        assert found["annotations"][0]["bbox"] == [1.5, 1.0, 13.0, 26.0]  # 13 x 26 is 1.3 times 10 x 20


@writers
def test_infinite_numbers_leave_no_file(tmp_path, write):
    people = PoseAnnotations.from_joints(np.full((1, 15, 2), 3.0), scores=np.array([np.inf]))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(PoseSequence("clip", POSETRACK_15, (FrameInfo(0),), people, np.array([0])), tmp_path / "out.json")
    assert list(tmp_path.iterdir()) == []


@writers
def test_failed_export_leaves_the_old_file(tmp_path, write):
    tracks, out = tmp_path / "tracks.jsonl", tmp_path / "out.json"
    write_tracks(tracks, COCO_17, PEOPLE)
    tracks.write_bytes(tracks.read_bytes()[:-9])
    out.write_text("old")
    with pytest.raises(ValueError, match="line 5"):
        write(TracksSource(tracks), out)
    assert out.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.json", "tracks.jsonl"]
    write(TracksSource(tracks, allow_cut_end=True), out)
    found = json.loads(out.read_text())
    assert len(found.get("images", found.get("annolist"))) == 3


@writers
def test_warnings_about_an_early_end_and_large_ids(tmp_path, write, caplog):
    tracks = tmp_path / "tracks.jsonl"
    write_tracks(tracks, COCO_17, [[9999]])
    with caplog.at_level(logging.WARNING):
        write(TracksSource(tracks), tmp_path / "out.json")
    assert caplog.text == ""
    write_tracks(tracks, COCO_17, [[10000]], fault="camera unplugged")
    with caplog.at_level(logging.WARNING):
        write(TracksSource(tracks), tmp_path / "out.json")
    assert sorted("ends early" in message for message in caplog.messages) == [False, True]  # one of each
    assert "clip has track id 10000" in caplog.text
    assert "after frame 0: camera unplugged" in caplog.text


@writers
def test_memory_does_not_grow_with_the_video(tmp_path, write):
    def peak(num_frames):
        tracemalloc.start()
        write(LongSource(num_frames), tmp_path / "out.json")
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(10)
    assert peak(120) < peak(20) + 20_000  # the 100 frames in between are 70 kB of JSON


class LongSource:
    """A source of many frames with one person each."""

    name, skeleton, extra = "clip", POSETRACK_15, MappingProxyType({})

    def __init__(self, num_frames):
        self.num_frames = num_frames

    def __iter__(self):
        for index in range(self.num_frames):
            yield FrameInfo(index), PoseAnnotations.from_joints(np.full((1, 15, 2), 3.25), track_ids=np.array([1]))


def test_17_has_the_keys_and_types_of_a_real_file(tmp_path):
    real = json.loads(min(shared("data/mpposetrack_gt").glob("*.json")).read_text())
    written = exported(tmp_path, write_posetrack17, POSETRACK_15)
    real_shape, shape = shapes(real["annolist"])[0], shapes(written["annolist"])[0]
    assert shape.keys() - real_shape.keys() == set()
    point, rect = shape["annorect"][0]["annopoints"][0]["point"][0], shape["annorect"][0]
    assert (point.pop("score"), rect.pop("score")) == (["number"], ["number"])  # only predictions have them
    assert {key: real_shape[key] for key in shape} == shape


def test_18_has_the_keys_and_types_of_a_real_file(tmp_path):
    (path,) = shared("data/posetrack18_sample/annotations/val").glob("003418*.json")
    real = json.loads(path.read_text())
    written = exported(tmp_path, write_posetrack18, POSETRACK_15, source="003418_mpii_test.mp4")
    gt_only = {"ignore_regions_x", "ignore_regions_y", "width", "height", "mask_file"}
    gt_only |= {"bbox_head", "iscrowd", "num_keypoints"}
    for part in ("images", "annotations", "categories"):
        real_shape, shape = shapes(real[part])[0], shapes(written[part])[0]
        if part == "annotations":
            assert (real_shape.pop("scores"), shape.pop("scores")) == ([], ["number"])  # ground truth has none
            assert shape.pop("score") == "number"
        assert shape == {key: real_shape[key] for key in real_shape.keys() - gt_only}
    assert written["images"][0]["id"] == real["images"][0]["id"]
    assert written["annotations"][0]["id"] == real["annotations"][0]["id"]
    assert written["categories"][0]["keypoints"] == real["categories"][0]["keypoints"]
