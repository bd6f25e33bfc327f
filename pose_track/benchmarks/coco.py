"""COCO keypoint AP of a network on val2017, measured as published: all images, the detections that all papers use, and
the flip test."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pose_track.build.graph_stages import build_graph_keypoints
from pose_track.build.graphs import PoseGraph, names_graph, pose_graph
from pose_track.build.networks import PoseNetwork, pose_network
from pose_track.build.specs import pose_spec
from pose_track.config.networks import KeypointSettings, PoseSettings
from pose_track.config.settings import CocoSettings, StageSettings
from pose_track.datasets.annotations import read_json
from pose_track.datasets.coco import CocoFile, load_coco_people
from pose_track.datasets.images import ImageStore
from pose_track.formats.coco_wholebody import split_keypoints
from pose_track.pose.keypoints import CroppedKeypoints, KeypointFunction
from pose_track.runtime.device import resolve_device
from pose_track.runtime.model_spec import Runtime
from pose_track.runtime.select import make_runtime, resolve_runtime
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, Skeleton
from pose_track.utils.extras import require
from pose_track.utils.hashing import file_sha256
from pose_track.weights.entries.entry import PublishedGraph, PublishedPoseWeights
from pose_track.weights.zoo import find_published

if TYPE_CHECKING:  # these import PyTorch and pycocotools
    from pose_track.evaluation.coco_tool import Entry
    from pose_track.training.prediction import Candidate

DEFAULT_PATHS = {
    "annotations": "annotations/person_keypoints_val2017.json",
    "images": "val2017",
    "boxes": "COCO_val2017_detections_AP_H_56_person.json",
}
"""Paths of val2017 below the data set's folder."""

_SERVER = "http://images.cocodataset.org"
_DOWNLOAD_HINTS = {
    "annotations": f"it is in {_SERVER}/annotations/annotations_trainval2017.zip",
    "images": f"they are in {_SERVER}/zips/val2017.zip, which need not be unpacked",
    "boxes": "github.com/HRNet/HRNet-Human-Pose-Estimation links to it; or give --true-boxes",
}

NUM_IMAGES = 5000  # in val2017
PUBLISHED_PRECISION: Literal["float32"] = "float32"

PUBLISHED_SETTINGS = {
    **{"flip_test": True, "max_oks": 0.9, "padding": 1.25, "scales": (1.0,)},
    **dict.fromkeys(("input_size", "sigma", "decoding")),
}
"""Settings of the keypoint network in published measurements; None stands for the value stated in the weights."""


class CocoData(NamedTuple):
    """The files of val2017.

    annotations: file in COCO format.
    images: folder or archive, see `ImageStore`.
    boxes: detections in COCO results format; None for the annotated boxes.
    """

    annotations: Path
    images: Path
    boxes: Path | None


@dataclass(frozen=True, eq=False)
class CocoResult:
    """Result of a measurement.

    metrics: COCO's ten keypoint metrics, and AP and AR of each part of COCO-WholeBody, in [0, 1]; NaN where undefined.
    predictions: poses as entries of a COCO results file.
    conditions: how it was measured.
    published_ap: published AP of these weights in percent; None where unknown.
    differences: how the measurement differs from the published one.
    """

    metrics: dict[str, float]
    predictions: list[Entry]
    conditions: dict[str, Any]
    published_ap: float | None
    differences: tuple[str, ...]


def find_coco_data(root: Path, given: Mapping[str, Path | None] | None = None, use_gt_boxes: bool = False) -> CocoData:
    """The files of val2017: those in `given`, else those at DEFAULT_PATHS below `root`.

    The images may also be in root/val2017.zip. Raises FileNotFoundError that names a missing file and its download.
    """
    paths = {key: root / path for key, path in DEFAULT_PATHS.items()}
    archive = root / "val2017.zip"
    if archive.is_file() and not paths["images"].is_dir():
        paths["images"] = archive / "val2017"
    paths |= {key: path for key, path in (given or {}).items() if path is not None}
    for key, path in paths.items():
        is_needed = key != "boxes" or not use_gt_boxes
        exists = path.is_dir() or any(part.is_file() for part in (path, *path.parents))  # the parent may be an archive
        if is_needed and not exists:
            raise FileNotFoundError(f"{key}: there is no {str(path)!r}; {_DOWNLOAD_HINTS[key]}")
    return CocoData(paths["annotations"], paths["images"], None if use_gt_boxes else paths["boxes"])


def measure_coco_ap(settings: CocoSettings, data: CocoData, limit: int | None = None) -> CocoResult:
    """Estimate and evaluate the poses in all images of `data`, or in the first `limit` ones.

    The joints of COCO are found by name among those of the network. Those of COCO-WholeBody are evaluated where network
    and annotations have them. Invalid detections are left out with a warning.

    Raises ValueError where the network does not have COCO's joints, ImportError without PyTorch or pycocotools, and
    what `pose_network`, `read_entries`, `ImageStore` and `person_scores` raise.
    """
    require("torch", "pycocotools", purpose="COCO keypoint AP")
    from pose_track.evaluation.coco_wholebody import coco_metrics
    from pose_track.training.prediction import coco_results, predict_with
    from pose_track.training.validation import coco_ground_truth

    pose, model = settings.pose, _coco_model(settings.pose)
    file = _first_images(data.annotations, limit)
    skeleton = _evaluated_skeleton(model, file)
    gt, candidates = coco_ground_truth(data.annotations, file, skeleton), _candidates(data, file, skeleton)
    (estimate, runtime), codec, images = _keypoints(model, settings), model.codec, ImageStore(data.images)
    assert codec is not None  # `_coco_model` takes no one-stage network
    poses = predict_with(estimate, codec, images, candidates, pose.padding, pose.max_batch)
    poses = poses.select([model.skeleton.index(name) for name in skeleton.joint_names])
    predictions = coco_results(candidates, poses, skeleton, pose.max_oks)
    conditions = {
        "weights": {"file": model.path.name, "sha256": file_sha256(model.path)},
        "boxes": {"file": data.boxes.name if data.boxes else None, "number": len(candidates)},
        "images": len(file.images),
        "joints": skeleton.name,
        "pose": {key: getattr(pose, key) for key in PUBLISHED_SETTINGS} | model.metadata(),
        "device": runtime.device,
        "precision": runtime.precision,
    }
    metrics = coco_metrics(gt, predictions, skeleton)
    if skeleton == COCO_WHOLEBODY_133:
        predictions = [{**entry, **split_keypoints(entry["keypoints"])} for entry in predictions]
    differences = _differences(pose, data, len(file.images), runtime.precision)
    return CocoResult(metrics, predictions, conditions, _published_ap(pose, model), differences)


def coco_summary(result: CocoResult) -> str:
    """The metrics in percent, the conditions, and the comparison with the published AP."""
    conditions = result.conditions
    width = max(map(len, result.metrics)) + 2
    lines = [f"{name:<{width}}{100 * value:>6.2f}" for name, value in result.metrics.items()]
    lines.append(
        f"{conditions['boxes']['number']} boxes in {conditions['images']} images; {conditions['device']}, "
        f"{conditions['precision']}"
    )
    if result.published_ap is not None:
        difference = f"difference {100 * result.metrics['AP'] - result.published_ap:+.2f}"
        comparison = f"not comparable: {', '.join(result.differences)}" if result.differences else difference
        lines.append(f"published AP {result.published_ap:.1f}; {comparison}")
    return "\n".join(lines)


def prepare_output_paths(results: Path | None, metrics: Path | None) -> None:
    """Create the folders for the files of `write_coco_result`, before the measurement.

    Raises ValueError where both are the same file, FileExistsError where one cannot be a file.
    """
    if results is not None and metrics is not None and results.resolve() == metrics.resolve():
        raise ValueError(f"--results and --json are both {str(results)!r}; name two files")
    for path in filter(None, (results, metrics)):
        parent = next(folder for folder in path.absolute().parents if folder.exists())
        if path.is_dir():
            raise FileExistsError(f"{str(path)!r} is a folder; name a file in it")
        if not parent.is_dir():
            raise FileExistsError(f"{str(path)!r} cannot be written, since {parent} is a file; name another one")
        path.parent.mkdir(parents=True, exist_ok=True)


def write_coco_result(result: CocoResult, results: Path | None, metrics: Path | None) -> None:
    """Write the poses as a COCO results file, and the metrics and conditions as JSON, null where undefined."""
    if results is not None:
        results.write_text(json.dumps(result.predictions), encoding="utf-8")
    if metrics is not None:
        values = {name: None if math.isnan(value) else value for name, value in result.metrics.items()}
        comparison = {"published_ap_percent": result.published_ap, "differences": list(result.differences)}
        text = json.dumps({"metrics": values, **comparison, **result.conditions}, indent=2)
        metrics.write_text(text + "\n", encoding="utf-8")


def _coco_model(settings: KeypointSettings) -> PoseNetwork | PoseGraph:
    model = pose_graph(settings) if names_graph(settings.weights) else pose_network(settings)
    if isinstance(model, PoseNetwork) and model.exported is not None:
        raise ValueError(f"{settings.weights!r} is an exported network; give the weights that it was made from")
    if model.codec is None:
        raise ValueError(f"{settings.weights!r} finds people by itself, but COCO's usual boxes are given; use track")
    if not set(COCO_17.joint_names) <= set(model.skeleton.joint_names) or settings.joints is not None:
        raise ValueError(
            f"{settings.weights!r} has the joints of {settings.joints or model.skeleton}, but COCO evaluates "
            f"those of {COCO_17.name}; give a network that has them, and no pose.joints"
        )
    return model


def _evaluated_skeleton(model: PoseNetwork | PoseGraph, file: CocoFile) -> Skeleton:
    whole = set(COCO_WHOLEBODY_133.joint_names)
    has_all = whole <= set(model.skeleton.joint_names) and whole <= set(file.joint_names)
    return COCO_WHOLEBODY_133 if has_all else COCO_17


def _keypoints(model: PoseNetwork | PoseGraph, settings: CocoSettings) -> tuple[KeypointFunction, Runtime]:
    """The joints in crops, and what runs the network."""
    pose = settings.pose
    if isinstance(model, PoseGraph):
        stages = StageSettings(device=settings.device, runtime=settings.runtime, pose=PoseSettings(**dict(pose)))
        return build_graph_keypoints(model, stages, resolve_device(settings.device))
    runtime = _runtime(model, settings)
    return CroppedKeypoints(runtime, model.codec, pose.max_batch, pose.scales), runtime


def _runtime(model: PoseNetwork, settings: CocoSettings) -> Runtime:
    """The runtime of the settings. With PyTorch the precision "auto" is the published one, not bfloat16."""
    plan, device = pose_spec(model, settings.pose.flip_test), resolve_device(settings.device)
    name, precision = settings.runtime.name, settings.runtime.precision
    if precision == "auto" and resolve_runtime(name, device, precision) == "torch":
        precision = PUBLISHED_PRECISION
    return make_runtime(plan, name, device, precision)


def _first_images(path: Path, limit: int | None) -> CocoFile:
    """The file of annotations, reduced to its first `limit` images. Raises ValueError for a limit below 1."""
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, got {limit}")
    data = read_json(path)
    file = CocoFile(path, data)
    if limit is None:
        return file
    ids = set(list(file.images)[:limit])
    image_keys = {"images": "id", "annotations": "image_id"}
    reduced = {key: [entry for entry in data[key] if entry.get(name) in ids] for key, name in image_keys.items()}
    return CocoFile(path, data | reduced)


def _candidates(data: CocoData, file: CocoFile, skeleton: Skeleton) -> list[Candidate]:
    """The boxes to estimate poses in. Raises ValueError where there are none."""
    from pose_track.training.prediction import detected_candidates, gt_candidates

    if data.boxes is not None:
        candidates = detected_candidates(data.boxes, file.images, "skip")
    else:
        people = load_coco_people(data.annotations, skeleton)
        candidates = gt_candidates(person for person in people if person.image_id in file.images)
    if not candidates:
        raise ValueError(f"{data.boxes or data.annotations} has no box in {len(file.images)} images; give other files")
    return candidates


def _published_ap(settings: KeypointSettings, model: PoseNetwork | PoseGraph) -> float | None:
    entry = find_published(settings.weights)
    if not isinstance(entry, PublishedPoseWeights | PublishedGraph) or not file_sha256(model.path).startswith(
        entry.sha256
    ):
        return None
    return entry.ap


def _differences(settings: KeypointSettings, data: CocoData, num_images: int, precision: str) -> tuple[str, ...]:
    """How a measurement differs from the published ones: PUBLISHED_SETTINGS, float32, all images of val2017, and the
    usual detections, which are recognised by their file name. Graphs are published without flip test."""
    published = PUBLISHED_SETTINGS | ({"flip_test": False} if names_graph(settings.weights) else {})
    values = {key: getattr(settings, key) for key in published}
    differences = [f"{key} is {value}" for key, value in values.items() if value != published[key]]
    boxes = data.boxes.name if data.boxes else "annotated boxes"
    differences += [precision] if precision != PUBLISHED_PRECISION else []
    differences += [boxes] if boxes != DEFAULT_PATHS["boxes"] else []
    differences += [f"{num_images} images"] if num_images != NUM_IMAGES else []
    return tuple(differences)
