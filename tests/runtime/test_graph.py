from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tiny_graphs import heatmap_pattern, simcc_patterns, write_graph

from pose_track.models.graph_input import GraphInput
from pose_track.runtime.graph import GraphRuntime, graph_runtime, open_graph, read_ports, sized_outputs

SIZE = (32, 64)
PLACES = [(3.0, 4.0), (20.5, 60.0)]
RUNTIMES = ("openvino", "onnx")


def images(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIZE[1], SIZE[0], 3), np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TRACK_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("batch", "dtype"), [(None, "float32"), (1, "float32"), (2, "float32"), (None, "float16")])
def test_outputs_of_each_image(tmp_path: Path, runtime: str, batch: int | None, dtype: str) -> None:
    patterns = simcc_patterns(PLACES, SIZE)
    path = write_graph(tmp_path / "simcc.onnx", patterns, SIZE, batch, dtype)
    run = open_graph(path, "rgb_unit", (1, 0), SIZE, runtime, precision="float32")
    y, x = run(images(3))
    means = images(3).mean(axis=(1, 2, 3)) / 255
    tolerance = 1e-5 if dtype == "float32" else 2e-3
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_allclose(x, means[:, None, None] * patterns["simcc_x"], atol=tolerance)
    np.testing.assert_allclose(y, means[:, None, None] * patterns["simcc_y"], atol=tolerance)
    assert (run.device, run.precision) == ("cpu", "float32")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_each_kind_of_pixels(tmp_path: Path, runtime: str) -> None:
    """The graph returns the mean of what it got."""
    path = write_graph(tmp_path / "mean.onnx", {"maps": np.ones((1, 16, 8), np.float32)}, SIZE)
    image = np.zeros((1, SIZE[1], SIZE[0], 3), np.uint8)
    image[..., 0] = 255
    red = {
        pixels: float(open_graph(path, pixels, (0,), SIZE, runtime)(image)[0].mean())  # type: ignore[arg-type]
        for pixels in ("rgb_unit", "rgb_255", "bgr_255", "rgb_imagenet", "bgr_imagenet")
    }
    normalised = np.mean([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    expected = {"rgb_unit": 1 / 3, "rgb_255": 85, "bgr_255": 85, "rgb_imagenet": normalised, "bgr_imagenet": normalised}
    assert red == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_channels_last(tmp_path: Path, runtime: str) -> None:
    path = write_graph(tmp_path / "last.onnx", {"maps": np.ones((1, 2, 2), np.float32)}, SIZE, channels_last=True)
    (maps,) = open_graph(path, "rgb_255", (0,), SIZE, runtime)(images(2))
    np.testing.assert_allclose(maps[:, 0, 0, 0], images(2).mean(axis=(1, 2, 3)), rtol=1e-5)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_quantised_files(tmp_path: Path, runtime: str) -> None:
    path = write_graph(tmp_path / "int8.onnx", {"maps": np.ones((1, 2, 2), np.float32)}, SIZE, quantised=True)
    (maps,) = open_graph(path, "rgb_unit", (0,), SIZE, runtime, precision="float32")(images(2))
    np.testing.assert_allclose(maps[:, 0, 0, 0], images(2).mean(axis=(1, 2, 3)) / 255, atol=1e-3)


class Finder:
    """A network of one image that finds as many people as the image is bright."""

    device, precision = "cpu", "float32"

    def run(self, inputs: Sequence[np.ndarray]) -> list[tuple[np.ndarray, ...]]:
        counts = [int(one.max()) for one in inputs]
        return [(np.ones((1, count, 5), np.float32), np.ones((1, count), np.int64)) for count in counts]


def test_images_with_different_numbers_of_people() -> None:
    run = GraphRuntime(Finder(), GraphInput(1, (4, 4), False, "float32"), "rgb_255", (0, 1))
    bright = np.stack([np.full((4, 4, 3), value, np.uint8) for value in (2, 0, 3)])
    boxes, labels = run(bright)
    assert boxes.shape == (3, 3, 5)
    assert labels.shape == (3, 3)
    assert boxes[:, :, 4].sum(axis=1).tolist() == [2, 0, 3]


def test_shapes_that_the_file_does_not_state_come_from_a_run(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "simcc.onnx", simcc_patterns(PLACES, SIZE), None, unknown=["simcc_x", "simcc_y"])
    shapes = [port.shape[1:] for port in sized_outputs(path, SIZE)]
    assert shapes == [(2, 64), (2, 128)]


def test_a_file_of_another_size_runs_at_any_size_with_openvino_only(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "maps.onnx", {"maps": heatmap_pattern([(1, 2)], SIZE)}, (64, 64))
    assert open_graph(path, "rgb_unit", (0,), SIZE, "openvino")(images(2))[0].shape == (2, 1, 16, 8)
    with pytest.raises(ValueError, match=r"ONNX Runtime runs .*maps.onnx' at \(64, 64\) only, not \(32, 64\); use"):
        open_graph(path, "rgb_unit", (0,), SIZE, "onnx")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04 a zip"])
@pytest.mark.parametrize("suffix", ["onnx", "xml"])
def test_other_files_are_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"network.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is no network that can be read, or is cut short"):
        read_ports(path)


def test_a_replaced_file_is_read_again(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "a.onnx", simcc_patterns(PLACES, SIZE), SIZE)
    assert len(read_ports(path).outputs) == 2
    write_graph(path, {"maps": heatmap_pattern([(1, 2)], SIZE)}, SIZE)
    assert [port.name for port in read_ports(path).outputs] == ["maps"]


def test_what_runs_a_graph(tmp_path: Path) -> None:
    assert graph_runtime(tmp_path / "a.onnx", "auto", "cpu") == "openvino"
    assert graph_runtime(tmp_path / "a.onnx", "auto", "coreml") == "onnx"
    assert graph_runtime(tmp_path / "a.xml", "auto", "cpu") == "openvino"
    with pytest.raises(ValueError, match="is a graph, which PyTorch does not run"):
        graph_runtime(tmp_path / "a.onnx", "torch", "cpu")
    with pytest.raises(ValueError, match="is an OpenVINO file; use runtime openvino"):
        graph_runtime(tmp_path / "a.xml", "onnx", "cpu")
    with pytest.raises(ValueError, match="runs on the CPU only"):
        graph_runtime(tmp_path / "a.xml", "auto", "cuda")


def test_devices_of_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    ort = pytest.importorskip("onnxruntime")
    from pose_track.runtime.onnx_providers import device_providers

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert device_providers("cpu") == ["CPUExecutionProvider"]
    for device, package in {
        "cuda": "onnxruntime-gpu", "tensorrt": "tensorrt", "coreml": "macOS", "directml": "onnxruntime-directml"
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=f"device '{device}' needs .*{package}.*, which has only cpu here"):
            device_providers(device)
    with pytest.raises(ValueError, match="ONNX Runtime has no device 'mps'; choose one of cpu, cuda"):
        device_providers("mps")
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    assert device_providers("cuda") == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert device_providers("cuda:1")[0] == ("CUDAExecutionProvider", {"device_id": 1})
