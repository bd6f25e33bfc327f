import json
import logging

import numpy as np
import pytest
from formats.track_files import write_tracks
from shared_data import shared

from pose_track.formats.joints import convert_poses
from pose_track.formats.posetrack import write_posetrack17, write_posetrack18
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15

PEOPLE = [[1, 2], [], [3, 2], [2]]
EARS = ("left_ear", "right_ear")
sources = pytest.mark.parametrize("skeleton", [POSETRACK_15, POSETRACK18_17, COCO_17], ids=lambda s: s.name)
writers = pytest.mark.parametrize("write", [write_posetrack17, write_posetrack18])


def expected(tracks, target):
    """The frames of `tracks` as they are to come out: converted, and rounded as the file of tracks is."""
    return [(t, convert_poses(t.poses, target)) for t in read_tracks(tracks)[1]]


def exported(tmp_path, write, skeleton, people=PEOPLE, source="videos/clip.mp4", **options):
    write_tracks(tmp_path / "tracks.jsonl", skeleton, people, source)
    write(tmp_path / "tracks.jsonl", tmp_path / "out.json", **options)
    return json.loads((tmp_path / "out.json").read_text())


def shapes(value):
    """Keys and types of a JSON value, to the depth where lists hold the same of everything."""
    if isinstance(value, dict):
        return {key: shapes(v) for key, v in value.items()}
    if isinstance(value, list):
        return [shapes(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


@sources
@pytest.mark.parametrize("people", [[], [[]], PEOPLE], ids=["no frames", "nobody", "people"])
def test_17_holds_every_frame_and_every_present_joint(tmp_path, skeleton, people):
    found = exported(tmp_path, write_posetrack17, skeleton, people)
    truth = expected(tmp_path / "tracks.jsonl", POSETRACK_15)
    assert found.keys() == {"annolist"}
    assert len(found["annolist"]) == len(people)
    for (tracked, poses), record in zip(truth, found["annolist"], strict=True):
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
def test_18_holds_every_frame_and_every_person(tmp_path, skeleton, people):
    found = exported(tmp_path, write_posetrack18, skeleton, people, source="000342_mpii_test.mp4")
    truth = expected(tmp_path / "tracks.jsonl", POSETRACK18_17)
    assert list(found) == ["images", "annotations", "categories"]
    assert [i["id"] for i in found["images"]] == [10003420000 + n for n in range(len(people))]
    assert [i["file_name"] for i in found["images"]] == [
        f"images/000342_mpii_test/{n:06d}.jpg" for n in range(len(people))
    ]
    for image in found["images"]:
        assert image["frame_id"] == image["id"]
        assert (image["vid_id"], image["nframes"], image["is_labeled"]) == ("000342", len(people), True)
    annotations = iter(found["annotations"])
    for tracked, poses in truth:
        for k, track_id in enumerate(tracked.track_ids):
            a = next(annotations)
            image_id = 10003420000 + tracked.frame_index
            assert (a["id"], a["image_id"]) == (image_id * 100 + k, image_id)
            assert (a["track_id"], a["category_id"]) == (track_id, 1)
            keypoints = np.reshape(a["keypoints"], (17, 3))
            scores = poses.joint_scores[k].copy()
            scores[[POSETRACK18_17.index(ear) for ear in EARS]] = 0
            there = scores > 0
            np.testing.assert_array_equal(keypoints[:, 2], there)
            np.testing.assert_allclose(keypoints[there, :2], poses.joints[k, there], atol=0.0051)
            assert (keypoints[~there] == 0).all()
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
    assert [(i["vid_id"], i["id"]) for i in images] == [("clip", 10**10 + n) for n in range(4)]


def test_18_annotation_ids_stay_unique_in_a_crowd(tmp_path):
    crowd = list(range(1, 131))
    annotations = exported(tmp_path, write_posetrack18, POSETRACK_15, [crowd, crowd])["annotations"]
    assert len({a["id"] for a in annotations}) == 260


def test_a_person_without_joints_has_no_points(tmp_path):
    tracks = tmp_path / "tracks.jsonl"
    write_tracks(tracks, POSETRACK_15, [[1]])
    lines = tracks.read_text().splitlines()
    record = json.loads(lines[1])
    record["people"][0]["joints"] = [[5, 5, 0]] * 15
    tracks.write_text(f"{lines[0]}\n{json.dumps(record)}\n")
    write_posetrack17(tracks, tmp_path / "17.json")
    (rect,) = json.loads((tmp_path / "17.json").read_text())["annolist"][0]["annorect"]
    assert (rect["track_id"], rect["annopoints"]) == ([1], [])


def test_a_present_joint_at_the_origin_is_present(tmp_path):
    tracks = tmp_path / "tracks.jsonl"
    write_tracks(tracks, POSETRACK18_17, [[1]])
    lines = tracks.read_text().splitlines()
    record = json.loads(lines[1])
    record["people"][0]["joints"][0] = [0, 0, 0.5]
    tracks.write_text(f"{lines[0]}\n{json.dumps(record)}\n")
    write_posetrack18(tracks, tmp_path / "18.json")
    (annotation,) = json.loads((tmp_path / "18.json").read_text())["annotations"]
    assert (annotation["keypoints"][:3], annotation["scores"][0]) == ([0, 0, 1], 0.5)


@writers
def test_image_names_can_be_given(tmp_path, write):
    found = exported(tmp_path, write, COCO_17, image_name=lambda index: f"shots/{10 * index}.png")
    names = [i["file_name"] for i in found.get("images", [])] or [r["image"][0]["name"] for r in found["annolist"]]
    assert names == ["shots/0.png", "shots/10.png", "shots/20.png", "shots/30.png"]


@writers
def test_a_failed_export_leaves_the_old_file_and_nothing_else(tmp_path, write):
    tracks, out = tmp_path / "tracks.jsonl", tmp_path / "out.json"
    write_tracks(tracks, COCO_17, PEOPLE)
    tracks.write_bytes(tracks.read_bytes()[:-9])
    out.write_text("old")
    with pytest.raises(ValueError, match="line 5"):
        write(tracks, out)
    assert out.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.json", "tracks.jsonl"]
    write(tracks, out, allow_cut_end=True)
    found = json.loads(out.read_text())
    assert len(found.get("images", found.get("annolist"))) == 3


@writers
def test_warnings_tell_of_an_early_end_and_of_ids_the_evaluation_refuses(tmp_path, write, caplog):
    tracks = tmp_path / "tracks.jsonl"
    write_tracks(tracks, COCO_17, [[9999]])
    with caplog.at_level(logging.WARNING):
        write(tracks, tmp_path / "out.json")
    assert caplog.text == ""
    write_tracks(tracks, COCO_17, [[10000]], fault="camera unplugged")
    with caplog.at_level(logging.WARNING):
        write(tracks, tmp_path / "out.json")
    assert "track id 10000" in caplog.text
    assert "after frame 0: camera unplugged" in caplog.text


def test_17_has_the_keys_and_types_of_a_real_file(tmp_path):
    real = json.loads(min(shared("data/mpposetrack_gt").glob("*.json")).read_text())
    ours = exported(tmp_path, write_posetrack17, POSETRACK_15)
    theirs, mine = shapes(real["annolist"])[0], shapes(ours["annolist"])[0]
    assert mine.keys() - theirs.keys() == set()
    point, rect = mine["annorect"][0]["annopoints"][0]["point"][0], mine["annorect"][0]
    assert (point.pop("score"), rect.pop("score")) == (["number"], ["number"])  # what a prediction has besides
    assert {key: theirs[key] for key in mine} == mine


def test_18_has_the_keys_and_types_of_a_real_file(tmp_path):
    (path,) = shared("data/posetrack18_sample/annotations/val").glob("003418*.json")
    real = json.loads(path.read_text())
    ours = exported(tmp_path, write_posetrack18, POSETRACK_15, source="003418_mpii_test.mp4")
    truth_only = {"ignore_regions_x", "ignore_regions_y", "width", "height", "mask_file"}
    truth_only |= {"bbox_head", "iscrowd", "num_keypoints"}
    for part in ("images", "annotations", "categories"):
        theirs, mine = shapes(real[part])[0], shapes(ours[part])[0]
        if part == "annotations":
            assert (theirs.pop("scores"), mine.pop("scores")) == ([], ["number"])  # the truth has none
        assert mine == {key: theirs[key] for key in theirs.keys() - truth_only}
    assert ours["images"][0]["id"] == real["images"][0]["id"]
    assert ours["annotations"][0]["id"] == real["annotations"][0]["id"]
    assert ours["categories"][0]["keypoints"] == real["categories"][0]["keypoints"]
