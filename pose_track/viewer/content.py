"""What a viewer shows: one or two results of a video, its images, their differences, and the edits of the first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_track.analysis.angles import joint_angles_of
from pose_track.drawing.palette import palette_colour
from pose_track.drawing.style import Style
from pose_track.editing.edits import describe, parse_edit
from pose_track.editing.session import EditSession
from pose_track.formats.tracks_jsonl import DamageRecord
from pose_track.results.result import Fault, Result
from pose_track.structures.frames import SOURCES, TrackedPoses
from pose_track.structures.skeleton import Skeleton, side_of
from pose_track.viewer.differences import find_differences
from pose_track.viewer.images import FrameImages
from pose_track.viewer.marks import PersonMark
from pose_track.viewer.measures import person_measures
from pose_track.viewer.records import BLOCK_FRAMES, SCORE_LEVELS, Axis, PackedRecords, pack, summarise_people

THUMBNAIL_SIDE = 72
"""Pixels of the square image of a person."""

_PLAYABLE = (".mp4", ".m4v", ".mov", ".webm")


@dataclass(eq=False)
class ShownResult:
    """A result as it is shown: as it is, or with the edits of its session.

    name: what it is called. path: its file or folder. revision: grows with every edit.
    """

    name: str
    path: Path
    result: Result
    session: EditSession | None = None
    revision: int = 0
    _packed: PackedRecords | None = field(default=None, repr=False)

    def records(self) -> Iterable[TrackedPoses]:
        return self.result if self.session is None else self.session.frames()

    def names(self) -> Mapping[int, str]:
        return self.result.names if self.session is None else self.session.names

    def packed(self, axis: Axis) -> PackedRecords:
        if self._packed is None:
            self._packed = pack(self.records(), axis, self.result.skeleton)
        return self._packed

    def changed(self) -> None:
        self.revision += 1
        self._packed = None


class Content:
    """Everything that the page asks for; safe to use from several threads.

    results: one or two; only the first can have a session of edits.
    video: the file of the images; None where there is none.
        `video` of the object is that file where browsers may play it in step with the records.
    find_marks: returns the errors of the first result against the second, which then is ground truth; None otherwise.
    """

    def __init__(
        self,
        results: list[ShownResult],
        video: Path | None,
        find_marks: Callable[[Iterable[TrackedPoses]], list[PersonMark]] | None = None,
    ) -> None:
        self.results = results
        self.axis = Axis.of(shown.records() for shown in results)
        if not len(self.axis):
            raise ValueError(f"{results[0].path} has no frame to show")
        self.images: FrameImages | None = None
        self._portraits: FrameImages | None = None
        if video is not None:  # two, so that the image does not wait for those of people
            fps = Fraction(results[0].result.fps).limit_denominator(1001)
            self.images, self._portraits = (FrameImages(video, self.axis.seconds, fps) for _ in range(2))
        self._find_marks = find_marks
        self._lock = threading.Lock()
        self.video = video if video is not None and _is_playable(video, self.axis) else None
        self._marks: tuple[int, list[dict[str, Any]]] | None = None
        self._thumbnails: dict[tuple[int, int, int], bytes] = {}

    def close(self) -> None:
        """Release the video."""
        for images in (self.images, self._portraits):
            if images is not None:
                images.close()

    def description(self) -> dict[str, Any]:
        """What the page needs before anything else; see `static/data.js`."""
        first = self.results[0].result
        width, height = self._size()
        return {
            "width": width,
            "height": height,
            "fps": float(first.fps),
            "joint_distance": self.joint_distance(),
            "min_joint_score": _min_joint_score(first.header),
            "frames": self.axis.frames.tolist(),
            "seconds": np.round(self.axis.seconds, 6).tolist(),
            "block_frames": BLOCK_FRAMES,
            "sources": list(SOURCES),
            "score_levels": SCORE_LEVELS,
            "playable": self.video is not None,
            "has_images": self.images is not None,
            "has_truth": self._find_marks is not None,
            "results": [self._describe(shown) for shown in self.results],
            "edits": self.edits(),
        }

    def _size(self) -> tuple[int, int]:
        """Width and height of the video; of an image of it where no result states them, and of its people at last."""
        for shown in self.results:
            if shown.result.width and shown.result.height:
                return int(shown.result.width), int(shown.result.height)
        if self.images is not None:
            height, width = self.images.image(0).shape[:2]
            return width, height
        boxes = self.results[0].packed(self.axis).boxes
        right, bottom = np.ceil(boxes[:, 2:].max(axis=0)) if len(boxes) else (640, 480)
        return max(1, int(right)), max(1, int(bottom))

    def _describe(self, shown: ShownResult) -> dict[str, Any]:
        faults = [{"position": self._position(fault), "message": fault.message} for fault in shown.result.faults]
        return {
            "name": shown.name,
            "skeleton": _skeleton_values(shown.result.skeleton),
            "angles": [angle.name for angle in joint_angles_of(shown.result.skeleton)],
            "faults": faults,
            "complete": shown.result.complete,
            "revision": shown.revision,
        }

    def joint_distance(self) -> float:
        """From how many pixels on joints are listed as different at first: a hundredth of the image's longer side."""
        return round(max(self._size()) / 100, 1)

    def _position(self, fault: Fault) -> int:
        """Of the first frame at a fault, or of the last frame before one that ended the run."""
        frame = fault.frame if isinstance(fault, DamageRecord) else fault.after_frame
        return min(int(np.searchsorted(self.axis.frames, frame or 0)), len(self.axis) - 1)

    def _result(self, number: int) -> ShownResult:
        """Raises IndexError for one that is not there."""
        if not 0 <= number < len(self.results):
            raise IndexError(f"result must be below {len(self.results)}, got {number}")
        return self.results[number]

    def people(self, number: int) -> dict[str, Any]:
        """The people of a result, see `summarise_people`, each with a colour."""
        with self._lock:
            shown = self._result(number)
            people = summarise_people(shown.packed(self.axis), shown.names())
        palette = Style().palette
        for person in people:
            person["colour"] = "#{:02x}{:02x}{:02x}".format(*palette_colour(person["id"], palette))
        return {"revision": shown.revision, "people": people}

    def block(self, number: int, block: int) -> bytes:
        """The records of some frames, see `PackedRecords.block`. Raises IndexError for one that is not there."""
        if not 0 <= block < self.axis.num_blocks:
            raise IndexError(f"block must be below {self.axis.num_blocks}, got {block}")
        with self._lock:
            return self._result(number).packed(self.axis).block(block)

    def measures(self, number: int, track_id: int) -> dict[str, Any]:
        """Angles and speeds of a person, see `person_measures`. Raises LookupError without the person."""
        with self._lock:
            shown = self._result(number)
            packed = shown.packed(self.axis)
        return person_measures(packed, self.axis, track_id, shown.result.speed_factor)

    def thumbnail(self, number: int, track_id: int) -> bytes:
        """A JPEG of a person, where it is largest and surest. Raises LookupError without the person or the image."""
        person = next((p for p in self.people(number)["people"] if p["id"] == track_id), None)
        if person is None or self._portraits is None:
            raise LookupError(f"no image of person {track_id}")
        key = number, track_id, person["best"]
        if key not in self._thumbnails:
            self._thumbnails[key] = _thumbnail(self._portraits.image(person["best"]), person["box"])
        return self._thumbnails[key]

    def differences(self, joint_distance: float) -> list[dict[str, Any]]:
        """Those of the two results, see `find_differences`; empty for one. joint_distance: pixels."""
        if len(self.results) < 2:
            return []
        with self._lock:
            a, b = (shown.packed(self.axis) for shown in self.results)
        return [each.to_dict() for each in find_differences(a, b, joint_distance)]

    def marks(self) -> list[dict[str, Any]]:
        """Who is missed, false or switched by the evaluator's matching, by position; empty without ground truth."""
        if self._find_marks is None:
            return []
        with self._lock:
            revision, records = self.results[0].revision, list(self.results[0].records())
        if self._marks is not None and self._marks[0] == revision:
            return self._marks[1]
        positions = {frame: position for position, frame in enumerate(self.axis.frames.tolist())}
        marks = (mark for mark in self._find_marks(records) if mark.frame in positions)
        self._marks = revision, [mark.to_dict(positions[mark.frame]) for mark in marks]
        return self._marks[1]

    def edits(self) -> dict[str, Any]:
        """The edits in force as text, and what can be undone and redone; None where nothing can be edited."""
        session = self.results[0].session
        if session is None:
            return {"allowed": False, "list": [], "undo": False, "redo": False}
        texts = [describe(edit) for edit in session.edits]
        return {"allowed": True, "list": texts, "undo": bool(texts), "redo": bool(session.undone)}

    def edit(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Apply an edit, or undo or redo one: {"op": "undo"}. Raises ValueError where it does not fit the result."""
        with self._lock:
            session = self.results[0].session
            if session is None:
                raise ValueError("this result cannot be edited")
            if values == {"op": "undo"}:
                session.undo()
            elif values == {"op": "redo"}:
                session.redo()
            else:
                session.apply(parse_edit(values))
            self.results[0].changed()
            return {"edits": self.edits(), "revision": self.results[0].revision}


def _is_playable(video: Path, axis: Axis) -> bool:
    """Whether browsers know such files, and each frame has a record."""
    is_whole = bool((axis.frames == np.arange(len(axis))).all())
    return video.is_file() and video.suffix.lower() in _PLAYABLE and is_whole


def _min_joint_score(header: Mapping[str, Any]) -> float:
    """From which score on joints are drawn: that of the run, or of `Style`."""
    output = (header.get("settings") or {}).get("output")
    score = output.get("min_joint_score") if isinstance(output, dict) else None
    return float(score) if isinstance(score, int | float) else Style().min_joint_score


def _skeleton_values(skeleton: Skeleton) -> dict[str, Any]:
    return {
        "name": skeleton.name,
        "joints": list(skeleton.joint_names),
        "edges": [list(edge) for edge in skeleton.edges],
        "sides": [side_of(name) for name in skeleton.joint_names],
        "detail": [name in skeleton.detail for name in skeleton.joint_names],
    }


def _thumbnail(image: np.ndarray[Any, Any], box: list[float]) -> bytes:
    """The upper part of a person as a square JPEG."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box
    side = max(8.0, min(x2 - x1, y2 - y1) * 1.15, (y2 - y1) * 0.5)
    left = int(np.clip((x1 + x2) / 2 - side / 2, 0, max(0, width - side)))
    top = int(np.clip(y1 - side * 0.05, 0, max(0, height - side)))
    crop = image[top : top + int(side), left : left + int(side)]
    small = cv2.resize(crop, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
