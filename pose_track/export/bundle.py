"""Write the bundled networks as ONNX graphs that refer to the bundled weights, in float32 and in eight bits: python -m
pose_track.export.bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pose_track.build.networks import detector_network, pose_network
from pose_track.build.specs import build_centre_net, build_pose_network
from pose_track.config.networks import DetectorSettings, PoseSettings
from pose_track.export.drawn_inputs import drawn_canvases, drawn_crops
from pose_track.export.quantise import input_ranges, quantised
from pose_track.runtime.bundled import WEIGHTS_SHA256, GraphName, Int8GraphName, bundled_folder
from pose_track.runtime.onnx_export import to_onnx
from pose_track.runtime.onnx_runtime import any_size_axes
from pose_track.utils.atomic import atomic_path
from pose_track.utils.extras import require
from pose_track.utils.hashing import file_sha256

if TYPE_CHECKING:
    import onnx

    from pose_track.models.inference_model import InferenceModel

_TRACE_SHAPE = (2, 64, 64, 3)
_POSE_OUTPUTS = ("heatmaps", "appearance")
_IN_FLOATS = ("conv1", "conv2", "layer1", "final_layer", "heat", "sides")
"""The first and last layers, where rounding costs most: stem, stage 1, and the heads of both networks."""
_HALF = ".float16"  # suffix of a float16 initializer, which a Cast node converts to the float32 weight


@dataclass(frozen=True)
class WeightsRange:
    """Where a safetensors file stores one tensor. offset and length are in bytes from the start of the file."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def bundle(out: Path, num_drawn: int = 120) -> list[Path]:
    """Write the graphs of each bundled network into the folder `out`, which holds the weights files. Returns the paths.

    num_drawn: images of one to four people that scale the values of the graphs in eight bits; 120 take a minute.

    Raises ImportError without PyTorch, onnx or ONNX Runtime.
    """
    require("torch", "onnx", "onnxruntime", purpose="writing the bundled networks")
    paths = []
    for name, (network, weights, outputs) in bundled_networks().items():
        paths.append(out / f"{name}.onnx")
        _write(graph_with_external_weights(network, weights, outputs), paths[-1])
    return paths + [_bundle_int8(out, name, num_drawn) for name in get_args(Int8GraphName)]


def _bundle_int8(out: Path, name: Int8GraphName, num_drawn: int) -> Path:
    """Write the graph in eight bits of a network whose float32 graph is there."""
    path = out / f"{name}.onnx"
    inputs = drawn_canvases(num_drawn) if name == "detector_int8" else drawn_crops(num_drawn)
    source = out / f"{name.removesuffix('_int8')}.onnx"
    _write(quantised(source, input_ranges(source, inputs), lambda node: node.split("/")[2] in _IN_FLOATS), path)
    return path


def _write(model: onnx.ModelProto, path: Path) -> None:
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(model.SerializeToString())


def bundled_networks() -> dict[GraphName, tuple[InferenceModel, Path, Sequence[str]]]:
    """Each bundled network, its weights file, and the names of its outputs."""
    detector, pose = detector_network(DetectorSettings()).path, pose_network(PoseSettings())
    return {
        "detector": (build_centre_net(detector), detector, ("centres",)),
        "pose": (build_pose_network(pose, False, True), pose.path, _POSE_OUTPUTS),
        "pose_flip_test": (build_pose_network(pose, True, True), pose.path, _POSE_OUTPUTS),
    }


def graph_with_external_weights(network: InferenceModel, weights: Path, outputs: Sequence[str]) -> onnx.ModelProto:
    """A network as an ONNX graph for batches and images of any size, whose weights are ranges of a safetensors file.

    Raises ValueError where a weight of the network is not the tensor in the file.
    """
    import onnx
    import torch

    images = torch.zeros(_TRACE_SHAPE, dtype=torch.uint8)
    axes = any_size_axes("images", list(outputs))
    content = to_onnx(network, images, "images", outputs, axes, fold_batch_norms=False)
    model = onnx.load_from_string(content)
    _refer_to_file(model, weights)
    onnx.helper.set_model_props(model, {WEIGHTS_SHA256: file_sha256(weights)})
    return model


def _refer_to_file(model: onnx.ModelProto, weights: Path) -> None:
    """Replace each initializer by a reference to the tensor of the same name in the file."""
    import onnx

    ranges, content = weights_ranges(weights), weights.read_bytes()
    initializers, casts = [], []
    for tensor in model.graph.initializer:
        found = ranges[_name_in_file(tensor.name, ranges)]
        _check_equal(tensor, found, content, weights)
        is_half = found.dtype == "F16"
        name = tensor.name + _HALF if is_half else tensor.name
        initializers.append(_external_tensor(name, found, weights.name))
        if is_half:
            casts.append(onnx.helper.make_node("Cast", [name], [tensor.name], name, to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    for field, values in ((model.graph.initializer, initializers), (model.graph.node, nodes)):
        del field[:]
        field.extend(values)


def weights_ranges(path: Path) -> dict[str, WeightsRange]:
    """Where a safetensors file stores its tensors, by name."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    header.pop("__metadata__", None)
    return {
        name: WeightsRange(
            entry["dtype"],
            tuple(entry["shape"]),
            start + entry["data_offsets"][0],
            entry["data_offsets"][1] - entry["data_offsets"][0],
        )
        for name, entry in header.items()
    }


def _name_in_file(name: str, ranges: dict[str, WeightsRange]) -> str:
    """The name of a weight without the prefixes of the modules around the network."""
    while name not in ranges and "." in name:
        name = name.partition(".")[2]
    if name not in ranges:
        raise ValueError(f"the weights file has no tensor {name!r} of the network")
    return name


def _check_equal(tensor: onnx.TensorProto, found: WeightsRange, content: bytes, weights: Path) -> None:
    import numpy as np
    import onnx

    dtype = {"F16": np.float16, "F32": np.float32}[found.dtype]
    stored = np.frombuffer(content[found.offset : found.offset + found.length], dtype).reshape(found.shape)
    if not np.array_equal(stored, onnx.numpy_helper.to_array(tensor)):
        raise ValueError(f"{tensor.name} of the network differs from {str(weights)!r}; load the network from that file")


def _external_tensor(name: str, found: WeightsRange, file_name: str) -> onnx.TensorProto:
    import onnx

    types = {"F16": onnx.TensorProto.FLOAT16, "F32": onnx.TensorProto.FLOAT}
    tensor = onnx.TensorProto(name=name, dims=found.shape, data_type=types[found.dtype])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", file_name), ("offset", str(found.offset)), ("length", str(found.length))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def main() -> None:
    """Write the graphs into the package and print their paths and sizes."""
    for path in bundle(bundled_folder()):
        print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
