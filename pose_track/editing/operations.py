"""What each edit does to the people of a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from pose_track.editing.edits import Delete, Edit, HideJoint, Merge, MoveJoint, Rename, Split, Swap
from pose_track.editing.table import TrackTable
from pose_track.structures.arrays import IntArray


@dataclass(frozen=True)
class Effect:
    """What an edit has changed, counted in poses: a person in ten frames counts ten.

    changed: poses with another id, name or joint.
    removed: poses that are gone.
    """

    changed: int = 0
    removed: int = 0

    def __str__(self) -> str:
        return f"{self.changed} poses changed, {self.removed} removed"


def complete_edit(edit: Edit, table: TrackTable) -> Edit:
    """The edit with what it leaves open: the new id of a split is the first that nobody has or had."""
    if isinstance(edit, Split) and edit.new_id is None:
        return msgspec.structs.replace(edit, new_id=table.largest_id + 1)
    return edit


def apply_edit(edit: Edit, table: TrackTable) -> Effect:
    """Change the people of a result as a complete edit says.

    Raises ValueError, and changes nothing, where the result has no such person in these frames or no such joint, or
    where the new id of a split is another person's.
    """
    return _OPERATIONS[type(edit)](edit, table)


def _swap(edit: Swap, table: TrackTable) -> Effect:
    a, b = edit.ids
    rows_a, rows_b = (table.rows(one, edit.first, edit.last) for one in edit.ids)
    if not len(rows_a) and not len(rows_b):
        raise ValueError(f"nobody has the id {a} or {b} in {_span(edit.first, edit.last)}")
    table.ids[rows_a], table.ids[rows_b] = b, a
    return Effect(len(rows_a) + len(rows_b))


def _merge(edit: Merge, table: TrackTable) -> Effect:
    kept, other = edit.ids
    rows_a, rows_b = (_known_rows(table, one) for one in edit.ids)
    _, in_a, in_b = np.intersect1d(table.row_frames[rows_a], table.row_frames[rows_b], return_indices=True)
    both_a, both_b = rows_a[in_a], rows_b[in_b]
    table.ids[rows_b] = kept
    table.ids[np.where(table.poses.scores[both_b] > table.poses.scores[both_a], both_a, both_b)] = 0
    name = table.names.pop(other, None)
    if name is not None:
        table.names.setdefault(kept, name)
    return Effect(len(rows_b), len(both_a))


def _split(edit: Split, table: TrackTable) -> Effect:
    assert edit.new_id is not None
    rows = _known_rows(table, edit.id, edit.frame)
    if len(table.rows(edit.new_id)):
        raise ValueError(f"the new id {edit.new_id} is another person's")
    table.ids[rows] = edit.new_id
    table.largest_id = max(table.largest_id, edit.new_id)
    return Effect(len(rows))


def _delete(edit: Delete, table: TrackTable) -> Effect:
    rows = _known_rows(table, edit.id, edit.first, edit.last)
    table.ids[rows] = 0
    if not len(table.rows(edit.id)):
        table.names.pop(edit.id, None)
    return Effect(removed=len(rows))


def _rename(edit: Rename, table: TrackTable) -> Effect:
    rows = _known_rows(table, edit.id)
    if edit.name:
        table.names[edit.id] = edit.name
    else:
        table.names.pop(edit.id, None)
    return Effect(len(rows))


def _move_joint(edit: MoveJoint, table: TrackTable) -> Effect:
    place = _joint_place(edit, table)
    table.poses.joints[place] = edit.x, edit.y
    table.poses.joint_scores[place] = 1
    return Effect(1)


def _hide_joint(edit: HideJoint, table: TrackTable) -> Effect:
    table.poses.joint_scores[_joint_place(edit, table)] = 0
    return Effect(1)


def _joint_place(edit: MoveJoint | HideJoint, table: TrackTable) -> tuple[int, int]:
    """Row and joint index."""
    joint = table.poses.skeleton.index(edit.joint)
    return int(_known_rows(table, edit.id, edit.frame, edit.frame)[0]), joint


def _known_rows(table: TrackTable, track_id: int, first: int | None = None, last: int | None = None) -> IntArray:
    """The rows of a person. Raises ValueError where there are none."""
    rows = table.rows(track_id, first, last)
    if not len(rows):
        raise ValueError(f"nobody has the id {track_id} in {_span(first, last)}")
    return rows


def _span(first: int | None, last: int | None) -> str:
    if first is None and last is None:
        return "this result"
    if first == last:
        return f"frame {first}"
    return f"the frames from {first or 0}" + ("" if last is None else f" to {last}")


_OPERATIONS: Mapping[type, Callable[[Any, TrackTable], Effect]] = {
    Swap: _swap,
    Merge: _merge,
    Split: _split,
    Delete: _delete,
    Rename: _rename,
    MoveJoint: _move_joint,
    HideJoint: _hide_joint,
}
