"""COCO keypoint results: a list of people, each with the id of its image.

    [{"image_id": 10003420000, "category_id": 1, "keypoints": [x, y, score, ...], "score": 0.93,
      "bbox": [x, y, w, h], "track_id": 3, ...}, ...]

The layout does not name the joints, so their order must be known, and does not list frames without people.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from pose_track.formats.coco_entries import image_frames, normalised_entry, read_entries
from pose_track.formats.coco_wholebody import PART_KEYS, split_keypoints
from pose_track.formats.defaults import flat_keypoints, has_boxes, person_scores, person_xywh
from pose_track.formats.json_text import finite_values, gc_paused, write_json_list
from pose_track.formats.layout import has_layout
from pose_track.formats.posetrack.frame_numbers import written_image_id
from pose_track.formats.problems import Problems
from pose_track.formats.validate import INT64_MAX, MAX_NUMBER
from pose_track.formats.xywh import xywh_to_xyxy
from pose_track.structures.conversion import convert_annotations
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, POSETRACK18_17, SKELETONS, Skeleton
from pose_track.structures.skeleton_record import is_built_in
from pose_track.utils.atomic import atomic_text

logger = logging.getLogger(__name__)

LAYOUT, ALPHAPOSE = "coco", "alphapose"

_EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]

# keys that PoseAnnotations holds completely; `PoseAnnotations.extra` has the others
_KNOWN_KEYS = {"image_id", "keypoints", "score", "track_id", *PART_KEYS}

_WHOLE_BODY = 3 * COCO_WHOLEBODY_133.num_joints

_Number = Annotated[float, msgspec.Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]


class _Entry(msgspec.Struct):
    """The keys of an entry that are checked, in the form of `normalised_entry`. image_id: a number, or a file name."""

    image_id: Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)] | Annotated[str, msgspec.Meta(min_length=1)]
    keypoints: list[_Number]
    score: _Number
    track_id: Annotated[int, msgspec.Meta(ge=-1, le=INT64_MAX)] = -1
    bbox: tuple[_Number, _Number, _Number, _Number] | None = None


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

    AlphaPose's results are read too; they have the layout "alphapose". Other forms of an entry: see `normalised_entry`.

    Without `frames` a frame's index is the image id. With PoseTrack18's ids it is the last four digits, or, for several
    videos, the position among the frames; for names of files see `image_frames`. Other keys of an entry are kept in
    `PoseAnnotations.extra`.

    Raises ValueError, with file and entry, for an invalid entry, for an id that occurs twice in an image, and where no
    image is among `frames`; see `Problems` for leniency.
    """
    path, problems = Path(path), problems or Problems()
    with gc_paused():
        raw = _load(path)
        file_skeleton = skeleton or _skeleton_of(raw, path)
        raw, entries = _valid_entries(raw, file_skeleton, path, problems)
    ids = [entry.image_id for entry in entries]
    infos = _with_names(image_frames(ids, path), raw) if frames is None else frames.frames
    position_of: dict[int | str, int] = {_image_id(info): position for position, info in enumerate(infos)}
    position_of |= {info.image_name: position for position, info in enumerate(infos) if info.image_name}
    frame_indices = np.array([position_of.get(image_id, -1) for image_id in ids], np.int64)
    if len(ids) and (frame_indices < 0).all():
        problems.add(f"{path}: none of its image ids, such as {ids[0]!r}, is among those of the given frames")
    order = np.argsort(frame_indices, kind="stable")[(frame_indices < 0).sum() :]
    people = _people(raw, entries, file_skeleton)[order]
    if skeleton is None:
        _warn_about_order(people, file_skeleton, path)
    name = path.stem if frames is None else frames.name
    is_alphapose = any(isinstance(i, str) for i in ids[:1]) and any("idx" in item or "box" in item for item in raw[:1])
    layout = ALPHAPOSE if is_alphapose else LAYOUT
    return PoseSequence(name, file_skeleton, infos, people, frame_indices[order], layout)


def write_coco_results(source: FrameSource, path: str | Path, skeleton: Skeleton | None = None) -> None:
    """Write COCO keypoint results; the file appears only when it is complete.

    skeleton: the joints to write; by default the source's own for COCO results that were read, for a user's skeleton
        and for one with all of COCO's joints, and COCO's for all others. Those of COCO-WholeBody are written as a list
        for each part, see `coco_wholebody`.

    The image id is the frame's, see `written_image_id`. The name of its image is an addition, "file_name".
    """
    target = skeleton or default_skeleton(source)
    same_layout = has_layout(source, LAYOUT)
    frames = ((info, convert_annotations(people, source.skeleton, target)) for info, people in source)
    with atomic_text(path) as file:
        write_json_list(
            file, (entry for info, people in frames for entry in _entries(info, source.name, people, same_layout))
        )
        file.write("\n")


def default_skeleton(source: FrameSource) -> Skeleton:
    """The joints that COCO's formats have by default, see `write_coco_results`."""
    has_coco = set(COCO_17.joint_names) <= set(source.skeleton.joint_names)
    return source.skeleton if has_layout(source, LAYOUT) or has_coco or not is_built_in(source.skeleton) else COCO_17


def _entries(info: FrameInfo, name: str, people: PoseAnnotations, same_layout: bool) -> Iterator[dict[str, Any]]:
    """The people of a frame. name: the source's. same_layout: whether `extra` comes from COCO results."""
    columns = (flat_keypoints(people), person_scores(people).tolist(), person_xywh(people), people.track_ids.tolist())
    has_box = has_boxes(people).tolist()
    for n, (triples, score, bbox, track_id) in enumerate(zip(*columns, strict=True)):
        entry = {
            "image_id": _written_id(info, name, same_layout),
            "category_id": 1,
            **(split_keypoints(triples) if len(triples) == _WHOLE_BODY else {"keypoints": triples}),
            "score": score,
        }
        if same_layout:
            entry |= finite_values(people.extra[n])
        if info.image_name and not isinstance(entry["image_id"], str):
            entry["file_name"] = info.image_name
        if has_box[n]:
            entry["bbox"] = bbox
        if track_id >= 0:
            entry["track_id"] = track_id
        yield entry


def _image_id(info: FrameInfo) -> int:
    return info.index if info.image_id is None else info.image_id


def _written_id(info: FrameInfo, name: str, same_layout: bool) -> int | str:
    """The image id in the file; COCO results that were read with names of images keep them."""
    has_name = same_layout and info.image_name and info.image_id is None
    return info.image_name if has_name else written_image_id(info, name)


def _with_names(infos: tuple[FrameInfo, ...], raw: list[dict[str, Any]]) -> tuple[FrameInfo, ...]:
    """The frames with the names of their images, which `write_coco_results` adds to entries."""
    names = {item["image_id"]: item["file_name"] for item in raw if isinstance(item.get("file_name"), str)}
    return tuple(replace(info, image_name=info.image_name or names.get(info.image_id, "")) for info in infos)


def _load(path: Path) -> list[Any]:
    """The entries of a JSON list, or of a file with one entry a line."""
    raw = read_entries(path)
    if not isinstance(raw, list):
        raise ValueError(f"{path}: COCO results must be a list, got {type(raw).__name__}")
    return raw


def _skeleton_of(raw: list[Any], path: Path) -> Skeleton:
    """The default skeleton with the number of joints of the first entry that has any; COCO_17 where none has."""
    entries = (normalised_entry(entry) for entry in raw if isinstance(entry, dict))
    keypoints = next((k for k in (entry.get("keypoints") for entry in entries) if _are_numbers(k)), None)
    if keypoints is None:
        return COCO_17
    count = len(keypoints)
    matching = [s for s in SKELETONS.values() if 3 * s.num_joints == count]
    if matching:
        return matching[0]
    if any(2 * s.num_joints == count for s in SKELETONS.values()):
        remedy = "give each joint x y score, with a score of 1 where it has none"
        raise ValueError(f"{path}: a person has {count} numbers, {count // 2} joints of x y without a score; {remedy}")
    remedy = f"name your skeleton; known are {_choices()}"
    raise ValueError(f"{path}: a person has {count} numbers, which are {count // 3} joints of x y score; {remedy}")


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(number, int | float) for number in value)


def _choices() -> str:
    return ", ".join(f"{s.name} ({s.num_joints})" for s in SKELETONS.values())


def _valid_entries(
    raw: list[Any], skeleton: Skeleton, path: Path, problems: Problems
) -> tuple[list[dict[str, Any]], list[_Entry]]:
    """The valid entries, as JSON objects and parsed."""
    valid: list[dict[str, Any]] = []
    entries: list[_Entry] = []
    seen: set[tuple[int | str, int]] = set()
    for position, item in enumerate(raw):
        item = normalised_entry(item)
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
        if any(value != value for value in values):  # NaN, which Python writes
            raise ValueError(f"{name} must be finite numbers, got nan")
    return entry


def _check_duplicate(entry: _Entry, seen: set[tuple[int | str, int]]) -> None:
    key = entry.image_id, entry.track_id
    if entry.track_id >= 0 and key in seen:
        raise ValueError(f"track id {entry.track_id} occurs twice in this image")
    seen.add(key)


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
