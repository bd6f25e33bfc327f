"""The Lite-HRNet variants by name, without PyTorch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LiteHRNetName = Literal["lite_hrnet_18", "lite_hrnet_30", "naive_lite_hrnet_18", "wider_naive_lite_hrnet_18"]


@dataclass(frozen=True)
class LiteHRNetConfig:
    """The size of a Lite-HRNet: the arguments of `LiteHRNetTrunk`.

    widths: channels of the four branches, finest first.
    num_modules: exchange modules in stages 0, 1 and 2.
    weighting: whether blocks weigh channels by what all branches see (Lite-HRNet), or are the shuffle blocks of
        ShuffleNet (naive Lite-HRNet).
    num_blocks: blocks of each module.
    stem_channels: of the stem.
    """

    widths: tuple[int, int, int, int]
    num_modules: tuple[int, int, int] = (2, 4, 2)
    weighting: bool = True
    num_blocks: int = 2
    stem_channels: int = 32

    @property
    def name(self) -> LiteHRNetName | None:
        """The network's name in settings; None for a size without one.

        >>> LiteHRNetConfig((40, 80, 160, 320), (3, 8, 3)).name
        'lite_hrnet_30'
        """
        return next((name for name, config in LITE_HRNET_CONFIGS.items() if config == self), None)

    def __str__(self) -> str:
        """
        >>> str(LiteHRNetConfig((30, 60, 120, 240), weighting=False)), str(LiteHRNetConfig((8, 16, 32, 64)))
        ('naive Lite-HRNet-18', 'Lite-HRNet of width 8')
        """
        return f"Lite-HRNet of width {self.widths[0]}" if self.name is None else _TITLES[self.name]


LITE_HRNET_CONFIGS: dict[LiteHRNetName, LiteHRNetConfig] = {
    "lite_hrnet_18": LiteHRNetConfig((40, 80, 160, 320)),
    "lite_hrnet_30": LiteHRNetConfig((40, 80, 160, 320), (3, 8, 3)),
    "naive_lite_hrnet_18": LiteHRNetConfig((30, 60, 120, 240), weighting=False),
    "wider_naive_lite_hrnet_18": LiteHRNetConfig((40, 80, 160, 320), weighting=False),
}

_TITLES: dict[LiteHRNetName, str] = {
    "lite_hrnet_18": "Lite-HRNet-18",
    "lite_hrnet_30": "Lite-HRNet-30",
    "naive_lite_hrnet_18": "naive Lite-HRNet-18",
    "wider_naive_lite_hrnet_18": "wider naive Lite-HRNet-18",
}
