"""Synthetic people, tracks and optical flow for the tests of the tracker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import Float32Array, ImageArray
from pose_track.structures.frames import Frame, FrameLike, Poses
from pose_track.structures.skeleton import COCO_17
from pose_track.tracking.association import Association
from pose_track.tracking.linker import FrameTime, PoseLinker
from pose_track.tracking.matching import match_hungarian
from pose_track.tracking.propagation import FlowEstimator, FlowState
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracks import Tracks

K = COCO_17.num_joints
WIDTH, HEIGHT = 80, 200
SIZE = float(np.sqrt(WIDTH * HEIGHT))
BODY_JOINTS = np.random.default_rng(0).uniform((-WIDTH / 2, -HEIGHT / 2), (WIDTH / 2, HEIGHT / 2), (K, 2))
FPS = Fraction(10)
RED, GREEN, BLUE = np.eye(3, dtype=np.float32).tolist()

Position = float | tuple[float, float]
Numbers = float | Sequence[float]


def people_at(
    *positions: Position,
    score: Numbers = 0.9,
    joint_score: Numbers = 0.9,
    scale: float = 1.0,
    appearance: Sequence[Sequence[float]] | None = None,
    source: str = "detector",
) -> Poses:
    """People of the same shape, 80 x 200 px times `scale`, centred at x or (x, y); scores for all or for each."""
    centers = np.array([p if isinstance(p, tuple) else (p, 0.0) for p in positions], np.float64).reshape(-1, 2)
    n, half = len(centers), scale * np.array([WIDTH, HEIGHT]) / 2
    features = None
    if appearance is not None:
        features = np.repeat(np.array(appearance, np.float32).reshape(n, 1, -1 if n else 3), K, axis=1)
    return Poses(
        centers[:, None] + scale * BODY_JOINTS,  # type: ignore[arg-type]
        np.repeat(np.broadcast_to(joint_score, n)[:, None], K, axis=1),  # type: ignore[arg-type]
        np.concatenate([centers - half, centers + half], axis=1),  # type: ignore[arg-type]
        np.array(np.broadcast_to(score, n)),  # type: ignore[arg-type]
        COCO_17,
        np.full(n, source),
        features,
    )


def concatenate_poses(*poses: Poses) -> Poses:
    names = ("joints", "joint_scores", "boxes", "scores", "sources")
    arrays = {name: np.concatenate([getattr(each, name) for each in poses]) for name in names}
    features = [each.features for each in poses if each.features is not None]
    return Poses(**arrays, skeleton=poses[0].skeleton, features=np.concatenate(features) if features else None)


def start_tracks(poses: Poses, seconds: float = 0.0, warped_frames: int = 1) -> Tracks:
    """New tracks with the ids 1, 2, 3, ..."""
    return Tracks.start(poses, np.arange(1, len(poses) + 1), seconds, warped_frames)


def build_linker(
    similarity: Similarity | None = None, min_similarity: float = 0.2, buffer_frames: int = 5, **options: object
) -> PoseLinker:
    """A linker, by OKS if no similarity is given, for frames at FPS.

    buffer_frames: how many frames a track may be missed.
    options: of `Association` or of `PoseLinker`.
    """
    association = {name: options.pop(name) for name in tuple(options) if name in Association.__dataclass_fields__}
    match = association.pop("match", match_hungarian)
    similarity = similarity or Similarity({"oks": 1.0})
    associate = Association(similarity, match, min_similarity, **association)  # type: ignore[arg-type]
    return PoseLinker(associate, longest_gap(buffer_frames), **options)  # type: ignore[arg-type]


def longest_gap(num_missed: int) -> float:
    """Seconds that end between the next frame after so many missed ones and the one after that."""
    return (num_missed + 1.5) / float(FPS)


def frame_times(num: int) -> list[FrameTime]:
    return [FrameTime(index, float(index / FPS)) for index in range(num)]


def blank_frames(num: int) -> list[Frame]:
    """Frames with blank images, for a stub of the optical flow."""
    return [Frame(t.index, t.pts_seconds, np.zeros((4, 4, 3), np.uint8)) for t in frame_times(num)]


def assigned_ids(tracker: PoseLinker, *frames: Poses) -> list[list[int]]:
    """The ids that the tracker assigns in each frame, without images."""
    times: list[FrameLike] = list(frame_times(len(frames)))
    return [tracker.assign(poses, time).tolist() for poses, time in zip(frames, times, strict=True)]


@dataclass(frozen=True)
class StubWarp:
    """Moves all points by the same displacement, with the same confidence."""

    displacement: tuple[float, float] = (0.0, 0.0)
    confidence: float = 1.0
    is_cut: bool = False
    change: float = 0.0

    def warp(self, points: Float32Array) -> tuple[Float32Array, Float32Array]:
        return points + np.float32(self.displacement), np.full(len(points), self.confidence, np.float32)


class StubFlow:
    """An optical flow. warp_at: gives the warp from image i - 1 to image i."""

    def __init__(self, warp_at: Callable[[int], StubWarp] = lambda index: StubWarp()) -> None:
        self._warp_at = warp_at
        self.restore(None)

    def state(self) -> FlowState | None:
        """Only the number of the last image."""
        return FlowState((self._index, 0), np.zeros((1, 1), np.uint8), np.zeros((0, 1, 1), np.uint8))

    def restore(self, state: FlowState | None) -> None:
        self._index = -1 if state is None else state.size[0]

    def advance(self, image: ImageArray) -> StubWarp:
        self._index += 1
        return self._warp_at(self._index)


def panning_flow(x: float, y: float = 0.0, confidence: float = 1.0) -> FlowEstimator:
    """The flow of a camera that pans at constant speed."""
    return StubFlow(lambda index: StubWarp((x, y), confidence))


def are_equal_poses(a: Poses, b: Poses) -> bool:
    """Whether all arrays are equal, to the last bit."""
    names = ("joints", "joint_scores", "boxes", "scores", "sources", "features")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


KINDS = ("normal", "low score", "one joint", "empty box", "box without joints", "nothing", "duplicate")


def random_video(seed: int, num_frames: int = 8, num_people: int = 5, channels: int = 0) -> list[Poses]:
    """Moving people who are missed at times, in another order in each frame, with degenerate cases.

    channels: of their features; 0 for no features.
    """
    rng = np.random.default_rng(seed)
    kinds, appearance = rng.choice(KINDS, num_people), rng.random((num_people, 1, max(channels, 1)))
    start, step = rng.uniform(0, 600, (num_people, 2)), rng.normal(0, 25, (num_people, 2))
    scale, base = rng.uniform(0.3, 1.5, num_people), rng.choice([0.2, 0.4, 0.8, 0.8], num_people)
    frames = []
    for index in range(num_frames):
        people = [
            _one_person(kind, start[i] + index * step[i], scale[i], base[i], rng, appearance[i] if channels else None)
            for i, kind in enumerate(kinds)
            if rng.random() < 0.8
        ]
        people += [pose for pose, kind in zip(people, kinds, strict=False) if kind == "duplicate"]
        poses = concatenate_poses(_no_poses(channels), *people)
        frames.append(poses[rng.permutation(len(poses))])
    return frames


def _no_poses(channels: int) -> Poses:
    return replace(Poses.empty(COCO_17), features=np.zeros((0, K, channels), np.float32) if channels else None)


def _one_person(
    kind: str,
    center: NDArray[np.float64],
    scale: float,
    score: float,
    rng: np.random.Generator,
    appearance: Float32Array | None,
) -> Poses:
    joints = center + scale * BODY_JOINTS + rng.normal(0, 3, (K, 2))
    half = scale * np.array([WIDTH, HEIGHT]) / 2
    box = np.concatenate([center - half, center + half])
    joint_scores = rng.uniform(0.3, 1, K)
    if kind == "low score":
        joint_scores = rng.uniform(0.01, 0.19, K)
    if kind == "one joint":
        joint_scores[1:] = 0
    if kind == "empty box":
        box = np.concatenate([center, center])
    if kind in ("box without joints", "nothing"):
        joints, joint_scores = np.zeros((K, 2)), np.zeros(K)
    if kind == "nothing":
        box = np.zeros(4)
    features = None if appearance is None else np.repeat(appearance, K, axis=0)[None] + rng.uniform(0, 0.05, (1, K, 1))
    return Poses(joints[None], joint_scores[None], box[None], np.array([score]), COCO_17, features=features)  # type: ignore[arg-type]
