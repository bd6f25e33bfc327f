"""How MMPose trained a network, from the metadata in its checkpoints: the text of the whole configuration, and the
joints.

The text is Python. It is parsed, and only literals and `dict(...)` are evaluated; nothing in it is run.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from pose_track.models.heatmaps import HeatmapType
from pose_track.models.metadata import PoseMetadata
from pose_track.structures.joint_names import joint_name
from pose_track.structures.skeleton import (
    COCO_17,
    COCO_WHOLEBODY_133,
    MPII_16,
    POSETRACK18_17,
    SKELETONS,
    Skeleton,
)

_MAX_LENGTH = 1 << 17  # characters; MMPose's configurations have some 10,000

_SKELETON_OF_DATASET = {  # for checkpoints that do not name the joints
    "CocoDataset": COCO_17,
    "TopDownCocoDataset": COCO_17,
    "PoseTrack18Dataset": POSETRACK18_17,
    "TopDownPoseTrack18Dataset": POSETRACK18_17,
    "MpiiDataset": MPII_16,
    "TopDownMpiiDataset": MPII_16,
    "CocoWholeBodyDataset": COCO_WHOLEBODY_133,
    "TopDownCocoWholeBodyDataset": COCO_WHOLEBODY_133,
}
_TARGET_STEP = "TopDownGenerateTarget"  # the pipeline step that draws heatmaps in MMPose 0.x
_DEFAULT_BLUR_KERNEL_SIZE = 11  # of MMPose, whatever the sigma


def parse_mmpose_metadata(meta: Mapping[str, Any]) -> PoseMetadata:
    """The training metadata in the `meta` of a checkpoint: `cfg` in MMPose 1.x, `config` in 0.x, and `dataset_meta`.

    Raises ValueError for a network trained on heatmaps that this project cannot decode.
    """
    config = read_config(meta.get("cfg", meta.get("config")))
    if "keypoint_head" in _as_dict(config.get("model")):
        return _parse_mmpose_0(config)
    decoder = _as_dict(_as_dict(_as_dict(config.get("model")).get("head")).get("decoder"))
    names = _values_in_order(_as_dict(meta.get("dataset_meta")).get("keypoint_id2name"))
    skeleton = _skeleton(names, _as_dict(_as_dict(config.get("train_dataloader")).get("dataset")))
    heatmap_type = _heatmap_type_1(decoder)
    kernel_size = _blur_kernel_size(heatmap_type, decoder.get("blur_kernel_size"))
    return PoseMetadata(
        skeleton, _size(decoder.get("input_size")), heatmap_type, _sigma(decoder.get("sigma")), kernel_size
    )


def read_config(text: object) -> dict[str, Any]:
    """The assignments in a configuration's text as plain values; None for any value that is neither a literal nor a
    `dict(...)`. Empty for a text that cannot be parsed.

    >>> read_config("codec = dict(type='UDPHeatmap', input_size=(192, 256))\\nlr = open('x')")
    {'codec': {'type': 'UDPHeatmap', 'input_size': [192, 256]}, 'lr': None}
    """
    if not isinstance(text, str) or len(text) > _MAX_LENGTH:
        return {}
    try:
        statements = ast.parse(text).body
        assignments = [node for node in statements if isinstance(node, ast.Assign)]
        return {t.id: _evaluate(node.value) for node in assignments for t in node.targets if isinstance(t, ast.Name)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # all that the parser may raise
        return {}


def _evaluate(node: ast.expr | None) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
            return -value
        case ast.List(items) | ast.Tuple(items):
            return [_evaluate(item) for item in items]
        case ast.Dict(keys, values):
            pairs = zip(keys, values, strict=True)
            return {key.value: _evaluate(value) for key, value in pairs if isinstance(key, ast.Constant)}
        case ast.Call(ast.Name("dict"), arguments, keywords):
            first = _as_dict(_evaluate(arguments[0])) if arguments else {}
            return {**first, **{entry.arg: _evaluate(entry.value) for entry in keywords if entry.arg is not None}}
    return None


def _heatmap_type_1(decoder: Mapping[str, Any]) -> HeatmapType | None:
    """For MMPose 1.x: from the type of the codec that decodes."""
    codec = decoder.get("type")
    if codec == "MSRAHeatmap":
        return "dark" if decoder.get("unbiased") is True else "gaussian"
    if codec == "UDPHeatmap" and decoder.get("heatmap_type", "gaussian") == "gaussian":
        return "udp"
    if isinstance(codec, str):
        raise ValueError(_unknown_heatmaps(f"{codec} {decoder.get('heatmap_type', '')}".strip()))
    return None


def _parse_mmpose_0(config: Mapping[str, Any]) -> PoseMetadata:
    """For MMPose 0.x: from the pipeline step that draws the heatmaps."""
    steps = config.get("train_pipeline")
    targets = [step for step in steps if _as_dict(step).get("type") == _TARGET_STEP] if isinstance(steps, list) else []
    target = targets[0] if targets else {}
    heatmap_type: HeatmapType | None = "gaussian" if targets else None
    if target.get("encoding") == "UDP":
        heatmap_type = "udp"
        if target.get("target_type") != "GaussianHeatmap":
            raise ValueError(_unknown_heatmaps(f"UDP {target.get('target_type')}"))
    elif target.get("unbiased_encoding") is True:
        heatmap_type = "dark"
    data = _as_dict(_as_dict(config.get("data")).get("train"))
    joints = _values_in_order(_as_dict(_as_dict(data.get("dataset_info")).get("keypoint_info")))
    skeleton = _skeleton([_as_dict(joint).get("name") for joint in joints], data)
    size = _size(_as_dict(config.get("data_cfg")).get("image_size"))
    test_config = _as_dict(_as_dict(config.get("model")).get("test_cfg"))
    kernel_size = _blur_kernel_size(heatmap_type, test_config.get("modulate_kernel"))
    return PoseMetadata(skeleton, size, heatmap_type, _sigma(target.get("sigma")), kernel_size)


def _blur_kernel_size(heatmap_type: HeatmapType | None, value: object) -> int | None:
    """The width of the kernel that smooths heatmaps; None for heatmaps that are not smoothed."""
    if heatmap_type not in ("dark", "udp"):
        return None
    return value if type(value) is int and value > 0 and value % 2 else _DEFAULT_BLUR_KERNEL_SIZE


def _unknown_heatmaps(description: str) -> str:
    return (
        f"was trained on {description} heatmaps, which cannot be decoded here; give a checkpoint of Gaussian heatmaps "
        "(MSRAHeatmap or UDPHeatmap)"
    )


def _skeleton(names: list[Any], dataset: Mapping[str, Any]) -> Skeleton | None:
    """The skeleton with these joint names; without names, the one of the data set's type."""
    if not names:
        return _SKELETON_OF_DATASET.get(str(dataset.get("type")))
    own_names = tuple(joint_name(str(name)) for name in names)
    return next((skeleton for skeleton in SKELETONS.values() if skeleton.joint_names == own_names), None)


def _values_in_order(numbered: object) -> list[Any]:
    """The values of {0: ..., 1: ...} in order; none for other keys."""
    values = _as_dict(numbered)
    return [values[number] for number in range(len(values))] if set(values) == set(range(len(values))) else []


def _as_dict(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _size(value: object) -> tuple[int, int] | None:
    sides = value if isinstance(value, list) and len(value) == 2 else []
    return (sides[0], sides[1]) if sides and all(type(side) is int and 0 < side < 1 << 15 for side in sides) else None


def _sigma(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
