import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from optional_packages import need_packages
from sample_sequences import three_frames
from track_files import write_tracks

from pose_track.formats.conversion import conversion_jobs, convert_file
from pose_track.formats.problems import Problems
from pose_track.formats.registry import FORMATS, identify_format, read_sequence
from pose_track.structures.skeleton import COCO_17, POSETRACK18_17

COCO_RESULTS = json.dumps([{"image_id": 1, "category_id": 1, "keypoints": [1, 2, 1] * 17, "score": 1}])
TEXTS = {
    "coco": [COCO_RESULTS, "\n  [\n]", "[]"],
    "posetrack": ['{"annolist": []}', '{\n "images": [],\n "annotations": []}', '{"type": "header"'],
    "mot": ["1,2,3,4,5,6,1,-1,-1,-1\n", "\n 12, 1, 2, 3, 4, 5, 1\n"],
    "tracks": ['{"type": "header", "version": "1"}\n{"frame": 0}\n', '{"version": 1, "type": "header"}\n'],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_format_is_identified_by_content(tmp_path, name, text):
    (tmp_path / "results.dat").write_text(text)
    assert identify_format(tmp_path / "results.dat") == name


@pytest.mark.parametrize("text", ['{"annolist": []}', '{"images": [], "annotations": [{"image_id": 1}]}'])
def test_a_file_of_one_line_is_not_parsed_to_identify_it(tmp_path, monkeypatch, text):
    monkeypatch.setattr("pose_track.formats.identify.json.loads", lambda line: pytest.fail(f"{line} was parsed"))
    (tmp_path / "a.json").write_text(text)
    assert identify_format(tmp_path / "a.json") == "posetrack"


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("x.json", b"", "is empty"),
        ("x.json", b"\x00\x01", "begins with"),
        ("x.csv", b"frame,seconds\n", "frame,seconds.*tracks.jsonl"),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=message) as error:
        read_sequence(tmp_path / name)
    assert "\n" not in str(error.value)


def test_empty_text(tmp_path):
    (tmp_path / "x.txt").write_text("")
    assert list(read_sequence(tmp_path / "x.txt")) == []


def test_tracks_and_posetrack_are_read(tmp_path):
    write_tracks(tmp_path / "tracks.jsonl", COCO_17, [[1, 2], [], [2]], source="clips/a.mp4")
    tracks = read_sequence(tmp_path / "tracks.jsonl")
    assert [(info.index, people.track_ids.tolist()) for info, people in tracks] == [(0, [1, 2]), (1, []), (2, [2])]
    for name in ("posetrack17", "posetrack18"):
        FORMATS[name].write(tracks, tmp_path / "gt.json")
        gt = read_sequence(tmp_path / "gt.json")
        assert [people.track_ids.tolist() for _, people in gt] == [[1, 2], [], [2]]


def test_cut_end_is_left_out_if_lenient(tmp_path):
    path = tmp_path / "tracks.jsonl"
    write_tracks(path, COCO_17, [[1], [2]])
    path.write_text(path.read_text()[:-20])
    with pytest.raises(ValueError, match="line 3"):
        list(read_sequence(path))
    assert [info.index for info, _ in read_sequence(path, Problems(lenient=True))] == [0]


def test_only_coco_results_take_a_skeleton(tmp_path):
    (tmp_path / "c.json").write_text(COCO_RESULTS)
    assert read_sequence(tmp_path / "c.json", skeleton=POSETRACK18_17).skeleton == POSETRACK18_17
    (tmp_path / "m.txt").write_text("1,2,3,4,5,6,1\n")
    with pytest.raises(ValueError, match=r"m\.txt .*skeleton"):
        read_sequence(tmp_path / "m.txt", skeleton=POSETRACK18_17)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_writes_only_its_output(tmp_path, name):
    need_packages(name)
    sequence = replace(three_frames(), extra={"width": 640, "height": 480})  # which Label Studio needs
    FORMATS[name].write(sequence, tmp_path / f"out{FORMATS[name].suffix}")
    assert [path.name for path in tmp_path.iterdir()] == [f"out{FORMATS[name].suffix}"]


@pytest.mark.parametrize("name", [name for name, form in FORMATS.items() if form.has_people])
def test_conversion_counts_frames_and_people(tmp_path, name):  # some iterate the frames twice
    need_packages(name)
    write_tracks(tmp_path / "tracks.jsonl", COCO_17, [[1, 2], [], [2]])
    done = convert_file(tmp_path / "tracks.jsonl", tmp_path / "new" / name, name)
    assert (done.frames, done.people) == (3, 3)


def test_files_of_a_folder_keep_their_stems(tmp_path):
    for name in ("b.json", "a.posetrack18.json", ".hidden.json", "c.mp4", "d.txt"):
        (tmp_path / name).write_text("")
    (tmp_path / "e.json").mkdir()
    out = tmp_path / "out"
    jobs = [(path.name, target) for path, target in conversion_jobs(tmp_path, out, "csv")]
    assert jobs == [
        ("a.posetrack18.json", out / "a.posetrack18.csv"),
        ("b.json", out / "b.csv"),
        ("d.txt", out / "d.csv"),
    ]
    assert conversion_jobs(tmp_path / "b.json", out, "openpose") == [(tmp_path / "b.json", out)]


def test_conversion_refuses_to_overwrite(tmp_path):
    for name in ("in/a.json", "in/a.txt", "one/b.txt", "out/b.csv", "empty/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "one")
    for error, path, out, to, overwrite, message in [
        (ValueError, "in", "out", "csv", True, "several files of .* would become .*a.csv"),
        (ValueError, "one", "one", "mot", True, "would replace its input"),
        (ValueError, "one", "link", "mot", True, "would replace its input"),
        (ValueError, "one/b.txt", "one", "openpose", True, "would replace its input"),
        (ValueError, "empty", "out", "csv", True, "holds no file with .jsonl, .json, .txt"),
        (FileNotFoundError, "gone", "out", "csv", True, "does not exist"),
        (FileExistsError, "one", "out", "csv", False, "already exists; give --overwrite"),
        (FileExistsError, "one/b.txt", "out", "csv", True, "is a folder; name a file in it"),
    ]:
        with pytest.raises(error, match=message):
            conversion_jobs(tmp_path / path, tmp_path / out, to, overwrite)
    assert conversion_jobs(tmp_path / "one", tmp_path / "out", "csv", True)


def test_registry_imports_no_format():
    code = "import pose_track.formats.registry, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"torch", "pyarrow", "msgspec", "scipy", "csv", "pose_track.formats.mot"} & loaded


def test_sequence_round_trips_through_readable_formats(tmp_path):
    sequence = three_frames()
    for name in ("coco", "posetrack17", "posetrack18", "mot"):
        path = tmp_path / f"r{FORMATS[name].suffix}"
        FORMATS[name].write(sequence, path)
        read = read_sequence(path)
        first = next(iter(read))[1]
        assert (name, first.track_ids.tolist()) == (name, [3, -1])
        np.testing.assert_array_equal(first.boxes[0], [5, 6, 35, 90])
