import json
from dataclasses import replace

import numpy as np
import pytest
from formats.posetrack_files import (
    CASES,
    REAL17,
    REAL18,
    annotation,
    assert_same_file,
    assert_same_frames,
    file17,
    file18,
    frame,
    image,
    point,
    rect,
    shared_files,
)
from formats.sample_sequences import assert_same
from formats.track_files import write_tracks
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.formats.posetrack.reader import read_posetrack, write_posetrack17, write_posetrack18
from pose_track.formats.tracks_source import TracksSource
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15

WRITERS = {"posetrack17": write_posetrack17, "posetrack18": write_posetrack18}
EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]
SHARED_JOINTS = [POSETRACK18_17.index(name) for name in POSETRACK_15.joint_names]


def round_trip(sequence, path, layout):
    WRITERS[layout](sequence, path)
    return read_posetrack(path)


def with_ordered_points(value):
    """A JSON value with the points of each person ordered by their ids: their order may change."""
    if isinstance(value, dict):
        points = value.get("point", [])
        by_id = {"point": sorted(points, key=lambda p: p["id"])} if points and "id" in points[0] else {}
        return {key: with_ordered_points(v) for key, v in (value | by_id).items()}
    return [with_ordered_points(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("pattern", [*CASES, *REAL17, *REAL18])
def test_recorded_files_round_trip(tmp_path, pattern):
    """All keys and numbers are equal; a number may be written differently (5 or 5.0)."""
    files = shared_files(pattern)
    assert files
    for path in files[::5] if pattern in REAL17 else files:
        sequence = read_posetrack(path)
        again = round_trip(sequence, tmp_path / path.name, sequence.layout)
        assert_same_file(again, sequence)
        assert with_ordered_points(json.loads((tmp_path / path.name).read_text())) == with_ordered_points(
            json.loads(path.read_text())
        )


@pytest.mark.parametrize("pattern", [*CASES, *REAL17, *REAL18])
def test_recorded_files_round_trip_through_the_other_layout(tmp_path, pattern):
    for path in shared_files(pattern)[::4]:
        one = read_posetrack(path)
        (other,) = WRITERS.keys() - {one.layout}
        back = round_trip(round_trip(one, tmp_path / path.name, other), tmp_path / path.name, one.layout)
        assert_same_in_both_layouts(one, back)


def assert_same_in_both_layouts(one, back):
    """All values that both layouts have are equal."""
    assert back.layout == one.layout
    assert_same_frames(back, one)
    np.testing.assert_array_equal(back.frame_indices, one.frame_indices)
    for name in ("joints", "joint_scores", "scores", "head_boxes", "track_ids"):
        np.testing.assert_array_equal(getattr(back.people, name), getattr(one.people, name), err_msg=name)
    # 2018 has a flag for every present joint
    flags = np.where(one.people.has_joint & (one.people.flags < 0), 1, one.people.flags)
    np.testing.assert_array_equal(back.people.flags, flags)


def test_fields_of_one_layout_round_trip(tmp_path):
    """Unknown keys, and keys without a value."""
    unusual = (
        rect(point(3), score=[], scale=[2.5], x1=[]),
        rect(annopoints=[{"point": []}]),
        rect(annopoints=[{}], y1=None),
    )
    frames = (
        frame(*unusual, frame_sec=[0.5], ignore_regions=[]),
        frame(is_labeled=[]),
        frame(image=[{"name": "b", "v": 1}]),
    )
    path = file17(tmp_path / "a.json", *frames, {"annorect": []}, version="2")
    write_posetrack17(read_posetrack(path), tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == json.loads(path.read_text())

    annotations = [annotation(bbox=[], score=None, ears=2), annotation(scores=[0.0] * 17), annotation(scores=[])]
    annotations += [annotation(bbox=[0.1, 0.2, 0.3, 0.4000000001234], bbox_head=[1, 2, 3, 4])]
    images = [image(0, ignore_regions_x=[], ignore_regions_y=[], has_labeled_person=True), {"id": 101}]
    path = file18(tmp_path / "a.json", images, annotations, licenses=[1])
    write_posetrack18(read_posetrack(path), tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == json.loads(path.read_text())


@pytest.mark.parametrize("layout", WRITERS)
def test_changes_after_reading_are_written(tmp_path, layout):
    """`extra` does not hide a change."""
    path = tmp_path / "a.json"
    if layout == "posetrack17":
        file17(path, frame(rect(point(3)), image=[{"name": "old", "v": 1}]))
    else:
        file18(path, [image(0)], [annotation(joints={"nose": (1, 2, 1)}, bbox=[1, 2, 3, 4], bbox_head=[1, 2, 3, 4])])
    old = read_posetrack(path)
    corners = np.array([[5.0, 6, 7, 8]])
    people = replace(old.people, head_boxes=corners, track_ids=np.array([9]), boxes=np.full((1, 4), np.nan))
    frames = tuple(replace(f, image_name="new", is_labelled=False) for f in old.frames)
    new = replace(old, people=people, frames=frames)
    again = round_trip(new, path, layout)
    assert (again.frames[0].image_name, again.frames[0].is_labelled) == ("new", False)
    np.testing.assert_array_equal(again.people.head_boxes, corners)
    assert np.isnan(again.people.boxes).all()
    assert again.people.track_ids.tolist() == [9]


@pytest.mark.parametrize("skeleton", [POSETRACK_15, POSETRACK18_17, COCO_17], ids=lambda s: s.name)
def test_both_exports_of_tracks_agree(tmp_path, skeleton):
    write_tracks(tmp_path / "tracks.jsonl", skeleton, [[1, 2], [], [3, 2], [2]])
    source = TracksSource(tmp_path / "tracks.jsonl")
    one, other = (round_trip(source, tmp_path / f"{layout}.json", layout) for layout in WRITERS)
    np.testing.assert_array_equal(one.people.joints, other.people.joints[:, SHARED_JOINTS])
    np.testing.assert_array_equal(one.people.joint_scores, other.people.joint_scores[:, SHARED_JOINTS])
    assert not other.people.has_joint[:, EARS].any()
    for name in ("scores", "boxes", "track_ids"):
        np.testing.assert_array_equal(getattr(one.people, name), getattr(other.people, name))
    np.testing.assert_array_equal(one.frame_indices, other.frame_indices)


pixels = st.integers(-99_999, 999_999).map(lambda n: n / 1000)
scores = st.floats(0, 1)
names = st.text('a1/._ é"\\\n[{', min_size=1, max_size=8)


@st.composite
def frame_infos(draw, index):
    region = st.lists(st.tuples(pixels, pixels), min_size=3, max_size=5).map(np.array)
    regions = tuple(draw(st.lists(region, max_size=2)))
    return FrameInfo(index, draw(names), None, draw(st.booleans()), regions)


@st.composite
def sequences(draw, predicted):
    """Sequences that both layouts can express, with POSETRACK_15. predicted: with scores, else with head boxes."""
    frames = tuple(draw(frame_infos(index)) for index in range(draw(st.integers(0, 3))))
    counts = [draw(st.integers(0, 3)) for _ in frames]
    n, k = sum(counts), POSETRACK_15.num_joints
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    present = rng.random((n, k)) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    joints = np.where(present[..., None], rng.uniform(-20, 2000, (n, k, 2)), np.nan)
    joints[rng.random((n, k, 2)) < 0.1] *= 0  # on the border; an absent joint stays NaN
    flags = np.where(present, rng.integers(0, 2, (n, k)), -1)
    flags[present & (joints == 0).all(axis=-1)] = 1  # else it would be absent in 2018
    corners = rng.uniform(-20, 2000, (n, 2)).round(draw(st.integers(0, 6)))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 300, (n, 2)).round(2)], axis=1).round(6)
    arrays = {"head_boxes": boxes}
    if predicted:
        arrays = {
            "boxes": boxes,
            "joint_scores": np.where(present, rng.random((n, k)), np.nan),
            "scores": rng.random(n),
        }
    ids = rng.integers(-1, 10_000, n)
    people = PoseAnnotations.from_joints(joints, flags=flags.astype(np.int8), track_ids=ids, **arrays)
    return PoseSequence("clip", POSETRACK_15, frames, people, np.repeat(np.arange(len(frames)), counts))


@settings(max_examples=25, deadline=None)
@given(st.booleans().flatmap(sequences))
def test_any_sequence_round_trips_through_2017(tmp_path_factory, sequence):
    again = round_trip(sequence, tmp_path_factory.mktemp("a") / "clip.json", "posetrack17")
    assert_same(again, sequence)
    assert_same_frames(again, sequence)


@settings(max_examples=25, deadline=None)
@given(st.booleans().flatmap(sequences), st.sampled_from(["posetrack17", "posetrack18"]))
def test_any_sequence_round_trips_through_the_other_layout(tmp_path_factory, sequence, layout):
    path = tmp_path_factory.mktemp("a") / "clip.json"
    (other,) = WRITERS.keys() - {layout}
    one = round_trip(sequence, path, layout)
    assert_same_in_both_layouts(one, round_trip(round_trip(one, path, other), path, layout))
    again = round_trip(one, path, layout)
    assert_same_file(again, one)


@settings(max_examples=25, deadline=None)
@given(st.booleans().flatmap(sequences))
def test_any_sequence_round_trips_through_2018(tmp_path_factory, sequence):
    again = round_trip(sequence, tmp_path_factory.mktemp("a") / "clip.json", "posetrack18")
    assert_same_frames(again, sequence)
    np.testing.assert_array_equal(again.people.joints[:, SHARED_JOINTS], sequence.people.joints)
    np.testing.assert_array_equal(again.people.joint_scores[:, SHARED_JOINTS], sequence.people.joint_scores)
    np.testing.assert_array_equal(again.people.flags[:, SHARED_JOINTS], sequence.people.flags)
    for name in ("scores", "head_boxes", "track_ids"):
        np.testing.assert_array_equal(getattr(again.people, name), getattr(sequence.people, name))
    has_box = ~np.isnan(sequence.people.boxes)
    np.testing.assert_array_equal(again.people.boxes[has_box], sequence.people.boxes[has_box])
