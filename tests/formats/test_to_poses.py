"""People of files as poses for stages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pose_track.formats.to_poses import people_to_poses
from pose_track.structures.frames import SOURCES
from pose_track.structures.sequence import People
from pose_track.structures.skeleton import COCO_17, LSP_14, Skeleton

TWO = Skeleton("two", ("nose", "head_top"))
NAN = np.nan


def people(
    joints: Any, joint_scores: Any = None, score: float = NAN, box: Any = (NAN,) * 4, more: Any = None
) -> People:
    """One person of two joints."""
    told = People.of(np.array([joints], float), None if joint_scores is None else np.array([joint_scores], float))
    told.scores[:], told.boxes[:] = score, box
    if more is not None:
        told.more[0] = more
    return told


def test_what_is_told_stays() -> None:
    poses = people_to_poses(people([[1.5, 2], [3, 4]], [0.25, 0.75], 0.5, (1, 2, 9, 8), {"source": "flow"}), TWO)
    assert poses.joints.tolist() == [[[1.5, 2], [3, 4]]]
    assert poses.joint_scores.tolist() == [[0.25, 0.75]]
    assert poses.scores.tolist() == [0.5]
    assert poses.boxes.tolist() == [[1, 2, 9, 8]]
    assert poses.sources.tolist() == ["flow"]  # type: ignore[union-attr]
    assert poses.skeleton == TWO


# joints, their scores, the person's score -> scores of the joints and of the person
@pytest.mark.parametrize(
    ("joints", "joint_scores", "score", "expected", "expected_score"),
    [
        ([[1, 2], [NAN, NAN]], [0.5, NAN], NAN, [0.5, 0], 0.5),  # a joint that is not there
        ([[1, 2], [NAN, NAN]], [0.5, 0.9], NAN, [0.5, 0], 0.5),  # which has a score nonetheless
        ([[1, 2], [3, 4]], [0.5, NAN], NAN, [0.5, 1], 0.5),  # a score that is not told is not in the mean
        ([[1, 2], [3, 4]], [NAN, NAN], NAN, [1, 1], 1),  # none is told, as in truth
        ([[NAN, NAN], [NAN, NAN]], [NAN, NAN], NAN, [0, 0], 1),  # somebody with a box alone
        ([[NAN, NAN], [NAN, NAN]], [NAN, NAN], 0.3, [0, 0], 0.3),
        ([[1, 2], [3, 4]], [7.5, -2], NAN, [1, 0], 0.5),  # sums of heatmaps, or logits
        ([[1, 2], [3, 4]], [0.5, 0.5], 30, [0.5, 0.5], 1),
        ([[1, 2], [3, 4]], [0.5, 0.5], -1, [0.5, 0.5], 0),
    ],
)
def test_scores(joints: Any, joint_scores: Any, score: float, expected: list[float], expected_score: float) -> None:
    poses = people_to_poses(people(joints, joint_scores, score), TWO)
    assert poses.joint_scores[0].tolist() == expected
    assert poses.scores[0] == pytest.approx(expected_score)


# joints, the box -> the box
@pytest.mark.parametrize(
    ("joints", "box", "expected"),
    [
        ([[0, 0], [100, 200]], (NAN,) * 4, [-7.5, -15, 107.5, 215]),  # the extent, 15 % wider and higher
        ([[10, 20], [NAN, NAN]], (NAN,) * 4, [10, 20, 10, 20]),
        ([[NAN, NAN], [NAN, NAN]], (NAN,) * 4, [0, 0, 0, 0]),
        ([[0, 0], [100, 200]], (1, 2, NAN, 4), [-7.5, -15, 107.5, 215]),  # half a box is none
        ([[0, 0], [1e30, 200]], (NAN,) * 4, None),  # nonsense does not become infinite
    ],
)
def test_boxes(joints: Any, box: Any, expected: list[float] | None) -> None:
    (found,) = people_to_poses(people(joints, [0.0, 0.0], box=box), TWO).boxes
    if expected is None:
        assert np.isfinite((found[2:] - found[:2]).prod())
    else:
        np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("told", [None, {}, {"source": "somewhere"}, {"source": ["flow"]}])
def test_a_source_of_another_kind_is_a_record(told: Any) -> None:
    poses = people_to_poses(people([[1, 2], [3, 4]], more=told), TWO)
    assert poses.sources.tolist() == ["recorded"]  # type: ignore[union-attr]


def test_nobody() -> None:
    poses = people_to_poses(People.empty(COCO_17), COCO_17)
    assert (len(poses), poses.joints.shape, poses.sources.shape) == (0, (0, 17, 2), (0,))  # type: ignore[union-attr]


def test_another_skeleton_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"joints must have shape \('any', 14, 2\), got \(1, 2, 2\)"):
        people_to_poses(people([[1, 2], [3, 4]]), LSP_14)


numbers = st.floats(width=64, allow_infinity=False) | st.just(NAN)


@given(
    arrays(float, (3, 2, 2), elements=numbers),
    arrays(float, (3, 2), elements=numbers),
    arrays(float, 3, elements=numbers),
)
@settings(derandomize=True, deadline=None, max_examples=50)
def test_every_number_can_be_used(joints: Any, joint_scores: Any, scores: Any) -> None:
    joints[np.isnan(joints).any(axis=-1)] = NAN
    given = People.of(joints, joint_scores, scores=scores)
    before = joints.copy()
    poses = people_to_poses(given, TWO)
    assert len(poses) == 3
    for values in (poses.joints, poses.boxes):
        assert np.isfinite(values).all()
    for values in (poses.joint_scores, poses.scores):
        assert ((values >= 0) & (values <= 1)).all()
    assert (poses.joint_scores[~given.has_joint] == 0).all()
    assert set(poses.sources.tolist()) <= set(SOURCES)  # type: ignore[union-attr]
    np.testing.assert_array_equal(given.joints, before)  # the people are as they were
