"""The support for each hypothesis about a group of pairs: which of them are exchanged. All of it is log odds.

H hypotheses, 2^P for P pairs, are in the order of `PairGroup.hypotheses`, so that hypothesis i becomes i xor j by the
changes of hypothesis j.
"""

from __future__ import annotations

import numpy as np

from pose_track.limbs.evidence import bone_evidence, network_evidence
from pose_track.limbs.pairs import PairGroup
from pose_track.structures.arrays import Float64Array, FloatingArray, IntArray


def pose_support(
    group: PairGroup, joints: FloatingArray, scores: FloatingArray, heights: FloatingArray
) -> Float64Array:
    """(N, H) by each pose alone; 0 for no exchange.

    joints, scores, heights: (N, P, 2, 2), (N, P, 2) and (N,), see `evidence`.
    """
    hypotheses = group.hypotheses
    is_crossed = hypotheses[:, group.bones[:, 0]] != hypotheses[:, group.bones[:, 1]]  # (H, E)
    of_bones = bone_evidence(joints, scores, heights, group.bones)
    return np.asarray(-network_evidence(scores) @ hypotheses.T - of_bones @ is_crossed.T)


def change_support(group: PairGroup, motion: FloatingArray) -> Float64Array:
    """(N, H) log probability that just these pairs have changed sides. motion: (N, P) `motion_evidence`."""
    of_pairs = motion @ group.hypotheses.T
    return np.asarray(of_pairs - np.logaddexp(0, motion).sum(axis=1, keepdims=True))


def combinations(group: PairGroup) -> IntArray:
    """(H, H) the hypothesis that hypothesis i becomes by the changes of hypothesis j."""
    codes = np.arange(1 << len(group.joints))
    return codes[:, None] ^ codes
