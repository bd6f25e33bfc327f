"""Second peaks: another place for two joints, left and right, whose heatmaps are both highest on one limb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pose_track.models.codec import Codec
from pose_track.models.heatmaps import ArrayOrTensor

_ONE_SPOT = 1.0  # standard deviation of the heatmaps' Gaussians between two joints on one spot, at most
_AWAY = 2.0  # standard deviations of a second peak from the spot, at least


class SecondPeaks:
    """Finds the second peaks of heatmaps (B, K, h, w), NumPy arrays or PyTorch tensors.

    Args:
        codec: of the heatmaps.
        twins: the indices of the left and the right joint of each pair.
        decode: as `Codec.decode`, for arrays of the library.
        library: numpy or torch.
        to_library: from an array of NumPy to one of the library, on the device of the heatmaps.
    """

    def __init__(
        self,
        codec: Codec,
        twins: Sequence[tuple[int, int]],
        decode: Callable[[ArrayOrTensor], tuple[ArrayOrTensor, ArrayOrTensor]],
        library: Any = np,
        to_library: Callable[[Any], ArrayOrTensor] = np.asarray,
    ) -> None:
        width, height = codec.heatmap_size
        self._decode, self._library, self._sigma = decode, library, codec.sigma
        self._twins = to_library(np.array(twins, np.int64).reshape(-1, 2))
        self._rows = to_library(np.arange(height, dtype=np.float32)[:, None])
        self._columns = to_library(np.arange(width, dtype=np.float32))
        self._cell_size = to_library(codec.cell_size)

    def __call__(self, heatmaps: ArrayOrTensor, joints: ArrayOrTensor, scores: ArrayOrTensor) -> ArrayOrTensor:
        """(B, K, 3) x y in crop pixels and score of the highest peak away from the spot that a joint shares with its
        twin; all 0 for joints on a spot of their own, and where there is no other peak.

        joints, scores: (B, K, 2) and (B, K) as decoded from the heatmaps.
        """
        library, pairs = self._library, joints[:, self._twins] / self._cell_size  # (B, P, 2, 2)
        result = library.concatenate([library.zeros_like(joints), library.zeros_like(scores)[..., None]], -1)
        gaps = ((pairs[:, :, 0] - pairs[:, :, 1]) ** 2).sum(-1)
        is_one = (gaps < (_ONE_SPOT * self._sigma) ** 2) & (scores[:, self._twins] > 0).all(-1)
        people, which = library.where(is_one)  # M pairs
        if not len(people):
            return result
        x, y = pairs[people, which].mean(-2).T
        people, members = people[:, None], self._twins[which]
        distances = (self._rows - y[:, None, None]) ** 2 + (self._columns - x[:, None, None]) ** 2  # (M, h, w)
        is_away = distances > (_AWAY * self._sigma) ** 2
        found, heights = self._decode(library.where(is_away[:, None], heatmaps[people, members], 0))
        # the highest of the remaining cells may be the slope of the spot itself
        columns, rows = library.moveaxis(found / self._cell_size, -1, 0)
        from_spot = (columns - x[:, None]) ** 2 + (rows - y[:, None]) ** 2
        heights = library.where(from_spot > (_AWAY * self._sigma + 1) ** 2, heights, 0)
        result[people, members] = library.concatenate([found, heights[..., None]], -1)
        return result
