"""The contents of a pose file: the frames of a video and the people in them, as ground truth or as predictions.

`frames.Poses` flows between the stages; these classes keep what a file states, to its last digit: float64, scores of
any range, and NaN or -1 for a missing value. Coordinates are pixels, as in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import BoolArray, Float64Array, IntArray
from pose_track.structures.skeleton import Skeleton

NO_EXTRA: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class FrameInfo:
    """One frame of a pose file.

    index: position in the video, from 0.
    image_name: the image's name in the file; "" where missing.
    image_id: the image's id in the file; None where missing.
    is_labelled: whether the frame was annotated.
    ignore_regions: polygons, each (P, 2) x y.
    pts_seconds: presentation time; None where missing.
    extra: other fields of the file's format, kept for writing the file again.
    """

    index: int
    image_name: str = ""
    image_id: int | None = None
    is_labelled: bool = True
    ignore_regions: tuple[Float64Array, ...] = ()
    pts_seconds: float | None = None
    extra: Mapping[str, Any] = field(default_factory=lambda: NO_EXTRA)


@dataclass(frozen=True, eq=False)
class PoseAnnotations:
    """N annotated or predicted people with K joints.

    joints: (N, K, 2) x y; NaN for an absent joint.
    joint_scores: (N, K); NaN where missing.
    flags: (N, K) int8, the joints' visibility as in the file; -1 where missing.
    scores: (N,) person scores; NaN where missing.
    boxes: (N, 4) x1 y1 x2 y2; NaN where missing.
    head_boxes: (N, 4) x1 y1 x2 y2; NaN where missing.
    track_ids: (N,); -1 for a person without an id.
    extra: (N,) mappings, each with the person's other fields of the file's format.
    """

    joints: Float64Array
    joint_scores: Float64Array
    flags: NDArray[np.int8]
    scores: Float64Array
    boxes: Float64Array
    head_boxes: Float64Array
    track_ids: IntArray
    extra: NDArray[np.object_]

    def __post_init__(self) -> None:
        n, k = self.joints.shape[:2]
        shapes = {
            "joints": (n, k, 2), "joint_scores": (n, k), "flags": (n, k), "scores": (n,), "boxes": (n, 4),
            "head_boxes": (n, 4), "track_ids": (n,), "extra": (n,),
        }  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, keep: NDArray[Any] | slice) -> PoseAnnotations:
        """The people selected by a slice, a boolean mask or indices."""
        return PoseAnnotations(*(getattr(self, f.name)[keep] for f in fields(self)))

    @property
    def has_joint(self) -> BoolArray:
        """(N, K) which joints are present."""
        return ~np.isnan(self.joints[..., 0])

    @classmethod
    def from_joints(
        cls,
        joints: Float64Array,
        joint_scores: Float64Array | None = None,
        flags: NDArray[np.int8] | None = None,
        scores: Float64Array | None = None,
        boxes: Float64Array | None = None,
        head_boxes: Float64Array | None = None,
        track_ids: IntArray | None = None,
        extra: NDArray[np.object_] | None = None,
    ) -> PoseAnnotations:
        """Annotations with the given arrays; the others are filled with the value for "missing"."""
        n, k = joints.shape[:2]
        return cls(
            joints,
            np.full((n, k), np.nan) if joint_scores is None else joint_scores,
            np.full((n, k), -1, np.int8) if flags is None else flags,
            np.full(n, np.nan) if scores is None else scores,
            np.full((n, 4), np.nan) if boxes is None else boxes,
            np.full((n, 4), np.nan) if head_boxes is None else head_boxes,
            np.full(n, -1, np.int64) if track_ids is None else track_ids,
            np.full(n, NO_EXTRA, object) if extra is None else extra,
        )

    @classmethod
    def empty(cls, skeleton: Skeleton) -> PoseAnnotations:
        return cls.from_joints(np.zeros((0, skeleton.num_joints, 2)))

    @classmethod
    def concatenate(cls, annotations: Iterable[PoseAnnotations]) -> PoseAnnotations:
        """All people, in the given order. Raises ValueError without any annotations: K is unknown then."""
        annotations = list(annotations)
        return cls(*(np.concatenate([getattr(each, f.name) for each in annotations]) for f in fields(cls)))


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """The frames of a video and the people in them. Raises ValueError for fields that do not fit together.

    name: the file's name without suffix.
    frames: F frames, in order.
    people: the N people of all frames, in the order of the frames and, within a frame, of the file.
    frame_indices: (N,) each person's index into `frames`, ascending.
    layout: the file format it was read from ("posetrack17", "posetrack18", ...); "" for none.
    extra: other fields of the file's format.
    """

    name: str
    skeleton: Skeleton
    frames: tuple[FrameInfo, ...]
    people: PoseAnnotations
    frame_indices: IntArray
    layout: str = ""
    extra: Mapping[str, Any] = field(default_factory=lambda: NO_EXTRA)

    def __post_init__(self) -> None:
        num_joints, n = self.people.joints.shape[1], len(self.people)
        if num_joints != self.skeleton.num_joints:
            raise ValueError(f"{self.skeleton.name} has {self.skeleton.num_joints} joints, got {num_joints}")
        if self.frame_indices.shape != (n,):
            raise ValueError(f"frame_indices must have shape {(n,)}, got {self.frame_indices.shape}")
        if n and (
            self.frame_indices[0] < 0
            or self.frame_indices[-1] >= len(self.frames)
            or (np.diff(self.frame_indices) < 0).any()
        ):
            raise ValueError(f"frame_indices must be ascending and lie in 0 to {len(self.frames) - 1}")

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[tuple[FrameInfo, PoseAnnotations]]:
        """Each frame with its people."""
        ends = np.searchsorted(self.frame_indices, np.arange(len(self.frames) + 1))
        for index, frame in enumerate(self.frames):
            yield frame, self.people[ends[index] : ends[index + 1]]


class FrameSource(Protocol):
    """A sequence that is read frame by frame, possibly from a file. Each iteration starts at the first frame."""

    @property
    def name(self) -> str: ...

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def extra(self) -> Mapping[str, Any]: ...

    def __iter__(self) -> Iterator[tuple[FrameInfo, PoseAnnotations]]: ...
