from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotation_files import EMPTY, mpii_rect, struct, write_json, write_mpii_mat

from pose_track.datasets.mpii import load_mpii_people
from pose_track.structures.skeleton import LSP_14, MPII_16

JOINTS = np.random.default_rng(0).uniform(10, 110, (16, 2)).round(2)  # pixels from 1, as in the files


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "image": "a.jpg", "center": [61.0, 71.0], "scale": 0.5, "joints": JOINTS.tolist(), "joints_vis": [1] * 16
    } | changes  # fmt: skip


def test_json_of_the_published_code(tmp_path: Path) -> None:
    """The box is a square of 200 pixels times the scale, its centre 15 pixels times the scale lower; all from 0."""
    labelled = [1, 0] + [1] * 14
    (person,) = load_mpii_people(write_json(tmp_path / "valid.json", [entry(joints_vis=labelled)]), MPII_16)
    assert person.file_name == "a.jpg"
    np.testing.assert_allclose(person.joints[[0, *range(2, 16)]], JOINTS[[0, *range(2, 16)]] - 1)
    assert person.visibility.tolist() == [2, 0] + [2] * 14
    assert person.joints[1].tolist() == [0, 0]
    assert person.box.tolist() == [60 - 50, 70 + 7.5 - 50, 60 + 50, 70 + 7.5 + 50]
    assert np.isnan(person.head_size)


def test_joints_are_mapped_by_name(tmp_path: Path) -> None:
    (person,) = load_mpii_people(write_json(tmp_path / "valid.json", [entry()]), LSP_14)
    np.testing.assert_allclose(person.joints[LSP_14.index("head_bottom")], JOINTS[8] - 1)  # MPII's upper neck
    np.testing.assert_allclose(person.joints[LSP_14.index("left_wrist")], JOINTS[15] - 1)


BROKEN = [
    (entry(center=[-1, -1]), r".*center \[-1.0, -1.0\], scale 0.5"),
    (entry(scale=-1), ".*scale -1.0"),
    (entry(image=None), "image must be the name"),
    (entry(scale=None), ".*scale nan"),
    (entry(center=[1]), "needs 2 numbers as center"),
    (entry(joints=JOINTS[:14].tolist()), "needs 16 x 2 numbers as joints"),
    (entry(joints_vis=[1] * 15), "needs 16 numbers as joints_vis"),
    (entry(joints=[[float("nan"), 1]] * 16), r".*\[nan, 0.0\]"),
    ({"image": "a.jpg", "center": [1, 2], "scale": 1}, "has no joints, no joints_vis"),
]


@pytest.mark.parametrize(("bad", "message"), BROKEN)
def test_broken_entries_are_named(tmp_path: Path, bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=rf"valid\.json: entry 1 {message}"):
        load_mpii_people(write_json(tmp_path / "valid.json", [entry(), bad]), MPII_16)


def test_broken_entries_can_be_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = write_json(tmp_path / "valid.json", [entry(), *(bad for bad, _ in BROKEN), entry(image="b.jpg")])
    with caplog.at_level(logging.WARNING):
        assert [p.file_name for p in load_mpii_people(file, MPII_16, "skip")] == ["a.jpg", "b.jpg"]
    assert f"{len(BROKEN)} broken entries" in caplog.messages[0]
    assert f"{file}: entry 1 " in caplog.messages[0]


def test_unlabelled_people_are_left_out(tmp_path: Path) -> None:
    """They are no error, even without a known position."""
    nobody = entry(joints_vis=[0] * 16, center=[-1, -1])
    assert load_mpii_people(write_json(tmp_path / "valid.json", [nobody]), MPII_16) == []


def test_the_matlab_file(tmp_path: Path) -> None:
    file = write_mpii_mat(tmp_path / "mpii.mat", ("a.jpg", [mpii_rect(JOINTS)]), ("b.jpg", [mpii_rect(JOINTS + 5)] * 2))
    people = load_mpii_people(file, MPII_16)
    assert [p.file_name for p in people] == ["a.jpg", "b.jpg", "b.jpg"]
    np.testing.assert_allclose(people[0].joints, JOINTS - 1)
    np.testing.assert_allclose(people[2].joints, JOINTS + 4)
    assert people[0].box.tolist() == [60 - 50, 70 + 7.5 - 50, 60 + 50, 70 + 7.5 + 50]
    assert people[0].head_size == pytest.approx(0.6 * np.hypot(30, 40))


def test_visibility_of_the_matlab_file(tmp_path: Path) -> None:
    """Hidden joints are labelled; the flag is a number, text, or, for the joints of the head, empty."""
    people = [mpii_rect(JOINTS, visible) for visible in (1.0, 0.0, "1", "0", EMPTY)]
    loaded = load_mpii_people(write_mpii_mat(tmp_path / "mpii.mat", ("a.jpg", people)), MPII_16)
    assert [set(p.visibility.tolist()) for p in loaded] == [{2}, {1}, {2}, {1}, {2}]
    one_point = struct({"point": struct({"x": 4.0, "y": 5.0, "id": 9.0})})  # without the flag, as in some annotations
    file = write_mpii_mat(tmp_path / "mpii.mat", ("a.jpg", [mpii_rect(JOINTS, annopoints=one_point)]))
    (person,) = load_mpii_people(file, MPII_16)
    assert person.visibility.tolist() == [0] * 9 + [2] + [0] * 6
    assert person.joints[9].tolist() == [3, 4]


def test_only_people_with_joints_scale_and_position(tmp_path: Path) -> None:
    """The real file has images without people, and people without the fields, or with empty ones."""
    without = [mpii_rect(JOINTS, **{key: EMPTY}) for key in ("annopoints", "scale", "objpos")]
    bare = {"x1": 1.0, "y1": 2.0, "x2": 3.0, "y2": 4.0}
    no_points = mpii_rect(JOINTS, annopoints=struct({"point": EMPTY}))
    no_head = mpii_rect(JOINTS, x1=EMPTY)
    images = [("a.jpg", []), ("b.jpg", [bare]), ("c.jpg", [*without, no_points]), ("d.jpg", [no_head])]
    (person,) = load_mpii_people(write_mpii_mat(tmp_path / "mpii.mat", *images), MPII_16)
    assert person.file_name == "d.jpg"
    assert np.isnan(person.head_size)


def test_split_of_the_matlab_file(tmp_path: Path) -> None:
    images = [(name, [mpii_rect(JOINTS)]) for name in ("a.jpg", "b.jpg", "c.jpg")]
    file = write_mpii_mat(tmp_path / "mpii.mat", *images, img_train=[1, 0, 1])
    assert [p.file_name for p in load_mpii_people(file, MPII_16)] == ["a.jpg", "c.jpg"]
    assert [p.file_name for p in load_mpii_people(file, MPII_16, split="test")] == ["b.jpg"]
    with pytest.raises(ValueError, match=r"split .*'valid'"):
        load_mpii_people(file, MPII_16, split="valid")  # type: ignore[arg-type]


def test_broken_people_of_the_matlab_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Errors name them by their MATLAB expression, which counts from 1."""
    far = np.where(np.arange(32).reshape(16, 2) == 5, np.nan, JOINTS)
    people = [mpii_rect(JOINTS), mpii_rect(np.vstack([JOINTS, [[1, 2]]])), mpii_rect(JOINTS, scale=0.0), mpii_rect(far)]
    file = write_mpii_mat(tmp_path / "mpii.mat", ("a.jpg", []), ("b.jpg", people), ("", [mpii_rect(JOINTS)]))
    with pytest.raises(ValueError, match=r"annolist\(2\)\.annorect\(2\) .*id 16.0"):
        load_mpii_people(file, MPII_16)
    with caplog.at_level(logging.WARNING):
        assert len(load_mpii_people(file, MPII_16, "skip")) == 1
    assert "4 broken entries" in caplog.messages[0]


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*none\.json"):
        load_mpii_people(tmp_path / "none.json", MPII_16)
    with pytest.raises(ValueError, match=r"a\.json must be a list of objects"):
        load_mpii_people(write_json(tmp_path / "a.json", {"images": []}), MPII_16)
    file = write_mpii_mat(tmp_path / "mpii.mat", ("a.jpg", []), ("b.jpg", []), img_train=[1])
    with pytest.raises(ValueError, match=r"mpii\.mat is not MPII's: RELEASE has 2 annolist, 1 img_train"):
        load_mpii_people(file, MPII_16)
