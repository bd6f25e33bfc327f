"""The errors of a result against ground truth, by the evaluation's own matching."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pose_track.evaluation.person_errors import PersonErrors, person_errors
from pose_track.evaluation.sequence_pairs import load_pairs
from pose_track.formats.problems import Problems
from pose_track.formats.registry import read_sequence
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.structures.skeleton_record import DEFINITION_KEY, skeleton_record
from pose_track.utils.version import __version__


@dataclass(frozen=True)
class PersonMark:
    """What is wrong with a person of one frame.

    frame: frame index. result: 0 for a predicted person, 1 for one of gt. id: as in the file. kind: "missed", "false"
    or "switched". matched, joints: how many of the person's joints are matched. partner: id of the matched person; -1
    without one.
    """

    frame: int
    result: int
    id: int
    kind: str
    matched: int
    joints: int
    partner: int

    def to_dict(self, position: int) -> dict[str, Any]:
        values = {key: value for key, value in vars(self).items() if key != "frame"}
        return {"position": position, **values}

    @classmethod
    def of(cls, errors: PersonErrors, frame: int, shift: int) -> PersonMark:
        """shift: added to the ids of gt."""
        track_id, partner = errors.track_id + shift * errors.is_gt, errors.partner
        if not errors.is_gt and partner >= 0:
            partner += shift
        return cls(frame, int(errors.is_gt), track_id, errors.kind, errors.num_matched, errors.num_joints, partner)


def find_marks(gt: Path, skeleton: Skeleton, records: Iterable[TrackedPoses]) -> list[PersonMark]:
    """Everyone who is missed, false or switched in mode "clean" of `pose-track evaluate`.

    gt: a PoseTrack file. skeleton, records: of the result as it is shown.

    Raises ValueError as `load_pairs` does, such as for another number of frames.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.jsonl"
        with TracksWriter(path, _header(skeleton)) as writer:
            for tracked in records:
                writer.write(tracked)
        ((truth, prediction),) = load_pairs(gt, path, Problems(lenient=True))
    shift = _id_shift(gt)
    marks = []
    for error in person_errors(truth, prediction):
        if error.kind != "matched":
            marks.append(PersonMark.of(error, prediction.frames[error.frame].index, shift))
    return marks


def _header(skeleton: Skeleton) -> dict[str, Any]:
    values = {"version": __version__, "source": "", "fps": 25.0, "settings": None, "weights": None}
    size = {"width": None, "height": None}
    joints = {"skeleton": skeleton.name, "joint_names": list(skeleton.joint_names)}
    known = SKELETONS.get(skeleton.name) == skeleton
    return {**values, **size, **joints, **({} if known else {DEFINITION_KEY: skeleton_record(skeleton)})}


def _id_shift(gt: Path) -> int:
    """What is added to the ids of gt to show them, see `SequenceFrames`: 1 where they start at 0."""
    sequence = read_sequence(gt)
    assert isinstance(sequence, PoseSequence)
    ids = sequence.people.track_ids
    return int(0 in ids)
