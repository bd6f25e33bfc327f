"""How MMPose trained a network, from the notes in its checkpoints: the text of the whole configuration, and the joints.

The text is Python; it is parsed, and only literals and `dict(...)` in it are looked at. Nothing of it is run.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from pose_track.models.heatmaps import Kind
from pose_track.structures.skeleton import SKELETONS
from pose_track.weights.metadata import PoseMetadata

_LONGEST = 1 << 17  # characters; those of MMPose have some 10,000

_JOINTS_OF = {  # of data sets, where the notes do not name the joints
    **dict.fromkeys(("CocoDataset", "TopDownCocoDataset"), "coco_17"),
    **dict.fromkeys(("PoseTrack18Dataset", "TopDownPoseTrack18Dataset"), "posetrack18_17"),
    **dict.fromkeys(("MpiiDataset", "TopDownMpiiDataset"), "mpii_16"),
}
_MAKES_TARGETS = "TopDownGenerateTarget"  # a step of the pipeline in MMPose 0.x
_USUAL_BLUR = 11  # of MMPose, whatever the sigma
_OTHER_NAMES = {"upper_neck": "head_bottom"}  # MPII's


def mmpose_training(meta: Mapping[str, Any]) -> PoseMetadata:
    """What the `meta` of a checkpoint tells: `cfg` in MMPose 1.x, `config` in 0.x, and `dataset_meta`.

    Raises ValueError where the network was trained on maps that are not read here.
    """
    config = read_config(meta.get("cfg", meta.get("config")))
    if "keypoint_head" in _dict(config.get("model")):
        return _of_mmpose_0(config)
    decoder = _dict(_dict(_dict(config.get("model")).get("head")).get("decoder"))
    names = _values_by_number(_dict(meta.get("dataset_meta")).get("keypoint_id2name"))
    skeleton = _skeleton(names, _dict(_dict(config.get("train_dataloader")).get("dataset")))
    kind = _kind_1(decoder)
    blur = _blur(kind, decoder.get("blur_kernel_size"))
    return PoseMetadata(skeleton, _size(decoder.get("input_size")), kind, _sigma(decoder.get("sigma")), blur=blur)


def read_config(text: object) -> dict[str, Any]:
    """The assignments of a configuration's text as plain values, None for what is neither a literal nor a `dict(...)`;
    nothing where it cannot be parsed.

    >>> read_config("codec = dict(type='UDPHeatmap', input_size=(192, 256))\\nlr = open('x')")
    {'codec': {'type': 'UDPHeatmap', 'input_size': [192, 256]}, 'lr': None}
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        return {}
    try:
        statements = ast.parse(text).body
        assigned = [node for node in statements if isinstance(node, ast.Assign)]
        return {t.id: _plain(node.value) for node in assigned for t in node.targets if isinstance(t, ast.Name)}
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # all that the parser may raise
        return {}


def _plain(node: ast.expr | None) -> Any:
    match node:
        case ast.Constant(value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as value)):
            return -value
        case ast.List(items) | ast.Tuple(items):
            return [_plain(item) for item in items]
        case ast.Dict(keys, values):
            pairs = zip(keys, values, strict=True)
            return {key.value: _plain(value) for key, value in pairs if isinstance(key, ast.Constant)}
        case ast.Call(ast.Name("dict"), arguments, named):
            first = _dict(_plain(arguments[0])) if arguments else {}
            return {**first, **{entry.arg: _plain(entry.value) for entry in named if entry.arg is not None}}
    return None


def _kind_1(decoder: Mapping[str, Any]) -> Kind | None:
    """Of MMPose 1.x: the codec that decodes, by its type."""
    codec = decoder.get("type")
    if codec == "MSRAHeatmap":
        return "dark" if decoder.get("unbiased") is True else "plain"
    if codec == "UDPHeatmap" and decoder.get("heatmap_type", "gaussian") == "gaussian":
        return "udp"
    if isinstance(codec, str):
        raise ValueError(_other_maps(f"{codec} {decoder.get('heatmap_type', '')}".strip()))
    return None


def _of_mmpose_0(config: Mapping[str, Any]) -> PoseMetadata:
    """Of MMPose 0.x: by the step of the pipeline that makes the targets."""
    steps = config.get("train_pipeline")
    made = [step for step in steps if _dict(step).get("type") == _MAKES_TARGETS] if isinstance(steps, list) else []
    target = made[0] if made else {}
    kind: Kind | None = "plain" if made else None
    if target.get("encoding") == "UDP":
        kind = "udp"
        if target.get("target_type") != "GaussianHeatmap":
            raise ValueError(_other_maps(f"UDP {target.get('target_type')}"))
    elif target.get("unbiased_encoding") is True:
        kind = "dark"
    data = _dict(_dict(config.get("data")).get("train"))
    joints = _values_by_number(_dict(_dict(data.get("dataset_info")).get("keypoint_info")))
    skeleton = _skeleton([_dict(joint).get("name") for joint in joints], data)
    size = _size(_dict(config.get("data_cfg")).get("image_size"))
    blur = _blur(kind, _dict(_dict(config.get("model")).get("test_cfg")).get("modulate_kernel"))
    return PoseMetadata(skeleton, size, kind, _sigma(target.get("sigma")), blur=blur)


def _blur(kind: Kind | None, told: object) -> int | None:
    """The kernel that heatmaps are smoothed by, where they are."""
    if kind not in ("dark", "udp"):
        return None
    return told if type(told) is int and told > 0 and told % 2 else _USUAL_BLUR


def _other_maps(what: str) -> str:
    return (
        f"was trained on maps of {what}, which are not read here; give a checkpoint of Gaussian heatmaps "
        "(MSRAHeatmap or UDPHeatmap)"
    )


def _skeleton(names: list[Any], dataset: Mapping[str, Any]) -> str | None:
    """By the joints' names, else by the type of the data set."""
    if not names:
        return _JOINTS_OF.get(str(dataset.get("type")))
    ours = tuple(_OTHER_NAMES.get(str(name), str(name)) for name in names)
    return next((key for key, skeleton in SKELETONS.items() if skeleton.joint_names == ours), None)


def _values_by_number(numbered: object) -> list[Any]:
    """The values of {0: ..., 1: ...} in order; none where the keys are others."""
    known = _dict(numbered)
    return [known[number] for number in range(len(known))] if set(known) == set(range(len(known))) else []


def _dict(value: object) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _size(value: object) -> tuple[int, int] | None:
    sides = value if isinstance(value, list) and len(value) == 2 else []
    return (sides[0], sides[1]) if sides and all(type(side) is int and 0 < side < 1 << 15 for side in sides) else None


def _sigma(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value > 0 else None
