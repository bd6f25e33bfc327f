"""Intermediate outputs of a published network, in ONNX or OpenVINO's format, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov

from pose_track.runtime.openvino_compile import core
from pose_track.structures.arrays import Float32Array


class IntermediateOutputs:
    """Runs a network up to some of its tensors.

    Args:
        path: an ONNX file, or the .xml file of OpenVINO's format. The network has one input, (1, 3, side, side).
        names: of the tensors.
        side: height and width of the images that it is to get, in pixels.
        threads: CPU threads; 0 for all cores.

    Attributes:
        shapes: (C, h, w) of each tensor.

    Raises FileNotFoundError, or ValueError for a file that is not such a network or lacks a tensor.
    """

    def __init__(self, path: Path, names: Sequence[str], side: int, threads: int = 0):
        if not path.is_file():
            raise FileNotFoundError(
                f"no network {str(path)!r}; give an ONNX file, or the .xml file of OpenVINO's format"
            )
        try:
            model = core().read_model(path)
            model.reshape([1, 3, side, side])
            tensors = [port.output(0) if isinstance(port, ov.Node) else port for port in model.add_outputs(list(names))]
            model = ov.Model(tensors, model.get_parameters())
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"{str(path)!r} is not a network for images of {side}x{side} pixels with the tensors "
                f"{', '.join(names)}; correct detector.teacher ({reason})"
            ) from error
        hints = {"INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
        self._request = core().compile_model(model, "CPU", hints).create_infer_request()
        self.shapes = [tuple(tensor.shape)[1:] for tensor in model.outputs]

    def __call__(self, images: Float32Array) -> list[Float32Array]:
        """Each tensor, (B, C, h, w), of images (B, 3, side, side) float32."""
        batches = [self._request.infer(image[None]).to_tuple() for image in np.ascontiguousarray(images)]
        return [np.concatenate(tensor) for tensor in zip(*batches, strict=True)]

    def __deepcopy__(self, _memo: dict[int, Any]) -> IntermediateOutputs:
        return self  # nothing in it changes; a copy of a network that imitates it shares it
