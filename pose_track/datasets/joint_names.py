"""Joints of an annotation file mapped to a skeleton by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.joint_names import joint_name
from pose_track.structures.skeleton import Skeleton


class JointMap:
    """Maps the joints of a file to those of a skeleton by name.

    Args:
        names: the file's J joints, in the order of its arrays. Of two spellings of one joint, the package's own wins.
        skeleton: the target, with K joints.
        path: of the file, for error messages.

    Raises ValueError naming the file if it has none of the skeleton's joints.
    """

    def __init__(self, names: Sequence[str], skeleton: Skeleton, path: Path):
        columns = {joint_name(name): j for j, name in reversed(list(enumerate(names)))}  # the first of several
        columns |= {name: j for j, name in enumerate(names) if name == joint_name(name)}
        pairs = [(k, columns[name]) for k, name in enumerate(skeleton.joint_names) if name in columns]
        if not pairs:
            raise ValueError(f"{path} labels none of the joints of {skeleton.name}; it has {list(names)}")
        self.num_joints = skeleton.num_joints
        self._targets, self._columns = np.array(pairs).T

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
