"""Left and right in the tracks of a file."""

from dataclasses import replace

import numpy as np
from postprocessing.synthetic_tracks import annotated_sequences, seconds, sequence_of, walker

from pose_track.postprocessing.interpolate import InterpolateLimits
from pose_track.postprocessing.postprocess import postprocess
from pose_track.postprocessing.sides import choose_sides
from pose_track.postprocessing.stitch import StitchLimits


def with_exchanges(sequence, rows):
    """The sequence with left and right exchanged in these rows: joints, scores and flags."""
    order = np.tile(np.arange(sequence.skeleton.num_joints), (len(sequence.people), 1))
    order[rows] = sequence.skeleton.flip_indices
    row = np.arange(len(order))[:, None]
    fields = {name: getattr(sequence.people, name)[row, order] for name in ("joints", "joint_scores", "flags")}
    return replace(sequence, people=replace(sequence.people, **fields))


def people_of(sequence):
    return [getattr(sequence.people, name) for name in ("joints", "joint_scores", "flags", "track_ids", "boxes")]


def assert_same_people(a, b):
    for given, expected in zip(people_of(a), people_of(b), strict=True):
        np.testing.assert_array_equal(given, expected)


def two_walkers():
    """Two people in each of 20 frames, with flags and scores that tell the joints apart."""
    sequence = sequence_of(20, walker(range(20)), walker(range(20), (300, 0), track_id=2))
    n = len(sequence.people)
    flags = np.tile(np.arange(14, dtype=np.int8), (n, 1))
    scores = np.tile(np.linspace(0.6, 0.9, 14), (n, 1))
    return replace(sequence, people=replace(sequence.people, flags=flags, joint_scores=scores))


def test_exchanges_of_single_frames_are_undone():
    truth = two_walkers()
    given = with_exchanges(truth, [8, 21, 22, 30])
    assert_same_people(choose_sides(given, seconds(given)), truth)


def test_it_is_a_step_that_can_be_left_out():
    truth = two_walkers()
    given, limits = with_exchanges(truth, [8]), (StitchLimits(1, 0.15, 0.1), InterpolateLimits(0.5, 0.7))
    assert_same_people(postprocess(given, seconds(given), *limits, sides=True)[0], truth)
    assert_same_people(postprocess(given, seconds(given), *limits, sides=False)[0], given)


def test_nothing_else_changes():
    truth = two_walkers()
    assert_same_people(choose_sides(truth, seconds(truth)), truth)


def test_poses_far_apart_in_time_are_not_compared():
    truth = sequence_of(30, walker([*range(5), *range(20, 23)]))
    given = with_exchanges(truth, [5, 6, 7])
    assert_same_people(choose_sides(given, seconds(given)), given)


def test_people_without_an_id_stay():
    truth = two_walkers()
    unknown = replace(truth, people=replace(truth.people, track_ids=np.full(len(truth.people), -1)))
    given = with_exchanges(unknown, [8])
    assert_same_people(choose_sides(given, seconds(given)), given)


def num_wrong(sequence, truth):
    """Joints that are not where they are in truth."""
    joints, true_joints = sequence.people.joints, truth.people.joints
    return int((~((joints == true_joints) | np.isnan(true_joints)).all(axis=-1)).sum())


def test_annotated_people():
    """Most exchanges are undone, and hardly any true side is lost."""
    before = after = lost = total = 0
    for truth in annotated_sequences():
        given = with_exchanges(truth, np.random.default_rng(0).random(len(truth.people)) < 0.1)
        before += num_wrong(given, truth)
        after += num_wrong(choose_sides(given, seconds(truth)), truth)
        lost += num_wrong(choose_sides(truth, seconds(truth)), truth)
        total += int(truth.people.has_joint.sum())
    assert before > 0.05 * total
    assert after < 0.2 * before
    assert lost < 0.01 * total
