"""COCO's keypoint AP of a network, measured as the published figures were: on all pictures of val2017, in the
detections that everyone uses, with the flip test."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pose_track.build.networks import pose_plan
from pose_track.build.pose_model import PoseModel, pose_model
from pose_track.config.base import BaseSettings
from pose_track.config.settings import PoseSettings
from pose_track.datasets.annotations import read_json
from pose_track.datasets.coco import CocoFile, load_coco_people
from pose_track.datasets.images import ImageStore
from pose_track.evaluation.coco_keypoints import Entry, keypoint_figures
from pose_track.runtime.device import resolve_device
from pose_track.runtime.model_spec import Runtime
from pose_track.runtime.select import RuntimeName, make_runtime, resolve_runtime
from pose_track.runtime.torch_runtime import TorchRuntime
from pose_track.structures.skeleton import COCO_17
from pose_track.training.validation import (
    Candidate,
    coco_results,
    coco_truth,
    estimate_all,
    recorded_boxes,
    true_boxes,
)
from pose_track.utils.hashing import file_sha256
from pose_track.weights.zoo import PublishedPoseWeights, find_published

PLACES = {
    "annotations": "annotations/person_keypoints_val2017.json",
    "images": "val2017",
    "boxes": "COCO_val2017_detections_AP_H_56_person.json",
}
"""Where the parts of val2017 are expected, below the data set's folder."""

_SERVER = "http://images.cocodataset.org"
_SOURCES = {
    "annotations": f"it is in {_SERVER}/annotations/annotations_trainval2017.zip",
    "images": f"they are in {_SERVER}/zips/val2017.zip, which need not be unpacked",
    "boxes": "github.com/HRNet/HRNet-Human-Pose-Estimation links to it; or give --true-boxes",
}

PICTURES = 5000  # of val2017
PUBLISHED_PRECISION: Literal["float32"] = "float32"

USUAL = {"pose.flip_test": "true", "pose.max_oks": "0.9", "pose.max_batch": "32"}
"""What settings are here, unless others are asked for."""

AS_PUBLISHED = {
    **{"flip_test": True, "max_oks": 0.9, "padding": 1.25, "scales": (1.0,)},
    **dict.fromkeys(("input_size", "sigma", "decoding")),
}
"""The settings of a keypoint network in published measurements; None for what the weights tell."""


class CocoSettings(BaseSettings):
    """How it is measured; see `StageSettings` and `PoseSettings`."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    runtime: RuntimeName = "auto"
    pose: PoseSettings = PoseSettings()


class CocoData(NamedTuple):
    """annotations: a file in COCO format; images: folder or archive of its pictures, see `ImageStore`; boxes: a file of
    detections in COCO format, None for the annotated boxes."""

    annotations: Path
    images: Path
    boxes: Path | None


@dataclass(frozen=True, eq=False)
class CocoOutcome:
    """figures: COCO's ten, in [0, 1]; results: what was found, as entries of a COCO results file; about: how it was
    measured; published: AP in percent of these weights, None where that is not known; unlike: in what this differs from
    the published measurement, in words."""

    figures: dict[str, float]
    results: list[Entry]
    about: dict[str, Any]
    published: float | None
    unlike: tuple[str, ...]


def find_coco(root: Path, given: Mapping[str, Path | None] | None = None, in_true_boxes: bool = False) -> CocoData:
    """The parts of val2017 at their `PLACES` below `root`, the pictures also in val2017.zip; or where `given` says.

    Raises FileNotFoundError that names what is missing and where to get it.
    """
    paths = {key: root / place for key, place in PLACES.items()}
    archive = root / "val2017.zip"
    if archive.is_file() and not paths["images"].is_dir():
        paths["images"] = archive / "val2017"
    paths |= {key: path for key, path in (given or {}).items() if path is not None}
    for key, path in paths.items():
        needed = key != "boxes" or not in_true_boxes
        if needed and not any(place.is_file() for place in (path, *path.parents)) and not path.is_dir():
            raise FileNotFoundError(f"{key}: there is no {str(path)!r}; {_SOURCES[key]}")
    return CocoData(paths["annotations"], paths["images"], None if in_true_boxes else paths["boxes"])


def measure_coco(settings: CocoSettings, data: CocoData, limit: int | None = None) -> CocoOutcome:
    """What a network reaches on the pictures of `data`, or on the first `limit` of them.

    Boxes of the file of detections that are none are left out with a warning. Raises ValueError where the network does
    not find COCO's joints, and what `pose_model`, `read_entries`, `ImageStore` and `person_scores` raise.
    """
    pose, form = settings.pose, _form(settings.pose)
    file = _first_pictures(data.annotations, limit)
    truth, candidates = coco_truth(data.annotations, file, COCO_17), _candidates(data, file)
    run, images = _runtime(form, settings), ImageStore(data.images)
    found = estimate_all(run, form.codec, images, candidates, pose.padding, pose.max_batch, pose.scales)
    results = coco_results(candidates, found, COCO_17, pose.max_oks)
    about = {
        "weights": {"file": form.file.name, "sha256": file_sha256(form.file)},
        "boxes": {"file": data.boxes.name if data.boxes else None, "number": len(candidates)},
        "pictures": len(file.images),
        "pose": {key: getattr(pose, key) for key in AS_PUBLISHED} | form.notes(),
        "device": run.device,
        "precision": run.precision,
    }
    figures = keypoint_figures(truth, results, COCO_17)
    unlike = _unlike(pose, data, len(file.images), run.precision)
    return CocoOutcome(figures, results, about, _published_ap(pose, form), unlike)


def outcome_text(outcome: CocoOutcome) -> str:
    """The ten figures in percent, what they are of, and how AP compares with the published one."""
    about = outcome.about
    lines = [f"{name:<6}{100 * value:>6.2f}" for name, value in outcome.figures.items()]
    where = f"in {about['boxes']['number']} boxes of {about['pictures']} pictures"
    lines.append(f"{where}; {about['device']}, {about['precision']}")
    if outcome.published is not None:
        difference = f"{100 * outcome.figures['AP'] - outcome.published:+.2f}"
        reasons = ", ".join(outcome.unlike)
        told = f"not to be compared: {reasons}" if reasons else f"difference {difference}"
        lines.append(f"published AP {outcome.published:.1f}; {told}")
    return "\n".join(lines)


def make_room(results: Path | None, figures: Path | None) -> None:
    """The folders of the files that `write_outcome` is to write, before all that takes long.

    Raises ValueError where both are the same file, FileExistsError where one cannot be a file.
    """
    if results is not None and figures is not None and results.resolve() == figures.resolve():
        raise ValueError(f"results and figures cannot both go to {str(results)!r}; name two files")
    for path in filter(None, (results, figures)):
        above = next(folder for folder in path.absolute().parents if folder.exists())
        if path.is_dir():
            raise FileExistsError(f"{str(path)!r} is a folder; name a file in it")
        if not above.is_dir():
            raise FileExistsError(f"{str(path)!r} cannot be written, for {above} is a file; name another one")
        path.parent.mkdir(parents=True, exist_ok=True)


def write_outcome(outcome: CocoOutcome, results: Path | None, figures: Path | None) -> None:
    """Write what was found as a COCO results file, and as JSON the figures, null for one that nobody counts in, and how
    they were measured; each where a file is given for it."""
    if results is not None:
        results.write_text(json.dumps(outcome.results), encoding="utf-8")
    if figures is not None:
        known = {name: None if math.isnan(value) else value for name, value in outcome.figures.items()}
        compared = {"published_ap_percent": outcome.published, "unlike_published": list(outcome.unlike)}
        text = json.dumps({"figures": known, **compared, **outcome.about}, indent=2)
        figures.write_text(text + "\n", encoding="utf-8")


def _form(settings: PoseSettings) -> PoseModel:
    form = pose_model(settings)
    if form.is_exported:
        raise ValueError(f"{settings.weights!r} is an exported network; give the weights that it was made from")
    if form.skeleton != COCO_17 or settings.joints is not None:
        raise ValueError(
            f"{settings.weights!r} finds the joints of {settings.joints or form.skeleton.name}, COCO measures those of "
            f"{COCO_17.name}; give a network that was trained on COCO, and no pose.joints"
        )
    return form


def _runtime(form: PoseModel, settings: CocoSettings) -> Runtime:
    """In float32 with PyTorch, whose own choice is bfloat16 where the device calculates in it."""
    plan, device = pose_plan(form, settings.pose.flip_test), resolve_device(settings.device)
    if resolve_runtime(settings.runtime, device) == "torch":
        return TorchRuntime(plan.make(), device, PUBLISHED_PRECISION, fold=True)
    return make_runtime(plan, settings.runtime, device)


def _first_pictures(path: Path, limit: int | None) -> CocoFile:
    """What the file of annotations says about its first `limit` pictures, or all. Raises ValueError for a limit below
    1."""
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    data = read_json(path)
    file = CocoFile(path, data)
    if limit is None:
        return file
    ids = set(list(file.images)[:limit])
    parts = {"images": "id", "annotations": "image_id"}
    return CocoFile(path, data | {key: [n for n in data[key] if n.get(of) in ids] for key, of in parts.items()})


def _candidates(data: CocoData, file: CocoFile) -> list[Candidate]:
    """Raises ValueError where there is no box."""
    if data.boxes is not None:
        candidates = recorded_boxes(data.boxes, file.images, "skip")
    else:
        people = load_coco_people(data.annotations, COCO_17)
        candidates = true_boxes(person for person in people if person.image_id in file.images)
    if not candidates:
        raise ValueError(
            f"{data.boxes or data.annotations} has no box in {len(file.images)} pictures; give other files"
        )
    return candidates


def _published_ap(settings: PoseSettings, form: PoseModel) -> float | None:
    entry = find_published(settings.weights)
    if not isinstance(entry, PublishedPoseWeights) or not file_sha256(form.file).startswith(entry.sha256):
        return None
    return entry.ap


def _unlike(settings: PoseSettings, data: CocoData, pictures: int, precision: str) -> tuple[str, ...]:
    """In what a measurement differs from the published ones, which are `AS_PUBLISHED`, in float32, on val2017, in the
    usual boxes.

    Whether those are the usual boxes, their file's name tells.
    """
    chosen = {key: getattr(settings, key) for key in AS_PUBLISHED}
    unlike = [f"{key} is {value}" for key, value in chosen.items() if value != AS_PUBLISHED[key]]
    boxes = data.boxes.name if data.boxes else "annotated boxes"
    unlike += [precision] if precision != PUBLISHED_PRECISION else []
    unlike += [boxes] if boxes != PLACES["boxes"] else []
    return (*unlike, f"{pictures} pictures") if pictures != PICTURES else tuple(unlike)
