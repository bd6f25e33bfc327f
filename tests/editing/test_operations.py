"""What each edit does to a result."""

import numpy as np
import pytest
from editing.walkers import NUM_FRAMES, ids_by_frame, walkers

from pose_track.editing.edits import Delete, HideJoint, Merge, MoveJoint, Rename, Split, Swap
from pose_track.editing.operations import Effect, apply_edit, complete_edit
from pose_track.editing.table import TrackTable
from pose_track.structures.skeleton import COCO_17


def table_of(ids_at=lambda n: (1, 2, 3), names=None):
    return TrackTable.from_frames(walkers(ids_at), COCO_17, names or {})


def applied(table, edit):
    return apply_edit(complete_edit(edit, table), table)


def test_an_unedited_table_has_the_frames_of_the_result():
    frames = walkers(lambda n: (1, 0 if n < 5 else 2, 3))
    for before, after in zip(frames, table_of(lambda n: (1, 0 if n < 5 else 2, 3)), strict=True):
        assert (before.frame_index, before.pts_seconds) == (after.frame_index, after.pts_seconds)
        for name in ("joints", "joint_scores", "boxes", "scores", "sources"):
            np.testing.assert_array_equal(getattr(before.poses, name), getattr(after.poses, name))
        np.testing.assert_array_equal(before.track_ids, after.track_ids)


@pytest.mark.parametrize(
    ("first", "last", "swapped"),
    [(30, None, range(30, 40)), (3, 5, (3, 4, 5)), (None, None, range(40)), (39, 39, (39,))],
)
def test_swap_exchanges_ids_in_its_frames_only(first, last, swapped):
    table = table_of()
    assert applied(table, Swap((1, 2), first, last)) == Effect(2 * len(swapped))
    assert ids_by_frame(table) == [[2, 1, 3] if n in swapped else [1, 2, 3] for n in range(NUM_FRAMES)]


def test_swap_where_one_of_the_two_is_missing():
    table = table_of(lambda n: (1, 0, 3))
    assert applied(table, Swap((1, 2), 20)) == Effect(20)
    assert ids_by_frame(table) == [[1, 3] if n < 20 else [2, 3] for n in range(NUM_FRAMES)]


def test_merge_joins_a_broken_track():
    table = table_of(lambda n: (1 if n < 20 else 5, 2, 3), names={5: "Ann"})
    assert applied(table, Merge((1, 5))) == Effect(20)
    assert ids_by_frame(table) == [[1, 2, 3]] * NUM_FRAMES
    assert table.names == {1: "Ann"}


@pytest.mark.parametrize(("ids", "where"), [((1, 2), 0), ((2, 1), 0), ((3, 2), 1)])
def test_of_two_merged_poses_in_one_frame_the_better_stays(ids, where):
    table = table_of(lambda n: (1, 2 if n >= 38 else 0, 3))
    assert applied(table, Merge(ids)).removed == 2
    last = table.tracked(NUM_FRAMES - 1)
    kept = last.poses[last.track_ids == ids[0]]
    assert kept.scores.tolist() == pytest.approx([0.9 if where == 0 else 0.8])  # walkers 1 and 2


def test_split_gives_the_first_id_that_nobody_has_or_had():
    table = table_of()
    applied(table, Delete(3))
    assert applied(table, Split(1, 25)) == Effect(15)
    assert ids_by_frame(table) == [[1, 2] if n < 25 else [4, 2] for n in range(NUM_FRAMES)]


def test_delete_a_span_and_a_person():
    table = table_of(names={2: "Bob"})
    assert applied(table, Delete(2, 10, 19)) == Effect(removed=10)
    assert table.names == {2: "Bob"}
    assert ids_by_frame(table) == [[1, 3] if 10 <= n < 20 else [1, 2, 3] for n in range(NUM_FRAMES)]
    assert applied(table, Delete(2)) == Effect(removed=30)
    assert ids_by_frame(table) == [[1, 3]] * NUM_FRAMES
    assert table.names == {}


def test_rename_and_forget_a_name():
    table = table_of()
    applied(table, Rename(1, "Ann"))
    assert table.names == {1: "Ann"}
    applied(table, Rename(1, ""))
    assert table.names == {}


def test_joints_move_and_are_hidden_in_one_frame_only():
    table, before = table_of(), table_of()
    applied(table, MoveJoint(2, 7, "left_knee", 33.5, 44))
    applied(table, HideJoint(3, 8, "nose"))
    knee, nose = COCO_17.index("left_knee"), COCO_17.index("nose")
    assert table.tracked(7).poses.joints[1, knee].tolist() == [33.5, 44]
    assert table.tracked(7).poses.joint_scores[1, knee] == 1
    assert table.tracked(8).poses.joint_scores[2, nose] == 0
    assert (table.poses.joints != before.poses.joints).any(axis=2).sum() == 1
    assert (table.poses.joint_scores != before.poses.joint_scores).sum() == 2


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Swap((7, 8)), "nobody has the id 7 or 8 in this result"),
        (Swap((1, 2), 40), "the frames from 40"),
        (Merge((1, 7)), "nobody has the id 7"),
        (Merge((7, 1)), "nobody has the id 7"),
        (Split(1, 40), "nobody has the id 1 in the frames from 40"),
        (Split(1, 4, new_id=2), "new id 2 is another person's"),
        (Delete(1, 40, 50), "frames from 40 to 50"),
        (Rename(7, "Ann"), "nobody has the id 7"),
        (MoveJoint(1, 40, "nose", 1, 2), "frame 40"),
        (MoveJoint(1, 4, "tail", 1, 2), "no joint 'tail'.*left_knee"),
        (HideJoint(1, 4, "tail"), "no joint 'tail'"),
    ],
)
def test_an_edit_without_effect_is_refused_and_changes_nothing(edit, message):
    table, before = table_of(), table_of()
    with pytest.raises(ValueError, match=message):
        applied(table, edit)
    assert ids_by_frame(table) == ids_by_frame(before)
    np.testing.assert_array_equal(table.poses.joint_scores, before.poses.joint_scores)


def test_a_copy_is_independent():
    table = table_of()
    copy = table.copy()
    for edit in (Swap((1, 2)), MoveJoint(1, 0, "nose", 1, 2), HideJoint(2, 0, "nose"), Rename(1, "Ann")):
        applied(copy, edit)
    assert ids_by_frame(table) == [[1, 2, 3]] * NUM_FRAMES
    assert table.names == {}
    assert (table.poses.joint_scores == 0.5).all()


def test_a_result_without_people_or_frames():
    nobody = table_of(lambda n: (0, 0, 0))
    assert ids_by_frame(nobody) == [[]] * NUM_FRAMES
    empty = TrackTable.from_frames([], COCO_17, {})
    assert list(empty) == []
    for table in (nobody, empty):
        with pytest.raises(ValueError, match="nobody"):
            applied(table, Delete(1))
