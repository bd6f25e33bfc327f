"""Networks compiled by OpenVINO for a CPU. PyTorch is needed only to convert a network that is neither cached nor an
ONNX file."""

from __future__ import annotations

import io
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import openvino as ov

from pose_track.runtime.cache import code_hash, entry_name, load_entry, store_entry
from pose_track.runtime.model_spec import ModelSpec, Precision
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


@cache
def core() -> ov.Core:
    """OpenVINO's registry of devices; the second network compiles faster in the same one."""
    return ov.Core()


def resolve_precision(precision: Precision) -> str:
    """The type that a network calculates in: "auto" is OpenVINO's choice on this processor, "float32", "bfloat16" or
    "float16". Raises ValueError for bfloat16 on a processor without it, where OpenVINO would silently use float32."""
    if precision == "bfloat16" and not has_bfloat16():
        raise ValueError("precision 'bfloat16' needs a CPU with AMX or AVX512-BF16; use 'float32'")
    own = core().get_property("CPU", "INFERENCE_PRECISION_HINT").get_type_name()
    return _PRECISIONS[own] if precision == "auto" else precision


def precision_config(precision: Precision) -> dict[str, object]:
    """The properties that make OpenVINO calculate in a precision."""
    return {"INFERENCE_PRECISION_HINT": _HINTS[precision]} if precision in _HINTS else {}


def has_bfloat16() -> bool:
    """Whether OpenVINO calculates in bfloat16 on this processor."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


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
    graph = "" if spec.onnx is None else f"{file_sha256(spec.onnx)} {spec.num_outputs}"
    network = f"{spec.key}, onnx {graph}, shape {spec.input_shape}"
    return f"{network}, openvino {ov.__version__}, code {code_hash()}, {config}, {processor}"


def _write(path: Path, compiled: ov.CompiledModel) -> None:
    stream = io.BytesIO()
    compiled.export_model(stream)
    path.write_bytes(stream.getvalue())


def load_model(spec: ModelSpec) -> ov.Model:
    """The network as an OpenVINO model, from its ONNX file or converted."""
    model = convert(spec) if spec.onnx is None else core().read_model(spec.onnx)
    if spec.input_shape is not None:
        model.reshape(list(spec.input_shape))
    return model if spec.onnx is None else _first_outputs(model, spec.num_outputs)


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
