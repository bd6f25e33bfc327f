"""Tracks in the files PoseTrack's evaluation reads, in the layout of its 2017 and of its 2018 edition.

Both hold what is predicted only: head boxes and regions to ignore belong to the truth. Joints are converted by name,
see `joints.convert_poses`; a joint with score 0 counts as absent.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pose_track.formats.atomic import atomic_text, write_json_list
from pose_track.formats.joints import convert_poses
from pose_track.formats.tracks_jsonl import TrackRecords, read_tracks, rounded
from pose_track.skeleton import POSETRACK18_17, POSETRACK_15, Skeleton
from pose_track.types import TrackedPoses

logger = logging.getLogger(__name__)

ImageName = Callable[[int], str]

# The evaluation's own limit on the ids of one sequence.
_MAX_TRACK_ID = 9999

_EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]
_CATEGORY = {
    "supercategory": "person",
    "id": 1,
    "name": "person",
    "keypoints": list(POSETRACK18_17.joint_names),
    "skeleton": [[a + 1, b + 1] for a, b in POSETRACK18_17.edges],  # counted from 1, as in COCO
}


def write_posetrack17(
    tracks_path: str | Path, out_path: str | Path, image_name: ImageName | None = None, allow_cut_end: bool = False
) -> None:
    """Write a `tracks.jsonl` as a PoseTrack17 file: {"annolist": [...]}, every scalar in a list of one.

    image_name: the picture's name for a frame index; without it `images/<stem of the source>/00000001.jpg`, counted
    from 1. Each frame is there, also without people; x1 y1 x2 y2 is the person's box. The file appears only when it is
    whole. allow_cut_end and errors: as in `read_tracks`.
    """
    header, frames = read_tracks(tracks_path, allow_cut_end)
    name = image_name or (lambda index: f"images/{_stem(header)}/{index + 1:08d}.jpg")
    survey = _Survey()
    with atomic_text(out_path) as file:
        file.write('{"annolist": ')
        write_json_list(file, (_frame17(t, name) for t in _converted(survey.watch(frames), POSETRACK_15)))
        file.write("}\n")
    survey.warn(tracks_path, frames)


def write_posetrack18(
    tracks_path: str | Path, out_path: str | Path, image_name: ImageName | None = None, allow_cut_end: bool = False
) -> None:
    """Write a `tracks.jsonl` as a PoseTrack18 file: images, annotations and categories, as in COCO.

    image_name: the picture's name for a frame index; without it `images/<stem of the source>/000000.jpg`, counted
    from 0. The image id is 1, the video's six digits (where the stem begins with six; else 000000), then the frame
    index as four digits; the annotation id is a hundred times that (more where a frame has more people), plus the
    person's place in the frame. Each frame is among the images, also without people; a person's box is `bbox`, left
    top width height; ears, which PoseTrack does not annotate, are zeros. The file appears only when it is whole.
    allow_cut_end and errors: as in `read_tracks`.
    """
    header, frames = read_tracks(tracks_path, allow_cut_end)
    name = image_name or (lambda index: f"images/{_stem(header)}/{index:06d}.jpg")
    survey = _Survey()
    for _ in survey.watch(frames):
        pass
    ids = _Ids18.of(_stem(header), survey.max_people)
    with atomic_text(out_path) as file:
        file.write('{"images": ')
        write_json_list(file, (_image18(index, ids, name, len(survey.indices)) for index in survey.indices))
        file.write(',\n"annotations": ')
        write_json_list(file, (a for t in _converted(frames, POSETRACK18_17) for a in _annotations18(t, ids)))
        file.write(f',\n"categories": {json.dumps([_CATEGORY])}}}\n')
    survey.warn(tracks_path, frames)


class _Survey:
    """What the people of a file come to, gathered while they pass. indices: the frame indices."""

    def __init__(self) -> None:
        self.indices: list[int] = []
        self.max_people = 0
        self.max_track_id = 0

    def watch(self, frames: TrackRecords) -> Iterator[TrackedPoses]:
        for tracked in frames:
            self.indices.append(tracked.frame_index)
            self.max_people = max(self.max_people, len(tracked))
            self.max_track_id = max(self.max_track_id, *tracked.track_ids.tolist(), 0)
            yield tracked

    def warn(self, tracks_path: str | Path, frames: TrackRecords) -> None:
        """Log what the reader of the result should know."""
        if self.max_track_id > _MAX_TRACK_ID:
            logger.warning("%s has track id %d; poseval stops above %d", tracks_path, self.max_track_id, _MAX_TRACK_ID)
        if frames.fault is not None:
            logger.warning(
                "%s ends early, after frame %s: %s", tracks_path, frames.fault.after_frame, frames.fault.message
            )


class _Ids18(NamedTuple):
    """How the 2018 edition numbers things. first_image: the id of frame 0; per_image: ids set apart for a frame."""

    vid_id: str
    first_image: int
    per_image: int

    @classmethod
    def of(cls, stem: str, max_people: int) -> _Ids18:
        digits = re.match(r"\d{6}", stem)
        vid_id = digits[0] if digits else stem
        number = int(vid_id) if digits else 0
        return cls(vid_id, 10**10 + number * 10**4, 10 ** max(2, len(str(max(max_people - 1, 0)))))


def _stem(header: dict[str, Any]) -> str:
    return Path(str(header["source"])).stem


def _converted(frames: TrackRecords | Iterator[TrackedPoses], target: Skeleton) -> Iterator[TrackedPoses]:
    for tracked in frames:
        poses = convert_poses(tracked.poses, target)
        yield TrackedPoses(tracked.frame_index, tracked.pts_seconds, poses, tracked.track_ids)


@dataclass(frozen=True)
class _Person:
    """One person in plain numbers, rounded as `tracks.jsonl` has them."""

    track_id: int
    box: list[float]
    score: float
    joints: list[list[float]]
    joint_scores: list[float]


def _people(tracked: TrackedPoses) -> Iterator[_Person]:
    poses = tracked.poses
    columns = (
        tracked.track_ids.tolist(),
        rounded(poses.boxes, 2),
        rounded(poses.scores, 4),
        rounded(poses.joints, 2),
        rounded(poses.joint_scores, 4),
    )
    return (_Person(*values) for values in zip(*columns, strict=True))


def _frame17(tracked: TrackedPoses, image_name: ImageName) -> dict[str, Any]:
    return {
        "image": [{"name": image_name(tracked.frame_index)}],
        "imgnum": [tracked.frame_index + 1],
        "is_labeled": [1],
        "annorect": [_rect17(person) for person in _people(tracked)],
    }


def _rect17(person: _Person) -> dict[str, Any]:
    points = [
        {"id": [k], "x": [x], "y": [y], "score": [score], "is_visible": [1]}
        for k, ((x, y), score) in enumerate(zip(person.joints, person.joint_scores, strict=True))
        if score > 0
    ]
    box = {key: [value] for key, value in zip(("x1", "y1", "x2", "y2"), person.box, strict=True)}
    return {
        **box,
        "score": [person.score],
        "track_id": [person.track_id],
        "annopoints": [{"point": points}] if points else [],
    }


def _image18(index: int, ids: _Ids18, image_name: ImageName, num_frames: int) -> dict[str, Any]:
    return {
        "file_name": image_name(index),
        "id": ids.first_image + index,
        "frame_id": ids.first_image + index,
        "vid_id": ids.vid_id,
        "nframes": num_frames,
        "is_labeled": True,
        "has_no_densepose": True,
    }


def _annotations18(tracked: TrackedPoses, ids: _Ids18) -> Iterator[dict[str, Any]]:
    image_id = ids.first_image + tracked.frame_index
    for place, person in enumerate(_people(tracked)):
        x1, y1, x2, y2 = person.box
        scores = [0.0 if k in _EARS else score for k, score in enumerate(person.joint_scores)]
        points = zip(person.joints, scores, strict=True)
        keypoints = [value for (x, y), score in points for value in ((x, y, 1) if score > 0 else (0, 0, 0))]
        yield {
            "id": image_id * ids.per_image + place,
            "image_id": image_id,
            "category_id": 1,
            "track_id": person.track_id,
            "bbox": [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
            "keypoints": keypoints,
            "scores": scores,
        }
