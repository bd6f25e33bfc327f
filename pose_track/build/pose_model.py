"""How the keypoint network that the settings name is to be used: what its weights tell, and what is left to choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pose_track.config.settings import BUNDLED, PoseSettings
from pose_track.models.codec import Codec
from pose_track.runtime.exported import DECODED, EXPORTED_SUFFIX, FORM
from pose_track.structures.skeleton import SKELETONS, Skeleton
from pose_track.utils.hashing import file_sha256
from pose_track.weights.container import in_file
from pose_track.weights.metadata import parse_pose_metadata
from pose_track.weights.resolve import pose_weights
from pose_track.weights.zoo import (
    BUNDLED_POSE,
    LIST_COMMAND,
    ZOO,
    PublishedPoseWeights,
    PublishedWeights,
    find_published,
)

_FACTS = ("skeleton", "kind")  # which settings cannot change
_CHOICES = ("input_size", "sigma", "decoding")
_OPENVINO = (".xml", ".bin")
_NEEDED = {
    "skeleton": "{fitting}",
    "kind": "plain, dark or udp, as it was trained",
    "input_size": "'[192, 256]', say, w and h of its crops",
}


@dataclass(frozen=True)
class PoseModel:
    """A keypoint network in use. file: of its weights, or of the network itself where it was exported; skeleton: its
    joints; codec: how its crops are cut and its heatmaps read; about: what it was recognised as, in words;
    decodes: whether the network, an exported one, reads its heatmaps itself; lacks_embedding: whether such a one does not
    tell how people look."""

    file: Path
    skeleton: Skeleton
    codec: Codec
    about: str
    decodes: bool = False
    lacks_embedding: bool = False

    @property
    def is_exported(self) -> bool:
        return _is_exported(self.file)

    def notes(self) -> dict[str, str]:
        """What results tell of the network, beside the hash of its file."""
        size, sigma = "{}x{}".format(*self.codec.input_size), f"{self.codec.sigma:g}"
        trained = {"kind": self.codec.kind, "input_size": size, "sigma": sigma}
        return {"about": self.about, **trained, "decoding": self.codec.reading}


def pose_model(settings: PoseSettings) -> PoseModel:
    """The form that the weights tell, with what the settings choose.

    Raises FileNotFoundError; ConnectionError where published weights cannot be fetched; ValueError where the settings
    contradict the weights, or where neither tells all there is to know.
    """
    published = _published(settings.weights)
    file = pose_weights(settings)
    tell = _told_by_export if _is_exported(file) else _told_by_file
    told = _told_by_list(published, file) or tell(file, settings)
    for key in told.get("fixed", _FACTS):
        given = getattr(settings, key)
        if told.get(key) is not None and given not in (None, told[key]):
            remedy = "leave it out" + (", or rename the file, known by its name alone" if _by_name(published) else "")
            raise ValueError(f"pose.{key} {given} contradicts {settings.weights!r}, which is {told[key]}; {remedy}")
    given = {key: getattr(settings, key) for key in (*_FACTS, *_CHOICES)}
    known = {key: value for each in (told, given) for key, value in each.items() if value is not None}
    fitting = " or ".join(told.get("fitting", SKELETONS))
    missing = [f"--pose.{key} ({hint.format(fitting=fitting)})" for key, hint in _NEEDED.items() if key not in known]
    if missing:
        raise ValueError(f"{settings.weights!r} does not tell how it was trained; give {', '.join(missing)}")
    of_exported = {key: told[key] for key in ("decodes", "lacks_embedding") if key in told}
    return PoseModel(file, SKELETONS[known["skeleton"]], _codec(known), told["about"], **of_exported)


def _is_exported(file: Path) -> bool:
    return file.suffix.lower() == EXPORTED_SUFFIX


def _codec(known: Mapping[str, Any]) -> Codec:
    width, height = known["input_size"]
    sigma = known.get("sigma", height / 128)  # as published: 2 at 256, 3 at 384
    others = {key: known[key] for key in ("logits", "decoding", "blur") if key in known}
    return Codec(known["kind"], (width, height), sigma, **others)


def _published(given: str) -> PublishedPoseWeights | None:
    """The entry of the list of published weights that goes by this name, or by that of this file."""
    found: PublishedWeights | None = BUNDLED_POSE if given == BUNDLED else find_published(given)
    if found is not None and not isinstance(found, PublishedPoseWeights):
        raise ValueError(f"{given!r} is no keypoint network ({found.figure}); see {LIST_COMMAND}")
    return found


def _by_name(published: PublishedWeights | None) -> bool:
    """Whether a file counts as these published weights for its name, because no hash of them is known."""
    return published is not None and published.name in ZOO and not published.sha256


def _told_by_list(published: PublishedPoseWeights | None, file: Path) -> dict[str, Any]:
    """What is known of published weights; nothing of a file that only goes by their name."""
    if published is None or (published.name in ZOO and not file_sha256(file).startswith(published.sha256)):
        return {}
    return {
        **{key: getattr(published, key) for key in (*_FACTS, *_CHOICES, "blur")},
        "about": f"{published.name}: {published.figure}; {published.licence}",
    }


def _told_by_file(file: Path, settings: PoseSettings) -> dict[str, Any]:
    """What weights tell of themselves, and which skeletons have as many joints."""
    from pose_track.weights.identify import recognise

    if file.suffix.lower() in _OPENVINO and all(file.with_suffix(suffix).is_file() for suffix in _OPENVINO):
        raise ValueError(
            f"{settings.weights!r} is OpenVINO's, for other programs; give the weights it was made from, which "
            "OpenVINO runs here, too, or export it --to onnx"
        )
    found = recognise(file)
    fitting = [skeleton.name for skeleton in SKELETONS.values() if skeleton.num_joints == found.num_joints]
    if not fitting:
        known = ", ".join(SKELETONS)
        raise ValueError(f"{settings.weights!r} finds {found.num_joints} joints, which no skeleton has: {known}")
    told = {key: getattr(found, key) for key in ("skeleton", "kind", "input_size", "sigma", "logits", "blur")}
    return {**told, "fitting": fitting, "about": str(found)}


def _told_by_export(file: Path, settings: PoseSettings) -> dict[str, Any]:
    """What a network that was exported tells of itself."""
    if find_spec("onnxruntime") is None:
        raise ValueError(f"{settings.weights!r} is run by onnxruntime; pip install -e '.[onnx]', or give weights")
    from pose_track.runtime.onnx_runtime import exported_notes

    notes = exported_notes(file)
    if settings.flip_test and notes.get("flip_test") != "true":
        raise ValueError(f"{settings.weights!r} was exported without pose.flip_test; leave it out, or export it again")
    decodes = notes[FORM] in DECODED
    if decodes and settings.scales != (1.0,):
        raise ValueError(f"pose.scales has no effect on {settings.weights!r}, which was exported with --decode")
    with in_file(settings.weights):
        trained = parse_pose_metadata(notes)
    flip_test = " with flip test" if notes.get("flip_test") == "true" else ""
    return {
        **asdict(trained),
        "decoding": notes.get("decoding"),
        "about": f"an exported {notes['network']}{flip_test}, {notes[FORM]}",
        "decodes": decodes,
        "lacks_embedding": not notes[FORM].endswith("looks"),
        "fixed": (*_FACTS, *(_CHOICES if decodes else ("input_size",))),
    }
