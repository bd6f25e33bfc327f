"""Files of exported networks, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pose_track.models.codec import Codec
from pose_track.models.inference_model import InferenceModel
from pose_track.runtime.exported import ExportForm, exported_properties, parse_exported_metadata
from pose_track.structures.skeleton import COCO_17

onnx = pytest.importorskip("onnx", reason="exporting needs onnx; pip install 'pose_track[onnx]'")
pytest.importorskip("onnxruntime", reason="the runtime under test; pip install 'pose_track[onnx]'")

from pose_track.runtime.onnx_export import to_onnx  # noqa: E402
from pose_track.runtime.onnx_runtime import exported_metadata, open_exported  # noqa: E402


def images(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def properties(form: ExportForm | None = None) -> dict[str, str]:
    codec = Codec("udp", (192, 256))
    return exported_properties("hrnet_w32", COCO_17, codec, form or ExportForm(), False, "0" * 64)


def write(path: Path, metadata: dict[str, str]) -> Path:
    """A network for images of 8x4 as an exported file."""
    example = torch.zeros((1, 4, 8, 3), dtype=torch.uint8)
    axes = {name: {0: "batch"} for name in ("crops", "heatmaps")}
    model = onnx.load_from_string(to_onnx(InferenceModel(torch.nn.Identity()), example, "crops", ["heatmaps"], axes))
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


def test_an_exported_file_runs(tmp_path: Path) -> None:
    run = open_exported(write(tmp_path / "network.onnx", properties()))
    assert run(images(3, 4, 8))[0].shape == (3, 3, 4, 8)
    assert (run.device, run.precision) == ("cpu", "float32")
    with pytest.raises(ValueError, match=r"'batch', 4, 8, 3.*1, 8, 4, 3"):
        run(images(1, 8, 4))


def test_metadata_of_a_file(tmp_path: Path) -> None:
    form = ExportForm(has_preprocessing=False, decodes=True, has_appearance=True)
    metadata = exported_metadata(write(tmp_path / "network.onnx", properties(form)))
    assert metadata == parse_exported_metadata(properties(form))
    assert (metadata.network, metadata.joint_names, metadata.weights_sha256) == (
        "hrnet_w32",
        COCO_17.joint_names,
        "0" * 64,
    )
    assert (metadata.pose.skeleton, metadata.pose.heatmap_type, metadata.pose.input_size) == (
        COCO_17,
        "udp",
        (192, 256),
    )
    assert (metadata.pose.sigma, metadata.pose.decoding, metadata.flip_test) == (2.0, "udp", False)
    assert (metadata.has_preprocessing, metadata.decodes, metadata.has_appearance) == (False, True, True)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"decodes": "yes"}, "decodes"),
        ({"has_appearance": None}, "has_appearance"),
        ({"flip_test": "True"}, "flip_test"),
        ({"weights_sha256": None}, "weights_sha256"),
        ({"decoding": "simcc"}, "decoding"),
        ({"input_size": "large"}, "input_size"),
    ],
)
def test_invalid_metadata_name_the_key(changes: dict[str, str | None], key: str) -> None:
    changed = {name: text for name, text in (properties() | changes).items() if text is not None}
    with pytest.raises(ValueError, match=key):
        parse_exported_metadata(changed)


@pytest.mark.parametrize("decodes", [True, False])
def test_a_network_of_normalised_crops_is_not_an_estimator(tmp_path: Path, decodes: bool) -> None:
    form = ExportForm(has_preprocessing=False, decodes=decodes)
    path = write(tmp_path / "network.onnx", properties(form))
    assert not exported_metadata(path).has_preprocessing
    with pytest.raises(ValueError, match=r"network\.onnx.*--no-preprocessing"):
        open_exported(path)


@pytest.mark.parametrize("read", [exported_metadata, open_exported])
def test_files_that_are_not_exported_networks(tmp_path: Path, read: object) -> None:
    assert callable(read)
    path = tmp_path / "network.onnx"
    with pytest.raises(FileNotFoundError, match=r"network\.onnx.*pose-track export"):
        read(path)
    whole = write(path, properties()).read_bytes()
    for content in (b"", b"no network", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"network\.onnx.*export it again") as caught:
            read(path)
        assert "\n" not in str(caught.value)
    for metadata in ({"author": "somebody"}, {key: text for key, text in properties().items() if key != "network"}):
        write(path, metadata)
        with pytest.raises(ValueError, match=r"network\.onnx.*pose-track export"):
            read(path)


def test_a_changed_network_that_cannot_run(tmp_path: Path) -> None:
    """As converters to float16 leave it that do not look into casts."""
    path = write(tmp_path / "network.onnx", properties())
    model = onnx.load(path)
    cast = next(node for node in model.graph.node if node.op_type == "Cast")
    cast.attribute[0].i = onnx.TensorProto.FLOAT16
    onnx.save(model, path)
    with pytest.raises(ValueError, match=r"network\.onnx.*export it again"):
        exported_metadata(path)
