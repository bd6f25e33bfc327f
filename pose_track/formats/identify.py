"""Which format a file or folder has, from its first bytes or its files' names."""

from __future__ import annotations

import json
from pathlib import Path

from pose_track.utils.extras import require
from pose_track.utils.text_files import text_encoding

# the header of a tracks.jsonl has some thousand bytes; a line of another JSON file may hold all of it
_MAX_HEADER_BYTES = 2**20
_MAX_KEYS_BYTES = 2**10

_FOLDERS = {"openpose": "*_keypoints.json", "trc": "*.trc"}
"""Formats of which one folder holds one video, and its files."""
_HDF, _NETCDF_3 = b"\x89HDF", b"CDF"
_MMPOSE_KEYS = (b'"instance_info"', b'"meta_info"', b'"instances"')
# what a list holds first, by its keys, which COCO results do not have
_LISTS = {
    "label-studio": (b'"annotations"', b'"predictions"', b'"data"'),
    "mmpose": _MMPOSE_KEYS,
}

_HDF_NAMES = {
    "position": "movement",
    "df_with_missing": "deeplabcut",
    "frames": "sleap",
    "node_names": "sleap",
}


def identify_folder(path: Path) -> str | None:
    """The format of a folder that holds one video, from the names in it; None for any other folder.

    >>> identify_folder(Path("no_such_folder"))
    """
    found = (name for name, pattern in _FOLDERS.items() if next(path.glob(pattern), None) is not None)
    return next(found, None) if path.is_dir() else None


def identify_format(path: str | Path) -> str:
    """The format of a file or folder, one of `registry.READABLE`. Raises ValueError for any other format."""
    path = Path(path)
    if path.is_dir():
        name = identify_folder(path)
        if name is None:
            raise ValueError(f"{str(path)!r} holds no files of OpenPose and no .trc; give a file")
        return name
    with path.open("rb") as file:
        start = file.read(_MAX_HEADER_BYTES)
    if start.startswith((_HDF, _NETCDF_3)):
        return _hdf_format(path) if start.startswith(_HDF) else "movement"
    first = start.decode(text_encoding(start), errors="replace").strip().partition("\n")[0].encode()
    name = _text_format(first, start, path.suffix)
    if name is not None:
        return name
    content = f"begins with {first[:30]!r}" if first else "is empty"
    raise ValueError(
        f"{path} {content}; give a tracks.jsonl, PoseTrack JSON, COCO results, MOTChallenge text, CVAT's XML, "
        "Label Studio's JSON, or a file of a tool in docs/formats.md"
    )


def is_alphapose(path: Path) -> bool:
    """Whether a file with COCO's entries is AlphaPose's: images are named, and people have its keys."""
    with path.open("rb") as file:
        content = b"".join(file.read(_MAX_KEYS_BYTES).split())
    return b'"image_id":"' in content and (b'"box":' in content or b'"idx":' in content)


def _text_format(first: bytes, start: bytes, suffix: str) -> str | None:
    """first: the first line. start: the first bytes of the file."""
    if first.startswith(b"<"):
        return "cvat"
    if first.startswith(b"["):
        return _list_format(start)
    if first.startswith(b"{"):
        return _object_format(first, start, suffix)
    if first.startswith(b"PathFileType"):
        return "trc"
    if first.startswith(b"scorer,"):
        return "deeplabcut"
    return "mot" if first[:1].isdigit() or (not first and suffix == ".txt") else None


def _list_format(start: bytes) -> str:
    """The format of a JSON list."""
    content = b"".join(start.split())
    if content.startswith(b"[[[") or b'"visibility":' in content:
        return "mediapipe"  # COCO's visibility is a third number
    if content.startswith(b"[[") or b'"keypoints":{' in content:
        return "ultralytics"
    keys = content[:_MAX_KEYS_BYTES]
    return next((name for name, known in _LISTS.items() if any(key in keys for key in known)), "coco")


def _object_format(first: bytes, start: bytes, suffix: str) -> str:
    """The format of a JSON object."""
    from pose_track.formats.coco_entries import is_entry

    if is_entry(first):
        return "coco"
    if suffix == ".jsonl" or _is_header(first):
        return "tracks"
    return "mmpose" if any(key in start[:_MAX_KEYS_BYTES] for key in _MMPOSE_KEYS) else "posetrack"


def _is_header(line: bytes) -> bool:
    """Whether this is the first line of a tracks.jsonl; a line of other JSON is rarely valid by itself."""
    if b'"header"' not in line:  # a whole file of other JSON may be one line, which is not parsed
        return False
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and record.get("type") == "header"


def _hdf_format(path: Path) -> str:
    """The format of an HDF5 file, from the names in it."""
    require("h5py", purpose=f"{str(path)!r}")
    import h5py

    try:
        with h5py.File(path) as file:
            names = set(file)
    except OSError as error:
        raise ValueError(f"{path} is broken HDF5: {error}") from None
    name = next((name for key, name in _HDF_NAMES.items() if key in names), None)
    if name is None:
        raise ValueError(f"{path} is HDF5 of no known tool: it holds {', '.join(sorted(names)[:5])}")
    return name
