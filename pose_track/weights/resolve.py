"""Which files of weights the settings name; their hashes tell what made a result, without PyTorch."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pose_track.config.settings import BUNDLED, DetectorSettings, PoseSettings, StageSettings
from pose_track.config.tracker import FlowSettings
from pose_track.utils.hashing import file_sha256
from pose_track.weights.store import fetch_weights
from pose_track.weights.zoo import LIST_COMMAND, ZOO, find_published, unknown_name


def bundled_weights(name: str) -> Path:
    """The file of weights that comes with the package. Raises FileNotFoundError."""
    path = Path(str(files("pose_track") / "assets" / f"{name}.safetensors"))
    if not path.is_file():
        raise FileNotFoundError(f"the bundled weights {str(path)!r} are missing; install the package again")
    return path


def weights_file(given: str) -> Path:
    """The file that somebody names: its path, or the name of published weights, which are fetched once.

    Raises FileNotFoundError; ValueError for what is neither; ConnectionError where weights cannot be fetched.
    """
    path = Path(given)
    if path.is_file():
        return path
    if given in ZOO:
        return fetch_weights(ZOO[given])
    if path.suffix or len(path.parts) > 1:
        known = find_published(given) or ZOO.get(path.stem)
        named = f"the name of published weights ({LIST_COMMAND})" if known is None else f"the name {known.name}"
        raise FileNotFoundError(f"there is no weights file {given!r}; give its path, or {named}")
    raise unknown_name(given)


def detector_weights(settings: DetectorSettings) -> Path | None:
    """The file of the detector's weights; None for recorded boxes."""
    if settings.name == "recorded":
        return None
    if settings.weights not in (None, BUNDLED):
        return weights_file(str(settings.weights))
    return bundled_weights("detector") if settings.name == "compact" else fetch_weights(ZOO[settings.name])


def pose_weights(settings: PoseSettings) -> Path:
    """The file of the keypoint network's weights."""
    return bundled_weights("pose") if settings.weights == BUNDLED else weights_file(settings.weights)


def flow_weights(settings: FlowSettings) -> Path | None:
    """The file of the weights of the optical flow's network; None where it is none."""
    if not settings.method.startswith("raft"):
        return None
    given = settings.weights
    return fetch_weights(ZOO[settings.method]) if given is None else weights_file(str(given))


def describe_weights(settings: StageSettings) -> dict[str, dict[str, str]]:
    """The name and hash of each stage's file: {"detector": {"file": ..., "sha256": ...}, "pose": {...}}. Raises as
    `weights_file`."""
    return {"detector": describe_detector(settings.detector), "pose": describe_file(pose_weights(settings.pose))}


def describe_detector(settings: DetectorSettings) -> dict[str, str]:
    """The name and hash of the file of the detector's weights, or of recorded boxes. Raises as `weights_file`."""
    path = settings.boxes or detector_weights(settings)
    assert path is not None
    return describe_file(path)


def describe_file(path: Path) -> dict[str, str]:
    """Its name and hash: {"file": ..., "sha256": ...}."""
    return {"file": path.name, "sha256": file_sha256(path)}
