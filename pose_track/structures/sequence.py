"""What a file of poses holds: the frames of a video and the people in them, as truth or as somebody's result.

Unlike `types`, which flows between the stages, this keeps what files tell to the last digit: float64, scores of any
range, and NaN or -1 where a file tells nothing. Positions are pixels as the file has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.skeleton import Skeleton

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class FrameInfo:
    """One frame. index: place in the video, from 0; image_name, image_id: as the file calls the picture, "" and None
    where it does not; is_labelled: whether people were looked for; ignore_regions: polygons, each (P, 2) x y;
    pts_seconds: presentation time, None where not told; more: what else a layout tells, kept for writing it again."""

    index: int
    image_name: str = ""
    image_id: int | None = None
    is_labelled: bool = True
    ignore_regions: tuple[FloatArray, ...] = ()
    pts_seconds: float | None = None
    more: Mapping[str, Any] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, eq=False)
class People:
    """N people with K joints.

    joints: (N, K, 2) x y, NaN for a joint that is not there; joint_scores: (N, K), NaN where not told; flags: (N, K)
    int8, each joint's visibility as the file has it, -1 where not told; scores: (N,) NaN where not told; boxes and
    head_boxes: (N, 4) x1 y1 x2 y2, NaN where not told; track_ids: (N,), -1 for nobody's; more: (N,) mappings, what
    else a layout tells of a person.
    """

    joints: FloatArray
    joint_scores: FloatArray
    flags: NDArray[np.int8]
    scores: FloatArray
    boxes: FloatArray
    head_boxes: FloatArray
    track_ids: IntArray
    more: NDArray[np.object_]

    def __post_init__(self) -> None:
        n, k = self.joints.shape[:2]
        shapes = {
            "joints": (n, k, 2), "joint_scores": (n, k), "flags": (n, k), "scores": (n,), "boxes": (n, 4),
            "head_boxes": (n, 4), "track_ids": (n,), "more": (n,),
        }  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, keep: NDArray[Any] | slice) -> People:
        """The people selected by a slice, a boolean mask or indices."""
        return People(*(getattr(self, f.name)[keep] for f in fields(self)))

    @property
    def has_joint(self) -> NDArray[np.bool_]:
        """(N, K) which joints are there."""
        return ~np.isnan(self.joints[..., 0])

    @classmethod
    def of(
        cls,
        joints: FloatArray,
        joint_scores: FloatArray | None = None,
        flags: NDArray[np.int8] | None = None,
        scores: FloatArray | None = None,
        boxes: FloatArray | None = None,
        head_boxes: FloatArray | None = None,
        track_ids: IntArray | None = None,
        more: NDArray[np.object_] | None = None,
    ) -> People:
        """The same with what is not given as not told."""
        n, k = joints.shape[:2]
        return cls(
            joints,
            np.full((n, k), np.nan) if joint_scores is None else joint_scores,
            np.full((n, k), -1, np.int8) if flags is None else flags,
            np.full(n, np.nan) if scores is None else scores,
            np.full((n, 4), np.nan) if boxes is None else boxes,
            np.full((n, 4), np.nan) if head_boxes is None else head_boxes,
            np.full(n, -1, np.int64) if track_ids is None else track_ids,
            np.full(n, NOTHING, object) if more is None else more,
        )

    @classmethod
    def empty(cls, skeleton: Skeleton) -> People:
        return cls.of(np.zeros((0, skeleton.num_joints, 2)))

    @classmethod
    def joined(cls, parts: Iterable[People]) -> People:
        """The people of one part after those of the other; there must be a part."""
        parts = list(parts)
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)))


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """The frames of a video and everybody in them.

    name: the file's without suffix; layout: the format it was read from ("posetrack17", "posetrack18", ...), "" for
    none; people: of all frames, in the order of the frames and, within one, of the file; frame_of: (N,) each person's
    place in `frames`, not falling; more: what else a layout tells. Raises ValueError where these do not fit together.
    """

    name: str
    skeleton: Skeleton
    frames: tuple[FrameInfo, ...]
    people: People
    frame_of: IntArray
    layout: str = ""
    more: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def __post_init__(self) -> None:
        if self.people.joints.shape[1] != self.skeleton.num_joints:
            raise ValueError(
                f"{self.skeleton.name} has {self.skeleton.num_joints} joints, got {self.people.joints.shape[1]}"
            )
        if self.frame_of.shape != (len(self.people),):
            raise ValueError(f"frame_of must have shape {(len(self.people),)}, got {self.frame_of.shape}")
        if len(self.frame_of) and (
            self.frame_of[0] < 0 or self.frame_of[-1] >= len(self.frames) or (np.diff(self.frame_of) < 0).any()
        ):
            raise ValueError(f"frame_of must not fall and lie in 0 to {len(self.frames) - 1}")

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[tuple[FrameInfo, People]]:
        """Each frame with its people."""
        ends = np.searchsorted(self.frame_of, np.arange(len(self.frames) + 1))
        for place, frame in enumerate(self.frames):
            yield frame, self.people[ends[place] : ends[place + 1]]


class FrameSource(Protocol):
    """A sequence that is read frame by frame, perhaps from a file as it goes; each iteration starts anew."""

    @property
    def name(self) -> str: ...

    @property
    def skeleton(self) -> Skeleton: ...

    @property
    def more(self) -> Mapping[str, Any]: ...

    def __iter__(self) -> Iterator[tuple[FrameInfo, People]]: ...
