"""What a runtime is to run, told without building it: where a compiled network is kept, PyTorch is not needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pose_track.models.inference_model import InferenceModel

Run = Callable[[NDArray[np.uint8]], tuple[NDArray[np.float32], ...]]
"""How a network is called: with pictures (B, H, W, 3) uint8 RGB, B at least 1. It gives an array (B, C, h, w) for each
output of the network, which stays as it is in later calls. Another shape or type raises ValueError."""


class Runtime(Protocol):
    """A network ready to run: a `Run` that tells in words where it calculates and in which type: "cpu", "float32"."""

    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...
    def __call__(self, images: NDArray[np.uint8], /) -> tuple[NDArray[np.float32], ...]: ...


@dataclass(frozen=True)
class ModelSpec:
    """A network to be run.

    make: builds it, with its weights. key: all that decides its outputs, in words, first its name; two networks of one
    key are the same.
    """

    make: Callable[[], InferenceModel]
    key: str


def check_images(images: NDArray[np.uint8]) -> None:
    """Raises ValueError for another shape or type than (B, H, W, 3) uint8, or for no pictures."""
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8 or not len(images):
        raise ValueError(f"images must be (B, H, W, 3) uint8, B at least 1, got {images.shape} {images.dtype}")
