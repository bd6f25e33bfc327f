"""Plots of results, on axes given and as files."""

import re

import numpy as np
import pytest
from analysis.figures import side_figure
from command_line import run_command
from editing.walkers import FPS, NUM_FRAMES, walkers, write_walkers

from pose_track.plots.curves import plot_angle, plot_joint, plot_speed
from pose_track.plots.distributions import plot_heatmap, plot_scores
from pose_track.plots.figure import saved_axes
from pose_track.plots.measures import joint_angles, joint_speeds
from pose_track.plots.person_series import PersonSeries, person_series
from pose_track.plots.timeline import plot_timeline, source_spans

pytest.importorskip("matplotlib", reason="needs matplotlib")


def ids_at(n):
    """2 is not there in frames 10 to 19."""
    return (1, 0 if 10 <= n < 20 else 2, 3)


@pytest.fixture
def people():
    return person_series(walkers(ids_at), {2: "Ann"})


@pytest.fixture
def axes():
    from matplotlib.figure import Figure

    return Figure().add_subplot()


def test_series_have_the_frames_of_each_person(people):
    assert [(one.id, one.label, len(one.frames)) for one in people] == [(1, "1", 40), (2, "Ann", 30), (3, "3", 40)]
    assert people[1].frames.tolist() == [*range(10), *range(20, 40)]
    np.testing.assert_allclose(people[0].seconds, np.arange(NUM_FRAMES) / FPS)
    assert [one.id for one in person_series(walkers(ids_at), ids=[3, 1])] == [3, 1]
    with pytest.raises(ValueError, match="nobody with the id 9"):
        person_series(walkers(ids_at), ids=[1, 9])
    assert person_series([]) == []


def test_absent_joints_are_nan():
    frames = walkers(ids_at)
    frames[3].poses.joint_scores[0, 5] = 0
    (person, *_) = person_series(frames)
    assert np.isnan(person.joints[3, 5]).all()
    assert np.isnan(person.joint_scores[3, 5])
    assert np.isfinite(np.delete(person.joints, 3, axis=0)).all()


def test_lines_are_not_drawn_across_gaps(people, axes):
    plot_joint(axes, people, ["nose"])
    x = [line for line in axes.lines if line.get_label() == "Ann, x"]
    assert len(x) == 1
    assert np.isnan(x[0].get_ydata()).sum() == 1
    np.testing.assert_allclose(x[0].get_ydata()[:10], people[1].joint("nose")[:10, 0])
    assert len(axes.lines) == 6
    assert axes.get_ylabel() == "nose position (pixels)"


def test_speeds_are_those_of_the_walk(people, axes):
    for person, pixels in zip(people, (2, 2, 1), strict=True):
        speeds = joint_speeds(person, "left_knee")
        known = np.isfinite(speeds)
        assert known.sum() >= len(speeds) - 8  # not where a gap or an end is near
        np.testing.assert_allclose(speeds[known], pixels * FPS, rtol=1e-3)
    plot_speed(axes, people[:1], ["left_knee", "nose"])
    assert [line.get_label() for line in axes.lines] == ["left_knee", "nose"]
    alone = person_series(walkers(lambda n: (1, 0, 0), num_frames=1))
    assert np.isnan(joint_speeds(alone[0], "nose")).all()


def test_angles_are_those_of_the_analysis(axes):
    seconds = np.arange(60) / 30
    degrees = 40 + 30 * np.sin(2 * np.pi * seconds)
    body = side_figure(seconds, {"left_knee": degrees})
    scores = np.where(np.arange(60)[:, None] == 20, np.nan, body.scores)
    boxes, sources = np.zeros((60, 4)), np.full(60, "detector")
    person = PersonSeries(1, "", body.skeleton, body.frames, seconds, body.joints, scores, boxes, np.ones(60), sources)
    np.testing.assert_allclose(joint_angles(person, "left_knee"), degrees, atol=0.5)
    plot_angle(axes, [person], ["left_knee"])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), joint_angles(person, "left_knee"))
    with pytest.raises(ValueError, match=r"'nose' has no angle; choose of left_ankle, left_knee, "):
        joint_angles(person, "nose")
    few = person_series(walkers(lambda n: (1, 0, 0), num_frames=4))
    assert np.isnan(joint_angles(few[0], "left_knee")).all()


def test_the_timeline_has_spans_of_each_source(axes):
    frames = walkers(ids_at)
    for n in range(30, 35):
        frames[n].poses.sources[0] = "flow"
    people = person_series(frames)
    assert source_spans(people[0], "detector") == [(0, pytest.approx(1.2)), (1.4, pytest.approx(0.2))]
    assert source_spans(people[0], "flow") == [(1.2, pytest.approx(0.2))]
    assert source_spans(people[1], "detector") == [(0, pytest.approx(0.4)), (0.8, pytest.approx(0.8))]
    plot_timeline(axes, people)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["1", "2", "3"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["detector", "flow"]


def test_the_heatmap_counts_every_pose(people, axes):
    plot_heatmap(axes, people, [], (640, 480))
    (image,) = axes.images
    counts = np.asarray(image.get_array())
    assert counts.sum() == 110
    rows = np.unique(np.nonzero(counts)[0])
    assert (rows == 180 // 10).all()  # the feet are at 180, cells have 10 pixels
    assert axes.get_ylim() == (480, 0)


def test_scores_of_joints(people, axes):
    people[0].joint_scores[:, 3] = 0.9
    plot_scores(axes, people[:1], ["left_ear", "nose"])
    assert [text.get_text() for text in axes.get_yticklabels()] == ["left_ear", "nose"]
    medians = sorted({round(float(line.get_xdata()[0]), 3) for line in axes.lines})
    assert medians == [0.5, 0.9]


def test_nobody_can_be_plotted(axes):
    for plot in (plot_timeline, lambda axes, people: plot_heatmap(axes, people, [], (None, None))):
        plot(axes, [])
    plot_scores(axes, [], [])
    plot_joint(axes, [], ["nose"])


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".png"])
def test_the_same_plot_is_the_same_file(tmp_path, people, suffix):
    contents = []
    for name in "ab":
        with saved_axes(tmp_path / f"{name}{suffix}") as axes:
            plot_timeline(axes, people)
        contents.append((tmp_path / f"{name}{suffix}").read_bytes())
    assert contents[0] == contents[1]
    start = {".pdf": b"%PDF", ".svg": b"<?xml", ".png": b"\x89PNG"}[suffix]
    assert contents[0].startswith(start)
    if suffix == ".svg":
        assert b"Ann</text>" in contents[0]  # text stays text


def plot(*arguments):
    return run_command("plot", *arguments)


@pytest.mark.parametrize(
    "options",
    [
        ["timeline"],
        ["joint", "--joints", "left_knee,right_knee", "--ids", "2,1"],
        ["angle", "--joints", "left_elbow"],
        ["speed", "--joints", "nose", "--size", "3.5x2"],
        ["heatmap"],
        ["heatmap", "--joints", "left_wrist"],
        ["scores"],
    ],
)
def test_the_command(tmp_path, capsys, options):
    path = write_walkers(tmp_path / "run/tracks.jsonl", ids_at, names={"2": "Ann"})
    out = tmp_path / "plots/a.svg"
    assert plot(path.parent, "--what", *options, "--out", out) == 0
    assert capsys.readouterr().out.endswith(f"{options[0]} of {2 if '--ids' in options else 3} people\n")
    assert out.read_bytes().startswith(b"<?xml")
    assert plot(path, "--what", *options, "--out", out) == 2  # exists
    assert plot(path, "--what", *options, "--out", out, "--overwrite") == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["joint"], "--what joint needs --joints"),
        (["timeline", "--joints", "nose"], "--what timeline takes no --joints"),
        (["speed", "--joints", "tail"], "no joint 'tail'"),
        (["angle", "--joints", "nose"], "has no angle"),
        (["timeline", "--ids", "9"], "nobody with the id 9"),
        (["timeline", "--ids", "x"], "must be ids such as 1,2"),
        (["timeline", "--size", "3"], "must be inches"),
        (["pie"], "invalid choice"),
    ],
)
def test_errors_are_one_line(tmp_path, capsys, options, message):
    path = write_walkers(tmp_path / "run/tracks.jsonl", ids_at)
    assert plot(path, "--what", *options, "--out", tmp_path / "a.png") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert not (tmp_path / "a.png").exists()


def test_another_suffix_is_refused(tmp_path, capsys):
    path = write_walkers(tmp_path / "run/tracks.jsonl", ids_at)
    assert plot(path, "--what", "timeline", "--out", tmp_path / "a.gif") == 2
    assert "must end in .pdf, .svg, .png" in capsys.readouterr().err


def test_slow_motion_is_plotted_in_true_seconds() -> None:
    frames = walkers(lambda n: (1, 0, 0))
    (slow,), (stored,) = person_series(frames, speed_factor=0.125), person_series(frames)
    np.testing.assert_allclose(slow.seconds, stored.seconds / 8)
    joint = slow.skeleton.joint_names[0]
    assert np.nanmedian(joint_speeds(slow, joint)) == pytest.approx(8 * np.nanmedian(joint_speeds(stored, joint)), 0.05)
