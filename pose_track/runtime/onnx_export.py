"""Writing a PyTorch network as an ONNX file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pose_track.runtime.exported import OPSET

if TYPE_CHECKING:
    from torch import Tensor, nn


def to_onnx(
    network: nn.Module,
    example: Tensor,
    input_name: str,
    output_names: Sequence[str],
    open_sides: Mapping[str, Mapping[int, str]],
    opset: int = OPSET,
) -> bytes:
    """A network as an ONNX file. example: an input that it is traced with; open_sides: by input or output, the
    dimensions that may have any length, and what they are called in the file.

    By PyTorch's exporter of traced networks. The one that is to succeed it fixes the batch of a network with flip test,
    where it is halved, to that of the example, and its files of opset 17 are not valid (PyTorch 2.15, onnxscript 0.7).
    """
    import torch

    file = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        # sizes other than open ones are constants
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            network.eval(),
            (example,),
            file,  # type: ignore[arg-type]  # an open file does for this exporter
            input_names=[input_name],
            output_names=list(output_names),
            dynamic_axes={name: dict(sides) for name, sides in open_sides.items()},
            opset_version=opset,
            dynamo=False,
        )
    return file.getvalue()
