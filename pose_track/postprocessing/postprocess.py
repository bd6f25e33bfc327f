"""All steps of finishing, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from pose_track.postprocessing.filters import PathFilter
from pose_track.postprocessing.interpolate import FillLimits, fill_gaps
from pose_track.postprocessing.smooth import smooth_tracks
from pose_track.postprocessing.stitch import JoinLimits, join_tracks
from pose_track.postprocessing.tracks import drop_short, track_rows
from pose_track.structures.sequence import FloatArray, PoseSequence


@dataclass(frozen=True)
class Finished:
    """What finishing did. before, after: tracks; joined: how many went on as another; filled: people filled in;
    dropped: tracks that were too short."""

    before: int
    after: int
    joined: int
    filled: int
    dropped: int

    def __str__(self) -> str:
        return (
            f"{self.before} tracks -> {self.after} ({self.joined} joined, {self.dropped} dropped), "
            f"{self.filled} people filled in"
        )


def finish(
    sequence: PoseSequence,
    times: FloatArray,
    join: JoinLimits,
    fill: FillLimits,
    min_seconds: float = 0.0,
    smooth: PathFilter | None = None,
) -> tuple[PoseSequence, Finished]:
    """The sequence with its tracks joined, without those shorter than `min_seconds`, with gaps filled and, where there
    is a filter, smoother; and what was done. times: (F,) seconds of the frames, rising."""
    joined = join_tracks(sequence, times, join)
    kept = drop_short(joined, times, min_seconds)
    filled = fill_gaps(kept, times, fill)
    done = filled if smooth is None else smooth_tracks(filled, times, smooth)
    before, between, after = (len(track_rows(each)) for each in (sequence, joined, kept))
    return done, Finished(before, after, before - between, len(filled.people) - len(kept.people), between - after)
