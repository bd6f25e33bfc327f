"""Curves over time: the place of a joint, its angle, its speed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pose_track.plots.figure import line_colour
from pose_track.plots.measures import joint_angles, joint_speeds
from pose_track.plots.person_series import PersonSeries
from pose_track.structures.arrays import Float64Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = Callable[[PersonSeries, str], Float64Array]
"""(F,) values of a person's joint over time."""


def plot_joint(axes: Axes, people: Sequence[PersonSeries], joints: Sequence[str]) -> None:
    """x (solid) and y (dashed) of joints over time, in pixels of the image; y grows downwards, as in the image."""
    for number, (person, joint) in enumerate((person, joint) for person in people for joint in joints):
        seconds, places = person.with_gaps(person.joint(joint))
        for axis, style in ((0, "-"), (1, "--")):
            label = f"{_label(person, joint, people, joints)}, {'xy'[axis]}"
            axes.plot(seconds, places[:, axis], style, color=line_colour(number), label=label)
    _finish(axes, joints, "position (pixels)")


def plot_angle(axes: Axes, people: Sequence[PersonSeries], joints: Sequence[str]) -> None:
    """The angle at joints over time, see `joint_angles`."""
    _plot(axes, people, joints, joint_angles)
    _finish(axes, joints, "angle (degrees)")


def plot_speed(axes: Axes, people: Sequence[PersonSeries], joints: Sequence[str]) -> None:
    """The speed of joints over time, see `joint_speeds`."""
    _plot(axes, people, joints, joint_speeds)
    _finish(axes, joints, "speed (pixels / s)")
    axes.set_ylim(bottom=0)


def _plot(axes: Axes, people: Sequence[PersonSeries], joints: Sequence[str], values: Values) -> None:
    for number, (person, joint) in enumerate((person, joint) for person in people for joint in joints):
        seconds, curve = person.with_gaps(values(person, joint))
        axes.plot(seconds, curve, color=line_colour(number), label=_label(person, joint, people, joints))


def _label(person: PersonSeries, joint: str, people: Sequence[PersonSeries], joints: Sequence[str]) -> str:
    """What tells a line from the others."""
    words = [person.label] if len(people) > 1 or len(joints) == 1 else []
    return " ".join(words + ([joint] if len(joints) > 1 else []))


def _finish(axes: Axes, joints: Sequence[str], label: str) -> None:
    axes.set(xlabel="time (s)", ylabel=f"{joints[0]} {label}" if len(joints) == 1 else label)
    axes.margins(x=0.01)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
