from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotation_files import mpii_rect, posetrack17_frame, posetrack17_rect, write_json, write_mpii_mat
from scipy.io import savemat

from pose_track.datasets.coco import load_coco_people
from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.load import identify_format, load_people
from pose_track.structures.skeleton import COCO_17, LSP_14, MPII_16, POSETRACK18_17, POSETRACK_15, Skeleton

# One person in pixels from 0, with the joints of Leeds Sports Pose, which all formats have.
JOINTS = dict(zip(LSP_14.joint_names, np.random.default_rng(2).uniform(10, 210, (14, 2)).round(2), strict=True))


def rows(skeleton: Skeleton, flag: float) -> list[list[float]]:
    """x y flag of each joint of a skeleton, zeros for unlabelled joints."""
    return [[*JOINTS[n], flag] if n in JOINTS else [0, 0, 0] for n in skeleton.joint_names]


def coco(skeleton: Skeleton, **image: Any) -> dict[str, Any]:
    keypoints = [v for row in rows(skeleton, 2) for v in row]
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "keypoints": keypoints}
    categories = [{"id": 1, "name": "person", "keypoints": list(skeleton.joint_names)}]
    return {"images": [{"id": 1, "file_name": "a.jpg"} | image], "annotations": [annotation], "categories": categories}


def write(folder: Path, kind: str) -> Path:
    """Write the person to a file of a format."""
    path = folder / f"{kind}.file"
    from_one, lsp = (np.add(rows(skeleton, 1), [1, 1, 0]) for skeleton in (MPII_16, LSP_14))
    if kind == "coco":
        return write_json(path, coco(LSP_14))
    if kind == "posetrack18":
        return write_json(path, coco(POSETRACK18_17, is_labeled=True))
    if kind == "posetrack17":
        points = {k: tuple(JOINTS[n]) for k, n in enumerate(POSETRACK_15.joint_names) if n in JOINTS}
        return write_json(path, {"annolist": [posetrack17_frame("a.jpg", posetrack17_rect(points))]})
    if kind == "mpii json":
        annotation = {"image": "a.jpg", "center": [61, 71], "scale": 0.5, "joints": from_one[:, :2].tolist()}
        return write_json(path, [annotation | {"joints_vis": from_one[:, 2].tolist()}])
    if kind == "mpii mat":
        return write_mpii_mat(path, ("a.jpg", [mpii_rect(from_one[:, :2])]))
    savemat(path, {"joints": lsp[..., None] if kind == "lsp extended" else (lsp * [1, 1, 0]).T[..., None]})
    return path


FORMATS = {
    "coco": "coco", "posetrack18": "posetrack", "posetrack17": "posetrack",
    "mpii json": "mpii", "mpii mat": "mpii", "lsp": "lsp", "lsp extended": "lsp",
}  # fmt: skip


@pytest.fixture
def person(request: pytest.FixtureRequest, tmp_path: Path) -> PersonLabel:
    (person,) = load_people("auto", write(tmp_path, request.param), LSP_14)
    return person


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_are_identified_by_content(tmp_path: Path, kind: str) -> None:
    file = write(tmp_path, kind)
    assert identify_format(file) == FORMATS[kind]
    (explicit,) = load_people(FORMATS[kind], file, LSP_14)  # type: ignore[arg-type]
    (person,) = load_people("auto", file, LSP_14)
    np.testing.assert_array_equal(explicit.joints, person.joints)


@pytest.mark.parametrize("person", FORMATS, indirect=True)
def test_each_format_gives_the_same_joints(person: PersonLabel) -> None:
    np.testing.assert_allclose(person.joints, list(JOINTS.values()), atol=1e-9)
    assert (person.visibility > 0).all()


@pytest.mark.parametrize("person", ["posetrack17", "posetrack18", "lsp", "lsp extended"], indirect=True)
def test_boxes_from_joints_agree(person: PersonLabel) -> None:
    joints = np.array(list(JOINTS.values()))
    low, high = joints.min(axis=0), joints.max(axis=0)
    np.testing.assert_allclose(person.box, np.concatenate([1.075 * low - 0.075 * high, 1.075 * high - 0.075 * low]))


@pytest.mark.parametrize("person", ["mpii json", "mpii mat"], indirect=True)
def test_boxes_of_both_files_of_mpii_agree(person: PersonLabel) -> None:
    assert person.box.tolist() == [10, 27.5, 110, 127.5]


def test_a_folder_is_posetracks(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    write(tmp_path, "posetrack17").rename(tmp_path / "val" / "a.json")
    assert len(load_people("auto", tmp_path / "val", POSETRACK_15)) == 1


def test_coco_layout_can_be_read_either_way(tmp_path: Path) -> None:
    file = write(tmp_path, "posetrack18")
    (own_box,) = load_people("coco", file, COCO_17)
    assert own_box.box.tolist() == [1, 2, 4, 6] != load_people("auto", file, COCO_17)[0].box.tolist()
    assert own_box.box.tolist() == load_coco_people(file, COCO_17)[0].box.tolist()


def test_on_broken_is_passed_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = coco(LSP_14)
    data["annotations"] *= 2
    data["annotations"][1] = data["annotations"][1] | {"image_id": 5, "id": 2}
    file = write_json(tmp_path / "a.json", data)
    with pytest.raises(ValueError, match=r"a\.json: annotation 2 is of image 5"):
        load_people("auto", file, LSP_14)
    with caplog.at_level(logging.WARNING):
        assert len(load_people("auto", file, LSP_14, "skip")) == 1
    assert "1 broken entries" in caplog.messages[0]


@pytest.mark.parametrize("content", ["[]", "{}", "5", '{"images": []}', '[{"image_id": 1, "bbox": []}]'])
def test_other_content(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(ValueError, match=r"a\.json .*coco, mpii, posetrack, lsp"):
        identify_format(tmp_path / "a.json")


def test_other_files(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"people": np.zeros(3)})
    with pytest.raises(ValueError, match=r"a\.mat .*coco, mpii, posetrack, lsp"):
        identify_format(tmp_path / "a.mat")
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(ValueError, match=r"a\.txt is not valid JSON"):
        identify_format(tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*b\.json"):
        identify_format(tmp_path / "b.json")
    with pytest.raises(ValueError, match=r"auto, coco, mpii, posetrack, lsp.*'voc'"):
        load_people("voc", tmp_path / "a.txt", LSP_14)  # type: ignore[arg-type]
    (tmp_path / "c.json").write_text(json.dumps({"images": [1], "annotations": []}))
    with pytest.raises(ValueError, match=r"c\.json: images .*list of objects"):
        identify_format(tmp_path / "c.json")
