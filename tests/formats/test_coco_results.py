import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_sequences import assert_same, three_frames, triples
from shared_data import shared

from pose_track.formats.alphapose import write_alphapose
from pose_track.formats.coco_results import read_coco_results, write_coco_results
from pose_track.formats.coco_wholebody import KEYS
from pose_track.formats.problems import Problems
from pose_track.formats.registry import identify_format
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import (
    COCO_17,
    COCO_WHOLEBODY_133,
    HALPE_26,
    LSP_14,
    MPII_16,
    POSETRACK18_17,
    POSETRACK_15,
)


def entry(image_id=7, x=1.0, k=17, **more):
    return {"image_id": image_id, "category_id": 1, "keypoints": [x, 2.0, 0.5] * k, "score": 0.25, **more}


def write_entries(path, entries):
    path.write_text(json.dumps(entries))
    return path


def empty_sequence(*infos, name="gt"):
    return PoseSequence(name, POSETRACK_15, infos, PoseAnnotations.empty(POSETRACK_15), np.zeros(0, np.int64))


def test_entry_is_read_to_the_last_digit(tmp_path):
    keypoints = [0.1, 1e-7, 0.3, 0, 0, 0, 5, -3, 0, *[0.0] * 42]
    path = write_entries(
        tmp_path / "r.json", [entry(keypoints=keypoints, bbox=[1, 2, 3.5, 4], track_id=9, center=[3, 4])]
    )
    sequence = read_coco_results(path)
    people = sequence.people
    assert (sequence.name, sequence.layout, sequence.skeleton) == ("r", "coco", COCO_17)
    assert [(f.index, f.image_id) for f in sequence.frames] == [(7, 7)]
    assert people.joints[0, 0].tolist() == [0.1, 1e-7]
    assert people.joints[0, 2].tolist() == [5, -3]
    assert people.has_joint[0].tolist() == [True, False, True, *[False] * 14]
    assert people.joint_scores[0, [0, 2]].tolist() == [0.3, 0]
    assert (people.scores[0], people.track_ids[0], people.boxes[0].tolist()) == (0.25, 9, [1, 2, 4.5, 6])
    assert people.extra[0] == {"category_id": 1, "bbox": [1, 2, 3.5, 4], "center": [3, 4]}


def test_written_entries(tmp_path):
    write_coco_results(three_frames(), tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == [
        {"image_id": 0, "category_id": 1, "keypoints": triples(), "score": 0.8, "bbox": [5, 6, 30, 84], "track_id": 3},
        {"image_id": 0, "category_id": 1, "keypoints": triples(shift=100, with_scores=False), "score": 1},
        {
            **{"image_id": 2, "category_id": 1, "keypoints": [0] * 51, "score": 1, "track_id": 4},
            "file_name": "images/x/000002.jpg",
        },
    ]


def test_missing_score_is_the_mean_of_the_joints(tmp_path):
    sequence = three_frames()
    sequence.people.scores[0] = np.nan
    sequence.people.joint_scores[0, COCO_17.index("left_knee")] = 0  # an absent joint
    write_coco_results(sequence, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text())[0]["score"] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (COCO_17, None, COCO_17),
        (POSETRACK_15, None, COCO_17),
        (POSETRACK18_17, None, COCO_17),
        (MPII_16, None, COCO_17),
        (HALPE_26, None, HALPE_26),
        (COCO_WHOLEBODY_133, None, COCO_WHOLEBODY_133),
        (COCO_WHOLEBODY_133, COCO_17, COCO_17),
        (COCO_17, POSETRACK_15, POSETRACK_15),
    ],
)
def test_joints_are_those_that_servers_expect(tmp_path, source, target, expected):
    joints = np.random.default_rng(0).uniform(1, 9, (1, source.num_joints, 2))
    sequence = PoseSequence("s", source, (FrameInfo(0),), PoseAnnotations.from_joints(joints), np.zeros(1, np.int64))
    write_coco_results(sequence, tmp_path / "r.json", target)
    read = read_coco_results(tmp_path / "r.json", skeleton=expected)
    np.testing.assert_array_equal(read.people.joints, convert_annotations(sequence.people, source, expected).joints)


def test_parts_of_the_whole_body(tmp_path):
    """As COCO-WholeBody has them; a part that is missing is absent."""
    joints = np.random.default_rng(0).uniform(1, 9, (1, 133, 2))
    people = PoseAnnotations.from_joints(joints, np.full((1, 133), 0.5))
    sequence = PoseSequence("s", COCO_WHOLEBODY_133, (FrameInfo(0),), people, np.zeros(1, np.int64))
    write_coco_results(sequence, tmp_path / "r.json")
    (written,) = json.loads((tmp_path / "r.json").read_text())
    assert {key: len(written[key]) for key in KEYS.values()} == {
        **{"keypoints": 51, "foot_kpts": 18, "face_kpts": 204, "lefthand_kpts": 63, "righthand_kpts": 63}
    }
    assert written["lefthand_kpts"][:2] == joints[0, 91].tolist()
    del written["face_kpts"]
    read = read_coco_results(write_entries(tmp_path / "r.json", [written]))
    assert read.skeleton == COCO_WHOLEBODY_133
    assert not read.people.has_joint[0, 23:91].any()
    np.testing.assert_array_equal(read.people.joints[0, 91:], joints[0, 91:])
    assert "foot_kpts" not in read.people.extra[0]
    path = write_entries(tmp_path / "r.json", [written, {**written, "foot_kpts": [1, 2, 3]}])
    with pytest.raises(ValueError, match=r"keypoints must be 399 numbers, x y score of coco_wholebody_133, got 51"):
        read_coco_results(path)


numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: x + 0.0)
entries_strategy = st.lists(
    st.fixed_dictionaries(
        {
            "image_id": st.sampled_from([3, 10**10 + 34180007, 12]),
            "category_id": st.sampled_from([0, 1]),
            "keypoints": st.lists(numbers, min_size=9, max_size=9).map(lambda values: values * 5),
            "score": numbers,
        },
        optional={
            "track_id": st.integers(0, 2**62),
            "bbox": st.lists(numbers, min_size=4, max_size=4),
            "center": st.just([1, 2]),
        },
    ),
    max_size=6,
    unique_by=lambda e: (e["image_id"], e.get("track_id", id(e))),
)


@settings(max_examples=40, deadline=None)
@given(entries_strategy)
def test_entries_round_trip(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("coco")
    first = read_coco_results(write_entries(folder / "a.json", entries))
    write_coco_results(first, folder / "b.json")
    assert json.loads((folder / "b.json").read_text()) == sorted(entries, key=lambda e: e["image_id"])
    assert_same(read_coco_results(folder / "b.json", skeleton=first.skeleton), first)


def test_recorded_results_round_trip(tmp_path):
    path = shared("data/golden/coco_eval_dt.json")
    write_coco_results(read_coco_results(path), tmp_path / "b.json")
    expected = sorted(json.loads(path.read_text()), key=lambda e: e["image_id"])
    assert json.loads((tmp_path / "b.json").read_text()) == expected


@pytest.mark.parametrize(
    ("ids", "indices"),
    [
        ([], []),
        ([9, 4, 9], [4, 9]),
        # one video of PoseTrack18
        ([10034180012, 10034180003], [3, 12]),
        # two videos
        ([10034180012, 10034180003, 10094730000], [0, 1, 2]),
    ],
)
def test_frames_are_the_images_with_people_by_ascending_id(tmp_path, ids, indices):
    entries = [entry(i, x=float(n)) for n, i in enumerate(ids)]
    sequence = read_coco_results(write_entries(tmp_path / "r.json", entries))
    assert [f.image_id for f in sequence.frames] == sorted(set(ids))
    assert [f.index for f in sequence.frames] == indices
    images = [sequence.frames[place].image_id for place in sequence.frame_indices]
    assert [(i, x) for i, x in zip(images, sequence.people.joints[:, 0, 0], strict=True)] == sorted(
        (i, float(n)) for n, i in enumerate(ids)
    )


def test_frames_of_another_sequence(tmp_path):
    path = write_entries(
        tmp_path / "r.json", [entry(5, 1.0), entry(3, 2.0), entry(4, 3.0), entry(3, 4.0), entry(99, 5.0)]
    )
    frames = (FrameInfo(0, "a.jpg", 3), FrameInfo(1, "b.jpg", 8), FrameInfo(2, "c.jpg", 5))
    sequence = read_coco_results(path, frames=empty_sequence(*frames))
    assert sequence.name == "gt"
    assert sequence.frames == frames
    assert [people.joints[:, 0, 0].tolist() for _, people in sequence] == [[2, 4], [], [1]]
    by_index = read_coco_results(path, frames=empty_sequence(FrameInfo(4), FrameInfo(5)))
    assert [people.joints[:, 0, 0].tolist() for _, people in by_index] == [[3], [1]]


def test_results_of_other_images_are_an_error(tmp_path):
    path, frames = write_entries(tmp_path / "r.json", [entry(5)]), empty_sequence(FrameInfo(0, "", 6))
    with pytest.raises(ValueError, match=r"r\.json: .*image ids, such as 5"):
        read_coco_results(path, frames=frames)
    problems = Problems(lenient=True)
    assert len(read_coco_results(path, problems, frames=frames).people) == 0
    assert len(problems.messages) == 1


@pytest.mark.parametrize(
    ("count", "skeleton"), [(17, COCO_17), (15, POSETRACK_15), (16, MPII_16), (14, LSP_14), (26, HALPE_26)]
)
def test_default_skeleton_by_number_of_joints(tmp_path, count, skeleton):
    path = write_entries(tmp_path / "r.json", [entry(k=count)])
    assert read_coco_results(path).skeleton == skeleton
    if count == 17:
        assert read_coco_results(path, skeleton=POSETRACK18_17).skeleton == POSETRACK18_17


def test_warning_about_a_probably_wrong_skeleton(tmp_path, caplog):
    keypoints = np.ones((17, 3))
    keypoints[[3, 4]] = 0
    path = write_entries(tmp_path / "r.json", [entry(keypoints=keypoints.ravel().tolist())])
    read_coco_results(path, skeleton=POSETRACK18_17)
    assert not caplog.messages
    read_coco_results(path)
    assert "PoseTrack18" in caplog.text


INVALID = [
    (entry(keypoints=[1, 2]), "keypoints .*51 numbers.* 2"),
    (entry(keypoints=[1, 2, "3"] * 17), r"keypoints\[2\]"),
    (entry(keypoints=[1e308] * 51), "keypoints"),
    (entry(keypoints=[[1, 2]] * 17), "keypoints .*51 numbers.* 34"),
    (entry(bbox=[0, 0, 1e300, 1]), "bbox"),
    (entry(keypoints=[1, float("nan"), 3] * 17), "keypoints"),
    (entry(score=float("inf")), "score"),
    (entry(score=None), "score"),
    (entry(image_id=None), "image_id"),
    (entry(image_id=[7]), "image_id"),
    (entry(image_id=1.5), "image_id"),
    (entry(image_id=""), "image_id"),
    (entry(image_id=-1), "image_id"),
    (entry(image_id=2**80), "image_id|out of range"),
    (entry(image_id=float("inf")), "image_id"),
    (entry(track_id="a"), "Expected `int.*track_id"),
    (entry(track_id=True), "Expected `int.*track_id"),
    (entry(track_id=4), "track id 4"),
    (entry(bbox=[1, 2, 3]), "bbox"),
    ({"image_id": 7, "score": 1}, "missing required field `keypoints`"),
    ("person", "Expected `object`, got `str`"),
]


@pytest.mark.parametrize(("invalid", "message"), INVALID)
def test_invalid_entry_is_named_or_left_out(tmp_path, invalid, message):
    path = write_entries(tmp_path / "r.json", [entry(track_id=4), invalid, entry(8)])
    with pytest.raises(ValueError, match=r"r\.json, entry 1 \(image id .*\): .*" + message):
        read_coco_results(path)
    problems = Problems(lenient=True)
    assert read_coco_results(path, problems).frame_indices.tolist() == [0, 1]
    assert len(problems.messages) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1"),
        ('[{"image_id": 3, "keyp', "line 1"),
        ("[" * 100_000, r"r\.json cannot be read"),
        ('{"annotations": []}', "must be a list, got dict"),
        (json.dumps([entry(k=5)]), r"5 joints .*coco_17 \(17\), "),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_coco_results(tmp_path / "r.json")


FORMS = [
    {"image_id": 7.0, "track_id": 3.0},
    {"keypoints": [[1.0, 2.0, 0.5]] * 17},
    {"track_id": None, "bbox": None},
]


@pytest.mark.parametrize("form", FORMS)
def test_other_forms_of_an_entry(tmp_path, form):
    track_id = form.get("track_id") or -1
    people = read_coco_results(write_entries(tmp_path / "r.json", [entry(**form)])).people
    expected = read_coco_results(write_entries(tmp_path / "r.json", [entry()])).people
    assert people.track_ids.tolist() == [track_id]
    np.testing.assert_array_equal(people.joints, expected.joints)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_and_one_entry_a_line(tmp_path, encoding):
    path = tmp_path / "r.json"
    for text in (json.dumps([entry(1), entry(2)]), f"{json.dumps(entry(1))}\n{json.dumps(entry(2))}\n"):
        path.write_text(text, encoding=encoding)
        assert identify_format(path) == "coco"
        assert [info.image_id for info, _ in read_coco_results(path)] == [1, 2]


@pytest.mark.parametrize("keypoints", [[1, 2] * 17, [[1, 2]] * 17])
def test_pairs_without_scores_are_named(tmp_path, keypoints):
    with pytest.raises(ValueError, match=r"r\.json: .*34 numbers, 17 joints.*x y score"):
        read_coco_results(write_entries(tmp_path / "r.json", [entry(keypoints=keypoints)]))


@pytest.mark.parametrize("keypoints", [[], None, [None] * 17, [{"x": 1, "y": 2}] * 17, [[[1, 2, 0.5]] * 17]])
def test_other_keypoints_than_numbers_are_named(tmp_path, keypoints):
    with pytest.raises(ValueError, match=r"r\.json, entry 0 .*keypoints"):
        read_coco_results(write_entries(tmp_path / "r.json", [entry(keypoints=keypoints), entry(k=15)]))


def test_the_line_of_an_entry_that_is_cut_off(tmp_path):
    (tmp_path / "r.jsonl").write_text(f"{json.dumps(entry(1))}\n\n{json.dumps(entry(2))[:40]}")
    with pytest.raises(ValueError, match=r"r\.jsonl, line 3 is not valid JSON"):
        read_coco_results(tmp_path / "r.jsonl")


def test_names_of_images_are_kept(tmp_path):
    names = ["a/f_10.jpg", "a/f_9.jpg", "a/f_10.jpg"]
    sequence = read_coco_results(write_entries(tmp_path / "r.json", [entry(name) for name in names]))
    assert [(info.index, info.image_name, len(people)) for info, people in sequence] == [
        (9, "a/f_9.jpg", 1),
        (10, "a/f_10.jpg", 2),
    ]
    write_coco_results(sequence, tmp_path / "b.json")
    assert [e["image_id"] for e in json.loads((tmp_path / "b.json").read_text())] == [names[1], names[0], names[0]]
    frames = empty_sequence(FrameInfo(0, "a/f_8.jpg", 5), FrameInfo(1, "a/f_9.jpg", 6))
    assert [len(people) for _, people in read_coco_results(tmp_path / "r.json", frames=frames)] == [0, 1]


def test_names_beside_numbers_are_kept(tmp_path):
    sequence = read_coco_results(write_entries(tmp_path / "r.json", [entry(3, file_name="a.jpg"), entry(5)]))
    assert [(info.index, info.image_name) for info in sequence.frames] == [(3, "a.jpg"), (5, "")]
    write_coco_results(sequence, tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == json.loads((tmp_path / "r.json").read_text())


def test_other_fields_without_a_value_in_json_become_null(tmp_path):
    path = write_entries(tmp_path / "r.json", [entry(area=float("nan"), center=[1.5, -float("inf")], name="a")])
    write_coco_results(read_coco_results(path), tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == [entry(area=None, center=[1.5, None], name="a")]


def test_names_and_numbers_together_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"r\.json: .*'a.jpg' and 3"):
        read_coco_results(write_entries(tmp_path / "r.json", [entry("a.jpg"), entry(3)]))


def test_alphapose_results_round_trip(tmp_path):
    write_alphapose(three_frames(), tmp_path / "a.json")
    sequence = read_coco_results(tmp_path / "a.json")
    assert sequence.layout == "alphapose"
    write_alphapose(sequence, tmp_path / "b.json")
    assert json.loads((tmp_path / "b.json").read_text()) == json.loads((tmp_path / "a.json").read_text())
    nested = [entry("3.jpg", idx=[[4.0]], box=[1, 2, 3, 4])]
    people = read_coco_results(write_entries(tmp_path / "n.json", nested)).people
    assert (people.track_ids.tolist(), people.boxes.tolist()) == ([4], [[1, 2, 4, 6]])


def test_no_people(tmp_path):
    sequence = read_coco_results(write_entries(tmp_path / "r.json", []))
    assert (len(sequence), len(sequence.people)) == (0, 0)
    write_coco_results(sequence, tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == []


def test_extra_of_another_layout_is_left_out(tmp_path):
    sequence = three_frames()
    sequence.people.extra[0] = {"id": 3, "bbox": [5, 6, 30, 84]}
    write_coco_results(sequence, tmp_path / "r.json")
    assert "id" not in json.loads((tmp_path / "r.json").read_text())[0]
