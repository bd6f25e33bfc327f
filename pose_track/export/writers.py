"""ONNX and OpenVINO files of networks, with metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from pose_track.runtime.exported import INPUT

if TYPE_CHECKING:
    from pose_track.export.network import ExportedNetwork

Target = Literal["onnx", "openvino"]
RunExported = Callable[[NDArray[Any]], tuple[NDArray[Any], ...]]
Write = Callable[["ExportedNetwork", Path, Mapping[str, str]], Path]
SUFFIXES: dict[Target, tuple[str, ...]] = {"onnx": (".onnx",), "openvino": (".xml", ".bin")}
RT_INFO = "pose_track"  # the section of OpenVINO's runtime information that holds the metadata


def write_onnx(network: ExportedNetwork, stem: Path, metadata: Mapping[str, str]) -> Path:
    """Write `stem`.onnx for batches of any size and return its path. metadata: its "opset" is the file's opset."""
    import onnx

    from pose_track.runtime.onnx_export import to_onnx

    names = network.form.outputs
    axes = {name: {0: "batch"} for name in (INPUT, *names)}
    content = to_onnx(network, network.example(), INPUT, names, axes, int(metadata["opset"]))
    model = onnx.load_from_string(content)
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    path = stem.with_name(stem.name + SUFFIXES["onnx"][0])
    onnx.save(model, path)
    return path


def write_openvino(network: ExportedNetwork, stem: Path, metadata: Mapping[str, str]) -> Path:
    """Write `stem`.xml and `stem`.bin for batches of any size, in float32, and return the path of the former. The
    metadata become runtime information in the section "pose_track"."""
    import openvino as ov

    from pose_track.runtime.openvino_compile import save_model, to_openvino

    example = network.example()
    model: ov.Model = to_openvino(network, example, (-1, *example.shape[1:]))
    for port, name in zip([*model.inputs, *model.outputs], (INPUT, *network.form.outputs), strict=True):
        port.get_tensor().set_names({name})
    for key, text in metadata.items():
        model.set_rt_info(text, [RT_INFO, key])
    path = stem.with_name(stem.name + SUFFIXES["openvino"][0])
    save_model(model, path)
    return path


WRITERS: dict[Target, Write] = {"onnx": write_onnx, "openvino": write_openvino}


def open_onnx(path: Path) -> RunExported:
    """An exported ONNX file, ready to run in float32."""
    from pose_track.runtime.onnx_runtime import open_session

    session = open_session(str(path))
    return lambda crops: tuple(session.run(None, {INPUT: crops}))


def open_openvino(path: Path) -> RunExported:
    """An exported OpenVINO file, ready to run in float32. OpenVINO's own choice may be bfloat16, whose rounding would
    hide errors of the file."""
    from pose_track.runtime.openvino_compile import core, precision_config

    compiled = core().compile_model(path, "CPU", precision_config("float32"))
    return lambda crops: tuple(compiled(crops).to_tuple())


def open_natively(path: Path) -> tuple[RunExported, str] | None:
    """An exported OpenVINO file, ready to run in the type that OpenVINO chooses on this processor, and that type; None
    for float32."""
    from pose_track.runtime.openvino_compile import core, resolve_precision

    precision = resolve_precision("auto")
    if precision == "float32":
        return None
    compiled = core().compile_model(path, "CPU")
    return lambda crops: tuple(compiled(crops).to_tuple()), precision


OPENERS: dict[Target, Callable[[Path], RunExported]] = {"onnx": open_onnx, "openvino": open_openvino}
