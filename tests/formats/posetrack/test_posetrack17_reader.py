import gc
import json
import time

import numpy as np
import pytest
from formats.posetrack_files import (
    CASES,
    REAL17,
    assert_same_file,
    file17,
    frame,
    mentions,
    point,
    put,
    rect,
    shared_files,
)

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.posetrack.v2017 import parse17, sequence17
from pose_track.formats.posetrack.v2017_lenient import parse17_lenient
from pose_track.formats.problems import Problems
from pose_track.structures.skeleton import POSETRACK_15

NAN, INF = float("nan"), float("inf")


def read(path, *frames, **more):
    return read_posetrack(file17(path / "a.json", *frames, **more))


def test_gt(tmp_path):
    regions = [{"point": [{"x": [1], "y": [2]}, {"x": [3.5], "y": [4]}, {"x": [5], "y": [6]}]}, {"point": []}]
    gt = read(
        tmp_path,
        frame(rect(point(0), point(13, 3, 4, is_visible=[0])), rect(point(14, -1.25, 700, is_visible=[])), number=5),
        frame(number=6, is_labeled=[0], ignore_regions=regions),
    )
    assert (gt.name, gt.layout, gt.skeleton, len(gt)) == ("a", "posetrack17", POSETRACK_15, 2)
    assert gt.frame_indices.tolist() == [0, 0]
    people = gt.people
    assert np.argwhere(people.has_joint).tolist() == [[0, 0], [0, 13], [1, 14]]
    assert people.joints[people.has_joint].tolist() == [[1.5, 2.5], [3, 4], [-1.25, 700]]
    assert people.flags[people.has_joint].tolist() == [1, 0, -1]
    assert (people.flags[~people.has_joint] == -1).all()
    assert people.head_boxes.tolist() == [[10, 20, 40, 60]] * 2
    assert np.isnan(people.boxes).all()
    assert np.isnan(people.joint_scores).all()
    assert np.isnan(people.scores).all()
    assert people.track_ids.tolist() == [7, 7]
    first, second = gt.frames
    assert (first.index, first.image_name, first.image_id, first.is_labelled) == (
        0,
        "images/a/00000005.jpg",
        None,
        True,
    )
    assert (second.index, second.is_labelled, second.extra) == (1, False, {"imgnum": [6], "is_labeled": [0]})
    assert [region.tolist() for region in second.ignore_regions] == [[[1, 2], [3.5, 4], [5, 6]], []]


def test_prediction(tmp_path):
    scored = rect(point(0, score=[0.25]), point(1), score=[0.5])
    negative = rect(point(0), score=[-1], x1=[1.0])
    people = read(tmp_path, frame(scored, negative, rect(annopoints=[], score=[0.75]), rect(annopoints=[]))).people
    assert people.joint_scores[0, :3].tolist() == pytest.approx([0.25, NAN, NAN], nan_ok=True)
    assert people.scores.tolist() == pytest.approx([0.5, -1, 0.75, NAN], nan_ok=True)
    has_box = ~np.isnan(np.stack([people.boxes, people.head_boxes])).any(axis=2)
    assert has_box.tolist() == [
        [True, False, True, False],
        [False, True, False, True],
    ]  # the points decide, then the score


def test_people_without_points_are_kept(tmp_path):
    without = rect()
    del without["annopoints"]
    people = read(tmp_path, frame(rect(annopoints=[]), rect(), rect(annopoints=[{}]), without, {})).people
    assert len(people) == 5
    assert not people.has_joint.any()
    assert people.track_ids.tolist() == [7, 7, 7, 7, -1]


def test_first_of_two_points_of_a_joint_is_kept(tmp_path):
    people = read(tmp_path, frame(rect(point(3, 1, 2), point(4), point(3, 8, 9)))).people
    assert people.joints[0, 3].tolist() == [1, 2]
    assert people.has_joint.sum() == 2


def test_bare_scalars_and_integers_written_as_floats(tmp_path):
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


def test_other_fields_are_kept(tmp_path):
    sequence = read(tmp_path, frame(rect(point(1), scale=[3.5], head_r=[9]), seq="b"), version=[2])
    assert sequence.extra == {"version": [2]}
    assert sequence.frames[0].extra == {"imgnum": [1], "is_labeled": [1], "seq": "b"}
    assert sequence.people.extra[0] == {"scale": [3.5], "head_r": [9]}


GOOD = rect(point(3))
PERSON = "frame 1 (images/a/00000001.jpg), person 1"
BROKEN = [
    (rect(point(3), track_id=["7"]), f"{PERSON}: track_id ... got '7'"),
    (rect(point(3), track_id=[True]), f"{PERSON}: track_id ... got True"),
    (rect(point(3), track_id=[7.5]), f"{PERSON}: track_id ... got 7.5"),
    (rect(point(3), track_id=[NAN]), f"{PERSON}: track_id ... got nan"),
    (rect(point(3), track_id=[2**63]), f"{PERSON}: track_id ... got 92233"),
    (rect(point(3), track_id=[7, 8]), f"{PERSON}: track_id ... got [7, 8]"),
    (rect(point(3), x1=[INF]), f"{PERSON}: x1 ... got inf"),
    (rect(point(3), score=["high"]), f"{PERSON}: score ... got 'high'"),
    (rect(point(3), annopoints=[{"point": [5]}]), f"{PERSON}: point ... got [5]"),
    (rect(point(3), annopoints=[{}, {}]), f"{PERSON}: annopoints ... got [{{}}, {{}}]"),
    (5, f"{PERSON} ... got 5"),
    (rect(point(3), point(4, x=NAN)), f"{PERSON}, point 1: x ... got nan"),
    (rect(point(3), point(4, y=-INF)), f"{PERSON}, point 1: y ... got -inf"),
    (rect(point(3), point(4, y=None)), f"{PERSON}, point 1: y ... got None"),
    (rect(point(3), point(4, x=True)), f"{PERSON}, point 1: x ... got True"),
    (rect(point(3), point(4, score=[NAN])), f"{PERSON}, point 1: score ... got nan"),
    (rect(point(3), point(15)), f"{PERSON}, point 1: id ... got 15"),
    (rect(point(3), point("4")), f"{PERSON}, point 1: id ... got '4'"),
    (
        rect(point(3), point(4, is_visible=[500])),
        f"{PERSON}, point 1: is_visible",
    ),
]


@pytest.mark.parametrize(("bad", "message"), BROKEN, ids=[message.partition("person 1")[2] for _, message in BROKEN])
def test_invalid_people_are_named_or_left_out(tmp_path, bad, message):
    """An invalid point is left out; any other error leaves out the person."""
    path = file17(tmp_path / "a.json", frame(), frame(GOOD, bad, GOOD))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is checked below)
        read_posetrack(path)
    assert mentions(str(caught.value), f"{path}, {message}")
    problems = Problems(lenient=True)
    sequence = read_posetrack(path, problems)
    assert [mentions(m, f"{path}, {message}") for m in problems.messages] == [True]
    others = [3] if "point 1" in message else []
    joints = [np.flatnonzero(has).tolist() for has in sequence.people.has_joint]
    assert joints == [[3], *([others] if others else []), [3]]
    assert sequence.frame_indices.tolist() == [1] * len(joints)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (5, "frame 1 ... got 5"),
        (frame(image=["b.jpg"]), "frame 1: image ... got 'b.jpg'"),
        (frame(is_labeled=["no"]), "frame 1 (images/a/00000001.jpg): is_labeled ... got 'no'"),
        (
            frame(annorect={"x1": 1}),
            "frame 1 (images/a/00000001.jpg): annorect ... got {",
        ),
        (
            frame(ignore_regions=[{"point": [{"x": [1], "y": [NAN]}]}]),
            "frame 1 (images/a/00000001.jpg), ignore region 0: y ... got nan",
        ),
        (frame(ignore_regions=[5]), "frame 1 (images/a/00000001.jpg): ignore_regions"),
    ],
)
def test_invalid_frames_keep_their_position(tmp_path, bad, message):
    path = file17(tmp_path / "a.json", frame(), bad, frame(GOOD))
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is checked below)
        read_posetrack(path)
    assert mentions(str(caught.value), f"{path}, {message}")
    problems = Problems(lenient=True)
    sequence = read_posetrack(path, problems)
    assert len(problems.messages) == 1
    assert (len(sequence), sequence.frame_indices.tolist()) == (3, [2])
    assert sequence.frames[1].ignore_regions == ()


def test_each_error_is_counted(tmp_path):
    bad = rect(point(1, NAN), point(2), point(3, 1, INF)), rect(point(1), track_id=["x"])
    problems = Problems(lenient=True)
    sequence = read_posetrack(file17(tmp_path / "a.json", frame(*bad), frame(*bad, GOOD, number=2)), problems)
    assert len(problems.messages) == 6
    assert np.argwhere(sequence.people.has_joint).tolist() == [[0, 2], [1, 2], [2, 3]]


def test_annolist_must_be_a_list(tmp_path):
    for lenient in (False, True):
        with pytest.raises(ValueError, match=r"a\.json: annolist .*{}"):
            read_posetrack(put(tmp_path / "a.json", {"annolist": {}}), Problems(lenient))


def parsed_both_ways(path):
    """The sequences that both parsers read."""
    parsed = parse17(path.read_bytes())
    assert parsed is not None, f"{path} has other keys or types than the layout's"
    problems = Problems()
    return sequence17(path, parsed), sequence17(path, parse17_lenient(path, json.loads(path.read_text()), problems))


def test_both_parsers_agree_on_recorded_files():
    files = [path for path in shared_files(*CASES) if "annolist" in path.read_text()[:20]]
    assert len(files) == 12
    files += shared_files(*REAL17)[::8]
    for path in files:
        assert_same_file(*parsed_both_ways(path))


def test_both_parsers_agree_on_unusual_numbers(tmp_path):
    points = [point(0, 1e-05, -2.5e2, score=[3e-08]), point(4, 1, -0.0), point(14, 12345.678901234567, 0.1 + 0.2)]
    other = point(4, score=[0.5])
    del other["is_visible"]
    path = file17(tmp_path / "a.json", frame(rect(*points), rect(annopoints=[]), rect(point(2), other, point(4, 9))))
    assert_same_file(*parsed_both_ways(path))


@pytest.mark.parametrize("bad", [bad for bad, _ in BROKEN])
def test_fast_parser_rejects_invalid_people(tmp_path, bad):
    assert parse17(file17(tmp_path / "a.json", frame(GOOD, bad)).read_bytes()) is None


@pytest.mark.parametrize("values", [[], [1, 2], [[1, 2]], {}, ["1"], "1"])
@pytest.mark.parametrize("key", ["id", "x", "y", "score", "is_visible"])
def test_fast_parser_accepts_only_lists_of_one_number(tmp_path, key, values):
    path = file17(tmp_path / "a.json", frame(GOOD, rect(point(5) | {key: values}, point(6))))
    assert parse17(path.read_bytes()) is None


@pytest.mark.parametrize("points", [[], point(3), {}, [[]], None, 5])
def test_fast_parser_accepts_only_lists_of_points(tmp_path, points):
    assert parse17(file17(tmp_path / "a.json", frame(rect(annopoints=[{"point": points}]))).read_bytes()) is None


def test_reading_restores_the_garbage_collector(tmp_path):
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
