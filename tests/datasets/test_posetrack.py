from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotation_files import posetrack17_frame, posetrack17_rect, write_json
from shared_data import shared

from pose_track.datasets.posetrack import load_posetrack_people
from pose_track.structures.skeleton import COCO_17, LSP_14, POSETRACK18_17, POSETRACK_15

POINTS: dict[int, tuple[float, ...]] = {0: (10, 220), 12: (60, 20), 13: (110, 30, 0)}  # right ankle, neck, nose


def write17(path: Path, *rects: Any, **changes: Any) -> Path:
    return write_json(path / "a.json", {"annolist": [posetrack17_frame("images/a/1.jpg", *rects, **changes)]})


def test_a_file_of_2017(tmp_path: Path) -> None:
    (person,) = load_posetrack_people(write17(tmp_path, posetrack17_rect(POINTS)), POSETRACK_15)
    assert person.file_name == "images/a/1.jpg"
    labelled = {n: int(v) for n, v in zip(POSETRACK_15.joint_names, person.visibility, strict=True) if v}
    assert labelled == {"right_ankle": 2, "head_bottom": 2, "nose": 1}
    assert person.joints[POSETRACK_15.index("nose")].tolist() == [110, 30]
    assert person.box.tolist() == [10 - 7.5, 20 - 15, 110 + 7.5, 220 + 15]
    assert person.head_size == pytest.approx(0.6 * np.hypot(30, 40))


def test_a_box_counts_joints_that_the_skeleton_lacks(tmp_path: Path) -> None:
    (person,) = load_posetrack_people(write17(tmp_path, posetrack17_rect(POINTS)), LSP_14)
    assert person.box.tolist() == [10 - 7.5, 20 - 15, 110 + 7.5, 220 + 15]


def test_frames_and_people_without_labels_are_left_out(tmp_path: Path) -> None:
    rect, one_joint = posetrack17_rect(POINTS), posetrack17_rect({0: (1, 2)})
    nobody = [posetrack17_rect({}), posetrack17_rect(POINTS, annopoints=[]), {"track_id": [1]}, one_joint]
    frames = [
        posetrack17_frame("1.jpg", rect, is_labeled=[0]),
        posetrack17_frame("2.jpg", rect, is_labeled=[]),
        posetrack17_frame("3.jpg"),
        {"image": [{"name": "4.jpg"}]},
        {"image": [{"name": "5.jpg"}], "annorect": [rect]},  # without is_labeled
        posetrack17_frame("6.jpg", *nobody, rect),
    ]
    people = load_posetrack_people(write_json(tmp_path / "a.json", {"annolist": frames}), POSETRACK_15)
    assert [p.file_name for p in people] == ["5.jpg", "6.jpg"]


def test_unlabelled_head(tmp_path: Path) -> None:
    rect = posetrack17_rect(POINTS)
    del rect["x1"], rect["y1"]
    rect["x2"] = []
    assert np.isnan(load_posetrack_people(write17(tmp_path, rect), POSETRACK_15)[0].head_size)


BROKEN17 = [
    (posetrack17_rect({15: (1, 2), 3: (4, 5)}), "point 0: id must be an integer from 0 to 14, got 15"),
    (posetrack17_rect({0: (1, None), 3: (4, 5)}), "point 0: y must be a finite number, got None"),
    (posetrack17_rect({0: ("left", 2), 3: (4, 5)}), "point 0: x must be a finite number, got 'left'"),
    (posetrack17_rect(POINTS, annopoints=[5]), r"annopoints must be a list of objects, got \[5\]"),
    (posetrack17_rect(POINTS, x1=["left"]), "x1 must be a finite number, got 'left'"),
]


@pytest.mark.parametrize(("bad", "message"), BROKEN17)
def test_broken_people_of_2017_are_named(tmp_path: Path, bad: dict[str, Any], message: str) -> None:
    where = r"a\.json, frame 0 \(images/a/1\.jpg\), person 1"
    with pytest.raises(ValueError, match=rf"{where}[:,] {message}; .*on_broken"):
        load_posetrack_people(write17(tmp_path, posetrack17_rect(POINTS), bad), POSETRACK_15)


def test_other_joints_of_a_person_with_a_broken_joint_are_kept(tmp_path: Path) -> None:
    bad = posetrack17_rect(POINTS | {3: (float("nan"), 5)})
    (person,) = load_posetrack_people(write17(tmp_path, bad), POSETRACK_15, "skip")
    assert np.flatnonzero(person.visibility).tolist() == [0, 12, 13]


def test_an_image_without_name(tmp_path: Path) -> None:
    for image in ([], [{}], [{"name": []}]):
        file = write17(tmp_path, posetrack17_rect(POINTS), image=image)
        with pytest.raises(ValueError, match=r"a\.json, frame 0: .*without name"):
            load_posetrack_people(file, POSETRACK_15)
        assert load_posetrack_people(file, POSETRACK_15, "skip") == []
    with pytest.raises(ValueError, match=r"a\.json, frame 0: image must be an object with a name, got 'a.jpg'"):
        load_posetrack_people(write17(tmp_path, posetrack17_rect(POINTS), image=["a.jpg"]), POSETRACK_15)


def test_unknown_on_broken(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"on_broken .*'ignore'"):
        load_posetrack_people(write17(tmp_path, posetrack17_rect(POINTS)), POSETRACK_15, "ignore")  # type: ignore[arg-type]


def annotation18(**joints: tuple[float, ...]) -> dict[str, Any]:
    keypoints = [v for name in POSETRACK18_17.joint_names for v in joints.get(name, (0, 0, 0))]
    return {"id": 7, "image_id": 3, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": keypoints}


def write18(path: Path, *annotations: dict[str, Any], **changes: Any) -> Path:
    image = {"id": 3, "file_name": "images/a/0.jpg", "is_labeled": True} | changes
    categories = [{"id": 1, "name": "person", "keypoints": list(POSETRACK18_17.joint_names)}]
    return write_json(path / "b.json", {"images": [image], "annotations": annotations, "categories": categories})


ANKLE, NECK = {"right_ankle": (10, 220, 1)}, {"head_bottom": (110, 20, 1)}


def test_a_file_of_2018(tmp_path: Path) -> None:
    """A flag of 0 at a position means hidden, as in the published evaluation; ears are never labelled."""
    annotation = annotation18(**ANKLE, **NECK, nose=(60, 30, 0), left_ear=(999, 999, 1), right_ear=(999, 999, 0))
    file = write18(tmp_path, annotation | {"bbox_head": [10, 20, 30, 40]})
    (person,) = load_posetrack_people(file, POSETRACK18_17)
    assert (person.file_name, person.image_id) == ("images/a/0.jpg", 3)
    labelled = {n: int(v) for n, v in zip(POSETRACK18_17.joint_names, person.visibility, strict=True) if v}
    assert labelled == {"nose": 1, "head_bottom": 1, "right_ankle": 1}
    assert person.box.tolist() == [10 - 7.5, 20 - 15, 110 + 7.5, 220 + 15]  # neither the file's own nor with the ears
    assert person.head_size == pytest.approx(30)


def test_frames_and_people_of_2018_without_labels(tmp_path: Path) -> None:
    annotation = annotation18(**ANKLE, **NECK)
    assert load_posetrack_people(write18(tmp_path, annotation, is_labeled=False), POSETRACK_15) == []
    nobody = [
        annotation18(),
        annotation | {"iscrowd": 1},
        annotation18(**ANKLE),
        annotation18(left_ear=(1, 2, 1), right_ear=(3, 4, 1)),
    ]
    assert len(load_posetrack_people(write18(tmp_path, *nobody, annotation), POSETRACK_15)) == 1


def test_broken_people_of_2018(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    annotation = annotation18(**ANKLE, **NECK)
    file = write18(
        tmp_path,
        annotation | {"image_id": 4},
        annotation,
        annotation | {"keypoints": [1]},
        annotation | {"bbox_head": [1, 2]},
    )
    with pytest.raises(ValueError, match=r"b\.json, annotation 7: .*image 4"):
        load_posetrack_people(file, POSETRACK_15)
    with caplog.at_level(logging.WARNING):
        assert len(load_posetrack_people(file, POSETRACK_15, "skip")) == 1
    assert "3 broken entries" in caplog.messages[0]


def test_joints_of_2018_without_names(tmp_path: Path) -> None:
    file = write18(tmp_path, annotation18(**ANKLE, **NECK))
    file.write_text(json.dumps({k: v for k, v in json.loads(file.read_text()).items() if k != "categories"}))
    (person,) = load_posetrack_people(file, COCO_17)
    assert np.flatnonzero(person.visibility).tolist() == [COCO_17.index("right_ankle")]


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bad = posetrack17_rect({15: (1, 2), 3: (4, 5)})
    write18(tmp_path, annotation18(**ANKLE, **NECK))
    write17(tmp_path, bad, posetrack17_rect(POINTS), bad)
    (tmp_path / "readme.txt").write_text("text")
    with caplog.at_level(logging.WARNING):
        people = load_posetrack_people(tmp_path, POSETRACK_15, "skip")
    assert [p.file_name for p in people] == ["images/a/1.jpg", "images/a/0.jpg"]
    (message,) = caplog.messages
    assert message.startswith(f"{tmp_path}: ")
    assert "2 broken entries" in message
    assert f"{tmp_path / 'a.json'}, frame 0 (images" in message


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no \.json files in"):
        load_posetrack_people(tmp_path, POSETRACK_15)
    with pytest.raises(FileNotFoundError, match=r"No such file .*c\.json"):
        load_posetrack_people(tmp_path / "c.json", POSETRACK_15)
    with pytest.raises(ValueError, match=r"d\.json .*list"):
        load_posetrack_people(write_json(tmp_path / "d.json", [1]), POSETRACK_15)
    with pytest.raises(ValueError, match=r"e\.json: annolist must be a list of frames"):
        load_posetrack_people(write_json(tmp_path / "e.json", {"annolist": {}}), POSETRACK_15)


def test_real_files_of_2018() -> None:
    people = load_posetrack_people(shared("data/posetrack18_sample/annotations/val"), POSETRACK18_17)
    assert len(people) == 14
    assert len({p.file_name for p in people}) == 3
    ears = [POSETRACK18_17.index(name) for name in ("left_ear", "right_ear")]
    assert not any(p.visibility[ears].any() for p in people)
    assert all(((p.joints >= p.box[:2]) & (p.joints <= p.box[2:]))[p.visibility > 0].all() for p in people)
    assert all(p.head_size > 0 for p in people)


def test_real_files_of_2017() -> None:
    """6,367 people, nine of them with a single joint; noses are not annotated."""
    people = load_posetrack_people(shared("data/mpposetrack_gt"), POSETRACK_15)
    assert len(people) == 6358
    assert sum(int((p.visibility > 0).sum()) for p in people) == 84796 - 9
    assert sum(int((p.visibility == 1).sum()) for p in people) == 17906
    assert not any(p.visibility[POSETRACK_15.index("nose")] for p in people)
