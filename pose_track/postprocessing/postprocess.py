"""All postprocessing steps in their order: stitch, drop short tracks, choose sides, interpolate, smooth."""

from __future__ import annotations

from dataclasses import dataclass

from pose_track.postprocessing.filters import TrajectoryFilter
from pose_track.postprocessing.interpolate import InterpolateLimits, interpolate_gaps
from pose_track.postprocessing.sides import choose_sides
from pose_track.postprocessing.smooth import smooth_tracks
from pose_track.postprocessing.stitch import StitchLimits, stitch_tracks
from pose_track.postprocessing.tracks import drop_short_tracks, track_rows
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import PoseSequence


@dataclass(frozen=True)
class PostprocessSummary:
    """What postprocessing changed.

    tracks_before, tracks_after: number of tracks.
    stitched: tracks that became part of an earlier one.
    interpolated: poses added in gaps.
    dropped: tracks that were too short.
    """

    tracks_before: int
    tracks_after: int
    stitched: int
    interpolated: int
    dropped: int

    def __str__(self) -> str:
        return (
            f"{self.tracks_before} tracks -> {self.tracks_after} ({self.stitched} stitched, {self.dropped} dropped), "
            f"{self.interpolated} poses interpolated"
        )


def postprocess(
    sequence: PoseSequence,
    times: Float64Array,
    stitch: StitchLimits,
    interpolate: InterpolateLimits,
    min_seconds: float = 0.0,
    smooth: TrajectoryFilter | None = None,
    sides: bool = False,
) -> tuple[PoseSequence, PostprocessSummary]:
    """The sequence after all steps, and a summary of what changed.

    times: (F,) seconds of the frames, increasing.
    min_seconds: tracks whose first and last frame are closer are dropped.
    smooth: the filter of joint trajectories; None for none.
    sides: whether left and right are chosen over each track.
    """
    stitched = stitch_tracks(sequence, times, stitch)
    kept = drop_short_tracks(stitched, times, min_seconds)
    sided = choose_sides(kept, times) if sides else kept
    interpolated = interpolate_gaps(sided, times, interpolate)
    result = interpolated if smooth is None else smooth_tracks(interpolated, times, smooth)
    before, between, after = (len(track_rows(step)) for step in (sequence, stitched, kept))
    num_added = len(interpolated.people) - len(kept.people)
    return result, PostprocessSummary(before, after, before - between, num_added, between - after)
