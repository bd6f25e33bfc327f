"""Ablation of a tracker on poses with known ids, and `pose-track ablate`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from command_line import run_command
from make_video import make_video
from stub_stages import one_person, stub_stages
from tiny_posetrack import write_posetrack_dataset

import pose_track.build.stages
from pose_track.benchmarks.ablation import (
    FULL,
    ORACLE,
    PAPER,
    VARIANTS,
    AblationOptions,
    ScoreFilter,
    file_runs,
    measure_runs,
    oracle_runs,
    video_prediction,
)
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.config.load import load_settings, track_preset_path
from pose_track.config.settings import Settings
from pose_track.config.tracker import LinkSettings
from pose_track.formats.posetrack.reader import write_posetrack18
from pose_track.structures.frames import Detections, Frame, TrackedPoses
from pose_track.structures.sequence import FrameInfo, PoseAnnotations, PoseSequence
from pose_track.structures.skeleton import POSETRACK_15

NOSE = POSETRACK_15.index("nose")


def standing(lefts: np.ndarray, tops: np.ndarray) -> np.ndarray:
    """(N, 15, 2) people of 40 by 80 pixels, without a nose."""
    shape = np.linspace(0, 1, 15)[:, None] * (40, 80)
    joints = np.stack([lefts, tops], axis=1)[:, None] + shape
    joints[:, NOSE] = np.nan
    return joints


def two_people(name: str, lefts: list[tuple[float, float]], gap: range = range(0)) -> PoseSequence:
    """Two people, ids 1 and 2, with the given left edges in each frame; nobody in the frames of the gap."""
    frames = tuple(FrameInfo(i, f"images/{name}/{i:06d}.jpg", 10**10 + i, is_labelled=True) for i in range(len(lefts)))
    listed = [i for i in range(len(lefts)) if i not in gap]
    joints = np.concatenate([standing(np.array(lefts[i]), np.array([10.0, 60.0])) for i in listed])
    n = len(joints)
    people = PoseAnnotations.from_joints(
        joints,
        np.where(np.isnan(joints[..., 0]), np.nan, 0.9),
        scores=np.full(n, 0.9),
        boxes=np.concatenate([joints[:, 0] - 5, joints[:, -1] + 5], axis=1),
        head_boxes=np.concatenate([joints[:, -1] - 10, joints[:, -1] + 10], axis=1),
        track_ids=np.tile([1, 2], n // 2),
    )
    return PoseSequence(name, POSETRACK_15, frames, people, np.repeat(listed, 2), "posetrack18")


def crossing(name: str = "a") -> PoseSequence:
    """The first person walks past below the second. In the middle nobody is visible for four frames, which is shorter
    than the track buffer."""
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


def names(options: AblationOptions, has_images: bool) -> list[str]:
    return list(options.variant_settings(load, has_images))


def test_only_parts_of_the_tracker_are_ablated() -> None:
    appearance = {"tracker.weights.appearance": "1", "tracker.reactivation_seconds": "5"}
    file_variants, video_variants = (
        names(AblationOptions("fast", appearance), False),
        names(AblationOptions("fast", appearance), True),
    )
    assert file_variants == [
        *(FULL, "greedy matching", "no track buffer", "no low-score matching", "no motion", "sigma_scale 1"),
        *("box IoU only", PAPER),
    ]
    assert sorted(set(video_variants) - set(file_variants)) == ["no appearance", "no re-activation"]


def test_parts_of_the_paper_tracker() -> None:
    parts = ["no track buffer", "box IoU only", "no flow in the similarity", "no propagation"]
    assert names(AblationOptions(PAPER), True) == [FULL, *parts]


def test_overrides_hold_for_all_variants() -> None:
    options = AblationOptions("fast", {"tracker.min_confirm_frames": "3", "tracker.buffer_seconds": "7"})
    variants = options.variant_settings(load, False)
    assert "no confirmation" in variants
    assert {
        name: settings.tracker.buffer_seconds for name, settings in variants.items() if name != "no track buffer"
    } == (dict.fromkeys(variants.keys() - {"no track buffer"}, 7))
    assert variants["no track buffer"].tracker.buffer_seconds == 0


def test_every_variant_differs_from_some_tracker() -> None:
    flow = {"flow.method": "dis", "flow.max_frames": "2", "weights.flow": "1", "min_confirm_frames": "2"}
    flow |= {"weights.appearance": "1", "reactivation_seconds": "5"}
    rich = AblationOptions("fast", {f"tracker.{key}": text for key, text in flow.items()})
    assert {variant.name for variant in VARIANTS} < set(names(rich, True))


def test_selected_variants() -> None:
    assert names(AblationOptions("fast", only=[PAPER, "no track buffer"]), False) == ["no track buffer", PAPER]
    with pytest.raises(ValueError, match="'no confirmation'; choose from full tracker, greedy"):
        names(AblationOptions("fast", only=["no confirmation"]), False)


def test_track_buffer_prevents_switches(truth: Path) -> None:
    lines: list[str] = []
    options = AblationOptions("fast", only=[FULL, "no track buffer"])
    runs = file_runs(truth, [truth], options, Fraction(25), ScoreFilter()) | oracle_runs(truth, [truth], ScoreFilter())
    full, without, oracle = measure_runs(runs, lines.append)
    assert (full.name, full.mota, full.idf1, full.switches) == (FULL, 100, 100, 0)
    assert without.switches == 2 * 14  # each of two people, each joint but the nose
    assert without.idf1 < without.mota < 100
    assert (oracle.mota, oracle.idf1, oracle.switches) == (100, 100, 0)
    assert lines[1:] == [full.markdown(), without.markdown(), oracle.markdown()]


def test_metrics_are_means_of_the_runs(truth: Path, tmp_path: Path) -> None:
    people = crossing().people
    swapped = replace(people, track_ids=np.where(np.arange(len(people)) < 20, people.track_ids, 3 - people.track_ids))
    other = write(tmp_path / "other", replace(crossing(), people=swapped))
    (both,) = measure_runs(oracle_runs(truth, [truth, other], ScoreFilter()), str)
    (alone,) = measure_runs(oracle_runs(truth, [other], ScoreFilter()), str)
    assert alone.switches == 28
    assert both.switches == 14
    assert both.idf1 == pytest.approx((100 + alone.idf1) / 2)


def test_score_filter() -> None:
    prediction = two_people("a", [(0.0, 100.0)])
    prediction.people.scores[0] = 0.4
    prediction.people.joint_scores[1, :5] = 0.2
    prediction.people.joint_scores[1, 5] = np.nan  # no score: the joint is kept
    kept = ScoreFilter(0.5, 0.3)(prediction)
    assert kept.people.track_ids.tolist() == [2]
    assert kept.people.has_joint.sum() == 14 - 5
    assert len(ScoreFilter(0, 0.95)(prediction).people) == 1
    assert len(ScoreFilter()(prediction).people) == 2
    with pytest.raises(ValueError, match=r"min_joint_score .*got 1\.5"):
        ScoreFilter(0, 1.5)


def test_prediction_has_the_annotated_frames_only() -> None:
    poses = stub_stages().estimate(np.zeros((1, 1, 3), np.uint8), Detections([[0, 0, 40, 80]], [0.9]))  # type: ignore[arg-type]
    poses.joint_scores[0, NOSE] = 0
    tracked = [TrackedPoses(i, i / 25, poses, np.array([i + 1])) for i in range(4)]
    listed = two_people("a", [(0.0, 1.0)] * 2)
    frames = tuple(
        replace(frame, image_name=f"a/{name}") for frame, name in zip(listed.frames, ("1.jpg", "3.jpg"), strict=True)
    )
    prediction = video_prediction(replace(listed, frames=frames), tracked)
    assert prediction.people.track_ids.tolist() == [2, 4]
    assert prediction.frame_indices.tolist() == [0, 1]
    assert prediction.people.has_joint.sum(axis=1).tolist() == [14, 14]
    with pytest.raises(ValueError, match=r"a lists frame 3.* 3 frames"):
        video_prediction(replace(listed, frames=frames), tracked[:3])


def test_command_with_files(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--gt", truth, "--pred", truth, truth, "--oracle", truth, "--min-person-score", 0.5]
    only = ["--only", FULL, "sigma_scale 1", "--tracker.buffer_seconds", 3]
    assert run_command("ablate", *words, *only, "--json", tmp_path / "ablation.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["tracker", "---", FULL, "sigma_scale 1", ORACLE]
    written = json.loads((tmp_path / "ablation.json").read_text())
    assert written["overrides"] == {"tracker.buffer_seconds": "3"}
    assert (written["min_person_score"], written["rows"][0]["name"], written["rows"][0]["switches"]) == (0.5, FULL, 0)


def test_command_with_a_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_used: list[Settings] = []

    def build(settings: Settings) -> object:
        settings_used.append(settings)
        return stub_stages(settings, absent_in_frame_3)

    def absent_in_frame_3(frame: Frame) -> Detections:
        return Detections.empty() if frame.index == 3 else one_person(frame)

    monkeypatch.setattr(pose_track.build.stages, "build_stages", build)
    file = write_posetrack_dataset(tmp_path / "data", names=("a",), num_frames=6) / "a.json"
    make_video(tmp_path / "a.mp4", 6)
    words = ["--gt", file, "--video", tmp_path / "a.mp4", "--preset", "fast", "--only", FULL, "no track buffer"]
    assert run_command("ablate", *words, "--json", tmp_path / "ablation.json") == 0
    full, without = json.loads((tmp_path / "ablation.json").read_text())["rows"]
    assert (full["switches"], without["switches"]) == (0, 15)
    assert full["mota"] > without["mota"]
    assert [settings.tracker.buffer_seconds for settings in settings_used] == [1, 0]
    assert settings_used[0].pose.weights == "bundled"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--only", "no head"), "'no head'; choose from full tracker"),
        (("--fps", "0"), "fps"),
        (("--preset", "robsut"), "'robsut'"),
        (("--min-joint-score", 2), "got 2.0"),
        (("--video", "a.mp4"), "not allowed with"),
    ],
)
def test_command_errors(
    words: tuple[object, ...], message: str, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("ablate", "--gt", truth, "--pred", truth, *words) in (EXIT_ERROR, 2)
    assert message in capsys.readouterr().err
