"""The published weights that settings need."""

from __future__ import annotations

from pose_track.config.settings import StageSettings
from pose_track.weights.zoo import ZOO


def published_names(settings: StageSettings) -> list[str]:
    """The names of the published weights that the stages of these settings run, each once; files of the user and the
    bundled weights are not among them."""
    detector = settings.detector
    wanted = (settings.pose.weights, detector.weights or detector.name, settings.tracker.flow.method)
    return [name for name in dict.fromkeys(wanted) if name in ZOO]
