"""Synthetic people: rendered moving bodies with exact joint positions."""

from pose_track.datasets.synthetic.random_scene import render_scene
from pose_track.datasets.synthetic.scene import Rendered

__all__ = ["Rendered", "render_scene"]
