"""Smoothed motion and joint angles for the tools of movement scientists: a file for each person."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pose_track.analysis.kinematics import Kinematics
from pose_track.formats.bvh import write_person_bvh
from pose_track.formats.c3d import write_person_c3d
from pose_track.formats.motions import Motion, Motions
from pose_track.formats.trc import write_person_trc
from pose_track.structures.arrays import Float64Array
from pose_track.utils.atomic import atomic_path, atomic_text

_WRITERS: Mapping[str, Callable[[Motions, Motion, Path], None]] = {
    "trc": write_person_trc,
    "c3d": write_person_c3d,
    "bvh": write_person_bvh,
}
MOTION_FORMATS = (*_WRITERS, "mot")
"""By suffix. mot: OpenSim's joint angles, not MOTChallenge text."""


def motion_path(folder: Path, name: str, track_id: int, format: str) -> Path:
    """The file of a person. name: of the video."""
    return folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)[:100]}_person{track_id}.{format}"


def write_motion(kinematics: Kinematics, unit: str, name: str, path: Path) -> None:
    """Write the smoothed joints of a person, or with the suffix .mot the joint angles; the file appears only when it is
    complete. Times are true seconds, and rows equally spaced, see `_evenly`.

    unit: of positions, "px" or "m". name: of the video. path: the suffix is one of MOTION_FORMATS. Raises ValueError
    for somebody whom the format cannot hold, and ImportError where it needs a package that is not installed.
    """
    if path.suffix == ".mot":
        _write_mot(kinematics, path)
        return
    trajectory = kinematics.trajectory
    joints = np.stack([kinematics.joints[joint].position for joint in trajectory.skeleton.joint_names], axis=1)
    seconds, rows = _evenly(kinematics)
    placed = np.full((len(seconds), *joints.shape[1:]), np.nan)
    placed[rows] = joints
    scores = np.full(placed.shape[:2], np.nan)
    person = Motion(trajectory.track_id, 0, placed, scores)
    rate = 1 / (seconds[1] - seconds[0])
    video = Motions(name, trajectory.skeleton, float(rate), seconds, (person,), unit)
    with atomic_path(path) as temporary:
        _WRITERS[path.suffix[1:]](video, person, temporary)


def _evenly(kinematics: Kinematics) -> tuple[Float64Array, Sequence[int]]:
    """(R,) seconds of equally spaced rows from the person's first frame to their last, and (T,) the row of each frame.

    Frames whose times differ a little from these, as of phones, are taken as equally spaced: these formats hold a rate.
    """
    trajectory = kinematics.trajectory
    rows = trajectory.frames - trajectory.frames[0]
    step = (trajectory.seconds[-1] - trajectory.seconds[0]) / rows[-1]
    return trajectory.seconds[0] + np.arange(rows[-1] + 1) * step, rows.tolist()


def _write_mot(kinematics: Kinematics, path: Path) -> None:
    """OpenSim's motion file: degrees of each joint angle over time; nan where it is not known.

    Layout: OpenSim's user guide, "Storage (.sto) and Motion (.mot) Files"; a segment's angle is named NAME_segment.
    """
    columns = {name: angle.degrees for name, angle in kinematics.joint_angles.items()}
    columns |= {f"{name}_segment": angle.degrees for name, angle in kinematics.segment_angles.items()}
    values = np.column_stack([kinematics.trajectory.seconds, *columns.values()])
    counts = [f"nRows={len(values)}", f"nColumns={values.shape[1]}"]
    header = [path.stem, "version=1", *counts, "inDegrees=yes", "endheader", "\t".join(["time", *columns])]
    with atomic_text(path) as file:
        file.writelines(line + "\n" for line in header)
        for seconds, *angles in values.tolist():
            file.write("\t".join([f"{seconds:.6f}", *(f"{angle:.4f}" for angle in angles)]) + "\n")
