"""The page of one person: who and when, images, curves and the summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from pose_track.analysis.kinematics import Kinematics
from pose_track.analysis.steps import StepEvent, stances
from pose_track.analysis.summary import summarise
from pose_track.report.chart import Curve, Phase, chart
from pose_track.report.moments import Moment

_JOINTS = ("hip", "knee", "ankle", "shoulder", "elbow")
_HEIGHT, _FLAT = 156, 116  # of charts
_SIDES = ("left", "right")
_GAIT = (("stride", "Stride"), ("stance", "Stance"), ("swing", "Swing"))
_VIEWS = {
    "side_left": "side, facing left", "side_right": "side, facing right",
    "front": "front", "back": "back", "oblique": "oblique", "": "not known",
}  # fmt: skip
_NOT_FROM_THE_SIDE = (
    "This person is not seen from the side. Bending towards the camera or away from it is not in the image: the angles "
    "are those between the lines in the image, without a sign, and not flexion."
)

_NO_STEPS = "Fewer than three steps were found; they are looked for in side views of people who walk or run."

Figures = Mapping[str, float | str | int]


@dataclass(frozen=True, eq=False)
class Subject:
    """One person of a report.

    unit: of positions, "px" or "m". name: as the reader knows them.
    images: a data URL for each of the moments; empty for a report without.
    """

    kinematics: Kinematics
    unit: str
    name: str
    events: Sequence[StepEvent]
    moments: Sequence[Moment]
    images: Sequence[str]


def person_section(subject: Subject, title: str) -> str:
    """The <section> of a person. title: of the report, for the page on paper."""
    figures = summarise(subject.kinematics, subject.unit)
    view = str(figures["view"])
    warning = "" if view.startswith("side") else f'<p class="warning">{_NOT_FROM_THE_SIDE}</p>'
    return (
        f'<section class="person"><h2>{escape(subject.name)} <small>{escape(title)}</small></h2>'
        f"{_facts(subject, figures)}{warning}{_images(subject)}{_charts(subject)}"
        f'<div class="tables">{_angles_table(figures)}{_gait_table(subject, figures)}</div></section>'
    )


def _facts(subject: Subject, figures: Figures) -> str:
    seconds = subject.kinematics.trajectory.seconds
    digits = 2 if subject.unit == "m" else 0
    speeds = (number(figures[f"{kind}_speed_{subject.unit}_per_s"], digits) for kind in ("mean", "max"))
    facts = {
        "View": _VIEWS[str(figures["view"])],
        "Time": f"{seconds[0]:.2f} to {seconds[-1]:.2f} s ({number(figures['duration_seconds'], 2)} s)",
        "Seen in": f"{number(figures['seen_percent'])} % of the frames",
        "Speed": f"{' mean, '.join(speeds)} {subject.unit}/s greatest",
    }
    items = "".join(f"<div><dt>{key}</dt><dd>{escape(value)}</dd></div>" for key, value in facts.items())
    return f'<dl class="facts">{items}</dl>'


def _images(subject: Subject) -> str:
    seconds = subject.kinematics.trajectory.seconds
    figures = "".join(
        f'<figure><img src="{address}" alt="{escape(moment.caption, quote=True)}">'
        f"<figcaption>{escape(moment.caption)} <span>{seconds[moment.place]:.2f} s</span></figcaption></figure>"
        for moment, address in zip(subject.moments, subject.images, strict=True)
    )
    return f'<div class="images">{figures}</div>' if figures else ""


def _charts(subject: Subject) -> str:
    kinematics, seconds = subject.kinematics, subject.kinematics.trajectory.seconds
    phases = [Phase(start.side, start.seconds, end.seconds) for start, end in stances(list(subject.events))]
    groups = [(title, "degrees", curves, 20.0) for title, curves in _angle_curves(kinematics)]
    speed = [Curve("speed", kinematics.centre.speed)]
    groups.append(("Speed of the centre of mass", f"{subject.unit}/s", speed, 0.0))
    height = _HEIGHT if len(groups) <= 6 else _FLAT  # so that a page of paper holds them
    charts = "".join(chart(title, unit, seconds, curves, phases, height, span) for title, unit, curves, span in groups)
    legend = '<p class="note">The bars below the curves are the stance phases of the two feet.</p>' if phases else ""
    return f'<div class="charts">{charts}</div>{legend}'


def _angle_curves(kinematics: Kinematics) -> list[tuple[str, list[Curve]]]:
    """Titles, and the curves below each."""
    sides = [(joint.capitalize(), [(f"{side}_{joint}", side, side) for side in _SIDES]) for joint in _JOINTS]
    groups = [*sides, ("Trunk and neck", [("trunk", "trunk", ""), ("neck", "neck", "right")])]
    angles = kinematics.joint_angles
    found = [
        (title, [Curve(label, angles[name].degrees, side) for name, label, side in lines if name in angles])
        for title, lines in groups
    ]
    return [(title, curves) for title, curves in found if curves]


def _angles_table(figures: Figures) -> str:
    rows = []
    for joint in (*_JOINTS, "trunk", "neck"):
        names = [f"{side}_{joint}" for side in _SIDES] if joint in _JOINTS else [joint]
        if f"{names[0]}_range_deg" not in figures:
            continue
        cells = [number(figures[f"{name}_{part}_deg"]) for name in names for part in ("min", "max", "range")]
        cells += ["", "", ""] * (2 - len(names)) + [number(figures.get(f"{joint}_asymmetry_percent", ""))]
        rows.append(f"<tr><th>{joint.capitalize()}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    parts = "<th>least</th><th>most</th><th>range</th>"
    return (
        '<table><caption>Joint angles, degrees</caption><thead><tr><th></th><th colspan="3">left</th>'
        f'<th colspan="3">right</th><th>asymmetry</th></tr><tr><th></th>{parts * 2}<th>%</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _gait_table(subject: Subject, figures: Figures) -> str:
    if int(figures["steps"]) < 3:
        return f'<p class="note">{_NO_STEPS}</p>'
    rows = []
    for key, word in _GAIT:
        left, right = (number(figures[f"{side}_{key}_seconds"], 2) for side in _SIDES)
        rows.append(f"<tr><th>{word}, s</th><td>{left}</td><td>{right}</td></tr>")
    rows.append(f'<tr><th>Steps</th><td colspan="2">{number(figures["steps"])}</td></tr>')
    cadence = number(figures["cadence_steps_per_min"])
    rows.append(f'<tr><th>Steps a minute</th><td colspan="2">{cadence}</td></tr>')
    head = "<thead><tr><th></th><th>left</th><th>right</th></tr></thead>"
    return f"<table><caption>Steps</caption>{head}<tbody>{''.join(rows)}</tbody></table>"


def number(value: float | str, digits: int = 0) -> str:
    """A number with so many decimals; a dash where it is not known.

    >>> number(12.345, 1), number(float("nan")), number(-0.2), number("")
    ('12.3', '–', '0', '')
    """
    if isinstance(value, str):
        return value
    if value != value:
        return "–"
    return f"{round(value, digits) + 0.0:.{digits}f}"
