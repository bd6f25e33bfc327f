"""The input of networks that come as a graph, an ONNX or OpenVINO file: its size and the values of its pixels."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from pose_track.structures.arrays import AnyArray, ImageArray

Pixels = Literal["rgb_imagenet", "bgr_imagenet", "rgb_unit", "rgb_255", "bgr_255"]
"""The order of the channels, and their values: normalised by ImageNet's mean and deviation, 0 to 1, or 0 to 255."""


class Port(NamedTuple):
    """An input or output of a graph.

    shape: None for a dimension of any length.
    dtype: the name of its type in NumPy, such as "float32".
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        """
        >>> str(Port("simcc_x", (None, 17, 384), "float32"))
        'simcc_x (any, 17, 384)'
        """
        return f"{self.name} ({', '.join('any' if side is None else str(side) for side in self.shape)})"


class GraphInput(NamedTuple):
    """The one input of a graph that takes images.

    batch, size: how many images it takes, and their (w, h); None for any.
    channels_last: whether it is (B, H, W, 3) instead of (B, 3, H, W).
    dtype: as in `Port`.
    """

    batch: int | None
    size: tuple[int, int] | None
    channels_last: bool
    dtype: str


def graph_input(inputs: tuple[Port, ...]) -> GraphInput:
    """The input of images. Raises ValueError for a graph with another number of inputs, or with another input.

    >>> graph_input((Port("image", (None, 3, 256, 192), "float32"),)).size
    (192, 256)
    """
    if len(inputs) != 1 or len(inputs[0].shape) != 4 or 3 not in (inputs[0].shape[1], inputs[0].shape[3]):
        shown = ", ".join(map(str, inputs)) or "nothing"
        raise ValueError(f"takes {shown} instead of one batch of images, (B, 3, H, W) or (B, H, W, 3)")
    shape, dtype = inputs[0].shape, inputs[0].dtype
    channels_last = shape[1] != 3
    height, width = shape[1:3] if channels_last else shape[2:4]
    size = None if width is None or height is None else (width, height)
    return GraphInput(shape[0], size, channels_last, dtype)


def to_input(images: ImageArray, pixels: Pixels, channels_last: bool, dtype: str) -> AnyArray:
    """Images (B, H, W, 3) uint8 RGB as the input of a graph, see `GraphInput`.

    >>> to_input(np.full((1, 1, 1, 3), (255, 0, 51), np.uint8), "rgb_unit", True, "float32").round(2).tolist()
    [[[[1.0, 0.0, 0.20000000298023224]]]]
    """
    order, _, scale = pixels.partition("_")
    is_bgr = order == "bgr"
    array = images[..., ::-1] if is_bgr else images
    if not channels_last:
        array = array.transpose(0, 3, 1, 2)
    if np.issubdtype(np.dtype(dtype), np.integer):
        return np.ascontiguousarray(array, dtype)
    axes = (3,) if channels_last else (3, 1, 1)
    mean, std = (np.array(v[::-1] if is_bgr else v, np.float32).reshape(axes) for v in _MEANS_AND_STDS[scale])
    return np.ascontiguousarray((array.astype(np.float32) - mean) / std, dtype)


_Triple = tuple[float, float, float]
_MEANS_AND_STDS: dict[str, tuple[_Triple, _Triple]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),  # 255 times the constants
    "unit": ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "255": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
"""By the last word of `Pixels`: what is subtracted from red, green and blue, and what they are divided by."""
