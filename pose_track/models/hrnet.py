"""The high-resolution network (Sun et al., "Deep High-Resolution Representation Learning for Human Pose
Estimation", CVPR 2019), with the parameter names of the published checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor, nn

from pose_track.models.hrnet_config import HRNET_CONFIGS, HRNetConfig

if TYPE_CHECKING:
    from pose_track.models.lite_hrnet import LiteHRNet


def conv_bn(in_channels: int, out_channels: int, kernel: int, stride: int = 1, relu: bool = True) -> nn.Sequential:
    """A convolution without bias that keeps the size (up to its stride), a batch norm and, if `relu`, a ReLU."""
    conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=False)
    layers: list[nn.Module] = [conv, nn.BatchNorm2d(out_channels)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if relu else nn.Sequential(*layers)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a skip connection; the number of channels stays."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)) + x)
        return out


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a skip connection; the output has four times the inner channels."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int):
        super().__init__()
        out_channels = channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = conv_bn(in_channels, out_channels, 1, relu=False) if in_channels != out_channels else None

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        out: Tensor = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.relu(self.bn3(self.conv3(out)) + skip)
        return out


def fuse_path(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """The layers that convert branch `source` to the resolution and width of branch `target`."""
    if source == target:
        return nn.Identity()
    if source > target:  # coarser to finer: 1x1 convolution, then nearest-neighbour upsampling by a fixed factor
        up = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return nn.Sequential(*conv_bn(widths[source], widths[target], 1, relu=False), up)
    halvings = [conv_bn(widths[source], widths[source], 3, stride=2) for _ in range(target - source - 1)]
    return nn.Sequential(*halvings, conv_bn(widths[source], widths[target], 3, stride=2, relu=False))


class SumOfPaths(nn.ModuleList):
    """One path per branch; the output is the sum of the paths' outputs."""

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        first, *others = (path(x) for path, x in zip(self, xs, strict=True))
        total: Tensor = first
        for other in others:
            total = total + other
        return total


class HighResolutionModule(nn.Module):
    """Parallel branches of residual blocks, then an exchange in which each output sums all branches."""

    def __init__(self, widths: Sequence[int], num_blocks: int, num_outputs: int):
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(BasicBlock(w) for _ in range(num_blocks))) for w in widths)
        self.fuse_layers = nn.ModuleList(
            SumOfPaths(fuse_path(widths, source, target) for source in range(len(widths)))
            for target in range(num_outputs)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        return self.exchange(self.run_branches(xs))

    def run_branches(self, xs: list[Tensor]) -> list[Tensor]:
        """The output of each branch before the exchange."""
        return [branch(x) for branch, x in zip(self.branches, xs, strict=True)]

    def exchange(self, xs: list[Tensor]) -> list[Tensor]:
        return [self.relu(paths(xs)) for paths in self.fuse_layers]


def make_transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """Layers from the branches of one stage to those of the next, which has one more, coarser branch."""
    existing = [nn.Identity() if a == b else conv_bn(b, a, 3) for b, a in zip(before, after, strict=False)]
    added = nn.Sequential(conv_bn(before[-1], after[len(before)], 3, stride=2))
    return nn.ModuleList([*existing, added])


class HRNetTrunk(nn.Module):
    """Stem and four stages. (B, in_channels, H, W) -> (B, widths[0], H / 4, W / 4); H and W multiples of 32.

    The arguments are those of `HRNetConfig`.
    """

    def __init__(
        self,
        widths: Sequence[int],
        num_modules: Sequence[int] = (1, 4, 3),
        num_blocks: int = 4,
        stem_blocks: int = 4,
        stem_channels: int = 64,
        in_channels: int = 3,
    ):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, stem_channels, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem_channels)
        self.conv2 = nn.Conv2d(stem_channels, stem_channels, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(stem_channels)
        self.relu = nn.ReLU(inplace=True)
        stem_out = stem_channels * Bottleneck.expansion
        self.layer1 = nn.Sequential(
            *(Bottleneck(stem_channels if i == 0 else stem_out, stem_channels) for i in range(stem_blocks))
        )
        self.transition1 = make_transition([stem_out], widths[:2])
        self.stage2 = self._stage(widths[:2], num_modules[0], num_blocks)
        self.transition2 = make_transition(widths[:2], widths[:3])
        self.stage3 = self._stage(widths[:3], num_modules[1], num_blocks)
        self.transition3 = make_transition(widths[:3], widths[:4])
        self.stage4 = self._stage(widths[:4], num_modules[2], num_blocks, last_outputs=1)

    @staticmethod
    def _stage(
        widths: Sequence[int], num_modules: int, num_blocks: int, last_outputs: int | None = None
    ) -> nn.Sequential:
        outputs = [len(widths)] * (num_modules - 1) + [last_outputs or len(widths)]
        return nn.Sequential(*(HighResolutionModule(widths, num_blocks, n) for n in outputs))

    @staticmethod
    def _enter(transition: nn.ModuleList, xs: list[Tensor]) -> list[Tensor]:
        sources = [*xs, xs[-1]]
        return [layer(x) for layer, x in zip(transition, sources, strict=True)]

    def stem(self, x: Tensor) -> Tensor:
        """The two convolutions before stage 1, which respond to colours and edges: (B, in_channels, H, W) ->
        (B, stem_channels, H / 4, W / 4). No value is negative."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return x

    def features(self, stem: Tensor) -> Tensor:
        """The finest branch after stage 4, from the output of `stem`."""
        finest: Tensor = self.stage4(self._before_stage4(stem))[0]
        return finest

    def branches(self, stem: Tensor) -> list[Tensor]:
        """The output of each branch before the last exchange, the finest first, from the output of `stem`."""
        xs, (*earlier, last) = self._before_stage4(stem), self.stage4
        for module in earlier:
            xs = module(xs)
        return cast(HighResolutionModule, last).run_branches(xs)

    def last_exchange(self, branches: list[Tensor]) -> Tensor:
        """The finest branch after the last exchange, from the output of `branches`."""
        return cast(HighResolutionModule, self.stage4[-1]).exchange(branches)[0]

    def _before_stage4(self, stem: Tensor) -> list[Tensor]:
        xs = [self.layer1(stem)]
        xs = self.stage2(self._enter(self.transition1, xs))
        xs = self.stage3(self._enter(self.transition2, xs))
        return self._enter(self.transition3, xs)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(self.stem(x))


class HRNet(HRNetTrunk):
    """A keypoint network: a trunk and a 1x1 convolution to one heatmap per joint.

    (B, 3, H, W) normalised RGB -> (B, num_joints, H / 4, W / 4). trunk: more arguments of `HRNetTrunk`.
    """

    def __init__(self, num_joints: int, widths: Sequence[int], **trunk: Any):
        super().__init__(widths, **trunk)
        self.final_layer = nn.Conv2d(widths[0], num_joints, 1)
        nn.init.normal_(self.final_layer.weight, std=0.001)
        nn.init.zeros_(self.final_layer.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        return self.heatmaps(self.stem(x))

    def heatmaps(self, stem: Tensor) -> Tensor:
        """(B, num_joints, H / 4, W / 4) from the output of `stem`."""
        heatmaps: Tensor = self.final_layer(self.features(stem))
        return heatmaps


class HRNetWithEmbedding(nn.Module):
    """A keypoint network with an appearance embedding for each cell, at almost no extra cost.

    (B, 3, H, W) normalised RGB -> heatmaps (B, num_joints, H / 4, W / 4) and embeddings (B, stem_channels, H / 4,
    W / 4): the mean of the stem's output over the 3x3 cells around each. Measured with the bundled network on real
    videos, the stem distinguishes people as well as stage 1, which has four times its channels, and better than any
    later stage: the deeper a map, the more it says which joint is there, and the less whose.
    """

    def __init__(self, network: HRNet | LiteHRNet):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        stem = self.network.stem(x)
        appearance = nn.functional.avg_pool2d(stem, 3, stride=1, padding=1, count_include_pad=False)
        return self.network.heatmaps(stem), appearance


def build_hrnet(config: HRNetConfig, num_joints: int) -> HRNet:
    """A keypoint network of this size, with random weights."""
    return HRNet(num_joints, **asdict(config))


def hrnet_w32(num_joints: int = 17) -> HRNet:
    """HRNet-W32: 28.5 M parameters at 17 joints, 7.65 GMACs at 256x192."""
    return build_hrnet(HRNET_CONFIGS["hrnet_w32"], num_joints)


def hrnet_w48(num_joints: int = 17) -> HRNet:
    """HRNet-W48: 63.6 M parameters at 17 joints, 15.69 GMACs at 256x192."""
    return build_hrnet(HRNET_CONFIGS["hrnet_w48"], num_joints)


def hrnet_compact(num_joints: int = 15) -> HRNet:
    """The bundled network: 3.26 M parameters at 15 joints, 0.533 GMACs at 192x128."""
    return build_hrnet(HRNET_CONFIGS["hrnet_compact"], num_joints)
