"""Calibration files of OpenCV: YAML, XML or JSON of its FileStorage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from pose_track.analysis.lens import Lens
from pose_track.structures.arrays import Float64Array

# The names of OpenCV's calibration samples and its application, of its Python tutorials, and of ROS.
_MATRIX = ("camera_matrix", "cameraMatrix", "K", "mtx")
_DISTORTION = ("distortion_coefficients", "dist_coeffs", "distCoeffs", "D", "dist")
_SIZE = ("cameraResolution", "image_size", "imageSize")
_MODEL = ("distortion_model", "camera_model", "model")
_FISHEYE_FLAG = "fisheye_model"
_FISHEYE = ("fisheye", "equidistant", "kannala_brandt")
_COUNTS, _FISHEYE_COUNTS = (4, 5, 8, 12, 14), (4,)


def read_lens(path: Path) -> Lens:
    """The camera of a calibration file.

    Raises FileNotFoundError where there is no such file, and ValueError, with the file, for one that OpenCV does not
    read or that lacks the camera matrix or the distortion.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no calibration file {str(path)!r}; check the path")
    file = _opened(path)
    matrix, distortion = _required(file, _MATRIX, path), _required(file, _DISTORTION, path)
    if matrix.size != 9 or not (matrix.flat[[0, 4]] > 0).all() or matrix.flat[8] != 1:
        raise ValueError(f"{path}: the camera matrix must be fx 0 cx, 0 fy cy, 0 0 1, got {matrix.tolist()}")
    fisheye = _is_fisheye(file)
    counts = _FISHEYE_COUNTS if fisheye else _COUNTS
    if distortion.size not in counts:
        kind, known = "a fisheye" if fisheye else "a lens", " or ".join(map(str, counts))
        raise ValueError(f"{path}: {kind} has {known} distortion coefficients, not {distortion.size}")
    return Lens(matrix.reshape(3, 3), distortion, fisheye, _size(file))


def _opened(path: Path) -> cv2.FileStorage:
    """Raises ValueError for anything that is no FileStorage."""
    try:
        file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        if file.isOpened():
            return file
    except (cv2.error, SystemError):  # SystemError: a constructor that fails in OpenCV's bindings
        pass
    raise ValueError(f"{path} is no calibration file; give a YAML, XML or JSON that cv2.FileStorage wrote")


def _required(file: cv2.FileStorage, names: Sequence[str], path: Path) -> Float64Array:
    values = _first(file, names)
    if values is None:
        raise ValueError(f"{path} has no {names[0]} of numbers, also called {', '.join(names[1:])}")
    return values


def _first(file: cv2.FileStorage, names: Sequence[str]) -> Float64Array | None:
    """The finite numbers of the first node of these names; None where there is none."""
    for name in names:
        node = file.getNode(name)
        values = _numbers(node.getNode("data") if node.isMap() else node)
        if values and np.isfinite(values).all():
            return np.array(values, np.float64)
    return None


def _numbers(node: cv2.FileNode) -> list[float]:
    """All numbers of nested lists."""
    if node.isSeq():
        return [value for n in range(node.size()) for value in _numbers(node.at(n))]
    return [node.real()] if node.isReal() or node.isInt() else []


def _is_fisheye(file: cv2.FileStorage) -> bool:
    flag = file.getNode(_FISHEYE_FLAG)
    if flag.isInt():
        return bool(flag.real())
    models = [file.getNode(name).string().lower() for name in _MODEL if file.getNode(name).isString()]
    return any(model.startswith(_FISHEYE) for model in models)


def _size(file: cv2.FileStorage) -> tuple[int, int] | None:
    """Width and height of the images of the calibration; None where they are not stated."""
    values = [file.getNode(name) for name in ("image_width", "image_height")]
    sides = [node.real() for node in values if node.isInt() or node.isReal()]
    if len(sides) != 2:
        found = _first(file, _SIZE)
        sides = [] if found is None else found.tolist()
    return (int(sides[0]), int(sides[1])) if len(sides) == 2 and min(sides) >= 1 else None
