"""TRC, the marker files of OpenSim and of Sports2D: one person each, text with tabs.

    PathFileType  4  (X/Y/Z)  clip_person1.trc
    DataRate  CameraRate  NumFrames  NumMarkers  Units  OrigDataRate  OrigDataStartFrame  OrigNumFrames
    25.0      25.0        120        15          px     25.0          0                   120
    Frame#  Time  nose            left_hip  ...
                  X1  Y1  Z1      X2  Y2  Z2
    0       0.0   310.5 200.0 0   ...

Positions are in the plane of the image, z is 0. In pixels y points down, as in Sports2D's "_px" files; in metres it
points up, as OpenSim needs it. An absent joint is nan, since OpenSim refuses an empty cell at the end of a line; empty
cells are read too. Frames count from 0.

Layout: OpenSim's user guide, "Marker (.trc) Files"; Sports2D, `make_trc_with_trc_data`.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from pose_track.formats.motions import Motion, Motions, sequence_of_motions, skeleton_of_markers
from pose_track.formats.person_files import write_person_files
from pose_track.formats.validate import MAX_NUMBER
from pose_track.structures.arrays import Float64Array
from pose_track.structures.sequence import FrameInfo, FrameSource, PoseSequence
from pose_track.utils.text_files import read_text

LAYOUT, SUFFIX = "trc", ".trc"
_NUM_HEADER_LINES = 5
_RATES = "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames"
_MAX_FRAMES = 5_000_000
_METRES_OF_UNIT = {"m": 1.0, "dm": 0.1, "cm": 0.01, "mm": 0.001}
_PIXELS_PER_METRE = 1000.0


def write_trc(source: FrameSource, path: str | Path) -> None:
    """Write a file for each person, see `write_person_files`."""
    write_person_files(source, path, SUFFIX, write_person_trc)


def write_person_trc(video: Motions, person: Motion, path: Path) -> None:
    """Write one person of a video."""
    markers, num_frames = video.skeleton.joint_names, len(person.joints)
    rate = repr(round(video.fps, 6))
    counts = [rate, rate, num_frames, len(markers), video.unit, rate, 0, num_frames]
    name = f"{video.name}_person{person.track_id}{SUFFIX}"
    lines = [
        ["PathFileType", "4", "(X/Y/Z)", name],
        [
            "DataRate",
            "CameraRate",
            "NumFrames",
            "NumMarkers",
            "Units",
            "OrigDataRate",
            "OrigDataStartFrame",
            "OrigNumFrames",
        ],
        list(map(str, counts)),
        ["Frame#", "Time", *(cell for marker in markers for cell in (marker, "", ""))],
        ["", "", *(f"{axis}{k}" for k in range(1, len(markers) + 1) for axis in "XYZ")],
    ]
    positions = person.joints * ([1, 1] if video.unit == "px" else [1, -1])
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines("\t".join(line) + "\n" for line in lines)
        frames = range(person.first, person.first + num_frames)
        for frame, seconds, joints in zip(frames, video.seconds[person.span].tolist(), positions, strict=True):
            cells = [str(frame), f"{seconds:.6f}", *(cell for xy in joints.tolist() for cell in _cells(*xy))]
            file.write("\t".join(cells) + "\n")


def _cells(x: float, y: float) -> tuple[str, str, str]:
    return ("nan", "nan", "nan") if math.isnan(x) else (f"{x:.6g}", f"{y:.6g}", "0")


def read_trc(path: str | Path) -> PoseSequence:
    """Read a file with one person, or a folder of such files of one video, by name one person each.

    Ids are the numbers at the end of the names, from 0 or 1 on; else the order. Positions in metres or fractions of
    them become millimetres with y down, as if a pixel were a millimetre; z is left out. Files with "_m" in their names
    are left out of a folder that has others of the same people in pixels ("_px"), as Sports2D's has. `extra` has "fps".

    Raises ValueError, with the file and the line, for invalid files, and for people of different markers or rates.
    """
    path = Path(path)
    files = _files_of(path) if path.is_dir() else [path]
    tables = [_read_file(file) for file in files]
    markers, rates = {tuple(table.markers) for table in tables}, {table.rate for table in tables}
    if len(markers) > 1 or len(rates) > 1:
        raise ValueError(f"{path}: the files have different {'markers' if len(markers) > 1 else 'rates'}")
    skeleton, order = skeleton_of_markers(tables[0].markers, LAYOUT)
    num_frames = max(int(table.frames[-1]) + 1 for table in tables)
    seconds = _times(tables, num_frames)
    people = []
    for track_id, table in zip(_ids(files), tables, strict=True):
        first = int(table.frames[0])
        joints = np.full((int(table.frames[-1]) - first + 1, skeleton.num_joints, 2), np.nan)
        joints[table.frames - first] = table.positions[:, order]
        people.append(Motion(track_id, first, joints, np.full(joints.shape[:2], np.nan)))
    infos = [FrameInfo(index, pts_seconds=time) for index, time in enumerate(seconds.tolist())]
    return sequence_of_motions(path.stem, skeleton, people, infos, LAYOUT, {"fps": tables[0].rate})


def _files_of(folder: Path) -> list[Path]:
    files = sorted(folder.glob(f"[!.]*{SUFFIX}"), key=lambda file: (_number(file) is None, _number(file), file.name))
    in_pixels = [file for file in files if "_px" in file.stem]
    files = in_pixels or files
    if not files:
        raise ValueError(f"{str(folder)!r} holds no {SUFFIX} file")
    return files


def _number(file: Path) -> int | None:
    digits = file.stem[len(file.stem.rstrip("0123456789")) :]
    return int(digits) if digits and len(digits) < 10 else None


def _ids(files: list[Path]) -> list[int]:
    numbers = [_number(file) for file in files]
    known = [number for number in numbers if number is not None]
    if len(set(known)) < len(files):
        return list(range(1, len(files) + 1))
    return [number + (1 if min(known) < 1 else 0) for number in known]


class _Table:
    """A file's markers, and rows: frames (T,), seconds (T,), positions (T, M, 2) with y down."""

    def __init__(self, path: Path, lines: list[str]) -> None:
        header = dict(zip(_split(lines[1]), _split(lines[2]), strict=False))
        self.rate = _rate(header.get("DataRate", ""), path)
        self.markers = [cell for cell in _split(lines[3])[2:] if cell]
        if not self.markers:
            raise ValueError(f"{path}, line 4: names no markers")
        rows = [(n, line) for n, line in enumerate(lines[_NUM_HEADER_LINES:], _NUM_HEADER_LINES + 1) if line.strip()]
        if not rows:
            raise ValueError(f"{path} has no frames")
        values = np.array([_row(line, 2 + 3 * len(self.markers), f"{path}, line {n}") for n, line in rows])
        frames = values[:, 0] - (1 if header.get("OrigDataStartFrame") == "1" else 0)
        whole = np.isfinite(frames).all() and (frames % 1 == 0).all() and 0 <= frames.min() <= frames.max()
        if not whole or frames.max() > _MAX_FRAMES or (np.diff(frames) <= 0).any():
            raise ValueError(f"{path}: the numbers in the column Frame# must increase from 0 or more")
        self.frames, self.seconds = frames.astype(np.int64), values[:, 1]
        positions = values[:, 2:].reshape(len(values), -1, 3)[..., :2]
        self.positions: Float64Array = positions * _to_pixels(header.get("Units", ""), path)


def _times(tables: list[_Table], num_frames: int) -> Float64Array:
    """(T,) seconds of all frames: those of the files, and between them for frames that no file has. By the rate alone
    where the files' times do not increase."""
    frames = np.concatenate([table.frames for table in tables])
    known, places = np.unique(frames, return_index=True)
    seconds = np.concatenate([table.seconds for table in tables])[places]
    rate, every = tables[0].rate, np.arange(num_frames)
    times = np.interp(every, known, seconds) - np.maximum(known[0] - every, 0) / rate
    return times if (np.diff(times) > 0).all() else np.asarray(every / rate)


def _read_file(path: Path) -> _Table:
    lines = read_text(path).splitlines()
    if len(lines) < _NUM_HEADER_LINES or not lines[0].startswith("PathFileType"):
        raise ValueError(f"{path} is not a TRC file: it must begin with PathFileType and four more lines of header")
    return _Table(path, lines)


def _split(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("\t")]


def _rate(text: str, path: Path) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate <= MAX_NUMBER:
        raise ValueError(f"{path}, line 3: DataRate must be above 0, got {text!r}")
    return rate


def _to_pixels(unit: str, path: Path) -> Float64Array:
    """Factors of x and y. Sports2D states metres for pixels too, and names these files "_px"."""
    if unit == "px" or "_px" in path.stem:
        return np.array([1.0, 1.0])
    if unit not in _METRES_OF_UNIT:
        raise ValueError(f"{path}, line 3: Units must be one of px, {', '.join(_METRES_OF_UNIT)}, got {unit!r}")
    factor = _PIXELS_PER_METRE * _METRES_OF_UNIT[unit]
    return np.array([factor, -factor])


def _row(line: str, width: int, where: str) -> list[float]:
    cells = line.rstrip("\r\n").split("\t")
    cells = cells[:width] + [""] * (width - len(cells))
    try:
        values = [float(cell) if cell.strip() else math.nan for cell in cells]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if any(abs(value) > MAX_NUMBER for value in values):
        raise ValueError(f"{where}: a number is too large")
    return values
