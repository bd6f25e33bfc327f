"""--people, --main, --max-people and --region, alike in all commands that take a result, and without ids in `track`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import run_command
from make_video import HEIGHT, WIDTH

from pose_track.cli import track
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.cli.parser import Parser
from pose_track.cli.track import track_settings
from pose_track.config.people import PeopleSettings
from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.results.open_result import open_result
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.sequence import PoseSequence
from pose_track.structures.skeleton import POSETRACK_15
from pose_track.video.reader import open_video

NUM_FRAMES = 12


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """Three people: 1 on the left, 2 the largest, 3 on the right, the smallest."""
    path = tmp_path / "tracks.jsonl"
    header = {
        "version": "1", "source": "clip.mp4", "fps": 10, "width": WIDTH, "height": HEIGHT, "skeleton": "posetrack_15",
        "joint_names": list(POSETRACK_15.joint_names), "settings": {}, "weights": {},
    }  # fmt: skip
    with TracksWriter(path, header) as writer:
        for index in range(NUM_FRAMES):
            writer.write(TrackedPoses(index, index / 10, people(index), np.array([1, 2, 3])))
    return path


def people(index: int) -> Poses:
    left, height = np.array([20.0, 80, 140]) + index, np.array([40.0, 90, 30])
    boxes = np.stack([left - 8, 100 - height, left + 8, np.full(3, 100.0)], axis=1).astype(np.float32)
    share = np.linspace(0, 1, POSETRACK_15.num_joints)[None, :, None]
    joints = boxes[:, None, :2] * (1 - share) + boxes[:, None, 2:] * share
    scores = np.full((3, POSETRACK_15.num_joints), 0.9, np.float32)
    return Poses(joints.astype(np.float32), scores, boxes, np.ones(3, np.float32), POSETRACK_15)


CHOICES = [
    (("--people", "1,3"), {1, 3}),
    (("--main",), {2}),
    (("--max-people", "2"), {1, 2}),
    (("--region", "110,0", "200,0", "200,120", "110,120"), {3}),
    (("--people", "2,3", "--max-people", "1"), {2}),
]


def finish(tracks: Path, *options: str) -> set[int]:
    out = tracks.with_name("finished.jsonl")
    assert run_command("finish", tracks, out, "--overwrite", "--min-seconds", "0", *options) == 0
    frames = list(read_tracks(out)[1])
    assert len(frames) == NUM_FRAMES
    return {i for tracked in frames for i in tracked.track_ids.tolist()}


def convert(tracks: Path, *options: str) -> set[int]:
    out = tracks.with_name("converted.json")
    assert run_command("convert", tracks, out, "--to", "posetrack18", "--overwrite", *options) == 0
    sequence = read_sequence(out)
    assert isinstance(sequence, PoseSequence)
    assert len(sequence) == NUM_FRAMES
    return set(sequence.people.track_ids.tolist())


def analyse(tracks: Path, *options: str) -> set[int]:
    out = tracks.with_name("measures")
    assert run_command("analyse", tracks, "--out", out, "--overwrite", *options) == 0
    lines = (out / "summary.csv").read_text().splitlines()
    return {int(line.split(",")[0]) for line in lines[1:]}


def render(tracks: Path, *options: str) -> set[int]:
    """Who is drawn: the image at each person's hip is not black."""
    out = tracks.with_name("drawn")
    arguments = ("--overwrite", "--style.background", "black", *options)
    assert run_command("render", tracks, "--out", out, *arguments) == 0
    with open_video(out) as reader:
        image = next(iter(reader)).image
    middles = people(0).boxes.reshape(3, 2, 2).mean(axis=1).round().astype(int).tolist()
    return {i + 1 for i, (x, y) in enumerate(middles) if image[y - 5 : y + 6, x - 5 : x + 6].max() > 60}


@pytest.mark.parametrize("command", [finish, convert, analyse, render])
@pytest.mark.parametrize(("options", "expected"), CHOICES)
def test_the_same_people_in_each_command(
    command: Callable[..., set[int]], options: tuple[str, ...], expected: set[int], tracks: Path
) -> None:
    assert command(tracks, *options) == expected


def test_ids_of_a_file_that_counts_from_0_are_those_of_the_other_commands(tracks: Path, tmp_path: Path) -> None:
    """A PoseTrack file has the ids 0, 1, ...; `open_result` and so `render` and `view` call them 1, 2, ..."""
    sequence = read_sequence(tracks)
    assert not isinstance(sequence, PoseSequence)
    everybody = sequence.read_all()  # type: ignore[attr-defined]
    everybody.people.track_ids[:] -= 1
    FORMATS["posetrack18"].write(everybody, tmp_path / "from_0.json")
    out = tmp_path / "one.json"
    assert run_command("convert", tmp_path / "from_0.json", out, "--to", "posetrack18", "--people", "1") == 0
    (first,) = {
        x for frame in open_result(out) for x in frame.poses.boxes[:, 0].round().tolist() if frame.frame_index == 0
    }
    assert first == people(0).boxes[0, 0].round()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--people", "7"), "there is no person 7; the ids are 1, 2, 3"),
        (("--people", "one"), "--people takes track ids such as 1,3, got 'one'"),
        (("--people", "0"), "--people takes track ids such as 1,3, got '0'"),
        (("--max-people", "0"), "must be at least 1, got 0"),
        (("--main", "--max-people", "2"), "give one of them"),
        (("--region", "1,2", "3,4"), "a region needs at least three corners"),
        (("--region", "1,2", "3,4", "5"), "--region takes points X,Y such as 320,240.5, got '5'"),
        (("--region", "900,900", "950,900", "950,950"), "the region is outside of the image, which has 160x120 pixels"),
    ],
)
@pytest.mark.parametrize("command", ["finish", "convert", "analyse", "render"])
def test_one_clear_line_for_a_choice_that_cannot_be(
    command: str, options: tuple[str, ...], text: str, tracks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tracks.with_name("out.json" if command == "convert" else "out")
    places = {"finish": (tracks, out), "convert": (tracks, out, "--to", "coco"), "analyse": (tracks, "--out", out)}
    arguments = places.get(command, (tracks, "--out", out, "--style.background", "black"))
    assert run_command(command, *arguments, *options) == EXIT_ERROR
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert text.replace("160x120", f"{WIDTH}x{HEIGHT}") in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_render_refuses_to_leave_people_recognisable(tracks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--style.background", "black", "--style.privacy", "blur_people", "--main")
    assert run_command("render", tracks, "--out", tracks.with_name("out"), *options) == EXIT_ERROR
    assert "would leave people recognisable who are not chosen; give --style.only_ids" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), PeopleSettings()),
        (("--main",), PeopleSettings(max_people=1)),
        (("--max-people", "3"), PeopleSettings(max_people=3)),
        (("--region", "1,2", "3.5,4", "5,-6", "--no-render"), PeopleSettings(region=((1, 2), (3.5, 4), (5, -6)))),
    ],
)
def test_options_of_track_are_settings(options: tuple[str, ...], expected: PeopleSettings) -> None:
    assert track_settings(track_options("clip.mp4", *options), {}).people == expected


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--max-people", "0"), "people.max_people = '0': must be greater than or equal to 1"),
        (("--main", "--max-people", "2"), "give one of them"),
        (("--region", "1,2", "3,4"), "people.region"),
        (("--region", "1,2", "3,4", "5"), "--region takes points X,Y such as 320,240.5, got '5'"),
    ],
)
def test_one_clear_line_for_settings_that_cannot_be(options: tuple[str, ...], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        track_settings(track_options("clip.mp4", *options), {})


def track_options(*arguments: str) -> argparse.Namespace:
    parser = Parser("track")
    track.add_arguments(parser)
    return parser.parse(arguments)[0]
