"""Speed of linking synthetic people, and `pose-track benchmark link`."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from command_line import run_command

from pose_track.benchmarks.speed import linking
from pose_track.benchmarks.speed.linking import (
    LinkMemory,
    LinkTime,
    PresetLinkTimes,
    link_time_table,
    measure_link_memory,
    measure_linking,
    resident_mib,
)
from pose_track.benchmarks.speed.synthetic_people import FPS, SyntheticPeople
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.config.load import load_settings, track_preset_path
from pose_track.config.tracker import LinkSettings
from pose_track.geometry.boxes import box_areas, iou_matrix
from pose_track.linking.poses import link_poses

SHORT = ("--people", 1, 3, "--measured", 4, "--rounds", 1)


@pytest.fixture(autouse=True)
def short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linking, "WARM_UP", 2)


def test_people_depend_on_the_seed() -> None:
    a, b, other = ([poses.joints for _, poses in SyntheticPeople(4, seed).frames(5)] for seed in (1, 1, 2))
    np.testing.assert_array_equal(np.concatenate(a), np.concatenate(b))
    assert not np.array_equal(a[0], other[0])


def test_people_are_dense_hide_and_leave() -> None:
    people = SyntheticPeople(50)
    frames = [poses for _, poses in people.frames(200)]
    assert min(len(poses) for poses in frames) < 50
    assert 60 < people.num_identities < 130
    overlaps = np.mean([(iou_matrix(poses.boxes, poses.boxes) > 0).sum(axis=1).mean() - 1 for poses in frames])
    assert 0.5 < overlaps < 3  # other boxes that a box overlaps
    low_scores = np.concatenate([poses.scores for poses in frames]) <= 0.5
    assert 0.05 < low_scores.mean() < 0.15


def test_joints_are_in_their_boxes_and_move_little() -> None:
    frames = [poses for _, poses in SyntheticPeople(1).frames(30) if len(poses)]
    for poses in frames:
        size = np.sqrt(box_areas(poses.boxes))[0]
        assert (poses.joints >= poses.boxes[0, :2] - size / 2).all()
        assert (poses.joints <= poses.boxes[0, 2:] + size / 2).all()
    steps = [np.abs(b.joints - a.joints).max() for a, b in pairwise(frames)]
    assert 0 < max(steps) < 40


def test_tracker_can_follow_the_people() -> None:
    people = SyntheticPeople(5)
    frames = list(people.frames(200))
    settings = load_settings(LinkSettings, track_preset_path("robust")).tracker
    ids = np.concatenate(list(link_poses(frames, settings, FPS)))
    assert (ids > 0).mean() > 0.8
    assert len(np.unique(ids)) < 3 * people.num_identities


def test_times_are_ordered_by_number_of_people() -> None:
    measured = measure_linking("robust", (3, 1), num_frames=4, rounds=2)
    assert [time.people for time in measured.times] == [1, 3]
    assert all(0 < time.ms <= time.ms_95 for time in measured.times)
    assert all(time.num_identities >= time.people for time in measured.times)
    assert math.isfinite(measured.growth)


def test_growth_of_a_single_number_is_undefined() -> None:
    assert math.isnan(PresetLinkTimes("robust", (LinkTime(1, 1, 1, 1, 1),)).growth)


@pytest.mark.parametrize(
    ("people", "num_frames", "rounds", "name"),
    [((0, 1), 1, 1, "people"), ((1,), 0, 1, "frames"), ((1,), 1, 0, "rounds")],
)
def test_invalid_numbers(people: tuple[int, ...], num_frames: int, rounds: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} .*got 0"):
        measure_linking("robust", people, num_frames, rounds)


def test_memory_is_sampled_up_to_the_last_frame() -> None:
    memory = measure_link_memory("robust", 7, num_points=3)
    assert memory.frames == (2, 4, 7)
    assert len(memory.mib) == 3
    with pytest.raises(ValueError, match=r"3 frames .*got 2"):
        measure_link_memory("robust", 2, num_points=3)


def test_allocated_memory_is_measured() -> None:
    before = resident_mib()
    array = np.ones(2**22)  # 32 MiB
    assert resident_mib() - before > 20
    assert array.all()


def test_table_shows_the_targets() -> None:
    times = (LinkTime(10, 0.5, 0.75, 10, 10), LinkTime(20, 2, 3, 20, 20))
    assert link_time_table([PresetLinkTimes("robust", times), PresetLinkTimes("fast", times)]).splitlines() == [
        "people                  robust                  fast    target",
        "10              0.50    (0.75)        0.50    (0.75)       < 1",
        "20              2.00    (3.00)        2.00    (3.00)",
        "growth          2.00                  2.00",
    ]


def test_command_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--presets", "robust", "simple_baselines", *SHORT, "--frames", 10, "--json", tmp_path / "speed.json")
    assert run_command("benchmark", "link", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["people", "robust", "simple_baselines", "target"]
    assert [line.split()[0] for line in lines[2:5]] == ["1", "3", "growth"]
    assert lines[5].startswith("memory with robust: ")
    written = json.loads((tmp_path / "speed.json").read_text())
    assert set(written["presets"]) == {"robust", "simple_baselines"}
    assert written["presets"]["robust"]["times"][1]["people"] == 3
    assert written["targets_ms"] == {"10": 1.0, "100": 5.0}
    assert written["memory"]["frames"] == list(range(1, 11))
    assert written["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--presets", "robsut"), "'robsut'"),
        (("--measured", 0), "frames must be 1 or more"),
        (("--frames", 9), "10 frames or more, got 9"),
        (("--tracker.sigma_scale", 3), "'--tracker.sigma_scale'"),
        (("--against", "x"), "'--against'"),
    ],
)
def test_command_errors(words: tuple[object, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("benchmark", "link", "--presets", "robust", *SHORT, *words) == EXIT_ERROR
    assert message in capsys.readouterr().err


def test_shrinking_memory() -> None:
    assert LinkMemory("fast", (1, 2), (10.0, 9.0)).line().endswith("9.0 MiB after 2: -1.0 MiB")
