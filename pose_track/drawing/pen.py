"""Lines, dots and text on an image, with an accuracy of 1/16 pixel and an opacity."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from pose_track.drawing.palette import is_dark
from pose_track.structures.arrays import Float32Array, ImageArray
from pose_track.structures.skeleton import Colour

WHITE = (255, 255, 255)
BLACK = (0, 0, 0)

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SUBPIXEL_BITS = 4
_SUBPIXELS = 16
_MAX_COORDINATE = 30_000  # a limit within the range of OpenCV's fixed-point coordinates
_DRAWS_UNICODE = int(cv2.__version__.partition(".")[0]) >= 5


class Pen:
    """Draws on a canvas; points are x y in pixels.

    canvas: (H, W, 3) uint8 RGB, or (H, W, 4) whose fourth channel is the opacity of what was drawn and whose others
        are multiplied with it.
    line_width: pixels.
    """

    def __init__(self, canvas: ImageArray, line_width: int) -> None:
        self.canvas, self.line_width = canvas, line_width

    def line(self, start: Float32Array, end: Float32Array, colour: Colour, width: int, opacity: float = 1.0) -> None:
        if opacity < 1:
            self.path(np.stack([start, end]), colour, width, opacity)
            return
        cv2.line(self.canvas, _fixed(start), _fixed(end), self._ink(colour), width, cv2.LINE_AA, _SUBPIXEL_BITS)

    def path(self, points: Float32Array, colour: Colour, width: int, opacity: float = 1.0) -> None:
        """A line through the points. points: (P, 2)."""
        fixed = np.round(np.clip(points, -_MAX_COORDINATE, _MAX_COORDINATE) * _SUBPIXELS).astype(np.int32)
        with self._faint(points, width + 2, opacity):
            cv2.polylines(self.canvas, [fixed], False, self._ink(colour), width, cv2.LINE_AA, _SUBPIXEL_BITS)

    def dashes(self, start: Float32Array, end: Float32Array, colour: Colour) -> None:
        """A thin dashed line of at most 33 pieces."""
        length = float(np.abs(end - start).max())
        num_pieces = 2 * int(np.clip(length / (8 + 4 * self.line_width), 1, 16)) + 1
        points = np.linspace(start, end, num_pieces + 1).astype(np.float32)
        for piece in range(0, num_pieces, 2):
            self.line(points[piece], points[piece + 1], colour, 1)

    def dot(self, centre: Float32Array, radius: float, colour: Colour, opacity: float = 1.0) -> None:
        """A dot with a white ring of a pixel, inside of `radius`."""
        if opacity < 1:
            with self._faint(centre[None], radius + 3, opacity):
                self.dot(centre, radius, colour)
            return
        for size, ink in ((radius, WHITE), (radius - 1, colour)):
            fixed = round(max(size, 0.5) * _SUBPIXELS)
            cv2.circle(self.canvas, _fixed(centre), fixed, self._ink(ink), cv2.FILLED, cv2.LINE_AA, _SUBPIXEL_BITS)

    def label(self, text: str, place: Callable[[int, int], tuple[float, float]], colour: Colour) -> None:
        """Text on a rectangle of a colour, kept inside the image.

        place: width and height of the rectangle -> its left and top.
        """
        text, stroke = _shown(text), max(1, self.line_width // 2)
        scale = 0.35 + 0.15 * self.line_width
        (text_width, text_height), baseline = cv2.getTextSize(text, _FONT, scale, stroke)
        width, height = text_width + 4, text_height + baseline + 2
        canvas_height, canvas_width = self.canvas.shape[:2]
        left, top = place(width, height)
        left = int(np.clip(left, 0, max(0, canvas_width - width)))
        top = int(np.clip(top, 0, max(0, canvas_height - height)))
        cv2.rectangle(self.canvas, (left, top), (left + width, top + height), self._ink(colour), cv2.FILLED)
        ink = self._ink(WHITE if is_dark(colour) else BLACK)
        cv2.putText(self.canvas, text, (left + 2, top + text_height + 1), _FONT, scale, ink, stroke, cv2.LINE_AA)

    def _span(self, values: list[float], margin: float, axis: int) -> slice:
        """The columns (axis 0) or rows (axis 1) of the canvas around some coordinates."""
        size = self.canvas.shape[1 - axis]
        first, last = min(values) - margin, max(values) + margin + 1
        return slice(int(min(max(first, 0), size)), int(min(max(last, 0), size)))

    def _ink(self, colour: Colour) -> tuple[int, ...]:
        return (*colour, 255)[: self.canvas.shape[2]]

    @contextmanager
    def _faint(self, points: Float32Array, margin: float, opacity: float) -> Iterator[None]:
        """A context in which what is drawn near the points becomes fainter. points: (P, 2)."""
        if opacity >= 1:
            yield
            return
        columns, rows = (self._span(values, margin, axis) for axis, values in enumerate(points.T.tolist()))
        part = self.canvas[rows, columns]
        before = part.copy()
        yield
        if part.size:
            part[...] = cv2.addWeighted(part, opacity, before, 1 - opacity, 0)


def _fixed(point: Float32Array) -> tuple[int, int]:
    x, y = point.tolist()
    if abs(x) > _MAX_COORDINATE or abs(y) > _MAX_COORDINATE:
        x, y = np.clip((x, y), -_MAX_COORDINATE, _MAX_COORDINATE).tolist()
    return round(x * _SUBPIXELS), round(y * _SUBPIXELS)


def _shown(text: str) -> str:
    """The text as OpenCV can draw it: before its version 5 that is ASCII only, and letters lose their accents."""
    if _DRAWS_UNICODE:
        return text
    letters = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(letters).encode("ascii", "replace").decode("ascii")
