"""A confirmed person is found in the frames before the first in which a track could start."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from synthetic_people import StubFlow, StubWarp, blank_frames, build_linker, people_at, random_video

from pose_track.structures.frames import Frame, Poses
from pose_track.tracking.linker import PoseLinker

LOW, HIGH = 0.4, 0.9


def linker(lookback_frames: int, **options: object) -> PoseLinker:
    return build_linker(
        min_high_score=0.3,
        min_low_score_similarity=0.5,
        min_start_score=0.6,
        min_confirm_frames=2,
        lookback_frames=lookback_frames,
        **options,
    )


def output_ids(tracker: PoseLinker, video: Sequence[Poses]) -> list[list[int]]:
    """The ids in the output. Also checks that every frame comes out, in order."""

    def assigned() -> list[tuple[tuple[Frame, Poses], np.ndarray]]:
        linked = []
        for frame, poses in zip(blank_frames(len(video)), video, strict=True):
            tracker.propose(frame)
            linked.append(((frame, poses), tracker.assign(poses, frame)))
        return linked

    outputs = list(tracker.confirm(assigned()))
    assert [frame.index for (frame, _), _ in outputs] == list(range(len(video)))
    return [ids.tolist() for _, ids in outputs]


def seen(*scores: float, x: float = 0.0, step: float = 5.0) -> list[Poses]:
    """A walking person, with a score for each frame."""
    return [people_at(x + step * index, score=score) for index, score in enumerate(scores)]


@pytest.mark.parametrize(
    ("lookback_frames", "video", "expected"),
    [
        (0, seen(LOW, LOW, HIGH, HIGH), [[0], [0], [1], [1]]),
        (1, seen(LOW, LOW, HIGH, HIGH), [[0], [1], [1], [1]]),
        (2, seen(LOW, LOW, HIGH, HIGH), [[1]] * 4),
        (9, seen(LOW, LOW, HIGH, HIGH), [[1]] * 4),  # a video shorter than the window
        (9, seen(LOW, LOW, HIGH), [[0]] * 3),  # not confirmed
        (9, seen(LOW, LOW, LOW, LOW), [[0]] * 4),  # nothing starts a track
        (9, [*seen(LOW), people_at(), *seen(LOW, HIGH, HIGH, x=10)], [[0], [], [1], [1], [1]]),  # missed once
        (9, [people_at(600, score=LOW), *seen(LOW, HIGH, HIGH)], [[0], [1], [1], [1]]),  # another person
        (9, [people_at(0, score=LOW, source="flow"), *seen(HIGH, HIGH)], [[0], [1], [1]]),
        (9, [people_at(0, 10, score=LOW), *seen(HIGH, HIGH)], [[1, 0], [1], [1]]),  # the nearer of two
    ],
)
def test_cases(lookback_frames: int, video: list[Poses], expected: list[list[int]]) -> None:
    assert output_ids(linker(lookback_frames), video) == expected


def test_numbers_are_in_the_order_of_the_output() -> None:
    """The second track is found in the first frame, before the first track starts."""
    scores = [(LOW, LOW), (HIGH, LOW), (HIGH, HIGH), (HIGH, HIGH)]
    video = [people_at(*([600, 0] if index else [0]), score=s if index else LOW) for index, s in enumerate(scores)]
    assert output_ids(linker(9), video) == [[1], [2, 1], [2, 1], [2, 1]]


@pytest.mark.parametrize("is_cut", [False, True])
def test_nobody_is_followed_across_a_cut(is_cut: bool) -> None:
    flow = StubFlow(lambda index: StubWarp(is_cut=is_cut and index == 2))
    expected = [[0], [0], [1], [1], [1]] if is_cut else [[1]] * 5
    assert output_ids(linker(9, flow=flow), seen(LOW, LOW, LOW, HIGH, HIGH, step=0)) == expected


@pytest.mark.parametrize("seed", range(30))
def test_looking_back_only_adds(seed: int) -> None:
    """Each pose that has an id without it has the same one with it, except for the numbering."""
    video = random_video(seed)
    without, with_it = (output_ids(linker(frames), video) for frames in (0, 5))
    pairs = {(a, b) for before, after in zip(without, with_it, strict=True) for a, b in zip(before, after, strict=True)}
    kept = {(a, b) for a, b in pairs if a}
    assert len(kept) == len({a for a, _ in kept}) == len({b for _, b in kept})
    assert {b for a, b in pairs if not a} <= {0, *(b for _, b in kept)}
    for ids in with_it:
        assert len({i for i in ids if i}) == sum(i > 0 for i in ids)
