"""Small ONNX files in the layouts of published networks. Each output is a pattern times the mean of the input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")


def write_graph(
    path: Path,
    outputs: Mapping[str, np.ndarray],
    size: tuple[int, int] | None,
    batch: int | None = None,
    dtype: str = "float32",
    unknown: Sequence[str] = (),
    channels_last: bool = False,
    quantised: bool = False,
) -> Path:
    """Write a graph whose outputs are the patterns, for each image times the mean of its input values.

    outputs: patterns without the batch; integers do not depend on the image.
    size: (w, h) of the images; None for any.
    batch: how many images it takes; None for any.
    dtype: of input and outputs.
    unknown: names of outputs whose shape the file does not state.
    quantised: whether the input is rounded to 256 values from 0 to 1 first, by the operations of quantised files.
    """
    helper, types = onnx.helper, onnx.TensorProto
    kind = {"float32": types.FLOAT, "float16": types.FLOAT16}[dtype]
    height, width = ("h", "w") if size is None else (size[1], size[0])
    shape = [batch or "b", height, width, 3] if channels_last else [batch or "b", 3, height, width]
    taken_name = "dequantised" if quantised else "input"
    nodes = [helper.make_node("ReduceMean", [taken_name], ["mean"], axes=[1, 2, 3], keepdims=0)]
    constants, described = [], []
    if quantised:
        constants.append(onnx.numpy_helper.from_array(np.array(1 / 255, np.float32), "step"))
        constants.append(onnx.numpy_helper.from_array(np.array(0, np.uint8), "zero"))
        nodes.insert(0, helper.make_node("DequantizeLinear", ["whole", "step", "zero"], ["dequantised"]))
        nodes.insert(0, helper.make_node("QuantizeLinear", ["input", "step", "zero"], ["whole"]))
    for name, pattern in outputs.items():
        is_integer = np.issubdtype(pattern.dtype, np.integer)
        values = pattern[None] if is_integer else pattern[None].astype(dtype)
        constants.append(onnx.numpy_helper.from_array(values, f"{name}_pattern"))
        ones = onnx.numpy_helper.from_array(np.array([-1] + [1] * pattern.ndim, np.int64), f"{name}_shape")
        constants.append(ones)
        nodes.append(helper.make_node("Reshape", ["mean", f"{name}_shape"], [f"{name}_mean"]))
        factor = f"{name}_mean"
        if is_integer:
            nodes.append(helper.make_node("Sub", [factor, factor], [f"{name}_zero"]))
            nodes.append(helper.make_node("Cast", [f"{name}_zero"], [f"{name}_whole"], to=types.INT64))
            nodes.append(helper.make_node("Add", [f"{name}_whole", f"{name}_pattern"], [name]))
        else:
            nodes.append(helper.make_node("Mul", [factor, f"{name}_pattern"], [name]))
        sides = [f"{name}_{n}" for n in range(pattern.ndim)] if name in unknown else list(pattern.shape)
        described.append(helper.make_tensor_value_info(name, types.INT64 if is_integer else kind, ["b", *sides]))
    taken = helper.make_tensor_value_info("input", kind, shape)
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [taken], described, constants), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    onnx.save(model, path)
    return path


def simcc_patterns(places: Sequence[tuple[float, float]], size: tuple[int, int]) -> dict[str, np.ndarray]:
    """Logits of a Gaussian for each joint at a place x y in pixels; two bins a pixel."""
    axes = {}
    for axis, (name, length) in enumerate(zip(("simcc_x", "simcc_y"), size, strict=True)):
        bins = np.arange(2 * length)
        axes[name] = np.stack([np.exp(-((bins - 2 * place[axis]) ** 2) / 50) for place in places]).astype(np.float32)
    return axes


def heatmap_pattern(places: Sequence[tuple[int, int]], size: tuple[int, int]) -> np.ndarray:
    """(K, h / 4, w / 4) a Gaussian for each joint at a cell x y."""
    y, x = np.mgrid[: size[1] // 4, : size[0] // 4]
    return np.stack([np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in places]).astype(np.float32)
