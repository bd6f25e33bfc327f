"""A keypoint network as it is exported: with what comes before and after it, or without."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pose_track.export.form import Form
from pose_track.models.codec import Codec
from pose_track.models.inference_model import InferenceModel
from pose_track.models.torch_decoder import Decoder

EXAMPLE_BATCH = 2


class ExportedNetwork(nn.Module):
    """A network in one of the forms it is exported in.

    network: it, with the flip test where it has one; shared, not copied. codec: how its heatmaps are read.
    """

    def __init__(self, network: InferenceModel, codec: Codec, form: Form) -> None:
        super().__init__()
        self.form, self.codec = form, codec
        self.network = InferenceModel(network.network, network.flip_indices, network.flip_shift)
        if not form.preprocessing:
            self.network.normalize = nn.Identity()  # type: ignore[assignment]
        self.decoder = Decoder(codec) if form.decoding else None

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Crops -> the outputs, as `Form` says."""
        heatmaps, *appearance = self.maps(crops)
        return *((heatmaps,) if self.decoder is None else self.decoder(heatmaps)), *appearance

    def maps(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Crops -> heatmaps, and looks where the form has them, whether they are decoded or not."""
        if self.form.preprocessing:
            crops = crops.float().permute(0, 3, 1, 2)  # float at once: TensorRT can do nothing else with bytes
        return self.network.planes(crops)

    def example(self) -> Tensor:
        """Crops of the one size that it takes."""
        w, h = self.codec.input_size
        if self.form.preprocessing:
            return torch.zeros((EXAMPLE_BATCH, h, w, 3), dtype=torch.uint8)
        return torch.zeros((EXAMPLE_BATCH, 3, h, w))
