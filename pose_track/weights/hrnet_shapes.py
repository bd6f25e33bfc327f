"""The size of an HRNet and its number of joints, from the shapes of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple

from pose_track.models.hrnet_config import HRNetConfig

Shapes = Mapping[str, tuple[int, ...]]

# Channels, blocks or joints. Published networks have 384 at most; a file with more is an attempt to exhaust memory.
MAX_SIZE = 4096

_IDENTIFYING_WEIGHTS = (
    "conv1.weight",
    "layer1.0.conv1.weight",
    *(f"stage4.0.branches.{n}.0.conv1.weight" for n in range(4)),
)


def config_from_shapes(shapes: Shapes) -> HRNetConfig | None:
    """The size of the HRNet for RGB images with weights of these shapes, by published name; None for another network.

    Whether all other weights are there and fit is checked when a network is filled.
    """
    if any(len(shapes.get(name, ())) != 4 for name in _IDENTIFYING_WEIGHTS) or shapes["conv1.weight"][1] != 3:
        return None
    config = HRNetConfig(
        tuple(shapes[name][0] for name in _IDENTIFYING_WEIGHTS[2:]),  # type: ignore[arg-type]
        (count_layers(shapes, "stage2."), count_layers(shapes, "stage3."), count_layers(shapes, "stage4.")),
        count_layers(shapes, "stage4.0.branches.0."),
        count_layers(shapes, "layer1."),
        shapes["conv1.weight"][0],
    )
    widths, num_modules, *others = astuple(config)
    return config if all(0 < size <= MAX_SIZE for size in (*widths, *num_modules, *others)) else None


def num_joints_from_shapes(shapes: Shapes) -> int | None:
    """The number of heatmaps of the last layer; None for a trunk, which lacks it."""
    shape = shapes.get("final_layer.weight", ())
    return shape[0] if len(shape) == 4 and 0 < shape[0] <= MAX_SIZE else None


def count_layers(shapes: Shapes, prefix: str) -> int:
    """How many numbered layers follow the prefix."""
    return len({name[len(prefix) :].partition(".")[0] for name in shapes if name.startswith(prefix)})
