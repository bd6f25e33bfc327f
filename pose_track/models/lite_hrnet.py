"""Lite-HRNet (Yu et al., "Lite-HRNet: A Lightweight High-Resolution Network", CVPR 2021), with the parameter names of
the published checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import accumulate
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from pose_track.models.lite_hrnet_config import LITE_HRNET_CONFIGS, LiteHRNetConfig

_CROSS_REDUCTION, _SPATIAL_REDUCTION = 8, 4  # of channels, inside the two kinds of channel weighting


def channel_shuffle(x: Tensor) -> Tensor:
    """Channels of the first and of the second half in turn (ShuffleNet).

    >>> channel_shuffle(torch.arange(6).view(1, 6, 1, 1)).flatten().tolist()
    [0, 3, 1, 4, 2, 5]
    """
    in_halves = torch.unflatten(x, 1, (2, -1))  # (B, C, H, W) -> (B, 2, C / 2, H, W)
    return in_halves.transpose(1, 2).flatten(1, 2)


def halves(x: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the second half of the channels."""
    first, second = x.chunk(2, dim=1)
    return first, second


class ConvModule(nn.Module):
    """A convolution that keeps the size (up to its stride), a batch norm unless `bias`, and an activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: nn.Module | None = None,
        bias: bool = False,
    ):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=bias)
        self.bn = None if bias else nn.BatchNorm2d(out_channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.bn is not None:
            x = self.bn(x)
        return x if self.activation is None else self.activation(x)


def depthwise(channels: int, stride: int = 1) -> ConvModule:
    """A 3x3 convolution of each channel, without activation."""
    return ConvModule(channels, channels, 3, stride, groups=channels)


def pointwise(in_channels: int, out_channels: int) -> ConvModule:
    """A 1x1 convolution with a ReLU."""
    return ConvModule(in_channels, out_channels, activation=nn.ReLU())


def separable(in_channels: int, out_channels: int, stride: int, relu: bool = True) -> nn.Sequential:
    """A depthwise and a pointwise convolution, each with a batch norm, and, if `relu`, a ReLU."""
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, 3, stride, padding=1, groups=in_channels, bias=False),
        nn.BatchNorm2d(in_channels),
        nn.Conv2d(in_channels, out_channels, 1, bias=False),
        nn.BatchNorm2d(out_channels),
        *([nn.ReLU()] if relu else []),
    )


class Stem(nn.Module):
    """(B, 3, H, W) -> (B, channels, H / 4, W / 4): a convolution and a shuffle block. No value is negative."""

    def __init__(self, channels: int):
        super().__init__()
        half = channels // 2
        self.conv1 = ConvModule(3, channels, 3, stride=2, activation=nn.ReLU())
        self.branch1 = nn.Sequential(depthwise(half, stride=2), pointwise(half, half))
        self.expand_conv = pointwise(half, channels)
        self.depthwise_conv = depthwise(channels, stride=2)
        self.linear_conv = pointwise(channels, half)

    def forward(self, x: Tensor) -> Tensor:
        first, second = halves(self.conv1(x))
        second = self.linear_conv(self.depthwise_conv(self.expand_conv(second)))
        return channel_shuffle(torch.cat([self.branch1(first), second], dim=1))


class SpatialWeighting(nn.Module):
    """Multiply each channel by a weight in [0, 1] that follows from the means of all channels (section 3.3)."""

    def __init__(self, channels: int):
        super().__init__()
        inner = channels // _SPATIAL_REDUCTION
        self.conv1 = ConvModule(channels, inner, activation=nn.ReLU(), bias=True)
        self.conv2 = ConvModule(inner, channels, activation=nn.Sigmoid(), bias=True)

    def forward(self, x: Tensor) -> Tensor:
        weights: Tensor = self.conv2(self.conv1(functional.adaptive_avg_pool2d(x, 1)))
        return x * weights


class CrossResolutionWeighting(nn.Module):
    """Multiply each cell of each branch by weights in [0, 1] that follow from all branches there (section 3.3)."""

    def __init__(self, widths: Sequence[int]):
        super().__init__()
        self.widths = tuple(widths)
        total, inner = sum(widths), sum(widths) // _CROSS_REDUCTION
        self.conv1 = pointwise(total, inner)
        self.conv2 = ConvModule(inner, total, activation=nn.Sigmoid())

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        factors = [2**n for n in reversed(range(len(xs)))]  # to the size of the coarsest branch
        pooled = [functional.avg_pool2d(x, factor) for x, factor in zip(xs, factors, strict=True)]
        weights = self.conv2(self.conv1(torch.cat(pooled, dim=1)))
        ends = accumulate(self.widths)
        return [
            x * functional.interpolate(weights[:, end - width : end], scale_factor=float(factor), mode="nearest")
            for x, width, end, factor in zip(xs, self.widths, ends, factors, strict=True)
        ]


class ConditionalChannelWeighting(nn.Module):
    """A block of all branches: half the channels are weighted, convolved and weighted again; then all are shuffled."""

    def __init__(self, widths: Sequence[int]):
        super().__init__()
        halves = [width // 2 for width in widths]
        self.cross_resolution_weighting = CrossResolutionWeighting(halves)
        self.depthwise_convs = nn.ModuleList(depthwise(half) for half in halves)
        self.spatial_weighting = nn.ModuleList(SpatialWeighting(half) for half in halves)

    def forward(self, xs: Sequence[Tensor]) -> list[Tensor]:
        firsts, seconds = zip(*map(halves, xs), strict=True)
        weighted = self.cross_resolution_weighting(seconds)
        layers = zip(self.depthwise_convs, self.spatial_weighting, strict=True)
        convolved = [weigh(conv(x)) for x, (conv, weigh) in zip(weighted, layers, strict=True)]
        return [channel_shuffle(torch.cat(pair, dim=1)) for pair in zip(firsts, convolved, strict=True)]


class ShuffleUnit(nn.Module):
    """The block of ShuffleNet V2: half the channels are convolved; then all are shuffled."""

    def __init__(self, channels: int):
        super().__init__()
        half = channels // 2
        self.branch2 = nn.Sequential(pointwise(half, half), depthwise(half), pointwise(half, half))

    def forward(self, x: Tensor) -> Tensor:
        first, second = halves(x)
        return channel_shuffle(torch.cat([first, self.branch2(second)], dim=1))


def fuse_path(widths: Sequence[int], source: int, target: int) -> nn.Module:
    """The layers that convert branch `source` to the resolution and width of branch `target`."""
    if source == target:
        return nn.Identity()
    if source > target:
        conv = nn.Conv2d(widths[source], widths[target], 1, bias=False)
        up = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return nn.Sequential(conv, nn.BatchNorm2d(widths[target]), up)
    halvings = [separable(widths[source], widths[source], 2) for _ in range(target - source - 1)]
    return nn.Sequential(*halvings, separable(widths[source], widths[target], 2, relu=False))


class LiteHRModule(nn.Module):
    """Parallel branches of blocks, then an exchange."""

    def __init__(self, widths: Sequence[int], num_blocks: int, weighting: bool):
        super().__init__()
        self.weighting = weighting
        if weighting:
            self.layers: nn.Module = nn.Sequential(*(ConditionalChannelWeighting(widths) for _ in range(num_blocks)))
        else:
            branches = (nn.Sequential(*(ShuffleUnit(width) for _ in range(num_blocks))) for width in widths)
            self.layers = nn.ModuleList(branches)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(fuse_path(widths, source, target) for source in range(len(widths)))
            for target in range(len(widths))
        )
        self.relu = nn.ReLU()

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        if self.weighting:
            return self.exchange(self.layers(xs))
        branches = cast(nn.ModuleList, self.layers)
        return self.exchange([branch(x) for branch, x in zip(branches, xs, strict=True)])

    def exchange(self, xs: list[Tensor]) -> list[Tensor]:
        """Each output is the sum of all branches, in which the finest counts twice, and in the coarser outputs the
        finest is what was just summed. This is how the published code works, which adds in place, and so how the
        published weights were trained."""
        summed: list[Tensor] = []
        for target, paths in enumerate(self.fuse_layers):
            finest, *others = (path(x) for path, x in zip(cast(nn.ModuleList, paths), xs, strict=True))
            total = finest + finest
            for other in others:
                total = total + other
            if target == 0:
                xs = [total, *xs[1:]]
            summed.append(total)
        return [self.relu(x) for x in summed]


class IterativeHead(nn.Module):
    """The finest branch after the coarser ones were added to the next finer, one after the other."""

    def __init__(self, widths: Sequence[int]):
        super().__init__()
        coarse_first = tuple(reversed(widths))
        targets = (*coarse_first[1:], coarse_first[-1])
        self.projects = nn.ModuleList(SeparableConv(*sizes) for sizes in zip(coarse_first, targets, strict=True))

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        coarsest, *finer = reversed(xs)
        first, *others = self.projects
        x: Tensor = first(coarsest)
        for branch, project in zip(finer, others, strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)
            x = project(branch + x)
        return x


class SeparableConv(nn.Module):
    """A depthwise convolution without activation and a pointwise one with a ReLU."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.depthwise_conv = depthwise(in_channels)
        self.pointwise_conv = pointwise(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pointwise_conv(self.depthwise_conv(x))
        return out


def make_transition(before: Sequence[int], after: Sequence[int]) -> nn.ModuleList:
    """Layers from the branches of one stage to those of the next, which has one more, coarser branch."""
    existing = [nn.Identity() if a == b else separable(b, a, 1) for b, a in zip(before, after, strict=False)]
    return nn.ModuleList([*existing, nn.Sequential(separable(before[-1], after[-1], 2))])


class LiteHRNetTrunk(nn.Module):
    """Stem, three stages and head. (B, 3, H, W) -> (B, widths[0], H / 4, W / 4); H and W multiples of 32.

    The arguments are those of `LiteHRNetConfig`.
    """

    def __init__(
        self,
        widths: Sequence[int],
        num_modules: Sequence[int] = (2, 4, 2),
        weighting: bool = True,
        num_blocks: int = 2,
        stem_channels: int = 32,
    ):
        super().__init__()
        self.stem = Stem(stem_channels)
        self.transition0 = make_transition([stem_channels], widths[:2])
        self.stage0 = _stage(widths[:2], num_modules[0], num_blocks, weighting)
        self.transition1 = make_transition(widths[:2], widths[:3])
        self.stage1 = _stage(widths[:3], num_modules[1], num_blocks, weighting)
        self.transition2 = make_transition(widths[:3], widths[:4])
        self.stage2 = _stage(widths[:4], num_modules[2], num_blocks, weighting)
        self.head_layer = IterativeHead(widths)

    def features(self, stem: Tensor) -> Tensor:
        """The finest branch after the head, from the output of the stem."""
        xs = [stem]
        stages = (self.transition0, self.stage0), (self.transition1, self.stage1), (self.transition2, self.stage2)
        for transition, stage in stages:
            xs = stage([layer(x) for layer, x in zip(transition, [*xs, xs[-1]], strict=True)])
        finest: Tensor = self.head_layer(xs)
        return finest


def _stage(widths: Sequence[int], num_modules: int, num_blocks: int, weighting: bool) -> nn.Sequential:
    return nn.Sequential(*(LiteHRModule(widths, num_blocks, weighting) for _ in range(num_modules)))


class LiteHRNet(LiteHRNetTrunk):
    """A keypoint network: a trunk and a 1x1 convolution to one heatmap per joint.

    (B, 3, H, W) normalised RGB -> (B, num_joints, H / 4, W / 4). trunk: more arguments of `LiteHRNetTrunk`.
    """

    def __init__(self, num_joints: int, widths: Sequence[int], **trunk: Any):
        super().__init__(widths, **trunk)
        self.final_layer = nn.Conv2d(widths[0], num_joints, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # as published
                nn.init.normal_(module.weight, std=0.001)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.heatmaps(self.stem(x))

    def heatmaps(self, stem: Tensor) -> Tensor:
        """(B, num_joints, H / 4, W / 4) from the output of the stem."""
        heatmaps: Tensor = self.final_layer(self.features(stem))
        return heatmaps


def build_lite_hrnet(config: LiteHRNetConfig, num_joints: int) -> LiteHRNet:
    """A keypoint network of this size, with random weights."""
    return LiteHRNet(num_joints, **asdict(config))


def lite_hrnet_18(num_joints: int = 17) -> LiteHRNet:
    """Lite-HRNet-18: 1.13 M parameters at 17 joints."""
    return build_lite_hrnet(LITE_HRNET_CONFIGS["lite_hrnet_18"], num_joints)


def lite_hrnet_30(num_joints: int = 17) -> LiteHRNet:
    """Lite-HRNet-30: 1.76 M parameters at 17 joints."""
    return build_lite_hrnet(LITE_HRNET_CONFIGS["lite_hrnet_30"], num_joints)


def naive_lite_hrnet_18(num_joints: int = 17) -> LiteHRNet:
    """Naive Lite-HRNet-18, of plain shuffle blocks: 0.76 M parameters at 17 joints."""
    return build_lite_hrnet(LITE_HRNET_CONFIGS["naive_lite_hrnet_18"], num_joints)


def wider_naive_lite_hrnet_18(num_joints: int = 17) -> LiteHRNet:
    """Naive Lite-HRNet-18 with the channels of Lite-HRNet-18: 1.32 M parameters at 17 joints."""
    return build_lite_hrnet(LITE_HRNET_CONFIGS["wider_naive_lite_hrnet_18"], num_joints)
