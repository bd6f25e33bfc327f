"""Custom detectors and estimators, and the examples of docs/custom_models.md, which are run unchanged."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_video import HEIGHT, WIDTH, make_video, numbered_image
from stub_stages import estimate_on_diagonal

from pose_track.build.custom_models import custom_stages, qualified_name
from pose_track.config.networks import DetectorSettings
from pose_track.config.settings import Settings
from pose_track.pipeline.result_folder import OUTPUT_FILES, TRACKS_FILE
from pose_track.pipeline.track_file import track_file
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.structures.skeleton import COCO_17, POSETRACK_15
from pose_track.video.reader import open_video

PAGE = Path(__file__).parents[2] / "docs" / "custom_models.md"
IMAGE = numbered_image(5)
BOXES = Detections([[10, 20, 50, 100], [90, 15, 130, 110]], [0.9, 0.8])  # type: ignore[arg-type]


def two_people(image: ImageArray) -> Detections:
    return BOXES


def on_diagonal(image: ImageArray, detections: Detections) -> Poses:
    """As users write it, without sources."""
    return replace(estimate_on_diagonal(image, detections), sources=None)


def stages_with(**arguments: Any) -> Any:
    """Stages with the two functions above, unless others are given."""
    defaults = {"detect": two_people, "estimate": on_diagonal, "skeleton": POSETRACK_15}
    return custom_stages(**(defaults | arguments))


def records(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header, *frames = (json.loads(line) for line in (folder / TRACKS_FILE).read_text().splitlines())
    return header, frames


def test_a_folder_of_results(tmp_path: Path) -> None:
    summary = track_file(make_video(tmp_path / "a.mp4", 5), tmp_path / "out", stages_with(), Settings())
    assert (summary.frames, summary.people, summary.track_ids) == (5, 10, {1, 2})
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(OUTPUT_FILES)
    header, frames = records(tmp_path / "out")
    names = [header["weights"][stage] for stage in ("detector", "pose")]
    assert names == [{"callable": f"{__name__}.two_people"}, {"callable": f"{__name__}.on_diagonal"}]
    assert header["joint_names"] == list(POSETRACK_15.joint_names)
    assert frames[4]["people"][0]["joints"][0] == [14, 28, 0.8]


def test_an_estimator_for_recorded_boxes(tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.txt"
    boxes.write_text("".join(f"{i},-1,10,20,40,80,0.9\n" for i in range(1, 6)))
    recorded = Settings(detector=DetectorSettings(name="recorded", boxes=boxes))
    video = make_video(tmp_path / "a.mp4", 5)
    track_file(
        video,
        tmp_path / "out",
        custom_stages(estimate=on_diagonal, skeleton=POSETRACK_15, settings=recorded),
        recorded,
    )
    header, frames = records(tmp_path / "out")
    assert header["weights"]["detector"]["file"] == "boxes.txt"
    assert frames[2]["people"][0]["box"] == [10, 20, 50, 100]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"detect": None, "estimate": None, "skeleton": None}, "needs detect or estimate"),
        ({"skeleton": None}, "needs estimate and skeleton together"),
        ({"estimate": None}, "needs estimate and skeleton together"),
    ],
)
def test_missing_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stages_with(**arguments)


def test_the_name_of_a_skeleton_is_not_a_skeleton() -> None:
    with pytest.raises(TypeError, match=r"SKELETONS.*'posetrack_15'"):
        stages_with(skeleton="posetrack_15")


NAN = float("nan")


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (None, TypeError, "NoneType.*pose_track.Detections"),
        ([[10, 20, 50, 100]], TypeError, "list"),
        (Poses.empty(COCO_17), TypeError, "Poses"),
        (([[90, 20, 40, 80]], [1]), ValueError, r"box \[90.0, 20.0, 40.0, 80.0\].* x1 y1 x2 y2"),
        (([[0.1, 0.2, 0.5, 0.9]], [1]), ValueError, "boxes up to 0.900; .*pixels.*192 x 128"),
        (([[10, NAN, 50, 90]], [1]), ValueError, "boxes that are not finite"),
        (
            ([[500, 20, 600, 90]], [1]),
            ValueError,
            r"box \[500.0, .*pixels.*192 x 128",
        ),
        (([[10, 20, 50, 90]], [87.0]), ValueError, r"scores from 87.000 to 87.000.*\[0, 1\]"),
        (([[10, 20, 50, 90]], [NAN]), ValueError, "scores from nan to nan"),
    ],
)
def test_errors_name_the_detector(returned: Any, error: type[Exception], message: str) -> None:
    detections = Detections(*returned) if isinstance(returned, tuple) else returned
    stages = stages_with(detect=lambda image: detections)
    with pytest.raises(error, match=rf"^detect \({__name__}\..*<lambda>\) returned (the )?{message}[^\n]*$"):
        stages.detect(Frame(0, 0.0, IMAGE))


def poses(**changed: Any) -> Poses:
    return replace(on_diagonal(IMAGE, BOXES), **changed)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (None, TypeError, "NoneType.*pose_track.Poses"),
        (BOXES, TypeError, "Detections"),
        (Poses.empty(COCO_17)[[]], None, ""),  # the skeleton of no people does not matter
        (
            Poses(np.ones((2, 17, 2)), np.ones((2, 17)), BOXES.boxes, BOXES.scores, COCO_17),  # type: ignore[arg-type]
            ValueError,
            r"poses of coco_17 \(17 joints\).*posetrack_15 \(15 joints\)",
        ),
        (
            poses(joints=np.full((2, 15, 2), 0.5)),
            ValueError,
            "joints up to 0.500; .*pixels.*192 x 128",
        ),
        (poses(joints=np.full((2, 15, 2), NAN)), ValueError, "joints that are not finite; .*score 0"),
        (poses(joint_scores=np.full((2, 15), 7.5)), ValueError, "joint_scores from 7.500 to 7.500"),
        (poses(scores=np.array([-0.5, 0.5])), ValueError, "scores from -0.500 to 0.500"),
        (poses(boxes=BOXES.boxes / 128), ValueError, "boxes up to 1.016; .*pixels"),
        (poses(features=np.full((2, 15, 3), NAN)), ValueError, "features that are not finite"),
    ],
)
def test_errors_name_the_estimator(returned: Any, error: type[Exception] | None, message: str) -> None:
    stages = stages_with(estimate=lambda image, detections: returned)
    if error is None:
        assert len(stages.estimate.run_batch([IMAGE], [BOXES])[0]) == 0
        return
    with pytest.raises(error, match=rf"^estimate \({__name__}\..*<lambda>\) returned (the )?{message}[^\n]*$"):
        stages.estimate.run_batch([IMAGE], [BOXES])


def test_features_are_returned_always_or_never() -> None:
    results = [poses(features=np.ones((2, 15, 3), np.float32)), poses()]
    stages = stages_with(estimate=lambda image, detections: results.pop(0))
    with pytest.raises(ValueError, match="0 features per joint after 3"):
        stages.estimate.run_batch([IMAGE, IMAGE], [BOXES, BOXES])


def test_errors_of_the_function_are_not_changed(tmp_path: Path) -> None:
    def broken(image: ImageArray) -> Detections:
        raise RuntimeError("no memory left on the GPU")

    with pytest.raises(RuntimeError, match=r"^no memory left on the GPU$"):
        track_file(make_video(tmp_path / "a.mp4", 5), tmp_path / "out", stages_with(detect=broken), Settings())
    assert not (tmp_path / "out").exists()


def test_outside_boxes_are_dropped_and_rounding_is_clipped() -> None:
    returned = Detections(
        [[10, 20, 50, 90], [500, 20, 600, 90], [30, 30, 30, 60], [-20, 5, 40, 70]],  # type: ignore[arg-type]
        [1.0000002, 0.5, 0.4, -1e-7],  # type: ignore[arg-type]
    )
    detections = stages_with(detect=lambda image: returned).detect(Frame(0, 0.0, IMAGE))
    assert detections.boxes.tolist() == [[10, 20, 50, 90], [-20, 5, 40, 70]]
    assert detections.scores.tolist() == [1, 0]


def test_a_function_may_reuse_its_memory() -> None:
    joints = np.zeros((1, 15, 2), np.float32)
    box = Detections([[10, 20, 50, 100]], [0.9])  # type: ignore[arg-type]

    def estimate(image: ImageArray, detections: Detections) -> Poses:
        joints[:] += 10
        return Poses(joints, np.ones((1, 15)), box.boxes, box.scores, POSETRACK_15)  # type: ignore[arg-type]

    first, second = stages_with(estimate=estimate).estimate.run_batch([IMAGE, IMAGE], [box, box])
    assert (first.joints[0, 0, 0], second.joints[0, 0, 0]) == (10, 20)


def test_the_estimator_is_not_called_without_boxes() -> None:
    stages = stages_with(estimate=lambda image, detections: pytest.fail("called"))
    empty = Detections([[30, 30, 30, 60]], [0.5])  # type: ignore[arg-type]
    assert [len(p) for p in stages.estimate.run_batch([IMAGE, IMAGE], [Detections.empty(), empty])] == [0, 0]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["detector", "flow"]), min_size=1, max_size=6), st.data())
def test_each_pose_has_the_source_of_its_box(sources: list[str], data: st.DataObject) -> None:
    n = len(sources)
    left = np.arange(n) * 25.0
    boxes = Detections(np.stack([left, left, left + 40, left + 80], axis=1), np.full(n, 0.5), np.array(sources))  # type: ignore[arg-type]
    order = np.array(data.draw(st.permutations(range(n))))[: data.draw(st.integers(0, n))].astype(int)
    (result,) = stages_with(estimate=lambda i, d: on_diagonal(i, d)[order]).estimate.run_batch([IMAGE], [boxes])
    assert result.sources is not None
    assert result.sources.tolist() == [sources[i] for i in order]
    assert result.boxes.tolist() == boxes.boxes[order].tolist()


def test_duplicates_are_dropped_by_max_oks() -> None:
    twice = poses()[np.array([0, 1, 0])]
    assert len(stages_with().estimate.suppress_duplicates(twice)) == 2
    keeping = Settings.model_validate({"pose": {"max_oks": 1}})
    assert len(stages_with(settings=keeping).estimate.suppress_duplicates(twice)) == 3


def test_the_detector_runs_on_every_nth_frame(tmp_path: Path) -> None:
    images = []

    def detect(image: ImageArray) -> Detections:
        images.append(image)
        return BOXES

    every = Settings(detector=DetectorSettings(every=3))
    track_file(make_video(tmp_path / "a.mp4", 7), tmp_path / "out", stages_with(detect=detect, settings=every), every)
    assert len(images) == 3


def test_missed_people_are_followed_by_optical_flow(tmp_path: Path) -> None:
    """The estimator is called for people whom the tracker expects, and need not know about sources."""
    results = iter([BOXES] * 4 + [Detections.empty()] * 4)
    stages = stages_with(detect=lambda image: next(results))
    track_file(make_video(tmp_path / "a.mp4", 8), tmp_path / "out", stages, Settings())
    people = [frame["people"] for frame in records(tmp_path / "out")[1]]
    assert {person["source"] for frame in people[:4] for person in frame} == {"detector"}
    assert {person["source"] for frame in people[4:] for person in frame} == {"flow"}


def test_the_functions_are_never_called_at_the_same_time(tmp_path: Path) -> None:
    busy = threading.Lock()

    def exclusive(result: Any) -> Any:
        assert busy.acquire(blocking=False), "called during another call"
        time.sleep(0.002)
        busy.release()
        return result

    stages = stages_with(detect=lambda i: exclusive(two_people(i)), estimate=lambda i, d: exclusive(on_diagonal(i, d)))
    frame = Frame(0, 0.0, IMAGE)
    calls = [lambda: stages.detect(frame), lambda: stages.estimate.run_batch([IMAGE], [BOXES])] * 2
    errors: list[BaseException] = []

    def repeat(call: Any) -> None:
        try:
            for _ in range(10):
                call()
        except AssertionError as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


class CallableDetector:
    def __call__(self, image: ImageArray) -> Detections:
        return BOXES

    def method(self, image: ImageArray) -> Detections:
        return BOXES


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (two_people, "two_people"),
        (partial(two_people), "two_people"),
        (CallableDetector(), "CallableDetector"),
        (CallableDetector().method, "CallableDetector.method"),
    ],
)
def test_names_of_callables(model: Any, name: str) -> None:
    assert qualified_name(model) == f"{__name__}.{name}"


def run_example(number: int, names: dict[str, Any]) -> dict[str, Any]:
    """The names that a code block of the page defines, run unchanged in a module called my_models."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names["__name__"] = "my_models"
    exec(compile(blocks[number], f"{PAGE.name}, block {number}", "exec"), names)
    return names


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_video(tmp_path / "clip.mp4", 3)


@pytest.fixture
def no_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled networks are not compiled, and cannot run."""
    runtime = SimpleNamespace(device="cpu", precision="float32")
    monkeypatch.setattr("pose_track.build.stages.make_runtime", lambda spec, name, device, precision: runtime)


@pytest.mark.usefixtures("clip", "no_networks")
def test_the_first_examples_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    def estimate(image: ImageArray, boxes: Detections) -> Poses:
        spread = np.linspace(boxes.boxes[:, :2], boxes.boxes[:, 2:], 17, axis=1)
        return Poses(spread, np.ones((len(boxes), 17)), boxes.boxes, boxes.scores, COCO_17)  # type: ignore[arg-type]

    names = run_example(0, {"detect": two_people, "estimate": estimate})
    assert {path.name for path in Path("runs/clip").iterdir()} == set(OUTPUT_FILES)
    assert capsys.readouterr().out.splitlines()[-1].endswith("[1 2] (2, 17, 2)")
    results: list[Any] = []
    run_example(1, names | {"custom_stages": lambda *args, **kwargs: results.append(custom_stages(*args, **kwargs))})
    weights = [[of.get("file") or of["callable"] for of in stages.weights.values()] for stages in results]
    assert weights == [
        ["detector.safetensors", qualified_name(estimate)],
        [f"{__name__}.two_people", "pose.safetensors"],
    ]
    assert [stages.skeleton for stages in results] == [COCO_17, POSETRACK_15]


@pytest.mark.usefixtures("no_networks")
def test_the_example_of_a_motion_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pose_track.track_file", lambda *args: names.setdefault("arguments", args))
    detect = run_example(2, names)["arguments"][2].detect
    images = [np.full((HEIGHT, WIDTH, 3), 90, np.uint8) for _ in range(12)]
    for left, image in zip(range(20, 60, 10), images[8:], strict=True):
        image[30:110, left : left + 30] = 220
    detections = [detect(Frame(index, index / 10, image)) for index, image in enumerate(images)]
    assert [len(boxes) for boxes in detections] == [1] + [0] * 7 + [1] * 4
    assert np.abs(detections[9].boxes[0] - (30, 30, 60, 110)).max() < 15


def test_the_example_of_keypoint_rcnn(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keypoint head, run on the network's boxes, returns the network's joints."""
    detection, torch = pytest.importorskip("torchvision.models.detection"), pytest.importorskip("torch")
    make = detection.keypointrcnn_resnet50_fpn
    small = {"min_size": 64, "max_size": 96, "rpn_post_nms_top_n_test": 4, "box_detections_per_img": 2}

    def untrained(weights: Any) -> Any:
        assert weights.name == "COCO_V1"
        torch.manual_seed(3)
        network = make(weights=None, weights_backbone=None, **small)
        network.roi_heads.box_predictor.cls_score.bias.data = torch.tensor([-3.0, 3.0])  # everything is a person
        return network

    monkeypatch.setattr(detection, "keypointrcnn_resnet50_fpn", untrained)
    make_video(clip, 1)  # the untrained network's boxes have nothing to do with each other from frame to frame
    names = run_example(3, {})
    header, frames = records(Path("runs/keypoint_rcnn"))
    assert header["weights"] == {
        stage: {"callable": f"my_models.{name}"} for stage, name in (("detector", "detect"), ("pose", "estimate"))
    }
    assert len(frames) == 1
    assert frames[0]["people"]
    with open_video(clip) as video:
        image = next(iter(video)).image
    with torch.inference_mode():
        (whole,) = names["network"]([names["as_tensor"](image)])
    boxes = names["detect"](image)
    assert len(boxes) == 2
    assert np.abs(names["estimate"](image, boxes).joints - (whole["keypoints"][..., :2].numpy() - 0.5)).max() < 0.01


def test_the_example_of_vitpose(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed; it is not required")
    names = ["VitPoseConfig", "VitPoseForPoseEstimation", "VitPoseImageProcessor", "VitPoseBackboneConfig"]
    config_class, network_class, processor_class, backbone_class = (getattr(transformers, name) for name in names)
    backbone = backbone_class(image_size=[256, 192], hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    network = network_class(config_class(backbone_config=backbone, scale_factor=4, num_labels=17))
    monkeypatch.setattr(network_class, "from_pretrained", lambda name: network)
    monkeypatch.setattr(transformers.AutoProcessor, "from_pretrained", lambda name: processor_class())
    estimate = run_example(4, {})["estimate"]
    header, frames = records(Path("runs/vitpose"))
    assert header["weights"]["pose"] == {"callable": "my_models.estimate"}
    assert len(frames) == 3
    result = estimate(IMAGE, BOXES)
    center = (BOXES.boxes[:, None, :2] + BOXES.boxes[:, None, 2:]) / 2
    height = BOXES.boxes[:, 3] - BOXES.boxes[:, 1]
    assert (np.abs(result.joints - center) <= 1.25 / 2 * height[:, None, None] * (0.75, 1) + 3).all()
