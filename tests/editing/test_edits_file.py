"""The file of edits: what it keeps, whatever ends the process that writes it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import pose_track
from pose_track.editing.edits import (
    Delete,
    HideJoint,
    Merge,
    MoveJoint,
    Place,
    Rename,
    Split,
    Swap,
    describe,
    edit_values,
    parse_edit,
)
from pose_track.editing.edits_file import EditsFile, read_edits

EDITS = [
    Swap((1, 2), 100),
    Swap((1, 2), 100, 120, seconds=(4.0, 4.8), places=(Place(1, 100, 4.0, (1.0, 2.0, 3.0, 4.0)),)),
    Merge((3, 5)),
    Split(4, 60, 9, (2.4,)),
    Delete(7),
    Delete(7, 5, None, (0.2, None)),
    Rename(1, "Zoë – 安"),
    MoveJoint(4, 60, "left_knee", -3.5, 220.25),
    HideJoint(4, 60, "left_knee"),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "edits.jsonl"


def opened(path, sha256="ab"):
    return EditsFile(path, "tracks.jsonl", sha256)


def test_every_edit_is_read_as_it_was_written(path):
    file = opened(path)
    assert not path.exists()  # until there is an edit
    for edit in EDITS:
        file.append(edit)
    assert read_edits(path).done == EDITS
    assert json.loads(path.read_text().splitlines()[1]) == {"op": "swap", "ids": [1, 2], "from": 100, "to": None}


def test_undo_and_redo(path):
    file = opened(path)
    for step in (*EDITS[:3], "undo", "undo", "redo"):
        file.append(step)
    for history in (file.history, read_edits(path), opened(path).history):
        assert (history.done, history.undone) == (EDITS[:2], [EDITS[2]])
    file.append(EDITS[4])
    assert (read_edits(path).done, read_edits(path).undone) == ([*EDITS[:2], EDITS[4]], [])
    lines = path.read_bytes()
    with pytest.raises(ValueError, match="no edit to redo"):
        file.append("redo")
    for _ in range(3):
        file.append("undo")
    with pytest.raises(ValueError, match="no edit to undo"):
        file.append("undo")
    assert path.read_bytes() == lines + b'{"op": "undo"}\n' * 3


def test_half_a_line_is_ignored_and_replaced_at_any_cut(path):
    file = opened(path)
    for edit in EDITS[:2]:
        file.append(edit)
    whole, one = path.read_bytes(), path.read_bytes().splitlines(keepends=True)
    for cut in range(len(b"".join(one[:2])), len(whole)):
        path.write_bytes(whole[:cut])
        expected = EDITS[:2] if cut == len(whole) - 1 else EDITS[:1]
        assert read_edits(path).done == expected
        opened(path).append(EDITS[4])
        assert read_edits(path).done == [*expected, EDITS[4]]


def test_edits_of_another_result_are_refused(path):
    opened(path).append(EDITS[0])
    with pytest.raises(ValueError, match=r"another result.*--apply"):
        opened(path, "cd")


def test_a_second_writer_is_noticed(path):
    first, second = opened(path), opened(path)
    first.append(EDITS[0])
    with pytest.raises(BlockingIOError, match="another process"):
        second.append(EDITS[1])
    assert read_edits(path).done == EDITS[:1]


def test_a_failed_write_leaves_file_and_history_as_they_were(path, monkeypatch):
    file = opened(path)
    file.append(EDITS[0])
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            file.append(EDITS[1])
    assert (path.read_bytes(), file.history.done) == (before, EDITS[:1])
    file.append(EDITS[2])
    assert read_edits(path).done == [EDITS[0], EDITS[2]]


def _written(folder):
    path = folder / "by_hand.jsonl"
    path.write_text('{"op": "delete", "id": 7}')
    return path


def test_a_file_written_by_hand(tmp_path):
    path = _written(tmp_path)
    assert read_edits(path).done == [Delete(7)]
    opened(path).append(Merge((3, 5)))
    assert read_edits(path).done == [Delete(7), Merge((3, 5))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", "not an edit"),
        ('{"op": "explode", "id": 1}', "not an edit.*explode"),
        ('{"op": "swap", "ids": [1]}', "ids"),
        ('{"op": "swap", "ids": [1, 1]}', "two different ids"),
        ('{"op": "swap", "ids": [1, 0]}', "ids"),
        ('{"op": "swap", "ids": [1, 2], "from": 5, "to": 4}', "last frame is before"),
        ('{"op": "delete", "id": "7"}', "id"),
        ('{"op": "rename", "id": 7, "name": "a\\nb"}', "printable"),
        ('{"op": "move_joint", "id": 7, "frame": 3, "joint": "nose", "x": 1e99, "y": 0}', "x"),
        ('{"op": "undo"}', "no edit to undo"),
        ("{", "not valid JSON"),
    ],
)
def test_what_is_no_edit_is_named_by_its_line(path, line, message):
    path.write_text(f'{{"type": "edits", "result": "tracks.jsonl", "sha256": "ab"}}\n{line}\n')
    with pytest.raises(ValueError, match=rf"edits\.jsonl, line 2.*{message}"):
        read_edits(path)


def test_descriptions_are_the_options_of_the_command():
    assert [describe(edit) for edit in EDITS[:6]] == [
        *("swap 1,2@100", "swap 1,2@100-120", "merge 3,5", "split 4@60", "delete 7", "delete 7@5"),
    ]
    assert describe(EDITS[7]) == "move-joint 4@60:left_knee=-3.5,220.25"
    assert all(parse_edit(edit_values(edit)) == edit for edit in EDITS)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_nothing_is_lost_when_the_process_is_killed(path):
    """Each edit that `append` has returned from is in the file after kill -9."""
    code = f"""
from pose_track.editing.edits import Rename
from pose_track.editing.edits_file import EditsFile
file = EditsFile({str(path)!r}, "tracks.jsonl", "ab")
for n in range(100_000):
    file.append(Rename(1, f"name {{n}}"))
    print(n, flush=True)
"""
    folder = Path(pose_track.__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        for _ in range(50):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
    reported = 50 + len(rest)
    done = read_edits(path).done
    assert len(done) in (reported, reported + 1)  # one may have been written and not reported yet
    assert done == [Rename(1, f"name {n}") for n in range(len(done))]
    opened(path).append(Delete(7))
    assert read_edits(path).done == [*done, Delete(7)]
