"""Measures of people over time: `trajectories` from frames, `measure` for one person; see docs/analysis.md."""

from pose_track.analysis.kinematics import Kinematics, measure
from pose_track.analysis.people import trajectories
from pose_track.analysis.steps import gait, step_events
from pose_track.analysis.summary import summarise
from pose_track.analysis.trajectory import Trajectory

__all__ = [
    "Kinematics",
    "Trajectory",
    "gait",
    "measure",
    "step_events",
    "summarise",
    "trajectories",
]
