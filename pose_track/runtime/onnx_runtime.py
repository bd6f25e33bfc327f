"""Networks run by ONNX Runtime. PyTorch is needed only to export a network that is neither cached nor an ONNX file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from pose_track.runtime.cache import code_hash, entry_name, load_entry, store_entry
from pose_track.runtime.exported import OPSET, ExportedMetadata, parse_exported_metadata
from pose_track.runtime.model_spec import ModelSpec, Precision, check_images
from pose_track.runtime.onnx_export import to_onnx
from pose_track.runtime.onnx_providers import device_providers
from pose_track.structures.arrays import AnyArray, Float32Array, ImageArray
from pose_track.utils.cache_dir import cache_folder
from pose_track.utils.extras import require
from pose_track.utils.machine import usable_cores

_TRACE_SHAPE = (2, 64, 64, 3)  # of the images that a network is traced with; it runs with images of any size
_FILE = "model.onnx"
_ERRORS_ONLY = 3  # ONNX Runtime's log level

ort.disable_telemetry_events()


class SessionNetwork:
    """A network loaded by ONNX Runtime: see `run`. Several threads may call it at once.

    On a CPU it runs on all cores.

    Args:
        num_outputs: how many outputs to return, the first ones; None for all.
        device: that the session was opened for.
    """

    precision = "float32"  # or what the file states for each layer

    def __init__(self, session: ort.InferenceSession, num_outputs: int | None = None, device: str = "cpu") -> None:
        self._session = session
        self._input = session.get_inputs()[0]
        self._outputs = [output.name for output in session.get_outputs()][:num_outputs]
        self.device = device

    def run(self, inputs: Sequence[AnyArray]) -> list[tuple[Any, ...]]:
        """The outputs, arrays, of each input."""
        name = self._input.name
        return [tuple(self._session.run(self._outputs, {name: np.ascontiguousarray(one)})) for one in inputs]


class SessionRuntime(SessionNetwork):
    """A network of images loaded by ONNX Runtime; see `Runtime` and `SessionNetwork`."""

    def __call__(self, images: ImageArray) -> tuple[Float32Array, ...]:
        check_images(images)
        self._check_size(images.shape)
        return self.run([images])[0]

    def _check_size(self, shape: tuple[int, ...]) -> None:
        """An exported network takes crops of one size. A dimension of any length has a name instead of a number."""
        expected = self._input.shape
        if any(isinstance(side, int) and side != given for side, given in zip(expected, shape, strict=True)):
            raise ValueError(f"images must be {tuple(expected)}, got {shape}")


class OnnxRuntime(SessionRuntime):
    """A network run by ONNX Runtime.

    Args:
        spec: its ONNX file is loaded directly. A network without one is exported and stored in `cache_folder()`; where
            it is stored already, `spec.build` is not called.
        device: one that `device_providers` knows.
        precision: "int8" where `spec.onnx` is a graph in eight bits.
    """

    def __init__(self, spec: ModelSpec, device: str = "cpu", precision: Precision = "auto") -> None:
        super().__init__(_load(spec, device), spec.num_outputs, device)
        self.precision = "int8" if precision == "int8" else self.precision


def open_exported(path: str | os.PathLike[str], device: str = "cpu") -> SessionRuntime:
    """A network exported by `pose-track export`, ready to run. device: see `device_providers`.

    Raises FileNotFoundError; ValueError for a file that is no such network, is cut short, or takes no uint8 crops, and
    as `device_providers`.
    """
    if not exported_metadata(path).has_preprocessing:
        raise ValueError(
            f"{str(path)!r} takes normalised crops and cannot be an estimator; export it again without "
            "--no-preprocessing"
        )
    device_providers(device)  # an error of its own
    return SessionRuntime(_open_file(path, device=device), device=device)


def exported_metadata(path: str | os.PathLike[str]) -> ExportedMetadata:
    """The metadata of a network exported by `pose-track export`. Raises FileNotFoundError; ValueError for a file that
    is no such network or is cut short."""
    properties = _open_file(path, optimise=False).get_modelmeta().custom_metadata_map
    try:
        return parse_exported_metadata(properties)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} {error}") from None


def open_session(model: str | bytes, optimise: bool = True, device: str = "cpu") -> ort.InferenceSession:
    """A session of an ONNX file, given as its path or its content.

    Args:
        optimise: prepare the network for running. Reading only the metadata is faster without.
        device: see `device_providers`.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = usable_cores()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other stages use the cores too
    options.log_severity_level = _ERRORS_ONLY
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model, options, providers=device_providers(device))


def _open_file(path: str | os.PathLike[str], optimise: bool = True, device: str = "cpu") -> ort.InferenceSession:
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no exported network {str(path)!r}; write it with pose-track export")
    try:
        return open_session(os.fspath(path), optimise, device)
    except Exception as error:  # the readers' errors share no class
        reason = " ".join(str(error).split())[:160]
        raise ValueError(
            f"{str(path)!r} is not an ONNX file, is cut short, or has been changed so that ONNX Runtime cannot run it; "
            f"export it again ({reason})"
        ) from error


def _load(spec: ModelSpec, device: str) -> ort.InferenceSession:
    """A session from the ONNX file, from the cache, or exported and stored in the cache."""
    if spec.onnx is not None:
        return open_session(str(spec.onnx), device=device)
    entry = cache_folder() / "onnx" / entry_name(f"{spec.key}, opset {OPSET}, code {code_hash()}")
    cached = load_entry(entry, lambda folder: open_session(str(folder / _FILE), device=device))
    if cached is not None:
        return cached
    model = convert(spec)
    store_entry(entry, lambda folder: _write(folder / _FILE, model))
    return open_session(model, device=device)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def convert(spec: ModelSpec) -> bytes:
    """The network as the content of an ONNX file, for batches and images of any size; takes seconds. Raises ImportError
    without PyTorch."""
    require("torch", "onnx", purpose=f"converting {spec.key.split()[0]} for ONNX Runtime")
    import torch

    network, images = spec.build().eval(), torch.zeros(_TRACE_SHAPE, dtype=torch.uint8)
    with torch.no_grad():
        names = [f"output_{n}" for n in range(len(network(images)))]
    return to_onnx(network, images, "images", names, any_size_axes("images", names))


def any_size_axes(input_name: str, output_names: list[str]) -> dict[str, dict[int, str]]:
    """The dimensions of any length of a network that takes images (B, H, W, 3) and returns maps (B, C, h, w)."""
    axes = {input_name: {0: "batch", 1: "height", 2: "width"}}
    return axes | {name: {0: "batch", 2: f"{name}_height", 3: f"{name}_width"} for name in output_names}
