"""COCO keypoint results: a list of people, each with the id of its picture.

    [{"image_id": 10003420000, "category_id": 1, "keypoints": [x, y, score, ...], "score": 0.93,
      "bbox": [x, y, w, h], "track_id": 3, ...}, ...]

The layout names no joints and no frames: who reads it must know the order of the joints, and a frame without people
is not in it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from pose_track.formats.defaults import flat_keypoints, has_boxes, person_scores, person_xywh
from pose_track.formats.json_text import no_collection, parse_json
from pose_track.formats.problems import Problems
from pose_track.formats.xywh import to_corners
from pose_track.structures.conversion import convert_people
from pose_track.structures.sequence import FrameInfo, FrameSource, IntArray, People, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15, SKELETONS, Skeleton
from pose_track.utils.atomic import atomic_text, write_json_list

logger = logging.getLogger(__name__)

LAYOUT = "coco"

# PoseTrack18's ids of pictures: a 1, six digits of the video, four of the frame
_POSETRACK18_IDS = range(10**10, 2 * 10**10)
_PER_VIDEO = 10**4

_EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]

# what of an entry has its own place; the rest is kept in `People.more`
_TOLD = {"image_id", "keypoints", "score", "track_id"}

_Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Entry(msgspec.Struct):
    """What an entry must have, and the types of what it may."""

    image_id: _Id
    keypoints: list[float]
    score: float
    track_id: Annotated[int, msgspec.Meta(ge=-1, le=2**63 - 1)] = -1
    bbox: tuple[float, float, float, float] | None = None


def read_coco_results(
    path: str | Path,
    problems: Problems | None = None,
    skeleton: Skeleton | None = None,
    frames: PoseSequence | None = None,
) -> PoseSequence:
    """Read COCO keypoint results as one sequence, whose frames are the pictures that have people, by rising id.

    skeleton: the order of the joints; without it COCO_17 for 17 of them, else the one skeleton with as many. frames: a
    sequence, such as the truth, whose frames are wanted, all of them and no others: known by their image ids, or,
    where it has none, by their indices. Without it a frame's index is the image id; of PoseTrack18's ids the last four
    digits, or, where those are of several videos, the place among the frames. Other keys of an entry are kept in
    `People.more`. Raises ValueError, with the file and the entry, for what is wrong with an entry, an id given twice
    in a frame, and if no frame is among those wanted; see `Problems` for the lenient way.
    """
    path, problems = Path(path), problems or Problems()
    with no_collection():
        raw = _loaded(path)
        order_of_joints = skeleton or _skeleton_of(raw, path)
        raw, entries = _checked(raw, order_of_joints, path, problems)
    ids = np.array([entry.image_id for entry in entries], np.int64)
    infos = _frames(ids) if frames is None else frames.frames
    place_of = {_image_id(info): place for place, info in enumerate(infos)}
    frame_of = np.array([place_of.get(image_id, -1) for image_id in ids.tolist()], np.int64)
    if len(ids) and (frame_of < 0).all():
        problems.add(f"{path}: none of its image ids, such as {ids[0]}, is among those of the frames wanted")
    order = np.argsort(frame_of, kind="stable")[(frame_of < 0).sum() :]
    people = _people(raw, entries, order_of_joints)[order]
    if skeleton is None:
        _warn_of_order(people, order_of_joints, path)
    name = path.stem if frames is None else frames.name
    return PoseSequence(name, order_of_joints, infos, people, frame_of[order], LAYOUT)


def write_coco_results(source: FrameSource, path: str | Path, skeleton: Skeleton | None = None) -> None:
    """Write COCO keypoint results; the file appears only when it is whole.

    skeleton: the order of the joints to write; without it that of the servers the people are for: PoseTrack18's for
    PoseTrack's 15 or 17 joints, COCO's for others, and for COCO results that were read, their own. A picture's id is
    the one of its frame, or, where it has none, the frame's index.
    """
    wanted = skeleton or _usual_skeleton(source)
    is_own = getattr(source, "layout", "") == LAYOUT
    frames = ((info, convert_people(people, source.skeleton, wanted)) for info, people in source)
    with atomic_text(path) as file:
        write_json_list(file, (entry for info, people in frames for entry in _entries(info, people, is_own)))
        file.write("\n")


def _usual_skeleton(source: FrameSource) -> Skeleton:
    if getattr(source, "layout", "") == LAYOUT:
        return source.skeleton
    return POSETRACK18_17 if source.skeleton in (POSETRACK_15, POSETRACK18_17) else COCO_17


def _entries(info: FrameInfo, people: People, is_own: bool) -> Iterator[dict[str, Any]]:
    """The people of a frame. is_own: what else is told of them is from COCO results and belongs there again."""
    columns = (flat_keypoints(people), person_scores(people).tolist(), person_xywh(people), people.track_ids.tolist())
    has_box = has_boxes(people).tolist()
    for n, (triples, score, bbox, track_id) in enumerate(zip(*columns, strict=True)):
        entry = {"image_id": _image_id(info), "category_id": 1, "keypoints": triples, "score": score}
        if is_own:
            entry |= people.more[n]
        if has_box[n]:
            entry["bbox"] = bbox
        if track_id >= 0:
            entry["track_id"] = track_id
        yield entry


def _image_id(info: FrameInfo) -> int:
    return info.index if info.image_id is None else info.image_id


def _loaded(path: Path) -> list[Any]:
    raw = parse_json(path.read_bytes(), path)
    if not isinstance(raw, list):
        raise ValueError(f"{path}: COCO results are a list, got {type(raw).__name__}")
    return raw


def _skeleton_of(raw: list[Any], path: Path) -> Skeleton:
    """The usual skeleton with as many joints as the first entry that has any."""
    lists = (entry.get("keypoints") for entry in raw if isinstance(entry, Mapping))
    num_joints = next((len(k) // 3 for k in lists if isinstance(k, list)), COCO_17.num_joints)
    known = [s for s in SKELETONS.values() if s.num_joints == num_joints]
    if not known:
        raise ValueError(f"{path}: no skeleton has {num_joints} joints; there are {_choices()}")
    return known[0]


def _choices() -> str:
    return ", ".join(f"{s.name} ({s.num_joints})" for s in SKELETONS.values())


def _checked(
    raw: list[Any], skeleton: Skeleton, path: Path, problems: Problems
) -> tuple[list[dict[str, Any]], list[_Entry]]:
    """The entries without fault, as they are and as they are understood."""
    kept: list[dict[str, Any]] = []
    entries: list[_Entry] = []
    seen: set[tuple[int, int]] = set()
    for place, item in enumerate(raw):
        try:
            entry = _entry(item, skeleton)
            _check_double(entry, seen)
        except ValueError as error:
            image_id = item.get("image_id") if isinstance(item, Mapping) else None
            problems.add(f"{path}, entry {place} (image id {image_id!r}): {error}")
        else:
            kept.append(item)
            entries.append(entry)
    return kept, entries


def _entry(item: Any, skeleton: Skeleton) -> _Entry:
    entry = msgspec.convert(item, _Entry)
    if len(entry.keypoints) != 3 * skeleton.num_joints:
        expected = f"{3 * skeleton.num_joints} numbers, x y score of {skeleton.name}"
        raise ValueError(f"keypoints must be {expected}, got {len(entry.keypoints)}")
    for name, values in (("keypoints", entry.keypoints), ("score", [entry.score]), ("bbox", entry.bbox or ())):
        if not math.isfinite(sum(values)):
            raise ValueError(f"{name} must be finite numbers, got {next(v for v in values if not math.isfinite(v))}")
    return entry


def _check_double(entry: _Entry, seen: set[tuple[int, int]]) -> None:
    key = entry.image_id, entry.track_id
    if entry.track_id >= 0 and key in seen:
        raise ValueError(f"track id {entry.track_id} is there twice in this picture")
    seen.add(key)


def _frames(ids: IntArray) -> tuple[FrameInfo, ...]:
    """The frames of image ids, (N,)."""
    distinct = np.unique(ids).tolist()
    if not any(image_id in _POSETRACK18_IDS for image_id in distinct):
        indices = distinct
    elif len({image_id // _PER_VIDEO for image_id in distinct}) == 1:
        indices = [image_id % _PER_VIDEO for image_id in distinct]
    else:
        indices = list(range(len(distinct)))
    return tuple(FrameInfo(index, image_id=image_id) for index, image_id in zip(indices, distinct, strict=True))


def _people(raw: list[dict[str, Any]], entries: list[_Entry], skeleton: Skeleton) -> People:
    """All people; a joint with 0 0 0 is not there."""
    triples = np.array([entry.keypoints for entry in entries], float).reshape(-1, skeleton.num_joints, 3)
    absent = (triples == 0).all(axis=-1)
    more = np.empty(len(raw), object)
    more[:] = [{key: value for key, value in item.items() if key not in _TOLD} for item in raw]
    return People.of(
        np.where(absent[..., None], np.nan, triples[..., :2]),
        np.where(absent, np.nan, triples[..., 2]),
        scores=np.array([entry.score for entry in entries], float),
        boxes=to_corners([entry.bbox or [np.nan] * 4 for entry in entries]),
        track_ids=np.array([entry.track_id for entry in entries], np.int64),
        more=more,
    )


def _warn_of_order(people: People, skeleton: Skeleton, path: Path) -> None:
    """Say so where it is likely that what was taken for COCO's order is PoseTrack18's, which has no ears."""
    has_joint = people.has_joint
    if skeleton == COCO_17 and has_joint.any() and not has_joint[:, _EARS].any():
        logger.warning("%s looks like PoseTrack18's order of joints, is read as COCO's; name the skeleton", path)
