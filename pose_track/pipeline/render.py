"""Drawing tracked people on a frame: boxes, skeletons, joints and ids, with a colour for each id."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import cv2
import numpy as np

from pose_track.structures.arrays import BoolArray, Float32Array, ImageArray
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import Skeleton

Color = tuple[int, int, int]

_GOLDEN_RATIO = 0.618033988749895
_SHADES = ((0.75, 1.0), (1.0, 0.85), (0.5, 1.0))  # pairs of saturation and value, used in turn
_SUBPIXEL_BITS = 4
_SUBPIXELS = 16
_MAX_COORDINATE = 30_000  # a limit within the range of OpenCV's fixed-point coordinates


def track_color(track_id: int) -> Color:
    """RGB colour of a track id: constant, and far from the colours of adjacent ids.

    Hues advance by the golden ratio, which spreads any run of successive ids around the colour circle.

    >>> track_color(1) == track_color(1), track_color(1) == track_color(2)
    (True, False)
    """
    saturation, value = _SHADES[track_id // 8 % len(_SHADES)]
    red, green, blue = colorsys.hsv_to_rgb(track_id * _GOLDEN_RATIO % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def render(image: ImageArray, tracked: TrackedPoses, min_joint_score: float = 0.3) -> ImageArray:
    """A copy of the frame with its people drawn on it.

    image: (H, W, 3) uint8 RGB; it is not changed.
    min_joint_score: joints with at least this score, and above 0, are drawn, and the edges between two of them.

    Right limbs are darker than left ones. Where the skeleton has colours, joints have those, and an edge has that of
    its second joint. Boxes that the optical flow warped are dashed and thin.
    """
    canvas: ImageArray = np.array(image, np.uint8, order="C")
    poses = tracked.poses
    assert poses.sources is not None
    order = np.argsort(poses.boxes[:, 3], kind="stable")  # people lower in the image are in front
    for i in order.tolist():
        pen = _Pen(canvas, track_color(int(tracked.track_ids[i])), _thickness(poses.boxes[i], image))
        _draw_box(pen, poses.boxes[i], dashed=poses.sources[i] == "flow")
        visible = (poses.joint_scores[i] >= min_joint_score) & (poses.joint_scores[i] > 0)
        visible &= np.isfinite(poses.joints[i]).all(axis=-1)
        _draw_skeleton(pen, poses.joints[i], visible, poses.skeleton)
        _draw_label(pen, poses.boxes[i], str(int(tracked.track_ids[i])))
    return canvas


@dataclass(frozen=True)
class _Pen:
    """Image, colour and line width in pixels. Points are x y in pixels, drawn with an accuracy of 1/16 pixel."""

    canvas: ImageArray
    color: Color
    thickness: int

    def line(self, start: Float32Array, end: Float32Array, color: Color | None = None, thickness: int = 0) -> None:
        width = thickness or self.thickness
        cv2.line(self.canvas, _fixed(start), _fixed(end), color or self.color, width, cv2.LINE_AA, _SUBPIXEL_BITS)

    def dot(self, centre: Float32Array, radius: float, color: Color) -> None:
        fixed_radius = round(radius * _SUBPIXELS)
        cv2.circle(self.canvas, _fixed(centre), fixed_radius, color, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed(point: Float32Array) -> tuple[int, int]:
    x, y = point.tolist()
    return _fixed_coordinate(x), _fixed_coordinate(y)


def _fixed_coordinate(value: float) -> int:
    return round(min(max(value, -_MAX_COORDINATE), _MAX_COORDINATE) * _SUBPIXELS)


def _thickness(box: Float32Array, image: ImageArray) -> int:
    """Line width in pixels: grows with the person, within limits that grow with the frame."""
    frame_size = min(image.shape[:2])
    person_size = float(max(box[2] - box[0], box[3] - box[1])) if np.isfinite(box).all() else 0.0
    return int(np.clip(round(person_size / 100), max(1, round(frame_size / 480)), max(2, round(frame_size / 180))))


def _shade(color: Color, factor: float) -> Color:
    red, green, blue = (round(channel * factor) for channel in color)
    return red, green, blue


def _draw_box(pen: _Pen, box: Float32Array, dashed: bool) -> None:
    if not np.isfinite(box).all():
        return
    corners = box[[[0, 1], [2, 1], [2, 3], [0, 3]]]  # (4,) -> (4, 2)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if dashed:
            _draw_dashes(pen, start, end)
        else:
            pen.line(start, end, thickness=max(1, pen.thickness // 2))


def _draw_dashes(pen: _Pen, start: Float32Array, end: Float32Array) -> None:
    """A thin dashed line of at most 33 pieces."""
    length = float(np.abs(end - start).max())
    num_pieces = 2 * int(np.clip(length / (8 + 4 * pen.thickness), 1, 16)) + 1
    points = np.linspace(start, end, num_pieces + 1).astype(np.float32)
    for piece in range(0, num_pieces, 2):
        pen.line(points[piece], points[piece + 1], thickness=1)


def _draw_skeleton(pen: _Pen, joints: Float32Array, visible: BoolArray, skeleton: Skeleton) -> None:
    right = {right for _, right in skeleton.twins}

    def color(k: int, is_right: bool) -> Color:
        if skeleton.colours is not None:
            return skeleton.colours[k]
        return _shade(pen.color, 0.6) if is_right else pen.color

    for a, b in skeleton.edges:
        if visible[a] and visible[b]:
            pen.line(joints[a], joints[b], color(b, {a, b} <= right))
    for k in np.flatnonzero(visible).tolist():
        pen.dot(joints[k], pen.thickness + 1.5, (255, 255, 255))
        pen.dot(joints[k], pen.thickness + 0.5, color(k, k in right))


def _draw_label(pen: _Pen, box: Float32Array, text: str) -> None:
    """The id on a rectangle of its colour, above the box, or inside it at the upper edge of the frame."""
    if not np.isfinite(box).all():
        return
    scale, stroke = 0.35 + 0.15 * pen.thickness, max(1, pen.thickness // 2)
    (width, height), baseline = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    label_height, label_width = height + baseline + 2, width + 4
    canvas_height, canvas_width = pen.canvas.shape[:2]
    left = int(np.clip(box[0], 0, max(0, canvas_width - label_width)))
    above = float(box[1]) - label_height
    top = int(np.clip(above if above >= 0 else float(box[1]), 0, max(0, canvas_height - label_height)))
    cv2.rectangle(pen.canvas, (left, top), (left + label_width, top + label_height), pen.color, cv2.FILLED)
    is_dark = sum(c * w for c, w in zip(pen.color, (0.299, 0.587, 0.114), strict=True)) < 128
    text_color = (255, 255, 255) if is_dark else (0, 0, 0)
    origin = (left + 2, top + height + 1)
    cv2.putText(pen.canvas, text, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, text_color, stroke, cv2.LINE_AA)
