"""Graphs of others as stages: what they are taken for, what is refused, and that they find what they should."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_graphs import heatmap_pattern, simcc_patterns, write_graph

import pose_track.build.graphs
from pose_track.build.graphs import detector_graph, names_graph, pose_graph
from pose_track.build.networks import describe_weights, detector_network, pose_network
from pose_track.build.stages import build_stages
from pose_track.config.settings import Settings
from pose_track.structures.frames import Detections, Frame
from pose_track.structures.skeleton import Skeleton
from pose_track.weights.entries.entry import PublishedGraph
from pose_track.weights.zoo import ZOO

CROP = (48, 64)
PLACES = [(2.0 * k + 4, 3.0 * k + 5) for k in range(17)]  # in pixels of the crop
BOX = Detections(np.array([[10, 20, 58, 84]], np.float32), np.array([0.9], np.float32))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSE_TRACK_CACHE", str(tmp_path / "cache"))


def simcc(folder: Path, places: list[tuple[float, float]] = PLACES, name: str = "simcc.onnx") -> Path:
    return write_graph(folder / name, simcc_patterns(places, CROP), CROP)


def heatmaps(folder: Path) -> Path:
    cells = [(k % 8 + 2, k % 12 + 2) for k in range(17)]
    return write_graph(folder / "heatmaps.onnx", {"maps": heatmap_pattern(cells, CROP)}, CROP)


def rtmo(folder: Path, name: str = "rtmo.onnx") -> Path:
    dets = np.array([[8, 8, 40, 56, 0.9]], np.float32)
    keypoints = np.concatenate([np.linspace([8, 8], [40, 56], 17)[None], np.full((1, 17, 1), 0.8)], axis=2)
    return write_graph(folder / name, {"dets": dets, "keypoints": keypoints}, (64, 64))


def detector(folder: Path) -> Path:
    dets, labels = np.array([[8, 8, 40, 56, 0.9], [0, 0, 9, 9, 0.8]], np.float32), np.array([0, 5])
    return write_graph(folder / "detector.onnx", {"dets": dets, "labels": labels}, (64, 64))


def settings(**sections: Any) -> Settings:
    return Settings.model_validate({"device": "cpu", "tracker": {"flow": {"method": "none"}}, **sections})


def image(value: int = 255) -> np.ndarray:
    return np.full((128, 128, 3), value, np.uint8)


def estimate(pose: dict[str, Any]) -> Any:
    """The poses in one box of a bright image."""
    stages = build_stages(settings(pose=pose))
    return stages.estimate(image(), BOX)  # type: ignore[operator]


def test_a_simcc_graph_says_what_it_was_taken_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    weights = str(simcc(tmp_path))
    poses = estimate({"weights": weights, "pixels": "rgb_unit"})
    assert "taken for a SimCC network (as RTMPose) of 17 joints" in caplog.text
    assert poses.skeleton.name == "coco_17"
    # a crop of 1.25 times the box, whose centre is the centre of the crop
    expected = (np.array(PLACES) - (24, 32)) * 1.25 + (34, 52)
    np.testing.assert_allclose(poses.joints[0], expected, atol=0.01)
    np.testing.assert_allclose(poses.joint_scores[0], 1, atol=1e-3)


def test_settings_of_simcc(tmp_path: Path) -> None:
    between = [(x + 0.2, y + 0.2) for x, y in PLACES]
    weights = str(simcc(tmp_path, between))
    pose = {"weights": weights, "pixels": "rgb_unit"}
    exact = (np.array(between) - (24, 32)) * 1.25 + (34, 52)
    errors = [np.abs(estimate(pose | more).joints[0] - exact).max() for more in ({}, {"decoding": "dark", "sigma": 5})]
    assert errors[1] < 0.1 < 0.2 < errors[0]
    scores = [estimate(pose | more).joint_scores[0].mean() for more in ({}, {"beta": 1.0}, {"beta": 150.0})]
    assert len(set(np.round(scores, 2))) == 3
    flipped = estimate(pose | {"flip_test": True}).joint_scores[0]
    assert flipped.max() < 0.99  # the crop and its mirror image have other places


def test_heatmaps_need_what_nothing_states(tmp_path: Path) -> None:
    weights = str(heatmaps(tmp_path))
    with pytest.raises(ValueError, match=r"a heatmap network of 17 joints; give them as --pose.skeleton \(coco_17 or"):
        pose_graph(settings(pose={"weights": weights}).pose)
    with pytest.raises(ValueError, match=r"17 joints; give --pose.heatmap_type"):
        pose_graph(settings(pose={"weights": weights, "skeleton": "coco_17"}).pose)
    given = {"weights": weights, "skeleton": "coco_17", "heatmap_type": "udp", "pixels": "rgb_unit"}
    udp, dark = (estimate(given | {"heatmap_type": kind}).joints[0] for kind in ("udp", "dark"))
    cells = np.array([(k % 8 + 2, k % 12 + 2) for k in range(17)])
    in_crop = cells * (47 / 11, 63 / 15) - (23.5, 31.5)
    np.testing.assert_allclose(udp, in_crop * (48 / 47, 64 / 63) * 1.25 + (34, 52), atol=0.1)
    assert np.abs(udp - dark).max() > 0.1


def test_another_skeleton_and_conversion(tmp_path: Path) -> None:
    fourteen = str(simcc(tmp_path, PLACES[:14]))
    with pytest.raises(ValueError, match=r"of 14 joints; give them as --pose.skeleton \(lsp_14 or a YAML file\)"):
        pose_graph(settings(pose={"weights": fourteen}).pose)
    with pytest.raises(ValueError, match="of 14 joints, but coco_17 has 17"):
        pose_graph(settings(pose={"weights": fourteen, "skeleton": "coco_17"}).pose)
    assert pose_graph(settings(pose={"weights": fourteen, "skeleton": "lsp_14"}).pose).skeleton.name == "lsp_14"
    poses = estimate({"weights": str(simcc(tmp_path)), "joints": "posetrack_15"})
    assert poses.skeleton.name == "posetrack_15"


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        ("simcc", "heatmap_type", "udp"),
        ("simcc", "scales", [0.8, 1.0]),
        ("simcc", "decoding", "udp"),
        ("heatmaps", "beta", 150),
        ("rtmo", "flip_test", True),
        ("rtmo", "padding", 1.5),
    ],
)
def test_settings_without_effect_are_refused(tmp_path: Path, kind: str, option: str, value: Any) -> None:
    weights = str({"simcc": simcc, "heatmaps": heatmaps, "rtmo": rtmo}[kind](tmp_path))
    with pytest.raises(ValueError, match=f"pose.{option} "):
        pose_graph(settings(pose={"weights": weights, option: value}).pose)


def test_a_graph_of_any_size(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "any.onnx", {"maps": heatmap_pattern([(1, 2)], CROP)}, None)
    with pytest.raises(ValueError, match=r"takes images of any size; give --pose.input_size"):
        pose_graph(settings(pose={"weights": str(path)}).pose)


def test_finished_boxes_need_the_pixels(tmp_path: Path) -> None:
    weights = str(detector(tmp_path))
    with pytest.raises(ValueError, match=r"give --detector.pixels: bgr_imagenet for RTMDet, bgr_255 for YOLOX"):
        detector_graph(settings(detector={"weights": weights}).detector)


def detect(detector: dict[str, Any]) -> list[list[float]]:
    stages = build_stages(settings(detector={"pixels": "rgb_unit", "min_score": 0.5, **detector}))
    (detections,) = stages.detect.run_batch([Frame(0, 0.0, image())])  # type: ignore[union-attr]
    return detections.boxes.astype(float).round(1).tolist()


def test_settings_of_detectors(tmp_path: Path) -> None:
    weights = str(detector(tmp_path))
    assert detect({"weights": weights}) == [[15.5, 15.5, 79.5, 111.5]]
    assert detect({"weights": weights, "person_class": 5}) == [[0.0, 0.0, 17.5, 17.5]]
    assert detect({"weights": weights, "pixels": "bgr_imagenet"}) != [[15.5, 15.5, 79.5, 111.5]]
    assert detect({"weights": weights, "input_size": (128, 64), "resize": "stretch"}) == [[7.5, 15.5, 39.5, 111.5]]
    # the grey beside the image makes the mean of the input lower, by which this graph multiplies
    assert detect({"weights": weights, "input_size": (128, 64), "resize": "letterbox"}) == [[11.1, 11.1, 57.4, 80.5]]
    with pytest.raises(ValueError, match=r"is a detector of its own; leave detector.name fcos_resnet50_fpn out"):
        settings(detector={"weights": weights, "name": "fcos_resnet50_fpn"})


def test_one_stage_is_detector_and_estimator(tmp_path: Path) -> None:
    chosen = settings(pose={"weights": str(rtmo(tmp_path)), "pixels": "rgb_unit"}, detector={"min_score": 0.5})
    stages = build_stages(chosen)
    assert stages.weights["detector"] == stages.weights["pose"]
    assert describe_weights(chosen)["detector"] == describe_weights(chosen)["pose"]
    frames = [Frame(index, index / 25, image()) for index in range(6)]
    tracked = list(stages.track(frames, stages.make_tracker(Fraction(25))))
    assert [len(people) for _, people in tracked] == [1] * 6
    expected = np.linspace([8, 8], [40, 56], 17) * 2 - 0.5
    np.testing.assert_allclose(tracked[0][1].poses.joints[0], expected, atol=1e-3)


def test_boxes_of_another_detector_pick_people_of_a_one_stage_network(tmp_path: Path) -> None:
    weights = {"weights": str(rtmo(tmp_path)), "pixels": "rgb_unit"}
    boxes = {"weights": str(detector(tmp_path)), "pixels": "rgb_unit", "min_score": 0.5}
    stages = build_stages(settings(pose=weights, detector=boxes))
    assert stages.weights["detector"]["file"] == "detector.onnx"
    frames = [Frame(index, index / 25, image()) for index in range(4)]
    assert [len(people) for _, people in stages.track(frames, stages.make_tracker(Fraction(25)))] == [1] * 4


def test_scores_that_are_not_calibrated_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    build_stages(settings(detector={"weights": str(detector(tmp_path)), "pixels": "rgb_unit"}))
    assert "its scores are not calibrated, and detector.min_score 0.58 is for the bundled detector" in caplog.text


def test_graph_settings_have_no_effect_on_other_networks() -> None:
    with pytest.raises(ValueError, match=r"pose.pixels has no effect on 'bundled', only on graphs"):
        pose_network(settings(pose={"pixels": "rgb_255"}).pose)
    with pytest.raises(ValueError, match=r"pose.beta has no effect on 'bundled', only on graphs"):
        pose_network(settings(pose={"beta": 10}).pose)
    for option, value in (("pixels", "rgb_255"), ("resize", "stretch"), ("input_size", (64, 64)), ("person_class", 1)):
        with pytest.raises(ValueError, match=f"detector.{option} has no effect on compact, only on graphs"):
            detector_network(settings(detector={option: value}).detector)


def test_commands_that_build_networks_refuse_graphs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a graph of others; give weights that this project builds"):
        pose_network(settings(pose={"weights": str(simcc(tmp_path))}).pose)
    with pytest.raises(ValueError, match="is a graph of others; give weights that this project builds"):
        detector_network(settings(detector={"weights": str(detector(tmp_path))}).detector)


def test_which_names_are_graphs(tmp_path: Path) -> None:
    assert names_graph("rtmpose_t_256x192")
    assert names_graph("missing.onnx")
    assert names_graph(str(simcc(tmp_path)))
    assert not any(map(names_graph, (None, "bundled", "hrnet_w32_coco_256x192", "mine.pth")))
    with pytest.raises(FileNotFoundError, match=r"there is no weights file 'missing.onnx'"):
        pose_graph(settings(pose={"weights": "missing.onnx"}).pose)


def stored(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    """Make a file that of published weights whose digest is not known."""
    entry = ZOO[name]
    assert isinstance(entry, PublishedGraph)
    monkeypatch.setattr(pose_track.build.graphs, "weights_file", lambda _: path)
    monkeypatch.setattr(pose_track.build.graphs, "file_sha256", lambda _: entry.sha256 + "0" * 64)


def test_published_graphs_are_described_by_their_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (192, 256)
    places = [(float(k), float(k)) for k in range(26)]
    path = write_graph(tmp_path / "a.onnx", simcc_patterns(places, size), size)
    stored(tmp_path, monkeypatch, "rtmpose_m_halpe26_256x192", path)
    graph = pose_graph(settings(pose={"weights": "rtmpose_m_halpe26_256x192"}).pose)
    assert (graph.skeleton.name, graph.pixels, graph.input_size) == ("halpe_26", "rgb_imagenet", size)
    assert graph.description.startswith("rtmpose_m_halpe26_256x192: Body8 AP 76.7")
    mine = Skeleton("mine", tuple(f"joint_{k}" for k in range(26)))
    contradicting = settings(pose={"weights": "rtmpose_m_halpe26_256x192", "skeleton": mine}).pose
    with pytest.raises(ValueError, match="contradicts 'rtmpose_m_halpe26_256x192', which is halpe_26"):
        pose_graph(contradicting)


def test_a_published_graph_with_another_input_or_output_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(tmp_path, monkeypatch, "rtmpose_t_256x192", simcc(tmp_path))
    with pytest.raises(ValueError, match=r"takes images of \(48, 64\), but rtmpose_t_256x192 takes \(192, 256\)"):
        pose_graph(settings(pose={"weights": "rtmpose_t_256x192"}).pose)
    path = write_graph(tmp_path / "b.onnx", {"maps": heatmap_pattern([(1, 1)], (192, 256))}, (192, 256))
    stored(tmp_path, monkeypatch, "rtmpose_t_256x192", path)
    with pytest.raises(
        ValueError, match="taken for a heatmap network of 1 joints, but rtmpose_t_256x192 returns simcc"
    ):
        pose_graph(settings(pose={"weights": "rtmpose_t_256x192"}).pose)


def test_every_published_graph_is_known_by_the_reader() -> None:
    graphs = [entry for entry in ZOO.values() if isinstance(entry, PublishedGraph)]
    assert {entry.outputs for entry in graphs} == {"simcc", "rtmo", "boxes", "yolox"}
    assert {entry.pixels for entry in graphs} == {"rgb_imagenet", "bgr_imagenet", "bgr_255"}
