"""`pose-track convert`, from its arguments to files, lines and exit codes."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import run_command
from formats.optional_packages import need_packages
from formats.sample_sequences import three_frames
from formats.track_files import write_tracks

from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17

ROOT = Path(__file__).resolve().parents[2]


def convert(*arguments):
    return run_command("convert", *arguments)


@pytest.fixture
def sample():
    return next(iter(sorted(ROOT.glob("data/sample/**/three_people*.json"))))


def synthetic_tracks(folder):
    write_tracks(folder / "tracks.jsonl", COCO_17, [[1, 2], [], [2]], source="../clips/a.mp4")
    return folder / "tracks.jsonl"


@pytest.mark.parametrize("to", ["posetrack17", "posetrack18", "coco", "mot"])
def test_round_trip_of_the_sample(tmp_path, capsys, sample, to):
    gt = read_sequence(sample)
    out = tmp_path / f"three_people{FORMATS[to].suffix}"
    assert convert(sample, out, "--to", to) == 0
    output = capsys.readouterr().out
    assert output == f"{sample} -> {out}: {len(gt.frames)} frames, {len(gt.people)} people\n"
    assert convert(out, tmp_path / "again.json", "--to", "posetrack18") == 0
    again = read_sequence(tmp_path / "again.json")
    np.testing.assert_array_equal(again.people.track_ids, gt.people.track_ids)
    names = {"mot": (), "coco": COCO_17.joint_names}.get(to, POSETRACK18_17.joint_names)  # what the format has
    kept = [k for k, name in enumerate(POSETRACK18_17.joint_names) if name in names]
    np.testing.assert_array_equal(again.people.has_joint[:, kept], gt.people.has_joint[:, kept])
    np.testing.assert_array_equal(again.people.joints[:, kept], gt.people.joints[:, kept])


@pytest.mark.parametrize("to", FORMATS)
def test_tracks_to_each_format(tmp_path, capsys, to):
    need_packages(to)
    out = tmp_path / "new" / "out"
    assert convert(synthetic_tracks(tmp_path), out, "--to", to) == 0
    content = "3 frames, 3 people" if FORMATS[to].has_people else "coco_17"
    assert capsys.readouterr().out == f"{tmp_path / 'tracks.jsonl'} -> {out}: {content}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "tracks.jsonl"]


def test_csv_has_times(tmp_path):
    assert convert(synthetic_tracks(tmp_path), tmp_path / "out.csv", "--to", "csv") == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["frame"], row["seconds"], row["track"]) for row in rows} == {
        ("0", "0.0", "1"),
        ("0", "0.0", "2"),
        ("2", "0.08", "2"),
    }


def test_openpose_files_have_the_name_of_the_video(tmp_path):
    assert convert(synthetic_tracks(tmp_path), tmp_path / "out", "--to", "openpose") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"a_{index:012d}_keypoints.json" for index in range(3)
    ]


def test_a_broken_file_in_a_folder(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for name in ("a", "c"):
        FORMATS["mot"].write(three_frames(), tmp_path / "in" / f"{name}.txt")
    (tmp_path / "in" / "b.json").write_text('[{"image_id": 3, "keyp')
    assert convert(tmp_path / "in", tmp_path / "out", "--to", "coco") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.json", "c.json"]
    output = capsys.readouterr()
    assert output.out.count("1 frames, 2 people") == 2
    assert "b.json is not valid JSON" in output.err
    assert output.err.count("error:") == 1


def test_overwrite(tmp_path, capsys):
    path, out = synthetic_tracks(tmp_path), tmp_path / "out.csv"
    out.write_text("mine")
    assert convert(path, out, "--to", "csv") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert convert(path, out, "--to", "csv", "--overwrite") == 0
    assert out.read_text().startswith("frame,")
    before = path.read_text()
    assert convert(path, path, "--to", "csv", "--overwrite") == 2
    assert path.read_text() == before


def test_lenient_skips_and_counts_problems(tmp_path, capsys, caplog):
    (tmp_path / "r.txt").write_text("1,1,0,0,1,1,1\n2,2,nan,0,1,1,1\n")
    assert convert(tmp_path / "r.txt", tmp_path / "out.json", "--to", "coco") == 2
    assert "r.txt, line 2" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
    assert convert(tmp_path / "r.txt", tmp_path / "out.json", "--to", "coco", "--lenient") == 0
    assert capsys.readouterr().out.endswith(": 1 frames, 1 people, 1 problems left out\n")
    assert "left out: " in caplog.text


def test_skeleton_of_coco_results(tmp_path):
    keypoints = [1.0, 2, 0.5] * 3 + [0.0] * 6 + [1.0, 2, 0.5] * 12
    entries = [{"image_id": 0, "category_id": 1, "keypoints": keypoints, "score": 1}]
    (tmp_path / "r.json").write_text(json.dumps(entries))
    arguments = (tmp_path / "r.json", tmp_path / "out.csv", "--to", "csv", "--overwrite")
    for extra, second in ([], "left_eye"), (["--skeleton", "posetrack18_17"], "head_bottom"):
        assert convert(*arguments, *extra) == 0
        with (tmp_path / "out.csv").open(newline="") as file:
            assert [row["joint"] for row in csv.DictReader(file)][1] == second
    synthetic_tracks(tmp_path)
    assert convert(tmp_path / "tracks.jsonl", tmp_path / "x", "--to", "csv", "--skeleton", "coco_17") == 2


def test_errors_are_one_line(tmp_path):
    for arguments in (["--to", "csv"], ["--to", "fbx"], []):
        command = [
            sys.executable,
            "-m",
            "pose_track",
            "convert",
            str(tmp_path / "gone.json"),
            str(tmp_path / "out"),
            *arguments,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith("error: ")


def test_the_page_lists_each_format():
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"`{name}`" not in text] == []
