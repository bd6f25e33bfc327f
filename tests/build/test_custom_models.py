"""Models of other people in the chain, and the examples of docs/own_models.md, which are run as they stand."""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from make_video import HEIGHT, WIDTH, make_video, numbered_image
from stub_stages import estimate_on_diagonal

from pose_track.build.custom_models import custom_stages, name_of
from pose_track.config.settings import DetectorSettings, Settings
from pose_track.pipeline.track_file import NAMES, RECORDS, track_file
from pose_track.structures.frames import Detections, Frame, ImageArray, Poses
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton
from pose_track.video.reader import open_video

PAGE = Path(__file__).parents[2] / "docs" / "own_models.md"
IMAGE = numbered_image(5)
BOXES = Detections([[10, 20, 50, 100], [90, 15, 130, 110]], [0.9, 0.8])  # type: ignore[arg-type]


def two_people(image: ImageArray) -> Detections:
    return BOXES


def on_diagonal(image: ImageArray, detections: Detections) -> Poses:
    """As somebody who knows nothing of sources would write it."""
    return replace(estimate_on_diagonal(image, detections), sources=None)


def own(**given: Any) -> Any:
    """Stages of the two above, but for what is given."""
    return custom_stages(**({"detect": two_people, "estimate": on_diagonal, "skeleton": POSETRACK_15} | given))


def records(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    header, *frames = (json.loads(line) for line in (folder / RECORDS).read_text().splitlines())
    return header, frames


def test_a_whole_folder_of_results(tmp_path: Path) -> None:
    summary = track_file(make_video(tmp_path / "a.mp4", 5), tmp_path / "out", own(), Settings())
    assert (summary.frames, summary.people, summary.track_ids) == (5, 10, {1, 2})
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(NAMES)
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
        tmp_path / "mine",
        custom_stages(estimate=on_diagonal, skeleton=POSETRACK_15, settings=recorded),
        recorded,
    )
    header, frames = records(tmp_path / "mine")
    assert header["weights"]["detector"]["file"] == "boxes.txt"
    assert frames[2]["people"][0]["box"] == [10, 20, 50, 100]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"detect": None, "estimate": None, "skeleton": None}, "needs detect or estimate"),
        ({"skeleton": None}, "needs estimate and skeleton together"),
        ({"estimate": None}, "needs estimate and skeleton together"),
        ({"skeleton": Skeleton("feet", ("nose", "left_toe"))}, "no OKS deviation is known of 'toe', a joint of 'feet'"),
    ],
)
def test_what_is_missing_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own(**given)


def test_the_name_of_a_skeleton_is_none() -> None:
    with pytest.raises(TypeError, match=r"such as SKELETONS\['coco_17'\], got 'posetrack_15'"):
        own(skeleton="posetrack_15")


NAN = float("nan")


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        (None, TypeError, "NoneType; it must return pose_track.Detections"),
        ([[10, 20, 50, 100]], TypeError, "list"),
        (Poses.empty(COCO_17), TypeError, "Poses"),
        (([[90, 20, 40, 80]], [1]), ValueError, r"box \[90.0, 20.0, 40.0, 80.0\]; it must be x1 y1 x2 y2"),
        (([[0.1, 0.2, 0.5, 0.9]], [1]), ValueError, "boxes up to 0.900; give pixels of the picture, 192 x 128"),
        (([[10, NAN, 50, 90]], [1]), ValueError, "boxes that are not finite"),
        (
            ([[500, 20, 600, 90]], [1]),
            ValueError,
            r"box \[500.0, .*\] and none within the picture; give pixels of it, 192 x 128",
        ),
        (([[10, 20, 50, 90]], [87.0]), ValueError, r"scores from 87.000 to 87.000; they must lie in \[0, 1\]"),
        (([[10, 20, 50, 90]], [NAN]), ValueError, "scores from nan to nan"),
    ],
)
def test_a_detector_at_fault_is_named(found: Any, error: type[Exception], message: str) -> None:
    made = Detections(*found) if isinstance(found, tuple) else found
    stages = own(detect=lambda image: made)
    with pytest.raises(error, match=rf"^detect \({__name__}\..*<lambda>\) returned (the )?{message}[^\n]*$"):
        stages.detect(Frame(0, 0.0, IMAGE))


def poses(**changed: Any) -> Poses:
    return replace(on_diagonal(IMAGE, BOXES), **changed)


@pytest.mark.parametrize(
    ("found", "error", "message"),
    [
        (None, TypeError, "NoneType; it must return pose_track.Poses"),
        (BOXES, TypeError, "Detections"),
        (Poses.empty(COCO_17)[[]], None, ""),  # nobody is nobody, whatever the skeleton
        (
            Poses(np.ones((2, 17, 2)), np.ones((2, 17)), BOXES.boxes, BOXES.scores, COCO_17),  # type: ignore[arg-type]
            ValueError,
            r"poses of coco_17 \(17 joints\), but custom_stages was given posetrack_15 \(15 joints\)",
        ),
        (
            poses(joints=np.full((2, 15, 2), 0.5)),
            ValueError,
            "joints up to 0.500; give pixels of the picture, 192 x 128",
        ),
        (poses(joints=np.full((2, 15, 2), NAN)), ValueError, "joints that are not finite; give an absent one score 0"),
        (poses(joint_scores=np.full((2, 15), 7.5)), ValueError, "joint_scores from 7.500 to 7.500"),
        (poses(scores=np.array([-0.5, 0.5])), ValueError, "scores from -0.500 to 0.500"),
        (poses(boxes=BOXES.boxes / 128), ValueError, "boxes up to 1.016; give pixels"),
        (poses(features=np.full((2, 15, 3), NAN)), ValueError, "features that are not finite"),
    ],
)
def test_an_estimator_at_fault_is_named(found: Any, error: type[Exception] | None, message: str) -> None:
    stages = own(estimate=lambda image, detections: found)
    if error is None:
        assert len(stages.estimate.run_batch([IMAGE], [BOXES])[0]) == 0
        return
    with pytest.raises(error, match=rf"^estimate \({__name__}\..*<lambda>\) returned (the )?{message}[^\n]*$"):
        stages.estimate.run_batch([IMAGE], [BOXES])


def test_features_are_given_always_or_never() -> None:
    given = [poses(features=np.ones((2, 15, 3), np.float32)), poses()]
    stages = own(estimate=lambda image, detections: given.pop(0))
    with pytest.raises(ValueError, match="0 features a joint after 3; give all poses the same, or none"):
        stages.estimate.run_batch([IMAGE, IMAGE], [BOXES, BOXES])


def test_what_the_function_raises_comes_out_as_it_is(tmp_path: Path) -> None:
    def broken(image: ImageArray) -> Detections:
        raise RuntimeError("no memory left on the GPU")

    with pytest.raises(RuntimeError, match=r"^no memory left on the GPU$"):
        track_file(make_video(tmp_path / "a.mp4", 5), tmp_path / "out", own(detect=broken), Settings())
    assert not (tmp_path / "out").exists()


def test_boxes_beside_the_picture_and_rounding_are_no_fault() -> None:
    found = Detections(
        [[10, 20, 50, 90], [500, 20, 600, 90], [30, 30, 30, 60], [-20, 5, 40, 70]],  # type: ignore[arg-type]
        [1.0000002, 0.5, 0.4, -1e-7],  # type: ignore[arg-type]
    )
    kept = own(detect=lambda image: found).detect(Frame(0, 0.0, IMAGE))
    assert kept.boxes.tolist() == [[10, 20, 50, 90], [-20, 5, 40, 70]]
    assert kept.scores.tolist() == [1, 0]


def test_memory_that_is_used_again_does_no_harm() -> None:
    joints = np.zeros((1, 15, 2), np.float32)
    box = Detections([[10, 20, 50, 100]], [0.9])  # type: ignore[arg-type]

    def estimate(image: ImageArray, detections: Detections) -> Poses:
        joints[:] += 10
        return Poses(joints, np.ones((1, 15)), box.boxes, box.scores, POSETRACK_15)  # type: ignore[arg-type]

    first, second = own(estimate=estimate).estimate.run_batch([IMAGE, IMAGE], [box, box])
    assert (first.joints[0, 0, 0], second.joints[0, 0, 0]) == (10, 20)


def test_nobody_is_asked_about_a_picture_without_boxes() -> None:
    stages = own(estimate=lambda image, detections: pytest.fail("asked"))
    empty = Detections([[30, 30, 30, 60]], [0.5])  # type: ignore[arg-type]
    assert [len(p) for p in stages.estimate.run_batch([IMAGE, IMAGE], [Detections.empty(), empty])] == [0, 0]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["detector", "flow"]), min_size=1, max_size=6), st.data())
def test_each_pose_has_the_source_of_its_box(sources: list[str], data: st.DataObject) -> None:
    n = len(sources)
    left = np.arange(n) * 25.0
    boxes = Detections(np.stack([left, left, left + 40, left + 80], axis=1), np.full(n, 0.5), np.array(sources))  # type: ignore[arg-type]
    order = np.array(data.draw(st.permutations(range(n))))[: data.draw(st.integers(0, n))].astype(int)
    (found,) = own(estimate=lambda i, d: on_diagonal(i, d)[order]).estimate.run_batch([IMAGE], [boxes])
    assert found.sources is not None
    assert found.sources.tolist() == [sources[i] for i in order]
    assert found.boxes.tolist() == boxes.boxes[order].tolist()


def test_doubles_are_dropped_as_far_as_the_settings_say() -> None:
    twice = poses()[np.array([0, 1, 0])]
    assert len(own().estimate.suppress_duplicates(twice)) == 2
    keeping = Settings.model_validate({"pose": {"max_oks": 1}})
    assert len(own(settings=keeping).estimate.suppress_duplicates(twice)) == 3


def test_people_are_looked_for_as_often_as_the_settings_say(tmp_path: Path) -> None:
    asked = []

    def detect(image: ImageArray) -> Detections:
        asked.append(image)
        return BOXES

    every = Settings(detector=DetectorSettings(every=3))
    track_file(make_video(tmp_path / "a.mp4", 7), tmp_path / "out", own(detect=detect, settings=every), every)
    assert len(asked) == 3


def test_somebody_whom_the_detector_misses_is_followed(tmp_path: Path) -> None:
    """The estimator is asked about whom the tracker expects, and need not know what sources are."""
    found = iter([BOXES] * 4 + [Detections.empty()] * 4)
    stages = own(detect=lambda image: next(found))
    track_file(make_video(tmp_path / "a.mp4", 8), tmp_path / "out", stages, Settings())
    people = [frame["people"] for frame in records(tmp_path / "out")[1]]
    assert {person["source"] for frame in people[:4] for person in frame} == {"detector"}
    assert {person["source"] for frame in people[4:] for person in frame} == {"flow"}


def test_the_functions_take_turns(tmp_path: Path) -> None:
    busy = threading.Lock()

    def alone(work: Any) -> Any:
        assert busy.acquire(blocking=False), "called while another was at work"
        time.sleep(0.002)
        busy.release()
        return work

    stages = own(detect=lambda i: alone(two_people(i)), estimate=lambda i, d: alone(on_diagonal(i, d)))
    frame = Frame(0, 0.0, IMAGE)
    work = [lambda: stages.detect(frame), lambda: stages.estimate.run_batch([IMAGE], [BOXES])] * 2
    faults: list[BaseException] = []

    def repeat(call: Any) -> None:
        try:
            for _ in range(10):
                call()
        except AssertionError as fault:
            faults.append(fault)

    threads = [threading.Thread(target=repeat, args=(call,)) for call in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


class Called:
    def __call__(self, image: ImageArray) -> Detections:
        return BOXES

    def method(self, image: ImageArray) -> Detections:
        return BOXES


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (two_people, "two_people"),
        (partial(two_people), "two_people"),
        (Called(), "Called"),
        (Called().method, "Called.method"),
    ],
)
def test_names_of_callables(model: Any, name: str) -> None:
    assert name_of(model) == f"{__name__}.{name}"


def run_example(number: int, names: dict[str, Any]) -> dict[str, Any]:
    """The block of the page, run as it stands in a module called my_models; what it defines."""
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
    """The project's own are not converted, which takes its time; they cannot be run."""
    monkeypatch.setattr("pose_track.build.stages.make_runtime", lambda plan, name, device: plan)


@pytest.mark.usefixtures("clip", "no_networks")
def test_the_first_examples_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    def estimate(image: ImageArray, boxes: Detections) -> Poses:
        spread = np.linspace(boxes.boxes[:, :2], boxes.boxes[:, 2:], 17, axis=1)
        return Poses(spread, np.ones((len(boxes), 17)), boxes.boxes, boxes.scores, COCO_17)  # type: ignore[arg-type]

    names = run_example(0, {"detect": two_people, "estimate": estimate})
    assert {path.name for path in Path("runs/clip").iterdir()} == set(NAMES)
    assert capsys.readouterr().out.splitlines()[-1].endswith("[1 2] (2, 17, 2)")
    given: list[Any] = []
    run_example(1, names | {"custom_stages": lambda *args, **kwargs: given.append(custom_stages(*args, **kwargs))})
    weights = [[of.get("file") or of["callable"] for of in stages.weights.values()] for stages in given]
    assert weights == [
        ["detector.safetensors", name_of(estimate)],
        [f"{__name__}.two_people", "pose.safetensors"],
    ]
    assert [stages.skeleton for stages in given] == [COCO_17, POSETRACK_15]


@pytest.mark.usefixtures("no_networks")
def test_the_example_of_what_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pose_track.track_file", lambda *args: names.setdefault("given", args))
    detect = run_example(2, names)["given"][2].detect
    images = [np.full((HEIGHT, WIDTH, 3), 90, np.uint8) for _ in range(12)]
    for left, image in zip(range(20, 60, 10), images[8:], strict=True):
        image[30:110, left : left + 30] = 220
    found = [detect(Frame(index, index / 10, image)) for index, image in enumerate(images)]
    assert [len(boxes) for boxes in found] == [1] + [0] * 7 + [1] * 4
    assert np.abs(found[9].boxes[0] - (30, 30, 60, 110)).max() < 15


def test_the_example_of_keypoint_rcnn(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head asked for the joints in the boxes that the network found gives what the network found."""
    detection, torch = pytest.importorskip("torchvision.models.detection"), pytest.importorskip("torch")
    make = detection.keypointrcnn_resnet50_fpn
    small = {"min_size": 64, "max_size": 96, "rpn_post_nms_top_n_test": 4, "box_detections_per_img": 2}

    def untrained(weights: Any) -> Any:
        assert weights.name == "COCO_V1"
        torch.manual_seed(3)
        network = make(weights=None, weights_backbone=None, **small)
        network.roi_heads.box_predictor.cls_score.bias.data = torch.tensor([-3.0, 3.0])  # whatever it sees is a person
        return network

    monkeypatch.setattr(detection, "keypointrcnn_resnet50_fpn", untrained)
    names = run_example(3, {})
    header, frames = records(Path("runs/keypoint_rcnn"))
    assert header["weights"] == {
        stage: {"callable": f"my_models.{name}"} for stage, name in (("detector", "detect"), ("pose", "estimate"))
    }
    assert len(frames) == 3
    assert any(frame["people"] for frame in frames)
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
    found = estimate(IMAGE, BOXES)
    center = (BOXES.boxes[:, None, :2] + BOXES.boxes[:, None, 2:]) / 2
    height = BOXES.boxes[:, 3] - BOXES.boxes[:, 1]
    assert (np.abs(found.joints - center) <= 1.25 / 2 * height[:, None, None] * (0.75, 1) + 3).all()
