"""The names of weights of HRNets and Lite-HRNets in other projects' files, and their translation to this project's."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

Value = TypeVar("Value")

LAST_LAYER = "final_layer."
COUNTER = ".num_batches_tracked"  # of a batch norm: without effect, and missing in some published files

# Prefixes in other projects' files: of a wrapper for several devices, and of the two halves of a network.
_FOREIGN_PREFIX = re.compile(r"^(module\.)?((backbone|head|keypoint_head)\.)?")
_ONCE_PER_HRNET = re.compile(r"(?:(.*\.)|^)(?:stage4\.0\.branches\.3\.0\.conv1|stem\.linear_conv\.conv)\.weight")


def strip_foreign_prefix(name: str) -> str:
    """The name of a weight without the prefixes of other projects.

    >>> strip_foreign_prefix("module.conv1.weight"), strip_foreign_prefix("keypoint_head.final_layer.bias")
    ('conv1.weight', 'final_layer.bias')
    """
    return _FOREIGN_PREFIX.sub("", name)


def wrapper_prefix(names: Collection[str]) -> str:
    """The prefix that an HRNet's weights have because the network was part of another module, such as a
    LightningModule (`model.`), a compiled one (`_orig_mod.`), one on several devices (`module.`) or all of them.

    The names of its halves in MMPose are not part of the prefix. Raises ValueError for weights of several HRNets.

    >>> trunk = "stage4.0.branches.3.0.conv1.weight"
    >>> wrapper_prefix(["net.module.backbone." + trunk, "net.module.head.final_layer.bias"])
    'net.module.'
    >>> wrapper_prefix([trunk, "fc.bias"])
    ''
    """
    prefixes = [match[1] or "" for match in map(_ONCE_PER_HRNET.fullmatch, names) if match]
    if len(prefixes) > 1:
        listed = " and ".join(map(repr, prefixes))
        raise ValueError(f"holds {len(prefixes)} HRNets, with names that start with {listed}; save one of them alone")
    return re.sub(r"(^|\.)backbone\.$", r"\1", prefixes[0]) if prefixes else ""


def rename_weights(weights: Mapping[str, Value], own_names: Collection[str] | None = None) -> dict[str, Value]:
    """Weights by name, without the prefixes of other projects.

    own_names: the names of the network to fill. A name among them, or one that no rule translates to one of them, then
        stays. Two names never become one.

    Raises ValueError as `wrapper_prefix` does.

    >>> rename_weights({"backbone.conv1.weight": 1, "head.final_layer.bias": 2})
    {'conv1.weight': 1, 'final_layer.bias': 2}
    """
    renamed: dict[str, Value] = {}
    prefix = wrapper_prefix(weights).removesuffix(wrapper_prefix(own_names or ()))
    for name, value in weights.items():
        stripped = strip_foreign_prefix(name.removeprefix(prefix))
        stays = stripped in weights if own_names is None else name in own_names or stripped not in own_names
        renamed[name if stays or stripped in renamed else stripped] = value
    return renamed


def ema_copies(names: Collection[str]) -> set[str]:
    """Those of the names that the `EMAHook` of mmcv 1.x gives to copies of parameters: `ema_` and dots as underscores
    (mmcv/runner/hooks/ema.py).

    The hook swaps the average and the parameters at the end of an epoch, before they are saved. So the copies are the
    last step's weights, and the average has the plain names.

    >>> ema_copies(["conv1.weight", "ema_conv1_weight", "ema_rate"])
    {'ema_conv1_weight'}
    """
    return {"ema_" + name.replace(".", "_") for name in names} & set(names)


def naming_scheme(names: Collection[str]) -> str:
    """The project that names the weights of an HRNet like this. Raises ValueError as `wrapper_prefix` does.

    >>> naming_scheme(["backbone.conv1.weight", "keypoint_head.final_layer.weight"])
    'MMPose 0.x'
    >>> naming_scheme(["conv1.weight", "incre_modules.0.0.conv1.weight"])
    'timm'
    """
    prefix = wrapper_prefix(names)
    first_parts = {name.removeprefix(prefix).partition(".")[0] for name in names}
    if "backbone" in first_parts:
        return (
            "MMPose 0.x" if "keypoint_head" in first_parts else "MMPose 1.x" if "head" in first_parts else "OpenMMLab"
        )
    return "timm" if first_parts & {"incre_modules", "classifier"} else "the HRNet authors"


def abbreviate(names: Collection[str], count: int = 3) -> str:
    """The first names of a list, for a message.

    >>> abbreviate(["a", "b", "c", "d"])
    'a, b, c, ...'
    """
    return ", ".join([*names][:count]) + (", ..." if len(names) > count else "")
