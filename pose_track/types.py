"""What flows between the stages: frozen dataclasses of parallel numpy arrays, checked once, on construction.

Coordinates are pixels of the shown frame (after its rotation metadata was applied), x to the right, y down; the
centre of the top-left pixel is (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pose_track.skeleton import Skeleton

Array = NDArray[np.generic]
FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
ImageArray = NDArray[np.uint8]

SOURCES = ("detector", "flow", "recorded")


def _checked(name: str, value: object, shape: tuple[int | None, ...], dtype: type) -> Array:
    """`value` as an array of `dtype`; None in `shape` stands for any length. Raises ValueError on another shape."""
    array = np.asarray(value, dtype=dtype)
    if array.size == 0 and shape[0] in (None, 0):
        array = array.reshape(tuple(0 if s is None else s for s in shape))
    if array.ndim != len(shape) or any(s not in (None, n) for s, n in zip(shape, array.shape, strict=True)):
        expected = tuple("any" if s is None else s for s in shape)
        raise ValueError(f"{name} must have shape {expected}, got {array.shape}")
    return array


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded picture. image: (H, W, 3) uint8 RGB; index counts decoded frames from 0; pts_seconds is the
    presentation time."""

    index: int
    pts_seconds: float
    image: ImageArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", _checked("image", self.image, (None, None, 3), np.uint8))


@dataclass(frozen=True, eq=False)
class Detections:
    """N boxes. boxes: (N, 4) float32 x1 y1 x2 y2 in pixels; scores: (N,) float32 in [0, 1]; sources: (N,) str,
    one of SOURCES, "detector" where not given."""

    boxes: FloatArray
    scores: FloatArray
    sources: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        boxes = _checked("boxes", self.boxes, (None, 4), np.float32)
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "scores", _checked("scores", self.scores, (len(boxes),), np.float32))
        sources = np.full(len(boxes), "detector") if self.sources is None else self.sources
        object.__setattr__(self, "sources", _checked("sources", sources, (len(boxes),), np.str_))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Array) -> Detections:
        """The detections selected by a boolean mask or by indices."""
        assert self.sources is not None
        return Detections(self.boxes[keep], self.scores[keep], self.sources[keep])

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False)
class Poses:
    """N people with the K joints of `skeleton`.

    joints: (N, K, 2) float32 x y in pixels; joint_scores: (N, K) float32 in [0, 1], 0 = absent; boxes: (N, 4)
    float32 x1 y1 x2 y2, the box each pose was estimated in; scores: (N,) float32 in [0, 1]; sources: (N,) str,
    where the box came from.
    """

    joints: FloatArray
    joint_scores: FloatArray
    boxes: FloatArray
    scores: FloatArray
    skeleton: Skeleton
    sources: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        num_joints = self.skeleton.num_joints
        joints = _checked("joints", self.joints, (None, num_joints, 2), np.float32)
        n = len(joints)
        object.__setattr__(self, "joints", joints)
        object.__setattr__(self, "joint_scores", _checked("joint_scores", self.joint_scores, (n, num_joints), np.float32))
        object.__setattr__(self, "boxes", _checked("boxes", self.boxes, (n, 4), np.float32))
        object.__setattr__(self, "scores", _checked("scores", self.scores, (n,), np.float32))
        sources = np.full(n, "detector") if self.sources is None else self.sources
        object.__setattr__(self, "sources", _checked("sources", sources, (n,), np.str_))

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, keep: Array) -> Poses:
        """The people selected by a boolean mask or by indices."""
        assert self.sources is not None
        return Poses(
            self.joints[keep], self.joint_scores[keep], self.boxes[keep], self.scores[keep], self.skeleton, self.sources[keep]
        )

    @classmethod
    def empty(cls, skeleton: Skeleton) -> Poses:
        k = skeleton.num_joints
        return cls(np.zeros((0, k, 2)), np.zeros((0, k)), np.zeros((0, 4)), np.zeros(0), skeleton)  # type: ignore[arg-type]

    def with_scores(self, scores: FloatArray) -> Poses:
        """The same people with other person scores, (N,)."""
        return replace(self, scores=scores)


@dataclass(frozen=True, eq=False)
class TrackedPoses:
    """The people of one frame with their identities. track_ids: (N,) int64 >= 1, unique within the frame."""

    frame_index: int
    pts_seconds: float
    poses: Poses
    track_ids: IntArray

    def __post_init__(self) -> None:
        ids = _checked("track_ids", self.track_ids, (len(self.poses),), np.int64)
        if len(np.unique(ids)) != len(ids):
            raise ValueError(f"track_ids must be unique within a frame, got {ids.tolist()}")
        object.__setattr__(self, "track_ids", ids)

    def __len__(self) -> int:
        return len(self.poses)
