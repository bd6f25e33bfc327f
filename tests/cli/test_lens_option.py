"""`pose-track analyse --lens`: joints, scale and floor without the distortion of the camera."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli.test_analyse_command import walker, write
from command_line import run_command

from pose_track.analysis.lens import Lens
from pose_track.cli.exit_codes import EXIT_ERROR
from pose_track.structures.arrays import Float64Array

MATRIX = np.array([[700.0, 0, 450], [0, 700, 300], [0, 0, 1]])
LENS = Lens(MATRIX, np.array([-0.3, 0.05, 0, 0]), size=(900, 600))


def calibration(path: Path, size: tuple[int, int] = (900, 600)) -> Path:
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    values = (size[0], size[1], MATRIX, LENS.distortion)
    for name, value in zip(
        ("image_width", "image_height", "camera_matrix", "distortion_coefficients"), values, strict=True
    ):
        file.write(name, value)  # type: ignore[call-overload]
    file.release()
    return path


def table(folder: Path) -> dict[str, Float64Array]:
    with (folder / "angles.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in ("view", "name")]
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


@pytest.fixture
def straight(tmp_path: Path) -> Path:
    """A walker as a camera without distortion sees them."""
    return write(tmp_path / "straight.jsonl", walker())


@pytest.fixture
def bent(tmp_path: Path) -> Path:
    """The same walker through the lens."""
    person = walker()
    joints = LENS.distorted(person.joints.reshape(-1, 2)).reshape(person.joints.shape)
    return write(tmp_path / "bent.jsonl", replace(person, joints=joints))


def distorted(x: float, y: float) -> str:
    x, y = LENS.distorted(np.array([[x, y]]))[0].tolist()
    return f"{x},{y}"


def test_measures_are_those_without_the_distortion(straight: Path, bent: Path, tmp_path: Path) -> None:
    lens = calibration(tmp_path / "lens.yml")
    assert run_command("analyse", straight, "--out", tmp_path / "a", "--scale", "100,500", "800,500", "7") == 0
    scale = ["--scale", distorted(100, 500), distorted(800, 500), "7"]
    assert run_command("analyse", bent, "--out", tmp_path / "b", "--lens", lens, *scale) == 0
    assert run_command("analyse", bent, "--out", tmp_path / "c", *scale) == 0
    true, found, plain = (table(tmp_path / name) for name in "abc")
    for name, tolerance in (("left_knee_deg", 0.2), ("left_hip_deg", 0.2), ("left_ankle_x_m", 0.002)):
        np.testing.assert_allclose(found[name], true[name], atol=tolerance)
        assert np.nanmax(np.abs(plain[name] - true[name])) > 5 * tolerance


def test_a_floor_is_without_distortion_too(straight: Path, bent: Path, tmp_path: Path) -> None:
    lens = calibration(tmp_path / "lens.yml")
    corners = {(100, 550): "0,0", (800, 550): "7,0", (300, 400): "0,5", (600, 400): "7,5"}
    floor = [f"{x},{y}={place}" for (x, y), place in corners.items()]
    seen = [f"{distorted(x, y)}={place}" for (x, y), place in corners.items()]
    assert run_command("analyse", straight, "--out", tmp_path / "a", "--floor", *floor) == 0
    assert run_command("analyse", bent, "--out", tmp_path / "b", "--floor", *seen, "--lens", lens) == 0
    true, found = (table(tmp_path / name)["left_ankle_x_m"] for name in "ab")
    np.testing.assert_allclose(found, true, atol=0.005)


def test_the_report_states_the_lens(bent: Path, tmp_path: Path) -> None:
    lens, page = calibration(tmp_path / "lens.yml"), tmp_path / "page.html"
    assert run_command("analyse", bent, "--out", tmp_path / "a", "--lens", lens, "--report", page) == 0
    assert "perspective, camera matrix" in page.read_text()


@pytest.mark.parametrize(
    ("size", "error"),
    [
        (
            (600, 900),
            "--lens: the lens was calibrated for 600x900, the video has 900x600; calibrate it for images of this",
        ),
        (None, "there is no calibration file"),
    ],
)
def test_one_clear_line(
    size: tuple[int, int] | None, error: str, straight: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lens.yml"
    if size is not None:
        calibration(path, size)
    assert run_command("analyse", straight, "--out", tmp_path / "a", "--lens", path) == EXIT_ERROR
    message = capsys.readouterr().err
    assert error in message
    assert message.count("\n") == 1
