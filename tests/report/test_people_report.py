"""The report of people whose motion is known."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from analysis.figures import FEET, side_figure
from make_video import make_video

from pose_track.analysis.analyse import Conditions
from pose_track.analysis.kinematics import Kinematics, measure
from pose_track.analysis.steps import stances, step_events
from pose_track.analysis.trajectory import Trajectory
from pose_track.report.chart import Curve, Phase, chart
from pose_track.report.facts import report_facts
from pose_track.report.images import person_images
from pose_track.report.moments import key_moments
from pose_track.report.page import Source, write_report
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.video.reader import open_video

SECONDS = np.arange(180) / 60
PHASE = 2 * np.pi * SECONDS / 1.2


def walker() -> Trajectory:
    return side_figure(SECONDS, {"left_hip": 25 * np.sin(PHASE), "right_hip": -25 * np.sin(PHASE)})


def squatter() -> Trajectory:
    depth = 45 - 45 * np.cos(PHASE / 2)  # deepest at 1.2 s
    hips = {"left_hip": depth / 2, "right_hip": depth * 0.45}  # so that the feet stay where they are
    return side_figure(SECONDS, {"left_knee": depth, "right_knee": depth * 0.9, **hips})


def frames_of(trajectory: Trajectory) -> list[TrackedPoses]:
    joints, scores = trajectory.joints.astype(np.float32), trajectory.scores.astype(np.float32)
    boxes = np.concatenate([joints.min(axis=1), joints.max(axis=1)], axis=1)
    ones = np.ones(1, np.float32)
    return [
        TrackedPoses(
            i, float(t), Poses(joints[i : i + 1], scores[i : i + 1], boxes[i : i + 1], ones, FEET), np.array([1])
        )
        for i, t in enumerate(SECONDS.tolist())
    ]


def report(path: Path, trajectory: Trajectory, names: dict[int, str] | None = None) -> str:
    people = [(measure(trajectory), "px")]
    source = Source(frames_of(trajectory), None, 25.0)
    write_report(path, "A & B", people, names or {}, source, 0.3, {"Settings": {"a": "<b>"}})
    return path.read_text(encoding="utf-8")


def svg_paths(text: str) -> list[str]:
    root = ElementTree.fromstring(text)
    return [path.get("d", "") for path in root.iter("path") if "h18" not in path.get("d", "")]


def test_the_page_needs_nothing_else_and_shows_texts_as_they_are(tmp_path: Path) -> None:
    page = report(tmp_path / "report.html", walker(), {1: "<i>Ann</i>"})
    addresses = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert len(addresses) == 4
    assert all(address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert not re.search(r"https?://|<script|@import|url\(", page)
    assert "&lt;i&gt;Ann&lt;/i&gt;" in page
    assert "<i>Ann" not in page
    assert "<h1>A &amp; B</h1>" in page
    assert "a &lt;b&gt;" in page


def test_figures_of_the_tables(tmp_path: Path) -> None:
    """The squatter's knees: from 0 to 90 and 81 degrees."""
    page = report(tmp_path / "report.html", squatter())
    row = re.search(r"<tr><th>Knee</th>(.*?)</tr>", page)
    assert row
    low, high, size, low_right, high_right, size_right, asymmetry = map(float, re.findall(r"<td>(.*?)</td>", row[1]))
    assert (low, high, size) == pytest.approx((0, 90, 90), abs=1)
    assert (low_right, high_right, size_right) == pytest.approx((0, 81, 81), abs=1)
    assert asymmetry == pytest.approx(200 * 9 / 171, abs=1)
    assert "Fewer than three steps were found" in page
    assert "not seen from the side" not in page


def test_a_stride_is_shown_where_there_is_one() -> None:
    kinematics = measure(walker())
    moments = key_moments(kinematics, step_events(kinematics))
    words = [moment.caption.partition(" ")[2] for moment in moments]
    assert words == ["foot contact", "mid-stance", "toe-off", "mid-swing"]
    places = np.array([moment.place for moment in moments])
    assert np.diff(places) == pytest.approx([18, 18, 18], abs=2)  # a quarter of 1.2 s at 60 a second


def test_else_the_extremes_of_the_joint_that_moves_most() -> None:
    moments = key_moments(measure(squatter()), [])
    captions = [moment.caption for moment in moments]
    assert "left knee at its most, 90°" in captions
    assert moments[captions.index("left knee at its most, 90°")].place == pytest.approx(72, abs=1)
    assert [moment.place for moment in moments] == sorted({moment.place for moment in moments})


def test_moments_are_those_in_which_somebody_is_seen() -> None:
    trajectory = squatter()
    scores = trajectory.scores.copy()
    scores[60:90] = 0
    hidden = replace(trajectory, scores=scores)
    assert all(not 60 <= moment.place < 90 for moment in key_moments(measure(hidden), []))


def test_stances_of_the_walker() -> None:
    pairs = stances(step_events(measure(walker())))
    assert {start.side for start, _ in pairs} == {"left", "right"}
    assert [end.seconds - start.seconds for start, end in pairs] == pytest.approx([0.6] * len(pairs), abs=0.04)


def test_a_curve_has_a_gap_where_nothing_is_known_and_phases_are_at_their_times() -> None:
    values = np.linspace(0, 10, 11)
    values[4:6] = np.nan
    text = chart("Knee", "degrees", np.arange(11.0), [Curve("left", values, "left")], [Phase("right", 2.0, 7.0)])
    (path,) = svg_paths(text)
    assert (path.count("M"), path.count("L")) == (2, 7)
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", path)[1:]]
    assert points[0] == (40, 122)  # 0 at 0 s: the lower left corner
    assert points[-1] == (372, 24)  # 10 at 10 s
    bar = re.search(r'<rect x="(.*?)" y="(.*?)" width="(.*?)"', text)
    assert bar
    assert (float(bar[1]), float(bar[3])) == pytest.approx((40 + 332 * 0.2, 332 * 0.5), abs=0.1)


@pytest.mark.parametrize("values", [np.full(5, np.nan), np.zeros(5)])
def test_charts_of_nothing_and_of_a_constant(values: np.ndarray) -> None:
    text = chart("Knee", "degrees", np.arange(5.0), [Curve("left", values)])
    assert ("not known" in text) == bool(np.isnan(values).all())
    assert "nan" not in text


def test_long_curves_keep_their_extremes() -> None:
    values = np.zeros(20_000)
    values[[1234, 15_000]] = [70, -30]
    (path,) = svg_paths(chart("Knee", "degrees", np.arange(20_000) / 60, [Curve("left", values)]))
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", path)[1:]]
    assert len(points) < 1000
    heights = [y for _, y in points]
    assert len(set(heights)) == 3


def decoded(addresses: Sequence[str]) -> list[np.ndarray]:
    buffers = [np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8) for address in addresses]
    return [np.asarray(cv2.imdecode(buffer, cv2.IMREAD_COLOR))[..., ::-1] for buffer in buffers]


def test_images_are_frames_of_the_video_around_the_person(tmp_path: Path) -> None:
    video = make_video(tmp_path / "clip.mp4")
    with open_video(video) as reader:
        read = {frame.index: frame for frame in reader}
    chosen, joints = [read[2], read[9]], np.full((1, FEET.num_joints, 2), [36, 80], np.float32)
    box = np.array([[16, 50, 56, 110]], np.float32)
    poses = Poses(joints, np.full((1, FEET.num_joints), 0.1, np.float32), box, np.ones(1, np.float32), FEET)
    people = [TrackedPoses(frame.index, frame.pts_seconds, poses, np.array([4])) for frame in chosen]
    middles = []
    for image, frame in zip(decoded(person_images(video, 25.0, people, 4, 0.3)), chosen, strict=True):
        assert image.shape == (480, 360, 3)
        x, y = image.shape[1] // 2, image.shape[0] // 2
        around = frame.image[77:84, 33:40].reshape(-1, 3).mean(axis=0)  # the second bit of the number in the frame
        assert np.abs(image[y - 20 : y + 20, x - 20 : x + 20].reshape(-1, 3).mean(axis=0) - around).max() < 12
        middles.append(around)
    assert np.abs(middles[0] - middles[1]).max() > 24  # another frame would be noticed


def test_without_a_video_the_skeleton_is_drawn() -> None:
    trajectory = walker()
    (image,) = decoded(person_images(None, 25.0, frames_of(trajectory)[:1], 1, 0.3))
    assert np.median(image) == pytest.approx(242, abs=2)
    assert (np.ptp(image.astype(int), axis=2) > 80).sum() > 300  # the coloured lines


def test_facts_name_files_with_their_hashes(tmp_path: Path) -> None:
    path = tmp_path / "tracks.jsonl"
    path.write_bytes(b"abc")
    header = {"weights": {"pose": {"file": "pose.bin", "sha256": "12ab"}}, "settings": {"stride": 2}}
    facts = report_facts(path, None, header, Conditions(heights={3: 1.75}), "2026-01-31")
    assert facts["Result"] == "tracks.jsonl, SHA-256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert facts["Network, pose"] == "pose.bin, SHA-256 12ab"
    assert facts["Tracking"] == {"stride": 2}
    assert facts["Lengths"] == "from the body height: 1.75 m (person 3)"


def test_the_summary_and_the_curves_of_a_report_agree(tmp_path: Path) -> None:
    kinematics: Kinematics = measure(squatter())
    page = report(tmp_path / "report.html", squatter())
    svg = next(part for part in re.findall(r"<svg.*?</svg>", page) if 'aria-label="Knee"' in part)
    lowest = min(float(point.split()[1]) for path in svg_paths(svg) for point in re.split("[ML]", path)[1:])
    top, bottom = 24, 116 - 34
    assert lowest == pytest.approx(
        bottom - (bottom - top) * np.nanmax(kinematics.joint_angles["left_knee"].degrees) / 100, abs=0.2
    )
