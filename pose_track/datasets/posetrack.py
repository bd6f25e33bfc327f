"""PoseTrack's truth as labelled people: the layout of the 2017 edition, and that of 2018 and 2021."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from pose_track.datasets.annotations import OnBroken
from pose_track.datasets.joint_names import JointMap
from pose_track.datasets.labels import PersonLabel, box_around, head_size
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.problems import Problems
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import POSETRACK18_17, Skeleton

logger = logging.getLogger(__name__)

_EARS = [POSETRACK18_17.index("left_ear"), POSETRACK18_17.index("right_ear")]


def load_posetrack_people(path: Path, skeleton: Skeleton, on_broken: OnBroken = "stop") -> list[PersonLabel]:
    """The people of the labelled frames, their joints mapped by name to `skeleton`.

    path: one sequence's file, or a folder with such files (`*.json`, in the order of their names), in either layout,
    see `read_posetrack`. Names of pictures are the file's, relative to the data set's own folder. The box is the extent
    of all labelled joints grown by 15 % (Xiao et al., ECCV 2018); people whose joints span none, as a single joint, are
    left out. The ears of 2018 are never labelled; a joint counts as labelled and hidden where its flag is 0 but it has
    a position, as in the published evaluation.

    on_broken: "stop" raises a ValueError that names the file, the frame and the person at fault; "skip" leaves out what
    is at fault, of a person with a broken joint only that, and logs one warning with their number and the first fault.
    Raises OSError, or ValueError where a file is no whole JSON or in neither layout, or on another `on_broken`.
    """
    if on_broken not in get_args(OnBroken):
        raise ValueError(f'on_broken must be "stop" or "skip", got {on_broken!r}')
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(f"no .json files in {path}")
    problems = _Broken(lenient=on_broken == "skip")
    labels = [label for file in files for label in _labels(file, skeleton, problems)]
    if problems.messages:
        logger.warning(
            "%s: %d broken entries left out, the first: %s", path, len(problems.messages), problems.messages[0]
        )
    return labels


class _Broken(Problems):
    """Complaints whose errors tell the remedy."""

    def add(self, message: str) -> None:
        remedy = 'correct or remove it, or leave such entries out with on_broken "skip"'
        super().add(message if self.lenient else f"{message}; {remedy}")


def _labels(path: Path, skeleton: Skeleton, problems: Problems) -> Iterator[PersonLabel]:
    sequence = read_posetrack(path, problems)
    joints, visibility = np.nan_to_num(sequence.people.joints), _visibility(sequence)
    way = JointMap(sequence.skeleton.joint_names, skeleton, path)
    for person in np.flatnonzero(_is_labelled(sequence)).tolist():
        placed, box = way.place(joints[person], visibility[person]), box_around(joints[person], visibility[person])
        if placed is None or box is None:
            continue
        frame = sequence.frames[sequence.frame_of[person]]
        if not frame.image_name:
            problems.add(f"{path}, frame {frame.index}: a person is in a picture without name")
            continue
        size = head_size(sequence.people.head_boxes[person])
        yield PersonLabel(frame.image_name, *placed, box, frame.image_id or 0, size)


def _is_labelled(sequence: PoseSequence) -> NDArray[np.bool_]:
    """(N,) which people are in labelled frames and no crowd."""
    labelled = np.array([frame.is_labelled for frame in sequence.frames], bool)
    crowd = np.array([bool(more.get("iscrowd")) for more in sequence.people.more], bool)
    return np.asarray(labelled[sequence.frame_of] & ~crowd)


def _visibility(sequence: PoseSequence) -> NDArray[np.int64]:
    """(N, K) 0 not labelled, 1 hidden, 2 seen; in the files of 2018, whose flags do not tell these apart, as there."""
    flags = sequence.people.flags.astype(np.int64)
    if sequence.skeleton == POSETRACK18_17:
        visibility = np.clip(flags, 1, 2)
        visibility[:, _EARS] = 0
    else:
        visibility = np.where(flags == 0, 1, 2)
    return np.where(sequence.people.has_joint, visibility, 0)
