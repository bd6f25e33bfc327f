"""Networks that return the coordinates of one person's joints in a square image, as MoveNet does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pose_track.geometry.affine import crop_matrix
from pose_track.structures.arrays import Float32Array, Float64Array


@dataclass(frozen=True)
class SinglePoseCodec:
    """The crops of such a network, and the reading of its output. input_size: (w, h) of the crops in pixels."""

    input_size: tuple[int, int]

    def matrix(self, center: ArrayLike, width: float) -> Float64Array:
        """(2, 3) matrix from frame pixels to crop pixels; center: x y and width: of the crop, in frame pixels."""
        return crop_matrix(center, width, self.input_size)

    def describe(self) -> dict[str, str]:
        """The decoding, for the header of the results."""
        return {"decoding": "coordinates", "scores": "raw"}

    def decode(self, output: Float32Array) -> tuple[Float32Array, Float32Array]:
        """Joints (B, K, 2) in crop pixels and scores (B, K), of (B, 1, K, 3): y and x in shares of the crop, score.

        >>> SinglePoseCodec((256, 256)).decode(np.array([[[[0.5, 0.25, 0.9]]]], np.float32))[0].tolist()
        [[[64.0, 128.0]]]
        """
        people = output[:, 0]
        return people[..., 1::-1] * np.array(self.input_size, np.float32), people[..., 2]
