"""Whose names the weights of a file have, and what they are called here."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

Value = TypeVar("Value")

LAST_LAYER = "final_layer."
COUNTER = ".num_batches_tracked"  # of a batch-norm: without effect, and missing in some published files

# Parts of the names in other projects' files: of a wrapper for several devices, and of a network's two halves.
_FOREIGN_PREFIX = re.compile(r"^(module\.)?((backbone|head|keypoint_head)\.)?")
_OF_EACH_HRNET = re.compile(r"(?:(.*\.)|^)stage4\.0\.branches\.3\.0\.conv1\.weight")  # one weight, once a network


def without_prefix(name: str) -> str:
    """The name of a weight without what others put before it.

    >>> without_prefix("module.conv1.weight"), without_prefix("keypoint_head.final_layer.bias")
    ('conv1.weight', 'final_layer.bias')
    """
    return _FOREIGN_PREFIX.sub("", name)


def wrapping(names: Collection[str]) -> str:
    """What precedes the names of an HRNet because the network was part of something, such as a LightningModule
    (`model.`), a compiled one (`_orig_mod.`), one on several devices (`module.`) or all of them; but for the names that
    its halves have in MMPose. Raises ValueError where there are several HRNets among the names.

    >>> trunk = "stage4.0.branches.3.0.conv1.weight"
    >>> wrapping(["net.module.backbone." + trunk, "net.module.head.final_layer.bias"]), wrapping([trunk, "fc.bias"])
    ('net.module.', '')
    """
    found = [match[1] or "" for match in map(_OF_EACH_HRNET.fullmatch, names) if match]
    if len(found) > 1:
        places = " and ".join(repr(place) for place in found)
        raise ValueError(f"holds {len(found)} HRNets, whose names begin with {places}; save one of them to a file")
    return re.sub(r"(^|\.)backbone\.$", r"\1", found[0]) if found else ""


def renamed(values: Mapping[str, Value], ours: Collection[str] | None = None) -> dict[str, Value]:
    """Values by name, under names without others' prefixes. ours: the names of a network; one that it has, or that no
    rule brings to one of its own, then stays. Two names never become one. Raises as `wrapping` does.

    >>> renamed({"backbone.conv1.weight": 1, "head.final_layer.bias": 2})
    {'conv1.weight': 1, 'final_layer.bias': 2}
    """
    found: dict[str, Value] = {}
    wrapped = wrapping(values).removesuffix(wrapping(ours or ()))
    for name, value in values.items():
        stripped = without_prefix(name.removeprefix(wrapped))
        kept = stripped in values if ours is None else name in ours or stripped not in ours
        found[name if kept or stripped in found else stripped] = value
    return found


def copies(names: Collection[str]) -> set[str]:
    """Those of the names that mmcv 1.x's `EMAHook` gives to copies of parameters, `ema_` and dots as underscores
    (mmcv/runner/hooks/ema.py). It changes the average and the parameters over at the end of an epoch, before it is
    saved: the copies are the last step's, and what has the plain names is the average.

    >>> copies(["conv1.weight", "ema_conv1_weight", "ema_rate"])
    {'ema_conv1_weight'}
    """
    return {"ema_" + name.replace(".", "_") for name in names} & set(names)


def whose(names: Collection[str]) -> str:
    """Who names the weights of an HRNet like this. Raises as `wrapping` does.

    >>> whose(["backbone.conv1.weight", "keypoint_head.final_layer.weight"])
    'MMPose 0.x'
    >>> whose(["conv1.weight", "incre_modules.0.0.conv1.weight"])
    'timm'
    """
    wrapped = wrapping(names)
    starts = {name.removeprefix(wrapped).partition(".")[0] for name in names}
    if "backbone" in starts:
        return "MMPose 0.x" if "keypoint_head" in starts else "MMPose 1.x" if "head" in starts else "OpenMMLab"
    return "timm" if starts & {"incre_modules", "classifier"} else "the HRNet authors"


def possessive(origin: str) -> str:
    """
    >>> possessive("timm"), possessive("the HRNet authors")
    ("timm's", "the HRNet authors'")
    """
    return f"{origin}'" if origin.endswith("s") else f"{origin}'s"


def some(names: Collection[str], count: int = 3) -> str:
    """The first of some names, for a message.

    >>> some(["a", "b", "c", "d"])
    'a, b, c, ...'
    """
    return ", ".join([*names][:count]) + (", ..." if len(names) > count else "")
