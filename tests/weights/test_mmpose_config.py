"""Metadata in MMPose's checkpoints. The fragments are shaped like its configurations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pose_track.models.metadata import PoseMetadata
from pose_track.structures.skeleton import COCO_17, MPII_16, POSETRACK18_17
from pose_track.weights.mmpose_config import parse_mmpose_metadata, read_config


def config_1(decoder: str, dataset: str = "CocoDataset") -> str:
    return (
        f"model = dict(\n    head=dict(decoder=dict({decoder}), type='HeatmapHead'))\n"
        f"train_dataloader = dict(dataset=dict(type='{dataset}'))\n"
    )


def config_0(target: str, dataset: str = "type='TopDownCocoDataset'", size: str = "[192, 256]") -> str:
    return (
        "model = dict(type='TopDown', keypoint_head=dict(type='TopdownHeatmapSimpleHead'))\n"
        f"data_cfg = dict(image_size={size}, heatmap_size=[48, 64])\n"
        f"train_pipeline = [dict(type='ToTensor'), dict(type='TopDownGenerateTarget', {target})]\n"
        f"data = dict(train=dict({dataset}))\n"
    )


SMALL, LARGE = "input_size=(192, 256), sigma=2", "sigma=3, input_size=(\n    288,\n    384,\n)"


@pytest.mark.parametrize(
    ("decoder", "dataset", "expected"),
    [
        (f"type='MSRAHeatmap', {SMALL}", "CocoDataset", PoseMetadata(COCO_17, (192, 256), "gaussian", 2.0)),
        (
            f"type='MSRAHeatmap', unbiased=False, {SMALL}",
            "MpiiDataset",
            PoseMetadata(MPII_16, (192, 256), "gaussian", 2.0),
        ),
        (
            f"type='MSRAHeatmap', unbiased=True, {LARGE}",
            "CocoDataset",
            PoseMetadata(COCO_17, (288, 384), "dark", 3.0, blur_kernel_size=11),
        ),
        (
            f"type='UDPHeatmap', blur_kernel_size=17, {LARGE}",
            "PoseTrack18Dataset",
            PoseMetadata(POSETRACK18_17, (288, 384), "udp", 3.0, blur_kernel_size=17),
        ),
        (f"type='UDPHeatmap', {SMALL}", "MyDataset", PoseMetadata(None, (192, 256), "udp", 2.0, blur_kernel_size=11)),
        ("", "CocoDataset", PoseMetadata(COCO_17)),
        ("type=f'{heatmap_type}', input_size=(0, 256), sigma=-2", "CocoDataset", PoseMetadata(COCO_17)),
    ],
)
def test_mmpose_1(decoder: str, dataset: str, expected: PoseMetadata) -> None:
    assert parse_mmpose_metadata({"cfg": config_1(decoder, dataset)}) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("sigma=2", PoseMetadata(COCO_17, (192, 256), "gaussian", 2.0)),
        ("sigma=3, unbiased_encoding=True", PoseMetadata(COCO_17, (192, 256), "dark", 3.0, blur_kernel_size=11)),
        (
            "sigma=2, encoding='UDP', target_type='GaussianHeatmap'",
            PoseMetadata(COCO_17, (192, 256), "udp", 2.0, blur_kernel_size=11),
        ),
    ],
)
def test_mmpose_0(target: str, expected: PoseMetadata) -> None:
    assert parse_mmpose_metadata({"config": config_0(target)}) == expected


def test_skeletons_by_joint_names() -> None:
    """Joint names decide, if given, whatever the data set's type. MPII's `upper_neck` is our `head_bottom`."""
    names = dict(enumerate(POSETRACK18_17.joint_names))
    meta: dict[str, Any] = {"cfg": config_1(""), "dataset_meta": {"dataset_name": "mine", "keypoint_id2name": names}}
    assert parse_mmpose_metadata(meta).skeleton == POSETRACK18_17
    names[0] = "nosetip"
    assert parse_mmpose_metadata(meta).skeleton is None
    joints = ["upper_neck" if name == "head_bottom" else name for name in MPII_16.joint_names]
    info = ", ".join(f"{number}: dict(name='{name}', id={number})" for number, name in enumerate(joints))
    dataset = f"type='TopDownCocoDataset', dataset_info=dict(dataset_name='x', keypoint_info=dict({{{info}}}))"
    assert parse_mmpose_metadata({"config": config_0("sigma=2", dataset)}).skeleton == MPII_16


@pytest.mark.parametrize(
    ("meta", "heatmaps"),
    [
        ({"cfg": config_1("type='MegviiHeatmap'")}, "MegviiHeatmap"),
        ({"cfg": config_1("type='UDPHeatmap', heatmap_type='combined'")}, "UDPHeatmap combined"),
        ({"config": config_0("encoding='UDP', target_type='CombinedTarget'")}, "UDP CombinedTarget"),
    ],
)
def test_other_heatmaps_are_refused(meta: dict[str, str], heatmaps: str) -> None:
    with pytest.raises(ValueError, match=heatmaps):
        parse_mmpose_metadata(meta)


@pytest.mark.parametrize(
    "meta",
    [
        *({}, {"cfg": 3}, {"cfg": "a = ("}, {"cfg": "\0"}, {"cfg": "model=" + "(" * 999}, {"cfg": "a=1\n" * (1 << 16)}),
        *({"config": "model = dict(keypoint_head=dict())"}, {"cfg": "model = 3", "dataset_meta": [1]}),
        {"config": config_0("").replace("train_pipeline = [", "train_pipeline = [3, ")},
        {"config": "model = dict(keypoint_head=dict())\ntrain_pipeline = 3\ndata = 3"},
    ],
)
def test_metadata_without_information(meta: dict[str, Any]) -> None:
    metadata = parse_mmpose_metadata(meta)
    assert metadata.sigma is None


def test_nothing_in_a_configuration_is_run(tmp_path: Path) -> None:
    created = tmp_path / "created"
    path = str(created)
    text = f"a = open({path!r}, 'w')\nb = dict(c=__import__('os').mkdir({path!r}), d=-1.5, **e)\nf: int = 3\n"
    assert read_config(text) == {"a": None, "b": {"c": None, "d": -1.5}}
    assert not created.exists()
    exec(text.partition("\n")[0])
    assert created.exists()  # the trap works


PIECES = ["model", "train_pipeline", "=", "dict(", ")", "[", "]", "{", "}", ":", ",", "head", "decoder", "type", "3"]


@given(text=st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
@settings(derandomize=True, deadline=None, max_examples=150)
def test_any_text_is_parsed_without_error(text: str) -> None:
    assert isinstance(read_config(text), dict)
    assert isinstance(parse_mmpose_metadata({"cfg": text}), PoseMetadata)
