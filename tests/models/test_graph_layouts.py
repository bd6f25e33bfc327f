from __future__ import annotations

import pytest

from pose_track.models.graph_input import Port, graph_input
from pose_track.models.graph_layouts import box_layout, pose_layout

SIZE = (192, 256)


def port(name: str, *shape: int | None, dtype: str = "float32") -> Port:
    return Port(name, (None, *shape), dtype)


POSES = [
    # MMPose's RTMPose; the number of joints is not always stated
    ([port("simcc_x", 17, 384), port("simcc_y", 17, 512)], SIZE, ("simcc", (0, 1), 17)),
    ([port("700", 26, 512), port("output", 26, 384)], SIZE, ("simcc", (1, 0), 26)),
    # a square input: by name
    ([port("simcc_y", 21, 512), port("simcc_x", 21, 512)], (256, 256), ("simcc", (1, 0), 21)),
    # RTMO
    ([port("dets", None, 5), port("keypoints", None, 17, 3)], (640, 640), ("rtmo", (0, 1), 17)),
    # heatmaps, with PP-TinyPose's places of the highest cells
    ([port("conv", 17, 64, 48), port("argmax", 17, dtype="int64")], SIZE, ("heatmaps", (0,), 17)),
    # MoveNet
    ([port("Identity:0", 1, 17, 3)], (256, 256), ("single_pose", (0,), 17)),
    # YOLO-Pose of Ultralytics, and of the kind that needs no suppression
    ([port("output0", 56, 8400)], (640, 640), ("yolo_pose", (0,), 17)),
    ([port("output0", 300, 57)], (640, 640), ("yolo_pose_end2end", (0,), 17)),
]


@pytest.mark.parametrize(("outputs", "size", "expected"), POSES)
def test_pose_layouts(outputs: list[Port], size: tuple[int, int], expected: tuple[object, ...]) -> None:
    assert tuple(pose_layout(outputs, size)) == expected


RTMDET = [port(f"cls{s}", 1, s, s) for s in (40, 20, 10)] + [port(f"box{s}", 4, s, s) for s in (40, 20, 10)]
BOXES = [
    # MMDeploy, whatever the detector
    ([port("dets", None, 5), port("labels", None, dtype="int64")], (640, 640), ("boxes", (0, 1), 0)),
    ([port("output", 3549, 85)], (416, 416), ("yolox", (0,), 0)),
    ([port("output0", 84, 8400)], (640, 640), ("yolo", (0,), 0)),
    (RTMDET, (320, 320), ("rtmdet", (0, 1, 2, 3, 4, 5), 0)),
    (RTMDET[::-1], (320, 320), ("rtmdet", (5, 4, 3, 2, 1, 0), 0)),
    ([port("concat", 2125, 4), port("transpose", 1, 2125)], (320, 320), ("picodet", (0, 1), 0)),
    ([port("transpose", 80, 2125), port("concat", 2125, 4)], (320, 320), ("picodet", (1, 0), 0)),
]


@pytest.mark.parametrize(("outputs", "size", "expected"), BOXES)
def test_box_layouts(outputs: list[Port], size: tuple[int, int], expected: tuple[object, ...]) -> None:
    assert tuple(box_layout(outputs, size)) == expected


def test_a_network_for_something_else_is_refused_with_its_outputs() -> None:
    with pytest.raises(ValueError, match=r"returns logits \(any, 1000\), which are not heatmaps, SimCC"):
        pose_layout([port("logits", 1000)], (224, 224))
    with pytest.raises(ValueError, match=r"returns logits \(any, 1000\), which are not the boxes of MMDeploy"):
        box_layout([port("logits", 1000)], (224, 224))
    with pytest.raises(ValueError, match="returns nothing"):
        pose_layout([], SIZE)


def test_detectors_are_not_keypoint_networks_and_the_reverse() -> None:
    for outputs, size, _ in BOXES:
        with pytest.raises(ValueError, match="which are not"):
            pose_layout(outputs, size)
    for outputs, size, (kind, *_) in POSES:
        if not str(kind).startswith("yolo"):  # its keypoints could be classes
            with pytest.raises(ValueError, match="which are not"):
                box_layout(outputs, size)


def test_a_graph_with_another_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"takes audio \(any, 16000\) instead of one batch of images"):
        graph_input((port("audio", 16000),))
    with pytest.raises(ValueError, match=r"instead of one batch of images"):
        graph_input((port("image", 3, 320, 320), port("scale_factor", 2)))
    assert graph_input((Port("input", (1, 256, 256, 3), "int32"),)) == (1, (256, 256), True, "int32")
