"""Clips on disk with their truth: boxes and ids in MOTChallenge's layout, and for composed clips events.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from pose_track.benchmarks.identity.config import RealClip
from pose_track.datasets.composed.clip import FPS, SIZE, ComposedClip
from pose_track.datasets.composed.events import Event
from pose_track.datasets.composed.scene import FrameTruth
from pose_track.evaluation.box_tracking import BoxTracks
from pose_track.formats.mot import read_mot
from pose_track.geometry.boxes import xyxy_to_xywh
from pose_track.utils.atomic import atomic_folder
from pose_track.video.writer import VideoWriter

VIDEO, GT, EVENTS = "video.mp4", Path("gt", "gt.txt"), "events.json"
_PERSON = 1  # MOTChallenge's class of walking people
_IGNORED_CLASSES = {2, 7, 8, 12}  # on a vehicle, standing, distractor and reflection: neither missed nor false


@dataclass(frozen=True)
class LabelledClip:
    """A video with truth.

    group: of the table, such as "crossing". clothes: "like", "unlike", or "" where unknown.
    fps: of a folder of images; None for a video.
    """

    name: str
    group: str
    clothes: str
    video: Path
    gt: Path
    fps: float | None = None
    events: tuple[Event, ...] = ()


def write_clip(clip: ComposedClip, folder: Path) -> None:
    """Render a composed clip into a new folder, which appears when it is complete."""
    with atomic_folder(folder) as partial:
        (partial / GT).parent.mkdir(parents=True)
        truths: list[FrameTruth] = []
        with VideoWriter(partial / VIDEO, *SIZE, Fraction(FPS)) as writer:
            for image, truth in clip.frames():
                writer.write(image)
                truths.append(truth)
        lines = (line for index, truth in enumerate(truths, 1) for line in _gt_lines(index, truth))
        (partial / GT).write_text("".join(lines), encoding="utf-8")
        events = [event._asdict() for event in clip.events(truths)]
        (partial / EVENTS).write_text(json.dumps(events, indent=1) + "\n", encoding="utf-8")


def _gt_lines(frame: int, truth: FrameTruth) -> list[str]:
    """frame,id,x,y,w,h,1,class,visibility of everybody in a frame, which counts from 1."""
    rows = zip(truth.ids.tolist(), xyxy_to_xywh(truth.boxes).tolist(), truth.visibility.tolist(), strict=True)
    return [
        f"{frame},{track_id},{','.join(f'{side:.1f}' for side in xywh)},1,{_PERSON},{visibility:.3f}\n"
        for track_id, xywh, visibility in rows
    ]


def composed_clip(folder: Path, group: str, clothes: str) -> LabelledClip:
    """A clip that `write_clip` wrote."""
    entries = json.loads((folder / EVENTS).read_text(encoding="utf-8"))
    events = tuple(Event(entry["kind"], entry["first"], entry["last"], tuple(entry["ids"])) for entry in entries)
    return LabelledClip(folder.name, group, clothes, folder / VIDEO, folder / GT, events=events)


def real_clip(clip: RealClip, video: Path, gt: Path) -> LabelledClip:
    """A real clip, whose files were found."""
    return LabelledClip(clip.name, clip.name, "", video, gt, clip.fps)


def read_truth(clip: LabelledClip, min_visibility: float) -> BoxTracks:
    """The truth of a clip. People below the visibility, and MOTChallenge's classes that are to be ignored, are not
    counted; boxes of things other than people, and of people with the score 0, are left out.

    Raises ValueError or OSError naming the file.
    """
    sequence = read_mot(clip.gt)
    people = sequence.people
    columns = [_class_and_visibility(extra.get("rest", "")) for extra in people.extra]
    classes, visibility = np.array([c for c, _ in columns], int), np.array([v for _, v in columns], float)
    is_person, is_ignored = classes == _PERSON, np.isin(classes, list(_IGNORED_CLASSES))
    counted = is_person & (visibility >= min_visibility)
    tracks = BoxTracks(sequence.frame_indices, people.track_ids, people.boxes, counted)
    return tracks[np.flatnonzero((is_person & (people.scores != 0)) | is_ignored)]


def _class_and_visibility(columns: str) -> tuple[int, float]:
    """The columns after the score.

    >>> _class_and_visibility("1,0.25"), _class_and_visibility("-1,-1,-1"), _class_and_visibility("")
    ((1, 0.25), (1, 1.0), (1, 1.0))
    """
    numbers = [float(column) for column in columns.split(",") if column.strip()]
    kind = int(numbers[0]) if numbers and numbers[0] >= 0 else _PERSON
    return kind, numbers[1] if len(numbers) > 1 and numbers[1] >= 0 else 1.0


def read_tracks(path: Path) -> BoxTracks:
    """A tracker's boxes of a clip, those with an id. Raises ValueError or OSError naming the file."""
    tracks = read_boxes(path)
    return tracks[np.flatnonzero(tracks.ids >= 0)]


def read_boxes(path: Path) -> BoxTracks:
    """The boxes of a clip; the id is -1 where a box has none. Raises ValueError or OSError naming the file."""
    sequence = read_mot(path)
    people = sequence.people
    return BoxTracks(sequence.frame_indices, people.track_ids, people.boxes, np.ones(len(people), bool))
