"""The online tracker: assigns a track id to each pose of a frame. An assigned id never changes later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from pose_track.limbs.online import SideFilter
from pose_track.limbs.spots import continue_limbs
from pose_track.structures.arrays import BoolArray, Float32Array, IntArray
from pose_track.structures.frames import Detections, Frame, FrameLike, Poses, replace_rows
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.association import Association
from pose_track.tracking.carrying import Carrying
from pose_track.tracking.confirmation import (
    ConfirmationWindow,
    ConfirmedTracks,
    OnlineConfirmation,
    confirm_tracks,
)
from pose_track.tracking.lookback import Lookback
from pose_track.tracking.overlap import stand_apart
from pose_track.tracking.propagation import (
    FlowEstimator,
    FlowState,
    Propagation,
    is_everybody_replaced,
    warp_tracks,
)
from pose_track.tracking.tracks import Tracks

T = TypeVar("T", bound=tuple[FrameLike, Poses])


@dataclass(frozen=True)
class FrameTime:
    """The index and time of a frame without its image, for linking poses from a file."""

    index: int
    pts_seconds: float


@dataclass(frozen=True, eq=False)
class LinkerState:
    """What a `PoseLinker` knows between two frames; by default, before the first.

    tracks: in the track buffer; None for none.
    next_id: of the next track.
    last_index: of the last frame.
    confirmed: see `ConfirmationWindow`.
    flow: of the optical flow; None without an image.
    shot_start: index of the first frame after the last cut.
    """

    tracks: Tracks | None = None
    next_id: int = 1
    last_index: int = -1
    confirmed: ConfirmedTracks = field(default_factory=ConfirmedTracks)
    flow: FlowState | None = None
    shot_start: int = 0


NO_PROPAGATION = Propagation()
DEFAULT_CARRYING = Carrying()


class PoseLinker:
    """Links the poses of each frame to tracks.

    Track ids are 1, 2, 3, ... in the order of the tracks' first poses, and within a frame by falling person score. No
    id is used again before `reset`.

    associate: matches tracks with poses.
    buffer_seconds: the track buffer: the longest time from a track's last pose to the one that continues it. Raises
        ValueError if negative.
    reactivation_seconds: the same for re-activation by appearance.
    min_start_score: lowest person score of a pose that starts a track; a pose found by propagation never does.
    min_confirm_frames, lookback_frames: see `ConfirmationWindow`.
    flow: the optical flow, None for none. A shot cut ends all tracks.
    propagation: how people who are not detected are followed by the flow.
    carrying: which poses are carried on by the flow, see `carry`.
    warped_frames: from how many frames poses are warped by the flow, for the cue "flow".
    chooses_sides: left and right of tracked people are chosen against the warped poses, see `limbs`.
    takes_second_peaks: joints of tracked people take second peaks where the warped poses expect them, see `limbs`.
    speed_factor: speed of the video over that of life, for slow motion; all seconds of the tracker are true ones.
    """

    def __init__(
        self,
        associate: Association,
        buffer_seconds: float,
        reactivation_seconds: float = 0.0,
        min_start_score: float = 0.0,
        min_confirm_frames: int = 1,
        lookback_frames: int = 0,
        flow: FlowEstimator | None = None,
        propagation: Propagation = NO_PROPAGATION,
        warped_frames: int = 1,
        chooses_sides: bool = False,
        takes_second_peaks: bool = False,
        speed_factor: float = 1.0,
        carrying: Carrying = DEFAULT_CARRYING,
    ) -> None:
        if buffer_seconds < 0:
            raise ValueError(f"buffer_seconds must be 0 or more, got {buffer_seconds!r}")
        self._associate = associate
        self._buffer_seconds = buffer_seconds
        self._max_missed_seconds = max(buffer_seconds, reactivation_seconds)
        self._min_start_score = min_start_score
        self._min_confirm_frames, self._lookback_frames = min_confirm_frames, lookback_frames
        self._lookback = Lookback(associate.similarity, associate.min_low_score_similarity, speed_factor)
        self._flow = flow
        self._propagation, self._carrying = propagation, carrying
        self._warped_frames = warped_frames
        self._chooses_sides, self._takes_second_peaks = chooses_sides, takes_second_peaks
        self._speed_factor = speed_factor
        self.reset()

    def reset(self) -> None:
        """Remove all tracks and restart the ids at 1. Call it before another video."""
        self.restore(LinkerState())

    def state(self) -> LinkerState:
        """The state after the last frame, which further frames do not change."""
        flow = None if self._flow is None else self._flow.state()
        confirmed = self._confirmed.copy()
        return LinkerState(self._tracks, self._next_id, self._last_index, confirmed, flow, self._shot_start)

    def restore(self, state: LinkerState) -> None:
        """Go on from a state of a linker with the same arguments. Frames that had come and were not confirmed then have
        to come again in `confirm`, without `assign`."""
        self._tracks = state.tracks
        self._skeleton: Skeleton | None = None
        self._sides: SideFilter | None = None
        self._next_id, self._last_index, self._shot_start = state.next_id, state.last_index, state.shot_start
        self._confirmed = state.confirmed.copy()
        if self._flow is not None:
            self._flow.restore(state.flow)

    @property
    def last_index(self) -> int:
        """Index of the last frame; -1 before the first."""
        return self._last_index

    def propose(self, frame: Frame) -> Detections:
        """Boxes for tracked people in the next frame, besides those of the detector; their source is "flow".

        Call it for every frame that has an image, before `assign`. Without optical flow there are no boxes.
        """
        if self._flow is None:
            return Detections.empty()
        step = self._flow.advance(frame.image)
        if step.is_cut:
            self._end_shot(frame)
        if self._tracks is None:
            return Detections.empty()
        tracks = self._buffered(self._tracks, self._true_seconds(frame))
        warped = warp_tracks(tracks, step)
        if is_everybody_replaced(tracks, warped, step.change):
            self._end_shot(frame)
            return Detections.empty()
        self._tracks = warped
        return self._propagation.boxes(warped)

    def carry(self, detected: Detections, skeleton: Skeleton) -> tuple[Poses, Detections]:
        """The poses of tracked people whom the flow carries surely into one of the boxes, and the boxes in which poses
        are to be estimated, see `Carrying`. Call it after `propose`."""
        if self._tracks is None or self._flow is None:
            return Poses.empty(skeleton), detected
        poses, is_needed = self._carrying(self._tracks, detected, skeleton)
        return poses, detected[is_needed]

    def _end_shot(self, frame: Frame) -> None:
        self._tracks, self._shot_start = None, frame.index

    def assign(self, poses: Poses, frame: FrameLike) -> IntArray:
        """(N,) track ids of the poses of the next frame; 0 for a pose without a track.

        Call it for every frame, also without people. Raises ValueError if the frame index does not increase, or the
        skeleton changes, without a `reset`.
        """
        self._check(poses, frame)
        order = _canonical_order(poses)
        order = order[self._propagation.accepts(poses)[order]]
        ids = np.zeros(len(poses), np.int64)
        ids[order], recorded = self._assign(poses[order], self._true_seconds(frame))
        is_changed = self._chooses_sides or self._takes_second_peaks
        self._recorded = replace_rows(poses, order, recorded) if is_changed else poses
        return ids

    @property
    def poses(self) -> Poses:
        """The poses of the last frame that was assigned, as they are to be recorded."""
        return self._recorded

    def confirm(self, frames: Iterable[tuple[T, IntArray]]) -> Iterator[tuple[T, IntArray]]:
        """The frames with the ids of confirmed tracks only: see `ConfirmationWindow`."""
        return confirm_tracks(frames, self.confirmation())

    def confirmation(self) -> ConfirmationWindow[T]:
        """The window in which frames wait until their tracks are confirmed, empty."""
        return ConfirmationWindow(
            self._min_confirm_frames, self._live_ids, self._confirmed, self._lookback_frames, self._look_back
        )

    def online_confirmation(self) -> OnlineConfirmation:
        """Which tracks are confirmed, for results that do not wait."""
        return OnlineConfirmation(self._min_confirm_frames, self._live_ids)

    def _look_back(self, frames: Sequence[tuple[T, IntArray]], track_id: int) -> None:
        """Find the track in the frames of its shot before its first."""
        self._lookback([entry for entry in frames if entry[0][0].index >= self._shot_start], track_id)

    def _true_seconds(self, frame: FrameLike) -> float:
        return frame.pts_seconds * self._speed_factor

    def _live_ids(self) -> list[int]:
        return [] if self._tracks is None else self._tracks.ids.tolist()

    def _check(self, poses: Poses, frame: FrameLike) -> None:
        if frame.index <= self._last_index:
            raise ValueError(
                f"frame index must increase, got {frame.index} after {self._last_index}; call reset() first"
            )
        if self._skeleton not in (None, poses.skeleton):
            raise ValueError(f"poses must have the skeleton {self._skeleton.name!r}, got {poses.skeleton.name!r}")
        if self._skeleton is None and self._chooses_sides:
            self._sides = SideFilter(poses.skeleton)
        self._skeleton, self._last_index = poses.skeleton, frame.index

    def _assign(self, poses: Poses, seconds: float) -> tuple[IntArray, Poses]:
        """The ids of the poses, and the poses as the tracks record them."""
        tracks = self._tracks or Tracks.empty(poses.skeleton, self._warped_frames)
        tracks = self._buffered(tracks, seconds)
        is_recent = seconds - tracks.motion.seconds <= self._buffer_seconds
        rows, cols = self._associate(tracks, poses, seconds, is_recent)
        ids = np.zeros(len(poses), np.int64)
        ids[cols] = tracks.ids[rows]
        is_new = (ids == 0) & (poses.scores >= self._min_start_score) & (poses.sources != "flow")
        self._assign_new_ids(ids, is_new)
        is_missed = np.ones(len(tracks), bool)
        is_missed[rows] = False
        matched = tracks[rows]
        poses, sides = self._correct_limbs(matched, poses, cols)
        is_apart = None if poses.features is None else stand_apart(tracks, poses, rows, cols, seconds)
        self._tracks = matched.update(poses[cols], seconds, sides[cols], is_apart)
        if is_missed.any():
            self._tracks += tracks[is_missed].mark_missed()
        if is_new.any():
            started = poses[is_new], ids[is_new], seconds, self._warped_frames, sides[is_new]
            self._tracks += Tracks.start(*started)
        return ids, poses

    def _correct_limbs(self, tracks: Tracks, poses: Poses, cols: IntArray) -> tuple[Poses, Float32Array]:
        """The poses with left and right chosen and second peaks taken, and the (N, H) beliefs about the sides; each
        track goes on with the pose in its place of `cols`."""
        before, scores = np.zeros_like(poses.joints), np.zeros_like(poses.joint_scores)
        before[cols], scores[cols] = tracks.warped[:, 0], tracks.warped_scores[:, 0]
        beliefs = np.zeros((len(poses), 0), np.float32)
        if self._sides is not None:
            beliefs = self._sides.unknown(len(poses))
            if len(cols):  # a frame without tracks does not know their number of hypotheses
                beliefs[cols] = tracks.sides
            poses, beliefs = self._sides.choose(poses, before, scores, beliefs)
        return continue_limbs(poses, before, scores) if self._takes_second_peaks else poses, beliefs

    def _buffered(self, tracks: Tracks, seconds: float) -> Tracks:
        """The tracks that were not missed for too long."""
        keep = seconds - tracks.motion.seconds <= self._max_missed_seconds
        return tracks if keep.all() else tracks[keep]

    def _assign_new_ids(self, ids: IntArray, is_new: BoolArray) -> None:
        """Write the next ids into `ids` where `is_new`."""
        num = int(is_new.sum())
        ids[is_new] = self._next_id + np.arange(num)
        self._next_id += num


def _canonical_order(poses: Poses) -> IntArray:
    """Indices of the poses by falling person score, independent of the order they come in."""
    x, y = poses.joints.sum(axis=1).T
    return np.lexsort((*poses.boxes.T, y, x, -poses.scores))
