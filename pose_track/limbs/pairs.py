"""The pairs of a left and a right joint, and the bones that tie them together."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from pose_track.structures.arrays import BoolArray, IntArray
from pose_track.structures.skeleton import Skeleton

MAX_PAIRS = 8  # of a group: it has two to this power hypotheses


@dataclass(frozen=True, eq=False)
class PairGroup:
    """P pairs of joints whose sides are decided together, because bones connect them.

    joints: (P, 2) indices of the left and of the right joint.
    bones: (E, 2) indices of the two pairs that a bone connects, on the left and on the right alike.
    followers, leaders: (F, 2) joints of the detail that bones connect with a pair, such as of a hand, which changes
        sides with it; and (F,) the index of that pair.
    """

    joints: IntArray
    bones: IntArray
    followers: IntArray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    leaders: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))

    @cached_property
    def hypotheses(self) -> BoolArray:
        """(2^P, P) which pairs are exchanged, for each of the possible answers; none in the first.

        >>> PairGroup(np.array([[0, 1], [2, 3]]), np.zeros((0, 2), np.int64)).hypotheses.astype(int).tolist()
        [[0, 0], [1, 0], [0, 1], [1, 1]]
        """
        codes = np.arange(1 << len(self.joints))
        return np.asarray(codes[:, None] >> np.arange(len(self.joints)) & 1, bool)

    def exchange(self, order: IntArray, exchanged: BoolArray) -> None:
        """Write the group's joints into `order`, (N, K), the joint to take for each joint. exchanged: (N, P) which
        pairs change sides."""
        left, right = np.concatenate([self.joints, self.followers]).T
        exchanged = np.concatenate([exchanged, exchanged[:, self.leaders]], axis=1)
        order[:, left], order[:, right] = np.where(exchanged, right, left), np.where(exchanged, left, right)


def pair_groups(skeleton: Skeleton) -> tuple[PairGroup, ...]:
    """The pairs of a skeleton, those that bones connect in one group of up to MAX_PAIRS.

    >>> from pose_track.structures.skeleton import COCO_17
    >>> [len(group.joints) for group in pair_groups(COCO_17)]  # eyes and ears, then shoulders to ankles
    [2, 6]
    """
    twins, body = skeleton.twins, set(skeleton.body_twins)
    bones = _bones(skeleton)
    unplaced = [number for number, pair in enumerate(twins) if pair in body]
    leader_of, groups = _leaders(unplaced, bones), []
    while unplaced:
        members = _connected(unplaced, bones)
        unplaced = [pair for pair in unplaced if pair not in members]
        inner = [[members.index(a), members.index(b)] for a, b in sorted(bones) if a in members and b in members]
        led = [(twins[pair], members.index(leader)) for pair, leader in leader_of.items() if leader in members]
        groups.append(
            PairGroup(
                np.array([twins[pair] for pair in members], np.int64),
                np.array(inner, np.int64).reshape(-1, 2),
                np.array([pair for pair, _ in led], np.int64).reshape(-1, 2),
                np.array([leader for _, leader in led], np.int64),
            )
        )
    return tuple(groups)


def _bones(skeleton: Skeleton) -> set[tuple[int, int]]:
    """The pairs, by number, that a bone connects."""
    pair_of = {joint: number for number, pair in enumerate(skeleton.twins) for joint in pair}
    left = {pair[0] for pair in skeleton.twins}
    return {(pair_of[a], pair_of[b]) for a, b in skeleton.edges if a in left and b in left}


def _leaders(body: list[int], bones: set[tuple[int, int]]) -> dict[int, int]:
    """For each pair of the detail that bones connect with a pair of the body, the nearest of these."""
    leader_of, reached = {pair: pair for pair in body}, list(body)
    for pair in reached:  # the nearest first
        neighbours = sorted({a + b - pair for a, b in bones if pair in (a, b)} - leader_of.keys())
        leader_of |= dict.fromkeys(neighbours, leader_of[pair])
        reached += neighbours
    return {pair: leader for pair, leader in leader_of.items() if pair not in body}


def _connected(pairs: list[int], bones: set[tuple[int, int]]) -> list[int]:
    """The first of the pairs, and up to MAX_PAIRS that bones connect with it, the nearest first."""
    members = pairs[:1]
    for member in members:
        linked = [pair for pair in pairs if {(member, pair), (pair, member)} & bones and pair not in members]
        members += linked[: MAX_PAIRS - len(members)]
    return members
