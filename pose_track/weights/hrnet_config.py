"""The form of an HRNet, read from the shapes of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

LARGEST = (
    4096  # channels, blocks or joints; published networks have 384 at most. More would not be a network but a trap
)

_MARKS = ("conv1.weight", "layer1.0.conv1.weight", *(f"stage4.0.branches.{n}.0.conv1.weight" for n in range(4)))


@dataclass(frozen=True)
class HRNetConfig:
    """The arguments of `HRNetTrunk` but for the colours of its input."""

    widths: tuple[int, int, int, int]
    num_modules: tuple[int, int, int] = (1, 4, 3)
    num_blocks: int = 4
    stem_blocks: int = 4
    stem_channels: int = 64

    @property
    def name(self) -> str | None:
        """The network's name in settings, if it has one.

        >>> HRNetConfig((32, 64, 128, 256)).name
        'hrnet_w32'
        """
        return next((name for name, form in FORMS.items() if form == self), None)

    def __str__(self) -> str:
        """
        >>> str(HRNetConfig((32, 64, 128, 256))), str(HRNetConfig((8, 16, 32, 64)))
        ('HRNet-W32', 'HRNet of width 8')
        """
        special = {"hrnet_w32": "HRNet-W32", "hrnet_w48": "HRNet-W48", "hrnet_compact": "compact HRNet"}
        return special.get(self.name or "", f"HRNet of width {self.widths[0]}")

    @property
    def arguments(self) -> dict[str, Any]:
        return asdict(self)


# As `models.hrnet` builds them; told here without PyTorch.
FORMS = {
    "hrnet_compact": HRNetConfig((24, 48, 96, 192), (1, 2, 1), num_blocks=2, stem_blocks=1, stem_channels=32),
    "hrnet_w32": HRNetConfig((32, 64, 128, 256)),
    "hrnet_w48": HRNetConfig((48, 96, 192, 384)),
}


def hrnet_config(shapes: Shapes) -> HRNetConfig | None:
    """The form of the HRNet for colour pictures whose weights, under the published names, have these shapes; None where
    it is another network. That all the rest is there and fits is for `fill` to tell."""
    if any(len(shapes.get(mark, ())) != 4 for mark in _MARKS) or shapes["conv1.weight"][1] != 3:
        return None
    form = HRNetConfig(
        tuple(shapes[mark][0] for mark in _MARKS[2:]),  # type: ignore[arg-type]
        (_count(shapes, "stage2."), _count(shapes, "stage3."), _count(shapes, "stage4.")),
        _count(shapes, "stage4.0.branches.0."),
        _count(shapes, "layer1."),
        shapes["conv1.weight"][0],
    )
    sizes = (*form.widths, *form.num_modules, form.num_blocks, form.stem_blocks, form.stem_channels)
    return form if all(0 < size <= LARGEST for size in sizes) else None


def joints_of(shapes: Shapes) -> int | None:
    """How many heatmaps the last layer gives; None for a trunk without the layer of a keypoint network."""
    shape = shapes.get("final_layer.weight", ())
    return shape[0] if len(shape) == 4 and 0 < shape[0] <= LARGEST else None


def _count(shapes: Shapes, prefix: str) -> int:
    """How many numbers follow the prefix."""
    return len({name[len(prefix) :].partition(".")[0] for name in shapes if name.startswith(prefix)})
