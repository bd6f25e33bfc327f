"""From the tracker's settings to the tracker, without PyTorch, so that poses from a file are linked in a moment."""

from __future__ import annotations

from fractions import Fraction

from pose_track.settings import TrackerSettings
from pose_track.track.matching import MATCHERS
from pose_track.track.similarity import iou_similarity, oks_similarity
from pose_track.track.tracker import PoseTracker


def build_tracker(settings: TrackerSettings, fps: Fraction) -> PoseTracker:
    """The tracker for a video of `fps` frames a second."""
    return PoseTracker(
        oks_similarity() if settings.similarity == "oks" else iou_similarity,
        MATCHERS[settings.matching],
        settings.min_similarity,
        round(settings.buffer_seconds * fps),
        settings.min_start_score,
        settings.min_confirm_frames,
    )
