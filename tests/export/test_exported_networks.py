"""Exported networks: inputs, outputs and metadata. A wrong one is detected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pose_track.export import export_pose
from pose_track.export.export_pose import write_verified
from pose_track.export.network import ExportedNetwork
from pose_track.export.writers import OPENERS, RT_INFO, WRITERS, Target
from pose_track.models.codec import Codec
from pose_track.models.hrnet import HRNet, HRNetWithEmbedding
from pose_track.models.inference_model import InferenceModel
from pose_track.runtime.exported import ExportForm

pytest.importorskip("onnx", reason="exporting needs onnx; pip install 'pose_track[onnx]'")
ort = pytest.importorskip(
    "onnxruntime", reason="exported networks are run by onnxruntime; pip install 'pose_track[onnx]'"
)

FLIP_INDICES = [0, 2, 1]
SIZE = (64, 96)
METADATA = {
    "network": "tiny", "skeleton": "three", "input_size": "64x96", "heatmap_type": "dark",
    "joints": "head,left,right", "opset": "17",
}  # fmt: skip


def hrnet(seed: int = 0) -> HRNet:
    torch.manual_seed(seed)
    return HRNet(3, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)


def tiny(
    form: ExportForm, heatmap_type: Any = "dark", flip_indices: list[int] | None = FLIP_INDICES, seed: int = 0
) -> ExportedNetwork:
    codec = Codec(heatmap_type, SIZE)
    network: nn.Module = HRNetWithEmbedding(hrnet(seed)) if form.has_appearance else hrnet(seed)
    return ExportedNetwork(InferenceModel(network, flip_indices, codec.flip_shift), codec, form).eval()


def crops(count: int = 5) -> np.ndarray:
    """Smooth, as photographs are."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


@pytest.mark.parametrize(
    ("target", "form"),
    [
        ("onnx", ExportForm()),
        ("onnx", ExportForm(has_appearance=True)),
        ("onnx", ExportForm(has_preprocessing=False)),
        ("onnx", ExportForm(decodes=True)),
        ("openvino", ExportForm(has_appearance=True)),
        ("openvino", ExportForm(has_preprocessing=False, decodes=True)),
    ],
)
def test_forms(tmp_path: Path, target: Target, form: ExportForm) -> None:
    """Written, verified, and run with another batch size."""
    export = write_verified(tiny(form), tmp_path, "tiny", target, METADATA, crops())
    assert export.difference.pixels < 0.01
    assert export.difference.share < 1e-3
    assert (export.difference.num_compared, export.difference.num_unstable) == (15, 0)
    run = OPENERS[target](export.files[-1])
    given = crops(3) if form.has_preprocessing else np.zeros((3, 3, SIZE[1], SIZE[0]), np.float32)
    shapes = {"heatmaps": (3, 3, 24, 16), "joints": (3, 3, 2), "scores": (3, 3), "appearance": (3, 64, 24, 16)}
    assert [output.shape for output in run(given)] == [shapes[name] for name in form.outputs]


@pytest.mark.parametrize(("heatmap_type", "flip_indices"), [("gaussian", None), ("udp", FLIP_INDICES)])
def test_heatmap_types(tmp_path: Path, heatmap_type: str, flip_indices: list[int] | None) -> None:
    export = write_verified(tiny(ExportForm(), heatmap_type, flip_indices), tmp_path, "tiny", "onnx", METADATA, crops())
    assert export.difference.pixels < 0.01


def test_names_of_inputs_and_outputs(tmp_path: Path) -> None:
    import openvino as ov

    form = ExportForm(has_appearance=True)
    for target in WRITERS:
        write_verified(tiny(form), tmp_path, "tiny", target, METADATA, crops())
    session = ort.InferenceSession(tmp_path / "tiny.onnx", providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.shape, given.type) == ("crops", ["batch", 96, 64, 3], "tensor(uint8)")
    assert [output.name for output in session.get_outputs()] == ["heatmaps", "appearance"]
    model = ov.Core().read_model(tmp_path / "tiny.xml")
    names = [port.get_names() for port in (*model.inputs, *model.outputs)]
    assert names == [{"crops"}, {"heatmaps"}, {"appearance"}]
    assert model.inputs[0].partial_shape.to_string() == "[?,96,64,3]"


def test_metadata_is_read_back(tmp_path: Path) -> None:
    import openvino as ov

    from pose_track.runtime.onnx_runtime import open_session

    for target in WRITERS:
        export = write_verified(tiny(ExportForm()), tmp_path, "tiny", target, METADATA, crops())
        assert export.metadata == METADATA
    session = open_session(str(tmp_path / "tiny.onnx"), optimise=False)
    assert session.get_modelmeta().custom_metadata_map == METADATA
    model = ov.Core().read_model(tmp_path / "tiny.xml")
    assert {key: model.get_rt_info([RT_INFO, key]).astype(str) for key in METADATA} == METADATA


@pytest.mark.parametrize("opset", [13, 20])
def test_opsets(tmp_path: Path, opset: int) -> None:
    import onnx

    write_verified(tiny(ExportForm(decodes=True)), tmp_path, "tiny", "onnx", METADATA | {"opset": str(opset)}, crops())
    assert onnx.load(tmp_path / "tiny.onnx").opset_import[0].version == opset


def other_weights(network: ExportedNetwork) -> ExportedNetwork:
    """One weight of the last layer changed."""
    other = tiny(network.form)
    with torch.no_grad():
        next(m for m in other.modules() if isinstance(m, HRNet)).final_layer.weight[2].mul_(-1)
    return other


def without_shift(network: ExportedNetwork) -> ExportedNetwork:
    other = tiny(network.form)
    other.network.flip_shift = False
    return other


def joints_not_exchanged(network: ExportedNetwork) -> ExportedNetwork:
    return tiny(network.form, flip_indices=[0, 1, 2])


def blue_first(network: ExportedNetwork) -> ExportedNetwork:
    other = tiny(network.form)
    other.network.normalize.register_buffer("mean", other.network.normalize.mean.flip(1), persistent=False)
    return other


@pytest.mark.parametrize(
    ("target", "wrong", "form"),
    [
        ("onnx", other_weights, ExportForm()),
        ("onnx", other_weights, ExportForm(decodes=True)),
        ("openvino", other_weights, ExportForm()),
        ("onnx", without_shift, ExportForm()),
        ("onnx", joints_not_exchanged, ExportForm()),
        ("onnx", blue_first, ExportForm()),
    ],
)
def test_a_wrong_network_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target, wrong: Any, form: ExportForm
) -> None:
    def write(network: ExportedNetwork, stem: Path, metadata: Mapping[str, str]) -> Path:
        return WRITERS[target](wrong(network).eval(), stem, metadata)

    monkeypatch.setattr(export_pose, "WRITERS", {target: write})
    with pytest.raises(ValueError, match=r"differs .* joints by up to .* px"):
        write_verified(tiny(form), tmp_path, "tiny", target, METADATA, crops())
    assert list(tmp_path.iterdir()) == []


class Flat(nn.Module):
    """A network whose heatmaps are equally high everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(1, 3, 1, 1) + 0 * x[..., ::4, ::4]


def test_unstable_joints_verify_nothing(tmp_path: Path) -> None:
    network = ExportedNetwork(InferenceModel(Flat()), Codec("gaussian", SIZE), ExportForm()).eval()
    with pytest.raises(ValueError, match=r"^15 of 15 joints .*--images"):
        write_verified(network, tmp_path, "flat", "onnx", METADATA, crops())
    assert list(tmp_path.iterdir()) == []


def test_the_native_precision_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not float32. Joints may differ by more."""
    network = tiny(ExportForm(decodes=True))

    def rounded(path: Path) -> tuple[Any, str]:
        run = OPENERS["openvino"](path)
        return lambda given: (run(given)[0] + 1.5, *run(given)[1:]), "bfloat16"

    monkeypatch.setattr(export_pose, "open_natively", rounded)
    export = write_verified(network, tmp_path, "tiny", "openvino", METADATA, crops())
    assert export.difference.pixels < 0.01
    assert export.native is not None
    assert export.native[0] == "bfloat16"
    assert export.native[1].pixels == pytest.approx(1.5 * 2**0.5, abs=0.01)
    assert "bfloat16" in export.describe()[-1]
