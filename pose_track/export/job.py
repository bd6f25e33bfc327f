"""A keypoint network to a file that others can run, and the proof that it finds the same joints."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from pose_track.build.networks import pose_plan
from pose_track.build.pose_model import PoseModel, pose_model
from pose_track.config.settings import PoseSettings
from pose_track.export.check import Difference, difference
from pose_track.export.form import Form
from pose_track.export.people import SAMPLE, crops_of_people
from pose_track.export.write import OPENERS, SUFFIXES, WRITERS, Run, Target, open_natively
from pose_track.models.heatmaps import FloatArray
from pose_track.runtime.exported import FORM, OPSET
from pose_track.runtime.select import resolve_runtime
from pose_track.structures.frames import ImageArray
from pose_track.utils.hashing import file_sha256
from pose_track.utils.version import __version__
from pose_track.weights.metadata import pose_metadata

if TYPE_CHECKING:
    from pose_track.export.network import ExportedNetwork

OPSETS = range(13, 21)  # those that PyTorch's exporter of traced networks writes, and the decoding can be told in
BATCHES = (1, 5)
"""How many crops at once the exported network is tried on: others than that with which it was traced."""


@dataclass(frozen=True)
class Exported:
    """What came of an export. files: written; notes: what they tell; found: how much they differ, calculating in
    float32; seconds: converting and writing. native: the type the file will be run in here where that is another one,
    and how much it differs then."""

    files: tuple[Path, ...]
    notes: dict[str, str]
    found: Difference
    seconds: float
    native: tuple[str, Difference] | None = None

    def words(self) -> list[str]:
        """Lines for people."""
        size = sum(file.stat().st_size for file in self.files) / 1e6
        lines = [
            f"{' and '.join(map(str, self.files))}: {size:.1f} MB, made in {self.seconds:.1f} s",
            *(f"  {key}: {text}" for key, text in self.notes.items()),
            f"compared in float32: {self._told(self.found)}",
            f"joints compared: {self.found.compared}, left out because their place hangs on rounding: "
            f"{self.found.left_out}; crops at once: {', '.join(map(str, BATCHES))}",
        ]
        return lines if self.native is None else [*lines, f"run in {self.native[0]} here: {self._told(self.native[1])}"]

    def _told(self, found: Difference) -> str:
        joint = self.notes["joints"].split(",")[found.joint]
        return (
            f"joints differ by up to {found.pixels:.2g} px ({joint}, crops at once: {found.batch}), "
            f"other outputs by up to {found.share:.1e} of their greatest value"
        )


def export_pose(
    settings: PoseSettings,
    out: Path,
    target: Target = "onnx",
    form: Form | None = None,
    opset: int | None = None,
    images: Path | None = None,
    overwrite: bool = False,
) -> Exported:
    """Write the keypoint network of the settings into the folder `out`, once it was seen to find the same joints in
    crops of people.

    form: uint8 crops to heatmaps where none is given; the average over `pose.scales` is in none. opset: of ONNX, 17
    where not given. images: see `crops_of_people`; the sample where not given. Raises FileNotFoundError;
    FileExistsError where a file is there and is not to be replaced; ValueError where the runtime is not installed, or
    the exported network differs or cannot be compared; nothing is written then.
    """
    resolve_runtime(target, "cpu")
    wanted, of_network = form or Form(), pose_model(settings)
    if of_network.is_exported:
        raise ValueError(f"{settings.weights!r} is exported already; give the weights it was made from")
    if wanted.decoding and settings.scales != (1.0,):
        raise ValueError(
            f"pose.scales {list(settings.scales)} averages heatmaps, which --decode keeps in; leave one of them out"
        )
    notes = describe(of_network, settings, wanted) | _opset_note(target, opset)
    stem = f"{notes['network']}_{notes['skeleton']}_{notes['input_size']}"
    _check_free(out, [stem + suffix for suffix in SUFFIXES[target]], overwrite)
    crops = crops_of_people(images or SAMPLE, of_network.codec, settings.padding, max(BATCHES))
    network = build_network(of_network, settings, wanted)
    return write_checked(network, out, stem, target, notes, crops)


def _opset_note(target: Target, opset: int | None) -> dict[str, str]:
    if target != "onnx":
        if opset is not None:
            raise ValueError(f"opset {opset} is of ONNX and has no effect on {target}; leave it out")
        return {}
    if opset not in (None, *OPSETS):
        raise ValueError(f"opset must be {OPSETS[0]} to {OPSETS[-1]}, got {opset!r}")
    return {"opset": str(opset or OPSET)}


def _check_free(out: Path, names: Sequence[str], overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(f"{str(out)!r} is a file; give a folder as --out")
    there = [out / name for name in names if (out / name).exists()]
    if there and not overwrite:
        raise FileExistsError(f"{str(there[0])!r} is there already; give --overwrite to replace it, or another --out")


def build_network(of_network: PoseModel, settings: PoseSettings, form: Form) -> ExportedNetwork:
    """The network of the settings in the form it is to be exported in."""
    from pose_track.export.network import ExportedNetwork

    network = pose_plan(of_network, settings.flip_test, form.appearance).make()
    return ExportedNetwork(network, of_network.codec, form).eval()


def describe(of_network: PoseModel, settings: PoseSettings, form: Form) -> dict[str, str]:
    """The notes that travel with an exported network: all that is needed to feed it and to read what it gives."""
    from pose_track.weights.identify import recognise

    codec, skeleton = of_network.codec, of_network.skeleton
    return {
        **pose_metadata(recognise(of_network.file).network or "hrnet", skeleton.name, codec),
        FORM: str(form),
        "joints": ",".join(skeleton.joint_names),
        "decoding": codec.reading,
        "flip_test": str(settings.flip_test).lower(),
        "weights_sha256": file_sha256(of_network.file),
        "pose_track_version": __version__,
    }


def write_checked(
    network: ExportedNetwork, out: Path, stem: str, target: Target, notes: dict[str, str], crops: ImageArray
) -> Exported:
    """Write a network as `stem` into the folder `out` if it finds the same joints there, in crops (B, h, w, 3) uint8
    RGB. Raises ValueError where it does not; nothing is written then."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".part-", dir=out) as beside:
        started = time.perf_counter()
        path = WRITERS[target](network, Path(beside) / stem, notes)
        seconds = time.perf_counter() - started
        found, native = compare(network, path, target, crops)
        names = sorted(part.name for part in Path(beside).iterdir())
        for name in names:
            os.replace(Path(beside) / name, out / name)
    return Exported(tuple(out / name for name in names), notes, found, seconds, native)


def compare(
    network: ExportedNetwork, path: Path, target: Target, crops: ImageArray
) -> tuple[Difference, tuple[str, Difference] | None]:
    """How much the exported file differs from the network in PyTorch, on crops (B, h, w, 3) uint8 RGB, both calculating
    in float32; and if it will be run in another type here, that and how much it differs then. Raises ValueError where
    the former is too much."""
    given, expected = _reference(network, crops)

    def differs(run: Run) -> Difference:
        return difference(run, given, expected, network.codec, network.form, BATCHES)

    found = differs(OPENERS[target](path))
    found.check()
    native = open_natively(path) if target == "openvino" else None
    return found, None if native is None else (native[1], differs(native[0]))


def _reference(network: ExportedNetwork, crops: ImageArray) -> tuple[NDArray[Any], list[FloatArray]]:
    """The crops as the network takes them, and its maps."""
    import torch

    from pose_track.models.inference_model import Normalize

    given = torch.from_numpy(crops)
    if not network.form.preprocessing:
        given = Normalize()(given.permute(0, 3, 1, 2)).contiguous()
    with torch.inference_mode():
        return given.numpy(), [part.numpy() for part in network.maps(given)]
