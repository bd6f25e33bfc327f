from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pose_track.models.inference_model import InferenceModel, Normalize


class Subsampled(nn.Module):
    """Returns every fourth row and column of the normalised image."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., ::4, ::4]


class TwoOutputs(nn.Module):
    """Returns that, and the image times two."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[..., ::4, ::4], 2 * x


def random_images(batch: int = 2, height: int = 8, width: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, height, width, 3), generator=generator, dtype=torch.uint8)


def test_normalize() -> None:
    image = torch.tensor([0, 255, 128], dtype=torch.uint8).view(1, 3, 1, 1)
    expected = [(0 - 0.485) / 0.229, (1 - 0.456) / 0.224, (128 / 255 - 0.406) / 0.225]
    torch.testing.assert_close(Normalize()(image).flatten(), torch.tensor(expected))
    assert not Normalize().state_dict()


def test_the_network_receives_normalised_images() -> None:
    images = random_images()
    (output,) = InferenceModel(Subsampled())(images)
    torch.testing.assert_close(output, Normalize()(images.permute(0, 3, 1, 2))[..., ::4, ::4])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("flip_indices", [None, [1, 0, 2]])
def test_channels_first_images_of_any_type(dtype: torch.dtype, flip_indices: list[int] | None) -> None:
    images, model = random_images(), InferenceModel(Subsampled(), flip_indices)
    torch.testing.assert_close(model.forward_channels_first(images.permute(0, 3, 1, 2).to(dtype)), model(images))


@pytest.mark.parametrize("shift", [True, False])
def test_flip_test_averages_both_views(shift: bool) -> None:
    images = random_images()
    (average,) = InferenceModel(Subsampled(), [1, 0, 2], shift)(images)
    original, mirrored = (InferenceModel(Subsampled())(batch)[0] for batch in (images, images.flip(2)))
    back = mirrored[:, [1, 0, 2]].flip(-1)
    if shift:
        back = torch.cat([back[..., :1], back[..., :-1]], dim=-1)
    torch.testing.assert_close(average, (original + back) / 2)


def test_other_outputs_are_not_mirrored() -> None:
    images = random_images()
    heatmaps, appearance = InferenceModel(TwoOutputs(), [1, 0, 2])(images)
    torch.testing.assert_close(heatmaps, InferenceModel(Subsampled(), [1, 0, 2])(images)[0])
    torch.testing.assert_close(appearance, InferenceModel(TwoOutputs())(images)[1])


@pytest.mark.parametrize("flip_indices", [None, [1, 0, 2]])
def test_a_network_in_bfloat16_gives_float32(flip_indices: list[int] | None) -> None:
    """Its input was normalised in float32."""
    torch.manual_seed(0)
    network, images = nn.Conv2d(3, 3, 3), random_images()
    exact = InferenceModel(network, flip_indices)(images)[0]
    rough = InferenceModel(network.to(torch.bfloat16), flip_indices)(images)[0]
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < 0.05
