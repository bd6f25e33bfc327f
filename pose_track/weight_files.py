"""Which files of weights the settings name; their hashes tell what made a result, without PyTorch."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pose_track.models.hashing import file_sha256
from pose_track.settings import BUNDLED, DEFAULT_PRESET, DetectorSettings, PoseSettings, StageSettings


def bundled_weights(name: str) -> Path:
    """The file of weights that comes with the package."""
    return Path(str(files("pose_track") / "assets" / f"{name}.safetensors"))


def weights_file(given: str | None, bundled: str, setting: str) -> Path:
    """The file of a network's weights: the bundled one, or that which a setting names. Raises FileNotFoundError."""
    path = bundled_weights(bundled) if given in (None, BUNDLED) else Path(str(given))
    if path.is_file():
        return path
    if given in (None, BUNDLED):
        raise FileNotFoundError(f"the bundled weights {str(path)!r} are missing; install the package again")
    raise FileNotFoundError(
        f"there is no weights file {str(path)!r}; put it into {str(path.absolute().parent)!r} or give its path as "
        f"--{setting}, or use --preset {DEFAULT_PRESET}, whose weights are bundled"
    )


def detector_weights(settings: DetectorSettings) -> Path | None:
    """The file of the detector's weights; None for recorded boxes, and for torchvision's own, which are downloaded."""
    if settings.name == "compact":
        return weights_file(settings.weights, "detector", "detector.weights")
    return None if settings.weights is None else weights_file(settings.weights, "", "detector.weights")


def pose_weights(settings: PoseSettings) -> Path:
    """The file of the keypoint network's weights."""
    return weights_file(settings.weights, "pose", "pose.weights")


def describe_weights(settings: StageSettings) -> dict[str, dict[str, str]]:
    """The name and hash of each stage's file: {"detector": {"file": ..., "sha256": ...}, "pose": {...}}; without hash
    for torchvision's own, which it checks itself. Raises FileNotFoundError."""
    of_detector = settings.detector.boxes or detector_weights(settings.detector)
    own = {"file": f"torchvision {settings.detector.name}"}
    return {
        "detector": own if of_detector is None else _describe(of_detector),
        "pose": _describe(pose_weights(settings.pose)),
    }


def _describe(path: Path) -> dict[str, str]:
    return {"file": path.name, "sha256": file_sha256(path)}
