"""Editing a result, saved at once, and again after it was tracked anew."""

import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from editing.walkers import NUM_FRAMES, ids_by_frame, walkers, write_walkers
from formats.track_files import header

import pose_track
from pose_track.editing.edits import Delete, HideJoint, Merge, MoveJoint, Rename, Split, Swap
from pose_track.editing.session import EditSession, PersonSummary, default_edits_path
from pose_track.editing.write import write_edited
from pose_track.formats.conversion import convert_file
from pose_track.formats.tracks_jsonl import header_names, read_tracks
from pose_track.formats.tracks_writer import TracksWriter
from pose_track.structures.skeleton import COCO_17


def broken(n):
    """1 and 2 change places at frame 20, and 3 becomes 5 at frame 30."""
    return (1, 2, 3) if n < 20 else (2, 1, 3) if n < 30 else (2, 1, 5)


MENDING = (Swap((1, 2), 20), Merge((3, 5)), Rename(2, "Bob"))


@pytest.fixture
def folder(tmp_path):
    write_walkers(tmp_path / "run/tracks.jsonl", broken)
    return tmp_path / "run"


def opened(folder):
    return EditSession(folder, default_edits_path(folder))


def test_edits_are_there_when_the_result_is_opened_again(folder):
    before = (folder / "tracks.jsonl").read_bytes()
    session = opened(folder)
    assert ids_by_frame(session.frames()) == ids_by_frame(walkers(broken))
    assert not (folder / "edits.jsonl").exists()
    for edit in MENDING:
        session.apply(edit)
    for one in (session, opened(folder)):
        assert ids_by_frame(one.frames()) == [[1, 2, 3]] * NUM_FRAMES
        assert one.names == {2: "Bob"}
        assert [type(edit) for edit in one.edits] == [Swap, Merge, Rename]
    assert (folder / "tracks.jsonl").read_bytes() == before


def test_undo_and_redo_go_through_all_states(folder):
    session = opened(folder)
    states = [ids_by_frame(session.frames())]
    for edit in (*MENDING, Split(1, 10), Delete(3, 5, 6), MoveJoint(2, 3, "nose", 1, 2), HideJoint(2, 3, "nose")):
        session.apply(edit)
        states.append(ids_by_frame(session.frames()))
    joints = session.frames(3, 3)[0].poses.joints
    for state in states[-2::-1]:
        session.undo()
        assert ids_by_frame(session.frames()) == state
    np.testing.assert_array_equal(session.frames(3, 3)[0].poses.joints, opened(folder).frames(3, 3)[0].poses.joints)
    with pytest.raises(ValueError, match="no edit to undo"):
        session.undo()
    for state in states[1:]:
        session.redo()
        assert ids_by_frame(session.frames()) == state
    np.testing.assert_array_equal(session.frames(3, 3)[0].poses.joints, joints)
    assert ids_by_frame(opened(folder).frames()) == states[-1]


def test_a_refused_edit_changes_nothing(folder):
    session = opened(folder)
    session.apply(MENDING[0])
    version, lines = session.version, (folder / "edits.jsonl").read_bytes()
    with pytest.raises(ValueError, match="nobody has the id 9"):
        session.apply(Delete(9))
    assert (session.version, (folder / "edits.jsonl").read_bytes()) == (version, lines)


def test_an_edit_that_is_not_saved_is_not_applied(folder, monkeypatch):
    session = opened(folder)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        session.apply(MENDING[0])
    assert ids_by_frame(session.frames()) == ids_by_frame(walkers(broken))
    assert session.edits == ()


def test_people_and_spans_of_frames(folder):
    session = opened(folder)
    session.apply(Rename(5, "Eve"))
    session.apply(Delete(2, 0, 9))
    people = session.people()
    assert [one.id for one in people] == [1, 2, 3, 5]
    assert people[3] == PersonSummary(5, "Eve", 30, 39, 10, 0.7)
    assert (people[1].first, people[1].last, people[1].num_frames) == (10, 39, 30)
    assert people[0].mean_score == pytest.approx(0.85, abs=1e-4)  # half the time each of two people
    assert [tracked.frame_index for tracked in session.frames(38)] == [38, 39]
    assert [tracked.frame_index for tracked in session.frames(3, 4)] == [3, 4]
    assert session.frames(50, 60) == []


def test_edits_of_a_result_that_was_tracked_again_are_refused_and_replayed(folder, tmp_path):
    session = opened(folder)
    for edit in MENDING:
        session.apply(edit)
    # the same people under other ids; the swap is still there, the broken track is not
    write_walkers(folder / "tracks.jsonl", lambda n: (11, 12, 13) if n < 20 else (12, 11, 13))
    with pytest.raises(ValueError, match="another result"):
        opened(folder)
    again = EditSession(folder, tmp_path / "new.jsonl")
    applied, rejected = again.replay(folder / "edits.jsonl")
    assert [type(one.edit) for one in applied] == [Swap, Rename]
    assert [(type(one.edit), one.reason) for one in rejected] == [(Merge, "not needed: both are one person, 13")]
    assert ids_by_frame(again.frames()) == [[11, 12, 13]] * NUM_FRAMES
    assert again.names == {12: "Bob"}
    assert ids_by_frame(EditSession(folder, tmp_path / "new.jsonl").frames()) == [[11, 12, 13]] * NUM_FRAMES


def test_replay_on_the_same_result_is_exact(folder, tmp_path):
    session = opened(folder)
    edits = (*MENDING, Split(1, 10, 40), Delete(3, 5, 6), MoveJoint(2, 3, "nose", 1, 2), Swap((40, 2), 15, 17))
    for edit in edits:
        session.apply(edit)
    other = EditSession(folder, None)
    assert other.replay(folder / "edits.jsonl")[1] == []
    assert ids_by_frame(other.frames()) == ids_by_frame(session.frames())
    other = EditSession(folder, None)
    anonymous = tmp_path / "anonymous.jsonl"  # without its first line nothing says which result it was: by place
    anonymous.write_bytes((folder / "edits.jsonl").read_bytes().partition(b"\n")[2])
    assert other.replay(anonymous)[1] == []
    assert [sorted(ids) for ids in ids_by_frame(other.frames())] == [
        sorted({40: 6}.get(one, one) for one in ids) for ids in ids_by_frame(session.frames())
    ]  # the new id is the first free one


def test_the_edited_result_is_a_result(folder, tmp_path):
    session = EditSession(folder, None)
    for edit in (*MENDING, HideJoint(1, 3, "nose")):
        session.apply(edit)
    out = tmp_path / "out/tracks.jsonl"
    write_edited(session, out)
    new_header, frames = read_tracks(out)
    assert ids_by_frame(frames) == [[1, 2, 3]] * NUM_FRAMES
    assert header_names(new_header) == {2: "Bob"}
    assert [edit["op"] for edit in new_header["edits"][0]["edits"]] == ["swap", "merge", "rename", "hide_joint"]
    assert {key: new_header[key] for key in header(COCO_17)} == header(COCO_17)
    again = EditSession(out.parent, None)
    assert again.names == {2: "Bob"}
    again.apply(Rename(2, ""))
    write_edited(again, tmp_path / "out2/tracks.jsonl")
    second = read_tracks(tmp_path / "out2/tracks.jsonl")[0]
    assert (len(second["edits"]), header_names(second)) == (2, {})
    replayed = EditSession(folder, None)
    replayed.replay(out)
    assert ids_by_frame(replayed.frames()) == [[1, 2, 3]] * NUM_FRAMES
    both = EditSession(folder, None)
    both.replay(tmp_path / "out2/tracks.jsonl")
    assert [type(edit) for edit in both.edits] == [Swap, Merge, Rename, HideJoint, Rename]
    assert both.names == {}
    with pytest.raises(ValueError, match="states no edits"):
        both.replay(folder / "tracks.jsonl")


def test_faults_stay(tmp_path):
    path = tmp_path / "tracks.jsonl"
    with TracksWriter(path, header(COCO_17)) as writer:
        for tracked in walkers(broken):
            writer.write(tracked)
        writer.write_damage(7, "lost")
        writer.write_live(3, {"median": 20.0})
        writer.write_fault("the camera was unplugged")
    session = EditSession(path, None)
    session.apply(Delete(1))
    write_edited(session, tmp_path / "out/tracks.jsonl")
    frames = read_tracks(tmp_path / "out/tracks.jsonl")[1]
    assert len(list(frames)) == NUM_FRAMES
    assert (frames.fault.message, frames.damage[0].frame, frames.live.num_skipped) == ("the camera was unplugged", 7, 3)


@pytest.mark.parametrize(("layout", "suffix"), [("posetrack18", ".json"), ("coco", ".json"), ("mot", ".txt")])
def test_results_of_other_programs(folder, tmp_path, layout, suffix):
    path = tmp_path / f"clip{suffix}"
    convert_file(folder / "tracks.jsonl", path, layout)
    session = EditSession(path, default_edits_path(path))
    for edit in (Swap((1, 2), 20), Merge((3, 5))) if layout != "mot" else ():
        session.apply(edit)
    write_edited(session, tmp_path / "out/tracks.jsonl")
    expected = broken if layout == "mot" else lambda n: (1, 2, 3)
    written = read_tracks(tmp_path / "out/tracks.jsonl")[1]
    assert [sorted(ids) for ids in ids_by_frame(written)] == [sorted(expected(n)) for n in range(NUM_FRAMES)]
    if layout != "mot":
        assert (tmp_path / "clip.edits.jsonl").exists()


def test_many_threads_at_once(folder):
    session = opened(folder)

    def work(person):
        for n in range(20):
            session.apply(Rename(person, f"{person} {n}"))
            session.frames(0, 5)
            session.people()

    threads = [Thread(target=work, args=(person,)) for person in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(session.edits) == 60
    assert opened(folder).edits == session.edits
    assert session.names == {1: "1 19", 2: "2 19", 3: "3 19"}


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_nothing_is_lost_when_the_session_is_killed(folder):
    code = f"""
from pose_track.editing.edits import Rename
from pose_track.editing.session import EditSession
session = EditSession({str(folder)!r}, {str(folder / "edits.jsonl")!r})
for n in range(100_000):
    session.apply(Rename(1, f"name {{n}}"))
    print(n, flush=True)
"""
    root = Path(pose_track.__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root) as process:
        for _ in range(20):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        reported = 20 + len(process.stdout.read().split())
    names = [edit.name for edit in opened(folder).edits]
    assert names == [f"name {n}" for n in range(len(names))]
    assert len(names) in (reported, reported + 1)
