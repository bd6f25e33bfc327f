from __future__ import annotations

import numpy as np

from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.truncation import KEPT, truncate

IMAGE = np.arange(100 * 160 * 3).reshape(100, 160, 3).astype(np.uint8)
BOX = np.array([40.0, 10.0, 120.0, 90.0])
JOINTS = np.stack(np.meshgrid([45.0, 65.0, 95.0, 115.0], [15.0, 40.0, 60.0, 85.0]), axis=-1).reshape(-1, 2)


def person(visibility: int = 2) -> PersonLabel:
    return PersonLabel("a.png", JOINTS, np.full(len(JOINTS), visibility), BOX, image_size=(160, 100))


def test_a_cut_takes_one_side_of_the_picture_and_the_box_ends_there() -> None:
    sides = set()
    for seed in range(200):
        cut = truncate(IMAGE, person(), np.random.default_rng(seed))
        assert cut is not None
        height, width = cut.image.shape[:2]
        assert cut.label.image_size == (width, height)
        assert (cut.label.box >= 0).all()
        assert (cut.label.box[2:] <= (width, height)).all()
        left, top = (JOINTS[0] - cut.label.joints[0]).astype(int)
        np.testing.assert_array_equal(cut.image, IMAGE[top : top + height, left : left + width])
        side = (left > 0, top > 0, left + width < 160, top + height < 100)
        assert sum(side) == 1
        sides.add(side)
        kept = (cut.label.box[2:] - cut.label.box[:2]).prod() / (BOX[2:] - BOX[:2]).prod()
        assert KEPT[0] - 0.02 <= kept <= KEPT[1] + 0.02
    assert len(sides) == 4


def test_joints_beyond_the_cut_are_absent_and_no_longer_labelled() -> None:
    for seed in range(50):
        cut = truncate(IMAGE, person(), np.random.default_rng(seed))
        assert cut is not None
        height, width = cut.image.shape[:2]
        inside = ((cut.label.joints >= 0) & (cut.label.joints < (width, height))).all(axis=1)
        np.testing.assert_array_equal(cut.absent, ~inside)
        np.testing.assert_array_equal(cut.label.visibility, np.where(inside, 2, 0))


def test_unlabelled_joints_are_of_unknown_place_not_absent() -> None:
    label = person()
    label.visibility[::2] = 0
    cuts = [truncate(IMAGE, label, np.random.default_rng(seed)) for seed in range(50)]
    assert any(cut is not None and cut.absent.any() for cut in cuts)
    assert not any(cut is not None and cut.absent[::2].any() for cut in cuts)


def test_a_person_of_whom_too_little_would_stay_is_not_cut() -> None:
    label = person(visibility=0)
    label.visibility[:2] = 2
    assert all(truncate(IMAGE, label, np.random.default_rng(seed)) is None for seed in range(20))


def test_a_box_that_reaches_beyond_the_picture() -> None:
    beside = PersonLabel("a.png", JOINTS + BOX[:2], person().visibility, BOX + 100)
    for seed in range(50):
        cut = truncate(IMAGE, beside, np.random.default_rng(seed))
        assert cut is None or (cut.image.size and (cut.label.box[2:] <= cut.image.shape[1::-1]).all())
