"""Networks run by OpenVINO on a CPU. PyTorch is needed only to convert a network that is neither cached nor an ONNX
file."""

from __future__ import annotations

import io
import threading
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov

from pose_track.runtime.cache import code_hash, entry_name, load_entry, store_entry
from pose_track.runtime.model_spec import ModelSpec, Precision, check_images
from pose_track.structures.arrays import AnyArray, Float32Array, ImageArray
from pose_track.utils.cache_dir import cache_folder
from pose_track.utils.extras import require
from pose_track.utils.hashing import file_sha256
from pose_track.utils.machine import processor_flags, processor_name

if TYPE_CHECKING:
    from torch import Tensor, nn

_TRACE_SHAPE = (2, 64, 64, 3)  # of the images that a network is traced with; it runs with images of any size
_FILE = "compiled.blob"
_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_PRECISIONS = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}


class CompiledNetwork:
    """A network run by OpenVINO on all cores of the CPU: see `run`. Several threads may call it at once.

    The compiled network is stored in `cache_folder()`. Where it is stored already, `spec.build` is not called.

    Args:
        spec: its ONNX file is compiled directly; a network without one is converted.
        precision: "auto" is OpenVINO's choice: bfloat16 on a processor that calculates in it (AMX or AVX512-BF16),
            otherwise float32. With "int8", `spec.onnx` is a graph in eight bits, and its floats are those of "auto".

    Raises ValueError for bfloat16 on a processor without it.
    """

    device = "cpu"

    def __init__(self, spec: ModelSpec, precision: Precision = "auto") -> None:
        # One request at a time on all cores: as fast as several at once on a core each, with less delay. Threads are
        # not pinned to cores, because other stages use the cores too.
        config: dict[str, object] = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        self._compiled = load_compiled(spec, config | precision_config(precision))
        self._thread_data = threading.local()
        self.precision = precision if precision == "int8" else compiled_precision(self._compiled)

    def run(self, batch: AnyArray) -> tuple[Any, ...]:
        """The outputs, arrays, for one input."""
        if not hasattr(self._thread_data, "request"):
            self._thread_data.request = self._compiled.create_infer_request()
        contiguous = np.ascontiguousarray(batch)
        outputs = self._thread_data.request.infer(contiguous, share_inputs=True)  # the outputs are copies
        return tuple(outputs.to_tuple())


class OpenVinoRuntime(CompiledNetwork):
    """A network of images run by OpenVINO; see `Runtime` and `CompiledNetwork`."""

    def __call__(self, images: ImageArray) -> tuple[Float32Array, ...]:
        check_images(images)
        return self.run(images)


@cache
def core() -> ov.Core:
    """OpenVINO's registry of devices; the second network compiles faster in the same one."""
    return ov.Core()


def precision_config(precision: Precision) -> dict[str, object]:
    """The properties that make OpenVINO calculate in a precision. Raises ValueError for bfloat16 on a processor without
    it, where OpenVINO would silently use float32."""
    if precision == "bfloat16" and not has_bfloat16():
        raise ValueError("precision 'bfloat16' needs a CPU with AMX or AVX512-BF16; use 'float32'")
    return {"INFERENCE_PRECISION_HINT": _HINTS[precision]} if precision in _HINTS else {}


def has_bfloat16() -> bool:
    """Whether OpenVINO calculates in bfloat16 on this processor."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def compiled_precision(compiled: ov.CompiledModel) -> str:
    """The type that a compiled network calculates in: "float32", "bfloat16" or "float16"."""
    return _PRECISIONS[compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()]


def load_compiled(spec: ModelSpec, config: dict[str, object]) -> ov.CompiledModel:
    """The compiled network from the cache, or compiled and stored in the cache. Compiling an ONNX file takes a few
    tenths of a second, converting a network takes seconds."""
    entry = cache_folder() / "openvino" / entry_name(_cache_key(spec, config))
    cached = load_entry(entry, lambda folder: core().import_model((folder / _FILE).read_bytes(), "CPU", config))
    if cached is not None:
        return cached
    compiled = core().compile_model(load_model(spec), "CPU", config)
    store_entry(entry, lambda folder: _write(folder / _FILE, compiled))
    return compiled


def _cache_key(spec: ModelSpec, config: dict[str, object]) -> str:
    """Whatever the compiled network depends on. A compiled network fits one kind of processor."""
    processor = f"{processor_name()} {' '.join(sorted(processor_flags()))}"
    graph = "" if spec.onnx is None else f"{file_sha256(spec.onnx)} {spec.num_outputs} {spec.input_shape}"
    return f"{spec.key}, onnx {graph}, openvino {ov.__version__}, code {code_hash()}, {config}, {processor}"


def _write(path: Path, compiled: ov.CompiledModel) -> None:
    stream = io.BytesIO()
    compiled.export_model(stream)
    path.write_bytes(stream.getvalue())


def load_model(spec: ModelSpec) -> ov.Model:
    """The network as an OpenVINO model, from its ONNX file or converted."""
    if spec.onnx is None:
        return convert(spec)
    model = core().read_model(spec.onnx)
    if spec.input_shape is not None:
        model.reshape(list(spec.input_shape))
    return _first_outputs(model, spec.num_outputs)


def _first_outputs(model: ov.Model, count: int | None) -> ov.Model:
    return model if count is None else ov.Model(model.get_results()[:count], model.get_parameters())


def save_model(model: ov.Model, path: Path) -> None:
    """Write an OpenVINO model with float32 weights."""
    ov.save_model(model, path, compress_to_fp16=False)


def convert(spec: ModelSpec) -> ov.Model:
    """The network as an OpenVINO model, for batches and images of any size; takes seconds. Raises ImportError without
    PyTorch."""
    require("torch", purpose=f"converting {spec.key.split()[0]} for OpenVINO")
    import torch

    return to_openvino(spec.build(), torch.zeros(_TRACE_SHAPE, dtype=torch.uint8), (-1, -1, -1, 3))


def to_openvino(network: nn.Module, example: Tensor, shape: tuple[int, ...]) -> ov.Model:
    """Convert a network to an OpenVINO model.

    Args:
        example: an input to trace the network with.
        shape: the shape of the input; -1 for a dimension of any length.
    """
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit", FutureWarning)  # OpenVINO has nothing newer for any size
        # fixed sizes become constants
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        traced = torch.jit.trace(network.eval(), example, check_trace=False)  # type: ignore[no-untyped-call]  # slow check
        return ov.convert_model(traced, input=[ov.PartialShape(list(shape))])
