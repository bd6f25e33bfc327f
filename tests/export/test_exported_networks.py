"""Networks that were exported: their ends, their notes, and that a wrong one is found out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pose_track.export import job
from pose_track.export.form import Form
from pose_track.export.job import write_checked
from pose_track.export.network import ExportedNetwork
from pose_track.export.write import OPENERS, RT_INFO, WRITERS, Target
from pose_track.models.codec import Codec
from pose_track.models.hrnet import HRNet, HRNetWithEmbedding
from pose_track.models.inference_model import InferenceModel

pytest.importorskip("onnx", reason="exporting needs onnx; pip install -e '.[onnx]'")
ort = pytest.importorskip("onnxruntime", reason="exported networks are run by onnxruntime; pip install -e '.[onnx]'")

TWINS = [0, 2, 1]
SIZE = (64, 96)
NOTES = {
    "form": "crops to heatmaps", "network": "tiny", "skeleton": "three", "input_size": "64x96", "kind": "dark",
    "joints": "head,left,right", "opset": "17",
}  # fmt: skip


def hrnet(seed: int = 0) -> HRNet:
    torch.manual_seed(seed)
    return HRNet(3, (4, 8, 16, 32), num_modules=(1, 1, 1), num_blocks=1, stem_blocks=1)


def tiny(form: Form, kind: Any = "dark", twins: list[int] | None = TWINS, seed: int = 0) -> ExportedNetwork:
    codec = Codec(kind, SIZE)
    network: nn.Module = HRNetWithEmbedding(hrnet(seed)) if form.appearance else hrnet(seed)
    return ExportedNetwork(InferenceModel(network, twins, codec.flip_shift), codec, form).eval()


def crops(count: int = 5) -> np.ndarray:
    """Smooth, as pictures are."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


@pytest.mark.parametrize(
    ("target", "form"),
    [
        ("onnx", Form()),
        ("onnx", Form(appearance=True)),
        ("onnx", Form(preprocessing=False)),
        ("onnx", Form(decoding=True)),
        ("openvino", Form(appearance=True)),
        ("openvino", Form(preprocessing=False, decoding=True)),
    ],
)
def test_every_form(tmp_path: Path, target: Target, form: Form) -> None:
    """It is written, found to be right, and takes batches of any number."""
    done = write_checked(tiny(form), tmp_path, "tiny", target, NOTES, crops())
    assert done.found.pixels < 0.01
    assert done.found.share < 1e-3
    assert (done.found.compared, done.found.left_out) == (15, 0)
    run = OPENERS[target](done.files[-1])
    given = crops(3) if form.preprocessing else np.zeros((3, 3, SIZE[1], SIZE[0]), np.float32)
    shapes = {"heatmaps": (3, 3, 24, 16), "joints": (3, 3, 2), "scores": (3, 3), "looks": (3, 64, 24, 16)}
    assert [output.shape for output in run(given)] == [shapes[name] for name in form.outputs]


@pytest.mark.parametrize(("kind", "twins"), [("plain", None), ("udp", TWINS)])
def test_every_kind(tmp_path: Path, kind: str, twins: list[int] | None) -> None:
    done = write_checked(tiny(Form(), kind, twins), tmp_path, "tiny", "onnx", NOTES, crops())
    assert done.found.pixels < 0.01


def test_names_of_inputs_and_outputs(tmp_path: Path) -> None:
    import openvino as ov

    form = Form(appearance=True)
    for target in WRITERS:
        write_checked(tiny(form), tmp_path, "tiny", target, NOTES, crops())
    session = ort.InferenceSession(tmp_path / "tiny.onnx", providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.shape, given.type) == ("crops", ["batch", 96, 64, 3], "tensor(uint8)")
    assert [output.name for output in session.get_outputs()] == ["heatmaps", "looks"]
    model = ov.Core().read_model(tmp_path / "tiny.xml")
    names = [port.get_names() for port in (*model.inputs, *model.outputs)]
    assert names == [{"crops"}, {"heatmaps"}, {"looks"}]
    assert model.inputs[0].partial_shape.to_string() == "[?,96,64,3]"


def test_notes_come_back(tmp_path: Path) -> None:
    import openvino as ov

    from pose_track.runtime.onnx_runtime import exported_notes

    for target in WRITERS:
        done = write_checked(tiny(Form()), tmp_path, "tiny", target, NOTES, crops())
        assert done.notes == NOTES
    assert exported_notes(tmp_path / "tiny.onnx") == NOTES
    model = ov.Core().read_model(tmp_path / "tiny.xml")
    assert {key: model.get_rt_info([RT_INFO, key]).astype(str) for key in NOTES} == NOTES


@pytest.mark.parametrize("opset", [13, 20])
def test_opsets(tmp_path: Path, opset: int) -> None:
    import onnx

    write_checked(tiny(Form(decoding=True)), tmp_path, "tiny", "onnx", NOTES | {"opset": str(opset)}, crops())
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


def twins_not_exchanged(network: ExportedNetwork) -> ExportedNetwork:
    return tiny(network.form, twins=[0, 1, 2])


def blue_first(network: ExportedNetwork) -> ExportedNetwork:
    other = tiny(network.form)
    other.network.normalize.register_buffer("mean", other.network.normalize.mean.flip(1), persistent=False)
    return other


@pytest.mark.parametrize(
    ("target", "wrong", "form"),
    [
        ("onnx", other_weights, Form()),
        ("onnx", other_weights, Form(decoding=True)),
        ("openvino", other_weights, Form()),
        ("onnx", without_shift, Form()),
        ("onnx", twins_not_exchanged, Form()),
        ("onnx", blue_first, Form()),
    ],
)
def test_a_wrong_network_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target, wrong: Any, form: Form
) -> None:
    def write(network: ExportedNetwork, stem: Path, notes: Mapping[str, str]) -> Path:
        return WRITERS[target](wrong(network).eval(), stem, notes)

    monkeypatch.setattr(job, "WRITERS", {target: write})
    with pytest.raises(ValueError, match=r"^the exported network differs from the network: joints by up to .* px"):
        write_checked(tiny(form), tmp_path, "tiny", target, NOTES, crops())
    assert list(tmp_path.iterdir()) == []


class Flat(nn.Module):
    """A network that sees no joint anywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(1, 3, 1, 1) + 0 * x[..., ::4, ::4]


def test_joints_that_hang_on_rounding_prove_nothing(tmp_path: Path) -> None:
    network = ExportedNetwork(InferenceModel(Flat()), Codec("plain", SIZE), Form()).eval()
    with pytest.raises(ValueError, match=r"^15 of 15 joints hang on rounding, .*give weights of a trained network"):
        write_checked(network, tmp_path, "flat", "onnx", NOTES, crops())
    assert list(tmp_path.iterdir()) == []


def test_the_type_it_is_run_in_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where that is not float32; such joints are measured, and may differ by more."""
    network = tiny(Form(decoding=True))

    def less_exact(path: Path) -> tuple[Any, str]:
        run = OPENERS["openvino"](path)
        return lambda given: (run(given)[0] + 1.5, *run(given)[1:]), "bfloat16"

    monkeypatch.setattr(job, "open_natively", less_exact)
    done = write_checked(network, tmp_path, "tiny", "openvino", NOTES, crops())
    assert done.found.pixels < 0.01
    assert done.words()[-1].startswith("run in bfloat16 here: joints differ by up to 2.1 px (")
