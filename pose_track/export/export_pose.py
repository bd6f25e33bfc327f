"""Export of a keypoint network. The file is written only if it finds the same joints as the network."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from pose_track.build.networks import PoseNetwork, pose_network
from pose_track.build.specs import build_pose_network
from pose_track.config.networks import PoseSettings
from pose_track.export.sample_crops import crops_of_people
from pose_track.export.verify import Difference, measure_difference
from pose_track.export.writers import OPENERS, SUFFIXES, WRITERS, RunExported, Target, open_natively
from pose_track.runtime.exported import OPSET, ExportForm, exported_properties
from pose_track.structures.arrays import Float32Array, ImageArray
from pose_track.utils.extras import require
from pose_track.utils.hashing import file_sha256
from pose_track.utils.overwrite import check_overwrite

if TYPE_CHECKING:
    from pose_track.export.network import ExportedNetwork

OPSETS = range(13, 21)  # those that PyTorch's exporter of traced networks writes and that can express the decoding
BATCH_SIZES = (1, 5)
"""The batch sizes at which an exported network is verified; none is that of tracing."""
_MODULES: dict[Target, tuple[str, ...]] = {"onnx": ("torch", "onnx", "onnxruntime"), "openvino": ("torch", "openvino")}


@dataclass(frozen=True)
class Export:
    """The result of an export.

    Args:
        files: the written files.
        metadata: of the files.
        difference: to the PyTorch network, calculated in float32.
        seconds: time to convert and write.
        native: the type that OpenVINO chooses on this processor and the difference in it; None for float32.
    """

    files: tuple[Path, ...]
    metadata: dict[str, str]
    difference: Difference
    seconds: float
    native: tuple[str, Difference] | None = None

    def describe(self) -> list[str]:
        """Lines for display."""
        size = sum(file.stat().st_size for file in self.files) / 1e6
        lines = [
            f"{' and '.join(map(str, self.files))}: {size:.1f} MB, written in {self.seconds:.1f} s",
            *(f"  {key}: {text}" for key, text in self.metadata.items()),
            f"verified in float32: {self._describe(self.difference)}",
            f"joints compared: {self.difference.num_compared}, left out because they depend on rounding: "
            f"{self.difference.num_unstable}; batch sizes: {', '.join(map(str, BATCH_SIZES))}",
        ]
        return lines if self.native is None else [*lines, f"run in {self.native[0]}: {self._describe(self.native[1])}"]

    def _describe(self, difference: Difference) -> str:
        joint = self.metadata["joints"].split(",")[difference.joint]
        return (
            f"joints differ by up to {difference.pixels:.2g} px ({joint}, batch size {difference.batch_size}), "
            f"other outputs by up to {difference.share:.1e} of their greatest value"
        )


def export_pose(
    settings: PoseSettings,
    out: Path,
    target: Target = "onnx",
    form: ExportForm | None = None,
    opset: int | None = None,
    images: Path | None = None,
    overwrite: bool = False,
) -> Export:
    """Write the keypoint network of the settings into the folder `out`, once it is verified on crops of people.

    Args:
        form: None for uint8 crops to heatmaps. The average over `pose.scales` is in no form.
        opset: of ONNX; None for 17.
        images: see `crops_of_people`.

    Raises FileNotFoundError; FileExistsError; ImportError where a package is not installed; ValueError where the
    exported network differs or cannot be verified. Nothing is written then.
    """
    require(*_MODULES[target], purpose=f"export to {target}")
    form, network = form or ExportForm(), pose_network(settings)
    if network.exported is not None:
        raise ValueError(f"{settings.weights!r} is an exported network; give the weights that it was exported from")
    if form.decodes and settings.scales != (1.0,):
        raise ValueError(
            f"pose.scales {list(settings.scales)} averages heatmaps, which --decode does not return; leave one out"
        )
    metadata = describe(network, settings, form) | _opset_metadata(target, opset)
    stem = f"{metadata['network']}_{metadata['skeleton']}_{metadata['input_size']}"
    _check_out(out, [stem + suffix for suffix in SUFFIXES[target]], overwrite)
    crops = crops_of_people(images, network.codec, settings.padding, max(BATCH_SIZES))
    return write_verified(build_network(network, settings, form), out, stem, target, metadata, crops)


def _opset_metadata(target: Target, opset: int | None) -> dict[str, str]:
    if target != "onnx":
        if opset is not None:
            raise ValueError(f"opset {opset} has no effect on {target}; leave it out")
        return {}
    if opset not in (None, *OPSETS):
        raise ValueError(f"opset must be {OPSETS[0]} to {OPSETS[-1]}, got {opset!r}")
    return {"opset": str(opset or OPSET)}


def _check_out(out: Path, names: list[str], overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{str(out)!r} is a file; give a folder as --out")
    check_overwrite([out / name for name in names], overwrite)


def build_network(network: PoseNetwork, settings: PoseSettings, form: ExportForm) -> ExportedNetwork:
    """The network of the settings in the form of the export."""
    from pose_track.export.network import ExportedNetwork

    model = build_pose_network(network, settings.flip_test, form.has_appearance)
    return ExportedNetwork(model, network.codec, form).eval()


def describe(network: PoseNetwork, settings: PoseSettings, form: ExportForm) -> dict[str, str]:
    """The metadata of the exported file."""
    from pose_track.weights.identify import identify_weights

    return exported_properties(
        identify_weights(network.path).network or "hrnet",
        network.skeleton,
        network.codec,
        form,
        settings.flip_test,
        file_sha256(network.path),
    )


def write_verified(
    network: ExportedNetwork, out: Path, stem: str, target: Target, metadata: dict[str, str], crops: ImageArray
) -> Export:
    """Write a network as `stem` into the folder `out` if the file finds the same joints in crops (B, h, w, 3) uint8
    RGB. Otherwise raises ValueError and writes nothing."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".part-", dir=out) as temporary:
        started = time.perf_counter()
        path = WRITERS[target](network, Path(temporary) / stem, metadata)
        seconds = time.perf_counter() - started
        difference, native = verify(network, path, target, crops)
        names = sorted(part.name for part in Path(temporary).iterdir())
        for name in names:
            os.replace(Path(temporary) / name, out / name)
    return Export(tuple(out / name for name in names), metadata, difference, seconds, native)


def verify(
    network: ExportedNetwork, path: Path, target: Target, crops: ImageArray
) -> tuple[Difference, tuple[str, Difference] | None]:
    """The difference between an exported file and the PyTorch network on crops (B, h, w, 3) uint8 RGB, in float32; and
    where OpenVINO chooses another type on this processor, that type and the difference in it.

    Raises ValueError where the difference in float32 is too great.
    """
    inputs, expected = _reference(network, crops)

    def measure(run: RunExported) -> Difference:
        return measure_difference(run, inputs, expected, network.codec, network.form, BATCH_SIZES)

    difference = measure(OPENERS[target](path))
    difference.check()
    native = open_natively(path) if target == "openvino" else None
    return difference, None if native is None else (native[1], measure(native[0]))


def _reference(network: ExportedNetwork, crops: ImageArray) -> tuple[NDArray[Any], list[Float32Array]]:
    """The crops as the network takes them, and the maps that it returns."""
    import torch

    from pose_track.models.inference_model import Normalize

    inputs = torch.from_numpy(crops)
    if not network.form.has_preprocessing:
        inputs = Normalize()(inputs.permute(0, 3, 1, 2)).contiguous()
    with torch.inference_mode():
        return inputs.numpy(), [maps.numpy() for maps in network.maps(inputs)]
