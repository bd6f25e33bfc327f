"""Files of Lite-HRNets: with the names of this project and of MMPose, and those that do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pose_track.models.lite_hrnet import LiteHRNet, build_lite_hrnet
from pose_track.models.lite_hrnet_config import LITE_HRNET_CONFIGS, LiteHRNetConfig, LiteHRNetName
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, HALPE_26, Skeleton
from pose_track.weights.identify import identify_weights, load_hrnet
from pose_track.weights.lite_hrnet_shapes import lite_config_from_shapes

HALPE_NAMES = {"head_top": "head", "head_bottom": "neck", "pelvis": "hip"}
TINY = LiteHRNetConfig((8, 16, 32, 64), (1, 2, 1), stem_channels=8)

CONFIG = """codec = dict(heatmap_size=(48, 64), input_size=(192, 256), sigma=2, type='MSRAHeatmap')
model = dict(
    backbone=dict(type='LiteHRNet'),
    head=dict(decoder=dict(input_size=(192, 256), sigma=2, type='MSRAHeatmap'), out_channels=17, type='HeatmapHead'),
    type='TopdownPoseEstimator')
train_dataloader = dict(batch_size=64, dataset=dict(type='CocoDataset'))
"""


def mmpose(network: LiteHRNet, head: str = "head") -> dict[str, Tensor]:
    state = network.state_dict()
    return {(f"{head}." if name.startswith("final_layer") else "backbone.") + name: v for name, v in state.items()}


@pytest.fixture
def tiny() -> LiteHRNet:
    torch.manual_seed(0)
    return build_lite_hrnet(TINY, 17).eval()


@pytest.mark.parametrize("name", LITE_HRNET_CONFIGS)
def test_sizes_by_name(name: LiteHRNetName) -> None:
    with torch.device("meta"):
        network = build_lite_hrnet(LITE_HRNET_CONFIGS[name], 17)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert lite_config_from_shapes(shapes) == LITE_HRNET_CONFIGS[name]


@torch.inference_mode()
def test_a_checkpoint_of_mmpose_gives_the_same_heatmaps(tmp_path: Path, tiny: LiteHRNet) -> None:
    path = tmp_path / "epoch_210.pth"
    torch.save({"state_dict": mmpose(tiny), "meta": {"cfg": CONFIG}}, path)
    network, identified = load_hrnet(path)
    assert str(identified) == (
        "Lite-HRNet of width 8 for 17 joints, with names of MMPose 1.x, trained as gaussian at 256x192"
    )
    assert (identified.skeleton, identified.sigma, identified.network) == (COCO_17, 2.0, None)
    image = torch.randn(1, 3, 64, 32)
    torch.testing.assert_close(network.eval()(image), tiny(image), rtol=0, atol=0)


def test_names_of_older_files(tmp_path: Path, tiny: LiteHRNet) -> None:
    """The authors trained with MMPose 0.x; wrappers add prefixes."""
    torch.save({"module." + name: value for name, value in mmpose(tiny, "keypoint_head").items()}, tmp_path / "a.pth")
    assert identify_weights(tmp_path / "a.pth").naming == "MMPose 0.x"
    torch.save(tiny.state_dict(), tmp_path / "b.pth")
    assert identify_weights(tmp_path / "b.pth").config == TINY


@pytest.mark.parametrize(
    ("names", "skeleton"),
    [
        (COCO_17.joint_names, COCO_17),
        ([HALPE_NAMES.get(name, name) for name in HALPE_26.joint_names], HALPE_26),
        ([name.replace("face_", "face-") for name in COCO_WHOLEBODY_133.joint_names], COCO_WHOLEBODY_133),
    ],
    ids=["coco", "halpe26", "wholebody"],
)
def test_joints_by_mmposes_names(tmp_path: Path, names: list[str], skeleton: Skeleton) -> None:
    network = build_lite_hrnet(TINY, len(names))
    meta = {"cfg": CONFIG, "dataset_meta": {"keypoint_id2name": dict(enumerate(names))}}
    torch.save({"state_dict": mmpose(network), "meta": meta}, tmp_path / "a.pth")
    assert identify_weights(tmp_path / "a.pth").skeleton == skeleton


def test_files_that_do_not_fit(tmp_path: Path, tiny: LiteHRNet) -> None:
    state = tiny.state_dict()
    missing = {name: value for name, value in state.items() if name != "stage1.0.fuse_layers.0.1.0.weight"}
    torch.save(missing, tmp_path / "missing.pth")
    with pytest.raises(ValueError, match=r"does not fit the network: 1 missing \(stage1\.0\.fuse_layers\.0\.1\.0\.wei"):
        load_hrnet(tmp_path / "missing.pth")
    torch.save({name: v for name, v in state.items() if not name.startswith("final")}, tmp_path / "trunk.pth")
    with pytest.raises(ValueError, match=r"a trunk \(Lite-HRNet of width 8, .*--init_trunk"):
        identify_weights(tmp_path / "trunk.pth")
    odd = {name: value for name, value in state.items() if name != "head_layer.projects.3.depthwise_conv.conv.weight"}
    odd["head_layer.projects.3.depthwise_conv.conv.weight"] = torch.zeros(7, 1, 3, 3)
    torch.save(odd, tmp_path / "odd.pth")
    with pytest.raises(ValueError, match="holds another network"):
        identify_weights(tmp_path / "odd.pth")
