"""From the tracker's settings to the tracker, without PyTorch, so that poses from a file are linked in a moment."""

from __future__ import annotations

from fractions import Fraction

from pose_track.config.tracker import FlowSettings, TrackerSettings
from pose_track.tracking.association import Association
from pose_track.tracking.matching import MATCHERS
from pose_track.tracking.propagation import Flow, Propagation
from pose_track.tracking.similarity import Similarity
from pose_track.tracking.tracker import PoseTracker
from pose_track.weights.resolve import flow_weights


def build_tracker(
    settings: TrackerSettings,
    fps: Fraction,
    has_images: bool = False,
    device: str = "cpu",
    detect_every: int = 1,
) -> PoseTracker:
    """The tracker for a video of `fps` frames a second. Where there are no pictures, there is no optical flow.

    device: where a network for the flow runs. detect_every: people are looked for in every so-manieth frame only, and
    confirmed once they were found in successive ones of these. Raises what `flow.make_flow` does where its weights are
    not to be had.
    """
    similarity = Similarity(settings.weights.model_dump(), settings.gates.model_dump(), settings.sigma_scale)
    associate = Association(
        similarity,
        MATCHERS[settings.matching],
        settings.min_similarity,
        settings.min_high_score,
        settings.min_low_score_similarity,
        settings.min_reactivation_appearance if settings.reactivation_seconds else 1.0,
    )
    return PoseTracker(
        associate,
        round(settings.buffer_seconds * fps),
        round(settings.reactivation_seconds * fps),
        max(settings.min_start_score, settings.min_high_score),  # nor may the double of somebody sure begin a track
        (settings.min_confirm_frames - 1) * detect_every + 1,
        _build_flow(settings.flow, device) if has_images else None,
        Propagation(
            settings.flow.max_frames,
            max(2, settings.min_confirm_frames),
            settings.flow.min_score,
            unsure_frames=detect_every - 1,
        ),
        settings.flow.warped_frames,
    )


def _build_flow(settings: FlowSettings, device: str) -> Flow | None:
    if settings.method == "none":
        return None
    from pose_track.flow.optical_flow import make_flow  # OpenCV, perhaps PyTorch: not for linking without pictures

    return make_flow(settings.method, settings.long_side, weights=flow_weights(settings), device=device)
