"""A keypoint network in the form in which it is exported: with or without preprocessing and decoding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pose_track.models.codec import Codec
from pose_track.models.inference_model import InferenceModel
from pose_track.models.torch_decoder import Decoder
from pose_track.runtime.exported import ExportForm

TRACE_BATCH_SIZE = 2


class ExportedNetwork(nn.Module):
    """A keypoint network in one of the forms of an export.

    Args:
        network: the network, with the flip test where it has one; shared, not copied.
        codec: the codec that its heatmaps are decoded with.
    """

    def __init__(self, network: InferenceModel, codec: Codec, form: ExportForm) -> None:
        super().__init__()
        self.form, self.codec = form, codec
        self.network = InferenceModel(network.network, network.flip_indices, network.flip_shift)
        if not form.has_preprocessing:
            self.network.normalize = nn.Identity()  # type: ignore[assignment]
        self.decoder = Decoder(codec) if form.decodes else None

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """The outputs that `ExportForm` describes."""
        heatmaps, *appearance = self.maps(crops)
        return *((heatmaps,) if self.decoder is None else self.decoder(heatmaps)), *appearance

    def maps(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Heatmaps, never decoded, and the appearance embedding where the form has one."""
        if self.form.has_preprocessing:
            crops = crops.float().permute(0, 3, 1, 2)  # float first, because TensorRT can only convert uint8
        return self.network.forward_channels_first(crops)

    def example(self) -> Tensor:
        """An input to trace the network with; it takes crops of one size."""
        w, h = self.codec.input_size
        if self.form.has_preprocessing:
            return torch.zeros((TRACE_BATCH_SIZE, h, w, 3), dtype=torch.uint8)
        return torch.zeros((TRACE_BATCH_SIZE, 3, h, w))
