"""Networks that come as a graph, an ONNX or OpenVINO file, of whoever wrote it: their ports, and running them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, NoReturn, Protocol

import numpy as np

from pose_track.models.graph_input import GraphInput, Pixels, Port, graph_input, to_input
from pose_track.runtime.model_spec import ModelSpec, Precision, check_images
from pose_track.runtime.select import RuntimeName, check_stated_types, resolve_runtime
from pose_track.structures.arrays import AnyArray, Float32Array, ImageArray
from pose_track.utils.extras import missing_modules, require
from pose_track.utils.hashing import file_sha256

_PLACES = re.compile(r"Exception from \S+:\d+:")  # of the C++ code, before the text of OpenVINO's errors
_ONNX_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}


class GraphPorts(NamedTuple):
    """The inputs and outputs of a graph, in order."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class _Network(Protocol):
    """A network that takes arrays of one shape and returns the outputs of each."""

    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...
    def run(self, inputs: Sequence[AnyArray], /) -> list[tuple[AnyArray, ...]]: ...


class GraphRuntime:
    """A graph that takes images, ready to run; see `Runtime`. Its outputs are in float32.

    Args:
        network: runs the graph.
        taken: what the network takes at once.
        pixels: the values that it takes.
        outputs: the indices of the outputs to return, in this order.
    """

    def __init__(self, network: _Network, taken: GraphInput, pixels: Pixels, outputs: Sequence[int]) -> None:
        self._network, self._input, self._pixels, self._outputs = network, taken, pixels, tuple(outputs)
        self.device, self.precision = network.device, network.precision

    def __call__(self, images: ImageArray) -> tuple[Float32Array, ...]:
        check_images(images)
        step = self._input.batch or len(images)
        missing = -len(images) % step
        filled = np.concatenate([images, *[images[-1:]] * missing]) if missing else images
        values = to_input(filled, self._pixels, self._input.channels_last, self._input.dtype)
        parts = self._network.run([values[start : start + step] for start in range(0, len(values), step)])
        outputs = ([np.asarray(part[index], np.float32) for part in parts] for index in self._outputs)
        return tuple(_joined(output)[: len(images)] for output in outputs)


def _joined(parts: Sequence[Float32Array]) -> Float32Array:
    """The outputs of several runs, one after another. Where these found different numbers of people, in the second
    dimension, zeros follow the last ones, whose scores are then 0."""
    if len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    most = max(part.shape[1] for part in parts)
    missing = [[(0, 0), (0, most - part.shape[1]), *[(0, 0)] * (part.ndim - 2)] for part in parts]
    return np.concatenate([np.pad(part, width) for part, width in zip(parts, missing, strict=True)])


def is_openvino_file(path: Path) -> bool:
    """Whether a graph is a file of OpenVINO, which nothing else runs.

    >>> is_openvino_file(Path("model.xml")), is_openvino_file(Path("model.onnx"))
    (True, False)
    """
    return path.suffix.lower() == ".xml"


def open_graph(
    path: Path,
    pixels: Pixels,
    outputs: Sequence[int],
    input_size: tuple[int, int],
    runtime: RuntimeName = "auto",
    device: str = "cpu",
    precision: Precision = "auto",
) -> GraphRuntime:
    """A graph ready to run.

    pixels, outputs: see `GraphRuntime`. input_size: (w, h) of the images, as of the file or another one.

    Raises ValueError for a file that is no graph or takes no images, an input of another size if ONNX Runtime runs it,
    and as `resolve_runtime`; ImportError without a library that runs it.
    """
    check_stated_types(path, precision)
    taken = graph_input(read_ports(path).inputs)
    name = graph_runtime(path, runtime, device, precision)
    if name == "onnx":
        return GraphRuntime(_open_onnx(path, taken, input_size, device), taken, pixels, outputs)
    from pose_track.runtime.openvino_runtime import CompiledNetwork

    batch = taken.batch or 1
    sides = (input_size[1], input_size[0])
    shape = (batch, *sides, 3) if taken.channels_last else (batch, 3, *sides)
    spec = ModelSpec(_no_weights, f"graph-{path.stem} {graph_sha256(path)}", path, None, shape)
    network = CompiledNetwork(spec, precision)
    network.prepare()
    return GraphRuntime(network, taken._replace(batch=batch), pixels, outputs)


def graph_runtime(path: Path, runtime: RuntimeName, device: str, precision: Precision = "auto") -> RuntimeName:
    """What runs a graph: "openvino" or "onnx". "auto" is OpenVINO on a CPU where it is installed.

    Raises ValueError for PyTorch, which runs no graphs, and for an OpenVINO file with ONNX Runtime; and as
    `resolve_runtime`.
    """
    if runtime == "torch":
        raise ValueError(f"{str(path)!r} is a graph, which PyTorch does not run; use runtime openvino or onnx")
    if runtime == "auto":
        is_compiled = device == "cpu" and not missing_modules("openvino")
        runtime = "openvino" if is_compiled or is_openvino_file(path) else "onnx"
    if runtime == "onnx" and is_openvino_file(path):
        raise ValueError(f"{str(path)!r} is an OpenVINO file; use runtime openvino, or give an ONNX file")
    return resolve_runtime(runtime, device, precision)


def graph_sha256(path: Path) -> str:
    """The hash of a graph and its weights, which OpenVINO keeps in a second file."""
    weights = path.with_suffix(".bin")
    is_apart = is_openvino_file(path) and weights.is_file()
    return file_sha256(path) + (file_sha256(weights) if is_apart else "")


def read_ports(path: Path) -> GraphPorts:
    """The ports of a graph. Raises FileNotFoundError; ValueError for a file that is none or is cut short; ImportError
    without a library that reads it."""
    stat = path.stat()
    return _read_ports(path, stat.st_mtime_ns, stat.st_size)


def sized_outputs(path: Path, size: tuple[int, int]) -> tuple[Port, ...]:
    """The outputs of a graph for one image of `size` (w, h), by running it once where the file does not state them.

    Raises as `open_graph`.
    """
    ports = read_ports(path)
    taken = graph_input(ports.inputs)
    if taken.size == size and not any(None in port.shape[1:] for port in ports.outputs):
        return ports.outputs
    run = open_graph(path, "rgb_255", range(len(ports.outputs)), size)
    arrays = run(np.zeros((1, size[1], size[0], 3), np.uint8))
    shapes = zip(ports.outputs, arrays, strict=True)
    return tuple(port._replace(shape=_known(port.shape, array.shape)) for port, array in shapes)


def _known(stated: tuple[int | None, ...], found: tuple[int, ...]) -> tuple[int | None, ...]:
    """A shape with the lengths that were found; where nobody was, the length remains unknown."""
    if len(stated) != len(found):
        return found
    return tuple(a if b == 0 else b for a, b in zip(stated, found, strict=True))


@lru_cache(maxsize=8)
def _read_ports(path: Path, mtime: int, size: int) -> GraphPorts:
    """mtime, size: of the file, which may be replaced."""
    if is_openvino_file(path) or not missing_modules("openvino"):
        if missing_modules("openvino"):
            raise ImportError(f"{str(path)!r} needs openvino; pip install openvino, or give an ONNX file")
        return _openvino_ports(path)
    require("onnxruntime", purpose=f"running {str(path)!r}")
    return _onnx_ports(path)


def _openvino_ports(path: Path) -> GraphPorts:
    from pose_track.runtime.openvino_compile import core

    try:
        model = core().read_model(path)
    except Exception as error:  # OpenVINO's errors share no class
        _refuse(path, error)

    def port(one: object) -> Port:
        shape = tuple(d.get_length() if d.is_static else None for d in one.get_partial_shape())  # type: ignore[attr-defined]
        names = sorted(one.get_names()) or [""]  # type: ignore[attr-defined]
        return Port(names[0], shape, np.dtype(one.get_element_type().to_dtype()).name)  # type: ignore[attr-defined]

    return GraphPorts(tuple(map(port, model.inputs)), tuple(map(port, model.outputs)))


def _onnx_ports(path: Path) -> GraphPorts:
    from pose_track.runtime.onnx_runtime import open_session

    try:
        session = open_session(os.fspath(path), optimise=False)
    except Exception as error:  # ONNX Runtime's errors share no class
        _refuse(path, error)

    def port(one: object) -> Port:
        shape = tuple(side if isinstance(side, int) else None for side in one.shape)  # type: ignore[attr-defined]
        dtype = one.type  # type: ignore[attr-defined]
        return Port(one.name, shape, _ONNX_TYPES.get(dtype, dtype.removeprefix("tensor(").rstrip(")")))  # type: ignore[attr-defined]

    return GraphPorts(tuple(map(port, session.get_inputs())), tuple(map(port, session.get_outputs())))


def _refuse(path: Path, error: Exception) -> NoReturn:
    reason = " ".join(_PLACES.sub("", str(error)).split())[:160]
    raise ValueError(f"{str(path)!r} is no network that can be read, or is cut short ({reason})") from error


def _open_onnx(path: Path, taken: GraphInput, size: tuple[int, int], device: str) -> _Network:
    from pose_track.runtime.onnx_runtime import SessionNetwork, open_session

    if taken.size not in (None, size):
        raise ValueError(f"ONNX Runtime runs {str(path)!r} at {taken.size} only, not {size}; use runtime openvino")
    return SessionNetwork(open_session(os.fspath(path), device=device), device=device)


def _no_weights() -> NoReturn:
    raise AssertionError("a graph is read from its file")
