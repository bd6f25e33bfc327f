"""Reading CVAT's annotations of a video; see `writer` for the layout."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, iterparse

import numpy as np
from numpy.typing import NDArray

from pose_track.formats.person_tracks import HIDDEN, VISIBLE, PersonTrack, sequence_of_tracks, skeleton_of
from pose_track.formats.problems import Problems
from pose_track.formats.validate import finite_number, try_read
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import Skeleton
from pose_track.utils.text_files import text_encoding

logger = logging.getLogger(__name__)

LAYOUT = "cvat"
_MAX_PROLOGUE = 2**16


def read_cvat(path: str | Path, problems: Problems | None = None) -> PoseSequence:
    """The tracks with skeletons of a file; other shapes are left out, with a warning.

    A track's id is its number in the file, which counts from 0, plus 1. A skeleton whose points are all outside is no
    person. The joints are those of the built-in skeleton with the same names, else the file's. Width and height are in
    `extra`.

    A track with other than the first one's kind of skeleton is left out too. Raises ValueError, naming the file and the
    track, for another layout and for invalid values (see `Problems`).
    """
    path, problems = Path(path), problems or Problems()
    _check_prologue(path)
    meta, skeleton, kind = Element("meta"), None, ""
    tracks: list[PersonTrack] = []
    num_others = 0
    for element in _elements(path):
        if element.tag == "meta":
            meta = element
        elif element.find("skeleton") is None or kind not in ("", element.get("label")):
            num_others += 1
        else:
            if skeleton is None:
                kind = element.get("label", "")
                skeleton = skeleton_of(_joint_names(meta, element), LAYOUT)
            where = f"{path}, track {element.get('id')}"
            track = try_read(_read_track, element, skeleton, where=where, problems=problems)
            tracks += [] if track is None or not len(track.frames) else [track]
    if num_others:
        logger.warning("%s: %d tracks without a skeleton of the first one's kind are left out", path, num_others)
    if skeleton is None:
        raise ValueError(f"{path} has no tracks with skeletons; annotate people with a skeleton, as tracks")
    return sequence_of_tracks(path.stem, skeleton, _num_frames(meta), tracks, LAYOUT, _size(meta))


def _check_prologue(path: Path) -> None:
    """Raises ValueError for a document type: CVAT's files have none, and entities may exhaust the memory."""
    with path.open("rb") as file:
        start = file.read(_MAX_PROLOGUE)
    text = start.decode(text_encoding(start), errors="replace")
    root = re.search(r"<[A-Za-z]", text)
    if root is None or text[root.start() :][: len("<annotations")] != "<annotations":
        raise ValueError(f"{path} is not CVAT's XML, which begins with <annotations>")
    if "<!DOCTYPE" in text[: root.start()]:
        raise ValueError(f"{path} has a document type, which CVAT's XML has not")


def _elements(path: Path) -> Iterator[Element]:
    """The meta data and tracks of a file, with one track in memory at a time."""
    depth = 0
    try:
        for event, element in iterparse(path, events=("start", "end")):
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 1:
                if element.tag == "image":
                    raise ValueError(f"{path} has images of their own; export the task as 'CVAT for video 1.1'")
                if element.tag in ("meta", "track"):
                    yield element
                if element.tag == "track":
                    element.clear()
    except ParseError as error:
        raise ValueError(f"{path} is not valid XML: {error}") from None


def _joint_names(meta: Element, track: Element) -> list[str]:
    """The points of the skeleton that a track has: in the order of the labels, else of the track."""
    stated = [label for label in meta.iter("label") if label.findtext("parent") == track.get("label")]
    names = [label.findtext("name", "") for label in stated]
    return list(dict.fromkeys(names or [points.get("label", "") for points in track.iterfind("skeleton/points")]))


def _size(meta: Element) -> dict[str, int]:
    """Width and height of the video, where they are stated."""
    texts = {key: meta.findtext(f".//original_size/{key}", "") for key in ("width", "height")}
    return {key: int(text) for key, text in texts.items() if text.isdigit() and len(text) < 9}


def _num_frames(meta: Element) -> int:
    """The number of frames of the video up to the last of the task; 0 where it is not stated."""
    stated = (meta.findtext(".//size", ""), 0), (meta.findtext(".//stop_frame", ""), 1)
    return max((int(text) + more for text, more in stated if text.isdigit() and len(text) < 8), default=0)


def _read_track(element: Element, skeleton: Skeleton) -> PersonTrack:
    """A track, in the frames in which it has a joint. Raises ValueError for invalid values."""
    track_id = _whole(element.get("id", ""), "id") + 1
    rows = {_whole(shape.get("frame", ""), "frame"): shape for shape in element.iterfind("skeleton")}
    shapes = {frame: _read_skeleton(shape, skeleton) for frame, shape in sorted(rows.items())}
    frames = [frame for frame, (joints, _) in shapes.items() if np.isfinite(joints).any()]
    joints = [shapes[frame][0] for frame in frames] or [np.zeros((0, skeleton.num_joints, 2))]
    flags = [shapes[frame][1] for frame in frames] or [np.zeros((0, skeleton.num_joints), np.int8)]
    return PersonTrack(track_id, np.array(frames, np.int64), np.stack(joints), np.stack(flags))


def _whole(text: str, name: str) -> int:
    """A number from 0 to 9,999,999. Raises ValueError for another text."""
    if not text.isdecimal() or len(text) > 7:
        raise ValueError(f"{name} must be a number from 0 to 9999999, got {text[:20]!r}")
    return int(text)


def _read_skeleton(shape: Element, skeleton: Skeleton) -> tuple[Float64Array, NDArray[np.int8]]:
    """Joints (K, 2) and flags (K,)."""
    joints, flags = np.full((skeleton.num_joints, 2), np.nan), np.zeros(skeleton.num_joints, np.int8)
    for points in shape.iterfind("points"):
        if points.get("outside") == "1":
            continue
        k = skeleton.index(points.get("label", ""))
        x, comma, y = points.get("points", "").partition(",")
        if not comma:
            raise ValueError(f"points of {skeleton.joint_names[k]} must be x,y, got {points.get('points')!r}")
        joints[k] = finite_number(float(x), "x"), finite_number(float(y), "y")
        flags[k] = HIDDEN if points.get("occluded") == "1" else VISIBLE
    return joints, flags
