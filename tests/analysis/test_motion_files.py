"""Motion files of analysed people, read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from figures import side_figure

from pose_track.analysis.kinematics import measure
from pose_track.analysis.motion_files import MOTION_FORMATS, motion_path, write_motion
from pose_track.analysis.space import scaled
from pose_track.cli.analyse import _MOTION_FORMATS
from pose_track.formats.registry import read_sequence

SECONDS = np.arange(40) / 50.0
KNEE = 40 - 30 * np.cos(2 * np.pi * SECONDS)


def bending() -> object:
    return scaled(side_figure(SECONDS + 2, {"left_knee": KNEE, "right_knee": KNEE}), 0.005)


def test_mot_holds_the_angles(tmp_path: Path) -> None:
    write_motion(measure(bending()), "m", "clip", tmp_path / "a.mot")  # type: ignore[arg-type]
    lines = (tmp_path / "a.mot").read_text().splitlines()
    start = lines.index("endheader")
    names = lines[start + 1].split("\t")
    values = np.array([[float(cell) for cell in line.split("\t")] for line in lines[start + 2 :]])
    assert {"version=1", "nRows=40", f"nColumns={len(names)}", "inDegrees=yes"} <= set(lines[:start])
    np.testing.assert_allclose(values[:, 0], SECONDS + 2)
    np.testing.assert_allclose(values[5:-5, names.index("left_knee")], KNEE[5:-5], atol=0.5)


def test_trc_is_in_metres_and_true_seconds(tmp_path: Path) -> None:
    body = bending()
    write_motion(measure(body), "m", "clip", tmp_path / "a.trc")  # type: ignore[arg-type]
    read = read_sequence(tmp_path / "a.trc")
    frames = list(read)
    assert read.extra["fps"] == pytest.approx(50)
    assert "\tm\t" in (tmp_path / "a.trc").read_text()
    times = [info.pts_seconds for info, _ in frames]
    np.testing.assert_allclose(times, SECONDS + 2, atol=1e-5)
    k, j = read.skeleton.index("left_ankle"), body.skeleton.index("left_ankle")  # type: ignore[attr-defined]
    found = np.array([people.joints[0, k] for _, people in frames]) / 1000  # read as millimetres
    np.testing.assert_allclose(found[5:-5], body.joints[5:-5, j], atol=0.005)  # type: ignore[attr-defined]


def test_bvh_has_a_row_a_frame(tmp_path: Path) -> None:
    write_motion(measure(bending()), "m", "clip", tmp_path / "a.bvh")  # type: ignore[arg-type]
    text = (tmp_path / "a.bvh").read_text()
    assert "Frames: 40\nFrame Time: 0.02000000\n" in text
    assert text.count("JOINT") > 10


def test_names_of_files(tmp_path: Path) -> None:
    assert motion_path(tmp_path, "a b/c", 3, "trc") == tmp_path / "a_b_c_person3.trc"
    assert sorted(MOTION_FORMATS) == sorted(_MOTION_FORMATS)
