"""The bundled networks as ONNX graphs, which OpenVINO and ONNX Runtime load without PyTorch.

A graph holds no weights: it refers to the bytes of the safetensors file beside it. `python -m pose_track.export.bundle`
writes the graphs.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Literal

from pose_track.utils.hashing import file_sha256

GraphName = Literal["detector", "pose", "pose_flip_test"]
Int8GraphName = Literal["detector_int8", "pose_int8"]
WEIGHTS_SHA256 = "weights_sha256"
"""The metadata key of a graph that holds the hash of its weights file."""


def bundled_folder() -> Path:
    """The folder of the bundled weights and graphs."""
    return Path(str(files("pose_track") / "assets"))


def bundled_onnx(name: GraphName | Int8GraphName, weights: Path) -> Path | None:
    """The graph of bundled weights; None for a weights file that is not bundled.

    Args:
        name: outputs of "detector": maps of `CentreNet`; of the others: heatmaps, then the appearance embedding. Those
            in eight bits have the same outputs.
        weights: the weights file that the network is to have.

    Raises FileNotFoundError where the graph is missing, and ValueError where it was written for other weights.
    """
    path = bundled_folder() / f"{name}.onnx"
    if weights.parent.resolve() != path.parent.resolve():
        return None
    if not path.is_file():
        raise FileNotFoundError(f"the bundled network {str(path)!r} is missing; install the package again")
    if file_sha256(weights).encode() not in path.read_bytes():
        raise ValueError(f"{str(path)!r} was written for other weights than {str(weights)!r}; run make bundle")
    return path
