from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from pose_track.models.inference_model import InferenceModel, Normalize


class Shown(nn.Module):
    """Gives the normalised picture itself, in every fourth row and column."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., ::4, ::4]


class Twofold(nn.Module):
    """Gives that, and the whole picture doubled."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x[..., ::4, ::4], 2 * x


def pictures(batch: int = 2, height: int = 8, width: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, height, width, 3), generator=generator, dtype=torch.uint8)


def test_normalize() -> None:
    image = torch.tensor([0, 255, 128], dtype=torch.uint8).view(1, 3, 1, 1)
    expected = [(0 - 0.485) / 0.229, (1 - 0.456) / 0.224, (128 / 255 - 0.406) / 0.225]
    torch.testing.assert_close(Normalize()(image).flatten(), torch.tensor(expected))
    assert not Normalize().state_dict()


def test_pictures_reach_the_network_normalised() -> None:
    images = pictures()
    (shown,) = InferenceModel(Shown())(images)
    torch.testing.assert_close(shown, Normalize()(images.permute(0, 3, 1, 2))[..., ::4, ::4])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("twins", [None, [1, 0, 2]])
def test_planes_of_any_type(dtype: torch.dtype, twins: list[int] | None) -> None:
    images, deployed = pictures(), InferenceModel(Shown(), twins)
    torch.testing.assert_close(deployed.planes(images.permute(0, 3, 1, 2).to(dtype)), deployed(images))


@pytest.mark.parametrize("shift", [True, False])
def test_flip_test_averages_both_views(shift: bool) -> None:
    images = pictures()
    (average,) = InferenceModel(Shown(), [1, 0, 2], shift)(images)
    plain, mirrored = (InferenceModel(Shown())(given)[0] for given in (images, images.flip(2)))
    back = mirrored[:, [1, 0, 2]].flip(-1)
    if shift:
        back = torch.cat([back[..., :1], back[..., :-1]], dim=-1)
    torch.testing.assert_close(average, (plain + back) / 2)


def test_other_outputs_are_not_mirrored() -> None:
    images = pictures()
    heatmaps, appearance = InferenceModel(Twofold(), [1, 0, 2])(images)
    torch.testing.assert_close(heatmaps, InferenceModel(Shown(), [1, 0, 2])(images)[0])
    torch.testing.assert_close(appearance, InferenceModel(Twofold())(images)[1])


@pytest.mark.parametrize("twins", [None, [1, 0, 2]])
def test_a_network_in_bfloat16_gives_float32(twins: list[int] | None) -> None:
    """And is fed what was normalised in float32."""
    torch.manual_seed(0)
    network, images = nn.Conv2d(3, 3, 3), pictures()
    exact = InferenceModel(network, twins)(images)[0]
    rough = InferenceModel(network.to(torch.bfloat16), twins)(images)[0]
    assert rough.dtype == torch.float32
    assert 0 < (rough - exact).abs().max() < 0.05
