from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from command_line import run_command
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat
from shared_data import shared
from tiny_coco import write_images

from pose_track.datasets.coco import load_coco_people
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import PersonLabel
from pose_track.geometry.affine import apply_affine, fit_boxes
from pose_track.models.codec import Codec
from pose_track.models.hrnet import hrnet_compact
from pose_track.pose.estimator import PoseEstimator, person_scores
from pose_track.pose.keypoints import CroppedKeypoints
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections
from pose_track.structures.skeleton import COCO_17, MPII_16, POSETRACK_15, Skeleton
from pose_track.training.prediction import Candidate, PosePredictions, predict_poses
from pose_track.training.validation import PoseEvaluator, evaluate_poses, pose_evaluator
from pose_track.weights.load import save_weights

ROOT = Path(__file__).resolve().parents[2]
CODECS = [Codec("gaussian", (96, 128)), Codec("udp", (64, 96))]


def write_people(root: Path, skeleton: Skeleton, count: int = 3) -> Path:
    """Write images of one person each with all joints labelled, in COCO format; returns the path of the annotations."""
    data, rng = write_images(root / "images", count), np.random.default_rng(0)
    data["categories"][0]["keypoints"] = list(skeleton.joint_names)
    for annotation in data["annotations"]:
        left, top, width, height = annotation["bbox"]
        joints = rng.uniform((left, top), (left + width, top + height), (skeleton.num_joints, 2))
        annotation["keypoints"] = np.column_stack([joints, np.full(skeleton.num_joints, 2)]).ravel().tolist()
        annotation["area"] = width * height
    path = root / "people.json"
    path.write_text(json.dumps(data))
    return path


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads(path.read_text())
    edit(data)
    path.write_text(json.dumps(data))


def write_detections(path: Path, rows: list[tuple[int, list[float], float]]) -> Path:
    keys = ("image_id", "bbox", "score")
    path.write_text(json.dumps([{"category_id": 1, **dict(zip(keys, row, strict=True))} for row in rows]))
    return path


class PerfectNetwork:
    """A stub network that returns the exact heatmaps of the crops, in their order."""

    def __init__(self, codec: Codec, evaluator: PoseEvaluator, joints: list[np.ndarray]):
        centers, sizes = fit_boxes(np.stack([c.box for c in evaluator.candidates]), np.divide(*codec.input_size))
        matrices = [codec.matrix(center, size[0]) for center, size in zip(centers, sizes, strict=True)]
        placed = [apply_affine(matrix, xy) for matrix, xy in zip(matrices, joints, strict=True)]
        self.heatmaps = iter([codec.encode(xy, np.ones(len(xy)))[0] for xy in placed])

    def __call__(self, crops: ImageArray) -> tuple[np.ndarray]:
        return (np.stack([next(self.heatmaps) for _ in crops]),)


def perfect_predictions(people: list[PersonLabel]) -> PosePredictions:
    joints = np.stack([p.joints for p in people]).astype(np.float32)
    return PosePredictions(joints, np.ones(joints.shape[:2], np.float32), np.full(len(people), 5000.0))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.heatmap_type)
def test_batched_images_give_the_results_of_single_ones(tmp_path: Path, codec: Codec) -> None:
    sizes, names = list[int](), list[str]()

    def run(crops: ImageArray) -> tuple[np.ndarray]:
        sizes.append(len(crops))
        return (crops[:, ::4, ::4].transpose(0, 3, 1, 2).astype(np.float32) / 255,)

    class Store(ImageStore):
        def read(self, name: str, size: tuple[int, int] | None = None) -> ImageArray:
            names.append(name)
            return super().read(name)

    three = Skeleton("three", COCO_17.joint_names[:3])
    people = load_coco_people(write_people(tmp_path, COCO_17), COCO_17)
    candidates = [
        Candidate(p.file_name, p.image_id, p.box + shift, score)
        for p in people
        for shift, score in ((0, 1.0), (9, 0.5))
    ]
    predictions = predict_poses(run, codec, Store(tmp_path / "images"), candidates, max_batch=4)
    assert sizes == [4, 2]
    assert names == ["0.png", "1.png", "2.png"]  # each image is read once
    estimate = PoseEstimator(CroppedKeypoints(run, codec), three, codec, max_oks=1)
    for n, candidate in enumerate(candidates):
        image = ImageStore(tmp_path / "images").read(candidate.file_name)
        single = estimate(image, Detections(candidate.box[None].astype(np.float32), np.array([candidate.score])))
        np.testing.assert_array_equal(predictions.joints[n], single.joints[0])
        np.testing.assert_array_equal(predictions.joint_scores[n], single.joint_scores[0])
        assert person_scores(np.array([candidate.score]), predictions.joint_scores[n : n + 1]) == single.scores
        assert predictions.areas[n] == pytest.approx(np.prod(fit_boxes(candidate.box, np.divide(*codec.input_size))[1]))


@pytest.mark.parametrize("scales", [(1.0,), (0.9, 1.1)])
def test_scores_above_one_are_not_clipped(tmp_path: Path, scales: tuple[float, ...]) -> None:
    """The published code ranks people by them."""
    candidates = pose_evaluator(
        load_coco_people(path := write_people(tmp_path, COCO_17), COCO_17), COCO_17, path
    ).candidates
    heatmaps = np.zeros((17, 32, 24), np.float32)
    heatmaps[:, 12:16, 8:12] = np.linspace(-0.5, 1.5, 17)[:, None, None]
    run, store = (lambda crops: (np.stack([heatmaps] * len(crops)),)), ImageStore(tmp_path / "images")
    predictions = predict_poses(run, Codec("gaussian", (96, 128)), store, candidates, scales=scales)
    assert predictions.joint_scores[0].max() == pytest.approx(1.5, abs=0.05)
    assert (predictions.joint_scores[:, 9:] > 0).all()


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.heatmap_type)
@pytest.mark.parametrize(
    ("skeleton", "metric", "best"), [(COCO_17, "coco", 1.0), (POSETRACK_15, "coco", 1.0), (MPII_16, "pck", 1.0)]
)
def test_perfect_network(tmp_path: Path, codec: Codec, skeleton: Skeleton, metric: Any, best: float) -> None:
    path = write_people(tmp_path, skeleton)
    people = load_coco_people(path, skeleton)
    evaluator = pose_evaluator(people, skeleton, path, metric)
    run = PerfectNetwork(codec, evaluator, [p.joints for p in people])
    metrics = evaluator.compute(predict_poses(run, codec, ImageStore(tmp_path / "images"), evaluator.candidates))
    assert (evaluator.metric, next(iter(metrics.values()))) == (metric, pytest.approx(best))


def mpii_people(num: int = 3, head_size: float = math.nan) -> list[PersonLabel]:
    rng, box = np.random.default_rng(0), np.array([0.0, 0, 99, 99])
    seen = np.full(16, 2)
    return [PersonLabel("0.png", rng.uniform(0, 99, (16, 2)), seen, box, head_size=head_size) for _ in range(num)]


def write_heads(folder: Path, people: list[PersonLabel], head: float) -> None:
    """Write MPII's published ground truth of people whose head boxes have `head` by 0 pixels."""
    joints = np.stack([p.joints + 1 for p in people], axis=-1)  # (16, 2, N)
    boxes = np.zeros((2, 2, len(people)))
    boxes[1, 0] = head
    truth = {"pos_gt_src": joints, "jnt_missing": np.zeros((16, len(people))), "headboxes_src": boxes}
    savemat(folder / "gt_valid.mat", truth)


def test_pckh_by_the_labels_own_head_sizes(tmp_path: Path) -> None:
    people = mpii_people(head_size=30)
    evaluator = pose_evaluator(people, MPII_16, tmp_path / "mpii.mat")
    predictions = perfect_predictions(people)
    assert evaluator.metric == "pckh"
    assert set(evaluator.compute(predictions).values()) == {100.0}
    assert next(iter(evaluator.compute(predictions))) == "Mean"
    off = predictions._replace(joints=predictions.joints + np.float32(11))  # 15.6 pixels
    assert set(evaluator.compute(off).values()) == {0.0}


def test_pckh_by_the_published_head_sizes(tmp_path: Path) -> None:
    people = mpii_people()
    write_heads(tmp_path, people, head=40)  # half of 0.6 times 40 is 12 pixels
    evaluator = pose_evaluator(people, MPII_16, tmp_path / "valid.json")
    predictions = perfect_predictions(people)
    for shift, mean in ((0, 100), (11.9, 100), (12.1, 0)):
        moved = predictions._replace(joints=predictions.joints + np.array([shift, 0], np.float32))
        assert evaluator.compute(moved)["Mean"] == mean


@pytest.mark.parametrize("others", ["fewer", "other"])
def test_head_sizes_of_other_people_are_not_used(tmp_path: Path, others: str) -> None:
    people = mpii_people()
    write_heads(tmp_path, people[:2] if others == "fewer" else people[::-1], head=40)
    assert pose_evaluator(people, MPII_16, tmp_path / "train.json").metric == "pck"
    with pytest.raises(ValueError, match=r"train\.json .*metric pck"):
        pose_evaluator(people, MPII_16, tmp_path / "train.json", "pckh")


def test_broken_head_sizes_raise_only_for_pckh(tmp_path: Path) -> None:
    (tmp_path / "gt_valid.mat").write_bytes(b"broken")
    assert pose_evaluator(mpii_people(), MPII_16, tmp_path / "valid.json", "pck").metric == "pck"
    with pytest.raises(ValueError, match=r"gt_valid\.mat is not a MATLAB file"):
        pose_evaluator(mpii_people(), MPII_16, tmp_path / "valid.json")


@pytest.mark.parametrize(("skeleton", "metric"), [(COCO_17, "coco"), (POSETRACK_15, "pck"), (MPII_16, "pck")])
def test_default_metric_of_a_coco_file(tmp_path: Path, skeleton: Skeleton, metric: str) -> None:
    path = write_people(tmp_path, skeleton)
    assert pose_evaluator(load_coco_people(path, skeleton), skeleton, path).metric == metric


def test_default_metric_of_another_format(tmp_path: Path) -> None:
    path = write_people(tmp_path, COCO_17)
    people = load_coco_people(path, COCO_17)
    change(path, lambda data: data["images"][0].update(is_labeled=True))  # PoseTrack's
    assert pose_evaluator(people, COCO_17, path).metric == "pck"


def test_pck_of_joint_types(tmp_path: Path) -> None:
    """The neck and the left wrist are unlabelled; the left knee is wrong."""
    path = write_people(tmp_path, POSETRACK_15)
    visibility = np.array([0 if name in ("head_bottom", "left_wrist") else 2 for name in POSETRACK_15.joint_names])
    people = [replace(person, visibility=visibility) for person in load_coco_people(path, POSETRACK_15)]
    predictions = perfect_predictions(people)
    predictions.joints[:, POSETRACK_15.index("left_knee")] += 500
    metrics = pose_evaluator(people, POSETRACK_15, path).compute(predictions)
    assert next(iter(metrics)) == "pck"
    assert metrics["pck"] == pytest.approx(12 / 13)
    assert (metrics["pck_knee"], metrics["pck_wrist"], metrics["pck_nose"]) == (0.5, 1, 1)
    assert math.isnan(metrics["pck_head_bottom"])


def test_crowds_are_left_out(tmp_path: Path) -> None:
    path = write_people(tmp_path, COCO_17)
    change(path, lambda data: data["annotations"][0].update(iscrowd=1))
    people = load_coco_people(path, COCO_17)
    evaluator = pose_evaluator(people, COCO_17, path)
    assert [candidate.image_id for candidate in evaluator.candidates] == [2, 3]
    assert evaluator.compute(perfect_predictions(people))["AP"] == pytest.approx(1)


def test_boxes_of_a_file(tmp_path: Path) -> None:
    """Boxes of other images are left out. A high-score false positive lowers the precision, a duplicate does not."""
    path = write_people(tmp_path, COCO_17)
    people = load_coco_people(path, COCO_17)
    rows = [(2, [22, 11, 40, 60], 0.8), (1, [20, 10, 40, 60], 0.9), (9, [0, 0, 5, 5], 1.0), (3, [24, 12, 40, 60], 0.6)]
    rows += [(1, [21, 11, 40, 60], 0.4)]
    evaluator = pose_evaluator(people, COCO_17, path, boxes=write_detections(tmp_path / "boxes.json", rows))
    scores = [(c.file_name, c.image_id, round(c.score, 3)) for c in evaluator.candidates]
    assert scores == [("0.png", 1, 0.9), ("0.png", 1, 0.4), ("1.png", 2, 0.8), ("2.png", 3, 0.6)]
    np.testing.assert_array_equal(evaluator.candidates[2].box, [22, 11, 62, 71])
    predictions = perfect_predictions([people[0], people[0], people[1], people[2]])
    assert evaluator.compute(predictions)["AP"] == pytest.approx(1)
    predictions.joints[0] += 500
    assert evaluator.compute(predictions)["AP"] < 0.9


@given(st.permutations(range(5)))
@settings(max_examples=10, deadline=None)
def test_order_of_images_does_not_matter(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    path = write_people(tmp_path_factory.mktemp("order"), COCO_17, 5)
    noise = np.random.default_rng(0).normal(0, 3, (5, 17, 2)).astype(np.float32)
    metrics = []
    for rows in (range(5), order):
        people = [load_coco_people(path, COCO_17)[row] for row in rows]
        predictions = perfect_predictions(people)
        predictions.joints[:] += noise[list(rows)]
        predictions.joint_scores[:] = np.linspace(0.5, 1, 5, dtype=np.float32)[list(rows), None]
        metrics.append(pose_evaluator(people, COCO_17, path).compute(predictions))
    assert 0 < metrics[0]["AP"] < 1
    assert metrics[0] == pytest.approx(metrics[1], nan_ok=True)


@pytest.mark.parametrize(
    ("skeleton", "metric", "edit", "message"),
    [
        (COCO_17, "pckh", None, "coco_17, not of mpii_16; give metric pck"),
        (MPII_16, "pckh", None, r"people\.json .*gt_valid\.mat.*metric pck"),
        (COCO_17, None, lambda annotation: annotation.pop("area"), r"people\.json: annotation 3 .*area"),
        (COCO_17, None, lambda annotation: annotation.update(area=-1), r"people\.json: annotation 3 needs an area"),
    ],
)
def test_metrics_without_their_data(
    tmp_path: Path, skeleton: Skeleton, metric: Any, edit: Callable[[dict[str, Any]], object] | None, message: str
) -> None:
    path = write_people(tmp_path, skeleton)
    if edit is not None:
        change(path, lambda data: edit(data["annotations"][2]))
    with pytest.raises(ValueError, match=message):
        pose_evaluator(load_coco_people(path, skeleton), skeleton, path, metric)


def test_broken_labels_can_be_skipped(tmp_path: Path) -> None:
    path = write_people(tmp_path, COCO_17)
    change(path, lambda data: data["annotations"][2].update(keypoints=[1, 2]))
    people = load_coco_people(path, COCO_17, "skip")
    evaluator = pose_evaluator(people, COCO_17, path, on_broken="skip")
    assert evaluator.compute(perfect_predictions(people))["AR"] == pytest.approx(1)


def test_nobody_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"people\.json .*coco_17"):
        pose_evaluator([], COCO_17, tmp_path / "people.json")
    with pytest.raises(ValueError, match="folder; give metric pck"):
        pose_evaluator(mpii_people(), MPII_16, tmp_path, "coco")


@pytest.mark.parametrize(
    ("name", "rows", "error", "message"),
    [
        (
            "boxes.json",
            [(8, [0, 0, 5, 5], 0.5)],
            ValueError,
            r"boxes\.json .*people\.json",
        ),
        ("boxes.json", [(1, [0, 0, 5], 0.5)], ValueError, r"boxes\.json, entry 0 needs 4 numbers as bbox"),
        ("other.json", [], FileNotFoundError, r"no file of boxes .*boxes\.json"),
    ],
)
def test_invalid_detections(tmp_path: Path, name: str, rows: Any, error: type[Exception], message: str) -> None:
    path = write_people(tmp_path, COCO_17)
    write_detections(tmp_path / name, rows)
    with pytest.raises(error, match=message):
        pose_evaluator(load_coco_people(path, COCO_17), COCO_17, path, boxes=tmp_path / "boxes.json")


def test_boxes_are_for_coco_only(tmp_path: Path) -> None:
    path = write_people(tmp_path, POSETRACK_15)
    with pytest.raises(ValueError, match=r"pck .*boxes\.json"):
        pose_evaluator(load_coco_people(path, POSETRACK_15), POSETRACK_15, path, boxes=tmp_path / "boxes.json")


class OneColumn(torch.nn.Module):
    """Predicts every joint in one column of the heatmaps."""

    def __init__(self, column: int):
        super().__init__()
        self.column = column

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        heatmaps = torch.zeros(len(images), 17, 24, 16)
        heatmaps[:, :, 12, self.column] = 1
        return heatmaps


@pytest.mark.parametrize(
    ("heatmap_type", "column", "flip_test", "agree"),
    [
        ("gaussian", 8, False, True),
        ("gaussian", 2, True, False),  # column 2, and 13 in the flipped crop
        ("gaussian", 8, True, True),  # column 7 in the flipped crop, shifted by one to 8
        ("udp", 8, True, False),  # not shifted
    ],
)
def test_flip_test(tmp_path: Path, heatmap_type: Any, column: int, flip_test: bool, agree: bool) -> None:
    path = write_people(tmp_path, COCO_17)
    images, codec = ImageStore(tmp_path / "images"), Codec(heatmap_type, (64, 96))
    candidates = pose_evaluator(load_coco_people(path, COCO_17), COCO_17, path).candidates
    evaluator = PoseEvaluator("pck", candidates, lambda predictions: {"score": float(predictions.joint_scores.mean())})
    metrics = evaluate_poses(OneColumn(column), evaluator, images, COCO_17, codec, flip_test)
    assert (metrics["score"] > 0.99) == agree


def test_recorded_evaluation_of_the_published_code(tmp_path: Path) -> None:
    """From recorded detections and joints to the recorded metrics."""
    golden, truth = np.load(shared("data/golden/coco_eval.npz")), shared("data/golden/coco_eval_gt.json")
    recorded = json.loads(shared("data/golden/coco_eval_stats.json").read_text())["official_evaluate"]["hard"]["stats"]
    centers, sizes, scores = golden["all_boxes"][:, :2], golden["all_boxes"][:, 2:4] * 160, golden["all_boxes"][:, 5]
    boxes = np.column_stack([centers - sizes / 2, sizes])
    rows = list(zip(golden["image_ids"].tolist(), boxes.tolist(), scores.tolist(), strict=True))
    detections = write_detections(tmp_path / "boxes.json", rows)
    evaluator = pose_evaluator(load_coco_people(truth, COCO_17), COCO_17, truth, boxes=detections)
    order = [int(np.abs(scores - candidate.score).argmin()) for candidate in evaluator.candidates]
    assert sorted(order) == list(range(len(rows)))
    predictions = PosePredictions(
        golden["preds"][order, :, :2], golden["preds"][order, :, 2], golden["all_boxes"][order, 4]
    )
    assert list(evaluator.compute(predictions).values()) == pytest.approx(list(recorded.values()), rel=0, abs=1e-6)


# The command


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with COCO people, a config, random weights and detections."""
    root = tmp_path_factory.mktemp("data")
    source = {"annotations": str(write_people(root, COCO_17, 4)), "images": str(root / "images")}
    pose = {"skeleton": "coco_17", "input_size": [32, 64]}
    config = {"task": "pose", "train": [source], "val": source, "pose": pose, "loop": {"epochs": 1, "batch_size": 2}}
    config["hardware"] = {"device": "cpu", "threads": 1}
    (root / "run.yaml").write_text(yaml.safe_dump(config))
    torch.manual_seed(0)
    save_weights(hrnet_compact(17), root / "weights.safetensors")
    write_detections(root / "boxes.json", [(i, [20.0, 10, 42, 60], 0.9 - i / 10) for i in (1, 2, 3)])
    return root


def evaluate(root: Path, *words: str) -> int:
    return run_command("evaluate-pose", root / "run.yaml", "--weights", root / "weights.safetensors", *words)


def test_command_in_annotated_boxes(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(data_root, "--json", str(tmp_path / "out.json")) == 0
    table = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert list(table) == ["AP", "AP50", "AP75", "APM", "APL", "AR", "AR50", "AR75", "ARM", "ARL"]
    assert table["APL"] == "nan"  # nobody is large
    written = json.loads((tmp_path / "out.json").read_text())
    metrics = written.pop("figures")
    assert written == {"metric": "coco", "flip_test": False, "weights": "weights.safetensors", "boxes": "true"}
    assert metrics["APL"] is None
    assert f"{metrics['AP']:.3f}" == table["AP"]


def test_command_in_detected_boxes(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, boxes = tmp_path / "out.json", data_root / "boxes.json"
    assert evaluate(data_root, "--boxes", str(boxes), "--flip", "--json", str(out)) == 0
    written = json.loads(out.read_text())
    assert (written["metric"], written["flip_test"], written["boxes"]) == ("coco", True, "boxes.json")
    assert capsys.readouterr().out.startswith("AP ")


def test_command_with_another_metric_and_settings(data_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(data_root, "--metric", "pck") == 0
    assert capsys.readouterr().out.startswith("pck ")
    assert evaluate(data_root, "--pose.metric", "pck", "--pose.flip_test", "true", "--pose.input_size", "[64, 96]") == 0
    assert capsys.readouterr().out.startswith("pck ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--weights", "none.safetensors"], "there is no weights file 'none.safetensors'"),
        (["--pose.skeleton", "posetrack_15"], "does not fit the network"),
        (["--val.annotations", "none.json"], "no annotation file none.json"),
        (["--val.images", "none"], "no images at none"),
        (["--boxes", "none.json"], "no file of boxes 'none.json'"),
        (["--metric", "pck", "--boxes", "none.json"], "pck uses the annotated boxes"),
        (["--metric", "pckh"], "mpii_16"),
        (["--pose.skelton", "coco_17"], "'pose.skeleton'"),
        (["boxes.json"], "'boxes.json'"),
    ],
)
def test_command_prints_errors_in_one_line(
    data_root: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(data_root, *words) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert message in line


def test_command_needs_a_keypoint_network(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = yaml.safe_load((data_root / "run.yaml").read_text()) | {"task": "detector"}
    del config["pose"]
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    assert run_command("evaluate-pose", tmp_path / "run.yaml", "--weights", "w.safetensors") == 2
    assert "is of task detector; give a config of task pose" in capsys.readouterr().err
