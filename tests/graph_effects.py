"""The effects of the settings of graphs, ONNX files of others; rows of the table in config/test_setting_effects.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tiny_graphs import simcc_patterns, write_graph

from pose_track.build.stages import build_stages
from pose_track.config.settings import Settings
from pose_track.structures.frames import Detections, Frame

_CROP = (48, 64)
_BOX = Detections(np.array([[10, 20, 58, 84]], np.float32), np.array([0.9], np.float32))
_RED = np.zeros((64, 128, 3), np.uint8)
_RED[..., 0] = 255


def detected_left_sides(settings: Settings, world: object) -> list[int]:
    """The left side of each box found in a red image; the graph multiplies its boxes with the mean of its input."""
    dets, labels = np.array([[60, 8, 200, 56, 99], [30, 8, 99, 56, 99]], np.float32), np.array([0, 7])
    write_graph(Path("detector.onnx"), {"dets": dets, "labels": labels}, (64, 64))
    (detections,) = build_stages(settings).detect.run_batch([Frame(0, 0.0, _RED)])  # type: ignore[union-attr]
    return detections.boxes[:, 0].round().astype(int).tolist()


def mean_joint_score(settings: Settings, world: object) -> float:
    """Of a graph that multiplies its logits with the mean of its input, in a red image."""
    places = [(20.0 + k, 30.0) for k in range(17)]
    write_graph(Path("simcc.onnx"), simcc_patterns(places, _CROP), _CROP)
    poses = build_stages(settings).estimate(_RED, _BOX)  # type: ignore[operator]
    return round(float(poses.joint_scores[0].mean()), 2)


_CPU = {"device": "cpu", "tracker.flow.method": "none"}
_DETECTOR = {**_CPU, "detector.weights": "detector.onnx", "detector.pixels": "rgb_unit"}
_POSE = {**_CPU, "pose.weights": "simcc.onnx", "pose.pixels": "rgb_unit"}

GRAPH_EFFECTS = [
    ("detector.pixels", _DETECTOR, detected_left_sides, {"rgb_unit": [46], "bgr_imagenet": []}),
    ("detector.resize", _DETECTOR, detected_left_sides, {"letterbox": [46], "stretch": [40]}),
    ("detector.input_size", _DETECTOR, detected_left_sides, {"null": [46], "[128, 64]": [20]}),
    ("detector.person_class", _DETECTOR, detected_left_sides, {"null": [46], "7": [23]}),
    ("pose.pixels", _POSE, mean_joint_score, {"rgb_unit": 0.22, "rgb_255": 1.0}),
    ("pose.beta", _POSE, mean_joint_score, {"null": 0.22, "1": 0.01}),
]
