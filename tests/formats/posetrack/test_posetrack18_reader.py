import numpy as np
import pytest
from formats.posetrack_files import CATEGORY, annotation, file18, image, mentions, put

from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.problems import Problems
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15

NAN, INF = float("nan"), float("inf")
NOSE, NECK, EAR, ANKLE = (POSETRACK18_17.index(n) for n in ("nose", "head_bottom", "left_ear", "right_ankle"))


def read(path, images, annotations, **more):
    return read_posetrack(file18(path / "b.json", images, annotations, **more))


def test_gt(tmp_path):
    joints = {"nose": (3, 4.5, 1), "head_bottom": (5, 6, 0), "left_ear": (7, 8, 1), "right_ankle": (0, 0, 1)}
    person = annotation(101, joints, bbox=[1, 2, 0.1, 4], bbox_head=[10, 20, 30, 40], scores=[], iscrowd=False)
    regions = {"ignore_regions_x": [[1, 2, 3.5], []], "ignore_regions_y": [[4, 5, 6], []]}
    gt = read(tmp_path, [image(0, vid_id="000001"), image(1, is_labeled=False, **regions)], [person], info={"v": 1})
    assert (gt.name, gt.layout, gt.skeleton, len(gt)) == ("b", "posetrack18", POSETRACK18_17, 2)
    people = gt.people
    assert gt.frame_indices.tolist() == [1]
    assert np.flatnonzero(people.has_joint).tolist() == [NOSE, NECK, EAR, ANKLE]
    assert people.joints[people.has_joint].tolist() == [[3, 4.5], [5, 6], [7, 8], [0, 0]]
    assert people.flags[people.has_joint].tolist() == [1, 0, 1, 1]
    assert (people.flags[~people.has_joint] == -1).all()
    assert (people.boxes.tolist(), people.head_boxes.tolist()) == ([[1, 2, 1.1, 6]], [[10, 20, 40, 60]])
    assert np.isnan(people.joint_scores).all()
    assert np.isnan(people.scores).all()
    assert people.track_ids.tolist() == [7]
    boxes = {"bbox": [1, 2, 0.1, 4], "bbox_head": [10, 20, 30, 40]}
    assert people.extra[0] == {"id": 1, "category_id": 1, "scores": [], "iscrowd": False} | boxes
    first, second = gt.frames
    assert (first.index, first.image_name, first.image_id) == (0, "images/a/000000.jpg", 100)
    assert (first.is_labelled, first.extra) == (True, {"is_labeled": True, "vid_id": "000001"})
    assert (second.image_id, second.is_labelled) == (101, False)
    assert [region.tolist() for region in second.ignore_regions] == [[[1, 4], [2, 5], [3.5, 6]], []]
    assert gt.extra == {"info": {"v": 1}, "categories": [CATEGORY]}


def test_prediction(tmp_path):
    scores = np.arange(17) / 32
    person = annotation(joints={"nose": (3, 4, 1), "head_bottom": (5, 6, 0.4)}, scores=scores.tolist(), score=0.5)
    blank = annotation(track_id=None)
    frame = image()
    del frame["is_labeled"], blank["keypoints"]
    sequence = read(tmp_path, [frame], [person, blank])
    people = sequence.people
    np.testing.assert_array_equal(people.joint_scores[0], np.where(scores == 0, [0] + [NAN] * 16, scores))
    assert people.scores.tolist() == pytest.approx([0.5, NAN], nan_ok=True)
    assert people.flags[0, [NOSE, NECK]].tolist() == [1, -1]  # a score in place of a flag is not a flag
    assert people.track_ids.tolist() == [7, -1]
    assert np.isnan(people.boxes).all()
    assert np.isnan(people.head_boxes).all()
    assert not people.has_joint[1].any()
    assert sequence.frames[0].is_labelled


def test_people_are_ordered_by_frame_then_as_in_the_file(tmp_path):
    annotations = [annotation(n, track_id=i) for i, n in enumerate([102, 100, 102, 100, 101])]
    sequence = read(tmp_path, [image(0), image(1), image(2)], annotations)
    assert sequence.people.track_ids.tolist() == [1, 3, 4, 0, 2]
    assert sequence.frame_indices.tolist() == [0, 0, 1, 2, 2]
    assert [len(people) for _, people in sequence] == [2, 1, 2]


def test_joints_are_mapped_by_name(tmp_path):
    names = ["tail", "neck", "rankle", "nose", "Nose"]
    person = {"image_id": 100, "keypoints": [9, 9, 1, 1, 2, 1, 3, 4, 1, 5, 6, 1, 7, 8, 1], "scores": [0.5] * 5}
    sequence = read(tmp_path, [image()], [person], categories=[{"name": "dog"}, CATEGORY | {"keypoints": names}])
    people = sequence.people
    assert np.flatnonzero(people.has_joint).tolist() == [NOSE, NECK, ANKLE]
    assert people.joints[people.has_joint].tolist() == [[5, 6], [1, 2], [3, 4]]
    assert np.flatnonzero(people.joint_scores == 0.5).tolist() == [NOSE, NECK, ANKLE]
    assert sequence.extra == {}  # the writer writes other categories
    with pytest.raises(ValueError, match=r"b\.json .*posetrack18_17.*\['tail'\]"):
        read(tmp_path, [image()], [], categories=[{"keypoints": ["tail"]}])
    with pytest.raises(ValueError, match=r"b\.json: keypoints .*17"):
        read(tmp_path, [image()], [], categories=[{"keypoints": 17}])


@pytest.mark.parametrize("skeleton", [COCO_17, POSETRACK_15], ids=lambda s: s.name)
def test_files_with_the_joints_of_another_skeleton(tmp_path, skeleton):
    person = annotation() | {"keypoints": [v for k in range(skeleton.num_joints) for v in (k + 1, k, 1)]}
    category = CATEGORY | {"keypoints": list(skeleton.joint_names)}
    (people,) = (people for _, people in read(tmp_path, [image()], [person], categories=[category]))
    for k, name in enumerate(POSETRACK18_17.joint_names):
        if name in skeleton.joint_names:
            source = skeleton.index(name)
            assert people.joints[0, k].tolist() == [source + 1, source]
        else:
            assert not people.has_joint[0, k]


def test_default_joints_without_categories(tmp_path):
    path = put(tmp_path / "b.json", {"images": [image()], "annotations": [annotation(joints={"nose": (1, 2, 1)})]})
    assert np.argwhere(read_posetrack(path).people.has_joint).tolist() == [[0, NOSE]]


def test_other_categories_are_left_out(tmp_path):
    annotations = [annotation(track_id=1), annotation(track_id=2, category_id=2)]
    sequence = read(tmp_path, [image()], annotations, categories=[CATEGORY, {"id": 2, "name": "dog"}])
    assert sequence.people.track_ids.tolist() == [1]


def test_files_without_people_or_frames(tmp_path):
    assert len(read(tmp_path, [], [])) == 0
    assert len(read(tmp_path, [image()], []).people) == 0


GOOD = annotation(joints={"nose": (1, 2, 1)})
PERSON = "frame 0 (images/a/000000.jpg), person 1 (annotation 9)"
NOT_17, NOT_51 = [0.5] * 16, [1.0] * 50
BROKEN = [
    (annotation(105, id=9), "annotation 9: is of image 105, which the file does not list"),
    (annotation("100", id=9), "annotation 9: is of image '100', which the file does not list"),
    (annotation([100], id=9), "annotation 9: is of image [100], which the file does not list"),
    (annotation(id=9, track_id="7"), f"{PERSON}: track_id ... got '7'"),
    (annotation(id=9, track_id=True), f"{PERSON}: track_id ... got True"),
    (annotation(id=9, track_id=7.5), f"{PERSON}: track_id ... got 7.5"),
    (annotation(id=9, bbox=[1, 2, 3]), f"{PERSON}: bbox ... got [1, 2, 3]"),
    (annotation(id=9, bbox_head=[1, 2, 3, INF]), f"{PERSON}: bbox_head ... got inf"),
    (annotation(id=9, bbox_head="1234"), f"{PERSON}: bbox_head ... got '1234'"),
    (annotation(id=9, score="high"), f"{PERSON}: score ... got 'high'"),
    (annotation(id=9, scores=NOT_17), f"{PERSON}: scores ... got [0.5, 0.5, "),
    (annotation(id=9) | {"keypoints": NOT_51}, f"{PERSON}: keypoints ... got [1.0, 1.0, "),
    (
        annotation(id=9, joints={"nose": (1, NAN, 1), "head_top": (3, 4, 1)}),
        f"{PERSON}, joint 0: y",
    ),
    (annotation(id=9, joints={"nose": (1, 2, "1"), "head_top": (3, 4, 1)}), f"{PERSON}, joint 0: visibility"),
    (
        annotation(id=9, joints={"nose": (1, 2, 1), "head_top": (3, 4, 1)}, scores=[INF] + [0.5] * 16),
        f"{PERSON}, joint 0: score ... got inf",
    ),
]


@pytest.mark.parametrize(("bad", "message"), BROKEN, ids=[message.rpartition(":")[0] for _, message in BROKEN])
def test_invalid_people_are_named_or_left_out(tmp_path, bad, message):
    """An invalid joint is left out; any other error leaves out the person."""
    path = file18(tmp_path / "b.json", [image(), image(1)], [GOOD, bad, GOOD])
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is checked below)
        read_posetrack(path)
    assert mentions(str(caught.value), f"{path}, {message}")
    problems = Problems(lenient=True)
    sequence = read_posetrack(path, problems)
    assert [mentions(m, f"{path}, {message}") for m in problems.messages] == [True]
    joints = [np.flatnonzero(has).tolist() for has in sequence.people.has_joint]
    head_top = [POSETRACK18_17.index("head_top")]
    assert joints == ([[NOSE], head_top, [NOSE]] if "joint 0" in message else [[NOSE], [NOSE]])
    assert all(extra.keys() <= {*GOOD, "scores"} for extra in sequence.people.extra)  # no keys that the file lacks


def test_ids_written_as_floats(tmp_path):
    sequence = read(tmp_path, [image()], [annotation(100.0, track_id=7.0), annotation(track_id=8)])
    assert sequence.people.track_ids.tolist() == [7, 8]


def test_keypoints_in_a_list_each(tmp_path):
    flat = annotation(joints={"nose": (1, 2, 1), "left_hip": (3, 4, 1)})
    nested = flat | {"keypoints": np.reshape(flat["keypoints"], (-1, 3)).tolist()}
    expected, people = (read(tmp_path, [image()], [one]).people for one in (flat, nested))
    np.testing.assert_array_equal(people.joints, expected.joints)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (image(1) | {"id": "101"}, "frame 1 (images/a/000001.jpg): id ... got '101'"),
        ({"file_name": "c.jpg"}, "frame 1 (c.jpg): id ... got None"),
        (image(1) | {"id": 100}, "frame 1 (images/a/000001.jpg) has the id of frame 0, 100"),
        (image(1, file_name=5), "frame 1: file_name ... got 5"),
        (image(1, is_labeled="no"), "frame 1 (images/a/000001.jpg): is_labeled ... got 'no'"),
        (
            image(1, ignore_regions_x=[[1, 2]], ignore_regions_y=[[1]]),
            "frame 1 (images/a/000001.jpg): ignore_regions_x and _y",
        ),
        (
            image(1, ignore_regions_x=[[1, NAN]], ignore_regions_y=[[1, 2]]),
            "frame 1 (images/a/000001.jpg): ignore_regions_x ... got nan",
        ),
        (
            image(1, ignore_regions_x=[1, 2], ignore_regions_y=[1, 2]),
            "frame 1 (images/a/000001.jpg): ignore_regions_x ... got [1, 2]",
        ),
    ],
)
def test_invalid_frames_keep_their_position(tmp_path, bad, message):
    path = file18(tmp_path / "b.json", [image(), bad, image(2)], [annotation(100), annotation(102)])
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the message is checked below)
        read_posetrack(path)
    assert mentions(str(caught.value), f"{path}, {message}")
    problems = Problems(lenient=True)
    sequence = read_posetrack(path, problems)
    assert len(problems.messages) == 1
    assert (len(sequence), sequence.frame_indices.tolist()) == (3, [0, 2])
    assert sequence.frames[1].ignore_regions == ()


def test_image_ids_that_do_not_match(tmp_path):
    path = file18(tmp_path / "b.json", [image(0), image(1)], [annotation(n, id=n) for n in (7, 8, 9)])
    with pytest.raises(ValueError, match=r"b\.json, annotation 7: .*image 7"):
        read_posetrack(path)
    problems = Problems(lenient=True)
    assert len(read_posetrack(path, problems).people) == 0
    assert len(problems.messages) == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], ".*annolist.*list"),
        ({"images": [], "info": 1}, r".*annolist.*\['images', 'info'\]"),
        ({"images": {}, "annotations": []}, ": images .*{}"),
        ({"images": [], "annotations": [5]}, r": annotations .*\[5\]"),
        ({"images": [], "annotations": [], "categories": 5}, ": categories .*5"),
    ],
)
def test_files_of_other_layouts(tmp_path, content, message):
    for lenient in (False, True):
        with pytest.raises(ValueError, match=rf"b\.json ?{message}"):
            read_posetrack(put(tmp_path / "b.json", content), Problems(lenient))
