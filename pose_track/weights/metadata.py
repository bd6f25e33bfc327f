"""The metadata of safetensors files: reading one entry, and writing new entries beside the same tensors."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from pose_track.models.score_map import SCORE_MAP, ScoreMap, parse_score_map
from pose_track.utils.atomic import atomic_path
from pose_track.weights.checkpoint import read_header
from pose_track.weights.container import detect_container, invalid_file_message

_METADATA = "__metadata__"
_ALIGNMENT = 8  # bytes, of the first tensor


def read_score_map(path: str | os.PathLike[str]) -> ScoreMap | None:
    """The score map of a weights file; None where it states none.

    Raises FileNotFoundError and ValueError as `read_weights`; ValueError naming the file for an invalid map.
    """
    if detect_container(Path(path)) != "safetensors":  # only these hold metadata
        return None
    text = read_header(path).metadata.get(SCORE_MAP)
    score_map = None if text is None else parse_score_map(text)
    if text is not None and score_map is None:
        raise ValueError(invalid_file_message(Path(path), f"has the invalid metadata {SCORE_MAP} {text!r}"))
    return score_map


def check_can_write(path: Path, out: Path) -> None:
    """Raises as `write_metadata`."""
    if detect_container(path) != "safetensors":
        raise ValueError(f"{str(path)!r} holds no metadata; give a .safetensors file, such as pose-track train writes")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(out.parent)!r} to write {out.name!r} in; create it first")
    read_header(path)  # raises where the header is damaged


def write_metadata(path: Path, out: Path, entries: Mapping[str, str]) -> None:
    """Write the safetensors file `path` with these metadata entries added or replaced as `out`, replacing it
    atomically; `out` may be `path`. The bytes of the tensors stay as they are.

    Raises FileNotFoundError for a missing file or folder; ValueError for a file that is not of safetensors.
    """
    check_can_write(path, out)
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = json.loads(content[8:start])
    metadata = {**tensors.pop(_METADATA, {}), **entries}
    header = json.dumps({_METADATA: metadata, **tensors}, separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % _ALIGNMENT)
    with atomic_path(out) as temporary:
        temporary.write_bytes(len(header).to_bytes(8, "little") + header + content[start:])
