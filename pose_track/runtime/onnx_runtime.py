"""How a network is run with ONNX Runtime, on a CPU; without PyTorch but for the first time, or at all where it was
exported to a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from pose_track.runtime.cache import code_hash, entry_name, keep, read_kept
from pose_track.runtime.exported import FORM, MARKS, OPSET, RUNNABLE
from pose_track.runtime.model_spec import ModelSpec, check_images
from pose_track.utils.cache_dir import cache_folder

if TYPE_CHECKING:
    pass
from pose_track.runtime.onnx_export import to_onnx

_EXAMPLE = (2, 64, 64, 3)  # the size of the pictures a network is traced with; it runs with any
_FILE = "model.onnx"
_ERRORS_ONLY = 3  # of the levels of what is logged

ort.disable_telemetry_events()


class SessionRuntime:
    """A network that ONNX Runtime has loaded, run on all cores of the CPU in float32; see `Runtime`. It may be called
    from several threads at once."""

    device = "cpu"
    precision = "float32"

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0]

    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        check_images(images)
        self._check_size(images.shape)
        return tuple(self._session.run(None, {self._input.name: np.ascontiguousarray(images)}))

    def _check_size(self, shape: tuple[int, ...]) -> None:
        """A network that was exported to a file takes crops of one size; an open length has a name there."""
        wanted = self._input.shape
        if any(isinstance(side, int) and side != given for side, given in zip(wanted, shape, strict=True)):
            raise ValueError(f"images must be {tuple(wanted)}, got {shape}")


class OnnxRuntime(SessionRuntime):
    """A network run by ONNX Runtime, which the exported network is kept for in `cache_folder()`; where it is there,
    `plan.make` is not called."""

    def __init__(self, plan: ModelSpec) -> None:
        super().__init__(_load(plan))


def open_exported(path: str | os.PathLike[str]) -> SessionRuntime:
    """The network in a file that `tools/export_model.py` made, ready to run.

    Raises FileNotFoundError; ValueError where it is no such file, is cut short, or was exported in a form that does not
    take uint8 crops.
    """
    form = exported_notes(path)[FORM]
    if form not in RUNNABLE:
        raise ValueError(
            f"{str(path)!r} was exported as {form!r} and cannot be an estimator; export it again without "
            "--no-preprocessing"
        )
    return SessionRuntime(_open_file(path))


def exported_notes(path: str | os.PathLike[str]) -> dict[str, str]:
    """What a file that `tools/export_model.py` made tells about its network, see `export.job`. Raises as
    `open_exported`, but for the form."""
    notes = dict(_open_file(path, optimise=False).get_modelmeta().custom_metadata_map)
    if not notes.keys() >= MARKS | {FORM}:
        raise ValueError(f"{str(path)!r} was not exported by tools/export_model.py; give a file that was")
    return notes


def open_session(model: str | bytes, optimise: bool = True) -> ort.InferenceSession:
    """A network from the path of a file or its content. optimise: for running; only its notes can be read faster.

    Its threads sleep when there is nothing to do, for other stages want the cores, too.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = _usable_cores()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    if not optimise:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open_file(path: str | os.PathLike[str], optimise: bool = True) -> ort.InferenceSession:
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no exported network {str(path)!r}; make it with tools/export_model.py")
    try:
        return open_session(os.fspath(path), optimise)
    except Exception as error:  # the reader's errors share no class
        reason = " ".join(str(error).split())[:160]
        raise ValueError(
            f"{str(path)!r} is not an ONNX file, is cut short, or ONNX Runtime cannot run what was changed in it; "
            f"export it again ({reason})"
        ) from error


def _load(plan: ModelSpec) -> ort.InferenceSession:
    """From the cache, or exported and kept there."""
    entry = cache_folder() / "onnx" / entry_name(f"{plan.key}, opset {OPSET}, code {code_hash()}")
    kept = read_kept(entry, lambda folder: open_session(str(folder / _FILE)))
    if kept is not None:
        return kept
    model = convert(plan)
    keep(entry, lambda folder: _write(folder / _FILE, model))
    return open_session(model)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def convert(plan: ModelSpec) -> bytes:
    """The network as an ONNX file, for batches and pictures of any size; it takes seconds."""
    import torch

    network, pictures = plan.make().eval(), torch.zeros(_EXAMPLE, dtype=torch.uint8)
    with torch.no_grad():
        names = [f"output_{n}" for n in range(len(network(pictures)))]
    sides = {"pictures": {0: "batch", 1: "height", 2: "width"}}
    sides |= {name: {0: "batch", 2: f"{name}_height", 3: f"{name}_width"} for name in names}
    return to_onnx(network, pictures, "pictures", names, sides)
