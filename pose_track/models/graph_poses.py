"""The people of an image from the outputs of one-stage networks that come as a graph, by layout.

Coordinates are those of `graph_boxes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from pose_track.models.graph_boxes import from_centres
from pose_track.structures.arrays import Float32Array

PoseLayout = Literal["rtmo", "yolo_pose", "yolo_pose_end2end"]
"""How a one-stage network returns people:

rtmo: boxes and scores (N, 5), and joints with scores (N, K, 3), after suppression, as MMDeploy exports RTMO.
yolo_pose: (5 + 3 K, N): centre, size, score, and joints with scores, before suppression, as Ultralytics exports.
yolo_pose_end2end: (N, 6 + 3 K): box, score, class, and joints with scores, of networks that need no suppression.
"""


class PeopleOutputs(NamedTuple):
    """N people: boxes (N, 4), scores (N,), joints (N, K, 2) and their scores (N, K)."""

    boxes: Float32Array
    scores: Float32Array
    joints: Float32Array
    joint_scores: Float32Array


def read_people(layout: PoseLayout, outputs: Sequence[Float32Array]) -> PeopleOutputs:
    """The people in one image, with all scores, not sorted. outputs: of one image, without the batch."""
    return _READERS[layout](outputs)


def needs_suppression(layout: PoseLayout) -> bool:
    """Whether a person occurs many times in the outputs."""
    return layout == "yolo_pose"


def _rtmo(outputs: Sequence[Float32Array]) -> PeopleOutputs:
    """Lu et al., "RTMO: Towards High-Performance One-Stage Real-Time Multi-Person Pose Estimation", CVPR 2024."""
    boxes, joints = outputs
    return PeopleOutputs(boxes[:, :4], boxes[:, 4], joints[..., :2], joints[..., 2])


def _yolo_pose(outputs: Sequence[Float32Array]) -> PeopleOutputs:
    """Maji et al., "YOLO-Pose", CVPR workshops 2022."""
    rows = outputs[0].T
    joints = rows[:, 5:].reshape(len(rows), -1, 3)
    return PeopleOutputs(from_centres(rows[:, :2], rows[:, 2:4]), rows[:, 4], joints[..., :2], joints[..., 2])


def _end2end(outputs: Sequence[Float32Array]) -> PeopleOutputs:
    rows = outputs[0]
    joints = rows[:, 6:].reshape(len(rows), -1, 3)
    return PeopleOutputs(rows[:, :4], rows[:, 4], joints[..., :2], joints[..., 2])


_READERS: dict[PoseLayout, Callable[[Sequence[Float32Array]], PeopleOutputs]] = {
    "rtmo": _rtmo,
    "yolo_pose": _yolo_pose,
    "yolo_pose_end2end": _end2end,
}
