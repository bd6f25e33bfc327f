"""A report on the people of a video as one HTML file that needs nothing else, for the screen and for paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from pose_track.analysis.kinematics import Kinematics
from pose_track.analysis.steps import step_events
from pose_track.report.images import person_images
from pose_track.report.moments import key_moments
from pose_track.report.person import Subject, person_section
from pose_track.structures.frames import TrackedPoses
from pose_track.utils.atomic import atomic_path

_STYLE = Path(__file__).with_name("report.css")

_NOTES = (
    "All angles are those of the image plane, from joints that a network found in a video without markers. They are "
    "estimates, and no diagnosis.",
    "Knee and elbow: 0° when straight, increasing with flexion; in a side view an overextended knee is "
    "negative. Hip and shoulder: 0° with the thigh or upper arm along the trunk; in a side view flexion (forwards) is "
    "positive and extension negative. Ankle: 0° with the foot at a right angle to the shank, dorsiflexion positive. "
    "Trunk: against the vertical; neck: against the trunk; forwards positive.",
    "Only a side view shows flexion. From the front or obliquely, an angle is that between the lines in the image; "
    "limbs that point towards the camera are shortened and their angles are not those of the body.",
    "Curves are smoothed by a filter that is fitted to the data. Where a joint is not seen there is no curve.",
    "Contact and toe-off are the times at which a foot is farthest before and behind the pelvis (Zeni et al., 2008). "
    "The asymmetry is the difference of the left and right ranges over their mean, positive where the left one is "
    "larger (Robinson et al., 1987).",
)


@dataclass(frozen=True)
class Source:
    """Where the people come from.

    video: for the images; None for drawings of the skeletons. fps: of a folder of images.
    """

    frames: Sequence[TrackedPoses]
    video: Path | None
    fps: float


def write_report(
    path: Path,
    title: str,
    people: Iterable[tuple[Kinematics, str]],
    names: Mapping[int, str],
    source: Source,
    min_score: float,
    facts: Mapping[str, object],
) -> None:
    """Write the report; the file appears only when it is complete.

    people: each with the unit of positions. names: of people, by id. facts: of the settings and files, by name, for the
    last page; what is no text is shown as JSON. Raises OSError where the file cannot be written.
    """
    subjects = (_subject(kinematics, unit, names, source, min_score) for kinematics, unit in people)
    sections = [person_section(subject, title) for subject in subjects]
    body = f"<header><h1>{escape(title)}</h1></header>{''.join(sections)}{_about(facts)}"
    page = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE.read_text(encoding='utf-8')}</style></head><body>{body}</body></html>\n"
    )
    with atomic_path(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")


def _subject(kinematics: Kinematics, unit: str, names: Mapping[int, str], source: Source, min_score: float) -> Subject:
    trajectory, events = kinematics.trajectory, step_events(kinematics)
    moments = key_moments(kinematics, events)
    wanted = [int(trajectory.frames[moment.place]) for moment in moments]
    by_index = {tracked.frame_index: tracked for tracked in source.frames if tracked.frame_index in wanted}
    frames = [by_index[index] for index in wanted]
    images = person_images(source.video, source.fps, frames, trajectory.track_id, min_score)
    name = names.get(trajectory.track_id, f"Person {trajectory.track_id}")
    return Subject(kinematics, unit, name, events, moments, images)


def _rows(facts: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Names and texts; of settings, a row for each section."""
    for key, value in facts.items():
        if not isinstance(value, Mapping):
            yield key, _plain(value)
            continue
        sections = {name: part for name, part in value.items() if isinstance(part, Mapping)}
        single = {name: part for name, part in value.items() if name not in sections}
        yield from ((key, _plain(part)) for part in [single] if _plain(part))
        yield from ((f"{key}, {name}", _plain(part)) for name, part in sections.items() if _plain(part))


def _plain(value: object) -> str:
    """A value of settings as text, without the marks of JSON and without what is not set.

    >>> _plain({"name": "auto", "scales": [1.0], "every": None, "flow": {"sides": True}})
    'name auto, scales 1.0, flow (sides yes)'
    """
    if isinstance(value, Mapping):
        texts = {key: f"({_plain(v)})" if isinstance(v, Mapping) else _plain(v) for key, v in value.items()}
        return ", ".join(f"{key} {text}" for key, text in texts.items() if text not in ("", "()"))
    if isinstance(value, list | tuple):
        return " ".join(map(_plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _about(facts: Mapping[str, object]) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in _NOTES)
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(text)}</dd>" for key, text in _rows(facts))
    made_from = f"<h2>Made from</h2><dl>{rows}</dl>"
    return f'<section class="about"><h2>How to read this report</h2><ul>{notes}</ul>{made_from}</section>'
