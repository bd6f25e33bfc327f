"""PyTorch networks as ONNX files."""

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
    dynamic_axes: Mapping[str, Mapping[int, str]],
    opset: int = OPSET,
    fold_batch_norms: bool = True,
) -> bytes:
    """A network as the content of an ONNX file, written by PyTorch's exporter of traced networks.

    The newer exporter fixes the batch size of a network with flip test to that of the example, and its files of opset
    17 are invalid (PyTorch 2.15, onnxscript 0.7).

    Args:
        example: an input to trace the network with.
        dynamic_axes: the dimensions of any length, by input or output, and their names in the file.
        fold_batch_norms: fold each batch norm into the convolution before it. Without, the weights in the file are the
            network's own, under their own names.
    """
    import torch
    from torch.onnx import TrainingMode

    file = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", "It is recommended that constant folding be turned off", UserWarning)
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # type: ignore[attr-defined]  # fixed sizes
        torch.onnx.export(
            network.eval(),
            (example,),
            file,  # type: ignore[arg-type]  # this exporter accepts an open file
            input_names=[input_name],
            output_names=list(output_names),
            dynamic_axes={name: dict(axes) for name, axes in dynamic_axes.items()},
            opset_version=opset,
            training=TrainingMode.EVAL if fold_batch_norms else TrainingMode.PRESERVE,
            dynamo=False,
        )
    return file.getvalue()
