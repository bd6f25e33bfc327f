"""COCO keypoint results: a list of people, each with the id of its image.

    [{"image_id": 10003420000, "category_id": 1, "keypoints": [x, y, score, ...], "score": 0.93,
      "bbox": [x, y, w, h], "track_id": 3, ...}, ...]

The layout does not name the joints, so their order must be known, and does not list frames without people.
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
from pose_track.formats.json_text import gc_paused, parse_json, write_json_list
from pose_track.formats.layout import has_layout
from pose_track.formats.posetrack.frame_numbers import split_image_id
from pose_track.formats.problems import Problems
from pose_track.formats.xywh import xywh_to_xyxy
from pose_track.structures.arrays import IntArray
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17, POSETRACK_15, SKELETONS, Skeleton
from pose_track.structures.skeleton_record import is_built_in
from pose_track.utils.atomic import atomic_text

logger = logging.getLogger(__name__)

LAYOUT = "coco"

_EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]

# keys that PoseAnnotations holds completely; `PoseAnnotations.extra` has the others
_KNOWN_KEYS = {"image_id", "keypoints", "score", "track_id"}

_Id = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Entry(msgspec.Struct):
    """The keys of an entry that are checked."""

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
    """Read COCO keypoint results as one sequence. Its frames are the images with people, by ascending id.

    skeleton: the order of the joints; by default COCO_17 for 17 joints, else the skeleton with that number.
    frames: a sequence, such as the ground truth, whose frames replace those of the file. They are matched by image id,
        or by index where it has no ids; people in other images are left out.

    Without `frames` a frame's index is the image id. With PoseTrack18's ids it is the last four digits, or, for several
    videos, the position among the frames. Other keys of an entry are kept in `PoseAnnotations.extra`.

    Raises ValueError, with file and entry, for an invalid entry, for an id that occurs twice in an image, and where no
    image is among `frames`; see `Problems` for leniency.
    """
    path, problems = Path(path), problems or Problems()
    with gc_paused():
        raw = _load(path)
        file_skeleton = skeleton or _skeleton_of(raw, path)
        raw, entries = _valid_entries(raw, file_skeleton, path, problems)
    ids = np.array([entry.image_id for entry in entries], np.int64)
    infos = _frames(ids) if frames is None else frames.frames
    position_of = {_image_id(info): position for position, info in enumerate(infos)}
    frame_indices = np.array([position_of.get(image_id, -1) for image_id in ids.tolist()], np.int64)
    if len(ids) and (frame_indices < 0).all():
        problems.add(f"{path}: none of its image ids, such as {ids[0]}, is among those of the given frames")
    order = np.argsort(frame_indices, kind="stable")[(frame_indices < 0).sum() :]
    people = _people(raw, entries, file_skeleton)[order]
    if skeleton is None:
        _warn_about_order(people, file_skeleton, path)
    name = path.stem if frames is None else frames.name
    return PoseSequence(name, file_skeleton, infos, people, frame_indices[order], LAYOUT)


def write_coco_results(source: FrameSource, path: str | Path, skeleton: Skeleton | None = None) -> None:
    """Write COCO keypoint results; the file appears only when it is complete.

    skeleton: the joints to write; by default PoseTrack18's for PoseTrack's 15 or 17 joints, the source's own for COCO
        results that were read and for a user's skeleton, and COCO's for all others, as the evaluation servers expect.

    The image id is the frame's image id, or its index where it has none.
    """
    target = skeleton or _default_skeleton(source)
    same_layout = has_layout(source, LAYOUT)
    frames = ((info, convert_annotations(people, source.skeleton, target)) for info, people in source)
    with atomic_text(path) as file:
        write_json_list(file, (entry for info, people in frames for entry in _entries(info, people, same_layout)))
        file.write("\n")


def _default_skeleton(source: FrameSource) -> Skeleton:
    if has_layout(source, LAYOUT) or not is_built_in(source.skeleton):
        return source.skeleton
    return POSETRACK18_17 if source.skeleton in (POSETRACK_15, POSETRACK18_17) else COCO_17


def _entries(info: FrameInfo, people: PoseAnnotations, same_layout: bool) -> Iterator[dict[str, Any]]:
    """The people of a frame. same_layout: whether `extra` comes from COCO results."""
    columns = (flat_keypoints(people), person_scores(people).tolist(), person_xywh(people), people.track_ids.tolist())
    has_box = has_boxes(people).tolist()
    for n, (triples, score, bbox, track_id) in enumerate(zip(*columns, strict=True)):
        entry = {"image_id": _image_id(info), "category_id": 1, "keypoints": triples, "score": score}
        if same_layout:
            entry |= people.extra[n]
        if has_box[n]:
            entry["bbox"] = bbox
        if track_id >= 0:
            entry["track_id"] = track_id
        yield entry


def _image_id(info: FrameInfo) -> int:
    return info.index if info.image_id is None else info.image_id


def _load(path: Path) -> list[Any]:
    raw = parse_json(path.read_bytes(), path)
    if not isinstance(raw, list):
        raise ValueError(f"{path}: COCO results must be a list, got {type(raw).__name__}")
    return raw


def _skeleton_of(raw: list[Any], path: Path) -> Skeleton:
    """The default skeleton with the number of joints of the first entry that has any."""
    lists = (entry.get("keypoints") for entry in raw if isinstance(entry, Mapping))
    num_joints = next((len(k) // 3 for k in lists if isinstance(k, list)), COCO_17.num_joints)
    matching = [s for s in SKELETONS.values() if s.num_joints == num_joints]
    if not matching:
        raise ValueError(f"{path}: no built-in skeleton has {num_joints} joints, name yours; known are {_choices()}")
    return matching[0]


def _choices() -> str:
    return ", ".join(f"{s.name} ({s.num_joints})" for s in SKELETONS.values())


def _valid_entries(
    raw: list[Any], skeleton: Skeleton, path: Path, problems: Problems
) -> tuple[list[dict[str, Any]], list[_Entry]]:
    """The valid entries, as JSON objects and parsed."""
    valid: list[dict[str, Any]] = []
    entries: list[_Entry] = []
    seen: set[tuple[int, int]] = set()
    for position, item in enumerate(raw):
        try:
            entry = _parse_entry(item, skeleton)
            _check_duplicate(entry, seen)
        except ValueError as error:
            image_id = item.get("image_id") if isinstance(item, Mapping) else None
            problems.add(f"{path}, entry {position} (image id {image_id!r}): {error}")
        else:
            valid.append(item)
            entries.append(entry)
    return valid, entries


def _parse_entry(item: Any, skeleton: Skeleton) -> _Entry:
    entry = msgspec.convert(item, _Entry)
    if len(entry.keypoints) != 3 * skeleton.num_joints:
        expected = f"{3 * skeleton.num_joints} numbers, x y score of {skeleton.name}"
        raise ValueError(f"keypoints must be {expected}, got {len(entry.keypoints)}")
    for name, values in (("keypoints", entry.keypoints), ("score", [entry.score]), ("bbox", entry.bbox or ())):
        if not math.isfinite(sum(values)):
            raise ValueError(f"{name} must be finite numbers, got {next(v for v in values if not math.isfinite(v))}")
    return entry


def _check_duplicate(entry: _Entry, seen: set[tuple[int, int]]) -> None:
    key = entry.image_id, entry.track_id
    if entry.track_id >= 0 and key in seen:
        raise ValueError(f"track id {entry.track_id} occurs twice in this image")
    seen.add(key)


def _frames(ids: IntArray) -> tuple[FrameInfo, ...]:
    """The frames of image ids, (N,)."""
    distinct = np.unique(ids).tolist()
    parts = [split_image_id(image_id) for image_id in distinct]
    if not any(parts):
        indices = distinct
    elif None not in parts and len({part[0] for part in parts if part}) == 1:
        indices = [part[1] for part in parts if part]
    else:
        indices = list(range(len(distinct)))
    return tuple(FrameInfo(index, image_id=image_id) for index, image_id in zip(indices, distinct, strict=True))


def _people(raw: list[dict[str, Any]], entries: list[_Entry], skeleton: Skeleton) -> PoseAnnotations:
    """All people; a joint 0 0 0 is absent."""
    triples = np.array([entry.keypoints for entry in entries], float).reshape(-1, skeleton.num_joints, 3)
    absent = (triples == 0).all(axis=-1)
    extra = np.empty(len(raw), object)
    extra[:] = [{key: value for key, value in item.items() if key not in _KNOWN_KEYS} for item in raw]
    return PoseAnnotations.from_joints(
        np.where(absent[..., None], np.nan, triples[..., :2]),
        np.where(absent, np.nan, triples[..., 2]),
        scores=np.array([entry.score for entry in entries], float),
        boxes=xywh_to_xyxy([entry.bbox or [np.nan] * 4 for entry in entries]),
        track_ids=np.array([entry.track_id for entry in entries], np.int64),
        extra=extra,
    )


def _warn_about_order(people: PoseAnnotations, skeleton: Skeleton, path: Path) -> None:
    """Warn where joints were taken for COCO's but are probably PoseTrack18's: nobody has ears."""
    has_joint = people.has_joint
    if skeleton == COCO_17 and has_joint.any() and not has_joint[:, _EARS].any():
        logger.warning("%s is read with COCO's joints but seems to have PoseTrack18's; name the skeleton", path)
