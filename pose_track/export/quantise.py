"""ONNX graphs in eight bits: the inputs of convolutions and their weights are rounded to whole numbers of eight bits.

A pair of QuantizeLinear and DequantizeLinear nodes stands before each input of a convolution, as ONNX describes
quantised graphs. OpenVINO and ONNX Runtime multiply whole numbers there. All else, such as sums, stays in floats.
Weights have a scale for each output channel and no offset. The scale and offset of an input come from the range of its
values (Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference: A whitepaper", 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pose_track.structures.arrays import AnyArray, ImageArray

if TYPE_CHECKING:
    import onnx

_WEIGHT_LEVELS = 127  # on either side of zero
_INPUT_LEVELS = 255
_SMALLEST_SCALE = np.float32(1e-12)  # of a channel whose weights are all zero

Ranges = Mapping[str, tuple[float, float]]
"""The least and the greatest value of tensors, by their names; zero is within."""


def input_ranges(path: Path, batches: Iterable[ImageArray]) -> dict[str, tuple[float, float]]:
    """The ranges of what goes into the convolutions of a graph for images.

    batches: images (B, H, W, 3) as the graph takes them.
    """
    import onnx
    import onnxruntime as ort

    model = onnx.load(path)
    names = list(dict.fromkeys(node.input[0] for node in model.graph.node if node.op_type == "Conv"))
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    image_input = session.get_inputs()[0].name
    ranges = dict.fromkeys(names, (0.0, 0.0))
    for batch in batches:
        for name, values in zip(names, session.run(names, {image_input: batch}), strict=True):
            low, high = ranges[name]
            ranges[name] = min(low, float(values.min())), max(high, float(values.max()))
    return ranges


def quantised(path: Path, ranges: Ranges, is_float: Callable[[str], bool]) -> onnx.ModelProto:
    """The graph of a file in eight bits. It refers to the same weights, where these are in another file.

    Args:
        ranges: of what goes into the convolutions, see `input_ranges`.
        is_float: whether a convolution, by the name of its node, stays as it is.
    """
    import onnx

    model = onnx.load(path, load_external_data=False)
    graph, weights = model.graph, _weights(path)
    nodes: list[onnx.NodeProto] = []
    rounded: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "Conv" and not is_float(node.name):
            for index, name in enumerate(node.input[:2]):
                if name not in rounded:
                    scale = _weight_scale(weights[name]) if index else _input_scale(*ranges[name])
                    nodes += _rounding(graph, name, *scale)
                    rounded[name] = nodes[-1].output[0]
                node.input[index] = rounded[name]
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _weights(path: Path) -> dict[str, AnyArray]:
    """The weights of a graph by name, those that a Cast node converts also by the name of the result."""
    import onnx

    graph = onnx.load(path).graph
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Cast"}
    return weights | {cast: weights[name] for cast, name in casts.items() if name in weights}


def _weight_scale(weights: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The (C,) scales and offsets of weights (C, ...)."""
    largest = np.abs(weights.astype(np.float32)).reshape(len(weights), -1).max(axis=1)
    scales = np.maximum(largest / _WEIGHT_LEVELS, _SMALLEST_SCALE)
    return scales, np.zeros(len(scales), np.int8)


def _input_scale(low: float, high: float) -> tuple[AnyArray, AnyArray]:
    """The scale and offset of values in a range, as arrays without dimensions."""
    scale = max(np.float32((high - low) / _INPUT_LEVELS), _SMALLEST_SCALE)
    return np.array(scale, np.float32), np.array(round(-low / scale), np.uint8)


def _rounding(graph: onnx.GraphProto, name: str, scale: AnyArray, offset: AnyArray) -> list[Any]:
    """The nodes that round a tensor to whole numbers and scale these back, after their constants were added."""
    from onnx import helper, numpy_helper

    constants = [f"{name}.scale", f"{name}.offset"]
    graph.initializer.extend(map(numpy_helper.from_array, (scale, offset), constants))
    whole = f"{name}.{offset.dtype}"
    return [
        helper.make_node("QuantizeLinear", [name, *constants], [whole], f"{whole}/quantise", axis=0),
        helper.make_node("DequantizeLinear", [whole, *constants], [f"{whole}.float32"], f"{whole}/scale", axis=0),
    ]
