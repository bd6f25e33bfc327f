"""Angles and speeds of the viewer are those of `analyse` and `plot`."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from analysis.figures import FEET, side_figure
from command_line import run_command
from viewer_pages import opened, write_tracks

from pose_track.analysis.trajectory import Trajectory
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.plots.measures import joint_angles, joint_speeds
from pose_track.plots.person_series import person_series
from pose_track.results.open_result import open_result
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.viewer.open_content import open_content
from pose_track.viewer.server import ViewerServer

SECONDS = np.arange(60) / 30


@pytest.fixture
def bending(tmp_path: Path) -> Path:
    """A result folder with one person, who is not found in three frames."""
    return write_figure(tmp_path / "bending", speed_factor=1.0)


def write_figure(folder: Path, speed_factor: float) -> Path:
    hips = np.stack([100 + 90 * SECONDS, np.full(60, 200.0)], axis=1)
    figure = side_figure(SECONDS, {"left_knee": 40 + 30 * np.sin(2 * np.pi * SECONDS), "hips": hips})
    header = {
        "version": "0", "source": "clip.mp4", "fps": 30.0, "width": 640, "height": 480, "skeleton": FEET.name,
        "joint_names": list(FEET.joint_names), "settings": None, "weights": None, "speed_factor": speed_factor,
    }  # fmt: skip
    folder.mkdir()
    with TracksWriter(folder / "tracks.jsonl", header) as writer:
        for place in range(60):
            writer.write(people_of(figure, place, is_found=not 20 <= place < 23))
    return folder


def people_of(figure: Trajectory, place: int, is_found: bool) -> TrackedPoses:
    joints, scores = figure.joints[place : place + 1], figure.scores[place : place + 1] * 0.8
    boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
    poses = Poses(joints, scores, boxes, np.full(1, 0.9), FEET)  # type: ignore[arg-type]
    people = TrackedPoses(place, float(figure.seconds[place]), poses, np.array([7]))
    return people[np.full(1, is_found)]


def test_analyse_plot_and_view_agree(bending: Path, tmp_path: Path) -> None:
    assert run_command("analyse", bending, "--out", tmp_path / "out") == 0
    with (tmp_path / "out" / "angles.csv").open() as file:
        rows = {int(row["frame"]): row for row in csv.DictReader(file)}
    (person,) = person_series(open_result(bending))
    shown = open_content(bending).measures(0, 7)
    assert shown["positions"] == person.frames.tolist()
    for column, plotted, viewed in (
        ("left_knee_deg", joint_angles(person, "left_knee"), shown["angle"]["left_knee"]),
        ("left_wrist_speed_px_per_s", joint_speeds(person, "left_wrist"), shown["speed"]["left_wrist"]),
    ):
        written = np.array([float(rows[frame][column] or "nan") for frame in person.frames.tolist()])
        assert np.isfinite(written).sum() > 40
        np.testing.assert_allclose(plotted, written, atol=1e-5)
        np.testing.assert_allclose(np.array(viewed, float), written, atol=0.006)


def test_slow_motion_has_its_true_speed(bending: Path, tmp_path: Path) -> None:
    slow = open_content(write_figure(tmp_path / "slow", speed_factor=0.125)).measures(0, 7)
    stored = open_content(bending).measures(0, 7)
    known = [place for place, value in enumerate(stored["speed"]["nose"]) if value is not None]
    ratios = [slow["speed"]["nose"][place] / stored["speed"]["nose"][place] for place in known]
    assert ratios == pytest.approx([8] * len(known), rel=0.01)
    assert slow["angle"] == stored["angle"]


def test_somebody_in_few_frames_has_no_measures(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "few" / "tracks.jsonl", [{1: (60, 60)}] * 5, "none.mp4")
    content = open_content(path)
    assert content.measures(0, 1) == {"positions": [0, 1, 2, 3, 4], "angle": {}, "speed": {}}
    with pytest.raises(LookupError, match="nobody has the id 2"):
        content.measures(0, 2)


def test_the_page_shows_them_and_renews_them_after_an_edit(browser: Any, result: Path) -> None:
    """Person 1 walks by one pixel a frame of 0.1 seconds."""
    with ViewerServer(open_content(result)) as server, opened(browser, server.url) as page:
        page.get_by_role("tab", name="Curves").click()
        page.select_option("#quantity", "speed")
        speed = "poseTrackViewer.results[0].measures.at(1, 'speed', 'left_elbow', 30)"
        assert known(page, speed) == pytest.approx(10, abs=0.05)
        page.select_option("#quantity", "angle")
        assert "trunk" in page.locator("#joints").inner_text()
        assert page.locator(".legend").inner_text() == "1 left elbow"
        page.evaluate("poseTrackViewer.edit({op: 'delete', id: 1, from: 40, to: null})")
        assert known(page, speed) == pytest.approx(10, abs=0.05)
        assert page.evaluate(speed.replace("30", "50")) is None


def known(page: Any, expression: str) -> float:
    """The value of an expression of the page once it is not null."""
    for _ in range(400):
        value = page.evaluate(expression)
        if value is not None:
            return float(value)
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} is still null")
