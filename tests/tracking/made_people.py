"""People, tracks and optical flow made by rule, for the tests of the tracker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.frames import FloatArray, Frame, ImageArray, Poses
from pose_track.structures.skeleton import COCO_17
from pose_track.tracking.association import Association
from pose_track.tracking.matching import match_hungarian
from pose_track.tracking.propagation import Flow
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracker import FrameTime, PoseTracker, Timed
from pose_track.tracking.tracks import Tracks

K = COCO_17.num_joints
WIDTH, HEIGHT = 80, 200
SIZE = float(np.sqrt(WIDTH * HEIGHT))
FIGURE = np.random.default_rng(0).uniform((-WIDTH / 2, -HEIGHT / 2), (WIDTH / 2, HEIGHT / 2), (K, 2))
FPS = Fraction(10)
RED, GREEN, BLUE = np.eye(3, dtype=np.float32).tolist()

Place = float | tuple[float, float]
Numbers = float | Sequence[float]


def standing(
    *places: Place,
    score: Numbers = 0.9,
    joint_score: Numbers = 0.9,
    scale: float = 1.0,
    appearance: Sequence[Sequence[float]] | None = None,
    source: str = "detector",
) -> Poses:
    """People of 80 x 200 px times `scale`, all of one build, about x or (x, y); scores for all or for each."""
    at = np.array([p if isinstance(p, tuple) else (p, 0.0) for p in places], np.float64).reshape(-1, 2)
    n, half = len(at), scale * np.array([WIDTH, HEIGHT]) / 2
    features = None
    if appearance is not None:
        features = np.repeat(np.array(appearance, np.float32).reshape(n, 1, -1 if n else 3), K, axis=1)
    return Poses(
        at[:, None] + scale * FIGURE,  # type: ignore[arg-type]
        np.repeat(np.broadcast_to(joint_score, n)[:, None], K, axis=1),  # type: ignore[arg-type]
        np.concatenate([at - half, at + half], axis=1),  # type: ignore[arg-type]
        np.array(np.broadcast_to(score, n)),  # type: ignore[arg-type]
        COCO_17,
        np.full(n, source),
        features,
    )


def together(*parts: Poses) -> Poses:
    """The people of all."""
    names = ("joints", "joint_scores", "boxes", "scores", "sources")
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    features = [part.features for part in parts if part.features is not None]
    return Poses(**arrays, skeleton=parts[0].skeleton, features=np.concatenate(features) if features else None)


def tracks_of(poses: Poses, index: int = 0, seconds: float = 0.0, num_carried: int = 1) -> Tracks:
    """People who were just seen for the first time, with the ids 1, 2, 3, ..."""
    return Tracks.start(poses, np.arange(1, len(poses) + 1), index, seconds, num_carried)


def tracker_of(
    similarity: Similarity | None = None, min_similarity: float = 0.2, buffer_frames: int = 5, **more: object
) -> PoseTracker:
    """A tracker by OKS unless told otherwise. more: of `Association` or of `PoseTracker`."""
    of_association = {name: more.pop(name) for name in tuple(more) if name in Association.__dataclass_fields__}
    match = of_association.pop("match", match_hungarian)
    similarity = similarity or Similarity({"oks": 1.0})
    associate = Association(similarity, match, min_similarity, **of_association)  # type: ignore[arg-type]
    return PoseTracker(associate, buffer_frames, **more)  # type: ignore[arg-type]


def times(num: int) -> list[FrameTime]:
    return [FrameTime(index, float(index / FPS)) for index in range(num)]


def images(num: int) -> list[Frame]:
    """Frames of a stub's flow, which does not look at them."""
    return [Frame(t.index, t.pts_seconds, np.zeros((4, 4, 3), np.uint8)) for t in times(num)]


def ids_in(tracker: PoseTracker, *frames: Poses) -> list[list[int]]:
    """The ids of each frame, where only poses are known."""
    timed: list[Timed] = list(times(len(frames)))
    return [tracker.assign(poses, time).tolist() for poses, time in zip(frames, timed, strict=True)]


@dataclass(frozen=True)
class StubStep:
    """All points move by the same, and are trusted alike."""

    move_by: tuple[float, float] = (0.0, 0.0)
    trust: float = 1.0
    is_cut: bool = False

    def move(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        return points + np.float32(self.move_by), np.full(len(points), self.trust, np.float32)


class StubFlow:
    """A flow whose steps are told: step_at gives that from picture i - 1 to picture i."""

    def __init__(self, step_at: Callable[[int], StubStep] = lambda index: StubStep()) -> None:
        self._step_at = step_at
        self.reset()

    def reset(self) -> None:
        self._index = -1

    def advance(self, image: ImageArray) -> StubStep:
        self._index += 1
        return self._step_at(self._index)


def drifting(x: float, y: float = 0.0, trust: float = 1.0) -> Flow:
    """The flow of a camera that turns evenly."""
    return StubFlow(lambda index: StubStep((x, y), trust))


def same_poses(a: Poses, b: Poses) -> bool:
    """Whether all that is known of the people is the same, to the last bit."""
    names = ("joints", "joint_scores", "boxes", "scores", "sources", "features")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


KINDS = ("plain", "unsure", "one joint", "no box", "boxes alone", "nowhere", "twice")


def random_video(seed: int, num_frames: int = 8, num_people: int = 5, channels: int = 0) -> list[Poses]:
    """People who walk about, come and go, in an order of its own in each frame; some of every degenerate kind.

    channels: of their features; none for 0.
    """
    rng = np.random.default_rng(seed)
    kinds, appearance = rng.choice(KINDS, num_people), rng.random((num_people, 1, max(channels, 1)))
    start, step = rng.uniform(0, 600, (num_people, 2)), rng.normal(0, 25, (num_people, 2))
    scale, base = rng.uniform(0.3, 1.5, num_people), rng.choice([0.2, 0.4, 0.8, 0.8], num_people)
    frames = []
    for index in range(num_frames):
        here = [
            _one(kind, start[i] + index * step[i], scale[i], base[i], rng, appearance[i] if channels else None)
            for i, kind in enumerate(kinds)
            if rng.random() < 0.8
        ]
        here += [pose for pose, kind in zip(here, kinds, strict=False) if kind == "twice"]
        crowd = together(_nobody(channels), *here)
        frames.append(crowd[rng.permutation(len(crowd))])
    return frames


def _nobody(channels: int) -> Poses:
    return replace(Poses.empty(COCO_17), features=np.zeros((0, K, channels), np.float32) if channels else None)


def _one(
    kind: str, at: NDArray[np.float64], scale: float, score: float, rng: np.random.Generator, look: FloatArray | None
) -> Poses:
    joints = at + scale * FIGURE + rng.normal(0, 3, (K, 2))
    half = scale * np.array([WIDTH, HEIGHT]) / 2
    box = np.concatenate([at - half, at + half])
    joint_scores = rng.uniform(0.3, 1, K)
    if kind == "unsure":
        joint_scores = rng.uniform(0.01, 0.19, K)
    if kind == "one joint":
        joint_scores[1:] = 0
    if kind == "no box":
        box = np.concatenate([at, at])
    if kind in ("boxes alone", "nowhere"):
        joints, joint_scores = np.zeros((K, 2)), np.zeros(K)
    if kind == "nowhere":
        box = np.zeros(4)
    features = None if look is None else np.repeat(look, K, axis=0)[None] + rng.uniform(0, 0.05, (1, K, 1))
    return Poses(joints[None], joint_scores[None], box[None], np.array([score]), COCO_17, features=features)  # type: ignore[arg-type]
