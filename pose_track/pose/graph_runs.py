"""Networks that run outside PyTorch, with what follows them: the flip test, and decoding other than of heatmaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pose_track.runtime.model_spec import Run
from pose_track.structures.arrays import Float32Array, ImageArray


class FlippedRun:
    """A `Run` of crops that averages the outputs with those of the mirrored crops, mirrored back.

    Args:
        run: network whose outputs are heatmaps (B, K, h, w), or the SimCC logits of x and of y (B, K, L).
        flip_indices: (K,) index of each joint's mirror joint.
        shift: whether mirrored heatmaps are moved one cell to the right, see `models.flip_test.shift_flipped`.
    """

    def __init__(self, run: Run, flip_indices: Sequence[int], shift: bool) -> None:
        self._run, self._flip_indices, self._shift = run, list(flip_indices), shift

    def __call__(self, images: ImageArray) -> tuple[Float32Array, ...]:
        outputs = self._run(np.concatenate([images, images[:, :, ::-1]]))
        (first, first_mirrored), *others = (np.split(output, 2) for output in outputs)
        back = first_mirrored[:, self._flip_indices, ..., ::-1]
        if self._shift:
            back = np.concatenate([back[..., :1], back[..., :-1]], axis=-1)
        pairs = [(first, back), *((y, mirrored[:, self._flip_indices]) for y, mirrored in others)]  # y is not mirrored
        return tuple((output + mirrored) * np.float32(0.5) for output, mirrored in pairs)


class DecodingRun:
    """A `Run` of crops that returns joints (B, K, 2) in crop pixels and scores (B, K).

    Args:
        run: the network.
        decode: turns its outputs into these.
    """

    def __init__(self, run: Run, decode: Callable[..., tuple[Float32Array, Float32Array]]) -> None:
        self._run, self._decode = run, decode

    def __call__(self, images: ImageArray) -> tuple[Float32Array, ...]:
        return self._decode(*self._run(images))
