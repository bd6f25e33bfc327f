import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_sequences import three_frames
from track_files import write_tracks

from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.structures.skeleton import COCO_17

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "convert_tracks.py"


def convert(*words):
    spec = importlib.util.spec_from_file_location("convert_tracks_tool", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool.main([str(word) for word in words])


@pytest.fixture
def sample():
    return next(iter(sorted(ROOT.glob("data/sample/**/three_people*.json"))))


def made_tracks(folder):
    write_tracks(folder / "tracks.jsonl", COCO_17, [[1, 2], [], [2]], source="../clips/a.mp4")
    return folder / "tracks.jsonl"


@pytest.mark.parametrize("to", ["posetrack17", "posetrack18", "coco", "mot"])
def test_the_sample_comes_back(tmp_path, capsys, sample, to):
    truth = read_sequence(sample)
    out = tmp_path / f"three_people{FORMATS[to].suffix}"
    assert convert(sample, out, "--to", to) == 0
    told = capsys.readouterr().out
    assert told == f"{sample} -> {out}: {len(truth.frames)} frames, {len(truth.people)} people\n"
    words = ["--skeleton", "posetrack18_17"] if to == "coco" else []
    assert convert(out, tmp_path / "again.json", "--to", "posetrack18", *words) == 0
    again = read_sequence(tmp_path / "again.json")
    np.testing.assert_array_equal(again.people.track_ids, truth.people.track_ids)
    if to != "mot":
        shared_joints = truth.people.has_joint & again.people.has_joint
        np.testing.assert_array_equal(again.people.joints[shared_joints], truth.people.joints[shared_joints])
        assert (shared_joints == truth.people.has_joint).all()


@pytest.mark.parametrize("to", FORMATS)
def test_tracks_become_each_format(tmp_path, capsys, to):
    out = tmp_path / "new" / "out"
    assert convert(made_tracks(tmp_path), out, "--to", to) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'tracks.jsonl'} -> {out}: 3 frames, 3 people\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "tracks.jsonl"]


def test_a_table_of_tracks_has_their_times(tmp_path):
    assert convert(made_tracks(tmp_path), tmp_path / "out.csv", "--to", "csv") == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["frame"], row["seconds"], row["track"]) for row in rows} == {
        ("0", "0.0", "1"),
        ("0", "0.0", "2"),
        ("2", "0.08", "2"),
    }


def test_openpose_frames_are_called_by_the_video_not_by_its_path(tmp_path):
    assert convert(made_tracks(tmp_path), tmp_path / "out", "--to", "openpose") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"a_{index:012d}_keypoints.json" for index in range(3)
    ]


def test_a_folder_goes_on_after_a_broken_file(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for name in ("a", "c"):
        FORMATS["mot"].write(three_frames(), tmp_path / "in" / f"{name}.txt")
    (tmp_path / "in" / "b.json").write_text('[{"image_id": 3, "keyp')
    assert convert(tmp_path / "in", tmp_path / "out", "--to", "coco") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.json", "c.json"]
    told = capsys.readouterr()
    assert told.out.count("1 frames, 2 people") == 2
    assert "b.json is not whole JSON" in told.err
    assert told.err.count("error:") == 1


def test_what_is_there_is_replaced_only_when_asked(tmp_path, capsys):
    path, out = made_tracks(tmp_path), tmp_path / "out.csv"
    out.write_text("mine")
    assert convert(path, out, "--to", "csv") == 2
    assert "is there already; give --overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert convert(path, out, "--to", "csv", "--overwrite") == 0
    assert out.read_text().startswith("frame,")
    before = path.read_text()
    assert convert(path, path, "--to", "csv", "--overwrite") == 2
    assert path.read_text() == before


def test_faults_are_left_out_and_counted_where_one_is_lenient(tmp_path, capsys, caplog):
    (tmp_path / "r.txt").write_text("1,1,0,0,1,1,1\n2,2,nan,0,1,1,1\n")
    assert convert(tmp_path / "r.txt", tmp_path / "out.json", "--to", "coco") == 2
    assert "r.txt, line 2: box and conf must be finite numbers" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
    assert convert(tmp_path / "r.txt", tmp_path / "out.json", "--to", "coco", "--lenient") == 0
    assert capsys.readouterr().out.endswith(": 1 frames, 1 people, 1 faults left out\n")
    assert "left out: " in caplog.text


def test_the_order_of_joints_can_be_named(tmp_path):
    keypoints = [1.0, 2, 0.5] * 3 + [0.0] * 6 + [1.0, 2, 0.5] * 12
    entries = [{"image_id": 0, "category_id": 1, "keypoints": keypoints, "score": 1}]
    (tmp_path / "r.json").write_text(json.dumps(entries))
    words = (tmp_path / "r.json", tmp_path / "out.csv", "--to", "csv", "--overwrite")
    for extra, second in ([], "left_eye"), (["--skeleton", "posetrack18_17"], "head_bottom"):
        assert convert(*words, *extra) == 0
        with (tmp_path / "out.csv").open(newline="") as file:
            assert [row["joint"] for row in csv.DictReader(file)][1] == second
    made_tracks(tmp_path)
    assert convert(tmp_path / "tracks.jsonl", tmp_path / "x", "--to", "csv", "--skeleton", "coco_17") == 2


def test_the_program_tells_what_is_wrong_in_one_line(tmp_path):
    for words in (["--to", "csv"], ["--to", "bvh"], []):
        command = [sys.executable, str(TOOL), str(tmp_path / "gone.json"), str(tmp_path / "out"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.startswith("error: ")


def test_the_page_names_each_format():
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"`{name}`" not in text] == []
