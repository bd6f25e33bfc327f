"""The edits of a result, and each as a line of JSON.

    {"op": "swap", "ids": [1, 2], "from": 100, "to": null}
    {"op": "merge", "ids": [3, 5]}
    {"op": "split", "id": 4, "frame": 60, "new_id": 9}
    {"op": "delete", "id": 7, "from": null, "to": null}
    {"op": "rename", "id": 1, "name": "Ann"}
    {"op": "move_joint", "id": 4, "frame": 60, "joint": "left_knee", "x": 310.5, "y": 220}
    {"op": "hide_joint", "id": 4, "frame": 60, "joint": "left_knee"}

"from" and "to" are the first and the last frame, both included; null for the result's. Frames are the indices of the
result, x and y pixels of the displayed frame. An edit that was recorded also has "seconds", the times of its frames,
and "places", where its people are and when. By these it is found again in another result of the video, see `places`.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

from pose_track.formats.validate import INT64_MAX, MAX_NUMBER

_Id = Annotated[int, Meta(ge=1, le=INT64_MAX)]
_Frame = Annotated[int, Meta(ge=0, le=INT64_MAX)]
_Number = Annotated[float, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
_Name = Annotated[str, Meta(max_length=200)]


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where a person is in one frame, before the edit. box: x1 y1 x2 y2 in pixels."""

    id: _Id
    frame: _Frame
    seconds: _Number
    box: tuple[_Number, _Number, _Number, _Number]


Places: TypeAlias = tuple[Place, ...]
Seconds: TypeAlias = tuple[_Number | None, ...]


class Swap(msgspec.Struct, frozen=True, tag_field="op", tag="swap", rename={"first": "from", "last": "to"}):
    """Exchange two ids from a frame on, or between two frames."""

    ids: tuple[_Id, _Id]
    first: _Frame | None = None
    last: _Frame | None = None
    seconds: Seconds = ()
    places: Places = ()


class Merge(msgspec.Struct, frozen=True, tag_field="op", tag="merge"):
    """Give a second id the first one. In a frame that has both, the person with the higher score stays."""

    ids: tuple[_Id, _Id]
    places: Places = ()


class Split(msgspec.Struct, frozen=True, tag_field="op", tag="split"):
    """Give a person a new id from a frame on. new_id: None for the first free one."""

    id: _Id
    frame: _Frame
    new_id: _Id | None = None
    seconds: Seconds = ()
    places: Places = ()


class Delete(msgspec.Struct, frozen=True, tag_field="op", tag="delete", rename={"first": "from", "last": "to"}):
    """Remove a person from all frames, or from a span."""

    id: _Id
    first: _Frame | None = None
    last: _Frame | None = None
    seconds: Seconds = ()
    places: Places = ()


class Rename(msgspec.Struct, frozen=True, tag_field="op", tag="rename"):
    """Name a person; an empty name removes it."""

    id: _Id
    name: _Name
    places: Places = ()


class MoveJoint(msgspec.Struct, frozen=True, tag_field="op", tag="move_joint"):
    """Put a joint of a person in one frame somewhere else. Its score becomes 1."""

    id: _Id
    frame: _Frame
    joint: str
    x: _Number
    y: _Number
    seconds: Seconds = ()
    places: Places = ()


class HideJoint(msgspec.Struct, frozen=True, tag_field="op", tag="hide_joint"):
    """Mark a joint of a person in one frame as absent: its score becomes 0."""

    id: _Id
    frame: _Frame
    joint: str
    seconds: Seconds = ()
    places: Places = ()


Edit: TypeAlias = Swap | Merge | Split | Delete | Rename | MoveJoint | HideJoint


def parse_edit(values: object) -> Edit:
    """An edit from the values of its line. Raises ValueError, with the key, for anything else.

    >>> parse_edit({"op": "swap", "ids": [1, 2], "from": 100})
    Swap(ids=(1, 2), first=100, last=None, seconds=(), places=())
    """
    try:
        edit: Edit = msgspec.convert(values, Edit)
    except msgspec.ValidationError as error:
        raise ValueError(f"is not an edit: {error}; see docs/editing.md") from None
    _check(edit)
    return edit


def edit_values(edit: Edit) -> dict[str, Any]:
    """The inverse of `parse_edit`."""
    values: dict[str, Any] = msgspec.to_builtins(edit)
    return {key: value for key, value in values.items() if value != () and value != []}


def people_of(edit: Edit) -> tuple[int, ...]:
    """The ids of the people whom an edit is about."""
    return edit.ids if isinstance(edit, Swap | Merge) else (edit.id,)


def frames_of(edit: Edit) -> dict[str, int | None]:
    """The frames of an edit by field: first and last, or frame.

    >>> frames_of(Swap((1, 2), 100)), frames_of(Rename(1, "Ann"))
    ({'first': 100, 'last': None}, {})
    """
    if isinstance(edit, Swap | Delete):
        return {"first": edit.first, "last": edit.last}
    return {} if isinstance(edit, Merge | Rename) else {"frame": edit.frame}


def describe(edit: Edit) -> str:
    """An edit as its option of `pose-track edit`.

    >>> describe(Swap((1, 2), 100)), describe(Rename(1, "Ann")), describe(Delete(7))
    ('swap 1,2@100', 'rename 1=Ann', 'delete 7')
    """
    match edit:
        case Swap(ids, first, last):
            return f"swap {ids[0]},{ids[1]}{_span(first, last)}"
        case Merge(ids):
            return f"merge {ids[0]},{ids[1]}"
        case Split(id, frame):
            return f"split {id}@{frame}"
        case Delete(id, first, last):
            return f"delete {id}{_span(first, last)}"
        case Rename(id, name):
            return f"rename {id}={name}"
        case MoveJoint(id, frame, joint, x, y):
            return f"move-joint {id}@{frame}:{joint}={x:g},{y:g}"
        case HideJoint(id, frame, joint):
            return f"hide-joint {id}@{frame}:{joint}"


def _span(first: int | None, last: int | None) -> str:
    if first is None and last is None:
        return ""
    end = "" if last is None else f"-{last}"
    return f"@{0 if first is None else first}{end}"


def _check(edit: Edit) -> None:
    """Raises ValueError for ids or frames that contradict each other."""
    ids = people_of(edit)
    if len(set(ids)) < len(ids):
        raise ValueError(f"{describe(edit)}: give two different ids")
    if isinstance(edit, Swap | Delete) and None not in (edit.first, edit.last) and edit.last < edit.first:  # type: ignore[operator]
        raise ValueError(f"{describe(edit)}: the last frame is before the first")
    if isinstance(edit, Rename) and not (edit.name.isprintable() and edit.name == edit.name.strip()):
        raise ValueError(f"{describe(edit)!r}: a name must be printable, without spaces around it")
