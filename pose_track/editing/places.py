"""Edits by time and place: where their people are, and the same people in another result of the same video.

A recorded edit states where its people were: the one before and the one after the frame of a swap or split, and
some of the frames of the others. In another result a person is who has the box of the greatest overlap at that time.
"""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np

from pose_track.editing.edits import Delete, Edit, Merge, Place, Places, Rename, Split, Swap, frames_of, people_of
from pose_track.editing.table import TrackTable
from pose_track.geometry.boxes import iou_matrix
from pose_track.structures.arrays import IntArray

NUM_PLACES = 5
"""Frames in which a person without a frame of the edit is recorded."""
MIN_IOU = 0.5
"""Overlap of two boxes of one person."""
_ROUNDING = 1e-6  # seconds of records and edits have six decimals


class Unfit(ValueError):
    """An edit that has no place in a result, and why."""


def record_places(edit: Edit, table: TrackTable) -> Edit:
    """The edit with the times of its frames and the places of its people, in the result as it is before the edit."""
    rows = [row for one in people_of(edit) for row in _chosen(edit, table.rows(one), table)]
    new = msgspec.structs.replace(edit, places=tuple(_place(table, row) for row in rows))
    frames = frames_of(edit).values()
    return msgspec.structs.replace(new, seconds=tuple(_time(frame, table) for frame in frames)) if frames else new


def _chosen(edit: Edit, rows: IntArray, table: TrackTable) -> list[int]:
    """Of the rows of a person, those to record."""
    frames = table.row_frames[rows]
    match edit:
        case Swap(first=frame) | Split(frame=frame):
            middle = int(np.searchsorted(frames, frame or 0))
            return _row_list(rows[max(middle - 1, 0) : middle + 1])
        case Delete(id=track_id, first=first, last=last):
            return _spread(table.rows(track_id, first, last))
        case Merge() | Rename():
            return _spread(rows)
    return _row_list(rows[frames == edit.frame])


def _spread(rows: IntArray) -> list[int]:
    """Up to NUM_PLACES rows, evenly spaced; the first and the last frame of a person are the least clear ones."""
    parts = np.array_split(rows, min(NUM_PLACES, len(rows))) if len(rows) else []
    return [int(part[len(part) // 2]) for part in parts]


def _row_list(rows: IntArray) -> list[int]:
    numbers: list[int] = rows.tolist()
    return numbers


def _place(table: TrackTable, row: int) -> Place:
    frame = int(table.row_frames[row])
    x1, y1, x2, y2 = np.round(table.poses.boxes[row].astype(float), 2).tolist()
    return Place(int(table.ids[row]), frame, round(_time(frame, table) or 0, 6), (x1, y1, x2, y2))


def _time(frame: int | None, table: TrackTable) -> float | None:
    """The time of a frame, or of the next one that the result has; of its last one after the end."""
    if frame is None:
        return None
    position = min(int(np.searchsorted(table.frames, frame)), len(table) - 1)
    return round(float(table.seconds[position]), 6)


def fit_edit(edit: Edit, table: TrackTable) -> Edit:
    """The edit for another result of the same video: ids and frames of the people who are at its places.

    An edit without places stays as it is. Raises Unfit where its people are not found, or what it mends is not broken.
    """
    if not edit.places:
        return edit
    new = msgspec.structs.replace(edit, **_new_frames(edit, table))
    match new:
        case Swap():
            return msgspec.structs.replace(new, ids=_swapped_ids(new, table))
        case Merge():
            a, b = (_found(one, new.places, table) for one in new.ids)
            if a == b:
                raise Unfit(f"not needed: both are one person, {a}")
            return msgspec.structs.replace(new, ids=(a, b))
        case Split():
            return msgspec.structs.replace(new, id=_split_id(new, table), new_id=None)
    return msgspec.structs.replace(new, id=_found(new.id, new.places, table))


def _swapped_ids(edit: Swap, table: TrackTable) -> tuple[int, int]:
    """The two ids from the frame of the swap on. Raises Unfit where the people have the same ids before and after."""
    before, after = _sides(edit.places, edit.seconds[0])
    old_a, old_b = edit.ids
    new = _found(old_a, after, table), _found(old_b, after, table)
    if new[0] == new[1]:
        raise Unfit(f"both are one person, {new[0]}")
    if not {old_a, old_b} <= {place.id for place in before}:
        return new
    earlier = _found(old_a, before, table), _found(old_b, before, table)
    if earlier == new[::-1]:
        raise Unfit(f"not needed: {earlier[0]} and {earlier[1]} stay with their people")
    if earlier != new:
        raise Unfit(f"the ids of its people change from {earlier[0]} and {earlier[1]} to {new[1]} and {new[0]} there")
    return new


def _split_id(edit: Split, table: TrackTable) -> int:
    """The id from the frame of the split on. Raises Unfit where the people before and after have different ids."""
    before, after = _sides(edit.places, edit.seconds[0])
    found = _found(edit.id, after, table)
    if before and (earlier := _found(edit.id, before, table)) != found:
        raise Unfit(f"not needed: the id changes from {earlier} to {found} there")
    return found


def _sides(places: Places, seconds: float | None) -> tuple[Places, Places]:
    """The places before a time, and those from there on."""
    start = -np.inf if seconds is None else seconds
    return tuple(p for p in places if p.seconds < start), tuple(p for p in places if p.seconds >= start)


def _new_frames(edit: Edit, table: TrackTable) -> dict[str, int | None]:
    """The frames of an edit in the result, by their times."""
    frames, new = frames_of(edit), {}
    times = getattr(edit, "seconds", ()) or [None] * len(frames)
    for (name, frame), time in zip(frames.items(), times, strict=True):
        position = None if time is None else _position(time, table)
        if time is not None and position is None:
            raise Unfit(f"there is no frame at {time:g} s")
        new[name] = frame if position is None else int(table.frames[position])
    return new


def _position(seconds: float, table: TrackTable) -> int | None:
    """The frame nearest to a time; None where it is further away than a frame lasts."""
    if not len(table):
        return None
    position = int(np.abs(table.seconds - seconds).argmin())
    distance = abs(float(table.seconds[position]) - seconds)
    lasts = float(np.median(np.diff(table.seconds))) if len(table) > 1 else 0
    return position if distance <= lasts + _ROUNDING else None


def _found(track_id: int, places: Places, table: TrackTable) -> int:
    """The id of the person whom most of the places of an id show. Raises Unfit where fewer than half show anybody."""
    mine = [place for place in places if place.id == track_id]
    found = Counter(one for place in mine if (one := _person_at(place, table)))
    if not found or 2 * found.total() < len(mine):
        raise Unfit(f"the person of id {track_id} is not found")
    return found.most_common(1)[0][0]


def _person_at(place: Place, table: TrackTable) -> int:
    """The id of the person at a place; 0 where nobody is."""
    position = _position(place.seconds, table)
    if position is None:
        return 0
    rows = np.arange(table.starts[position], table.starts[position + 1])
    rows = rows[table.ids[rows] > 0]
    if not len(rows):
        return 0
    overlaps = iou_matrix(np.array([place.box]), table.poses.boxes[rows])[0]
    return int(table.ids[rows[overlaps.argmax()]]) if overlaps.max() >= MIN_IOU else 0
