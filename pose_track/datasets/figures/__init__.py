"""Moving human figures drawn by code, with the exact truth of every joint."""

from pose_track.datasets.figures.random_scene import render_scene
from pose_track.datasets.figures.scene import Rendered

__all__ = ["Rendered", "render_scene"]
