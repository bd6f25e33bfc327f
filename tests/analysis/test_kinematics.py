"""Angles and speeds of figures whose motion is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analysis.figures import FEET, LENGTHS, side_figure

from pose_track.analysis.kinematics import measure
from pose_track.analysis.trajectory import Trajectory
from pose_track.structures.skeleton import POSETRACK_15

SECONDS = np.arange(120) / 60
SWING = 30 * np.sin(2 * np.pi * SECONDS)
RATE = 30 * 2 * np.pi * np.cos(2 * np.pi * SECONDS)
INNER = slice(6, -6)  # derivatives at the ends are uncertain


@pytest.mark.parametrize("facing", [1, -1])
@pytest.mark.parametrize(
    ("name", "degrees", "rate"),
    [
        ("left_knee", 40 + SWING, RATE),
        ("right_hip", SWING, RATE),
        ("left_shoulder", SWING - 5, RATE),
        ("right_elbow", 60 + SWING, RATE),
        ("left_ankle", SWING / 3, RATE / 3),
        ("trunk", SWING / 2, RATE / 2),
        ("neck", SWING / 2, RATE / 2),
    ],
)
def test_each_joint_angle_and_its_rate(name: str, degrees: np.ndarray, rate: np.ndarray, facing: int) -> None:
    angle = measure(side_figure(SECONDS, {name: degrees}, facing)).joint_angles[name]
    assert np.abs(angle.degrees - degrees)[INNER].max() < 0.2
    assert np.abs(angle.degrees_per_second - rate)[INNER].max() < 6


def test_the_others_stay_at_zero() -> None:
    angles = measure(side_figure(SECONDS, {"left_knee": 40 + SWING})).joint_angles
    for name, angle in angles.items():
        if name != "left_knee":
            assert np.abs(angle.degrees).max() < 0.1, name


@pytest.mark.parametrize("facing", [1, -1])
def test_an_overextended_knee_and_an_arm_beyond_the_head(facing: int) -> None:
    arm = 110 + 100 * np.sin(2 * np.pi * SECONDS)
    angles = measure(side_figure(SECONDS, {"left_knee": SWING / 5, "left_shoulder": arm}, facing)).joint_angles
    assert np.abs(angles["left_knee"].degrees - SWING / 5)[INNER].max() < 0.2
    assert np.abs(angles["left_shoulder"].degrees - arm)[INNER].max() < 0.5


@pytest.mark.parametrize("facing", [1, -1])
def test_knees_tell_where_somebody_without_a_nose_looks(facing: int) -> None:
    figure = side_figure(SECONDS, {"left_knee": 20 + SWING / 3, "right_hip": SWING}, facing)
    scores = figure.scores.copy()
    for name in ("nose", "left_big_toe", "right_big_toe"):
        scores[:, FEET.index(name)] = 0
    kinematics = measure(replace(figure, scores=scores))
    assert set(kinematics.view) == {"side_right" if facing > 0 else "side_left"}
    assert np.abs(kinematics.joint_angles["right_hip"].degrees - SWING)[INNER].max() < 0.2


def test_a_knee_never_bends_forwards() -> None:
    """Where somebody is taken to look the other way, only small angles lose their sign."""
    bent = measure(side_figure(SECONDS, {"left_knee": np.full(120, -60.0)}))
    assert np.allclose(bent.joint_angles["left_knee"].degrees, 60, atol=0.1)


def test_swapped_sides_are_no_side_view() -> None:
    figure = side_figure(SECONDS, {})
    joints = figure.joints.copy()
    swapped = np.arange(120)[:, None] % 2 * 2 - 1  # of every other frame
    for k, name in enumerate(FEET.joint_names):
        joints[:, k, :1] += 40 * swapped * (name.startswith("left") - float(name.startswith("right")))
    assert not any(view.startswith("side") for view in set(measure(replace(figure, joints=joints)).view))


def test_segments_against_the_vertical() -> None:
    segments = measure(side_figure(SECONDS, {"right_hip": np.full(120, 30.0)})).segment_angles
    assert np.allclose(segments["right_thigh"].degrees, 30, atol=0.01)
    assert np.allclose(segments["right_shank"].degrees, 30, atol=0.01)
    assert np.allclose(segments["left_thigh"].degrees, 0, atol=0.01)
    assert np.allclose(segments["left_foot"].degrees, 90, atol=0.01)


@pytest.mark.parametrize("facing", [1, -1])
def test_the_view(facing: int) -> None:
    side = measure(side_figure(SECONDS, {}, facing))
    assert set(side.view) == {"side_right" if facing > 0 else "side_left"}


@pytest.mark.parametrize(("sign", "view"), [(1, "front"), (-1, "back")])
def test_from_the_front_signs_are_not_known(sign: int, view: str) -> None:
    figure = side_figure(SECONDS, {"left_hip": np.full(120, -20.0)})
    joints = figure.joints.copy()
    for k, name in enumerate(FEET.joint_names):
        joints[:, k, 0] += sign * 40 * (name.startswith("left") - float(name.startswith("right")))
    kinematics = measure(replace(figure, joints=joints))
    assert set(kinematics.view) == {view}
    assert (kinematics.joint_angles["left_hip"].degrees > 0).all()


def test_a_figure_that_moves_at_a_known_speed() -> None:
    hips = np.stack([100 + 250 * SECONDS, np.full(120, 400.0)], axis=1)
    kinematics = measure(side_figure(SECONDS, {"hips": hips}))
    assert np.allclose(kinematics.centre.velocity[INNER], [250, 0], atol=0.5)
    assert np.allclose(kinematics.joints["nose"].speed[INNER], 250, atol=0.5)
    assert np.abs(kinematics.centre.acceleration[INNER]).max() < 20


def test_constant_acceleration_is_recovered_from_noisy_joints() -> None:
    rng = np.random.default_rng(1)
    hips = np.stack([np.full(120, 500.0), 100 + 0.5 * 981 * SECONDS**2], axis=1)
    figure = side_figure(SECONDS, {"hips": hips})
    figure = replace(figure, joints=figure.joints + rng.normal(0, 1, figure.joints.shape))
    acceleration = measure(figure).centre.acceleration[10:-10, 1]
    assert abs(np.median(acceleration) - 981) < 10


def test_noise_is_smoothed_and_angles_stay() -> None:
    rng = np.random.default_rng(2)
    figure = side_figure(SECONDS, {"left_knee": 40 + SWING})
    noisy = replace(figure, joints=figure.joints + rng.normal(0, 1.5, figure.joints.shape))
    angle = measure(noisy).joint_angles["left_knee"]
    raw_error = 1.5 * np.sqrt(1 / LENGTHS["thigh"] ** 2 + 1 / LENGTHS["shank"] ** 2) * 57.3
    assert np.sqrt(np.mean((angle.degrees - 40 - SWING)[INNER] ** 2)) < raw_error
    assert np.sqrt(np.mean((angle.degrees_per_second - RATE)[INNER] ** 2)) < 25


def test_what_is_not_seen_is_missing_and_a_jump_is_left_out() -> None:
    figure = side_figure(SECONDS, {"left_knee": 40 + SWING})
    k = FEET.index("left_ankle")
    scores, joints = figure.scores.copy(), figure.joints.copy()
    scores[40:70, k] = 0.1
    joints[90, k] += 60
    angle = measure(replace(figure, scores=scores, joints=joints)).joint_angles["left_knee"]
    assert np.isnan(angle.degrees[41:69]).all()
    assert np.isnan(angle.degrees_per_second[39:71]).all()
    assert np.isfinite(angle.degrees[75:]).all()
    assert abs(angle.degrees[90] - 40 - SWING[90]) < 1


def test_exact_joints_that_rest_and_then_move_fast_are_no_outliers() -> None:
    arm = 160 * np.clip((np.floor(SECONDS * 60) - 60) / 12, 0, 1)  # in a fifth of a second
    angle = measure(side_figure(SECONDS, {"left_shoulder": arm})).joint_angles["left_shoulder"]
    assert np.isfinite(angle.degrees).all()
    assert np.abs(angle.degrees - arm).max() < 6


def test_skeletons_have_the_angles_that_their_joints_define() -> None:
    figure = side_figure(SECONDS, {})
    columns = [FEET.index(name) for name in POSETRACK_15.joint_names]
    body = Trajectory(1, figure.frames, SECONDS, figure.joints[:, columns], figure.scores[:, columns], POSETRACK_15)
    angles = measure(body).joint_angles
    assert "left_knee" in angles
    assert "left_ankle" not in angles  # no heel and no toe


def test_the_centre_of_mass_of_somebody_standing() -> None:
    centre = measure(side_figure(SECONDS, {})).centre.position
    assert np.allclose(centre[:, 0], 500, atol=2)
    height = LENGTHS["trunk"] + LENGTHS["neck"] + LENGTHS["head"] + LENGTHS["thigh"] + LENGTHS["shank"]
    above_ankle = 400 + LENGTHS["thigh"] + LENGTHS["shank"] - centre[:, 1]
    assert np.allclose(above_ankle / height, 0.55, atol=0.03)  # at 56 % of the height, says Winter


def test_too_few_frames() -> None:
    with pytest.raises(ValueError, match="person 1 is in 4 frames; a motion needs at least 6"):
        measure(side_figure(SECONDS[:4], {}))
