"""Images of a person at chosen moments, as JPEG in the text of a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pose_track.drawing.painter import draw
from pose_track.drawing.style import Style
from pose_track.structures.arrays import Float64Array, ImageArray
from pose_track.structures.frames import TrackedPoses
from pose_track.video.random_access import RandomAccessVideo

_SIZE = (360, 480)  # width, height
_ASPECT = _SIZE[0] / _SIZE[1]
_PADDING = 1.3  # of the higher side of a person's box
_MAX_HEIGHT = 8192.0  # pixels of the image
_QUALITY = 85
_PAPER = 242  # grey of images without a video
_TOLERANCE = 0.0005  # seconds between a frame and its record
_STYLE = Style(boxes=False, ids=False, colour_by="side", line_width=3)


def person_images(
    video: Path | None, fps: float, frames: Sequence[TrackedPoses], track_id: int, min_score: float
) -> list[str]:
    """A data URL for each frame: the person with their skeleton, all in the same scale.

    video: None for the skeleton alone. fps: of a folder of images. Joints of at least `min_score` are drawn.
    """
    people = [tracked[tracked.track_ids == track_id] for tracked in frames]
    boxes = [person.poses.boxes[0].astype(np.float64) for person in people]
    height = _PADDING * max((max(y2 - y1, (x2 - x1) / _ASPECT) for x1, y1, x2, y2 in boxes), default=1.0)
    height = min(max(height, 16.0), _MAX_HEIGHT)
    reader = None if video is None else RandomAccessVideo(video, Fraction(fps).limit_denominator(1001))
    style = replace(_STYLE, min_joint_score=min_score)
    addresses = []
    for person, (x1, y1, x2, y2) in zip(people, boxes, strict=True):
        corner = np.floor([(x1 + x2 - height * _ASPECT) / 2 + 0.5, (y1 + y2 - height) / 2 + 0.5])
        image = None if reader is None else image_at(reader, person.pts_seconds)
        corner = corner if image is None else _within(corner, height, image)
        paper = np.full((_SIZE[1], _SIZE[0], 3), _PAPER, np.uint8) if image is None else _crop(image, corner, height)
        addresses.append(_data_url(draw(paper, _moved(person, corner, _SIZE[1] / height), style)))
    return addresses


def _moved(person: TrackedPoses, corner: Float64Array, scale: float) -> TrackedPoses:
    """The person in a window whose top-left pixel is at the corner, enlarged."""
    joints = ((person.poses.joints - corner + 0.5) * scale - 0.5).astype(np.float32)
    return replace(person, poses=replace(person.poses, joints=joints))


def _within(corner: Float64Array, height: float, image: ImageArray) -> Float64Array:
    """The corner of a window of this height, moved so far that the image fills it, where it is large enough."""
    spare = np.array([image.shape[1] - round(height * _ASPECT), image.shape[0] - round(height)])
    return np.where(spare >= 0, np.clip(corner, 0, np.maximum(spare, 0)), corner)


def image_at(video: RandomAccessVideo, seconds: float) -> ImageArray | None:
    """The frame of this time; None where there is none or it is damaged."""
    for time, convert in video.frames_from(seconds):
        if time >= seconds - _TOLERANCE:
            return convert() if time <= seconds + _TOLERANCE else None
    return None


def _crop(image: ImageArray, corner: Float64Array, height: float) -> ImageArray:
    """`_SIZE` pixels that show `height` pixels of the image from a corner on, grey beyond the image."""
    rows, columns = round(height), round(height * _ASPECT)
    left, top = (int(value) for value in corner)
    window = np.full((rows, columns, 3), _PAPER, np.uint8)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + columns, image.shape[1]), min(top + rows, image.shape[0])
    if x1 < x2 and y1 < y2:
        window[y1 - top : y2 - top, x1 - left : x2 - left] = image[y1:y2, x1:x2]
    shrinks = rows > _SIZE[1]
    return np.asarray(cv2.resize(window, _SIZE, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8)


def _data_url(image: ImageArray) -> str:
    blue_first = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", blue_first, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
