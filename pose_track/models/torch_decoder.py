"""Decoding of heatmaps that are tensors: on their device, or as the last part of an exported network."""

from __future__ import annotations

from torch import Tensor, nn

from pose_track.models.codec import Codec
from pose_track.models.torch_peaks import PeakFinder


class Decoder(nn.Module):
    """`Codec.decode` as a module: heatmaps (B, K, h, w) float32 -> joints (B, K, 2) float32 in crop pixels and scores
    (B, K), on the module's device. No operation depends on the values, so it can be traced and exported for any B.

    >>> import torch
    >>> joints, scores = Decoder(Codec("gaussian", (8, 8)))(torch.eye(2)[None, None])
    >>> joints.tolist(), scores.tolist()
    ([[[0.0, 0.0]]], [[1.0]])
    """

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec
        self.find_peaks = PeakFinder(codec.heatmap_size, codec.kernel_size, codec.peak_radius)

    def forward(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Raises ValueError for heatmaps of another size than the codec's."""
        self.codec.check_heatmap_size(heatmaps.shape)
        return self.codec.decode_peaks(self.find_peaks(heatmaps))
