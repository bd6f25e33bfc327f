"""A clip of 240 frames a second that is stored at 30: its speed is told once, to `track`."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.test_analyse_command import walker, write
from command_line import run_command
from make_video import make_video
from stub_stages import stub_stages

from pose_track.analysis.trajectory import Trajectory
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.config.load import load_settings
from pose_track.config.settings import Settings
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.formats.trc import read_trc
from pose_track.pipeline.result_folder import TRACKS_FILE
from pose_track.pipeline.track_file import track_file
from pose_track.results.open_result import open_result
from pose_track.structures.arrays import Float32Array
from pose_track.structures.frames import Detections, Frame


def stated(path: Path, speed_factor: float) -> Path:
    """A walker in 90 frames stored at 30 a second, in a file that states the speed."""
    lines = write(path, walker()).read_text().splitlines()
    lines[0] = json.dumps(json.loads(lines[0]) | {"speed_factor": speed_factor})
    path.write_text("\n".join(lines) + "\n")
    return path


def speed(folder: Path) -> float:
    """The median speed of the centre of mass in pixels a second."""
    with (folder / "angles.csv").open() as file:
        cells = [row["centre_of_mass_speed_px_per_s"] for row in csv.DictReader(file)]
    return float(np.median([float(cell) for cell in cells if cell]))


def test_track_states_it_and_times_stay_those_of_the_video(tmp_path: Path) -> None:
    settings = load_settings(Settings, None, {"tracker.speed_factor": "0.125"})
    track_file(make_video(tmp_path / "clip.mp4"), tmp_path / "out", stub_stages(settings), settings)
    header, records = read_tracks(tmp_path / "out" / TRACKS_FILE)
    assert header["speed_factor"] == 0.125
    assert [tracked.pts_seconds for tracked in records][:3] == [0.0, 0.1, 0.2]
    assert open_result(tmp_path / "out").speed_factor == 0.125


def hidden(frame: Frame) -> Detections:
    """A person who stands, and is hidden in frames 20 to 99: 0.3 seconds in life, 2.7 in slow motion."""
    if 20 <= frame.index < 100:
        return Detections.empty()
    return Detections(np.array([[60, 20, 100, 100]], np.float32), np.array([0.9], np.float32))


def people(video: Path, out: Path, told: dict[str, str]) -> list[list[tuple[int, list[float]]]]:
    """Id and box of each person in each frame."""
    base = {"tracker.flow.method": "none", "tracker.reactivation_seconds": "0", "output.render": "false"}
    settings = load_settings(Settings, None, base | told)
    track_file(video, out, stub_stages(settings, hidden), settings)
    frames = list(read_tracks(out / TRACKS_FILE)[1])
    return [list(zip(f.track_ids.tolist(), f.poses.boxes.tolist(), strict=True)) for f in frames]


def test_slow_motion_is_tracked_as_in_life(tmp_path: Path) -> None:
    slow, life = (make_video(tmp_path / f"{fps}.mp4", 120, fps=Fraction(fps)) for fps in (30, 240))
    true = people(life, tmp_path / "life", {})
    assert {track_id for frame in true for track_id, _ in frame} == {1}
    assert people(slow, tmp_path / "told", {"tracker.speed_factor": "0.125"}) == true
    untold = people(slow, tmp_path / "untold", {})
    assert {track_id for frame in untold for track_id, _ in frame} == {1, 2}


def test_without_it_nothing_is_stated(tmp_path: Path) -> None:
    track_file(make_video(tmp_path / "clip.mp4"), tmp_path / "out", stub_stages(), Settings())
    assert "speed_factor" not in read_tracks(tmp_path / "out" / TRACKS_FILE)[0]
    assert open_result(tmp_path / "out").speed_factor == 1


def test_analyse_takes_it_from_the_result(tmp_path: Path) -> None:
    path = stated(tmp_path / "tracks.jsonl", 0.125)
    assert run_command("analyse", path, "--out", tmp_path / "a") == 0
    assert run_command("analyse", write(tmp_path / "plain.jsonl", walker()), "--out", tmp_path / "plain") == 0
    assert speed(tmp_path / "a") == pytest.approx(8 * speed(tmp_path / "plain"), rel=0.01)
    assert run_command("analyse", path, "--out", tmp_path / "b", "--speed-factor", "0.125") == 0
    assert speed(tmp_path / "b") == speed(tmp_path / "a")


@pytest.mark.parametrize("command", ["analyse", "finish", "link"])
def test_another_one_is_refused(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stated(tmp_path / "tracks.jsonl", 0.125)
    arguments: dict[str, list[object]] = {
        "analyse": [path, "--out", tmp_path / "a"],
        "finish": [path, tmp_path / "out.jsonl"],
        "link": ["--pred", path, "--out", tmp_path / "linked"],
    }
    assert run_command(command, *arguments[command], "--speed-factor", "0.25") == EXIT_ERROR
    assert "states a speed factor of 0.125, so it cannot be 0.25; leave it out" in capsys.readouterr().err


def test_a_speed_of_zero_in_a_file_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("analyse", stated(tmp_path / "tracks.jsonl", 0), "--out", tmp_path / "a") == EXIT_ERROR
    assert "speed_factor" in capsys.readouterr().err


def shaken() -> Trajectory:
    """The walker with noise."""
    still = walker()
    noisy: Trajectory = replace(still, joints=still.joints + np.random.default_rng(0).normal(0, 3, still.joints.shape))
    return noisy


def in_life(path: Path) -> Path:
    """The same frames, stored at 240 a second."""
    header, *records = map(json.loads, write(path, shaken()).read_text().splitlines())
    header["fps"] = 240
    lines = [header, *({**record, "pts_seconds": record["frame"] / 240} for record in records)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def finished(path: Path, *told: str) -> tuple[dict[str, Any], Float32Array, list[float]]:
    """Header, (90, K, 2) joints and times of the finished file."""
    out = path.with_suffix(".out.jsonl")
    assert run_command("finish", path, out, *told) == 0
    header, records = read_tracks(out)
    frames = list(records)
    return header, np.stack([frame.poses.joints[0] for frame in frames]), [frame.pts_seconds for frame in frames]


def test_finish_filters_in_true_seconds_and_states_it(tmp_path: Path) -> None:
    header, joints, seconds = finished(write(tmp_path / "slow.jsonl", shaken()), "--speed-factor", "0.125")
    assert header["speed_factor"] == 0.125
    assert seconds[30] == 1.0  # times are those of the video
    _, true, _ = finished(in_life(tmp_path / "life.jsonl"))
    np.testing.assert_allclose(joints, true, atol=0.02)
    _, untold, _ = finished(write(tmp_path / "untold.jsonl", shaken()))
    assert np.abs(untold - true).max() > 1


def test_finish_takes_it_from_the_result(tmp_path: Path) -> None:
    _, told, _ = finished(write(tmp_path / "told.jsonl", walker()), "--speed-factor", "0.125")
    header, joints, _ = finished(stated(tmp_path / "stated.jsonl", 0.125))
    assert header["speed_factor"] == 0.125
    np.testing.assert_array_equal(joints, told)


def test_link_states_it(tmp_path: Path) -> None:
    path = stated(tmp_path / "tracks.jsonl", 0.125)
    assert run_command("link", "--pred", path, "--out", tmp_path / "linked") == 0
    header, _ = read_tracks(tmp_path / "linked" / "tracks.jsonl")
    assert header["speed_factor"] == 0.125


def test_trc_has_true_seconds(tmp_path: Path) -> None:
    path = stated(tmp_path / "tracks.jsonl", 0.125)
    assert run_command("convert", path, tmp_path / "person.trc", "--to", "trc") == 0
    sequence = read_trc(tmp_path / "person.trc")
    assert sequence.extra["fps"] == pytest.approx(240)
