"""Records in pieces, people in runs, and differences between two results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from viewer_pages import tracked

from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import COCO_17
from pose_track.viewer.differences import Difference, find_differences
from pose_track.viewer.open_content import open_content
from pose_track.viewer.records import BLOCK_FRAMES, Axis, PackedRecords, pack, summarise_people

Frames = dict[int, dict[int, tuple[float, float]]]


def packed(frames: Frames, axis: Axis | None = None) -> PackedRecords:
    records = as_records(frames)
    return pack(records, axis or Axis.of([records]), COCO_17)


def as_records(frames: Frames) -> list[TrackedPoses]:
    return [tracked(index, people) for index, people in frames.items()]


def test_an_axis_has_the_frames_of_all_results() -> None:
    axis = Axis.of([as_records({0: {}, 4: {}}), as_records({2: {}, 4: {}})])
    assert axis.frames.tolist() == [0, 2, 4]
    assert axis.seconds.tolist() == [0, 0.2, 0.4]
    records = packed({0: {}, 4: {7: (50, 50)}}, axis)
    assert records.counts.tolist() == [0, -1, 1]
    assert records.positions.tolist() == [2]


def test_blocks_hold_all_people_once() -> None:
    frames = {index: {1: (50, 50), 2: (90, 50)} if index % 3 else {} for index in range(2 * BLOCK_FRAMES + 5)}
    records = packed(frames)
    sizes = [np.frombuffer(records.block(n), "<i4", 2).tolist() for n in range(3)]
    assert [frames for frames, _ in sizes] == [BLOCK_FRAMES, BLOCK_FRAMES, 5]
    assert sum(people for _, people in sizes) == len(records.ids) == sum(map(len, frames.values()))


def test_nobody_at_all() -> None:
    records = packed({0: {}, 1: {}})
    assert summarise_people(records, {}) == []
    assert np.frombuffer(records.block(0), "<i4").tolist() == [2, 0, 0, 0]


def test_runs_end_at_gaps_and_at_other_scores() -> None:
    records = packed(
        {index: {5: (50, 50)} for index in (0, 1, 2, 4, 5)}, Axis.of([as_records({n: {} for n in range(6)})])
    )
    records.scores[3:] = 0.1
    (person,) = summarise_people(records, {5: "Ann"})
    assert person["runs"] == [[0, 2, 0, 4], [4, 5, 0, 0]]
    assert (person["name"], person["first"], person["last"], person["frames"]) == ("Ann", 0, 5, 5)
    assert person["best"] == 0


def test_equal_results_have_no_differences_whatever_their_ids() -> None:
    a = packed({n: {1: (30 + n, 50), 2: (120 - n, 60)} for n in range(20)})
    b = packed({n: {9: (120 - n, 60), 8: (30 + n, 50)} for n in range(20)})
    assert find_differences(a, b, 1.0) == []


def test_every_kind_of_difference() -> None:
    frames = {n: {1: (40.0, 50.0), 2: (140.0, 60.0)} for n in range(10)}
    other = {n: dict(people) for n, people in frames.items()}
    for n in (3, 4):
        other[n] = {1: (40, 50), 6: (140, 60)}
    del other[7][2]
    other[8][3] = (90, 60)
    a, b = packed(frames), packed(other)
    b.joints[2 * 5, 4, :2] += 9  # of person 1 in frame 5
    assert find_differences(a, b, 5.0) == [
        Difference("id", 3, 4, 0, (2, 6)),
        Difference("joints", 5, 5, 0, (1, 1), "right_ear", np.hypot(9, 9)),
        Difference("only", 7, 7, 0, (2,)),
        Difference("only", 8, 8, 1, (3,)),
    ]


def test_people_far_apart_are_no_pair() -> None:
    a, b = packed({0: {1: (40, 50)}}), packed({0: {1: (140, 50)}})
    assert [(each.kind, each.result) for each in find_differences(a, b, 5.0)] == [("only", 0), ("only", 1)]


def test_a_frame_that_one_result_lacks_is_no_difference() -> None:
    axis = Axis.of([as_records({0: {}, 1: {}})])
    a, b = packed({0: {1: (40, 50)}, 1: {1: (40, 50)}}, axis), packed({0: {1: (40, 50)}}, axis)
    assert find_differences(a, b, 5.0) == []


def test_joints_are_shown_from_the_score_of_the_run_on(result: Path) -> None:
    assert open_content(result).description()["min_joint_score"] == 0.4
    path = result / "tracks.jsonl"
    path.write_text(path.read_text().replace('"settings":null', '"settings":{"output":{"min_joint_score":0.7}}'))
    assert open_content(result).description()["min_joint_score"] == 0.7
