import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_tracks import FPS, ids, seconds, together, walker

from pose_track.formats.registry import FORMATS, read_sequence
from pose_track.formats.to_poses import people_to_poses
from pose_track.formats.tracks_jsonl import TracksWriter, read_tracks
from pose_track.postprocessing.filters import butterworth
from pose_track.postprocessing.interpolate import FillLimits
from pose_track.postprocessing.postprocess import finish
from pose_track.postprocessing.stitch import JoinLimits
from pose_track.postprocessing.tracks import drop_short, frame_times, track_rows
from pose_track.structures.frames import TrackedPoses
from pose_track.structures.sequence import FrameInfo
from pose_track.structures.skeleton import LSP_14

TOOL = Path(__file__).parents[2] / "tools" / "finish_tracks.py"
JOIN, FILL = JoinLimits(1.0, 0.15, 0.1), FillLimits(0.5, 0.7)
repeatable = settings(derandomize=True, deadline=None, max_examples=12)

HEADER = {
    "version": "1", "source": "clip.mp4", "fps": FPS, "width": 640, "height": 480, "skeleton": LSP_14.name,
    "joint_names": list(LSP_14.joint_names), "settings": {"a": 1}, "weights": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("finish_tracks", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda *words: module.main([str(word) for word in words])


def broken():
    """Track 1 with a gap, going on as 2; and one that is there for a moment."""
    places = [*range(15), *range(18, 30)]
    return together(60, walker(places), walker(range(35, 50), track_id=2), walker([5, 6], (300, 0), track_id=3))


def written(path, sequence, fault=None):
    with TracksWriter(path, HEADER) as writer:
        for info, people in sequence:
            poses = people_to_poses(people, sequence.skeleton)
            writer.write(TrackedPoses(info.index, info.pts_seconds, poses, people.track_ids))
        if fault:
            writer.fault(fault)
    return path


def test_tracks_are_finished(tmp_path, capsys, tool):
    path, out = written(tmp_path / "in.jsonl", broken(), "disk full"), tmp_path / "new" / "out.jsonl"
    before = path.read_bytes()
    assert tool(path, out, "--min-seconds", "0.2") == 0
    assert capsys.readouterr().out == f"{path} -> {out}: 3 tracks -> 1 (1 joined, 1 dropped), 8 people filled in\n"
    assert path.read_bytes() == before
    header, records = read_tracks(out)
    frames = list(records)
    assert {key: header[key] for key in HEADER} == HEADER
    assert header["finishing"]["min_seconds"] == 0.2
    assert [frame.frame_index for frame in frames] == list(range(60))
    assert [frame.pts_seconds for frame in frames] == [round(t, 6) for t in seconds(broken())]
    assert [len(frame) for frame in frames] == [1] * 50 + [0] * 10
    assert [i for i, frame in enumerate(frames) if "filled" in frame.poses.sources] == [15, 16, 17, *range(30, 35)]
    assert records.fault.message == "disk full"
    assert records.fault.after_frame == 59


def test_with_everything_off_a_file_stays_as_it_is(tmp_path, tool):
    path, out = written(tmp_path / "in.jsonl", broken(), "stopped"), tmp_path / "out.jsonl"
    words = ("--join.max_seconds", "0", "--fill.max_seconds=0", "--smooth", "none")
    assert tool(path, out, *words) == 0
    assert out.read_text().splitlines()[1:] == path.read_text().splitlines()[1:]


@pytest.mark.parametrize("layout", ["posetrack17", "posetrack18", "coco"])
def test_other_layouts_come_back_in_their_own(tmp_path, layout, tool):
    path, out = tmp_path / "in.json", tmp_path / "out.json"
    FORMATS[layout].write(broken(), path)
    assert tool(path, out, "--fps", "25") == 0
    before, after = read_sequence(path), read_sequence(out)
    assert after.layout == layout
    assert ids(after) == [1, 3]
    assert len(after.people) == len(before.people) + (0 if layout == "coco" else 8)
    assert [frame.image_name for frame in after.frames] == [frame.image_name for frame in before.frames]
    assert tool(path, tmp_path / "slow.json", "--fps", "2") == 0  # at half a second a frame all gaps are long
    assert ids(read_sequence(tmp_path / "slow.json")) == [1, 2, 3]


def test_settings_of_a_file_and_of_the_command_line(tmp_path, tool):
    path, config = written(tmp_path / "in.jsonl", broken()), tmp_path / "finish.yaml"
    config.write_text("min_seconds: 0.2\njoin:\n  max_seconds: 0\n")
    out = tmp_path / "out.jsonl"
    assert tool(path, out, "--config", config) == 0
    assert ids(together_of(out)) == [1, 2]
    assert tool(path, out, "--config", config, "--min-seconds=0", "--overwrite") == 0
    assert ids(together_of(out)) == [1, 2, 3]


def together_of(path):
    from pose_track.postprocessing.files import read_track_file

    return read_track_file(path).sequence


@pytest.mark.parametrize("method", ["one_euro", "savgol", "butterworth"])
def test_methods_differ(tmp_path, method, tool):
    path, out = written(tmp_path / "in.jsonl", shaky()), tmp_path / "out.jsonl"
    assert tool(path, out, "--smooth", method) == 0
    moved = together_of(out).people.joints - together_of(path).people.joints
    assert 0 < np.abs(moved).mean() < 5
    other = {"one_euro": "beta", "savgol": "degree", "butterworth": "cutoff_hz"}[method]
    assert tool(path, tmp_path / "other.jsonl", "--smooth", method, f"--smooth.{other}", "1") == 0
    assert (together_of(tmp_path / "other.jsonl").people.joints != together_of(out).people.joints).any()
    first = {"one_euro": "min_cutoff_hz", "savgol": "window_seconds", "butterworth": "cutoff_hz"}[method]
    assert tool(path, tmp_path / "other.jsonl", "--smooth", method, f"--smooth.{first}", "0.7", "--overwrite") == 0
    assert (together_of(tmp_path / "other.jsonl").people.joints != together_of(out).people.joints).any()


def shaky():
    sequence = together(60, walker(range(60)))
    sequence.people.joints[:] += np.random.default_rng(0).normal(0, 3, sequence.people.joints.shape)
    return sequence


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.jsonl", "out.jsonl"), "is no file; check the path"),
        (("in.jsonl", "in.jsonl", "--overwrite"), "would take the place of what is read; give another OUT"),
        (("in.jsonl", "there.jsonl"), "is there already; give --overwrite or another OUT"),
        (("in.jsonl", "."), "is a folder; name a file in it"),
        (("in.jsonl", "out.jsonl", "--smooth", "median"), "smooth.method = 'median': must be"),
        (("in.jsonl", "out.jsonl", "--fill.max_second", "2"), "did you mean 'fill.max_seconds'?"),
        (("boxes.txt", "out.txt"), "has no joints; give the tracks.jsonl it is from"),
    ],
)
def test_errors_are_one_line(tmp_path, monkeypatch, capsys, tool, words, message):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "in.jsonl", broken())
    Path("there.jsonl").write_text("mine")
    Path("boxes.txt").write_text("1,1,10,10,20,40,1,-1,-1,-1\n")
    assert tool(*words) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert message in told
    assert told.count("\n") == 1
    assert Path("there.jsonl").read_text() == "mine"


def test_an_id_given_twice_in_a_frame_is_an_error():
    with pytest.raises(ValueError, match="made: track id 1 is twice in frame 3; mend the file first"):
        track_rows(together(9, walker(range(5)), walker([3], (90, 0))))


def test_times():
    told = [FrameInfo(3, pts_seconds=0.0), FrameInfo(4, pts_seconds=0.5)]
    assert frame_times(told, 10).tolist() == [0.0, 0.5]
    assert frame_times(told[::-1], 10).tolist() == [0.4, 0.3]  # times that do not rise are none
    assert frame_times([told[0], FrameInfo(6)], 10).tolist() == pytest.approx([0.3, 0.6])
    assert frame_times([], 10).tolist() == []


@pytest.mark.parametrize(("least", "left"), [(0, [1, 2, 3]), (0.039, [1, 2, 3]), (0.05, [1, 2]), (0.6, [1]), (9, [])])
def test_short_tracks_are_dropped(least, left):
    sequence = broken()
    assert ids(drop_short(sequence, seconds(sequence), least)) == left


pieces = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30), st.integers(0, 3), st.integers(1, 2)), max_size=4)


@given(pieces, st.sampled_from([0.0, 0.3]))
@repeatable
def test_no_pose_is_lost_and_ids_stay_unique(made, min_seconds):
    walkers = [
        walker(range(a, min(a + n, 60), every), (15 * shift, 0), track_id=i)
        for i, (a, n, shift, every) in enumerate(made, start=1)
    ]
    sequence = together(60, *walkers)
    done, told = finish(sequence, seconds(sequence), JOIN, FILL, min_seconds, lambda path, t: butterworth(path, t, 5.0))
    keys = list(zip(done.frame_of.tolist(), done.people.track_ids.tolist(), strict=True))
    assert len(set(keys)) == len(keys)
    assert told.before - told.joined - told.dropped == told.after == len(ids(done))
    real = np.array([more["source"] == "detector" for more in done.people.more], bool)
    assert (~real).sum() == told.filled
    if min_seconds == 0:
        assert done.frame_of[real].tolist() == sequence.frame_of.tolist()
        assert np.allclose(done.people.boxes[real], sequence.people.boxes)
