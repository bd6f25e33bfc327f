"""The tracker that the settings describe. It needs no PyTorch, so that poses from a file are linked at once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from pose_track.config.tracker import FlowSettings, TrackerSettings
from pose_track.tracking.association import Association
from pose_track.tracking.linker import PoseLinker
from pose_track.tracking.matching import MATCHERS
from pose_track.tracking.propagation import FlowEstimator, Propagation
from pose_track.tracking.similarity import Similarity
from pose_track.utils.extras import require
from pose_track.weights.resolve import published_weights, weights_file


def build_tracker(
    settings: TrackerSettings,
    fps: Fraction,
    has_images: bool = False,
    device: str = "cpu",
    detect_every: int = 1,
) -> PoseLinker:
    """The tracker for a video of `fps` frames per second, as it is stored. The seconds of the settings are true ones.

    has_images: whether frames come with their image; without, there is no optical flow.
    device: of the optical flow's network.
    detect_every: the detector runs on every n-th frame. A track is confirmed by detections in successive ones of these.

    Raises FileNotFoundError or ConnectionError for missing weights of the flow; ImportError for RAFT without PyTorch.
    """
    speed_factor = settings.speed_factor or 1.0
    fps /= Fraction(speed_factor).limit_denominator(10**6)
    has_flow = has_images and settings.flow.method != "none"
    similarity = Similarity(settings.weights.model_dump(), settings.sigma_scale, settings.gate and has_flow)
    associate = Association(
        similarity,
        MATCHERS[settings.matching],
        settings.min_similarity,
        settings.min_high_score,
        settings.min_low_score_similarity,
        settings.min_reactivation_appearance if settings.reactivation_seconds else 1.0,
    )
    return PoseLinker(
        associate,
        _longest_gap(settings.buffer_seconds, fps),
        _longest_gap(settings.reactivation_seconds, fps),
        max(settings.min_start_score, settings.min_high_score),  # a low-score duplicate of a person starts no track
        (settings.min_confirm_frames - 1) * detect_every + 1,
        round(settings.lookback_seconds * fps),
        _build_flow(settings.flow, device) if has_images else None,
        Propagation(
            settings.flow.max_frames,
            max(2, settings.min_confirm_frames),
            settings.flow.min_score,
            tentative_frames=detect_every - 1,
        ),
        settings.flow.warped_frames,
        has_flow and settings.flow.sides,
        has_flow and settings.flow.second_peaks,
        speed_factor,
    )


def _longest_gap(seconds: float, fps: Fraction) -> float:
    """Seconds from a track's last pose to the next where the frames missed between take at most `seconds`.

    The frame after them comes one frame later. Half a frame more leaves room for rounded times.

    >>> _longest_gap(2.0, Fraction(25))  # frame 51 continues a track last seen in frame 0, frame 52 does not
    2.06
    """
    return float((round(seconds * fps) + Fraction(3, 2)) / fps)


def _build_flow(settings: FlowSettings, device: str) -> FlowEstimator | None:
    if settings.method == "none":
        return None
    if settings.method.startswith("raft"):
        require("torch", "torchvision", purpose=f"tracker.flow.method {settings.method}")
    from pose_track.flow.optical_flow import build_flow  # linking without images needs no OpenCV

    return build_flow(settings.method, settings.long_side, weights=_flow_weights(settings), device=device)


def _flow_weights(settings: FlowSettings) -> Path | None:
    """The weights of the optical flow's network; None for a method without one."""
    if not settings.method.startswith("raft"):
        return None
    return published_weights(settings.method) if settings.weights is None else weights_file(str(settings.weights))
