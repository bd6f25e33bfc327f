"""`pose-track finish`, from its arguments to the file."""

from pathlib import Path

import numpy as np
import pytest
from command_line import run_command
from postprocessing.synthetic_tracks import FPS, broken_tracks, seconds, sequence_of, track_ids, walker

from pose_track.formats.pose_conversion import annotations_to_poses
from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.skeleton import LSP_14

HEADER = {
    "version": "1", "source": "clip.mp4", "fps": FPS, "width": 640, "height": 480, "skeleton": LSP_14.name,
    "joint_names": list(LSP_14.joint_names), "settings": {"a": 1}, "weights": {},
}  # fmt: skip


def finish(*arguments):
    return run_command("finish", *arguments)


def write_tracks(path, sequence, fault=None):
    with TracksWriter(path, HEADER) as writer:
        for info, people in sequence:
            poses = annotations_to_poses(people, sequence.skeleton)
            writer.write(TrackedPoses(info.index, info.pts_seconds, poses, people.track_ids))
        if fault:
            writer.write_fault(fault)
    return path


def test_tracks_are_postprocessed(tmp_path, capsys):
    path, out = write_tracks(tmp_path / "in.jsonl", broken_tracks(), "disk full"), tmp_path / "new" / "out.jsonl"
    before = path.read_bytes()
    assert finish(path, out, "--min-seconds", "0.2") == 0
    assert capsys.readouterr().out == f"{path} -> {out}: 3 tracks -> 1 (1 stitched, 1 dropped), 8 poses interpolated\n"
    assert path.read_bytes() == before
    header, records = read_tracks(out)
    frames = list(records)
    assert {key: header[key] for key in HEADER} == HEADER
    assert header["finishing"]["min_seconds"] == 0.2
    assert [frame.frame_index for frame in frames] == list(range(60))
    assert [frame.pts_seconds for frame in frames] == [round(t, 6) for t in seconds(broken_tracks())]
    assert [len(frame) for frame in frames] == [1] * 50 + [0] * 10
    assert [i for i, frame in enumerate(frames) if "filled" in frame.poses.sources] == [15, 16, 17, *range(30, 35)]
    assert records.fault.message == "disk full"
    assert records.fault.after_frame == 59


def test_a_result_folder(tmp_path):
    (tmp_path / "clip").mkdir()
    path = write_tracks(tmp_path / "clip" / "tracks.jsonl", broken_tracks())
    assert finish(path.parent, tmp_path / "a.jsonl") == finish(path, tmp_path / "b.jsonl") == 0
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_without_steps_nothing_changes(tmp_path):
    path, out = write_tracks(tmp_path / "in.jsonl", broken_tracks(), "stopped"), tmp_path / "out.jsonl"
    arguments = ("--stitch.max_seconds", "0", "--interpolate.max_seconds=0", "--smooth", "none")
    assert finish(path, out, *arguments) == 0
    assert out.read_text().splitlines()[1:] == path.read_text().splitlines()[1:]


@pytest.mark.parametrize("layout", ["posetrack17", "posetrack18", "coco"])
def test_the_format_stays(tmp_path, layout):
    path, out = tmp_path / "in.json", tmp_path / "out.json"
    FORMATS[layout].write(broken_tracks(), path)
    assert finish(path, out, "--fps", "25") == 0
    before, after = read_sequence(path), read_sequence(out)
    assert after.layout == layout
    assert track_ids(after) == [1, 3]
    assert len(after.people) == len(before.people) + (0 if layout == "coco" else 8)
    assert [frame.image_name for frame in after.frames] == [frame.image_name for frame in before.frames]
    assert finish(path, tmp_path / "slow.json", "--fps", "2") == 0  # every gap is too long at 2 frames per second
    assert track_ids(read_sequence(tmp_path / "slow.json")) == [1, 2, 3]


def test_settings_of_a_file_and_of_the_command_line(tmp_path):
    path, config = write_tracks(tmp_path / "in.jsonl", broken_tracks()), tmp_path / "finish.yaml"
    config.write_text("min_seconds: 0.2\nstitch:\n  max_seconds: 0\n")
    out = tmp_path / "out.jsonl"
    assert finish(path, out, "--config", config) == 0
    assert track_ids(read_sequence_of(out)) == [1, 2]
    assert finish(path, out, "--config", config, "--min-seconds=0", "--overwrite") == 0
    assert track_ids(read_sequence_of(out)) == [1, 2, 3]


def read_sequence_of(path):
    from pose_track.postprocessing.files import read_track_file

    return read_track_file(path).sequence


@pytest.mark.parametrize("method", ["one_euro", "savgol", "butterworth"])
def test_methods_differ(tmp_path, method):
    path, out = write_tracks(tmp_path / "in.jsonl", noisy_track()), tmp_path / "out.jsonl"
    assert finish(path, out, "--smooth", method) == 0
    moved = read_sequence_of(out).people.joints - read_sequence_of(path).people.joints
    assert 0 < np.abs(moved).mean() < 5
    other = {"one_euro": "beta", "savgol": "degree", "butterworth": "cutoff_hz"}[method]
    assert finish(path, tmp_path / "other.jsonl", "--smooth", method, f"--smooth.{other}", "1") == 0
    assert (read_sequence_of(tmp_path / "other.jsonl").people.joints != read_sequence_of(out).people.joints).any()
    first = {"one_euro": "min_cutoff_hz", "savgol": "window_seconds", "butterworth": "cutoff_hz"}[method]
    assert finish(path, tmp_path / "other.jsonl", "--smooth", method, f"--smooth.{first}", "0.7", "--overwrite") == 0
    assert (read_sequence_of(tmp_path / "other.jsonl").people.joints != read_sequence_of(out).people.joints).any()


def noisy_track():
    sequence = sequence_of(60, walker(range(60)))
    sequence.people.joints[:] += np.random.default_rng(0).normal(0, 3, sequence.people.joints.shape)
    return sequence


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.jsonl", "out.jsonl"), "'none.jsonl' does not exist"),
        ((".", "out.jsonl"), "'.' holds no tracks.jsonl"),
        (("in.jsonl", "in.jsonl", "--overwrite"), "'in.jsonl'"),
        (("in.jsonl", "there.jsonl"), "--overwrite"),
        (("in.jsonl", "."), "output '.'"),
        (("in.jsonl", "out.jsonl", "--smooth", "median"), "smooth.method = 'median'"),
        (("in.jsonl", "out.jsonl", "--interpolate.max_second", "2"), "'interpolate.max_seconds'"),
        (("boxes.txt", "out.txt"), "give the tracks.jsonl"),
    ],
)
def test_errors_are_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    write_tracks(tmp_path / "in.jsonl", broken_tracks())
    Path("there.jsonl").write_text("mine")
    Path("boxes.txt").write_text("1,1,10,10,20,40,1,-1,-1,-1\n")
    assert finish(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
    assert Path("there.jsonl").read_text() == "mine"
