"""Joints of an annotation file mapped to a skeleton by name."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.joint_names import match_joints
from pose_track.structures.skeleton import Skeleton

logger = logging.getLogger(__name__)


class JointMap:
    """Maps the joints of a file to those of a skeleton by name.

    Args:
        names: the file's J joints, in the order of its arrays; see `match_joints` for their spelling.
        skeleton: the target, with K joints.
        path: of the file, for messages.

    Raises ValueError naming the file if it has none of the skeleton's joints.
    """

    def __init__(self, names: Sequence[str], skeleton: Skeleton, path: Path):
        columns = match_joints(skeleton.joint_names, names)
        if not columns:
            raise ValueError(f"{path} labels none of the joints of {skeleton.name}; it has {list(names)}")
        self._names, self._skeleton, self._path = names, skeleton, path
        self.num_joints = skeleton.num_joints
        self._targets, self._columns = np.array(list(columns)), np.array(list(columns.values()))

    def log_differences(self) -> None:
        """Log one line with the joints that only the file has, and one with those that only the skeleton has."""
        only_file = [name for j, name in enumerate(self._names) if j not in self._columns]
        only_skeleton = [name for k, name in enumerate(self._skeleton.joint_names) if k not in self._targets]
        name = self._skeleton.name
        if only_file:
            logger.info("%s: joints that %s does not have: %s", self._path, name, ", ".join(map(str, only_file)))
        if only_skeleton:
            logger.info("%s: without the joints %s of %s", self._path, ", ".join(only_skeleton), name)

    def convert(
        self, joints: NDArray[np.floating], visibility: NDArray[np.generic]
    ) -> tuple[Float64Array, IntArray] | None:
        """Joints (K, 2) and visibility (K,) of the skeleton from the file's, (J, 2) and (J,).

        A joint that is not labelled, or that the file lacks, has position (0, 0) and visibility 0. Returns None if no
        joint of the skeleton is labelled. Raises ValueError for a labelled joint without a position.
        """
        flags = visibility[self._columns].astype(np.int64)
        labelled = flags > 0
        if not labelled.any():
            return None
        positions = joints[self._columns][labelled]
        if not np.isfinite(positions).all():
            raise ValueError(f"has a labelled joint at {positions[~np.isfinite(positions).all(axis=1)][0].tolist()}")
        mapped_joints, mapped_flags = np.zeros((self.num_joints, 2)), np.zeros(self.num_joints, np.int64)
        mapped_joints[self._targets[labelled]], mapped_flags[self._targets] = positions, flags
        return mapped_joints, mapped_flags
