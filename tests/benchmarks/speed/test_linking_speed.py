"""How fast linking is, on crowds that are made, and tools/benchmark.py link, which tells it."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from made_posetrack import run_tool

from pose_track.benchmarks.speed import linking as tested
from pose_track.benchmarks.speed.linking import CrowdSpeed, LinkSpeed, Soak, link_speed, resident_mib, soak, speed_table
from pose_track.benchmarks.speed.synthetic_people import SyntheticPeople
from pose_track.cli.parser import EXIT_FAULT
from pose_track.config.load import load_settings, track_preset_path
from pose_track.config.tracker import LinkSettings
from pose_track.geometry.boxes import box_areas, iou_matrix
from pose_track.linking.poses import link_poses

FEW = ("--people", 1, 3, "--measured", 4, "--rounds", 1)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "WARM_UP", 2)


def test_a_crowd_is_that_of_its_seed() -> None:
    a, b, other = ([poses.joints for _, poses in SyntheticPeople(4, seed).frames(5)] for seed in (1, 1, 2))
    np.testing.assert_array_equal(np.concatenate(a), np.concatenate(b))
    assert not np.array_equal(a[0], other[0])


def test_a_crowd_is_dense_and_people_hide_and_leave() -> None:
    walkers = SyntheticPeople(50)
    frames = [poses for _, poses in walkers.frames(200)]
    assert min(len(poses) for poses in frames) < 50
    assert 60 < walkers.num_came < 130
    overlaps = np.mean([(iou_matrix(poses.boxes, poses.boxes) > 0).sum(axis=1).mean() - 1 for poses in frames])
    assert 0.5 < overlaps < 3  # others that each box meets
    unsure = np.concatenate([poses.scores for poses in frames]) <= 0.5
    assert 0.05 < unsure.mean() < 0.15


def test_people_are_where_their_boxes_are_and_move_little() -> None:
    frames = [poses for _, poses in SyntheticPeople(1).frames(30) if len(poses)]
    for poses in frames:
        size = np.sqrt(box_areas(poses.boxes))[0]
        assert (poses.joints >= poses.boxes[0, :2] - size / 2).all()
        assert (poses.joints <= poses.boxes[0, 2:] + size / 2).all()
    steps = [np.abs(b.joints - a.joints).max() for a, b in pairwise(frames)]
    assert 0 < max(steps) < 40


def test_a_crowd_is_one_that_a_tracker_can_follow() -> None:
    walkers = SyntheticPeople(5)
    frames = list(walkers.frames(200))
    settings = load_settings(LinkSettings, track_preset_path("robust")).tracker
    ids = np.concatenate(list(link_poses(frames, settings, tested.FPS)))
    assert (ids > 0).mean() > 0.8
    assert len(np.unique(ids)) < 3 * walkers.num_came


def test_speed_is_of_each_crowd_by_size() -> None:
    found = link_speed("robust", (3, 1), num_frames=4, rounds=2)
    assert [crowd.people for crowd in found.crowds] == [1, 3]
    assert all(0 < crowd.ms <= crowd.ms_95 for crowd in found.crowds)
    assert all(crowd.came >= crowd.people for crowd in found.crowds)
    assert math.isfinite(found.growth)


def test_growth_of_a_single_crowd_is_unknown() -> None:
    assert math.isnan(LinkSpeed("robust", (CrowdSpeed(1, 1, 1, 1, 1),)).growth)


@pytest.mark.parametrize(
    ("people", "num_frames", "rounds", "name"),
    [((0, 1), 1, 1, "people"), ((1,), 0, 1, "frames"), ((1,), 1, 0, "rounds")],
)
def test_nothing_to_measure(people: tuple[int, ...], num_frames: int, rounds: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be 1 or more, got 0"):
        link_speed("robust", people, num_frames, rounds)


def test_memory_is_looked_at_up_to_the_end() -> None:
    found = soak("robust", 7, num_points=3)
    assert found.frames == (2, 4, 7)
    assert len(found.mib) == 3
    with pytest.raises(ValueError, match="3 frames or more, got 2"):
        soak("robust", 2, num_points=3)


def test_memory_that_is_kept_is_seen() -> None:
    before = resident_mib()
    kept = np.ones(2**22)  # 32 MiB
    assert resident_mib() - before > 20
    assert kept.all()


def test_table_has_targets_beside() -> None:
    crowds = (CrowdSpeed(10, 0.5, 0.75, 10, 10), CrowdSpeed(20, 2, 3, 20, 20))
    assert speed_table([LinkSpeed("robust", crowds), LinkSpeed("fast", crowds)]).splitlines() == [
        "people                  robust                  fast    target",
        "10              0.50    (0.75)        0.50    (0.75)       < 1",
        "20              2.00    (3.00)        2.00    (3.00)",
        "growth          2.00                  2.00",
    ]


def test_tool_tells_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--presets", "robust", "simple_baselines", *FEW, "--frames", 10, "--json", tmp_path / "speed.json")
    assert run_tool("benchmark", "link", *words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["people", "robust", "simple_baselines", "target"]
    assert [line.split()[0] for line in lines[2:5]] == ["1", "3", "growth"]
    assert lines[5].startswith("memory with robust: ")
    found = json.loads((tmp_path / "speed.json").read_text())
    assert set(found["presets"]) == {"robust", "simple_baselines"}
    assert found["presets"]["robust"]["crowds"][1]["people"] == 3
    assert found["targets_ms"] == {"10": 1.0, "100": 5.0}
    assert found["soak"]["frames"] == list(range(1, 11))
    assert found["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--presets", "robsut"), "unknown preset 'robsut'"),
        (("--measured", 0), "frames must be 1 or more"),
        (("--frames", 9), "a soak must have 10 frames or more, got 9"),
        (("--tracker.sigma_scale", 3), "unknown option '--tracker.sigma_scale'"),
        (("--against", "x"), "unknown option '--against'"),
    ],
)
def test_tool_refuses(words: tuple[object, ...], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool("benchmark", "link", "--presets", "robust", *FEW, *words) == EXIT_FAULT
    assert told in capsys.readouterr().err


def test_memory_in_words() -> None:
    assert Soak("fast", (1, 2), (10.0, 9.0)).words().endswith("9.0 MiB after 2: -1.0 MiB")
