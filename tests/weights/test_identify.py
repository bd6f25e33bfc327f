"""Weights files in every naming scheme and container. A recorded network must return the recorded outputs."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from shared_data import shared
from torch import Tensor, nn

from pose_track.models.codec import DECODINGS, Codec
from pose_track.models.heatmaps import HeatmapType
from pose_track.models.hrnet import HRNet
from pose_track.models.hrnet_config import HRNET_CONFIGS, HRNetConfig
from pose_track.models.metadata import PoseMetadata, parse_pose_metadata, pose_metadata
from pose_track.models.networks import NETWORKS
from pose_track.structures.skeleton import COCO_17, LSP_14
from pose_track.weights.hrnet_shapes import config_from_shapes
from pose_track.weights.identify import identify_weights, load_hrnet
from pose_track.weights.load import save_weights

State = dict[str, Tensor]

CONFIG_1 = """codec = dict(
    heatmap_size=(
        48,
        64,
    ),
    input_size=(
        192,
        256,
    ),
    sigma=2,
    type='UDPHeatmap')
model = dict(
    head=dict(
        decoder=dict(heatmap_size=(48, 64), input_size=(192, 256), sigma=2, type='UDPHeatmap'),
        deconv_out_channels=None,
        out_channels=17,
        type='HeatmapHead'),
    type='TopdownPoseEstimator')
train_dataloader = dict(batch_size=64, dataset=dict(type='CocoDataset'))
"""

CONFIG_0 = """model = dict(
    type='TopDown', keypoint_head=dict(type='TopdownHeatmapSimpleHead', out_channels=17), test_cfg=dict(use_udp=True))
data_cfg = dict(image_size=[192, 256], heatmap_size=[48, 64], num_joints=17)
train_pipeline = [
    dict(type='TopDownAffine', use_udp=True),
    dict(type='TopDownGenerateTarget', sigma=2, encoding='UDP', target_type='GaussianHeatmap'),
]
data = dict(train=dict(type='TopDownCocoDataset'))
"""


@pytest.fixture(scope="module")
def golden() -> State:
    """The weights of a network of width 8 under its authors' names."""
    with np.load(shared("data/golden/hrnet_tiny_weights.npz")) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def mmpose(state: State, head: str) -> State:
    return {(f"{head}." if name.startswith("final_layer") else "backbone.") + name: v for name, v in state.items()}


def data_parallel(state: State) -> State:
    return {f"module.{name}": value for name, value in state.items()}


def other(state: State) -> State:
    """The weights of another step of the training."""
    return {name: value * 2 for name, value in state.items()}


class HistoryBuffer:
    """As in MMEngine: it refers to its own methods, which are pickled as `getattr`."""

    def __init__(self) -> None:
        self.history = np.ones(3)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "statistics_methods": {"mean": HistoryBuffer.mean}}

    def mean(self) -> float:
        return float(self.history.mean())


@pytest.fixture
def buffer(monkeypatch: pytest.MonkeyPatch) -> HistoryBuffer:
    """A buffer pickled under MMEngine's name, which cannot be imported when the file is read."""
    name = "mmengine.logging.history_buffer"
    module = ModuleType(name)
    module.HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]
    monkeypatch.setattr(HistoryBuffer, "__module__", name)
    for part in ("mmengine", "mmengine.logging", name):
        monkeypatch.setitem(sys.modules, part, module)
    return HistoryBuffer()


def under(prefix: str, state: State) -> State:
    return {prefix + name: value for name, value in state.items()}


def authors_training(state: State) -> dict[str, Any]:
    """As the authors' tools/train.py writes checkpoint.pth."""
    network = nn.Conv2d(1, 1, 1)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 1, 1, 1)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3, "model": "pose_hrnet", "state_dict": data_parallel(state), "best_state_dict": other(state),
        "perf": 0.7, "optimizer": optimizer.state_dict(),
    }  # fmt: skip


def mmpose_1(state: State, **extra: object) -> dict[str, Any]:
    joints = {"dataset_name": "coco", "sigmas": np.ones(17), "flip_indices": [0, 2, 1]}
    meta = {"epoch": 210, "cfg": CONFIG_1, "mmengine_version": "0.10.7", "dataset_meta": joints}
    return {"meta": meta, "state_dict": mmpose(state, "head"), **extra}


def mmpose_1_average(state: State) -> dict[str, Any]:
    """MMEngine stores the average as `state_dict`, and the last weights beside it."""
    last = data_parallel(mmpose(other(state), "head")) | {"steps": torch.tensor(5)}
    return mmpose_1(state, ema_state_dict=last)


def mmpose_0(state: State) -> dict[str, Any]:
    return {"meta": {"mmpose_version": "0.29.0", "config": CONFIG_0}, "state_dict": mmpose(state, "keypoint_head")}


def mmpose_0_average(state: State) -> dict[str, Any]:
    names = [name for name in mmpose(state, "keypoint_head") if "running" not in name and "num_" not in name]
    last = {"ema_" + name.replace(".", "_"): torch.zeros(1) for name in names}
    content = mmpose_0(state)
    return {**content, "state_dict": {**content["state_dict"], **last}}


def timm_training(state: State) -> dict[str, Any]:
    options = argparse.Namespace(model="hrnet", lr=0.1)
    return {"arch": "hrnet", "args": options, "state_dict": other(state), "state_dict_ema": state, "metric": 0.5}


AUTHORS = " for 17 joints, with names of the HRNet authors"
MMPOSE_1 = " for 17 joints, with names of MMPose 1.x, trained as udp at 256x192"
MMPOSE_0 = MMPOSE_1.replace("1.x", "0.x")
AVERAGE = ", EMA weights"

PICKLED: dict[str, tuple[Callable[[State], Any], str]] = {
    "authors": (dict, AUTHORS),
    "authors, checkpoint": (authors_training, AUTHORS),
    "several devices": (data_parallel, AUTHORS),
    "no counters": (lambda s: {name: v for name, v in s.items() if "num_batches" not in name}, AUTHORS),
    "under model": (lambda s: {"model": s, "epoch": 3}, AUTHORS),
    "average under model_ema": (lambda s: {"model": other(s), "model_ema": s}, AUTHORS + AVERAGE),
    "timm's checkpoint": (timm_training, AUTHORS + AVERAGE),
    "tutorial's checkpoint": (lambda s: {"model_state_dict": s, "model": {"size": 4}, "loss": torch.ones(())}, AUTHORS),
    "compiled": (lambda s: under("_orig_mod.", s), AUTHORS),
    "Lightning's": (lambda s: {"state_dict": under("model.", s), "hyper_parameters": {"data": Path('data')}}, AUTHORS),
    "Lightning's, of MMPose": (
        lambda s: {"state_dict": under("net._orig_mod.", mmpose(s, "head"))}, MMPOSE_1.partition(", trained")[0],
    ),
    "MMPose 1.x": (mmpose_1, MMPOSE_1),
    "MMPose 1.x, average": (mmpose_1_average, MMPOSE_1 + AVERAGE),
    "MMPose 1.x, no metadata": (lambda s: {"state_dict": mmpose(s, "head")}, MMPOSE_1.partition(", trained")[0]),
    "MMPose 0.x": (mmpose_0, MMPOSE_0),
    "MMPose 0.x, average": (mmpose_0_average, MMPOSE_0 + AVERAGE),
}  # fmt: skip


def assert_recorded_outputs(network: HRNet, within: float = 5e-4) -> None:
    with np.load(shared("data/golden/hrnet_tiny_io.npz")) as io, torch.no_grad():
        heatmaps = network.eval()(torch.from_numpy(io["input"])).numpy()
        assert np.abs(heatmaps - io["heatmaps"]).max() <= within


def tiny(num_joints: int = 17) -> State:
    torch.manual_seed(0)
    size = {"num_modules": (1, 2, 1), "num_blocks": 1, "stem_blocks": 2, "stem_channels": 4}
    return HRNet(num_joints, (4, 8, 16, 32), **size).state_dict()


def assert_same(network: HRNet, state: State) -> None:
    assert network.state_dict().keys() == state.keys()
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name]), name


LEGACY = [(name, False) for name in ("authors", "MMPose 1.x", "MMPose 0.x")]  # the format before PyTorch 1.6


@pytest.mark.parametrize(("name", "zipped"), [*((name, True) for name in PICKLED), *LEGACY])
def test_each_naming_scheme_and_container(tmp_path: Path, name: str, zipped: bool) -> None:
    content, description = PICKLED[name]
    path = tmp_path / "given.tar"  # the name of a file does not matter
    torch.save(content(tiny()), path, _use_new_zipfile_serialization=zipped)
    network, identified = load_hrnet(path)
    assert_same(network, tiny())
    assert str(identified) == "HRNet of width 4" + description
    assert (identified.network, identified.num_joints, identified.averaged) == (None, 17, description.endswith(AVERAGE))
    if "trained" in description:
        assert (identified.skeleton, identified.input_size, identified.heatmap_type, identified.sigma) == (
            COCO_17,
            (192, 256),
            "udp",
            2.0,
        )


@pytest.mark.parametrize("name", ["authors, checkpoint", "MMPose 1.x, average", "MMPose 0.x, average"])
def test_recorded_outputs(tmp_path: Path, golden: State, name: str) -> None:
    content, description = PICKLED[name]
    torch.save(content(golden), tmp_path / "given.pth")
    network, identified = load_hrnet(tmp_path / "given.pth")
    assert str(identified) == "HRNet of width 8" + description
    assert_recorded_outputs(network)


def test_a_checkpoint_of_mmengine_with_training_logs(tmp_path: Path, buffer: HistoryBuffer) -> None:
    hub = {"log_scalars": {"train/loss": buffer}, "runtime_info": {"epoch": 1}, "resumed_keys": {"train/loss": True}}
    torch.save(mmpose_1(tiny(), message_hub=hub, param_schedulers=[{"last_step": 3}]), tmp_path / "epoch_1.pth")
    assert b"getattr" in (tmp_path / "epoch_1.pth").read_bytes()
    network, identified = load_hrnet(tmp_path / "epoch_1.pth")
    assert str(identified) == "HRNet of width 4" + MMPOSE_1
    assert_same(network, tiny())


METADATA = pose_metadata("hrnet_w32", COCO_17, Codec("dark", (64, 96), sigma=1.5))


def test_own_files(tmp_path: Path, golden: State) -> None:
    network = HRNet(17, (8, 16, 32, 64))
    network.load_state_dict(golden)
    save_weights(network, tmp_path / "full.safetensors", METADATA, half=False)
    save_weights(network, tmp_path / "half.weights", {**METADATA, "task": "pose"})
    loaded, identified = load_hrnet(tmp_path / "full.safetensors")
    assert_recorded_outputs(loaded)
    assert identified == identify_weights(tmp_path / "full.safetensors")
    assert str(identified) == "HRNet of width 8 for 17 joints, with names of pose_track, trained as dark at 96x64"
    assert (identified.skeleton, identified.input_size, identified.heatmap_type) == (COCO_17, (64, 96), "dark")
    assert identified.sigma == 1.5
    loaded, identified = load_hrnet(tmp_path / "half.weights")
    assert {value.dtype for value in loaded.parameters()} == {torch.float32}
    assert identified.naming == "pose_track"
    assert_recorded_outputs(loaded, within=0.02)  # float16 keeps eleven bits


def test_safetensors_of_other_projects(tmp_path: Path) -> None:
    save_file(mmpose(tiny(), "head"), tmp_path / "a.safetensors", {"format": "pt"})
    network, identified = load_hrnet(tmp_path / "a.safetensors")
    assert str(identified) == "HRNet of width 4" + MMPOSE_1.partition(", trained")[0]
    assert_same(network, tiny())


@given(
    heatmap_type=st.sampled_from(["gaussian", "dark", "udp"]),
    sides=st.tuples(st.integers(2, 200), st.integers(2, 200)),
    sigma=st.floats(0.5, 9),
    kernel_size=st.sampled_from([None, 11, 17]),
)
@settings(derandomize=True, deadline=None, max_examples=40)
def test_metadata_round_trip(
    heatmap_type: HeatmapType, sides: tuple[int, int], sigma: float, kernel_size: int | None
) -> None:
    decoding = DECODINGS[heatmap_type][-1]
    codec = Codec(heatmap_type, (4 * sides[0], 4 * sides[1]), sigma, decoding, kernel_size)
    expected = PoseMetadata(LSP_14, codec.input_size, heatmap_type, sigma, kernel_size, decoding)
    assert parse_pose_metadata(pose_metadata("hrnet_w32", LSP_14, codec)) == expected


@pytest.mark.parametrize("name", HRNET_CONFIGS)
def test_sizes_by_name(name: str) -> None:
    with torch.device("meta"):
        network = NETWORKS[name](14)
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert config_from_shapes(shapes) == HRNET_CONFIGS[name]
    assert HRNET_CONFIGS[name].name == name


def test_the_size_follows_from_the_shapes(tmp_path: Path) -> None:
    torch.save(tiny(3), tmp_path / "tiny.pth")
    identified = identify_weights(tmp_path / "tiny.pth")
    assert identified.config == HRNetConfig((4, 8, 16, 32), (1, 2, 1), num_blocks=1, stem_blocks=2, stem_channels=4)
    assert identified.num_joints == 3


def of_timm(state: State) -> State:
    extra = ("incre_modules.0.0.conv1.weight", "downsamp_modules.0.0.bias", "final_layer.0.weight", "classifier.bias")
    return {**trunk(state), **{name: torch.ones(2) for name in extra}}


def trunk(state: State) -> State:
    return {name: value for name, value in state.items() if not name.startswith("final_layer")}


def vitpose(state: State) -> State:
    names = (
        "backbone.pos_embed",
        "backbone.layers.0.ln1.weight",
        "head.deconv_layers.0.weight",
        "head.final_layer.bias",
    )
    return {name: torch.ones(2) for name in names}


def wide(state: State) -> State:
    """The names of an HRNet, with more channels than fit into memory."""
    return {name: torch.ones(1).expand(1 << 20, 1, 1, 1) if v.ndim == 4 else v for name, v in state.items()}


REFUSED = {
    "timm": (of_timm, r"trunk \(HRNet of width 4, with names of timm\).*--init_trunk"),
    "trunk": (trunk, r"trunk \(HRNet of width 4, with names of the HRNet authors\)"),
    "several places": (lambda s: {"a": s, "b": other(s)}, r"'a' and 'b'; save one of them"),
    "several networks": (
        lambda s: {**under("model.", s), **under("ema.module.", other(s))},
        r"2 HRNets, .*'model\.' and 'ema\.module\.'; save one of them",
    ),
    "part of another": (lambda s: {**under("hrnet.", s), "flow.bias": torch.ones(2)}, r"1 unexpected \(flow\.bias\)"),
    "not of images": (
        lambda s: {**s, "conv1.weight": torch.ones(4, 12, 3, 3)}, r"another network than an HRNet",
    ),
    "quantised": (
        lambda s: {**s, "conv1.weight": torch.ones(4, 3, 3, 3, dtype=torch.int8)},
        r"1 of another type \(conv1\.weight int8\)",
    ),
    "trunk of MMPose": (lambda s: mmpose(trunk(s), "head"), r"trunk \(HRNet of width 4, with names of OpenMMLab\)"),
    "ViTPose": (vitpose, r"another network than an HRNet: 4 weights .*backbone\.pos_embed, "),
    "ResNet": (lambda s: {"conv1.weight": torch.ones(4, 3, 7, 7)}, r"another network .*conv1\.weight; give"),
    "not a tensor": (lambda s: {"state_dict": {"a": 3}}, r"no state dict"),
    "missing": (lambda s: {k: v for k, v in s.items() if k != "bn1.bias"}, r": 1 missing \(bn1\.bias\);"),
    "more": (lambda s: {**s, "aux.weight": torch.ones(1)}, r"1 unexpected \(aux\.weight\);"),
    "shape": (lambda s: {**s, "bn1.bias": torch.ones(5)}, r"1 of another shape \(bn1\.bias \(5,\) instead of \(4,\)\)"),
    "last layer of 3x3": (
        lambda s: {**s, "final_layer.weight": torch.ones(17, 4, 3, 3)}, r"final_layer\.weight \(17, 4, 3, 3\) instead",
    ),
    "expanded": (wide, r"expanded"),
    "sparse": (lambda s: {**s, "bn1.bias": torch.ones(4).to_sparse()}, r"bn1\.bias .*sparse"),
    "code": (
        lambda s: {"state_dict": s, "hook": argparse.ArgumentParser},
        r"code \(argparse\.ArgumentParser\).*; save its state_dict alone",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Validating sparse")
@pytest.mark.parametrize("name", REFUSED)
def test_refused_files(tmp_path: Path, name: str) -> None:
    change, message = REFUSED[name]
    torch.save(change(tiny()), tmp_path / "given.pth")
    with pytest.raises(ValueError, match=rf"given\.pth' .*{message}") as caught:
        load_hrnet(tmp_path / "given.pth")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heatmap_type": "best"}, "heatmap_type 'best'"),
        ({"input_size": "192"}, "input_size '192'"),
        ({"skeleton": "horse"}, "skeleton 'horse'"),
        ({"sigma": "-1", "heatmap_type": "best"}, "heatmap_type 'best', sigma '-1'"),
        ({"sigma": "two"}, "sigma 'two'"),
        ({"blur_kernel_size": "4"}, "blur_kernel_size '4'"),
        ({"skeleton": "mpii_16"}, "skeleton mpii_16 .*17 joints"),
    ],
)
def test_invalid_metadata_of_own_files(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    save_file(tiny(), tmp_path / "own.safetensors", {**METADATA, **changes})
    with pytest.raises(ValueError, match=rf"own\.safetensors' .*{message}"):
        identify_weights(tmp_path / "own.safetensors")


def test_identifying_safetensors_needs_no_torch(tmp_path: Path) -> None:
    save_file(tiny(), tmp_path / "own.safetensors", METADATA)
    code = (
        "import sys, json; from pose_track.weights.identify import identify_weights;"
        f"print(json.dumps([str(identify_weights({str(tmp_path / 'own.safetensors')!r})), 'torch' in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = "HRNet of width 4 for 17 joints, with names of pose_track, trained as dark at 96x64"
    assert json.loads(done.stdout) == [expected, False]
