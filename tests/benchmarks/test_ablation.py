"""What the parts of a tracker are worth, on poses whose truth is known, and tools/ablate_tracker.py, which tells it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from made_posetrack import make_data, run_tool
from make_video import make_video
from stub_stages import one_person, stub_stages

import pose_track.build.stages
from pose_track.benchmarks.ablation import (
    PAPER,
    VARIANTS,
    WHOLE,
    Choice,
    Drops,
    as_sequence,
    measured,
    runs_of_files,
    runs_of_oracle,
)
from pose_track.cli.parser import EXIT_FAULT
from pose_track.config.load import load_settings, track_preset_path
from pose_track.config.settings import Settings
from pose_track.config.tracker import LinkSettings
from pose_track.formats.posetrack.reader import write_posetrack18
from pose_track.structures.frames import Detections, Frame, TrackedPoses
from pose_track.structures.sequence import FrameInfo, People, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

NOSE = POSETRACK_15.index("nose")


def standing(lefts: np.ndarray, tops: np.ndarray) -> np.ndarray:
    """(N, 15, 2) people of 40 by 80 pixels, without a nose."""
    shape = np.linspace(0, 1, 15)[:, None] * (40, 80)
    joints = np.stack([lefts, tops], axis=1)[:, None] + shape
    joints[:, NOSE] = np.nan
    return joints


def two_people(name: str, lefts: list[tuple[float, float]], gap: range = range(0)) -> PoseSequence:
    """Two people, ids 1 and 2, where they are in each frame; in the frames of the gap nobody is."""
    frames = tuple(FrameInfo(i, f"images/{name}/{i:06d}.jpg", 10**10 + i, is_labelled=True) for i in range(len(lefts)))
    listed = [i for i in range(len(lefts)) if i not in gap]
    joints = np.concatenate([standing(np.array(lefts[i]), np.array([10.0, 60.0])) for i in listed])
    n = len(joints)
    people = People.of(
        joints,
        np.where(np.isnan(joints[..., 0]), np.nan, 0.9),
        scores=np.full(n, 0.9),
        boxes=np.concatenate([joints[:, 0] - 5, joints[:, -1] + 5], axis=1),
        head_boxes=np.concatenate([joints[:, -1] - 10, joints[:, -1] + 10], axis=1),
        track_ids=np.tile([1, 2], n // 2),
    )
    return PoseSequence(name, POSETRACK_15, frames, people, np.repeat(listed, 2), "posetrack18")


def crossing(name: str = "a") -> PoseSequence:
    """The first person walks by below the second; for four frames in between, too short for nobody to come back, nobody
    is seen."""
    return two_people(name, [(10.0 + 4 * i, 60.0) for i in range(30)], gap=range(12, 16))


def load(preset: str, overrides: Mapping[str, str]) -> LinkSettings:
    return load_settings(LinkSettings, track_preset_path(preset), overrides)


def write(folder: Path, *sequences: PoseSequence) -> Path:
    folder.mkdir()
    for sequence in sequences:
        write_posetrack18(sequence, folder / f"{sequence.name}.json")
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return write(tmp_path / "truth", crossing())


def names(choice: Choice, has_images: bool) -> list[str]:
    return list(choice.settings(load, has_images))


def test_only_parts_that_are_there_are_left_out() -> None:
    appearance = {"tracker.weights.appearance": "1", "tracker.reactivation_seconds": "5"}
    of_files, of_video = names(Choice("fast", appearance), False), names(Choice("fast", appearance), True)
    assert of_files == [
        *(WHOLE, "greedy matching", "no memory", "no second round", "no motion", "plain OKS"),
        *("overlap of boxes alone", PAPER),
    ]
    assert sorted(set(of_video) - set(of_files)) == ["no looks", "no re-entry"]


def test_the_parts_of_the_papers_tracker() -> None:
    parts = ["no memory", "overlap of boxes alone", "no flow in the similarity", "no propagation"]
    assert names(Choice(PAPER), True) == [WHOLE, *parts]


def test_settings_given_hold_for_all_variants() -> None:
    choice = Choice("fast", {"tracker.min_confirm_frames": "3", "tracker.buffer_seconds": "7"})
    found = choice.settings(load, False)
    assert "no confirmation" in found
    assert {name: settings.tracker.buffer_seconds for name, settings in found.items() if name != "no memory"} == (
        dict.fromkeys(found.keys() - {"no memory"}, 7)
    )
    assert found["no memory"].tracker.buffer_seconds == 0


def test_every_variant_differs_from_some_tracker() -> None:
    flow = {"flow.method": "dis", "flow.max_frames": "2", "weights.flow": "1", "min_confirm_frames": "2"}
    flow |= {"weights.appearance": "1", "reactivation_seconds": "5"}
    rich = Choice("fast", {f"tracker.{key}": text for key, text in flow.items()})
    assert {variant.name for variant in VARIANTS} < set(names(rich, True))


def test_some_variants_by_name() -> None:
    assert names(Choice("fast", only=[PAPER, "no memory"]), False) == ["no memory", PAPER]
    with pytest.raises(ValueError, match="no variant 'no confirmation'; there are all parts, greedy"):
        names(Choice("fast", only=["no confirmation"]), False)


def test_memory_is_worth_its_switches(truth: Path) -> None:
    lines: list[str] = []
    choice = Choice("fast", only=[WHOLE, "no memory"])
    runs = runs_of_files(truth, [truth], choice, Fraction(25), Drops()) | runs_of_oracle(truth, [truth], Drops())
    whole, without, oracle = measured(runs, lines.append)
    assert (whole.name, whole.mota, whole.idf1, whole.switches) == (WHOLE, 100, 100, 0)
    assert without.switches == 2 * 14  # each of two people, each joint but the nose
    assert without.idf1 < without.mota < 100
    assert (oracle.mota, oracle.idf1, oracle.switches) == (100, 100, 0)
    assert lines[1:] == [whole.markdown(), without.markdown(), oracle.markdown()]


def test_figures_are_means_of_the_runs(truth: Path, tmp_path: Path) -> None:
    people = crossing().people
    swapped = replace(people, track_ids=np.where(np.arange(len(people)) < 20, people.track_ids, 3 - people.track_ids))
    other = write(tmp_path / "other", replace(crossing(), people=swapped))
    (both,) = measured(runs_of_oracle(truth, [truth, other], Drops()), str)
    (alone,) = measured(runs_of_oracle(truth, [other], Drops()), str)
    assert alone.switches == 28
    assert both.switches == 14
    assert both.idf1 == pytest.approx((100 + alone.idf1) / 2)


def test_what_is_low_is_left_out_after_linking() -> None:
    found = two_people("a", [(0.0, 100.0)])
    found.people.scores[0] = 0.4
    found.people.joint_scores[1, :5] = 0.2
    found.people.joint_scores[1, 5] = np.nan  # is not told, and stays
    left = Drops(0.5, 0.3)(found)
    assert left.people.track_ids.tolist() == [2]
    assert left.people.has_joint.sum() == 14 - 5
    assert len(Drops(0, 0.95)(found).people) == 1
    assert len(Drops()(found).people) == 2
    with pytest.raises(ValueError, match=r"min_joint_score must be from 0 to 1, got 1\.5"):
        Drops(0, 1.5)


def test_people_of_listed_frames_alone() -> None:
    poses = stub_stages().estimate(np.zeros((1, 1, 3), np.uint8), Detections([[0, 0, 40, 80]], [0.9]))  # type: ignore[arg-type]
    poses.joint_scores[0, NOSE] = 0
    tracked = [TrackedPoses(i, i / 25, poses, np.array([i + 1])) for i in range(4)]
    listed = two_people("a", [(0.0, 1.0)] * 2)
    frames = tuple(
        replace(frame, image_name=f"a/{name}") for frame, name in zip(listed.frames, ("1.jpg", "3.jpg"), strict=True)
    )
    found = as_sequence(replace(listed, frames=frames), tracked)
    assert found.people.track_ids.tolist() == [2, 4]
    assert found.frame_of.tolist() == [0, 1]
    assert found.people.has_joint.sum(axis=1).tolist() == [14, 14]
    with pytest.raises(ValueError, match="a lists frame 3, but the video has 3 frames"):
        as_sequence(replace(listed, frames=frames), tracked[:3])


def test_tool_of_files(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--gt", truth, "--pred", truth, truth, "--oracle", truth, "--min-person-score", 0.5]
    only = ["--only", WHOLE, "plain OKS", "--tracker.buffer_seconds", 3]
    assert run_tool("ablate_tracker", *words, *only, "--json", tmp_path / "parts.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["tracker", "---", WHOLE, "plain OKS", "true identities"]
    found = json.loads((tmp_path / "parts.json").read_text())
    assert found["overrides"] == {"tracker.buffer_seconds": "3"}
    assert (found["min_person_score"], found["rows"][0]["name"], found["rows"][0]["switches"]) == (0.5, WHOLE, 0)


def test_tool_of_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[Settings] = []

    def build(settings: Settings) -> object:
        asked.append(settings)
        return stub_stages(settings, gone_for_a_moment)

    def gone_for_a_moment(frame: Frame) -> Detections:
        return Detections.empty() if frame.index == 3 else one_person(frame)

    monkeypatch.setattr(pose_track.build.stages, "build_stages", build)
    file = make_data(tmp_path / "data", names=("a",), num_frames=6) / "a.json"
    make_video(tmp_path / "a.mp4", 6)
    words = ["--gt", file, "--video", tmp_path / "a.mp4", "--preset", "fast", "--only", WHOLE, "no memory"]
    assert run_tool("ablate_tracker", *words, "--json", tmp_path / "parts.json") == 0
    whole, without = json.loads((tmp_path / "parts.json").read_text())["rows"]
    assert (whole["switches"], without["switches"]) == (0, 15)
    assert whole["mota"] > without["mota"]
    assert [settings.tracker.buffer_seconds for settings in asked] == [1, 0]
    assert asked[0].pose.weights == "bundled"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--only", "no head"), "there is no variant 'no head'; there are all parts"),
        (("--fps", "0"), "fps must be a number above 0"),
        (("--preset", "robsut"), "unknown preset 'robsut'"),
        (("--min-joint-score", 2), "min_joint_score must be from 0 to 1, got 2.0"),
        (("--video", "a.mp4"), "not allowed with"),
    ],
)
def test_tool_refuses(words: tuple[object, ...], told: str, truth: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tool("ablate_tracker", "--gt", truth, "--pred", truth, *words) in (EXIT_FAULT, 2)
    assert told in capsys.readouterr().err
