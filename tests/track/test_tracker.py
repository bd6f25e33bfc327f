import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.skeleton import COCO_17, Skeleton
from pose_track.track.matching import match_greedy, match_hungarian
from pose_track.track.similarity import iou_similarity, oks_similarity
from pose_track.track.tracker import FrameTime, PoseTracker
from pose_track.types import Frame, Poses

DOT = Skeleton("dot", ("nose",))
repeatable = settings(derandomize=True, deadline=None, max_examples=80)


def dots(*people):
    """People of one joint in a box of 100 x 100 about (x, 0), each given as x or as (x, score)."""
    xs, scores = np.array([p if isinstance(p, tuple) else (p, 0.9) for p in people], float).reshape(-1, 2).T
    joints = np.stack([xs, 0 * xs], axis=1)[:, None]
    boxes = np.stack([xs - 50, 0 * xs - 50, xs + 50, 0 * xs + 50], axis=1)
    return Poses(joints, np.full((len(xs), 1), 0.9), boxes, scores, DOT)


def tracker(match=match_hungarian, min_similarity=0.3, buffer_frames=5, min_start_score=0.0, min_confirm_frames=1):
    return PoseTracker(iou_similarity, match, min_similarity, buffer_frames, min_start_score, min_confirm_frames)


def run(linker, *frames):
    """The ids of each frame."""
    return [linker.update(dots(*people), FrameTime(i, i / 10)).track_ids.tolist() for i, people in enumerate(frames)]


# People as (place, score); places 200 apart never overlap, so that who is who is beyond doubt.
crowd = st.lists(
    st.tuples(st.integers(0, 7), st.integers(1, 99)), max_size=6, unique_by=(lambda p: p[0], lambda p: p[1])
)
videos = st.lists(crowd, min_size=1, max_size=8)


def placed(people):
    return [(200 * place, score / 100) for place, score in people]


def test_frames_without_people_from_the_start():
    assert run(tracker(), [], [], [7], []) == [[], [], [1], []]


def test_ids_stay_with_people_and_the_output_keeps_the_input_order():
    assert run(tracker(), [0, 500, 1000], [1010, 10, 510], [520, 1020, 20]) == [[1, 2, 3], [3, 1, 2], [2, 3, 1]]


def test_output_is_the_matching_poses_with_the_frame_s_time():
    poses = dots((0, 0.2), (300, 0.8), (600, 0.9))
    tracked = tracker(min_start_score=0.5).update(poses, Frame(17, 0.68, np.zeros((2, 2, 3), np.uint8)))
    assert (tracked.frame_index, tracked.pts_seconds) == (17, 0.68)
    assert tracked.poses.joints[:, 0, 0].tolist() == [300, 600]
    assert tracked.track_ids.tolist() == [2, 1]


def test_new_ids_go_by_falling_score_then_by_order():
    assert run(tracker(), [(0, 0.5), (200, 0.9), (400, 0.5), (600, 0.7)]) == [[3, 1, 4, 2]]


def test_a_weak_pose_starts_nobody_but_continues_somebody():
    linker = tracker(min_start_score=0.5)
    assert run(linker, [(0, 0.49)], [(0, 0.5)], [(0, 0.1)], [(0, 0.1), (300, 0.1)]) == [[], [1], [1], [1]]


@pytest.mark.parametrize("buffer_frames", [0, 1, 4])
@pytest.mark.parametrize("skip", [False, True], ids=["empty frames", "skipped indices"])
def test_buffer_is_exact_to_the_frame(buffer_frames, skip):
    for unseen, expected in ((buffer_frames, 1), (buffer_frames + 1, 2)):
        linker = tracker(buffer_frames=buffer_frames)
        linker.update(dots(0), FrameTime(0, 0))
        for index in () if skip else range(1, unseen + 1):
            linker.update(dots(), FrameTime(index, index))
        assert linker.update(dots(0), FrameTime(unseen + 1, unseen + 1)).track_ids.tolist() == [expected]


def test_the_buffer_starts_anew_with_each_sight():
    assert run(tracker(buffer_frames=1), [0], [], [0], [], [0], [], [], [0]) == [[1], [], [1], [], [1], [], [], [2]]


def test_confirmation_needs_successive_frames():
    # a one-frame ghost at 500 takes no id, not even when it comes back
    frames = [[0], [0, 500], [0], [0, 500], [0, 500, 900], [0, 500, 900]]
    assert run(tracker(min_confirm_frames=2), *frames) == [[], [1], [1], [1], [1, 2], [1, 2, 3]]


def test_three_frames_to_confirm():
    assert run(tracker(min_confirm_frames=3), [0], [0], [0], [0]) == [[], [], [1], [1]]


def test_a_confirmed_person_is_shown_again_at_once():
    assert run(tracker(min_confirm_frames=2), [0], [0], [], [0]) == [[], [1], [], [1]]


def test_a_person_confirmed_later_has_a_later_id_whatever_the_score():
    assert run(tracker(min_confirm_frames=2), [(0, 0.1)], [(0, 0.1), (300, 0.9)], [300]) == [[], [1], [2]]


def test_confirmation_does_not_hang_on_the_step_between_indices():
    linker = tracker(min_confirm_frames=2, buffer_frames=0)
    shown = [linker.update(dots(0), FrameTime(index, 0.0)).track_ids.tolist() for index in (0, 1, 2)]
    linker.reset()
    strided = [linker.update(dots(0), FrameTime(index, 0.0)).track_ids.tolist() for index in (0, 5)]
    assert (shown, strided) == ([[], [1], [1]], [[], [1]])


def test_reset_forgets_people_and_restarts_ids_and_indices():
    linker = tracker(buffer_frames=100)
    first = run(linker, [0, 300], [0, 300, 600])
    linker.reset()
    assert run(linker, [600, 300], [600, 300, 0]) == first == [[1, 2], [1, 2, 3]]


def test_two_trackers_count_apart():
    one, other = tracker(), tracker()
    assert (run(one, [0, 300]), run(other, [0])) == ([[1, 2]], [[1]])


@given(videos)
@repeatable
def test_ids_are_unique_dense_and_in_order_of_appearance(video):
    highest = 0
    for ids in run(tracker(buffer_frames=1, min_confirm_frames=2), *map(placed, video)):
        new = sorted(i for i in ids if i > highest)
        assert len(set(ids)) == len(ids)
        assert new == list(range(highest + 1, highest + 1 + len(new)))
        highest += len(new)


@given(videos)
@repeatable
def test_nobody_is_lost_without_conditions(video):
    assert [len(ids) for ids in run(tracker(), *map(placed, video))] == [len(people) for people in video]


@given(videos, st.integers(0, 3))
@repeatable
def test_a_place_keeps_its_id_while_the_buffer_lasts(video, buffer_frames):
    held, last_seen, count = {}, {}, 0
    for index, (people, ids) in enumerate(
        zip(video, run(tracker(buffer_frames=buffer_frames), *map(placed, video)), strict=True)
    ):
        expected = {}
        for place, _ in sorted(people, key=lambda p: -p[1]):
            if place not in held or index - last_seen[place] - 1 > buffer_frames:
                count += 1
                held[place] = count
            last_seen[place] = index
            expected[place] = held[place]
        assert dict(zip([place for place, _ in people], ids, strict=True)) == expected


@given(videos, st.randoms(use_true_random=False), st.sampled_from([1, 2]))
@repeatable
def test_the_order_of_the_input_does_not_change_who_is_who(video, random, min_confirm_frames):
    shuffled = [random.sample(people, len(people)) for people in video]
    sizes = {"buffer_frames": 1, "min_start_score": 0.3, "min_confirm_frames": min_confirm_frames}

    def identities(frames):
        linker, found = tracker(**sizes), []
        for index, people in enumerate(frames):
            tracked = linker.update(dots(*placed(people)), FrameTime(index, 0.0))
            found.append(dict(zip(tracked.poses.joints[:, 0, 0].tolist(), tracked.track_ids.tolist(), strict=True)))
        return found

    assert identities(video) == identities(shuffled)


@given(videos)
@repeatable
def test_greedy_and_hungarian_agree_where_nobody_is_near_another(video):
    frames = list(map(placed, video))
    assert run(tracker(match_greedy), *frames) == run(tracker(match_hungarian), *frames)


@pytest.mark.parametrize("match", [match_greedy, match_hungarian])
def test_two_who_pass_each_other_at_five_frames_a_second_keep_their_ids(match):
    """Two standing figures of 200 px, one high above the other, cross at a third of their height a frame."""
    figure = np.random.default_rng(0).uniform((-40, -100), (40, 100), (17, 2))
    linker = PoseTracker(oks_similarity(), match, 0.3, 5, 0.0)
    for index in range(10):
        step = 60 * index
        centres = np.array([[step, 0], [600 - step, 90]])[:, None]
        boxes = np.concatenate([centres[:, 0] - (40, 100), centres[:, 0] + (40, 100)], axis=1)
        poses = Poses(figure + centres, np.full((2, 17), 0.9), boxes, np.array([0.9, 0.8]), COCO_17)
        assert linker.update(poses, FrameTime(index, index / 5)).track_ids.tolist() == [1, 2]


def test_without_flow_nothing_is_proposed():
    linker = tracker()
    linker.update(dots(0), FrameTime(0, 0.0))
    assert len(linker.propose(FrameTime(1, 0.1))) == 0


@pytest.mark.parametrize("index", [3, 2])
def test_the_frame_index_must_rise(index):
    linker = tracker()
    linker.update(dots(0), FrameTime(3, 0.0))
    with pytest.raises(ValueError, match=f"must rise: got {index} after 3"):
        linker.update(dots(0), FrameTime(index, 0.0))


def test_the_skeleton_must_stay():
    linker = tracker()
    linker.update(dots(0), FrameTime(0, 0.0))
    with pytest.raises(ValueError, match="skeleton 'dot', got 'coco_17'"):
        linker.update(Poses.empty(COCO_17), FrameTime(1, 0.1))


@pytest.mark.parametrize("wrong", [{"buffer_frames": -1}, {"min_confirm_frames": 0}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        tracker(**wrong)
