"""C3D, the binary files of motion capture: one person each, a point for each joint, through the package ezc3d.

Positions are in the plane of the image, z is 0. In pixels y points down; positions in metres are written in
millimetres, C3D's usual unit, with y up. An absent joint has the residual -1, as c3d.org defines it. Frames count
from 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pose_track.formats.motions import Motion, Motions
from pose_track.formats.person_files import write_person_files
from pose_track.structures.sequence import FrameSource
from pose_track.utils.extras import require

SUFFIX = ".c3d"


def write_c3d(source: FrameSource, path: str | Path) -> None:
    """Write a file for each person, see `write_person_files`. Raises ImportError where ezc3d is not installed."""
    write_person_files(source, path, SUFFIX, write_person_c3d)


def write_person_c3d(video: Motions, person: Motion, path: Path) -> None:
    """Write one person of a video. Raises ImportError where ezc3d is not installed."""
    require("ezc3d", purpose="the format c3d")
    import ezc3d

    file = ezc3d.c3d()
    is_pixels = video.unit == "px"
    positions = person.joints.transpose(2, 1, 0) * np.array([1, 1] if is_pixels else [1000, -1000])[:, None, None]
    points = np.ones((4, *positions.shape[1:]))  # (4, K, T), homogeneous
    points[:2], points[2] = positions, np.where(np.isnan(positions[0]), np.nan, 0)
    file["parameters"]["POINT"]["RATE"]["value"] = [video.fps]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(video.skeleton.joint_names)
    file["parameters"]["POINT"]["UNITS"]["value"] = ["px" if is_pixels else "mm"]
    file.add_parameter("POINT", "X_SCREEN", ["+X"])
    file.add_parameter("POINT", "Y_SCREEN", ["-Y" if is_pixels else "+Y"])
    file["header"]["points"]["first_frame"] = person.first
    file["data"]["points"] = points
    residuals = np.where(np.isnan(positions[:1]), -1.0, 0.0)
    file["data"]["meta_points"]["residuals"] = residuals
    written = path.with_name(f"{path.name}{SUFFIX}")  # which ezc3d expects
    file.write(str(written))
    written.replace(path)
