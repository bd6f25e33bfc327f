"""`pose-track benchmark quality` on a few frames of the sample, whose people are drawn and known exactly."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from command_line import run_command
from tiny_posetrack import ROOT

from pose_track.benchmarks.quality.config import QualityConfig
from pose_track.benchmarks.quality.figures import Figure, figures_json, markdown_tables
from pose_track.benchmarks.quality.reference import read_reference, reference_pck
from pose_track.config.load import configs_folder, load_settings
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import COCO_17, POSETRACK_15
from pose_track.video.reader import open_video

SAMPLE = ROOT / "data" / "sample"
FIRST, COUNT = 60, 4  # all three people are in these frames


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some frames of the sample as images, with labels in PoseTrack's and COCO's layout and as joints of one person."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "clip" / "images" / "val" / "clip"
    folder.mkdir(parents=True)
    with open_video(SAMPLE / "three_people.mp4") as reader:
        for frame in reader:
            if FIRST <= frame.index < FIRST + COUNT:
                cv2.imwrite(str(folder / f"{frame.index - FIRST:06d}.png"), frame.image[..., ::-1])
            if frame.index >= FIRST + COUNT:
                break
    data = json.loads((SAMPLE / "annotations" / "val" / "three_people.json").read_text())
    images = data["images"][FIRST : FIRST + COUNT]
    for number, image in enumerate(images):
        image.update(file_name=f"images/val/clip/{number:06d}.png", width=640, height=360, nframes=COUNT)
    ids = {image["id"] for image in images}
    people = [person for person in data["annotations"] if person["image_id"] in ids]
    kept = {**data, "images": images, "annotations": people}
    (root / "clip" / "annotations" / "val").mkdir(parents=True)
    (root / "clip" / "annotations" / "val" / "clip.json").write_text(json.dumps(kept))
    coco = [{key: image[key] for key in ("id", "file_name", "width", "height")} for image in images]
    for number, image in enumerate(coco):
        image["source"] = "odd" if number % 2 else "even"
    (root / "people.json").write_text(json.dumps({**kept, "images": coco}))
    names, first = data["categories"][0]["keypoints"], people[0]["track_id"]
    rows = [np.reshape(person["keypoints"], (-1, 3)).tolist() for person in people if person["track_id"] == first]
    (root / "joints.json").write_text(
        json.dumps([{name: {"x": x, "y": y} for name, (x, y, v) in zip(names, row, strict=True) if v} for row in rows])
    )
    return root


def config(root: Path, **changes: Any) -> Path:
    images = {"annotations": "people.json", "images": "clip"}
    video = {"name": "drawn", "video": "clip/images/val/clip", "joints": "joints.json", "max_distance": 0.1}
    sets = {
        "people": [{"name": "people", **images}],
        "boxes": [{"name": "boxes", **images}],
        "posetrack": [{"name": "clip", "root": "clip"}],
        "videos": [video],
    }
    path = root / "quality.yaml"
    path.write_text(yaml.safe_dump({"decoding": "dark", **sets, **changes}))
    return path


def measure(root: Path, path: Path, *words: object) -> dict[str, dict[str, Any]]:
    """The figures of the command by name."""
    out = root / "out.json"
    words = ("--data", root / "nowhere", root, "--json", out, "--device", "cpu", *words)
    assert run_command("benchmark", "quality", path, *words) == 0
    result = json.loads(out.read_text())
    return {figure["name"]: figure for figure in result["figures"]} | {"networks": result["networks"]}


def test_every_figure_of_the_bundled_networks(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = measure(root, config(root))
    networks = figures.pop("networks")
    assert list(figures) == [
        "people PCK@0.2", "clip AP", "clip MOTA", "drawn joints within 10 % of height", "sides change",
        "sides coincide", "boxes AP50", "boxes AP75", "boxes AR75",
    ]  # fmt: skip
    for name, least in {"people PCK@0.2": 0.6, "clip AP": 0.4, "boxes AP50": 0.6, "boxes AR75": 0.3}.items():
        assert least < figures[name]["value"] <= 1, name
    assert figures["drawn joints within 10 % of height"]["value"] > 0.6
    assert figures["boxes AP75"]["value"] <= figures["boxes AP50"]["value"]
    assert {"even", "odd", "knee"} <= figures["people PCK@0.2"]["parts"].keys()
    assert figures["boxes AP50"]["parts"].keys() == {"even", "odd"}
    assert {"ankle", "drawn"} <= figures["sides change"]["parts"].keys()
    assert networks["pose"]["decoding"] == "dark"
    out = capsys.readouterr().out
    table = [line for line in out.splitlines() if line.startswith("| pose.safetensors ")]
    assert len(table) == 2  # the rows of the two model cards
    assert f" {figures['people PCK@0.2']['value']:.3f} |" in table[0]


def test_decoding_and_number_of_frames(root: Path) -> None:
    """The config's decoding holds unless an option gives another one; videos end after max_frames."""
    path = config(root, boxes=[], posetrack=[], max_frames=2)
    dark = measure(root, path)
    offset = measure(root, path, "--pose.decoding", "quarter_offset")
    assert offset["networks"]["pose"]["decoding"] == "quarter_offset"
    assert offset["people PCK@0.2"]["parts"] != dark["people PCK@0.2"]["parts"]
    assert dark["drawn joints within 10 % of height"]["note"] == "2 frames"


def test_absent_sets_are_reported(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "absent.yaml"
    sets = {"annotations": "none.json", "images": "clip"}
    content = {"people": [{"name": "a", **sets}], "boxes": [{"name": "b", **sets}]}
    videos = [{"name": "c", "video": "none.mp4", "joints": "joints.json"}]
    path.write_text(yaml.safe_dump({**content, "posetrack": [{"name": "d", "root": "none"}], "videos": videos}))
    figures = measure(root, path)
    del figures["networks"]
    assert len(figures) == 9
    assert all(figure["absent"] and figure["value"] is None for figure in figures.values())
    assert "none.json is absent" in figures["b AP75"]["note"]
    assert "none.mp4" in figures["c joints within 10 % of height"]["note"]
    assert capsys.readouterr().out.count("absent") >= 9


def test_tables() -> None:
    figures = [
        Figure("keypoints", "val PCK@0.2", 0.6625, {"shop": 0.9, "sea": math.nan}, note="541 people"),
        Figure("keypoints", "sides change", 0.031, percent=True),
        Figure("detector", "boxes AP50", None, note="val.json is absent"),
    ]
    lines = markdown_tables("new", figures)
    assert lines[:3] == ["| keypoints | val PCK@0.2 | sides change % |", "| --- | --- | --- |", "| new | 0.662 | 3.1 |"]
    assert lines[4:7] == ["| detector | boxes AP50 |", "| --- | --- |", "| new | absent |"]
    assert lines[-3:] == [
        "| val PCK@0.2 | 0.662 | 541 people; shop 0.900, sea - |",
        "| sides change | 3.1 |  |",
        "| boxes AP50 | absent | val.json is absent |",
    ]
    written = figures_json(figures)
    assert written[0]["parts"] == {"shop": 0.9, "sea": None}
    assert [figure["absent"] for figure in written] == [False, False, True]


def tracked(index: int, *people: np.ndarray) -> TrackedPoses:
    n = len(people)
    joints = np.array(people, np.float32).reshape(n, 15, 2)
    scores, boxes = np.full((n, 15), 0.1, np.float32), np.zeros((n, 4), np.float32)
    return TrackedPoses(index, 0.0, Poses(joints, scores, boxes, scores[:, 0], POSETRACK_15), np.arange(1, n + 1))


def test_reference_pck() -> None:
    """The nearest person counts, whatever the scores; missed frames are wrong; further frames are left out."""
    person = np.column_stack([np.linspace(0, 50, 15), np.linspace(0, 100, 15)])  # of height 100
    reference = np.stack([person, person, person])
    off = person.copy()
    off[:3] += [0, 10.1]
    off[3:6] += [0, 9.9]
    frames = [tracked(0, person + 300, off), tracked(1), tracked(2, person), tracked(3, person + 300)]
    total, by_joint = reference_pck(frames, reference, 0.1)
    assert total == pytest.approx((12 + 0 + 15) / 45)
    assert by_joint[:4] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3])
    reference[:, 4] = np.nan
    total, by_joint = reference_pck(frames, reference, 0.1)
    assert total == pytest.approx((11 + 0 + 14) / 42)
    assert math.isnan(by_joint[4])


def test_reference_files(tmp_path: Path) -> None:
    path = tmp_path / "joints.json"
    path.write_text(
        json.dumps([{"nose": {"x": 1, "y": 2}, "left_eye": {"x": 3, "y": 4}, "tail": {"x": 5, "y": 6}}, {}])
    )
    joints = read_reference(path, COCO_17)
    assert joints.shape == (2, 17, 2)
    assert joints[0, :2].tolist() == [[1, 2], [3, 4]]
    assert np.isnan(joints[0, 2:]).all()
    assert np.isnan(joints[1]).all()
    path.write_text(json.dumps([[[1, 2, 0.5], [3, 4, 0.5], [5, 6, 0.5]]]))
    assert read_reference(path, COCO_17, ["tail", "nose"])[0, 0].tolist() == [3, 4]
    for content, names in (
        ([{"tail": {"x": 1, "y": 2}}], None),
        ([[1, 2]], ["nose"]),
        ({}, None),
        ([{"nose": 1}], None),
    ):
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match=r"joints\.json"):
            read_reference(path, COCO_17, names)


def test_shipped_config() -> None:
    """Its sets have names of their own, and the sample is there."""
    shipped = load_settings(QualityConfig, configs_folder() / "benchmark" / "quality.yaml")
    for sets in (shipped.people, shipped.boxes, shipped.posetrack, shipped.videos):
        assert sets
        assert len({one.name for one in sets}) == len(sets)
    assert (ROOT / "data" / shipped.posetrack[0].root / "annotations" / "val").is_dir()


@pytest.mark.parametrize(
    ("changes", "words", "message"),
    [
        ({"poeple": []}, [], "'poeple'"),
        ({"videos": [{"name": "a", "video": "b", "joint_names": ["nose"]}]}, [], "joint_names"),
        ({}, ["--pose.weights", "none.safetensors"], "none.safetensors"),
        ({}, ["--detector.name", "fcos_resnet50_fpn"], "fcos_resnet50_fpn"),
        ({}, ["--tracker.mathing", "greedy"], "'tracker.matching'"),
        ({"preset": "slow"}, [], "'slow'"),
    ],
)
def test_errors(
    changes: dict[str, Any], words: list[object], message: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config(root, **{"people": [], "posetrack": [], "videos": [], **changes})
    assert run_command("benchmark", "quality", path, "--data", root, *words) == 2
    assert message in capsys.readouterr().err
