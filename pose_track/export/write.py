"""Networks as files of ONNX and OpenVINO, with notes of what they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from pose_track.export.form import INPUT

if TYPE_CHECKING:
    from pose_track.export.network import ExportedNetwork

Target = Literal["onnx", "openvino"]
Run = Callable[[NDArray[Any]], tuple[NDArray[Any], ...]]
Write = Callable[["ExportedNetwork", Path, Mapping[str, str]], Path]
SUFFIXES: dict[Target, tuple[str, ...]] = {"onnx": (".onnx",), "openvino": (".xml", ".bin")}
RT_INFO = "pose_track"  # the section of OpenVINO's runtime information that holds the notes


def write_onnx(network: ExportedNetwork, stem: Path, notes: Mapping[str, str]) -> Path:
    """Write `stem`.onnx, for batches of any number, with the notes, of which "opset" decides, as its metadata; return
    its path."""
    import onnx

    from pose_track.runtime.onnx_export import to_onnx

    names = network.form.outputs
    batch = {name: {0: "batch"} for name in (INPUT, *names)}
    model = onnx.load_from_string(to_onnx(network, network.example(), INPUT, names, batch, int(notes["opset"])))
    onnx.helper.set_model_props(model, dict(notes))
    onnx.checker.check_model(model, full_check=True)
    path = stem.with_name(stem.name + SUFFIXES["onnx"][0])
    onnx.save(model, path)
    return path


def write_openvino(network: ExportedNetwork, stem: Path, notes: Mapping[str, str]) -> Path:
    """Write `stem`.xml and `stem`.bin, for batches of any number, in float32, with the notes as runtime information in
    the section "pose_track"; return the path of the former."""
    import openvino as ov

    from pose_track.runtime.openvino_runtime import to_openvino

    example = network.example()
    model = to_openvino(network, example, (-1, *example.shape[1:]))
    for port, name in zip([*model.inputs, *model.outputs], (INPUT, *network.form.outputs), strict=True):
        port.get_tensor().set_names({name})
    for key, text in notes.items():
        model.set_rt_info(text, [RT_INFO, key])
    path = stem.with_name(stem.name + SUFFIXES["openvino"][0])
    ov.save_model(model, path, compress_to_fp16=False)
    return path


WRITERS: dict[Target, Write] = {"onnx": write_onnx, "openvino": write_openvino}


def open_onnx(path: Path) -> Run:
    """An exported file ready to run, in float32."""
    from pose_track.runtime.onnx_runtime import open_session

    session = open_session(str(path))
    return lambda crops: tuple(session.run(None, {INPUT: crops}))


def open_openvino(path: Path) -> Run:
    """An exported file ready to run, in float32: on processors with bfloat16 OpenVINO itself would choose that, whose
    rounding would hide what is wrong with a file."""
    import openvino as ov

    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda crops: tuple(compiled(crops).to_tuple())


def open_natively(path: Path) -> tuple[Run, str] | None:
    """A file of OpenVINO ready to run in the type that it chooses on this processor, and that; None for float32."""
    import openvino as ov

    from pose_track.runtime.openvino_runtime import precision_of

    if "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return None
    compiled = ov.Core().compile_model(path, "CPU")
    precision = precision_of(compiled)
    return None if precision == "float32" else (lambda crops: tuple(compiled(crops).to_tuple()), precision)


OPENERS: dict[Target, Callable[[Path], Run]] = {"onnx": open_onnx, "openvino": open_openvino}
