"""The reason that is given where a run found nobody."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from stub_stages import stub_stages

from pose_track.config.load import load_settings
from pose_track.config.settings import Settings
from pose_track.pipeline.no_people import Evidence
from pose_track.pipeline.summary import Summary
from pose_track.pipeline.track_file import track_file
from pose_track.structures.frames import Detections, Frame

NUM_FRAMES = 4


def tracked(tmp_path: Path, settings: Settings, person: Callable[[Frame], bool], score: float, grey: int) -> Summary:
    """Track a folder of grey pictures with one person in those frames that `person` tells."""

    def detect(frame: Frame) -> Detections:
        return Detections([[20, 20, 60, 100]] * person(frame), [score] * person(frame))  # type: ignore[arg-type]

    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(NUM_FRAMES):
        cv2.imwrite(str(folder / f"{index}.png"), np.full((120, 160, 3), grey, np.uint8))
    settings = settings.model_copy(update={"output": settings.output.model_copy(update={"render": False})})
    return track_file(folder, tmp_path / "out", stub_stages(settings, detect), settings)


def settings_of(**tracker: str) -> Settings:
    return load_settings(Settings, None, {f"tracker.{key}": value for key, value in tracker.items()})


@pytest.mark.parametrize(
    ("settings", "person", "score", "grey", "named"),
    [
        (Settings(), lambda frame: False, 0.9, 4, ["black", "4 of 255"]),
        (Settings(), lambda frame: False, 0.9, 100, ["compact", "--detector.min_score"]),
        (settings_of(min_start_score="0.7"), lambda frame: True, 0.65, 4, ["0.65", "--tracker.min_start_score"]),
        (settings_of(min_high_score="0.8"), lambda frame: True, 0.65, 4, ["0.80", "--tracker.min_high_score"]),
        (settings_of(**{"flow.method": "none"}), lambda frame: frame.index % 2 == 0, 0.9, 100,
         ["2 poses", "--tracker.min_confirm_frames"]),
    ],
    ids=["black", "no detection", "low scores", "low scores by min_high_score", "unconfirmed"],
)  # fmt: skip
def test_the_likeliest_reason(
    settings: Settings, person: Callable[[Frame], bool], score: float, grey: int, named: list[str], tmp_path: Path
) -> None:
    summary = tracked(tmp_path, settings, person, score, grey)
    assert (summary.frames, summary.people) == (NUM_FRAMES, 0)
    reason = summary.evidence.reason(settings)
    assert [text for text in named if text not in reason] == []


def test_recorded_boxes_of_other_frames_are_named() -> None:
    settings = load_settings(Settings, None, {"detector.name": "recorded", "detector.boxes": "of_others.json"})
    assert "of_others.json" in Evidence(brightest=200).reason(settings)


def test_people_who_are_tracked_are_counted(tmp_path: Path) -> None:
    summary = tracked(tmp_path, Settings(), lambda frame: True, 0.9, 100)
    assert (summary.frames, summary.people) == (NUM_FRAMES, NUM_FRAMES)
    assert summary.evidence.num_poses == NUM_FRAMES
