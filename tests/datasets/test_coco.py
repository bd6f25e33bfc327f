from __future__ import annotations

import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pose_track.datasets.coco import load_boxes, load_coco_people
from pose_track.structures.skeleton import LSP_14, POSETRACK_15

NAMES = ["nose", "left_hip", "right_hip", "tail"]


def annotation(**changes: Any) -> dict[str, Any]:
    keypoints = [1, 2, 2, 3, 4, 1, 0, 0, 0, 7, 8, 2]
    return {"id": 5, "image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 40], "keypoints": keypoints} | changes


def write(path: Path, *annotations: dict[str, Any], **changes: Any) -> Path:
    image = {"id": 1, "file_name": "a.png", "width": 100, "height": 80}
    categories = [{"id": 1, "name": "person", "keypoints": NAMES}]
    file = path / "annotations.json"
    file.write_text(json.dumps({"images": [image], "annotations": annotations, "categories": categories} | changes))
    return file


def test_joints_are_mapped_by_name(tmp_path: Path) -> None:
    (person,) = load_coco_people(write(tmp_path, annotation()), POSETRACK_15)
    assert person.file_name == "a.png"
    assert person.box.tolist() == [10, 20, 40, 60]
    assert person.joints[POSETRACK_15.index("nose")].tolist() == [1, 2]
    assert person.joints[POSETRACK_15.index("left_hip")].tolist() == [3, 4]
    labelled = {name: int(v) for name, v in zip(POSETRACK_15.joint_names, person.visibility, strict=True) if v}
    assert labelled == {"nose": 2, "left_hip": 1}  # the right hip is not labelled, the others are not in the file


def test_people_without_a_usable_joint_are_left_out(tmp_path: Path) -> None:
    nobody = [
        annotation(keypoints=[0] * 12),
        annotation(keypoints=[0] * 9 + [7, 8, 2]),  # only a joint that the skeleton lacks
        annotation(keypoints=[]),
        annotation(iscrowd=1),
        {key: value for key, value in annotation().items() if key != "keypoints"},
    ]
    assert len(load_coco_people(write(tmp_path, *nobody, annotation()), POSETRACK_15)) == 1


def test_file_without_known_joints(tmp_path: Path) -> None:
    file = write(tmp_path, annotation(), categories=[{"id": 1, "name": "person", "keypoints": ["tail"]}])
    with pytest.raises(ValueError, match=r"annotations\.json .*lsp_14.*tail"):
        load_coco_people(file, LSP_14)


def test_boxes_crowds_and_other_categories(tmp_path: Path) -> None:
    images = [
        {"id": 1, "file_name": "a.png", "width": 100, "height": 80, "exhaustive": False, "source": "street"},
        {"id": 2, "file_name": "b.png", "width": 50, "height": 40},
    ]
    categories = [{"id": 3, "name": "dog"}, {"id": 1, "name": "person"}]
    annotations = [annotation(), annotation(iscrowd=1, bbox=[0, 0, 9, 9]), annotation(category_id=3, bbox=[5, 5, 5, 5])]
    first, second = load_boxes(write(tmp_path, *annotations, images=images, categories=categories))
    assert first.boxes.tolist() == [[10, 20, 40, 60]]
    assert first.ignore.tolist() == [[0, 0, 9, 9]]
    assert (first.exhaustive, first.source, first.width, first.height) == (False, "street", 100, 80)
    assert second.boxes.shape == second.ignore.shape == (0, 4)
    assert (second.file_name, second.exhaustive, second.source) == ("b.png", True, "")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (annotation(image_id=9), r"annotation 5 is of image 9"),
        ({k: v for k, v in annotation().items() if k != "bbox"}, r"annotation 5 needs 4 numbers as bbox, got None"),
        (annotation(bbox=[1, 2, 3]), r"annotation 5 needs 4 numbers as bbox"),
        (annotation(bbox=[1, 2, 3, -4]), r"annotation 5 needs a bbox"),
        (annotation(bbox=[1, 2, float("nan"), 4]), r"annotation 5 needs a bbox"),
        (annotation(iscrowd="0"), r"annotation 5 .*iscrowd"),
    ],
)
def test_broken_annotations_are_named(tmp_path: Path, bad: dict[str, Any], message: str) -> None:
    file = write(tmp_path, annotation(id=4), bad)
    with pytest.raises(ValueError, match=rf"annotations\.json: {message}"):
        load_boxes(file)
    with pytest.raises(ValueError, match=rf"annotations\.json: {message}"):
        load_coco_people(file, POSETRACK_15)


@pytest.mark.parametrize("name", [None, 5, "", "a\0.png"])
def test_names_that_no_file_can_have(tmp_path: Path, name: object) -> None:
    file = write(tmp_path, annotation(), images=[{"id": 1, "file_name": name, "width": 100, "height": 80}])
    for load in (load_boxes, partial(load_coco_people, skeleton=POSETRACK_15)):
        with pytest.raises(ValueError, match=r"annotations\.json: .*file_name"):
            load(file)


def test_keypoints_in_a_list_each(tmp_path: Path) -> None:
    nested = annotation(keypoints=[[1, 2, 2], [3, 4, 1], [0, 0, 0], [7, 8, 2]])
    (person,) = load_coco_people(write(tmp_path, nested), POSETRACK_15)
    assert person.joints[POSETRACK_15.index("left_hip")].tolist() == [3, 4]


def test_spellings_of_other_collections(tmp_path: Path) -> None:
    names = ["left shoulder", "Neck", "top_head", "r_hip"]
    file = write(tmp_path, annotation(), categories=[{"id": 1, "name": "person", "keypoints": names}])
    (person,) = load_coco_people(file, POSETRACK_15)
    labelled = {name: int(v) for name, v in zip(POSETRACK_15.joint_names, person.visibility, strict=True) if v}
    assert labelled == {"left_shoulder": 2, "head_bottom": 1, "right_hip": 2}
    assert person.joints[POSETRACK_15.index("head_bottom")].tolist() == [3, 4]


def test_joints_of_the_person_category(tmp_path: Path) -> None:
    categories = [{"id": 2, "name": "dog", "keypoints": ["tail"]}, {"id": 1, "name": "person", "keypoints": NAMES}]
    file = write(tmp_path, annotation(category_id=2, keypoints=[1, 2, 2]), annotation(), categories=categories)
    assert len(load_coco_people(file, POSETRACK_15)) == 1


def test_broken_people_can_be_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bad = [
        annotation(id=6, image_id=9),
        annotation(id=7, bbox=[1, 2, 0, 4]),
        annotation(id=8, keypoints=[1, 2]),
        annotation(id=9, bbox=None),
    ]
    file = write(tmp_path, bad[0], annotation(), *bad[1:])
    with caplog.at_level(logging.WARNING):
        assert len(load_coco_people(file, POSETRACK_15, on_broken="skip")) == 1
    (record,) = caplog.records
    assert "annotations.json: " in record.message
    assert "4 broken entries" in record.message
    assert "annotation 6 is of image 9" in record.message


def test_broken_people_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"annotation 5 needs 12 numbers .*keypoints"):
        load_coco_people(write(tmp_path, annotation(keypoints=[1, 2, 2, 3, 4, 1])), POSETRACK_15)
    with pytest.raises(ValueError, match=r"annotation 5 .*visibility 0\.9"):
        load_coco_people(write(tmp_path, annotation(keypoints=[1, 2, 0.9, 3, 4, 1, 0, 0, 0, 7, 8, 2])), POSETRACK_15)
    with pytest.raises(ValueError, match=r"annotation 5 .*\[nan, 2.0\]"):
        load_coco_people(write(tmp_path, annotation(keypoints=[float("nan"), 2, 2, *[0] * 9])), POSETRACK_15)
    with pytest.raises(ValueError, match="annotation 5 has an empty bbox"):
        load_coco_people(write(tmp_path, annotation(bbox=[1, 2, 0, 4])), POSETRACK_15)
    np.testing.assert_array_equal(load_boxes(write(tmp_path, annotation(bbox=[1, 2, 0, 4])))[0].boxes, [[1, 2, 1, 6]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not valid JSON"),
        ("[]", "COCO format: .*images and no annotations"),
        ('{"images": []}', "no annotations"),
        ('{"images": [{"id": 3}], "annotations": []}', "image 3 has no file_name, no width, no height"),
        ('{"images": [{"file_name": "a"}], "annotations": []}', "image number 0 has no id"),
        ('{"images": [], "annotations": [1]}', "annotations must be a list of objects, got"),
    ],
)
def test_other_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "annotations.json").write_text(text)
    with pytest.raises(ValueError, match=rf"annotations\.json.*{message}"):
        load_boxes(tmp_path / "annotations.json")
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*other"):
        load_boxes(tmp_path / "other.json")


PERSON = {"id": 1, "name": "person", "keypoints": NAMES}
CAR = {"id": 2, "name": "car"}
HORSE = {"id": 7, "name": "horse", "keypoints": NAMES}


@pytest.mark.parametrize("name", ["person", "Person", "PERSON", " person"])
def test_people_in_any_spelling_among_others(tmp_path: Path, name: str) -> None:
    annotations = [annotation(), annotation(category_id=2, keypoints=[])]
    file = write(tmp_path, *annotations, categories=[CAR, {**PERSON, "name": name}])
    assert len(load_boxes(file)[0].boxes) == len(load_coco_people(file, POSETRACK_15)) == 1


def test_the_only_category_has_any_name(tmp_path: Path) -> None:
    file = write(tmp_path, annotation(category_id=7), categories=[HORSE])
    assert len(load_boxes(file)[0].boxes) == len(load_coco_people(file, POSETRACK_15)) == 1
    file = write(tmp_path, annotation(category_id=5), categories=[])
    assert len(load_boxes(file)[0].boxes) == 1


@pytest.mark.parametrize(
    ("changes", "categories", "message"),
    [
        ({"category_id": 7}, [HORSE, CAR], r"several categories, horse, car"),
        ({"category_id": 9}, [PERSON, CAR], r"annotation 5 is of category 9"),
        ({"category_id": 9}, [HORSE], r"annotation 5 is of category 9"),
        ({"category_id": None}, [PERSON, CAR], r"annotation 5 is of category None"),
        ({}, [{**PERSON, "keypoints": "nose"}], r"keypoints of a category .*'nose'"),
        ({}, [{**PERSON, "keypoints": [1]}], r"keypoints of a category .*1"),
    ],
)
def test_categories_that_do_not_say_who_is_meant(
    tmp_path: Path, changes: dict[str, Any], categories: list[Any], message: str
) -> None:
    file = write(tmp_path, annotation(**changes), categories=categories)
    for load in (load_boxes, lambda path: load_coco_people(path, POSETRACK_15)):
        with pytest.raises(ValueError, match=rf"annotations\.json.*{message}"):
            load(file)


IMAGE = {"id": 1, "file_name": "a.png", "width": 100, "height": 80}


def test_images_that_share_an_id_or_a_name(tmp_path: Path) -> None:
    file = write(tmp_path, annotation(), images=[IMAGE, {**IMAGE, "file_name": "b.png"}])
    with pytest.raises(ValueError, match=r"annotations\.json.*'a\.png'.*'b\.png'.* 1"):
        load_boxes(file)
    file = write(tmp_path, annotation(), images=[IMAGE, {**IMAGE, "id": 2}])
    with pytest.raises(ValueError, match=r"annotations\.json.*'a\.png'"):  # its second entry lacks the box
        load_boxes(file)
    assert len(load_coco_people(file, POSETRACK_15)) == 1
    assert len(load_boxes(write(tmp_path, annotation(), images=[IMAGE, IMAGE]))[0].boxes) == 1


def test_the_declared_size(tmp_path: Path) -> None:
    (person,) = load_coco_people(write(tmp_path, annotation()), POSETRACK_15)
    assert person.image_size == load_boxes(write(tmp_path, annotation()))[0].image_size == (100, 80)
    undeclared = write(tmp_path, annotation(), images=[{"id": 1, "file_name": "a.png"}])
    assert load_coco_people(undeclared, POSETRACK_15)[0].image_size is None
    with pytest.raises(ValueError, match=r"image 1 has no width, no height"):
        load_boxes(undeclared)
    for size in ({"width": "100"}, {"width": 0}, {"height": 80.5}, {"width": None}):
        file = write(tmp_path, annotation(), images=[{**IMAGE, **size}])
        for load in (load_boxes, lambda path: load_coco_people(path, POSETRACK_15)):
            with pytest.raises(ValueError, match=rf"annotations\.json.*{next(iter(size))} must be an integer"):
                load(file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": [101, 20, 30, 40]}, r"bbox at \[101"),
        ({"bbox": [10, -60, 30, 40]}, r"bbox at \[10"),
        ({"keypoints": [120, 2, 2, 130, 4, 1, 0, 0, 0, 7, 8, 2]}, r"joints at \[1[23]0"),
        ({"keypoints": [1, -20, 2, 3, -4, 1, 0, 0, 0, 7, 8, 2]}, r"joints at \[3"),
    ],
)
def test_labels_beyond_their_image(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """With a few joints outside, as in labels of people at the border, they are kept."""
    file = write(tmp_path, annotation(**changes))
    with pytest.raises(ValueError, match=rf"annotation 5 .*{message}.*100x80"):
        load_coco_people(file, POSETRACK_15)
    if "bbox" in changes:
        with pytest.raises(ValueError, match=rf"annotation 5 .*{message}.*100x80"):
            load_boxes(file)
    partly = write(tmp_path, annotation(bbox=[-5, -5, 300, 40], keypoints=[-9, 2, 2, 3, 4, 1, 0, 0, 0, 7, 8, 2]))
    assert load_coco_people(partly, POSETRACK_15)[0].joints[POSETRACK_15.index("nose")].tolist() == [-9, 2]


def test_segmentation_without_box_or_keypoints(tmp_path: Path) -> None:
    entry = {"id": 5, "image_id": 1, "category_id": 1, "segmentation": [[1, 2, 3, 4, 5, 6]]}
    with pytest.raises(ValueError, match=r"annotation 5 needs 4 numbers as bbox"):
        load_boxes(write(tmp_path, entry))
    assert load_coco_people(write(tmp_path, entry), POSETRACK_15) == []


LISTS_AS_IDS = [
    {"images": [{"id": [1], "file_name": "a.jpg"}], "annotations": [], "categories": []},
    {"images": [], "annotations": [], "categories": [{"id": [1], "name": "person"}]},
    {
        "images": [],
        "annotations": [{"id": 1, "category_id": [1], "bbox": [1, 1, 2, 2]}],
        "categories": [{"id": 1, "name": "person"}],
    },
    {"images": [], "annotations": [{"id": 1, "image_id": {}, "bbox": [1, 1, 2, 2]}]},
    {"images": [{"id": 1}], "annotations": [{"id": 1, "image_id": 1, "bbox": [10**400, 1, 2, 2]}]},
]


@pytest.mark.parametrize("data", LISTS_AS_IDS)
def test_lists_and_huge_numbers_are_named(tmp_path: Path, data: dict[str, Any]) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=r"a\.json: (a category|image|annotation)"):
        load_boxes(path)
