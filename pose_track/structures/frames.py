"""The data that flows between the stages: frozen dataclasses of parallel numpy arrays, checked on construction.

Coordinates are pixels of the displayed frame (after its rotation metadata was applied), x to the right, y down; the
centre of the top-left pixel is (0, 0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import AnyArray, BoolArray, Float32Array, ImageArray, IntArray
from pose_track.structures.person import Joint, Person
from pose_track.structures.skeleton import Skeleton, check_skeleton

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")

SOURCES = ("detector", "flow", "recorded", "filled")


def _fits(expected: int | None, length: int) -> bool:
    return expected is None or expected == length


def _checked(name: str, value: object, shape: tuple[int | None, ...], dtype: type[np.generic]) -> AnyArray:
    """`value` as an array of `dtype`. None in `shape` allows any length; an empty list fits a shape that allows 0 rows.

    Raises ValueError for another shape, or for a dtype that cannot be cast safely.
    """
    given = np.asarray(value)
    if given.dtype == dtype and given.ndim == len(shape) and all(map(_fits, shape, given.shape)):
        return given  # fast path
    if given.size and not np.can_cast(given.dtype, dtype, "same_kind"):
        raise ValueError(f"{name} must be {np.dtype(dtype).name}, got {given.dtype.name}")
    array: AnyArray = given.astype(dtype, copy=False)
    if array.shape == (0,) and shape[0] in (None, 0):
        array = array.reshape(tuple(0 if s is None else s for s in shape))
    if array.ndim != len(shape) or not all(map(_fits, shape, array.shape)):
        expected = tuple("any" if s is None else s for s in shape)
        raise ValueError(f"{name} must have shape {expected}, got {array.shape}")
    return array


def _checked_sources(value: object, num: int) -> AnyArray:
    """(num,) the source of each box; "detector" for all if `value` is None."""
    if value is None:
        return np.full(num, "detector")
    sources = _checked("sources", value, (num,), np.str_)
    unknown = set(sources.tolist()) - set(SOURCES)
    if unknown:
        raise ValueError(f"sources must be of {', '.join(SOURCES)}, got {sorted(unknown)}")
    return sources


def _map_arrays(instance: T, function: Callable[[str, AnyArray], AnyArray]) -> T:
    """A copy with `function` applied to each array, without checks: a tracker selects people many times per frame."""
    copy = object.__new__(type(instance))
    for name, value in vars(instance).items():
        copy.__dict__[name] = function(name, value) if isinstance(value, np.ndarray) else value
    return copy


def _select(instance: T, keep: AnyArray) -> T:
    """A copy with the selected rows of all arrays."""
    return _map_arrays(instance, lambda name, rows: rows[keep])


class FrameLike(Protocol):
    """Anything with a frame index and a presentation time, such as `Frame`."""

    @property
    def index(self) -> int: ...

    @property
    def pts_seconds(self) -> float: ...


@dataclass(frozen=True, eq=False)
class Frame:
    """One decoded frame.

    index: number of the decoded frame, from 0.
    pts_seconds: presentation time.
    image: (H, W, 3) uint8 RGB.
    image_name: the file name of an image; "" for a frame of a video.
    captured: when it came from a camera or stream, in seconds of `time.monotonic`; None for one of a file.
    """

    index: int
    pts_seconds: float
    image: ImageArray
    image_name: str = ""
    captured: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "image", _checked("image", self.image, (None, None, 3), np.uint8))


@dataclass(frozen=True, eq=False)
class Detections:
    """N boxes.

    boxes: (N, 4) float32 x1 y1 x2 y2 in pixels.
    scores: (N,) float32 in [0, 1].
    sources: (N,) str, each one of SOURCES; "detector" by default.
    """

    boxes: Float32Array
    scores: Float32Array
    sources: NDArray[np.str_] | None = None

    def __post_init__(self) -> None:
        boxes = _checked("boxes", self.boxes, (None, 4), np.float32)
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "scores", _checked("scores", self.scores, (len(boxes),), np.float32))
        object.__setattr__(self, "sources", _checked_sources(self.sources, len(boxes)))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: AnyArray) -> Detections:
        """The detections selected by a boolean mask or by indices."""
        return _select(self, keep)

    @classmethod
    def empty(cls) -> Detections:
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


@dataclass(frozen=True, eq=False)
class Poses:
    """N people with the K joints of `skeleton`.

    joints: (N, K, 2) float32 x y in pixels.
    joint_scores: (N, K) float32 in [0, 1]; 0 for an absent joint.
    boxes: (N, 4) float32 x1 y1 x2 y2, the box in which each pose was estimated.
    scores: (N,) float32 in [0, 1].
    sources: (N,) str, the source of each box, see `Detections`.
    features: (N, K, C) float32, an appearance embedding per joint; None where none was computed.
    second_peaks: (N, K, 3) float32 x y in pixels and score of another place where the network saw a joint that it put
        on one spot with its twin, score 0 for none; None where they were not looked for.
    """

    joints: Float32Array
    joint_scores: Float32Array
    boxes: Float32Array
    scores: Float32Array
    skeleton: Skeleton
    sources: NDArray[np.str_] | None = None
    features: Float32Array | None = None
    second_peaks: Float32Array | None = None

    def __post_init__(self) -> None:
        check_skeleton(self.skeleton)
        k = self.skeleton.num_joints
        joints = _checked("joints", self.joints, (None, k, 2), np.float32)
        n = len(joints)
        object.__setattr__(self, "joints", joints)
        object.__setattr__(self, "joint_scores", _checked("joint_scores", self.joint_scores, (n, k), np.float32))
        object.__setattr__(self, "boxes", _checked("boxes", self.boxes, (n, 4), np.float32))
        object.__setattr__(self, "scores", _checked("scores", self.scores, (n,), np.float32))
        object.__setattr__(self, "sources", _checked_sources(self.sources, n))
        if self.features is not None:
            object.__setattr__(self, "features", _checked("features", self.features, (n, k, None), np.float32))
        if self.second_peaks is not None:
            second_peaks = _checked("second_peaks", self.second_peaks, (n, k, 3), np.float32)
            object.__setattr__(self, "second_peaks", second_peaks)

    def __len__(self) -> int:
        return len(self.joints)

    def __getitem__(self, keep: AnyArray) -> Poses:
        """The people selected by a boolean mask or by indices."""
        return _select(self, keep)

    @classmethod
    def empty(cls, skeleton: Skeleton) -> Poses:
        k = skeleton.num_joints
        return cls(np.zeros((0, k, 2)), np.zeros((0, k)), np.zeros((0, 4)), np.zeros(0), skeleton)  # type: ignore[arg-type]


DetectionsOrPoses = TypeVar("DetectionsOrPoses", Detections, Poses)


def concatenate(a: DetectionsOrPoses, b: DetectionsOrPoses) -> DetectionsOrPoses:
    """The rows of `a`, then those of `b`. Features or second peaks that only one of them has are 0, none, in the other.

    >>> from pose_track.structures.skeleton import COCO_17
    >>> one = Poses(np.ones((1, 17, 2)), np.ones((1, 17)), np.ones((1, 4)), np.ones(1), COCO_17)
    >>> other = replace(one, features=np.ones((1, 17, 8)))
    >>> concatenate(one, other).features.sum(axis=(1, 2)).tolist()
    [0.0, 136.0]
    """
    if not len(a) or not len(b):
        return a if len(a) else b
    a, b = _with_arrays_of(a, b), _with_arrays_of(b, a)
    return _map_arrays(a, lambda name, rows: np.concatenate([rows, vars(b)[name]]))


def _with_arrays_of(a: DetectionsOrPoses, b: DetectionsOrPoses) -> DetectionsOrPoses:
    """`a`, with zeros for the arrays that only `b` has."""
    zeros: dict[str, Any] = {}
    for name, rows in vars(b).items():
        if isinstance(rows, np.ndarray) and vars(a)[name] is None:
            zeros[name] = np.repeat(np.zeros_like(rows[:1]), len(a), axis=0)
    return replace(a, **zeros) if zeros else a


def replace_rows(poses: Poses, rows: IntArray, others: Poses) -> Poses:
    """The poses with those at the indices `rows` replaced by `others`, one for each."""

    def replaced(name: str, array: AnyArray) -> AnyArray:
        array = array.copy()
        array[rows] = vars(others)[name]
        return array

    return _map_arrays(poses, replaced)


@dataclass(frozen=True, eq=False)
class TrackedPoses:
    """The people of one frame with their track ids. Iterating yields a `Person` for each.

    track_ids: (N,) int64, at least 1, unique within the frame.
    image_name: the file name of the image; "" for a frame of a video.
    confirmed: (N,) whether each track is confirmed; all by default. Only live results have people who are not.
    """

    frame_index: int
    pts_seconds: float
    poses: Poses
    track_ids: IntArray
    image_name: str = ""
    confirmed: BoolArray | None = None

    def __post_init__(self) -> None:
        given = np.ones(len(self.poses), bool) if self.confirmed is None else self.confirmed
        object.__setattr__(self, "confirmed", _checked("confirmed", given, (len(self.poses),), np.bool_))
        ids = _checked("track_ids", self.track_ids, (len(self.poses),), np.int64)
        if len(np.unique(ids)) != len(ids):
            raise ValueError(f"track_ids must be unique within a frame, got {ids.tolist()}")
        if len(ids) and ids.min() < 1:
            raise ValueError(f"track_ids must be at least 1, got {ids.tolist()}")
        object.__setattr__(self, "track_ids", ids)

    def __len__(self) -> int:
        return len(self.poses)

    def __iter__(self) -> Iterator[Person]:
        poses, names = self.poses, self.poses.skeleton.joint_names
        assert poses.sources is not None
        assert self.confirmed is not None
        triples = np.concatenate([poses.joints, poses.joint_scores[..., None]], axis=2).tolist()
        columns = self.track_ids, poses.boxes, poses.scores, self.confirmed, poses.sources
        for joints, (track_id, box, score, confirmed, source) in zip(
            triples, zip(*(column.tolist() for column in columns), strict=True), strict=True
        ):
            by_name = {name: Joint(*joint) for name, joint in zip(names, joints, strict=True)}
            yield Person(track_id, tuple(box), score, by_name, confirmed, source)

    def __getitem__(self, keep: AnyArray) -> TrackedPoses:
        """The people selected by a boolean mask or by indices."""
        return replace(self, poses=self.poses[keep], track_ids=self.track_ids[keep], confirmed=self.confirmed[keep])  # type: ignore[index]

    def to_dict(self) -> dict[str, Any]:
        """Frame, time and people as plain Python values, which `json.dumps` accepts:

        {"frame": 17, "seconds": 0.68, "people": [{"id": 1, "box": [x1, y1, x2, y2], "score": 0.93,
         "confirmed": True, "joints": {"nose": [x, y, score], ...}}]}
        """
        people = [
            {
                "id": person.id,
                "box": list(person.box),
                "score": person.score,
                "confirmed": person.confirmed,
                "joints": {name: list(joint) for name, joint in person.joints.items()},
            }
            for person in self
        ]
        return {"frame": self.frame_index, "seconds": self.pts_seconds, "people": people}

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each joint of each person: frame, seconds, id, joint, x, y (pixels), score. Raises ImportError
        without pandas."""
        import pandas

        rows = [
            (self.frame_index, self.pts_seconds, person.id, name, *joint)
            for person in self
            for name, joint in person.joints.items()
        ]
        return pandas.DataFrame(rows, columns=["frame", "seconds", "id", "joint", "x", "y", "score"])
