"""COCO keypoint AP against pycocotools, and `pose-track evaluate-coco`."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import zipfile
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import run_command
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from shared_data import shared
from tiny_coco import write_images
from tiny_graphs import simcc_patterns, write_graph
from torch import nn

from pose_track.benchmarks import coco
from pose_track.benchmarks.coco import DEFAULT_PATHS, find_coco_data
from pose_track.evaluation.coco_keypoints import COCO_METRICS
from pose_track.formats.coco_wholebody import KEYS, split_keypoints
from pose_track.geometry.affine import apply_affine, invert_affine
from pose_track.models.codec import Codec
from pose_track.models.hrnet import HRNet
from pose_track.models.metadata import pose_metadata
from pose_track.pose.estimator import place_crops
from pose_track.structures.arrays import ImageArray
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, HALPE_26, Skeleton
from pose_track.training.prediction import detected_candidates
from pose_track.utils.hashing import file_sha256
from pose_track.weights.entries.entry import PublishedPoseWeights
from pose_track.weights.load import save_weights
from pose_track.weights.zoo import ZOO

ROOT = Path(__file__).resolve().parents[2]
CODEC = Codec("udp", (64, 96), 1.5)
TINY = {"widths": (8, 8, 8, 8), "num_modules": (1, 1, 1), "num_blocks": 1, "stem_blocks": 1, "stem_channels": 8}
JsonObject = dict[str, Any]


def write_data(root: Path) -> Path:
    """A val2017 of four images: a person in each, a crowd region, a person without labelled joints, detections."""
    data, rng = write_images(root / DEFAULT_PATHS["images"], 4), np.random.default_rng(0)
    data["categories"][0]["keypoints"] = list(COCO_17.joint_names)
    for annotation in data["annotations"]:
        left, top, width, height = annotation["bbox"]
        joints = rng.uniform((left, top), (left + width, top + height), (17, 2))
        annotation["keypoints"] = np.column_stack([joints, np.full(17, 2)]).ravel().tolist()
        annotation |= {"area": width * height, "iscrowd": 0, "num_keypoints": 17}
    nothing = {"image_id": 1, "category_id": 1, "keypoints": [0] * 51, "num_keypoints": 0, "area": 900.0}
    data["annotations"].append({**nothing, "id": 8, "bbox": [60, 40, 30, 30], "iscrowd": 0})
    data["annotations"].append({**nothing, "id": 9, "bbox": [0, 0, 119, 30], "iscrowd": 1, "segmentation": []})
    rows = [(i, [20.0 + 2 * i, 10 + i, 40, 60], 0.9 - i / 10) for i in (1, 2, 3, 4)]
    rows += [(1, [24.0, 9, 44, 63], 0.5), (3, [70.0, 20, 20, 50], 0.002), (99, [0.0, 0, 9, 9], 0.5)]
    detections = [{"image_id": i, "category_id": 1, "bbox": box, "score": score} for i, box, score in rows]
    return write_files(root, data, [*detections, {**detections[0], "category_id": 3}])


def write_files(root: Path, data: JsonObject, detections: list[JsonObject]) -> Path:
    for key, value in (("annotations", data), ("boxes", detections)):
        (root / DEFAULT_PATHS[key]).parent.mkdir(parents=True, exist_ok=True)
        (root / DEFAULT_PATHS[key]).write_text(json.dumps(value))
    return root


class OracleRuntime:
    """Stands in for a network: returns heatmaps of the first labelled person in the image of each box.

    noise: standard deviation of the joints, in pixels.
    """

    device, precision = "cpu", "float32"

    def __init__(self, root: Path, noise: float):
        annotations = json.loads((root / DEFAULT_PATHS["annotations"]).read_text())["annotations"]
        labels = {
            annotation["image_id"]: np.reshape(annotation["keypoints"], (-1, 3))[:17, :2]
            for annotation in reversed(annotations)
        }
        boxes = detected_candidates(
            root / DEFAULT_PATHS["boxes"], {i: {"id": i, "file_name": f"{i}.jpg"} for i in sorted(labels)}
        )
        joints = np.array([labels[box.image_id] for box in boxes])
        joints += np.random.default_rng(0).normal(0, noise, joints.shape)
        matrices = place_crops(CODEC, np.stack([box.box for box in boxes]), 1.25)[0]
        self._placed = iter([apply_affine(matrix, xy) for matrix, xy in zip(matrices, joints, strict=True)])

    def __call__(self, crops: ImageArray) -> tuple[NDArray[np.float32]]:
        return (np.stack([CODEC.encode(next(self._placed), np.ones(17))[0] for _ in crops]),)


def reference_metrics(annotations: Path, results: Path) -> list[float]:
    """The ten metrics of a results file from pycocotools alone."""
    with redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [math.nan if value < 0 else float(value) for value in evaluation.stats]


def evaluate(*words: object) -> int:
    return run_command("evaluate-coco", *words, "--device", "cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("coco"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    torch.manual_seed(0)
    save_weights(HRNet(17, **TINY), path, pose_metadata("hrnet_tiny", COCO_17, CODEC))  # type: ignore[arg-type]
    return path


def published(monkeypatch: pytest.MonkeyPatch, weights: Path, sha256: str, ap: float | None = 76.2) -> None:
    """Make these weights published ones."""
    entry = next(e for e in ZOO.values() if isinstance(e, PublishedPoseWeights) and e.ap == 76.2)
    changes = {
        "sha256": sha256,
        "heatmap_type": CODEC.heatmap_type,
        "input_size": CODEC.input_size,
        "sigma": CODEC.sigma,
        "ap": ap,
    }
    changed = PublishedPoseWeights(**{**vars(entry), **changes})
    monkeypatch.setattr(coco, "find_published", lambda given: changed if given == str(weights) else None)


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_metrics_equal_those_of_pycocotools(
    data: Path, weights: Path, noise: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "_runtime", lambda model, settings: OracleRuntime(data, noise))
    results, out = tmp_path / "new" / "results.json", tmp_path / "out.json"
    assert evaluate(weights, "--data", data, "--results", results, "--json", out) == 0
    metrics = json.loads(out.read_text())["metrics"]
    assert list(metrics) == list(COCO_METRICS)
    values = [math.nan if value is None else value for value in metrics.values()]
    assert values == pytest.approx(
        reference_metrics(data / DEFAULT_PATHS["annotations"], results), abs=1e-12, nan_ok=True
    )
    assert (metrics["AP"] > 0.99) == (noise == 0)
    assert metrics["AP"] > 0.1
    assert len(json.loads(results.read_text())) == 5 + (noise > 0)  # without noise two poses in image 1 are equal


def test_network_with_random_weights(
    data: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert evaluate(weights, "--data", data, "--runtime", "torch", "--limit", 3, "--json", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:10]] == list(COCO_METRICS)
    assert lines[10:] == ["5 boxes in 3 images; cpu, float32"]
    written = json.loads(out.read_text())
    assert written["published_ap_percent"] is None
    assert written["weights"] == {"file": weights.name, "sha256": file_sha256(weights)}
    assert written["boxes"] == {"file": DEFAULT_PATHS["boxes"], "number": 5}
    assert (written["pose"]["heatmap_type"], written["pose"]["flip_test"], written["pose"]["max_oks"]) == (
        "udp",
        True,
        0.9,
    )


@pytest.mark.parametrize("skeleton", [HALPE_26, COCO_WHOLEBODY_133], ids=str)
def test_cocos_joints_are_found_by_name(data: Path, skeleton: Skeleton, tmp_path: Path) -> None:
    """A network with more joints, and one with the same weights for COCO's joints alone, give the same results."""
    torch.manual_seed(0)
    whole, part = HRNet(skeleton.num_joints, **TINY), HRNet(17, **TINY)  # type: ignore[arg-type]
    rows = [skeleton.index(name) for name in COCO_17.joint_names]
    state = whole.state_dict()
    part.load_state_dict({k: v[rows] if k.startswith("final_layer") else v for k, v in state.items()})
    results = []
    for network, joints in ((whole, skeleton), (part, COCO_17)):
        path, out = tmp_path / f"{joints}.safetensors", tmp_path / "results.json"
        save_weights(network, path, pose_metadata("hrnet_tiny", joints, CODEC))
        assert evaluate(path, "--data", data, "--runtime", "torch", "--limit", 2, "--results", out) == 0
        results.append(json.loads(out.read_text()))
    assert results[0] == results[1]


def test_coco_wholebody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Annotations in the layout of COCO-WholeBody are evaluated with all joints, part by part."""
    root, skeleton = write_data(tmp_path / "coco"), COCO_WHOLEBODY_133
    path = root / DEFAULT_PATHS["annotations"]
    data, rng = json.loads(path.read_text()), np.random.default_rng(1)
    for annotation in data["annotations"][:4]:
        left, top, width, height = annotation["bbox"]
        joints = rng.uniform((left, top), (left + width, top + height), (133, 2))
        annotation |= split_keypoints(np.column_stack([joints, np.ones(133)]).ravel().tolist())
    path.write_text(json.dumps(data))
    weights, out, results = tmp_path / "w.safetensors", tmp_path / "out.json", tmp_path / "results.json"
    torch.manual_seed(0)
    network = HRNet(133, **TINY)  # type: ignore[arg-type]
    save_weights(network, weights, pose_metadata("hrnet_tiny", skeleton, CODEC))
    assert evaluate(weights, "--data", root, "--runtime", "torch", "--json", out, "--results", results) == 0
    parts = ("body", "foot", "face", "lefthand", "righthand")
    names = [*COCO_METRICS, *(f"{name}_{part}" for part in parts for name in ("AP", "AR"))]
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[:20]] == names
    written = json.loads(out.read_text())
    assert (list(written["metrics"]), written["joints"]) == (names, "coco_wholebody_133")
    entry = json.loads(results.read_text())[0]
    assert [len(entry[key]) for key in KEYS.values()] == [51, 18, 204, 63, 63]


def test_settings_change_the_results(data: Path, weights: Path, tmp_path: Path) -> None:
    first, out = ("--data", data, "--runtime", "torch", "--limit", 1), tmp_path / "results.json"

    def results(*words: object) -> Any:
        assert evaluate(weights, *first, "--results", out, *words) == 0
        return json.loads(out.read_text())

    default = results()
    assert len(default) == 2
    assert results("--pose.max_oks", 0) == default[:1]
    for words in (["--no-flip"], ["--pose.padding", 1.5], ["--pose.scales", "[1, 1.2]"]):
        assert results(*words) != default
    (true,) = results("--true-boxes")
    assert true["image_id"] == 1


def test_other_paths(data: Path, weights: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "val2017.zip", "w") as file:
        for path in (data / DEFAULT_PATHS["images"]).iterdir():
            file.write(path, f"val2017/{path.name}")
    assert find_coco_data(tmp_path, {key: data / DEFAULT_PATHS[key] for key in ("annotations", "boxes")}).images == (
        tmp_path / "val2017.zip" / "val2017"
    )
    places = [word for key in ("annotations", "boxes") for word in (f"--{key}", data / DEFAULT_PATHS[key])]
    assert evaluate(weights, "--data", tmp_path, *places, "--runtime", "torch", "--limit", 1) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "difference"),
        (["--no-flip"], "not comparable: flip_test is False"),
        (["--true-boxes", "--pose.padding", "1.5"], "not comparable: padding is 1.5, annotated boxes"),
        (["--limit", "3"], "not comparable: 3 images"),
    ],
)
def test_comparison_with_the_published_ap(
    data: Path,
    weights: Path,
    words: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(coco, "NUM_IMAGES", 4)
    monkeypatch.setattr(coco, "_runtime", lambda model, settings: OracleRuntime(data, 0))
    published(monkeypatch, weights, file_sha256(weights)[:8])
    assert evaluate(weights, "--data", data, *words) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"published AP 76.2; {message}")
    assert not words or last.endswith(message)
    assert words or last.endswith(" +23.80")


def test_a_graph(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A SimCC network that puts its joints at the same places of each crop."""
    places = [(8.0 + 3 * (k % 14), 6.0 + 5 * k) for k in range(17)]
    graph = write_graph(tmp_path / "simcc.onnx", simcc_patterns(places, (64, 96)), (64, 96))
    results = tmp_path / "results.json"
    words = ("--no-flip", "--runtime", "onnx", "--pose.pixels", "rgb_255")  # positive values, by which it multiplies
    assert evaluate(graph, "--data", data, *words, "--results", results) == 0
    candidates = detected_candidates(
        data / DEFAULT_PATHS["boxes"], {i: {"id": i, "file_name": f"{i}.jpg"} for i in range(1, 5)}
    )
    matrices = place_crops(Codec("gaussian", (64, 96)), np.stack([one.box for one in candidates]), 1.25)[0]
    expected = apply_affine(invert_affine(matrices), np.broadcast_to(places, (len(matrices), 17, 2)))
    found = [np.reshape(entry["keypoints"], (-1, 3))[:, :2] for entry in json.loads(results.read_text())]
    assert len(found) > 3
    for joints in found:
        assert np.abs(expected - joints).max(axis=(1, 2)).min() < 0.1
    assert evaluate(graph, "--data", data, "--pose.joints", "coco_17") == 2
    assert "no pose.joints" in capsys.readouterr().err


def test_a_graph_is_published_without_flip_test(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = write_graph(tmp_path / "a.onnx", simcc_patterns([(9.0, 9.0)] * 17, (64, 96)), (64, 96))
    entry = replace(ZOO["rtmpose_t_256x192"], sha256=file_sha256(graph))
    monkeypatch.setattr(coco, "NUM_IMAGES", 4)
    monkeypatch.setattr(coco, "find_published", lambda given: entry)
    for words, message in ((["--no-flip"], "difference -65"), ([], "not comparable: flip_test is True")):
        assert evaluate(graph, "--data", data, "--runtime", "onnx", *words) == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith(f"published AP 65.9; {message}")


def test_one_stage_networks_have_no_boxes_given(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = {"dets": np.zeros((1, 5), np.float32), "keypoints": np.zeros((1, 17, 3), np.float32)}
    graph = write_graph(tmp_path / "rtmo.onnx", outputs, (64, 64))
    assert evaluate(graph, "--data", data) == 2
    assert "finds people by itself" in capsys.readouterr().err


def test_bfloat16_is_not_compared_with_the_published_ap(
    data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coco, "NUM_IMAGES", 4)
    monkeypatch.setattr(OracleRuntime, "precision", "bfloat16")
    monkeypatch.setattr(coco, "_runtime", lambda model, settings: OracleRuntime(data, 0))
    published(monkeypatch, weights, file_sha256(weights)[:8])
    assert evaluate(weights, "--data", data) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "published AP 76.2; not comparable: bfloat16"


def test_nan_heatmaps(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As of weights from a training that diverged."""
    network, path = HRNet(17, **TINY), tmp_path / "diverged.pth"  # type: ignore[arg-type]
    nn.init.constant_(network.final_layer.get_parameter("bias"), math.nan)
    torch.save(network.state_dict(), path)
    settings = ("--pose.heatmap_type", "gaussian", "--pose.skeleton", "coco_17", "--pose.input_size", "[64, 96]")
    results = tmp_path / "results.json"
    assert evaluate(path, "--data", data, "--runtime", "torch", "--results", results, *settings) == 2
    assert "heatmaps" in capsys.readouterr().err
    assert not results.exists()


def test_file_named_like_published_weights(
    data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published(monkeypatch, weights, "0" * 8)
    assert evaluate(weights, "--data", data, "--runtime", "torch", "--limit", 1) == 0
    assert "published" not in capsys.readouterr().out


def test_invalid_detections_are_left_out(
    data: Path, weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    detections = json.loads((data / DEFAULT_PATHS["boxes"]).read_text())
    detections[4]["bbox"][2] = 0
    (tmp_path / "boxes.json").write_text(json.dumps(detections))
    words = ("--data", data, "--boxes", tmp_path / "boxes.json", "--runtime", "torch", "--limit", 1)
    assert evaluate(weights, *words, "--results", tmp_path / "out.json") == 0
    assert len(json.loads((tmp_path / "out.json").read_text())) == 1
    assert "1 " in caplog.text


@pytest.mark.parametrize(
    ("missing", "source"),
    [
        ("annotations", "annotations_trainval2017.zip"),
        ("images", "http://images.cocodataset.org/zips/val2017.zip"),
        ("boxes", "github.com/HRNet/HRNet-Human-Pose-Estimation"),
    ],
)
def test_missing_file_is_named_with_its_download(
    data: Path, weights: Path, missing: str, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / DEFAULT_PATHS[missing]
    assert evaluate(weights, "--data", data, f"--{missing}", absent) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{str(absent)!r}" in line
    assert source in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bundled"], "'bundled' has the joints of posetrack_15"),
        (["WEIGHTS", "--pose.joints", "posetrack_15"], "has the joints of posetrack_15"),
        (["WEIGHTS", "--pose.heatmap_type", "gaussian"], "contradicts"),
        (["WEIGHTS", "--limit", "0"], "got 0"),
        (["WEIGHTS", "--boxes", "ANNOTATIONS"], "must be a list of objects"),
        (["WEIGHTS", "--pose.flipp", "1"], "'pose.flipp'"),
        (["none.pth"], "'none.pth'"),
        (["WEIGHTS", "--true-boxes", "--boxes", "BOXES"], "--true-boxes"),
        (["WEIGHTS", "--pose.weights", "bundled"], "leave out --pose.weights bundled"),
        (["WEIGHTS", "--no-flip", "--pose.flip_test", "1"], "pose.flip_test is given twice"),
        (["WEIGHTS", "--results", "FOLDER"], "is a folder"),
        (["WEIGHTS", "--json", "BOXES/out.json"], "out.json' cannot be written"),
        (
            ["WEIGHTS", "--json", "FOLDER/out", "--results", "FOLDER/annotations/../out"],
            "name two files",
        ),
    ],
)
def test_errors_are_one_line(
    data: Path,
    weights: Path,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All of them before the network runs."""
    monkeypatch.setattr("pose_track.training.validation.predict_poses", lambda *_: pytest.fail("the network was run"))
    paths = {
        "WEIGHTS": weights,
        "ANNOTATIONS": data / DEFAULT_PATHS["annotations"],
        "BOXES": data / DEFAULT_PATHS["boxes"],
    }
    paths["FOLDER"] = data
    words = [re.sub("[A-Z]{5,}", lambda name: str(paths[name[0]]), word) for word in words]
    with contextlib.suppress(SystemExit):  # by the parser
        assert evaluate(*words, "--data", data) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert message in line


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 images of COCO laid out as val2017, with detections near the annotated boxes, some of them duplicates."""
    dataset = json.loads(shared("data/pose_train/train.json").read_text())
    dataset["images"] = [image for image in dataset["images"] if image["source"] == "coco"]
    ids, rng = {image["id"] for image in dataset["images"]}, np.random.default_rng(0)
    dataset["annotations"] = [annotation for annotation in dataset["annotations"] if annotation["image_id"] in ids]
    dataset["categories"][0]["keypoints"] = list(COCO_17.joint_names)
    detections = []
    for annotation in dataset["annotations"]:
        annotation["keypoints"] = annotation["keypoints"][: 17 * 3]
        annotation["num_keypoints"] = sum(v > 0 for v in annotation["keypoints"][2::3])
        for score in rng.uniform(0, 1, rng.integers(1, 3)):
            box = np.array(annotation["bbox"]) + rng.normal(0, 0.05, 4) * max(annotation["bbox"][2:])
            detections.append(
                {"image_id": annotation["image_id"], "category_id": 1, "bbox": box.tolist(), "score": score}
            )
    assert len(ids) == 96
    return write_files(tmp_path_factory.mktemp("real"), dataset, detections)


def test_real_people(real: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poses do not come from a network; everything else is real."""
    monkeypatch.setattr(coco, "_runtime", lambda model, settings: OracleRuntime(real, 4))
    results, out, image_archive = tmp_path / "results.json", tmp_path / "out.json", shared("data/pose_train/train.tar")
    assert evaluate(weights, "--data", real, "--images", image_archive, "--results", results, "--json", out) == 0
    written = json.loads(out.read_text())
    values = [math.nan if value is None else value for value in written["metrics"].values()]
    assert written["images"] == 96
    assert values == pytest.approx(
        reference_metrics(real / DEFAULT_PATHS["annotations"], results), abs=1e-12, nan_ok=True
    )
    assert 0.3 < written["metrics"]["AP"] < 0.95


def test_real_people_by_a_network(real: Path, weights: Path, tmp_path: Path) -> None:
    results, image_archive = tmp_path / "results.json", shared("data/pose_train/train.tar")
    words = ("--data", real, "--images", image_archive, "--limit", 4, "--runtime", "torch", "--results", results)
    assert evaluate(weights, *words) == 0
    assert {entry["image_id"] for entry in json.loads(results.read_text())} == {
        image["id"] for image in json.loads((real / DEFAULT_PATHS["annotations"]).read_text())["images"][:4]
    }
