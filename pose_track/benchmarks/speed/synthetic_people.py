"""Poses of synthetic people who walk about, as a detector and a keypoint network would return them, without images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from pose_track.structures.frames import Poses
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.tracking.linker import FrameTime

FPS = Fraction(25)

# Lengths are in body heights. _STANDING: (15, 2) x y of the joints of POSETRACK_15 of a standing person, from the
# centre of the box. _SWING: (15,) horizontal amplitude of each joint in walking.
_STANDING = np.array([
    (-.08, .47), (-.08, .24), (-.07, .0), (.07, .0), (.08, .24), (.08, .47), (-.17, .04), (-.15, -.12), (-.1, -.29),
    (.1, -.29), (.15, -.12), (.17, .04), (.0, -.33), (.02, -.4), (.0, -.5),
])  # fmt: skip
_SWING = np.array([.12, .05, 0, 0, -.05, -.12, -.1, -.04, 0, 0, .04, .1, 0, 0, 0])  # fmt: skip
_STRIDE = 0.3  # phase of the swing a frame, radians
_HEIGHTS = 150, 250  # of people, lowest and highest, pixels
_WIDTH = 0.4  # of a box
_AREA_PER_PERSON = 3.0  # image area, in box areas; about the density of MOT20
_SPEED, _TURN = 0.02, 0.1  # body heights a frame; standard deviation in radians a frame
_NOISE = 0.015  # standard deviation of joints and boxes
_LEAVE, _HIDE, _REAPPEAR = 1 / 250, 1 / 100, 1 / 5  # probabilities a frame
_LOW_SCORE_SHARE = 0.1  # of the poses


class SyntheticPeople:
    """A fixed number of people in an image whose area grows with that number.

    They stand close together and overlap. Each is hidden for a few frames now and then, and some poses have low scores.
    A person who leaves for good is replaced by a new one elsewhere.

    num_identities: number of different people so far. Everything is drawn from the seed.
    """

    def __init__(self, num_people: int, seed: int = 0) -> None:
        self._random = random = np.random.default_rng([seed, num_people])
        self._side = sum(_HEIGHTS) / 2 * math.sqrt(_AREA_PER_PERSON * _WIDTH * num_people)
        self._heights = random.uniform(*_HEIGHTS, num_people)
        self._positions = random.uniform(0, self._side, (num_people, 2))
        self._headings = random.uniform(0, 2 * np.pi, num_people)
        self._phases = random.uniform(0, 2 * np.pi, num_people)
        self._hidden = np.zeros(num_people, np.int64)  # remaining frames
        self.num_identities = num_people

    def frames(self, num_frames: int) -> Iterator[tuple[FrameTime, Poses]]:
        """The next frames, numbered from 0, generated on demand."""
        for index in range(num_frames):
            yield FrameTime(index, float(index / FPS)), self._poses()
            self._walk()
            self._leave()
            self._hide()

    def _walk(self) -> None:
        self._phases += _STRIDE
        self._headings += self._random.normal(0, _TURN, len(self._headings))
        step = _SPEED * np.stack([np.cos(self._headings), np.sin(self._headings)], axis=1)
        self._positions += self._heights[:, None] * step
        outside = (self._positions < 0) | (self._positions > self._side)
        self._headings[outside.any(axis=1)] += np.pi
        self._positions = self._positions.clip(0, self._side)

    def _leave(self) -> None:
        leaving = self._random.random(len(self._positions)) < _LEAVE
        num = int(leaving.sum())
        self._positions[leaving] = self._random.uniform(0, self._side, (num, 2))
        self.num_identities += num

    def _hide(self) -> None:
        self._hidden = np.maximum(self._hidden - 1, 0)
        hiding = (self._hidden == 0) & (self._random.random(len(self._hidden)) < _HIDE)
        self._hidden[hiding] = self._random.geometric(_REAPPEAR, int(hiding.sum()))

    def _poses(self) -> Poses:
        random, visible = self._random, self._hidden == 0
        positions, heights = self._positions[visible, None], self._heights[visible, None, None]
        n, k = len(positions), POSETRACK_15.num_joints
        swing = np.zeros((n, k, 2))
        swing[..., 0] = np.sin(self._phases[visible])[:, None] * _SWING
        joints = positions + heights * (_STANDING + swing + random.normal(0, _NOISE, (n, k, 2)))
        corners = heights * [(-_WIDTH / 2, -0.5), (_WIDTH / 2, 0.5)]  # (N, 2, 2)
        boxes = positions + corners * random.normal(1, _NOISE, (n, 2, 2))
        scores = np.where(random.random(n) < _LOW_SCORE_SHARE, random.uniform(0.1, 0.5, n), random.uniform(0.6, 1, n))
        joint_scores = (scores[:, None] * random.uniform(0.5, 1.2, (n, k))).clip(0, 1)
        return Poses(
            joints.astype(np.float32),
            joint_scores.astype(np.float32),
            boxes.reshape(n, 4).astype(np.float32),
            scores.astype(np.float32),
            POSETRACK_15,
        )
