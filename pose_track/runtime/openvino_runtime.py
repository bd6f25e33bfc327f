"""How a network is run with OpenVINO, on a CPU; without PyTorch but for the first time."""

from __future__ import annotations

import threading
import warnings
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from pose_track.runtime.cache import code_hash, entry_name, keep, read_kept
from pose_track.runtime.model_spec import ModelSpec, check_images
from pose_track.utils.cache_dir import cache_folder

if TYPE_CHECKING:
    from torch import Tensor, nn

EXAMPLE = (2, 64, 64, 3)  # the size of the pictures a network is traced with; it runs with any
_FILE = "model.xml"


class OpenVinoRuntime:
    """A network run by OpenVINO on all cores of the CPU; see `Runtime`. It may be called from several threads at once.

    Convolutions run in bfloat16 where the processor calculates in it (AMX or AVX512-BF16), which is OpenVINO's own
    choice, and in float32 elsewhere. The converted network is kept in `cache_folder()`; where it is there, `plan.make`
    is not called.
    """

    device = "cpu"

    def __init__(self, plan: ModelSpec) -> None:
        # One request at a time on all cores: as fast here as several at once on a core each, and sooner done. Threads
        # are not tied to cores, which other stages want, too.
        how = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        self._compiled = ov.Core().compile_model(load_model(plan), "CPU", how)
        self._of_thread = threading.local()
        self.precision = precision_of(self._compiled)

    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        check_images(images)
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._compiled.create_infer_request()
        batch = np.ascontiguousarray(images)
        outputs = self._of_thread.request.infer(batch, share_inputs=True)  # the outputs are copies
        return tuple(outputs.to_tuple())


def precision_of(compiled: ov.CompiledModel) -> str:
    """The type that a compiled network calculates in: "float32", "bfloat16" or "float16"."""
    kind = compiled.get_property("INFERENCE_PRECISION_HINT")
    return {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}[kind.get_type_name()]


def load_model(plan: ModelSpec) -> ov.Model:
    """The network as OpenVINO has it, from the cache, or converted and kept there."""
    entry = cache_folder() / "openvino" / entry_name(f"{plan.key}, openvino {ov.__version__}, code {code_hash()}")
    kept = read_kept(entry, lambda folder: ov.Core().read_model(folder / _FILE))
    if kept is not None:
        return kept
    model = convert(plan)
    keep(entry, lambda folder: ov.save_model(model, folder / _FILE, compress_to_fp16=False))
    return model


def convert(plan: ModelSpec) -> ov.Model:
    """The network in OpenVINO's terms, for batches and pictures of any size; it takes seconds."""
    import torch

    return to_openvino(plan.make(), torch.zeros(EXAMPLE, dtype=torch.uint8), (-1, -1, -1, 3))


def to_openvino(network: nn.Module, example: Tensor, shape: tuple[int, ...]) -> ov.Model:
    """A network in OpenVINO's terms. example: an input it is traced with; shape: of inputs that it is to run with, -1
    for any length."""
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit", FutureWarning)  # OpenVINO has nothing newer for any size
        # sizes other than open ones are constants
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        traced = torch.jit.trace(network.eval(), example, check_trace=False)  # type: ignore[no-untyped-call]  # slow check
        return ov.convert_model(traced, input=[ov.PartialShape(list(shape))])
