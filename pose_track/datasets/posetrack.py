"""PoseTrack's ground truth as labelled people, in the layout of 2017 and that of 2018 and 2021."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np

from pose_track.datasets.annotations import SKIP_REMEDY, OnBroken, log_skipped
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import PersonLabel, box_around, head_size
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.problems import Problems
from pose_track.structures.arrays import BoolArray, IntArray
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import POSETRACK18_17, Skeleton

_EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]


def load_posetrack_people(path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop") -> list[PersonLabel]:
    """The people of the labelled frames, their joints mapped by name to `skeleton`.

    The box is the extent of all labelled joints enlarged by 15 % (Xiao et al., ECCV 2018); people whose joints span no
    box, such as a single joint, are left out. The ears of 2018 are never labelled. A joint counts as labelled and
    hidden if its flag is 0 but it has a position, as in the published evaluation.

    Args:
        path: one sequence's file, or a folder with such files (`*.json`, in the order of their names), in either
            layout, see `read_posetrack`. Image names are the file's, relative to the data set's own folder.
        skeleton: of the returned joints.
        on_broken: "stop" raises a ValueError that names the file, the frame and the person. "skip" leaves broken
            entries out, of a person with a broken joint only that joint, and logs one warning with their number and
            the first error.

    Raises OSError, or ValueError if a file is not complete JSON or in neither layout, or for another `on_broken`.
    """
    if on_broken not in get_args(OnBroken):
        raise ValueError(f'on_broken must be "stop" or "skip", got {on_broken!r}')
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no .json files in {path}")
    problems = _ProblemsWithRemedy(lenient=on_broken == "skip")
    joint_maps: dict[Skeleton, JointMap] = {}
    labels = [label for file in files for label in _labels(file, skeleton, problems, joint_maps)]
    for joint_map in joint_maps.values():
        joint_map.log_differences()
    log_skipped(path, problems.messages)
    return labels


class _ProblemsWithRemedy(Problems):
    """Problems whose errors name the remedy."""

    def add(self, message: str) -> None:
        super().add(message if self.lenient else f"{message}; {SKIP_REMEDY}")


def _labels(
    path: Path, skeleton: Skeleton, problems: Problems, joint_maps: dict[Skeleton, JointMap]
) -> Iterator[PersonLabel]:
    """The people of a file. joint_maps: of each layout's joints, extended where the file's layout is a new one."""
    sequence = read_posetrack(path, problems)
    joints, visibility = np.nan_to_num(sequence.people.joints), _visibility(sequence)
    if sequence.skeleton not in joint_maps:
        joint_maps[sequence.skeleton] = JointMap(sequence.skeleton.joint_names, skeleton, path)
    joint_map = joint_maps[sequence.skeleton]
    for person in np.flatnonzero(_is_labelled(sequence)).tolist():
        pose = joint_map.convert(joints[person], visibility[person])
        box = box_around(joints[person], visibility[person])
        if pose is None or box is None:
            continue
        frame = sequence.frames[sequence.frame_indices[person]]
        if not frame.image_name:
            problems.add(f"{path}, frame {frame.index}: a person is in an image without name")
            continue
        size = head_size(sequence.people.head_boxes[person])
        yield PersonLabel(frame.image_name, *pose, box, frame.image_id or 0, size)


def _is_labelled(sequence: PoseSequence) -> BoolArray:
    """(N,) which people are in labelled frames and not a crowd."""
    labelled = np.array([frame.is_labelled for frame in sequence.frames], bool)
    crowd = np.array([bool(fields.get("iscrowd")) for fields in sequence.people.extra], bool)
    return np.asarray(labelled[sequence.frame_indices] & ~crowd)


def _visibility(sequence: PoseSequence) -> IntArray:
    """(N, K) 0 not labelled, 1 hidden, 2 visible.

    The flags of 2018 do not tell hidden from visible; they are kept as they are.
    """
    flags = sequence.people.flags.astype(np.int64)
    if sequence.skeleton == POSETRACK18_17:
        visibility = np.clip(flags, 1, 2)
        visibility[:, _EARS] = 0
    else:
        visibility = np.where(flags == 0, 1, 2)
    return np.where(sequence.people.has_joint, visibility, 0)
