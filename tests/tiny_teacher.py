"""A network with features at strides 8, 16, 32 and 64 for tests: the means of squares of the image."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

FEATURES = ("stride_8", "stride_16", "stride_32", "stride_64")


def write_teacher(path: Path) -> Path:
    """Write it as an ONNX file, whose only declared output is the coarsest."""
    inputs, nodes = "image", []
    for name, factor in zip(FEATURES, (8, 2, 2, 2), strict=True):
        side = [factor, factor]
        nodes.append(helper.make_node("AveragePool", [inputs], [name], name, kernel_shape=side, strides=side))
        inputs = name
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 64, 64])
    coarsest = helper.make_tensor_value_info(inputs, TensorProto.FLOAT, [1, 3, "h", "w"])
    graph = helper.make_graph(nodes, "teacher", [image], [coarsest])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path
