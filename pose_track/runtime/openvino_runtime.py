"""How a network is run with OpenVINO, on a CPU; without PyTorch but for the first time."""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray

import pose_track.models
from pose_track.runtime.cache import cache_folder, entry_name, keep
from pose_track.runtime.plan import Plan, check_pictures

EXAMPLE = (2, 64, 64, 3)  # the size of the pictures a network is traced with; it runs with any
_FILE = "model.xml"

log = logging.getLogger(__name__)


class OpenVinoRuntime:
    """A network run by OpenVINO on all cores of the CPU; see `Runtime`. It may be called from several threads at once.

    Convolutions run in bfloat16 where the processor calculates in it (AMX or AVX512-BF16), which is OpenVINO's own
    choice, and in float32 elsewhere. The converted network is kept in `cache_folder()`; where it is there, `plan.make`
    is not called.
    """

    device = "cpu"

    def __init__(self, plan: Plan) -> None:
        # One request at a time on all cores: as fast here as several at once on a core each, and sooner done. Threads
        # are not tied to cores, which other stages want, too.
        how = {"PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
        self._compiled = ov.Core().compile_model(load_model(plan), "CPU", how)
        self._of_thread = threading.local()
        kind = self._compiled.get_property("INFERENCE_PRECISION_HINT")
        self.precision = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}[kind.get_type_name()]

    def __call__(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        check_pictures(images)
        if not hasattr(self._of_thread, "request"):
            self._of_thread.request = self._compiled.create_infer_request()
        batch = np.ascontiguousarray(images)
        outputs = self._of_thread.request.infer(batch, share_inputs=True)  # the outputs are copies
        return tuple(outputs.to_tuple())


def load_model(plan: Plan) -> ov.Model:
    """The network as OpenVINO has it, from the cache, or converted and kept there."""
    entry = cache_folder() / "openvino" / entry_name(f"{plan.key}, openvino {ov.__version__}, code {_code()}")
    if entry.is_dir():
        try:
            return ov.Core().read_model(entry / _FILE)
        except RuntimeError as error:
            log.warning("%s cannot be read and is made again (%s)", entry, " ".join(str(error).split()))
            shutil.rmtree(entry, ignore_errors=True)
    model = convert(plan)
    keep(entry, lambda folder: ov.save_model(model, folder / _FILE, compress_to_fp16=False))
    return model


def convert(plan: Plan) -> ov.Model:
    """The network in OpenVINO's terms, for batches and pictures of any size; it takes seconds."""
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit", FutureWarning)  # OpenVINO has nothing newer for any size
        pictures = torch.zeros(EXAMPLE, dtype=torch.uint8)
        network = plan.make().eval()
        traced = torch.jit.trace(network, pictures, check_trace=False)  # type: ignore[no-untyped-call]  # slow check
        return ov.convert_model(traced, input=[ov.PartialShape([-1, -1, -1, 3])])


@cache
def _code() -> str:
    """A hash of the modules that define the networks, whose change an unreleased version does not tell."""
    digest = hashlib.sha256()
    for path in sorted(Path(pose_track.models.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
