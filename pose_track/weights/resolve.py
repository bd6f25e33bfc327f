"""The file of weights that a setting names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

from pose_track.utils.hashing import file_sha256
from pose_track.weights.zoo import BUNDLED_DETECTOR, BUNDLED_POSE, LIST_COMMAND, ZOO, find_published, unknown_name

_BUNDLED = {"detector": BUNDLED_DETECTOR, "pose": BUNDLED_POSE}


def bundled_weights(name: Literal["detector", "pose"]) -> Path:
    """A weights file of this package. Raises FileNotFoundError."""
    path = Path(str(files("pose_track") / "assets" / f"{name}.safetensors"))
    if not path.is_file():
        raise FileNotFoundError(f"the bundled weights {str(path)!r} are missing; install the package again")
    return path


def weights_file(name_or_path: str, bundled: Literal["detector", "pose"] | None = None) -> Path:
    """The file of a path, or of the name of published weights, which are downloaded once.

    bundled: which weights of this package have the name "bundled" (of the detector also "compact"); None for none.

    Raises FileNotFoundError for a missing file; ValueError for neither path nor name; ConnectionError if the weights
    cannot be downloaded.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    if bundled is not None and name_or_path in (BUNDLED_POSE.name, _BUNDLED[bundled].name):
        return bundled_weights(bundled)
    if name_or_path in ZOO:
        return published_weights(name_or_path)
    if path.suffix or len(path.parts) > 1:
        entry = find_published(name_or_path) or ZOO.get(path.stem)
        remedy = f"the name of published weights ({LIST_COMMAND})" if entry is None else f"the name {entry.name}"
        raise FileNotFoundError(f"there is no weights file {name_or_path!r}; give its path, or {remedy}")
    raise unknown_name(name_or_path)


def published_weights(name: str) -> Path:
    """The file of published weights, which are downloaded once. Raises as `weights_file`."""
    from pose_track.weights.store import fetch_weights  # the bundled networks need no web client

    return fetch_weights(ZOO[name])


def describe_file(path: Path) -> dict[str, str]:
    """Its name and hash: {"file": ..., "sha256": ...}."""
    return {"file": path.name, "sha256": file_sha256(path)}
