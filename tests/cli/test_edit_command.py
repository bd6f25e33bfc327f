"""`pose-track edit`, from its arguments to the file."""

import json
import re

import pytest
from command_line import run_command
from editing.walkers import NUM_FRAMES, ids_by_frame, write_walkers

from pose_track.formats.tracks_jsonl import header_names, read_tracks
from pose_track.structures.skeleton import COCO_17


def broken(n):
    return (1, 2, 3) if n < 20 else (2, 1, 3) if n < 30 else (2, 1, 5)


@pytest.fixture
def folder(tmp_path):
    write_walkers(tmp_path / "run/tracks.jsonl", broken)
    return tmp_path / "run"


def edit(*arguments):
    return run_command("edit", *arguments)


def ids_in(folder):
    return ids_by_frame(read_tracks(folder / "tracks.jsonl")[1])


def test_all_edits_in_their_order(folder, tmp_path, capsys):
    before = (folder / "tracks.jsonl").read_bytes()
    out = tmp_path / "out"
    edits = ["--swap", "1,2@20", "--merge", "3,5", "--split", "3@35", "--delete", "6@38-", "--rename", "1=Ann Lee"]
    edits += ["--move-joint", "1@2:left_knee=-3.5,20", "--hide-joint", "1@2:nose", "--delete", "2@0-4"]
    assert edit(folder, *edits, "--out", out) == 0
    assert ids_in(out) == [
        [1, 3] if n < 5 else [1, 2, 3] if n < 35 else [1, 2, 6] if n < 38 else [1, 2] for n in range(NUM_FRAMES)
    ]
    frame = list(read_tracks(out / "tracks.jsonl")[1])[2]
    assert frame.poses.joints[0, COCO_17.index("left_knee")].tolist() == [-3.5, 20]
    assert frame.poses.joint_scores[0, COCO_17.index("nose")] == 0
    assert header_names(read_tracks(out / "tracks.jsonl")[0]) == {1: "Ann Lee"}
    assert (folder / "tracks.jsonl").read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["tracks.jsonl"]
    printed = capsys.readouterr().out
    assert "swap 1,2@20: 40 poses changed, 0 removed\n" in printed
    assert "8 edits" in printed


def test_the_edits_file_with_undo_redo_and_list(folder, tmp_path, capsys):
    assert edit(folder, "--swap", "1,2@20", "--merge", "3,5") == 0
    assert edit(folder / "tracks.jsonl", "--undo", "--undo", "--redo", "--list") == 0
    assert capsys.readouterr().out.splitlines()[-2:] == ["1: swap 1,2@20", "1 edits, 1 taken back"]
    assert edit(folder, "--redo") == 0
    assert edit(folder, "--apply", folder / "edits.jsonl", "--out", tmp_path / "out") == 0
    assert ids_in(tmp_path / "out") == [[1, 2, 3]] * NUM_FRAMES
    assert edit(folder, "--redo") == 2
    assert "error: there is no edit to redo" in capsys.readouterr().err


def test_edits_are_replayed_on_a_result_that_was_tracked_again(folder, tmp_path, capsys):
    assert edit(folder, "--swap", "1,2@20", "--merge", "3,5", "--rename", "1=Ann") == 0
    write_walkers(tmp_path / "again/tracks.jsonl", lambda n: (7, 8, 9) if n < 20 else (8, 7, 9))
    assert edit(tmp_path / "again", "--apply", folder / "edits.jsonl", "--out", tmp_path / "out") == 0
    assert ids_in(tmp_path / "out") == [[7, 8, 9]] * NUM_FRAMES
    assert "merge 3,5 of " in (printed := capsys.readouterr().out)
    assert "does not fit: not needed: both are one person, 9" in printed
    assert header_names(read_tracks(tmp_path / "out/tracks.jsonl")[0]) == {7: "Ann"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to do"),
        (["--swap", "1,"], "argument --swap: must be A,B"),
        (["--swap", "1,2@5-3"], "last frame is before the first"),
        (["--merge", "1,1"], "two different ids"),
        (["--split", "1"], "must be ID@FRAME"),
        (["--delete", "0"], "id"),
        (["--delete", "77"], "nobody has the id 77"),
        (["--move-joint", "1@2:tail=1,2"], "no joint 'tail'"),
        (["--move-joint", "1@2:nose=a,2"], "must be ID@FRAME:JOINT=X,Y"),
        (["--swpa", "1,2"], "did you mean '--swap'|--swap"),
        (["--apply", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--undo", "--out", "x"], "--out writes the edits of this command only"),
    ],
)
def test_errors_are_one_line(folder, capsys, arguments, message):
    assert edit(folder, *arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert [path.name for path in folder.iterdir()] == ["tracks.jsonl"]


def test_an_output_is_replaced_with_overwrite_only(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert edit(folder, "--delete", "1", "--out", out) == 0
    assert edit(folder, "--delete", "2", "--out", out) == 2
    assert "already exists" in capsys.readouterr().err
    assert edit(folder, "--delete", "2", "--out", out, "--overwrite") == 0
    assert {one for ids in ids_in(out) for one in ids} == {1, 3, 5}
    assert edit(folder, "--delete", "2", "--out", folder, "--overwrite") == 2
    assert "would replace its input" in capsys.readouterr().err


def test_the_header_states_what_was_done(folder, tmp_path):
    assert edit(folder, "--swap", "1,2@20", "--out", tmp_path / "out") == 0
    header = json.loads((tmp_path / "out/tracks.jsonl").read_text().splitlines()[0])
    (done,) = header["edits"]
    assert done["result"] == "tracks.jsonl"
    assert len(done["sha256"]) == 64
    (swap,) = done["edits"]
    assert swap["seconds"] == [0.8, None]
    assert [place[:3] for place in swap["places"]] == [[1, 19, 0.76], [1, 20, 0.8], [2, 19, 0.76], [2, 20, 0.8]]
