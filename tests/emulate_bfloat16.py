"""Networks as on a processor with bfloat16: `pytest -p emulate_bfloat16`.

Wherever a test leaves the precision open, OpenVINO is replaced by PyTorch's bfloat16 arithmetic. It is slow on other
processors and rounds as much as real hardware. A test that fails must pin the precision of what it does not compare.
"""

from __future__ import annotations

import numpy as np
import pytest

from pose_track.runtime import openvino_runtime, torch_runtime
from pose_track.runtime.model_spec import ModelSpec, Precision
from pose_track.runtime.openvino_runtime import OpenVinoRuntime
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.utils.extras import missing_modules

REAL_NETWORKS = ("centre_compact", "hrnet of")  # how their specifications' keys begin; stubs run as always


class RoundedRuntime(OpenVinoRuntime):
    """OpenVINO whose own choice is bfloat16."""

    def __init__(self, spec: ModelSpec, precision: Precision = "auto") -> None:
        super().__init__(spec, precision)
        self._rounded: TorchRuntime | None = None
        self._num_outputs = spec.num_outputs
        if precision == "auto" and spec.key.startswith(REAL_NETWORKS) and not missing_modules("torch"):
            self._rounded = TorchRuntime(spec.build(), "cpu", "bfloat16", fold=True)
            self.precision = "bfloat16"

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, ...]:
        return super().__call__(images) if self._rounded is None else self._rounded(images)[: self._num_outputs]


@pytest.fixture(scope="session", autouse=True)
def processor_with_bfloat16() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: True)
        patch.setattr(openvino_runtime, "OpenVinoRuntime", RoundedRuntime)
        yield
