"""What an exported network is known by, without ONNX Runtime."""

from __future__ import annotations

EXPORTED_SUFFIX = ".onnx"
OPSET = 17  # understood since ONNX Runtime 1.12 and TensorRT 8.5, and written by every version of PyTorch from 2.4 on
FORM = "form"  # the note that tells what goes in and comes out
DECODED = ("crops to joints", "crops to joints and looks")  # the forms that read their heatmaps themselves
RUNNABLE = ("crops to heatmaps", "crops to heatmaps and looks", *DECODED)  # the forms that take bytes, as a `Runtime`


MARKS = frozenset({"network", "skeleton", "input_size", "kind"})  # the notes by which our own files are known
