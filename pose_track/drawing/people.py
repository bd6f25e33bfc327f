"""Drawing one person: box, skeleton, id and the names of joints."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pose_track.drawing.colours import PersonColours, base_colour
from pose_track.drawing.pen import Pen
from pose_track.drawing.style import Style
from pose_track.structures.arrays import BoolArray, Float32Array
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import Colour

_LEAST_OPACITY = 0.15


def draw_person(pen: Pen, people: TrackedPoses, i: int, style: Style) -> None:
    """Draw the i-th person of a frame."""
    poses = people.poses
    assert poses.sources is not None
    track_id, score, box = int(people.track_ids[i]), float(poses.scores[i]), poses.boxes[i]
    joints, scores = poses.joints[i], poses.joint_scores[i]
    colours = PersonColours(base_colour(style, track_id, score), style, poses.skeleton, scores)
    has_box = bool(np.isfinite(box).all())
    visible = (scores >= style.min_joint_score) & (scores > 0) & np.isfinite(joints).all(axis=-1)
    if style.boxes and has_box:
        _draw_box(pen, box, colours.base, dashed=poses.sources[i] == "flow")
    if style.skeleton:
        _draw_skeleton(pen, joints, visible, colours, style)
    if style.joint_labels:
        _draw_joint_labels(pen, joints, visible, colours)
    text = style.label(track_id, score)
    if text and has_box:
        pen.label(text, lambda width, height: _above(box, height), colours.base)


def _above(box: Float32Array, height: int) -> tuple[float, float]:
    """Left and top of a label above the box, or inside it at the upper edge of the image."""
    left, top = box[:2].tolist()
    return left, top - height if top >= height else top


def _draw_box(pen: Pen, box: Float32Array, colour: Colour, dashed: bool) -> None:
    corners = box[[[0, 1], [2, 1], [2, 3], [0, 3], [0, 1]]]  # (4,) -> (5, 2)
    for start, end in pairwise(corners):
        if dashed:
            pen.dashes(start, end, colour)
        else:
            pen.line(start, end, colour, max(1, pen.line_width // 2))


def _draw_skeleton(pen: Pen, joints: Float32Array, visible: BoolArray, colours: PersonColours, style: Style) -> None:
    radius = pen.line_width + 0.5 if style.joint_radius is None else style.joint_radius

    def opacity(*ks: int) -> float:
        return max(_LEAST_OPACITY, min(float(colours.scores[k]) for k in ks)) if style.fade_unsure else 1.0

    is_detail = np.ones(len(joints), bool)
    is_detail[colours.skeleton.body_joints] = False
    for a, b in colours.skeleton.edges:
        if visible[a] and visible[b]:
            width = max(1, pen.line_width // 2) if is_detail[a] or is_detail[b] else pen.line_width
            pen.line(joints[a], joints[b], colours.edge(a, b), width, opacity(a, b))
    for k in np.flatnonzero(visible).tolist():
        pen.dot(joints[k], radius / 2 if is_detail[k] else radius + 1, colours.joint(k), opacity(k))


def _draw_joint_labels(pen: Pen, joints: Float32Array, visible: BoolArray, colours: PersonColours) -> None:
    """The names of the joints, right of them."""
    small = Pen(pen.canvas, 1)
    for k in np.flatnonzero(visible).tolist():
        x, y = (float(value) for value in joints[k])
        gap = 2 * pen.line_width + 2
        name = colours.skeleton.joint_names[k].replace("_", " ")
        small.label(name, lambda width, height, x=x, y=y, gap=gap: (x + gap, y - height / 2), colours.joint(k))  # type: ignore[misc]
