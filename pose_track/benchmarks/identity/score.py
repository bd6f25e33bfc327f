"""Scores of trackers on clips, as a whole, by group of clips and by kind of event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pose_track.benchmarks.identity.clips import LabelledClip, read_boxes, read_tracks, read_truth
from pose_track.datasets.composed.events import Event
from pose_track.evaluation.box_tracking import (
    BoxTracking,
    IdentityChange,
    box_tracking_metrics,
    compare_box_tracks,
    with_gt_ids,
)

ALL, LIKE, UNLIKE = "all composed", "like clothes", "unlike clothes"
TRANSITIONS = ("cut", "dissolve", "fade")  # followed by _alike or _unlike
_AFTER = 12  # frames after an event of people, such as a crossing, in which a wrong id is put down to it


@dataclass
class EventScore:
    """How often a kind of event occurs, and in how many of them a person changes the id (switched) or an id passes to
    another person (taken)."""

    events: int = 0
    switched: int = 0
    taken: int = 0


@dataclass(frozen=True)
class Scores:
    """The scores of one tracker. groups: metrics by group of clips; events: by kind."""

    groups: Mapping[str, Mapping[str, float]]
    events: Mapping[str, EventScore]


def score_tracker(clips: Sequence[LabelledClip], results: Path, min_visibility: float) -> Scores:
    """The scores of the results in a folder, one file a clip.

    Raises FileNotFoundError for a missing file, and ValueError for a broken one.
    """
    _check_complete(clips, results)
    return _score(
        (clip, compare_box_tracks(read_truth(clip, min_visibility), read_tracks(results / f"{clip.name}.txt")))
        for clip in clips
    )


def score_perfect_ids(clips: Sequence[LabelledClip], detections: Path, min_visibility: float) -> Scores:
    """The scores of the boxes in a folder where each has the id of the person it matches, and the others are left out:
    the most that linking can reach. Raises as `score_tracker`."""
    _check_complete(clips, detections)
    return _score(_compare_perfect(clip, detections, min_visibility) for clip in clips)


def _compare_perfect(clip: LabelledClip, detections: Path, min_visibility: float) -> tuple[LabelledClip, BoxTracking]:
    truth = read_truth(clip, min_visibility)
    return clip, compare_box_tracks(truth, with_gt_ids(truth, read_boxes(detections / f"{clip.name}.txt")))


def _check_complete(clips: Sequence[LabelledClip], folder: Path) -> None:
    missing = [clip.name for clip in clips if not (folder / f"{clip.name}.txt").is_file()]
    if missing:
        raise FileNotFoundError(f"{folder} has no file {missing[0]}.txt; run the tracker on all clips")


def _score(results: Iterable[tuple[LabelledClip, BoxTracking]]) -> Scores:
    compared = list(results)
    groups: dict[str, list[BoxTracking]] = {}
    for clip, result in compared:
        for name in _groups_of(clip):
            groups.setdefault(name, []).append(result)
    events: dict[str, EventScore] = {}
    for clip, result in compared:
        for event in clip.events:
            _add_event(events.setdefault(event.kind, EventScore()), event, result)
    order = sorted(groups, key=lambda name: name not in (ALL, LIKE, UNLIKE))
    return Scores({name: box_tracking_metrics(groups[name]) for name in order}, dict(sorted(events.items())))


def _groups_of(clip: LabelledClip) -> list[str]:
    """The rows of the table that a clip belongs to: its group and, if it is composed, all and those of its clothes."""
    return [ALL, LIKE if clip.clothes == "like" else UNLIKE, clip.group] if clip.clothes else [clip.group]


def _add_event(score: EventScore, event: Event, result: BoxTracking) -> None:
    score.events += 1
    score.switched += any(is_due_to(change, event) for change in result.switches)
    score.taken += any(is_due_to(change, event) for change in result.strangers)


def is_due_to(change: IdentityChange, event: Event) -> bool:
    """Whether a change of identity happens during an event, or soon after, to one of its people.

    Across a transition it is one from a person of one shot to a person of the other.

    >>> crossing = Event("crossing", 20, 30, (1, 2))
    >>> is_due_to(IdentityChange((29, 33), (2,)), crossing), is_due_to(IdentityChange((29, 33), (3,)), crossing)
    (True, False)
    >>> cut = Event("cut_alike", 40, 40, (8, 9))
    >>> is_due_to(IdentityChange((19, 60), (1, 9)), cut), is_due_to(IdentityChange((50, 60), (8, 9)), cut)
    (True, False)
    """
    before, after = change.frames
    concerned = set(event.ids) & set(change.gt_ids)
    if event.kind.startswith(TRANSITIONS):
        return before < event.last and after >= event.first and bool(set(change.gt_ids) - concerned and concerned)
    return bool(concerned or not event.ids) and after >= event.first and before <= event.last + _AFTER
