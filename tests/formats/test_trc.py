"""TRC files, both ways."""

from dataclasses import replace

import numpy as np
import pytest
from moving_people import FPS, assert_same_motion, by_name, moving_people

from pose_track.formats.motions import motions
from pose_track.formats.registry import identify_format, read_sequence
from pose_track.formats.trc import read_trc, write_person_trc, write_trc
from pose_track.structures.skeleton import POSETRACK_15

# two frames as Sports2D writes them, which states metres for pixels too
SPORTS2D = """PathFileType\t4\t(X/Y/Z)\t{name}
DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames
30\t30\t2\t3\tm\t30\t0\t2
Frame#\tTime\tHip\t\t\tRKnee\t\t\tLBigToe\t\t\t
\t\tX1\tY1\tZ1\tX2\tY2\tZ2\tX3\tY3\tZ3
4\t0.13333\t1.5\t0.5\t0.0\t\t\t\t1.25\t0.75\t0.1
5\t0.16667\t1.5\t0.5\t0.0\t2.0\t0.25\t0.1\t1.25\t0.75\t0.1
"""


@pytest.mark.parametrize("skeleton", [POSETRACK_15, moving_people().skeleton])
def test_a_folder_round_trips(tmp_path, skeleton):
    sequence = moving_people(skeleton)
    write_trc(sequence, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clip_person3.trc", "clip_person7.trc"]
    assert identify_format(tmp_path / "out") == "trc"
    read = read_sequence(tmp_path / "out")
    assert_same_motion(read, sequence, 5e-4)
    assert read.skeleton == skeleton
    assert read.extra["fps"] == FPS
    np.testing.assert_allclose([info.pts_seconds for info in read.frames], np.arange(5) / FPS, atol=1e-6)


def test_header_and_rows(tmp_path):
    sequence = moving_people(with_ids=(3, 3))
    only = replace(sequence, people=sequence.people[[0, 1, 3, 4, 6]], frame_indices=np.arange(5))
    write_trc(only, tmp_path / "a.trc")
    lines = [line.split("\t") for line in (tmp_path / "a.trc").read_text().splitlines()]
    header = dict(zip(lines[1], lines[2], strict=True))
    assert header["DataRate"] == "50.0"
    assert (header["NumFrames"], header["NumMarkers"], header["Units"]) == ("5", "17", "px")
    assert lines[3][:3] == ["Frame#", "Time", "nose"]
    assert lines[4][2:8] == ["X1", "Y1", "Z1", "X2", "Y2", "Z2"]
    x, y = only.people.joints[1, 0].tolist()
    assert lines[6][:5] == ["1", "0.020000", f"{x:.6g}", f"{y:.6g}", "0"]
    assert lines[6][2 + 3 * 6 : 2 + 3 * 7] == ["nan", "nan", "nan"]


def test_metres_point_up(tmp_path):
    video = motions(moving_people())
    person = replace(video.people[0], joints=video.people[0].joints * 0.01)
    write_person_trc(replace(video, unit="m"), person, tmp_path / "a.trc")
    lines = (tmp_path / "a.trc").read_text().splitlines()
    assert "\tm\t" in lines[2]
    x, y = person.joints[0, 0].tolist()
    assert [float(cell) for cell in lines[5].split("\t")[2:5]] == pytest.approx([x, -y, 0], abs=1e-5)
    read = by_name(read_sequence(tmp_path / "a.trc"))  # in millimetres, with y down
    assert read[0, 1]["nose"] == pytest.approx((1000 * x, 1000 * y), abs=0.01)


def test_one_file_holds_one_person(tmp_path):
    with pytest.raises(ValueError, match=r"a\.trc' can hold one person, not 2"):
        write_trc(moving_people(), tmp_path / "a.trc")
    assert list(tmp_path.iterdir()) == []


def test_files_of_sports2d(tmp_path):
    for name in ("a_px_person00.trc", "a_px_person01.trc", "a_m_person00.trc"):
        (tmp_path / name).write_text(SPORTS2D.format(name=name))
    read = by_name(read_sequence(tmp_path))
    assert sorted(read) == [(4, 1), (4, 2), (5, 1), (5, 2)]
    assert read[4, 1] == {"pelvis": (1.5, 0.5), "left_big_toe": (1.25, 0.75)}
    assert read[5, 2]["right_knee"] == (2, 0.25)
    metres = by_name(read_sequence(tmp_path / "a_m_person00.trc"))
    assert metres[4, 1]["pelvis"] == (1500, -500)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("30\t30\t2", "0\t30\t2", "line 3: DataRate must be above 0"),
        ("\tm\t30", "\tinch\t30", "line 3: Units must be one of px, m"),
        ("4\t0.1", "5\t0.1", "must increase"),
        ("1.5\t0.5", "x\t0.5", "line 6: could not convert"),
        ("1.5\t0.5", "1e30\t0.5", "line 6: a number is too large"),
        ("Hip\t\t\tRKnee\t\t\tLBigToe\t\t\t", "", "line 4: names no markers"),
        ("DataRate\tCameraRate", "Rate", "DataRate must be above 0"),
    ],
)
def test_invalid_files_are_refused_in_one_line(tmp_path, old, new, message):
    (tmp_path / "b.trc").write_text(SPORTS2D.format(name="b.trc").replace(old, new, 1))
    with pytest.raises(ValueError, match=message) as error:
        read_sequence(tmp_path / "b.trc")
    assert "b.trc" in str(error.value)
    assert "\n" not in str(error.value)


def test_times_with_jitter_and_a_missing_frame_are_kept(tmp_path):
    """As those of a depth camera, whose clock does not begin at 0."""
    path = tmp_path / "depth.trc"
    seconds = {0: 7.010, 1: 7.046, 2: 7.079, 4: 7.149, 5: 7.180}
    head = [
        "PathFileType\t4\t(X/Y/Z)\tdepth.trc",
        "DataRate\tUnits",
        "30\tpx",
        "Frame#\tTime\tKneeLeft",
        "\t\tX1\tY1\tZ1",
    ]
    rows = [f"{frame}\t{time}\t{10 + frame}\t20\t0" for frame, time in seconds.items()]
    path.write_text("\n".join([*head, *rows]))
    read = list(read_trc(path))
    times = [info.pts_seconds for info, _ in read]
    np.testing.assert_allclose(times, [7.010, 7.046, 7.079, 7.114, 7.149, 7.180])
    assert read_trc(path).skeleton.joint_names == ("left_knee",)


def test_opensim_reads_it(tmp_path):
    opensim = pytest.importorskip("opensim", reason="OpenSim is not installed")
    sequence = moving_people()
    sequence.people.joints[:, -1] = np.nan  # the end of each line
    write_trc(sequence, tmp_path / "out")
    table = opensim.TimeSeriesTableVec3(str(tmp_path / "out" / "clip_person3.trc"))
    assert (table.getNumRows(), list(table.getColumnLabels())) == (5, list(sequence.skeleton.joint_names))
    assert list(table.getIndependentColumn()) == pytest.approx(np.arange(5) / FPS)
    x, y = by_name(sequence)[4, 3]["nose"]
    np.testing.assert_allclose(table.getRowAtIndex(4).getElt(0, 0).to_numpy(), [x, y, 0], atol=5e-4)
    assert np.isnan(table.getRowAtIndex(4).getElt(0, 16).to_numpy()).all()
