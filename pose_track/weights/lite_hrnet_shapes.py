"""The size of a Lite-HRNet, from the shapes of its weights."""

from __future__ import annotations

from pose_track.models.lite_hrnet_config import LiteHRNetConfig
from pose_track.weights.hrnet_shapes import MAX_SIZE, Shapes, count_layers

_STEM = "stem.conv1.conv.weight"
_HEAD = tuple(f"head_layer.projects.{n}.depthwise_conv.conv.weight" for n in range(4))  # the coarsest branch first
_WEIGHTING = "stage0.0.layers.0.cross_resolution_weighting."


def lite_config_from_shapes(shapes: Shapes) -> LiteHRNetConfig | None:
    """The size of the Lite-HRNet for RGB images with weights of these shapes, by published name; None for another
    network.

    Whether all other weights are there and fit is checked when a network is filled.
    """
    if any(len(shapes.get(name, ())) != 4 for name in (_STEM, *_HEAD)) or shapes[_STEM][1] != 3:
        return None
    weighting = any(name.startswith(_WEIGHTING) for name in shapes)
    config = LiteHRNetConfig(
        tuple(shapes[name][0] for name in reversed(_HEAD)),  # type: ignore[arg-type]
        (count_layers(shapes, "stage0."), count_layers(shapes, "stage1."), count_layers(shapes, "stage2.")),
        weighting,
        count_layers(shapes, "stage0.0.layers." if weighting else "stage0.0.layers.0."),
        shapes[_STEM][0],
    )
    sizes = (*config.widths, *config.num_modules, config.num_blocks, config.stem_channels)
    return config if all(0 < size <= MAX_SIZE for size in sizes) and _is_even(config) else None


def _is_even(config: LiteHRNetConfig) -> bool:
    """Whether all branches can be halved, as every block does."""
    return all(size % 2 == 0 for size in (*config.widths, config.stem_channels))
