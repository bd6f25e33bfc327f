"""Edits of one result in another result of the same video."""

from dataclasses import replace

import pytest
from editing.test_operations import applied, table_of
from editing.walkers import NUM_FRAMES, ids_by_frame, walkers

from pose_track.editing.edits import Delete, HideJoint, Merge, MoveJoint, Rename, Split, Swap, edit_values, parse_edit
from pose_track.editing.places import Unfit, fit_edit, record_places
from pose_track.editing.table import TrackTable
from pose_track.structures.skeleton import COCO_17


def recorded(edit, ids_at):
    """As the edits file has it."""
    return parse_edit(edit_values(record_places(edit, table_of(ids_at))))


def swapped_at(frame, a=1, b=2):
    return lambda n: (a, b, 3) if n < frame else (b, a, 3)


def test_a_swap_is_found_under_other_ids_and_at_another_frame():
    edit = recorded(Swap((1, 2), 20), swapped_at(20))
    table = table_of(swapped_at(20, 11, 12))
    fitted = fit_edit(edit, table)
    assert set(fitted.ids) == {11, 12}
    applied(table, fitted)
    assert ids_by_frame(table) == [[11, 12, 3]] * NUM_FRAMES


@pytest.mark.parametrize(
    ("ids_at", "reason"),
    [
        (lambda n: (4, 5, 6), "not needed: 4 and 5 stay with their people|not needed: 5 and 4"),
        (lambda n: (4, 5 if n < 20 else 7, 6), "change from"),
        (lambda n: (4, 0, 6), "not found"),
        (lambda n: (0, 0, 0), "not found"),
    ],
)
def test_a_swap_that_does_not_fit(ids_at, reason):
    edit = recorded(Swap((1, 2), 20), swapped_at(20))
    with pytest.raises(Unfit, match=reason):
        fit_edit(edit, table_of(ids_at))


def test_a_merge():
    edit = recorded(Merge((1, 5)), lambda n: (1 if n < 20 else 5, 2, 3))
    table = table_of(lambda n: (8 if n < 18 else 9, 2, 3))
    assert fit_edit(edit, table).ids == (8, 9)
    with pytest.raises(Unfit, match="both are one person, 4"):
        fit_edit(edit, table_of(lambda n: (4, 5, 6)))


def test_a_split_gets_a_new_free_id():
    edit = recorded(Split(1, 20, 4), lambda n: (1, 0, 3) if n < 20 else (0, 1, 3))
    table = table_of(lambda n: (4, 0, 3) if n < 20 else (0, 4, 3))
    applied(table, fit_edit(edit, table))
    assert ids_by_frame(table) == [[4, 3] if n < 20 else [5, 3] for n in range(NUM_FRAMES)]
    with pytest.raises(Unfit, match="changes from 6 to 7"):
        fit_edit(edit, table_of(lambda n: (6, 0, 3) if n < 20 else (0, 7, 3)))


@pytest.mark.parametrize(
    "edit",
    [
        Delete(1),
        Delete(1, 5, 9),
        Rename(1, "Ann"),
        MoveJoint(1, 7, "nose", 3, 4),
        HideJoint(1, 7, "nose"),
    ],
)
def test_other_edits_follow_the_person(edit):
    fitted = fit_edit(recorded(edit, lambda n: (1, 2, 3)), table_of(lambda n: (3, 1, 2)))
    assert fitted.id == 3
    assert edit_values(fitted) | {"id": 1, "places": 0, "seconds": 0} == edit_values(edit) | {"places": 0, "seconds": 0}
    with pytest.raises(Unfit, match="id 1 is not found"):
        fit_edit(recorded(edit, lambda n: (1, 2, 3)), table_of(lambda n: (0, 1, 2)))


def test_frames_are_found_by_their_times():
    """A result of every second frame, with its own numbers."""
    thinned = [replace(t, frame_index=n) for n, t in enumerate(walkers(lambda n: (1, 2, 3))[::2])]
    table = TrackTable.from_frames(thinned, COCO_17, {})
    edit = recorded(Delete(1, 10, 19), lambda n: (1, 2, 3))
    fitted = fit_edit(edit, table)
    assert fitted.first == 5
    assert fitted.last in (9, 10)  # frame 19 is between these two
    late = recorded(MoveJoint(1, 39, "nose", 1, 2), lambda n: (1, 2, 3))
    with pytest.raises(Unfit, match=r"no frame at 1\.56 s"):
        fit_edit(late, TrackTable.from_frames(thinned[:10], COCO_17, {}))


def test_an_edit_written_by_hand_stays_as_it_is():
    edit = parse_edit({"op": "delete", "id": 1})
    assert fit_edit(edit, table_of(lambda n: (0, 0, 0))) is edit
