"""Lens distortion: a synthetic camera whose distortion is known, and OpenCV's calibration files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from bodies import CAMERA, seen, true_angles, walker

from pose_track.analysis.kinematics import measure
from pose_track.analysis.lens import Lens, without_distortion
from pose_track.analysis.lens_file import read_lens
from pose_track.structures.arrays import Float64Array

FOCAL = CAMERA.focal
MATRIX = np.array([[FOCAL, 0, 639.5], [0, FOCAL, 359.5], [0, 0, 1]])
BARREL = Lens(MATRIX, np.array([-0.35, 0.12, 0.001, -0.0005, -0.01]), size=(1280, 720))
FISHEYE = Lens(MATRIX, np.array([0.05, -0.02, 0.004, 0.0]), True, (1280, 720))


def grid(step: int = 20) -> Float64Array:
    """(P, 2) points over the image."""
    return np.stack(np.meshgrid(np.arange(0, 1280, step), np.arange(0, 720, step)), -1).reshape(-1, 2).astype(float)


@pytest.mark.parametrize("lens", [BARREL, FISHEYE])
def test_undistorting_is_the_inverse_of_distorting(lens: Lens) -> None:
    points = grid()
    assert np.abs(points - lens.distorted(points)).max() > 10  # the distortion is large
    np.testing.assert_allclose(lens.undistorted(lens.distorted(points)), points, atol=0.01)


def test_points_beyond_the_model_and_absent_ones_are_absent() -> None:
    lens = Lens(MATRIX, np.array([-0.9, 0.0, 0.0, 0.0]))  # r (1 - 0.9 r^2) has its maximum of 0.41 at r = 0.61
    far, near, absent = lens.undistorted(np.array([[639.5 + 0.5 * FOCAL, 359.5], [700.0, 359.5], [np.nan, np.nan]]))
    assert np.isnan(far).all()
    assert np.isfinite(near).all()
    assert np.isnan(absent).all()


def test_another_size_of_the_same_shape_is_scaled() -> None:
    half = BARREL.for_size(640, 360)
    points = grid()
    small = (points + 0.5) / 2 - 0.5
    np.testing.assert_allclose(half.distorted(small), (BARREL.distorted(points) + 0.5) / 2 - 0.5, atol=1e-6)
    assert BARREL.for_size(None, None) is BARREL


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="calibrated for 1280x720, the video has 720x1280; calibrate it"):
        BARREL.for_size(720, 1280)


def knee_error(x: float, lens: Lens, corrected: bool) -> float:
    """Root mean square error in degrees of the left knee of a walker at x metres from the middle of the image, seen
    through a lens."""
    bodies = walker(0)
    trajectory = seen(bodies)
    moved = trajectory.joints + np.array([x * FOCAL / 5, 0])
    trajectory = replace(trajectory, joints=lens.distorted(moved.reshape(-1, 2)).reshape(moved.shape))
    if corrected:
        trajectory = without_distortion(trajectory, lens)
    error = measure(trajectory).joint_angles["left_knee"].degrees - true_angles(bodies)["knee"]
    return float(np.sqrt(np.nanmean(error[8:-8] ** 2)))


@pytest.mark.parametrize("lens", [BARREL, FISHEYE])
def test_angles_are_right_without_the_distortion(lens: Lens) -> None:
    """Somebody at the edge of the image."""
    assert knee_error(2.2, lens, corrected=False) > 1.5
    assert knee_error(2.2, lens, corrected=True) < 0.3


def written(path: Path, **values: object) -> Path:
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in values.items():
        file.write(name, value)  # type: ignore[call-overload]
    file.release()
    return path


@pytest.mark.parametrize("suffix", ["yml", "xml", "json"])
def test_files_of_opencv(suffix: str, tmp_path: Path) -> None:
    values = {"camera_matrix": MATRIX, "distortion_coefficients": BARREL.distortion.reshape(5, 1)}
    lens = read_lens(written(tmp_path / f"lens.{suffix}", image_width=1280, image_height=720, **values))
    np.testing.assert_array_equal(lens.matrix, MATRIX)
    np.testing.assert_array_equal(lens.distortion, BARREL.distortion)
    assert (lens.is_fisheye, lens.size) == (False, (1280, 720))


@pytest.mark.parametrize("named", [{"model": "fisheye"}, {"fisheye_model": 1}, {"distortion_model": "equidistant"}])
def test_names_of_python_and_fisheye(named: dict[str, object], tmp_path: Path) -> None:
    lens = read_lens(written(tmp_path / "lens.yaml", K=MATRIX, D=FISHEYE.distortion, **named))
    np.testing.assert_array_equal(lens.distortion, FISHEYE.distortion)
    assert (lens.is_fisheye, lens.size) == (True, None)


def test_file_of_ros(tmp_path: Path) -> None:
    path = tmp_path / "camera_info.yaml"
    path.write_text(
        "image_width: 640\nimage_height: 480\ncamera_name: narrow\n"
        "camera_matrix:\n  rows: 3\n  cols: 3\n  data: [438.7, 0, 305.6, 0, 437.3, 245.7, 0, 0, 1]\n"
        "distortion_model: plumb_bob\n"
        "distortion_coefficients:\n  rows: 1\n  cols: 5\n  data: [-0.36, 0.11, 0.0011, 0.0005, 0]\n"
    )
    lens = read_lens(path)
    assert lens.matrix[0].tolist() == [438.7, 0, 305.6]
    assert (lens.distortion.tolist(), lens.size) == ([-0.36, 0.11, 0.0011, 0.0005, 0], (640, 480))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("", "is no calibration file; give a YAML"),
        ("%YAML:1.0\nK: [1, 2", "is no calibration file; give a YAML"),
        ("%YAML:1.0\n---\nfocal: 3\n", "has no camera_matrix of numbers, also called cameraMatrix, K, mtx"),
        ("%YAML:1.0\n---\nK: [1, 0, 2, 0, 1, 2, 0, 0, 1]\n", "has no distortion_coefficients of numbers"),
        ("%YAML:1.0\n---\nK: [1, 2]\nD: [0, 0, 0, 0]\n", "the camera matrix must be fx 0 cx, 0 fy cy, 0 0 1"),
        (
            "%YAML:1.0\n---\nK: [1, 0, 2, 0, 1, 2, 0, 0, 1]\nD: [0, 0]\n",
            "a lens has 4 or 5 or 8 or 12 or 14 distortion",
        ),
    ],
)
def test_bad_files_are_one_line(content: str, error: str, tmp_path: Path) -> None:
    path = tmp_path / "lens.yaml"
    path.write_text(content)
    with pytest.raises(ValueError, match=error):
        read_lens(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no calibration file"):
        read_lens(tmp_path / "lens.yaml")
