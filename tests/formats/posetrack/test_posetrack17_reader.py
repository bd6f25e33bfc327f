import gc
import json
import time

import numpy as np
import pytest
from formats.posetrack_files import CASES, REAL17, assert_same_file, file17, frame, point, put, rect, shared_files

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.posetrack.v2017 import told17
from pose_track.formats.posetrack.v2017_fast import decode17, sequence17
from pose_track.formats.problems import Problems
from pose_track.structures.skeleton import POSETRACK_15

NAN, INF = float("nan"), float("inf")


def read(path, *frames, **more):
    return read_posetrack(file17(path / "a.json", *frames, **more))


def test_truth(tmp_path):
    regions = [{"point": [{"x": [1], "y": [2]}, {"x": [3.5], "y": [4]}, {"x": [5], "y": [6]}]}, {"point": []}]
    truth = read(
        tmp_path,
        frame(rect(point(0), point(13, 3, 4, is_visible=[0])), rect(point(14, -1.25, 700, is_visible=[])), number=5),
        frame(number=6, is_labeled=[0], ignore_regions=regions),
    )
    assert (truth.name, truth.layout, truth.skeleton, len(truth)) == ("a", "posetrack17", POSETRACK_15, 2)
    assert truth.frame_of.tolist() == [0, 0]
    people = truth.people
    assert np.argwhere(people.has_joint).tolist() == [[0, 0], [0, 13], [1, 14]]
    assert people.joints[people.has_joint].tolist() == [[1.5, 2.5], [3, 4], [-1.25, 700]]
    assert people.flags[people.has_joint].tolist() == [1, 0, -1]
    assert (people.flags[~people.has_joint] == -1).all()
    assert people.head_boxes.tolist() == [[10, 20, 40, 60]] * 2
    assert np.isnan(people.boxes).all()
    assert np.isnan(people.joint_scores).all()
    assert np.isnan(people.scores).all()
    assert people.track_ids.tolist() == [7, 7]
    first, second = truth.frames
    assert (first.index, first.image_name, first.image_id, first.is_labelled) == (
        0,
        "images/a/00000005.jpg",
        None,
        True,
    )
    assert (second.index, second.is_labelled, second.more) == (1, False, {"imgnum": [6], "is_labeled": [0]})
    assert [region.tolist() for region in second.ignore_regions] == [[[1, 2], [3.5, 4], [5, 6]], []]


def test_prediction(tmp_path):
    scored = rect(point(0, score=[0.25]), point(1), score=[0.5])
    unsure = rect(point(0), score=[-1], x1=[1.0])
    people = read(tmp_path, frame(scored, unsure, rect(annopoints=[], score=[0.75]), rect(annopoints=[]))).people
    assert people.joint_scores[0, :3].tolist() == pytest.approx([0.25, NAN, NAN], nan_ok=True)
    assert people.scores.tolist() == pytest.approx([0.5, -1, 0.75, NAN], nan_ok=True)
    told = ~np.isnan(np.stack([people.boxes, people.head_boxes])).any(axis=2)
    assert told.tolist() == [[True, False, True, False], [False, True, False, True]]  # by the points, then by the score


def test_people_without_points_are_kept(tmp_path):
    lacking = rect()
    del lacking["annopoints"]
    people = read(tmp_path, frame(rect(annopoints=[]), rect(), rect(annopoints=[{}]), lacking, {})).people
    assert len(people) == 5
    assert not people.has_joint.any()
    assert people.track_ids.tolist() == [7, 7, 7, 7, -1]


def test_of_a_joint_given_twice_the_first_counts(tmp_path):
    people = read(tmp_path, frame(rect(point(3, 1, 2), point(4), point(3, 8, 9)))).people
    assert people.joints[0, 3].tolist() == [1, 2]
    assert people.has_joint.sum() == 2


def test_scalars_may_be_bare_and_numbers_whole_without_being_integers(tmp_path):
    listed = rect(point(3, 1, 2, score=[0.5]), score=[0.25])
    bare = {key: value[0] for key, value in listed.items() if key != "annopoints"}
    bare["annopoints"] = [{"point": [{"id": 3.0, "x": 1, "y": 2, "score": 0.5, "is_visible": 1.0}]}]
    one = read(tmp_path, frame(listed))
    other = read(tmp_path, frame(bare | {"track_id": 7.0}, image={"name": ["images/a/00000001.jpg"]}))
    for name in ("joints", "joint_scores", "flags", "scores", "boxes", "head_boxes", "track_ids"):
        np.testing.assert_array_equal(getattr(one.people, name), getattr(other.people, name))
    assert other.frames[0].image_name == "images/a/00000001.jpg"


def test_files_without_people_or_frames(tmp_path):
    assert len(read(tmp_path)) == 0
    empty = read(tmp_path, frame(), {"image": [{"name": "b.jpg"}]}, {})
    assert [f.image_name for f in empty.frames] == ["images/a/00000001.jpg", "b.jpg", ""]
    assert len(empty.people) == 0
    assert all(f.is_labelled for f in empty.frames)


def test_what_else_is_told_is_kept(tmp_path):
    sequence = read(tmp_path, frame(rect(point(1), scale=[3.5], head_r=[9]), seq="b"), version=[2])
    assert sequence.more == {"version": [2]}
    assert sequence.frames[0].more == {"imgnum": [1], "is_labeled": [1], "seq": "b"}
    assert sequence.people.more[0] == {"scale": [3.5], "head_r": [9]}


GOOD = rect(point(3))
PERSON = "frame 1 (images/a/00000001.jpg), person 1"
BROKEN = [
    (rect(point(3), track_id=["7"]), f"{PERSON}: track_id must be a whole number of at least -1, got '7'"),
    (rect(point(3), track_id=[True]), f"{PERSON}: track_id must be a whole number of at least -1, got True"),
    (rect(point(3), track_id=[7.5]), f"{PERSON}: track_id must be a whole number of at least -1, got 7.5"),
    (rect(point(3), track_id=[NAN]), f"{PERSON}: track_id must be a whole number of at least -1, got nan"),
    (rect(point(3), track_id=[2**63]), f"{PERSON}: track_id must be a whole number of at least -1, got 92233"),
    (rect(point(3), track_id=[7, 8]), f"{PERSON}: track_id must be a list of one, got [7, 8]"),
    (rect(point(3), x1=[INF]), f"{PERSON}: x1 must be a finite number, got inf"),
    (rect(point(3), score=["high"]), f"{PERSON}: score must be a finite number, got 'high'"),
    (rect(point(3), annopoints=[{"point": [5]}]), f"{PERSON}: point must be a list of objects, got [5]"),
    (rect(point(3), annopoints=[{}, {}]), f"{PERSON}: annopoints must be a list of one, got [{{}}, {{}}]"),
    (5, f"{PERSON} must be an object, got 5"),
    (rect(point(3), point(4, x=NAN)), f"{PERSON}, point 1: x must be a finite number, got nan"),
    (rect(point(3), point(4, y=-INF)), f"{PERSON}, point 1: y must be a finite number, got -inf"),
    (rect(point(3), point(4, y=None)), f"{PERSON}, point 1: y must be a finite number, got None"),
    (rect(point(3), point(4, x=True)), f"{PERSON}, point 1: x must be a finite number, got True"),
    (rect(point(3), point(4, score=[NAN])), f"{PERSON}, point 1: score must be a finite number, got nan"),
    (rect(point(3), point(15)), f"{PERSON}, point 1: id must be a whole number from 0 to 14, got 15"),
    (rect(point(3), point("4")), f"{PERSON}, point 1: id must be a whole number from 0 to 14, got '4'"),
    (
        rect(point(3), point(4, is_visible=[500])),
        f"{PERSON}, point 1: is_visible must be a whole number from -1",
    ),
]


@pytest.mark.parametrize(("bad", "message"), BROKEN, ids=[message.partition("person 1")[2] for _, message in BROKEN])
def test_people_at_fault_are_named_or_left_out(tmp_path, bad, message):
    """A fault of a point costs the point, any other the person."""
    path = file17(tmp_path / "a.json", frame(), frame(GOOD, bad, GOOD))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        read_posetrack(path)
    assert str(caught.value).startswith(f"{path}, {message}")
    problems = Problems(lenient=True)
    sequence = read_posetrack(path, problems)
    assert [m.startswith(f"{path}, {message}") for m in problems.messages] == [True]
    kept = [3] if "point 1" in message else []
    joints = [np.flatnonzero(has).tolist() for has in sequence.people.has_joint]
    assert joints == [[3], *([kept] if kept else []), [3]]
    assert sequence.frame_of.tolist() == [1] * len(joints)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (5, "frame 1 must be an object, got 5"),
        (frame(image=["b.jpg"]), "frame 1: image must be an object with a name, got 'b.jpg'"),
        (frame(is_labeled=["no"]), "frame 1 (images/a/00000001.jpg): is_labeled must be 0 or 1, got 'no'"),
        (
            frame(annorect={"x1": 1}),
            "frame 1 (images/a/00000001.jpg): annorect must be a list of people, got {",
        ),
        (
            frame(ignore_regions=[{"point": [{"x": [1], "y": [NAN]}]}]),
            "frame 1 (images/a/00000001.jpg), ignore region 0: y must be a finite number, got nan",
        ),
        (frame(ignore_regions=[5]), "frame 1 (images/a/00000001.jpg): ignore_regions must be a list of objects"),
    ],
)
def test_frames_at_fault_keep_their_place(tmp_path, bad, message):
    path = file17(tmp_path / "a.json", frame(), bad, frame(GOOD))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the text is compared below)
        read_posetrack(path)
    assert str(caught.value).startswith(f"{path}, {message}")
    problems = Problems(lenient=True)
    sequence = read_posetrack(path, problems)
    assert len(problems.messages) == 1
    assert (len(sequence), sequence.frame_of.tolist()) == (3, [2])
    assert sequence.frames[1].ignore_regions == ()


def test_each_fault_is_counted(tmp_path):
    bad = rect(point(1, NAN), point(2), point(3, 1, INF)), rect(point(1), track_id=["x"])
    problems = Problems(lenient=True)
    sequence = read_posetrack(file17(tmp_path / "a.json", frame(*bad), frame(*bad, GOOD, number=2)), problems)
    assert len(problems.messages) == 6
    assert np.argwhere(sequence.people.has_joint).tolist() == [[0, 2], [1, 2], [2, 3]]


def test_a_list_of_frames_is_needed(tmp_path):
    for lenient in (False, True):
        with pytest.raises(ValueError, match=r"a\.json: annolist must be a list of frames, got {}"):
            read_posetrack(put(tmp_path / "a.json", {"annolist": {}}), Problems(lenient))


def both_ways(path):
    """What a file tells, read in whole columns, and item by item."""
    told = decode17(path.read_bytes())
    assert told is not None, f"{path} has more than the layout's own keys and types"
    problems = Problems()
    return sequence17(path, told), sequence17(path, told17(path, json.loads(path.read_text()), problems))


def test_both_ways_of_reading_tell_the_same_of_recorded_files():
    files = [path for path in shared_files(*CASES) if "annolist" in path.read_text()[:20]]
    assert len(files) == 12
    files += shared_files(*REAL17)[::8]
    for path in files:
        assert_same_file(*both_ways(path))


def test_both_ways_of_reading_tell_the_same_of_odd_numbers(tmp_path):
    points = [point(0, 1e-05, -2.5e2, score=[3e-08]), point(4, 1, -0.0), point(14, 12345.678901234567, 0.1 + 0.2)]
    unlike = point(4, score=[0.5])
    del unlike["is_visible"]
    path = file17(tmp_path / "a.json", frame(rect(*points), rect(annopoints=[]), rect(point(2), unlike, point(4, 9))))
    assert_same_file(*both_ways(path))


@pytest.mark.parametrize("bad", [bad for bad, _ in BROKEN])
def test_the_fast_way_takes_nothing_that_is_at_fault(tmp_path, bad):
    assert decode17(file17(tmp_path / "a.json", frame(GOOD, bad)).read_bytes()) is None


@pytest.mark.parametrize("values", [[], [1, 2], [[1, 2]], {}, ["1"], "1"])
@pytest.mark.parametrize("key", ["id", "x", "y", "score", "is_visible"])
def test_the_fast_way_takes_lists_of_one_number_only(tmp_path, key, values):
    path = file17(tmp_path / "a.json", frame(GOOD, rect(point(5) | {key: values}, point(6))))
    assert decode17(path.read_bytes()) is None


@pytest.mark.parametrize("points", [[], point(3), {}, [[]], None, 5])
def test_the_fast_way_takes_lists_of_points_only(tmp_path, points):
    assert decode17(file17(tmp_path / "a.json", frame(rect(annopoints=[{"point": points}]))).read_bytes()) is None


def test_reading_leaves_the_garbage_collector_as_it_was(tmp_path):
    path = file17(tmp_path / "a.json", frame(GOOD))
    assert gc.isenabled()
    read_posetrack(path)
    with pytest.raises(ValueError, match="track_id"):
        read_posetrack(file17(tmp_path / "b.json", frame(rect(track_id=["x"]))))
    assert gc.isenabled()
    gc.disable()
    try:
        read_posetrack(path)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_time_grows_with_the_number_of_people(tmp_path):
    def seconds(num_frames):
        path = file17(tmp_path / "a.json", *[frame(*[rect(*map(point, range(15)))] * 6)] * num_frames)
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            read_posetrack(path)
            best = min(best, time.process_time() - started)
        return best

    seconds(10)
    assert seconds(400) < 10 * seconds(100)
