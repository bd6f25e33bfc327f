from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import math
import re
import zipfile
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from made_coco import write_pictures
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from shared_data import shared
from torch import nn

from pose_track.benchmarks import coco
from pose_track.benchmarks.coco import PLACES, find_coco
from pose_track.evaluation.coco_keypoints import FIGURES
from pose_track.geometry.affine import apply_affine
from pose_track.models.codec import Codec
from pose_track.models.hrnet import HRNet
from pose_track.pose.estimator import place_crops
from pose_track.structures.frames import ImageArray
from pose_track.structures.skeleton import COCO_17
from pose_track.training.validation import recorded_boxes
from pose_track.utils.hashing import file_sha256
from pose_track.weights.load import save_weights
from pose_track.weights.metadata import pose_metadata
from pose_track.weights.zoo import ZOO, PublishedPoseWeights

ROOT = Path(__file__).resolve().parents[2]
CODEC = Codec("udp", (64, 96), 1.5)
TINY = {"widths": (8, 8, 8, 8), "num_modules": (1, 1, 1), "num_blocks": 1, "stem_blocks": 1, "stem_channels": 8}
Note = dict[str, Any]


def write_data(root: Path) -> Path:
    """val2017 of four pictures: a person in each, a crowd, somebody without labelled joints, and detections."""
    data, rng = write_pictures(root / PLACES["images"], 4), np.random.default_rng(0)
    data["categories"][0]["keypoints"] = list(COCO_17.joint_names)
    for note in data["annotations"]:
        left, top, width, height = note["bbox"]
        joints = rng.uniform((left, top), (left + width, top + height), (17, 2))
        note["keypoints"] = np.column_stack([joints, np.full(17, 2)]).ravel().tolist()
        note |= {"area": width * height, "iscrowd": 0, "num_keypoints": 17}
    nothing = {"image_id": 1, "category_id": 1, "keypoints": [0] * 51, "num_keypoints": 0, "area": 900.0}
    data["annotations"].append({**nothing, "id": 8, "bbox": [60, 40, 30, 30], "iscrowd": 0})
    data["annotations"].append({**nothing, "id": 9, "bbox": [0, 0, 119, 30], "iscrowd": 1, "segmentation": []})
    rows = [(i, [20.0 + 2 * i, 10 + i, 40, 60], 0.9 - i / 10) for i in (1, 2, 3, 4)]
    rows += [(1, [24.0, 9, 44, 63], 0.5), (3, [70.0, 20, 20, 50], 0.002), (99, [0.0, 0, 9, 9], 0.5)]
    found = [{"image_id": i, "category_id": 1, "bbox": box, "score": score} for i, box, score in rows]
    return write_parts(root, data, [*found, {**found[0], "category_id": 3}])


def write_parts(root: Path, data: Note, found: list[Note]) -> Path:
    for key, value in (("annotations", data), ("boxes", found)):
        (root / PLACES[key]).parent.mkdir(parents=True, exist_ok=True)
        (root / PLACES[key]).write_text(json.dumps(value))
    return root


class Knowing:
    """Stands for a network: finds what is labelled first in the picture of each box, up to `noise` pixels."""

    device, precision = "cpu", "float32"

    def __init__(self, root: Path, noise: float):
        notes = json.loads((root / PLACES["annotations"]).read_text())["annotations"]
        labels = {note["image_id"]: np.reshape(note["keypoints"], (-1, 3))[:17, :2] for note in reversed(notes)}
        boxes = recorded_boxes(root / PLACES["boxes"], {i: {"id": i, "file_name": ""} for i in sorted(labels)})
        joints = np.array([labels[box.image_id] for box in boxes])
        joints += np.random.default_rng(0).normal(0, noise, joints.shape)
        matrices = place_crops(CODEC, np.stack([box.box for box in boxes]), 1.25)[0]
        self._placed = iter([apply_affine(matrix, xy) for matrix, xy in zip(matrices, joints, strict=True)])

    def __call__(self, crops: ImageArray) -> tuple[NDArray[np.float32]]:
        return (np.stack([CODEC.encode(next(self._placed), np.ones(17))[0] for _ in crops]),)


def reference_figures(annotations: Path, results: Path) -> list[float]:
    """The ten figures of a results file by pycocotools alone."""
    with redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations))
        evaluation = COCOeval(truth, truth.loadRes(str(results)), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [math.nan if value < 0 else float(value) for value in evaluation.stats]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evaluate_coco_tool", ROOT / "tools" / "evaluate_coco.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def evaluate(*words: object) -> int:
    code: int = load_tool().main([*map(str, words), "--device", "cpu"])
    return code


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("coco"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "network.safetensors"
    torch.manual_seed(0)
    save_weights(HRNet(17, **TINY), path, pose_metadata("hrnet_tiny", "coco_17", CODEC))  # type: ignore[arg-type]
    return path


def published(monkeypatch: pytest.MonkeyPatch, weights: Path, sha256: str, ap: float | None = 76.2) -> None:
    """Let these weights be published ones."""
    entry = next(e for e in ZOO.values() if isinstance(e, PublishedPoseWeights) and e.ap == 76.2)
    own = {"sha256": sha256, "kind": CODEC.kind, "input_size": CODEC.input_size, "sigma": CODEC.sigma, "ap": ap}
    made = PublishedPoseWeights(**{**vars(entry), **own})
    monkeypatch.setattr(coco, "find_published", lambda given: made if given == str(weights) else None)


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_figures_are_those_of_pycocotools(
    data: Path, weights: Path, noise: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "_runtime", lambda form, settings: Knowing(data, noise))
    results, out = tmp_path / "new" / "results.json", tmp_path / "out.json"
    assert evaluate(weights, "--data", data, "--results", results, "--json", out) == 0
    figures = json.loads(out.read_text())["figures"]
    assert list(figures) == list(FIGURES)
    known = [math.nan if value is None else value for value in figures.values()]
    assert known == pytest.approx(reference_figures(data / PLACES["annotations"], results), abs=1e-12, nan_ok=True)
    assert (figures["AP"] > 0.99) == (noise == 0)
    assert figures["AP"] > 0.1
    assert len(json.loads(results.read_text())) == 5 + (noise > 0)  # two of picture 1 are alike without noise


def test_a_network_as_it_is(data: Path, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.json"
    assert evaluate(weights, "--data", data, "--runtime", "torch", "--limit", 3, "--json", out) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:10]] == list(FIGURES)
    assert lines[10:] == ["in 5 boxes of 3 pictures; cpu, float32"]
    written = json.loads(out.read_text())
    assert written["published_ap_percent"] is None
    assert written["weights"] == {"file": weights.name, "sha256": file_sha256(weights)}
    assert written["boxes"] == {"file": PLACES["boxes"], "number": 5}
    assert (written["pose"]["kind"], written["pose"]["flip_test"], written["pose"]["max_oks"]) == ("udp", True, 0.9)


def test_what_settings_change(data: Path, weights: Path, tmp_path: Path) -> None:
    first, out = ("--data", data, "--runtime", "torch", "--limit", 1), tmp_path / "results.json"

    def results(*words: object) -> Any:
        assert evaluate(weights, *first, "--results", out, *words) == 0
        return json.loads(out.read_text())

    usual = results()
    assert len(usual) == 2
    assert results("--pose.max_oks", 0) == usual[:1]
    for words in (["--no-flip"], ["--pose.padding", 1.5], ["--pose.scales", "[1, 1.2]"]):
        assert results(*words) != usual
    (true,) = results("--true-boxes")
    assert true["image_id"] == 1


def test_pictures_and_files_elsewhere(data: Path, weights: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "val2017.zip", "w") as file:
        for path in (data / PLACES["images"]).iterdir():
            file.write(path, f"val2017/{path.name}")
    assert find_coco(tmp_path, {key: data / PLACES[key] for key in ("annotations", "boxes")}).images == (
        tmp_path / "val2017.zip" / "val2017"
    )
    places = [word for key in ("annotations", "boxes") for word in (f"--{key}", data / PLACES[key])]
    assert evaluate(weights, "--data", tmp_path, *places, "--runtime", "torch", "--limit", 1) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "difference"),
        (["--no-flip"], "not to be compared: flip_test is False"),
        (["--true-boxes", "--pose.padding", "1.5"], "not to be compared: padding is 1.5, annotated boxes"),
        (["--limit", "3"], "not to be compared: 3 pictures"),
    ],
)
def test_the_published_figure(
    data: Path,
    weights: Path,
    words: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(coco, "PICTURES", 4)
    monkeypatch.setattr(coco, "_runtime", lambda form, settings: Knowing(data, 0))
    published(monkeypatch, weights, file_sha256(weights)[:8])
    assert evaluate(weights, "--data", data, *words) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"published AP 76.2; {told}")
    assert not words or last.endswith(told)
    assert words or last.endswith(" +23.80")


def test_published_figures_are_not_compared_with_bfloat16(
    data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(coco, "PICTURES", 4)
    monkeypatch.setattr(Knowing, "precision", "bfloat16")
    monkeypatch.setattr(coco, "_runtime", lambda form, settings: Knowing(data, 0))
    published(monkeypatch, weights, file_sha256(weights)[:8])
    assert evaluate(weights, "--data", data) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "published AP 76.2; not to be compared: bfloat16"


def test_heatmaps_that_are_not_numbers(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a training that diverged, whose weights others keep."""
    network, path = HRNet(17, **TINY), tmp_path / "diverged.pth"  # type: ignore[arg-type]
    nn.init.constant_(network.final_layer.get_parameter("bias"), math.nan)
    torch.save(network.state_dict(), path)
    form = ("--pose.kind", "plain", "--pose.skeleton", "coco_17", "--pose.input_size", "[64, 96]")
    results = tmp_path / "results.json"
    assert evaluate(path, "--data", data, "--runtime", "torch", "--results", results, *form) == 2
    assert "the network's heatmaps are not numbers, as if its training diverged" in capsys.readouterr().err
    assert not results.exists()


def test_a_file_that_is_only_called_like_published_weights(
    data: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published(monkeypatch, weights, "0" * 8)
    assert evaluate(weights, "--data", data, "--runtime", "torch", "--limit", 1) == 0
    assert "published" not in capsys.readouterr().out


def test_detections_that_are_none_are_left_out(
    data: Path, weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = json.loads((data / PLACES["boxes"]).read_text())
    found[4]["bbox"][2] = 0
    (tmp_path / "found.json").write_text(json.dumps(found))
    words = ("--data", data, "--boxes", tmp_path / "found.json", "--runtime", "torch", "--limit", 1)
    assert evaluate(weights, *words, "--results", tmp_path / "out.json") == 0
    assert len(json.loads((tmp_path / "out.json").read_text())) == 1
    assert "1 broken entries left out" in caplog.text


@pytest.mark.parametrize(
    ("missing", "source"),
    [
        ("annotations", "annotations_trainval2017.zip"),
        ("images", "http://images.cocodataset.org/zips/val2017.zip"),
        ("boxes", "github.com/HRNet/HRNet-Human-Pose-Estimation"),
    ],
)
def test_missing_data_is_named_with_its_source(
    data: Path, weights: Path, missing: str, source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / PLACES[missing]
    assert evaluate(weights, "--data", data, f"--{missing}", gone) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"there is no {str(gone)!r}" in line
    assert source in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bundled"], "'bundled' finds the joints of posetrack_15, COCO measures those of coco_17"),
        (["WEIGHTS", "--pose.joints", "posetrack_15"], "finds the joints of posetrack_15, COCO measures"),
        (["WEIGHTS", "--pose.kind", "plain"], "contradicts"),
        (["WEIGHTS", "--limit", "0"], "limit must be at least 1, got 0"),
        (["WEIGHTS", "--boxes", "ANNOTATIONS"], "must be a list of objects"),
        (["WEIGHTS", "--pose.flipp", "1"], "'pose.flipp' is not a setting"),
        (["none.pth"], "there is no weights file 'none.pth'"),
        (["WEIGHTS", "--true-boxes", "--boxes", "BOXES"], "argument --boxes: not allowed with argument --true-boxes"),
        (["WEIGHTS", "--pose.weights", "bundled"], "pose.weights is given twice; leave out --pose.weights bundled"),
        (["WEIGHTS", "--no-flip", "--pose.flip_test", "1"], "pose.flip_test is given twice; leave out"),
        (["WEIGHTS", "--results", "FOLDER"], "is a folder; name a file in it"),
        (["WEIGHTS", "--json", "BOXES/out.json"], "out.json' cannot be written, for "),
        (
            ["WEIGHTS", "--json", "FOLDER/out", "--results", "FOLDER/annotations/../out"],
            "results and figures cannot both go",
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
    """All before a network is run, which takes long."""
    monkeypatch.setattr(coco, "estimate_all", lambda *_: pytest.fail("the network was run"))
    known = {"WEIGHTS": weights, "ANNOTATIONS": data / PLACES["annotations"], "BOXES": data / PLACES["boxes"]}
    known["FOLDER"] = data
    words = [re.sub("[A-Z]{5,}", lambda name: str(known[name[0]]), word) for word in words]
    with contextlib.suppress(SystemExit):  # by the parser
        assert evaluate(*words, "--data", data) == 2
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "error" in line)
    assert message in line


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 people of COCO as val2017 would be, and boxes near theirs, some of them twice."""
    pack = json.loads(shared("data/pose_train/train.json").read_text())
    pack["images"] = [image for image in pack["images"] if image["source"] == "coco"]
    ids, rng = {image["id"] for image in pack["images"]}, np.random.default_rng(0)
    pack["annotations"] = [note for note in pack["annotations"] if note["image_id"] in ids]
    pack["categories"][0]["keypoints"] = list(COCO_17.joint_names)
    found = []
    for note in pack["annotations"]:
        note["keypoints"] = note["keypoints"][: 17 * 3]
        note["num_keypoints"] = sum(v > 0 for v in note["keypoints"][2::3])
        for score in rng.uniform(0, 1, rng.integers(1, 3)):
            box = np.array(note["bbox"]) + rng.normal(0, 0.05, 4) * max(note["bbox"][2:])
            found.append({"image_id": note["image_id"], "category_id": 1, "bbox": box.tolist(), "score": score})
    assert len(ids) == 96
    return write_parts(tmp_path_factory.mktemp("real"), pack, found)


def test_real_people(real: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found is not of a network, all else as with one."""
    monkeypatch.setattr(coco, "_runtime", lambda form, settings: Knowing(real, 4))
    results, out, pictures = tmp_path / "results.json", tmp_path / "out.json", shared("data/pose_train/train.tar")
    assert evaluate(weights, "--data", real, "--images", pictures, "--results", results, "--json", out) == 0
    written = json.loads(out.read_text())
    known = [math.nan if value is None else value for value in written["figures"].values()]
    assert written["pictures"] == 96
    assert known == pytest.approx(reference_figures(real / PLACES["annotations"], results), abs=1e-12, nan_ok=True)
    assert 0.3 < written["figures"]["AP"] < 0.95


def test_real_people_by_a_network(real: Path, weights: Path, tmp_path: Path) -> None:
    results, pictures = tmp_path / "results.json", shared("data/pose_train/train.tar")
    words = ("--data", real, "--images", pictures, "--limit", 4, "--runtime", "torch", "--results", results)
    assert evaluate(weights, *words) == 0
    assert {entry["image_id"] for entry in json.loads(results.read_text())} == {
        image["id"] for image in json.loads((real / PLACES["annotations"]).read_text())["images"][:4]
    }
