"""Drawing the people of frames in a style."""

from __future__ import annotations

import threading

import numpy as np

from pose_track.drawing.colours import base_colour
from pose_track.drawing.palette import CENTRE, shade
from pose_track.drawing.pen import Pen
from pose_track.drawing.people import draw_person
from pose_track.drawing.privacy import obscure
from pose_track.drawing.style import Style
from pose_track.drawing.trails import Trails
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import TrackedPoses

_DIMMED = 0.35
_SIDE_OF_THIN_LINES = 320  # pixels of the shorter side of a video whose lines are one pixel wide
_DEFAULT = Style()


def draw(image: ImageArray, people: TrackedPoses, style: Style = _DEFAULT) -> ImageArray:
    """A copy of an image with its people drawn on it.

    image: (H, W, 3) uint8 RGB; it is not changed.

    Returns (H, W, 3) uint8 RGB; with a transparent background (H, W, 4), the fourth channel from 0, transparent, to
    255. Trails need the frames before: use a `Painter`.

    >>> from pose_track.structures.frames import Poses
    >>> from pose_track.structures.skeleton import COCO_17
    >>> poses = Poses([[[50, 50]] * 17], [[0.9] * 17], [[20, 20, 80, 80]], [0.9], COCO_17)
    >>> drawn = draw(np.zeros((100, 100, 3), np.uint8), TrackedPoses(0, 0.0, poses, [3]), Style(boxes=False))
    >>> drawn[50, 50].tolist()  # that of the right ankle, which is darker
    [90, 44, 83]
    """
    return Painter(style).draw(image, people)


class Painter:
    """Draws one frame after the other, with the trails of the frames before; several threads may call it."""

    def __init__(self, style: Style = _DEFAULT) -> None:
        self.style = style
        self._trails = Trails(style.trail_seconds)
        self._lock = threading.Lock()

    def draw(self, image: ImageArray, people: TrackedPoses) -> ImageArray:
        """A copy of the image of the next frame with its people drawn on it, see `draw`."""
        style = self.style
        canvas = _background(image, people, style)
        pen = Pen(canvas, line_width(image) if style.line_width is None else style.line_width)
        drawn = people[np.isin(people.track_ids, style.only_ids)] if style.only_ids else people
        order = np.argsort(drawn.poses.boxes[:, 3], kind="stable").tolist()  # people lower in the image are in front
        if style.trail_seconds:
            with self._lock:
                self._trails.add(people)
                for i in order:
                    track_id, score = int(drawn.track_ids[i]), float(drawn.poses.scores[i])
                    self._trails.draw(pen, track_id, base_colour(style, track_id, score))
        for i in order:
            draw_person(pen, drawn, i, style)
        _draw_clock(pen, people, style)
        return _straight_alpha(canvas) if canvas.shape[2] == 4 else canvas


def line_width(image: ImageArray) -> int:
    """Line width in pixels that suits images of this size.

    >>> line_width(np.zeros((240, 320, 3), np.uint8)), line_width(np.zeros((720, 1280, 3), np.uint8))
    (1, 2)
    """
    height, width = (int(side) for side in image.shape[:2])
    return max(1, round(min(height, width) / _SIDE_OF_THIN_LINES))


def _background(image: ImageArray, people: TrackedPoses, style: Style) -> ImageArray:
    height, width = image.shape[:2]
    if style.background in ("black", "transparent"):
        return np.zeros((height, width, 3 if style.background == "black" else 4), np.uint8)
    canvas: ImageArray = np.array(image, np.uint8, order="C")
    obscure(canvas, people.poses, style.privacy)
    if style.background == "dimmed":
        canvas = np.round(canvas * np.float32(_DIMMED)).astype(np.uint8)
    return canvas


def _draw_clock(pen: Pen, people: TrackedPoses, style: Style) -> None:
    minutes, seconds = divmod(people.pts_seconds, 60)
    parts = [f"frame {people.frame_index}"] * style.frame_number + [f"{int(minutes)}:{seconds:06.3f}"] * style.time
    if parts:
        pen.label("  ".join(parts), lambda width, height: (0, pen.canvas.shape[0]), shade(CENTRE, 0.3))


def _straight_alpha(canvas: ImageArray) -> ImageArray:
    """(H, W, 4) -> (H, W, 4): colours that are not multiplied with the opacity, as files have them."""
    partial = (canvas[..., 3] > 0) & (canvas[..., 3] < 255)
    multiplied = canvas[partial].astype(np.float32)
    canvas[partial, :3] = np.minimum(np.round(multiplied[:, :3] * 255 / multiplied[:, 3:]), 255).astype(np.uint8)
    return canvas
