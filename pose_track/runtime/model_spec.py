"""The description of a network that a runtime is to run. A compiled or exported network needs no PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from pose_track.structures.arrays import Float32Array, ImageArray

if TYPE_CHECKING:
    from pose_track.models.inference_model import InferenceModel

Precision = Literal["auto", "float32", "bfloat16", "int8"]
"""The type that a network calculates in; "auto" leaves the choice to the runtime. "int8" means that most
convolutions multiply whole numbers of eight bits, see `pose_track.export.quantise`."""

Run = Callable[[ImageArray], tuple[Float32Array, ...]]
"""Runs a network: images (B, H, W, 3) uint8 RGB, B at least 1 -> an array (B, C, h, w) for each output.

Later calls do not overwrite the arrays. Raises ValueError for another shape or type.
"""


class Runtime(Protocol):
    """A network ready to run. It is a `Run` and states its device and precision, such as "cpu" and "float32"."""

    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...
    def __call__(self, images: ImageArray, /) -> tuple[Float32Array, ...]: ...


@dataclass(frozen=True)
class ModelSpec:
    """A network to run.

    Args:
        build: builds the PyTorch network with its weights.
        key: text that identifies the network and its weights, the network's name first. Equal keys mean equal networks.
        onnx: an ONNX file of the same network. OpenVINO and ONNX Runtime load it and never call `build`.
        num_outputs: how many outputs of the ONNX file to return, the first ones; None for all.
        input_shape: of the input, where it is to be another one than the file states.
        image_size: (w, h) of the images that it will run with, as far as it is known.
        int8: an ONNX file of the same network in eight bits, for the precision int8; None without one.
    """

    build: Callable[[], InferenceModel]
    key: str
    onnx: Path | None = None
    num_outputs: int | None = None
    input_shape: tuple[int, ...] | None = None
    image_size: tuple[int, int] | None = None
    int8: Path | None = None


def check_images(images: ImageArray) -> None:
    """Raises ValueError unless the images are (B, H, W, 3) uint8 with B at least 1."""
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or not len(images):
        raise ValueError(f"images must be (B, H, W, 3) uint8, B at least 1, got {images.shape} {images.dtype}")
