"""Joints of heatmaps that are tensors: on their device, or as the last part of an exported network."""

from __future__ import annotations

from torch import Tensor, nn

from pose_track.models.codec import Codec
from pose_track.models.torch_peaks import PeakFinder, softmax_maps


class Decoder(nn.Module):
    """`Codec.decode` as a module: heatmaps (B, K, h, w) float32 -> joints (B, K, 2) float32 in crop pixels and scores
    (B, K), where the module is. Nothing in it depends on the values, so that it can be traced and exported for any B.

    >>> import torch
    >>> joints, scores = Decoder(Codec("plain", (8, 8)))(torch.eye(2)[None, None])
    >>> joints.tolist(), scores.tolist()
    ([[[0.0, 0.0]]], [[1.0]])
    """

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec
        self.find = PeakFinder(codec.heatmap_size, codec.kernel, codec.reach)

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Raises ValueError for heatmaps of another size than the codec's."""
        return self.read(self.heights(heatmaps))

    def heights(self, heatmaps: Tensor) -> Tensor:
        """See `Codec.heights`."""
        return softmax_maps(heatmaps, self.codec.sigma) if self.codec.logits else heatmaps

    def read(self, heights: Tensor) -> tuple[Tensor, Tensor]:
        """See `Codec.read`."""
        self.codec.check_size(heights.shape)
        return self.codec.read_peaks(self.find(heights))
