"""Files that hold an exported network, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pose_track.models.inference_model import InferenceModel

onnx = pytest.importorskip("onnx", reason="networks are written by onnx; pip install -e '.[onnx]'")
pytest.importorskip("onnxruntime", reason="what is tested here; pip install -e '.[onnx]'")

from pose_track.runtime.onnx_export import to_onnx  # noqa: E402
from pose_track.runtime.onnx_runtime import exported_notes, open_exported  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def write(path: Path, notes: dict[str, str]) -> Path:
    """A network for pictures of 8x4 as an exported file."""
    example = torch.zeros((1, 4, 8, 3), dtype=torch.uint8)
    open_sides = {name: {0: "batch"} for name in ("crops", "heatmaps")}
    model = onnx.load_from_string(
        to_onnx(InferenceModel(torch.nn.Identity()), example, "crops", ["heatmaps"], open_sides)
    )
    onnx.helper.set_model_props(model, notes)
    onnx.save(model, path)
    return path


NOTES = {
    "form": "crops to heatmaps", "network": "hrnet_w32", "skeleton": "coco_17", "input_size": "192x256", "kind": "udp"
}  # fmt: skip


def test_an_exported_file_is_run(tmp_path: Path) -> None:
    path = write(tmp_path / "network.onnx", NOTES)
    assert exported_notes(path) == NOTES
    run = open_exported(path)
    assert run(images(3, 4, 8))[0].shape == (3, 3, 4, 8)
    assert (run.device, run.precision) == ("cpu", "float32")
    with pytest.raises(ValueError, match=r"images must be \('batch', 4, 8, 3\), got \(1, 8, 4, 3\)"):
        run(images(1, 8, 4))


@pytest.mark.parametrize("form", ["normalised crops to joints", "normalised crops to heatmaps"])
def test_forms_that_are_no_estimator(tmp_path: Path, form: str) -> None:
    path = write(tmp_path / "network.onnx", NOTES | {"form": form})
    assert exported_notes(path)["form"] == form
    with pytest.raises(
        ValueError, match=f"was exported as '{form}' and cannot be an estimator; export it again without"
    ):
        open_exported(path)


@pytest.mark.parametrize("read", [exported_notes, open_exported])
def test_files_that_are_none(tmp_path: Path, read: object) -> None:
    assert callable(read)
    path = tmp_path / "network.onnx"
    with pytest.raises(FileNotFoundError, match=r"there is no exported network '.*network\.onnx'; make it with tools/"):
        read(path)
    whole = write(path, NOTES).read_bytes()
    for content in (b"", b"no network", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(
            ValueError, match=r"network\.onnx' is not an ONNX file, is cut short, or .*; export it again \("
        ) as e:
            read(path)
        assert "\n" not in str(e.value)
    for notes in ({"author": "somebody"}, {"form": "NCHW"}, {k: v for k, v in NOTES.items() if k != "network"}):
        write(path, notes)
        with pytest.raises(
            ValueError, match=r"network\.onnx' was not exported by tools/export_model\.py; give a file that"
        ):
            read(path)


def test_a_network_that_was_changed_and_cannot_run(tmp_path: Path) -> None:
    """As converters to float16 leave it, which do not look into casts."""
    path = write(tmp_path / "network.onnx", NOTES)
    model = onnx.load(path)
    cast = next(node for node in model.graph.node if node.op_type == "Cast")
    cast.attribute[0].i = onnx.TensorProto.FLOAT16
    onnx.save(model, path)
    with pytest.raises(ValueError, match="ONNX Runtime cannot run what was changed in it; export it again"):
        exported_notes(path)
