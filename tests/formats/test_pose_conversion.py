"""People of files as the poses that stages exchange."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.structures.frames import SOURCES
from pose_track.structures.sequence import PoseAnnotations
from pose_track.structures.skeleton import COCO_17, LSP_14, Skeleton

TWO = Skeleton("two", ("nose", "head_top"))
NAN = np.nan


def people(
    joints: Any, joint_scores: Any = None, score: float = NAN, box: Any = (NAN,) * 4, extra: Any = None
) -> PoseAnnotations:
    """One person of two joints."""
    annotations = PoseAnnotations.from_joints(
        np.array([joints], float), None if joint_scores is None else np.array([joint_scores], float)
    )
    annotations.scores[:], annotations.boxes[:] = score, box
    if extra is not None:
        annotations.extra[0] = extra
    return annotations


def test_known_values_are_kept() -> None:
    poses = annotations_to_poses(people([[1.5, 2], [3, 4]], [0.25, 0.75], 0.5, (1, 2, 9, 8), {"source": "flow"}), TWO)
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
        ([[1, 2], [NAN, NAN]], [0.5, NAN], NAN, [0.5, 0], 0.5),  # an absent joint
        ([[1, 2], [NAN, NAN]], [0.5, 0.9], NAN, [0.5, 0], 0.5),  # an absent joint with a score
        ([[1, 2], [3, 4]], [0.5, NAN], NAN, [0.5, 1], 0.5),  # a missing score is not in the mean
        ([[1, 2], [3, 4]], [NAN, NAN], NAN, [1, 1], 1),  # no scores, as in ground truth
        ([[NAN, NAN], [NAN, NAN]], [NAN, NAN], NAN, [0, 0], 1),  # only a box
        ([[NAN, NAN], [NAN, NAN]], [NAN, NAN], 0.3, [0, 0], 0.3),
        ([[1, 2], [3, 4]], [7.5, -2], NAN, [1, 0], 0.5),  # sums of heatmaps, or logits
        ([[1, 2], [3, 4]], [0.5, 0.5], 30, [0.5, 0.5], 1),
        ([[1, 2], [3, 4]], [0.5, 0.5], -1, [0.5, 0.5], 0),
    ],
)
def test_scores(joints: Any, joint_scores: Any, score: float, expected: list[float], expected_score: float) -> None:
    poses = annotations_to_poses(people(joints, joint_scores, score), TWO)
    assert poses.joint_scores[0].tolist() == expected
    assert poses.scores[0] == pytest.approx(expected_score)


# joints, the box -> the box
@pytest.mark.parametrize(
    ("joints", "box", "expected"),
    [
        ([[0, 0], [100, 200]], (NAN,) * 4, [-7.5, -15, 107.5, 215]),  # the extent, 15 % wider and higher
        ([[10, 20], [NAN, NAN]], (NAN,) * 4, [10, 20, 10, 20]),
        ([[NAN, NAN], [NAN, NAN]], (NAN,) * 4, [0, 0, 0, 0]),
        ([[0, 0], [100, 200]], (1, 2, NAN, 4), [-7.5, -15, 107.5, 215]),  # an incomplete box is missing
        ([[0, 0], [1e30, 200]], (NAN,) * 4, None),  # a wild joint does not become infinite
    ],
)
def test_boxes(joints: Any, box: Any, expected: list[float] | None) -> None:
    (result,) = annotations_to_poses(people(joints, [0.0, 0.0], box=box), TWO).boxes
    if expected is None:
        assert np.isfinite((result[2:] - result[:2]).prod())
    else:
        np.testing.assert_allclose(result, expected)


@pytest.mark.parametrize("extra", [None, {}, {"source": "somewhere"}, {"source": ["flow"]}])
def test_other_sources_become_recorded(extra: Any) -> None:
    poses = annotations_to_poses(people([[1, 2], [3, 4]], extra=extra), TWO)
    assert poses.sources.tolist() == ["recorded"]  # type: ignore[union-attr]


def test_no_people() -> None:
    poses = annotations_to_poses(PoseAnnotations.empty(COCO_17), COCO_17)
    assert (len(poses), poses.joints.shape, poses.sources.shape) == (0, (0, 17, 2), (0,))  # type: ignore[union-attr]


def test_skeleton_with_another_number_of_joints() -> None:
    with pytest.raises(ValueError, match=r"joints .*14, 2.*\(1, 2, 2\)"):
        annotations_to_poses(people([[1, 2], [3, 4]]), LSP_14)


numbers = st.floats(width=64, allow_infinity=False) | st.just(NAN)


@given(
    arrays(float, (3, 2, 2), elements=numbers),
    arrays(float, (3, 2), elements=numbers),
    arrays(float, 3, elements=numbers),
)
@settings(derandomize=True, deadline=None, max_examples=50)
def test_all_values_are_finite_and_scores_in_range(joints: Any, joint_scores: Any, scores: Any) -> None:
    joints[np.isnan(joints).any(axis=-1)] = NAN
    given = PoseAnnotations.from_joints(joints, joint_scores, scores=scores)
    before = joints.copy()
    poses = annotations_to_poses(given, TWO)
    assert len(poses) == 3
    for values in (poses.joints, poses.boxes):
        assert np.isfinite(values).all()
    for values in (poses.joint_scores, poses.scores):
        assert ((values >= 0) & (values <= 1)).all()
    assert (poses.joint_scores[~given.has_joint] == 0).all()
    assert set(poses.sources.tolist()) <= set(SOURCES)  # type: ignore[union-attr]
    np.testing.assert_array_equal(given.joints, before)  # the input is unchanged
