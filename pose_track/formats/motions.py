"""Sequences as motion tools have them: each person in all frames from their first to their last, with times."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pose_track.formats.person_tracks import skeleton_of
from pose_track.formats.speed_factor import stated_speed
from pose_track.structures.arrays import Float64Array, IntArray
from pose_track.structures.joint_names import joint_name
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import Skeleton

logger = logging.getLogger(__name__)

DEFAULT_FPS = 25.0
_MAX_FRAMES = 5_000_000


@dataclass(frozen=True, eq=False)
class Motion:
    """One person in T consecutive frames.

    first: index of the first frame.
    joints: (T, K, 2) x to the right, y down; NaN where a joint is absent.
    scores: (T, K) joint scores; NaN where missing.
    """

    track_id: int
    first: int
    joints: Float64Array
    scores: Float64Array

    @property
    def span(self) -> slice:
        """The person's frames among those of the video."""
        return slice(self.first, self.first + len(self.joints))


@dataclass(frozen=True, eq=False)
class Motions:
    """The people of a video by ascending track id.

    fps: frames a second. seconds: (F,) the time of each frame of the video, from index 0.
    unit: of the positions, "px" or "m".
    """

    name: str
    skeleton: Skeleton
    fps: float
    seconds: Float64Array
    people: tuple[Motion, ...]
    unit: str = "px"

    def arrays(self) -> tuple[Float64Array, Float64Array]:
        """(F, N, K, 2) positions and (F, N, K) scores of all people in all frames; NaN where somebody is absent."""
        shape = (len(self.seconds), len(self.people), self.skeleton.num_joints)
        joints, scores = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
        for n, person in enumerate(self.people):
            joints[person.span, n], scores[person.span, n] = person.joints, person.scores
        return joints, scores


def motions(source: FrameSource) -> Motions:
    """The people with a track id; those without one are left out, with a warning, as are people without joints.

    Frames that the source lacks are added, without people. Times are the source's, interpolated where they are missing,
    else from the rate in its `extra`, else from 25 frames a second, with a warning. Raises ValueError for people of
    whom none has an id, and for more than five million frames.
    """
    rows: dict[int, list[tuple[int, Float64Array, Float64Array]]] = {}
    times: dict[int, float] = {}
    last, num_people, without_id = -1, 0, 0
    for info, people in source:
        last = max(last, info.index)
        times |= {} if info.pts_seconds is None else {info.index: info.pts_seconds}
        num_people, without_id = num_people + len(people), without_id + int((people.track_ids < 0).sum())
        for track_id, joints, scores in zip(people.track_ids.tolist(), people.joints, people.joint_scores, strict=True):
            if track_id >= 0 and np.isfinite(joints).any():
                rows.setdefault(track_id, []).append((info.index, joints, scores))
    if num_people and without_id == num_people:
        raise ValueError(f"nobody in {source.name} has a track id; run pose-track link first")
    if without_id:
        logger.warning("%s: left out %d people without a track id", source.name, without_id)
    if last >= _MAX_FRAMES:
        raise ValueError(f"{source.name} has a frame {last}; the frames of one video are needed, counted from 0")
    fps, speed = frame_rate(source, times), stated_speed(source.extra) or 1.0
    seconds = _times(fps, times, last + 1) * speed
    found = tuple(_motion(track_id, rows[track_id]) for track_id in sorted(rows))
    return Motions(source.name, source.skeleton, fps / speed, seconds, found)


def frame_rate(source: FrameSource, times: Mapping[int, float] | None = None) -> float:
    """Frames a second: that in the source's `extra`, else from the times, else 25, with a warning.

    times: seconds by frame index; None to read them from the source.
    """
    fps = source.extra.get("fps")
    if isinstance(fps, int | float) and fps > 0:
        return float(fps)
    if times is None:
        times = {info.index: info.pts_seconds for info, _ in source if info.pts_seconds is not None}
    first, last = min(times, default=0), max(times, default=0)
    if last > first and times[last] > times[first]:
        return (last - first) / (times[last] - times[first])
    logger.warning("%s states no frame rate: %g frames a second are assumed", source.name, DEFAULT_FPS)
    return DEFAULT_FPS


def _times(fps: float, times: Mapping[int, float], num_frames: int) -> Float64Array:
    """(F,) seconds, interpolated where they are not known."""
    nominal = np.arange(num_frames) / fps
    if not times:
        return nominal
    known = np.array(sorted(times), np.int64)
    delays = np.array([times[index] for index in known.tolist()]) - nominal[known]
    return nominal + np.interp(np.arange(num_frames), known, delays)


def _motion(track_id: int, rows: Sequence[tuple[int, Float64Array, Float64Array]]) -> Motion:
    frames = np.array([index for index, _, _ in rows])
    first, num_joints = int(frames.min()), rows[0][1].shape[0]
    joints = np.full((int(frames.max()) - first + 1, num_joints, 2), np.nan)
    scores = np.full(joints.shape[:2], np.nan)
    joints[frames - first] = [row[1] for row in rows]
    scores[frames - first] = [row[2] for row in rows]
    return Motion(track_id, first, joints, np.where(np.isnan(joints[..., 0]), np.nan, scores))


def sequence_of_motions(
    name: str,
    skeleton: Skeleton,
    people: Iterable[Motion],
    infos: Sequence[FrameInfo],
    layout: str,
    extra: Mapping[str, Any],
) -> PoseSequence:
    """The people by frame, without those who have no joint in it; the inverse of `motions`. infos: of all frames."""
    frames: list[IntArray] = [np.zeros(0, np.int64)]
    annotations = [PoseAnnotations.empty(skeleton)]
    for person in people:
        is_seen = np.asarray(np.isfinite(person.joints).all(axis=2))
        seen = np.flatnonzero(is_seen.any(axis=1))
        frames.append(seen + person.first)
        ids = np.full(len(seen), person.track_id, np.int64)
        annotations.append(PoseAnnotations.from_joints(person.joints[seen], person.scores[seen], track_ids=ids))
    indices = np.concatenate(frames)
    order = np.argsort(indices, kind="stable")
    everybody = PoseAnnotations.concatenate(annotations)[order]
    return PoseSequence(name, skeleton, tuple(infos), everybody, indices[order], layout, extra)


def skeleton_of_markers(markers: Sequence[str], own_name: str) -> tuple[Skeleton, list[int]]:
    """The skeleton of named points, and for each of its joints the index of the point.

    >>> skeleton, order = skeleton_of_markers(["Nose", "RHip", "LHip", "LBigToe", "RBigToe"], "trc")
    >>> skeleton.joint_names, order
    (('nose', 'right_hip', 'left_hip', 'left_big_toe', 'right_big_toe'), [0, 1, 2, 3, 4])
    """
    names = [marker_joint(marker) for marker in markers]
    if len(set(names)) < len(names):
        names = list(markers)
    skeleton = skeleton_of(names, own_name)
    return skeleton, [names.index(name) for name in skeleton.joint_names]


def marker_joint(marker: str) -> str:
    """The joint that a tool's name of a point means; another point keeps its name.

    >>> [marker_joint(m) for m in ("LShoulder", "RSmallToe", "Hip", "left hip", "snout", "L_Heel")]
    ['left_shoulder', 'right_small_toe', 'pelvis', 'left_hip', 'snout', 'left_heel']
    """
    known = joint_name(marker)
    if known != marker:
        return known
    sided = re.fullmatch(r"([LR])_?([A-Z]\w*)", marker)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", sided[2] if sided else marker)
    if sided:
        return f"{'left' if sided[1] == 'L' else 'right'}_{words.lower()}"
    return "pelvis" if words.lower() in ("hip", "mid_hip") else marker
