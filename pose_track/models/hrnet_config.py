"""The HRNet variants by name, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HRNetName = Literal["hrnet_compact", "hrnet_w32", "hrnet_w48"]


@dataclass(frozen=True)
class HRNetConfig:
    """The size of an HRNet: the arguments of `HRNetTrunk` but for `in_channels`.

    widths: channels of the four branches, finest first.
    num_modules: exchange modules in stages 2, 3 and 4.
    num_blocks: residual blocks of each branch in each module.
    stem_blocks, stem_channels: bottlenecks of stage 1 and their inner channels, which the two convolutions before them
        have too.
    """

    widths: tuple[int, int, int, int]
    num_modules: tuple[int, int, int] = (1, 4, 3)
    num_blocks: int = 4
    stem_blocks: int = 4
    stem_channels: int = 64

    @property
    def name(self) -> HRNetName | None:
        """The network's name in settings; None for a size without one.

        >>> HRNetConfig((32, 64, 128, 256)).name
        'hrnet_w32'
        """
        return next((name for name, config in HRNET_CONFIGS.items() if config == self), None)

    def __str__(self) -> str:
        """
        >>> str(HRNetConfig((32, 64, 128, 256))), str(HRNetConfig((8, 16, 32, 64)))
        ('HRNet-W32', 'HRNet of width 8')
        """
        return f"HRNet of width {self.widths[0]}" if self.name is None else _TITLES[self.name]


HRNET_CONFIGS: dict[HRNetName, HRNetConfig] = {
    # the bundled network's size: a light stem leaves the work to the branches, whose widths fill vector registers
    "hrnet_compact": HRNetConfig((24, 48, 96, 192), (1, 2, 1), num_blocks=2, stem_blocks=1, stem_channels=32),
    "hrnet_w32": HRNetConfig((32, 64, 128, 256)),
    "hrnet_w48": HRNetConfig((48, 96, 192, 384)),
}

_TITLES: dict[HRNetName, str] = {
    "hrnet_compact": "compact HRNet",
    "hrnet_w32": "HRNet-W32",
    "hrnet_w48": "HRNet-W48",
}
