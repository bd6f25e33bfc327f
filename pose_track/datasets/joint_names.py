"""The way from a file's joints to a skeleton's, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.joint_names import joint_name
from pose_track.structures.skeleton import Skeleton


class JointMap:
    """The way from a file's joints to those of `skeleton`, by name.

    names: the file's J joints, in the order of its arrays; where two spellings mean the same joint, the package's own
    is taken. Raises ValueError naming `path` where the file knows none of the skeleton's joints.
    """

    def __init__(self, names: Sequence[str], skeleton: Skeleton, path: Path):
        known = {joint_name(name): j for j, name in reversed(list(enumerate(names)))}  # the first of several
        known |= {name: j for j, name in enumerate(names) if name == joint_name(name)}
        pairs = [(k, known[name]) for k, name in enumerate(skeleton.joint_names) if name in known]
        if not pairs:
            raise ValueError(f"{path} labels none of the joints of {skeleton.name}; it has {list(names)}")
        self.num_joints = skeleton.num_joints
        self._targets, self._columns = np.array(pairs).T

    def place(
        self, joints: NDArray[np.floating], visibility: NDArray[np.generic]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
        """The joints (K, 2) and visibility (K,) of the skeleton from those of the file, (J, 2) and (J,); None where no
        joint of the skeleton is labelled. A joint that is not labelled, or that the file does not know, has position
        (0, 0) and visibility 0. Raises ValueError for a labelled joint without a position."""
        found = visibility[self._columns].astype(np.int64)
        labelled = found > 0
        if not labelled.any():
            return None
        at = joints[self._columns][labelled]
        if not np.isfinite(at).all():
            raise ValueError(f"has a labelled joint at {at[~np.isfinite(at).all(axis=1)][0].tolist()}")
        placed, seen = np.zeros((self.num_joints, 2)), np.zeros(self.num_joints, np.int64)
        placed[self._targets[labelled]], seen[self._targets] = at, found
        return placed, seen
