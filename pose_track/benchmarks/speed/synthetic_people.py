"""A made crowd: poses of people who walk about, as a detector and a network would find them, without pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.tracking.tracker import FrameTime

FPS = Fraction(25)

# Lengths in body heights. Somebody standing: x y of the joints of POSETRACK_15 from the middle of the box, and how far
# each swings to the side in walking.
_STANDING = np.array([
    (-.08, .47), (-.08, .24), (-.07, .0), (.07, .0), (.08, .24), (.08, .47), (-.17, .04), (-.15, -.12), (-.1, -.29),
    (.1, -.29), (.15, -.12), (.17, .04), (.0, -.33), (.02, -.4), (.0, -.5),
])  # fmt: skip
_SWING = np.array([.12, .05, 0, 0, -.05, -.12, -.1, -.04, 0, 0, .04, .1, 0, 0, 0])  # fmt: skip
_STRIDE = 0.3  # radians of swing a frame
_HEIGHTS = 150, 250  # pixels
_WIDTH = 0.4  # of the box
_ROOM = 3.0  # box areas of picture for each person, about as in MOT20's crowds
_SPEED, _TURN = 0.02, 0.1  # a frame; radians a frame
_NOISE = 0.015
_LEAVES, _HIDES, _RETURNS = 1 / 250, 1 / 100, 1 / 5  # chances a frame
_UNSURE = 0.1  # share of the poses


class SyntheticPeople:
    """So many people in a picture as large as they need: near each other, overlapping, now and then unseen for some
    frames, some of them found unsurely; who leaves for good is followed by somebody new elsewhere.

    num_came: how many there have been in all. Everything is drawn from the seed.
    """

    def __init__(self, num_people: int, seed: int = 0) -> None:
        self._random = random = np.random.default_rng([seed, num_people])
        self._side = sum(_HEIGHTS) / 2 * math.sqrt(_ROOM * _WIDTH * num_people)
        self._heights = random.uniform(*_HEIGHTS, num_people)
        self._places = random.uniform(0, self._side, (num_people, 2))
        self._headings = random.uniform(0, 2 * np.pi, num_people)
        self._phases = random.uniform(0, 2 * np.pi, num_people)
        self._hidden = np.zeros(num_people, np.int64)  # for so many more frames
        self.num_came = num_people

    def frames(self, num_frames: int) -> Iterator[tuple[FrameTime, Poses]]:
        """The next frames, numbered from 0, each made when it is asked for."""
        for index in range(num_frames):
            yield FrameTime(index, float(index / FPS)), self._poses()
            self._walk()
            self._leave()
            self._hide()

    def _walk(self) -> None:
        self._phases += _STRIDE
        self._headings += self._random.normal(0, _TURN, len(self._headings))
        step = _SPEED * np.stack([np.cos(self._headings), np.sin(self._headings)], axis=1)
        self._places += self._heights[:, None] * step
        over = (self._places < 0) | (self._places > self._side)
        self._headings[over.any(axis=1)] += np.pi
        self._places = self._places.clip(0, self._side)

    def _leave(self) -> None:
        leaves = self._random.random(len(self._places)) < _LEAVES
        num = int(leaves.sum())
        self._places[leaves] = self._random.uniform(0, self._side, (num, 2))
        self.num_came += num

    def _hide(self) -> None:
        self._hidden = np.maximum(self._hidden - 1, 0)
        hides = (self._hidden == 0) & (self._random.random(len(self._hidden)) < _HIDES)
        self._hidden[hides] = self._random.geometric(_RETURNS, int(hides.sum()))

    def _poses(self) -> Poses:
        random, seen = self._random, self._hidden == 0
        places, heights = self._places[seen, None], self._heights[seen, None, None]
        n, k = len(places), POSETRACK_15.num_joints
        swing = np.zeros((n, k, 2))
        swing[..., 0] = np.sin(self._phases[seen])[:, None] * _SWING
        joints = places + heights * (_STANDING + swing + random.normal(0, _NOISE, (n, k, 2)))
        corners = heights * [(-_WIDTH / 2, -0.5), (_WIDTH / 2, 0.5)]  # (N, 2, 2)
        boxes = places + corners * random.normal(1, _NOISE, (n, 2, 2))
        scores = np.where(random.random(n) < _UNSURE, random.uniform(0.1, 0.5, n), random.uniform(0.6, 1, n))
        joint_scores = (scores[:, None] * random.uniform(0.5, 1.2, (n, k))).clip(0, 1)
        return Poses(
            joints.astype(np.float32),
            joint_scores.astype(np.float32),
            boxes.reshape(n, 4).astype(np.float32),
            scores.astype(np.float32),
            POSETRACK_15,
        )
