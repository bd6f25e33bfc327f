"""The effect of every setting: the same observation with two values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from drawing_effects import DRAWING_EFFECTS
from graph_effects import GRAPH_EFFECTS
from make_video import make_video, numbered_image, without_packet
from stream_effects import STREAM_EFFECTS
from stub_stages import estimate_on_diagonal, stub_stages
from tiny_posetrack import write_posetrack_dataset
from tracker_effects import TRACKER_EFFECTS

import pose_track.build.networks
import pose_track.build.stages
import pose_track.detection.torchvision_detector
import pose_track.models.centre
import pose_track.pose.torch_keypoints
import pose_track.runtime.device
import pose_track.weights.identify
import pose_track.weights.load
import pose_track.weights.resolve
from pose_track.benchmarks.posetrack.dataset import Clip, scan_dataset
from pose_track.benchmarks.posetrack.run import run_posetrack
from pose_track.benchmarks.posetrack.saved_poses import open_clip
from pose_track.build.stages import build_stages
from pose_track.config.fields import setting_names
from pose_track.config.load import load_settings
from pose_track.config.networks import DetectorSettings
from pose_track.config.settings import PoseTrackSettings, Settings, StageSettings
from pose_track.config.tracker import LinkSettings
from pose_track.detection.detector import CentreDetector
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.formats.tracks_jsonl import read_tracks
from pose_track.models.codec import Codec
from pose_track.models.hrnet import HRNetWithEmbedding
from pose_track.models.hrnet_config import HRNET_CONFIGS
from pose_track.models.inference_model import InferenceModel
from pose_track.pipeline.result_folder import ANNOTATED_FILE, TRACKS_FILE
from pose_track.pipeline.track_file import open_reader, track_file
from pose_track.pose.keypoints import CroppedKeypoints
from pose_track.runtime.model_spec import ModelSpec
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.structures.skeleton import COCO_17, POSETRACK_15
from pose_track.video.reader import DecodeError, open_video
from pose_track.weights.identify import IdentifiedWeights


@dataclass
class World:
    """A video, images and files in `folder`; what the stub networks received."""

    folder: Path
    video: Path
    received: dict[str, Any]


class StubRuntime:
    """In place of a network: returns given peaks, and records its arguments and inputs."""

    received: ClassVar[dict[str, Any]] = {}
    peak: ClassVar[tuple[int, int]] = (0, 0)  # all joints in the corner of the crop
    side_peak: ClassVar[float] = 0.0  # value of the heatmap 8 cells right of it

    device, precision = "cpu", "float32"

    def __init__(self, spec: ModelSpec, runtime: str, device: str, precision: str) -> None:
        model = spec.build()
        self._has_embedding = isinstance(model.network, HRNetWithEmbedding)
        self._name = (model.network.network if self._has_embedding else model.network).name
        arguments = {"device": device, "runtime": runtime, "precision": precision, "flips": bool(model.flip_indices)}
        self.received |= {f"{self._name} {key}": value for key, value in arguments.items()}

    def __call__(self, images: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        batch, height, width, _ = images.shape
        self.received.setdefault(f"{self._name} shapes", []).append((batch, height, width))
        if self._name == "centre":
            return (_centre_output(height // 8, width // 8),)
        heatmaps = np.zeros((batch, int(self._name.rpartition(" ")[2]), height // 4, width // 4), np.float32)
        x, y = self.peak
        heatmaps[:, :, y, x + 1] = 0.6 * min(x, 1)
        heatmaps[:, :, y, x] = 0.9
        heatmaps[:, :, y, x + 8] = self.side_peak
        embedding = np.ones((batch, 8, height // 4, width // 4), np.float32)
        return (heatmaps, embedding) if self._has_embedding else (heatmaps,)


class StubKeypoints(CroppedKeypoints):
    """In place of `TorchKeypoints`."""

    device, precision = "cuda", "bfloat16"

    def __init__(
        self,
        network: InferenceModel,
        codec: Codec,
        device: str,
        precision: str,
        max_batch: int,
        scales: Sequence[float],
        twins: Sequence[tuple[int, int]],
    ) -> None:
        runtime = StubRuntime(ModelSpec(lambda: network, "on a GPU"), "torch", device, precision)
        super().__init__(runtime, codec, max_batch, scales, twins)


METADATA: dict[str, dict[str, Any]] = {
    "a.pth": {"skeleton": POSETRACK_15, "heatmap_type": "gaussian", "input_size": (128, 192), "sigma": 2.0},
    "b.pth": {"skeleton": COCO_17, "heatmap_type": "udp", "input_size": (96, 128), "sigma": 2.0},
    "mpii.pth": {"heatmap_type": "dark", "input_size": (96, 128)},
}  # of weights files; all others state none
NUM_JOINTS = {"a.pth": 15, "b.pth": 17, "mpii.pth": 16}


def stub_identify(path: Path) -> IdentifiedWeights:
    num_joints = NUM_JOINTS.get(path.name, 17 if path.suffix == ".pth" else 15)
    metadata = METADATA.get(path.name, {})
    return IdentifiedWeights(naming="stub", config=HRNET_CONFIGS["hrnet_w32"], num_joints=num_joints, **metadata)


def stub_hrnet(path: Path) -> tuple[torch.nn.Module, IdentifiedWeights]:
    identified = stub_identify(path)
    return StubNetwork(f"hrnet {identified.num_joints}"), identified


class StubNetwork(torch.nn.Identity):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def _centre_output(height: int, width: int) -> np.ndarray[Any, Any]:
    """Three people of 32 x 32 px: two of high score, at cells (2, 2) and (2, 4), of IoU 1/3, and one of low score."""
    output = np.full((1, 5, height, width), 16.0, np.float32)
    output[:, 0] = -9.0
    output[0, 0, 2, [2, 4]] = (2.0, 1.5)  # sigmoid: 0.88, 0.82
    output[0, 0, 2, 10] = -0.5  # 0.38
    return output


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    StubRuntime.received.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pose_track.build.stages, "make_runtime", StubRuntime)
    monkeypatch.setattr(pose_track.pose.torch_keypoints, "TorchKeypoints", StubKeypoints)
    monkeypatch.setattr(pose_track.weights.load, "load_weights", lambda network, path: None)
    monkeypatch.setattr(pose_track.models.centre, "centre_compact", lambda: StubNetwork("centre"))
    monkeypatch.setattr(pose_track.runtime.device, "cuda_devices", lambda: 1)
    monkeypatch.setattr(pose_track.build.networks, "identify_weights", stub_identify)
    monkeypatch.setattr(pose_track.build.networks, "read_score_map", lambda path: None)  # the stubs' scores are raw
    monkeypatch.setattr(pose_track.weights.identify, "load_hrnet", stub_hrnet)
    for name in (*METADATA, "c.pth"):
        (tmp_path / name).write_bytes(name.encode())
    for name, left in (("a.json", 10), ("b.json", 60)):
        rows = [{"image_id": 1, "bbox": [left, 20, 40, 80], "score": score} for score in (0.9, 0.2)]
        (tmp_path / name).write_text(json.dumps(rows))
    images = tmp_path / "images"
    images.mkdir()
    cv2.imwrite(str(images / "0.png"), numbered_image(0))
    return World(tmp_path, tmp_path / "clip.mp4", StubRuntime.received)


def frame() -> Frame:
    return Frame(1, 0.1, np.zeros((128, 192, 3), np.uint8))


def frames_read(settings: Settings, world: World) -> list[int]:
    with open_reader(make_video(world.video), settings.reader) as reader:
        return [f.index for f in reader]


def num_frames_tracked(settings: Settings, world: World) -> int:
    return track_file(make_video(world.video), world.folder / "out", stub_stages(settings), settings, True).frames


def people_recorded(settings: Settings, world: World) -> set[int]:
    """The ids in the records of two people, of whom the second one is taller."""

    def detect(frame: Frame) -> Detections:
        return Detections(np.float32([[10, 60, 40, 100], [100, 10, 140, 110]]), np.float32([0.9, 0.8]))

    out = world.folder / "out"
    track_file(make_video(world.video), out, stub_stages(settings, detect), settings)
    return {one for tracked in read_tracks(out / TRACKS_FILE)[1] for one in tracked.track_ids.tolist()}


def frames_of_a_damaged_video(settings: Settings, world: World) -> bool:
    frames = 0
    path = without_packet(make_video(world.video.with_suffix(".ts"), 40))
    with open_reader(path, settings.reader) as reader, suppress(DecodeError):
        for _ in reader:
            frames += 1
    return frames > 30


def reader_used(settings: Settings, world: World) -> str:
    with open_reader(make_video(world.video), settings.reader) as reader:
        return type(reader).__name__


def image_rates(settings: Settings, world: World) -> list[float]:
    images = world.folder / "images"
    return [float(open_reader(path, settings.reader).info.fps) for path in (images, images / "0.png")]


def opens(settings: Settings, world: World) -> list[bool]:
    """Whether a video, a folder of images and an image, all of 192x128 pixels, are opened."""
    opened = []
    for path in (make_video(world.video, 3), world.folder / "images", world.folder / "images/0.png"):
        try:
            open_reader(path, settings.reader).close()
            opened.append(True)
        except ValueError:
            opened.append(False)
    return opened


def detected_boxes(settings: Settings, world: World) -> list[list[float]]:
    return build_stages(settings).detect(frame()).boxes[:, [0, 2]].round().tolist()  # type: ignore[no-any-return]


def frames_detected_in(settings: Settings, world: World) -> list[int]:
    frame_indices: list[int] = []

    def detect(frame: Frame) -> Detections:
        frame_indices.append(frame.index)
        return Detections.empty()

    stages = replace(build_stages(settings), detect=detect)
    frames = [replace(frame(), index=index, pts_seconds=index / 10) for index in range(6)]
    list(stages.track(frames, stages.make_tracker(Fraction(10))))
    return frame_indices


def crops_of_a_person_at_rest(settings: Settings, world: World) -> list[int]:
    """How many people are estimated in each frame. A track is followed from its second detection on."""
    num_crops = Counter[int]()
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3)).astype(np.uint8)
    frames = [Frame(index, index / 10, noise.copy()) for index in range(5)]

    def estimate(image: ImageArray, people: Detections) -> Poses:
        num_crops[next(f.index for f in frames if f.image is image)] += len(people)
        return estimate_on_diagonal(image, people)

    detect = lambda frame: Detections([[20, 20, 60, 100]], [0.9])  # type: ignore[arg-type]  # noqa: E731
    stages = replace(build_stages(settings), detect=detect, estimate=estimate)
    list(stages.track(frames, stages.make_tracker(Fraction(10))))
    return [num_crops[frame.index] for frame in frames]


def num_detections(settings: Settings, world: World) -> int:
    return len(detected_boxes(settings, world))


def weights_used(settings: Settings, world: World) -> list[str]:
    weights = build_stages(settings).weights
    return [weights["detector"]["file"], weights["pose"]["file"]]


def received(key: str) -> Callable[[Settings, World], object]:
    """What a network received during a detection and the pose estimation of two people, far apart."""

    def observe(settings: Settings, world: World) -> object:
        stages = build_stages(settings)
        stages.detect(frame())
        stages.estimate(frame().image, people(10, 100))
        return world.received[key]

    return observe


def networks_built(settings: Settings, world: World) -> list[str]:
    build_stages(settings)
    return sorted(key.removesuffix(" device") for key in world.received if key.endswith(" device"))


def first_joint(settings: Settings, world: World) -> list[float]:
    return build_stages(settings).estimate(frame().image, people(50)).joints[0, 0].round().tolist()  # type: ignore[no-any-return]


def joint_at_skewed_peak(settings: Settings, world: World) -> float:
    """x in the frame of a joint whose heatmap is high right of the peak, too."""
    with mock.patch.object(StubRuntime, "peak", (9, 9)):
        poses = build_stages(settings).estimate(frame().image, people(50))
    return round(float(poses.joints[0, 0, 0]), 2)


def joint_beside_second_peak(settings: Settings, world: World) -> float:
    """x in the frame of a joint with a second peak 8 cells away, which shifts it where it is within the window."""
    with mock.patch.object(StubRuntime, "side_peak", 0.3):
        return joint_at_skewed_peak(settings, world)


def output_skeleton(settings: Settings, world: World) -> tuple[str, int]:
    """The skeleton of the poses."""
    poses = build_stages(settings).estimate(frame().image, people(50))
    return poses.skeleton.name, poses.joints.shape[1]


def num_of_two_similar(settings: Settings, world: World) -> int:
    return len(build_stages(settings).estimate(frame().image, people(50, 54)))


def people(*lefts: float, scores: tuple[float, ...] = (0.9, 0.8)) -> Detections:
    """40 px wide and 80 high."""
    boxes = np.array([[left, 20, left + 40, 100] for left in lefts]).reshape(-1, 4)
    return Detections(boxes, scores[: len(lefts)])  # type: ignore[arg-type]


def has_features(settings: Settings, world: World) -> bool:
    """Whether the poses have appearance features."""
    return build_stages(settings).estimate(frame().image, people(50)).features is not None


def annotated(settings: Settings, world: World) -> bool:
    track_file(make_video(world.video), world.folder / "out", stub_stages(settings), settings)
    return (world.folder / "out" / ANNOTATED_FILE).exists()


def joints_drawn(settings: Settings, world: World) -> bool:
    """Whether a joint of score 0.8, in the middle of the person in the last frame, is drawn."""
    annotated(settings, world)
    with open_video(world.folder / "out" / ANNOTATED_FILE) as reader:
        image = list(reader)[-1].image
    x, y = 10 + 2 * 11 + 20, 20 + 40
    return bool(np.abs(image[y - 4 : y + 5, x - 4 : x + 5].astype(int) - 60).max() > 60)


# nothing that needs appearance
NO_APPEARANCE = {"tracker.weights.oks": "1", "tracker.weights.appearance": "0", "tracker.reactivation_seconds": "0"}
NO_METADATA = {
    "pose.weights": "c.pth", "pose.skeleton": "coco_17", "pose.heatmap_type": "gaussian",
    "pose.input_size": "[128, 192]",
}  # fmt: skip
NO_FLOW = {"tracker.flow.method": "none"}
RECORDED = {"detector.name": "recorded", "detector.boxes": "a.json"}

# setting, other settings, observation, and the expected observation for each value
EFFECTS: list[tuple[str, dict[str, str], Callable[[Settings, World], object], dict[str, object]]] = [
    ("device", {}, received("centre device"), {"auto": "cuda", "cpu": "cpu"}),
    ("device", {}, received("hrnet 15 device"), {"auto": "cuda", "cpu": "cpu"}),
    ("runtime.name", {"device": "cpu"}, received("centre runtime"), {"auto": "auto", "torch": "torch"}),
    ("runtime.name", {"device": "cpu"}, received("hrnet 15 runtime"), {"auto": "auto", "openvino": "openvino"}),
    ("runtime.precision", {}, received("centre precision"), {"auto": "auto", "float32": "float32"}),
    ("runtime.precision", {}, received("hrnet 15 precision"), {"auto": "auto", "bfloat16": "bfloat16"}),
    ("reader.decoder", {}, reader_used, {"pyav": "PyAvReader", "decord": "DecordReader"}),
    ("reader.start_seconds", {}, frames_read, {"null": list(range(12)), "0.85": [9, 10, 11]}),
    ("reader.end_seconds", {}, frames_read, {"null": list(range(12)), "0.25": [0, 1, 2]}),
    ("reader.stride", {}, frames_read, {"1": list(range(12)), "5": [0, 5, 10]}),
    ("reader.max_frames", {}, num_frames_tracked, {"null": 12, "7": 7}),
    ("reader.on_damage", {}, frames_of_a_damaged_video, {"continue": True, "stop": False}),
    ("reader.image_fps", {}, image_rates, {"25": [25.0, 25.0], "10": [10.0, 10.0]}),
    ("reader.max_pixels", {}, opens, {"24576": [True, True, True], "24575": [False, False, False]}),
    ("detector.name", {}, networks_built, {"compact": ["centre", "hrnet 15"]}),
    ("detector.name", {"detector.boxes": "a.json"}, networks_built, {"recorded": ["hrnet 15"]}),
    ("detector.weights", {}, weights_used,
     {"null": ["detector.safetensors", "pose.safetensors"], "a.pth": ["a.pth", "pose.safetensors"]}),
    ("detector.boxes", {"detector.name": "recorded"}, detected_boxes, {"a.json": [[10, 50]], "b.json": [[60, 100]]}),
    ("detector.long_side", {}, received("centre shapes"), {"192": [(1, 128, 192)], "384": [(1, 256, 384)]}),
    ("detector.min_score", {}, num_detections, {"0.3": 3, "0.5": 2}),
    ("detector.min_score", RECORDED, num_detections, {"0.3": 1, "0.1": 2}),
    ("detector.max_iou", {"detector.min_score": "0.3"}, num_detections, {"0.6": 3, "0.2": 2}),
    ("pose.every", {}, crops_of_a_person_at_rest, {"1": [1, 1, 1, 1, 1], "2": [1, 1, 1, 0, 1]}),
    ("detector.every", {}, frames_detected_in, {"1": [0, 1, 2, 3, 4, 5], "2": [0, 2, 4], "4": [0, 4]}),
    ("pose.weights", {}, weights_used,
     {"a.pth": ["detector.safetensors", "a.pth"], "b.pth": ["detector.safetensors", "b.pth"]}),
    ("pose.skeleton", NO_METADATA, output_skeleton,
     {"coco_17": ("coco_17", 17), "posetrack18_17": ("posetrack18_17", 17)}),
    ("pose.heatmap_type", NO_METADATA, joint_at_skewed_peak, {"gaussian": 55.94, "dark": 56.23, "udp": 56.85}),
    ("pose.sigma", {"pose.decoding": "soft_argmax"}, joint_beside_second_peak, {"2": 56.25, "3": 58.89}),
    ("pose.decoding", {}, joint_at_skewed_peak, {"quarter_offset": 55.94, "dark": 56.24, "soft_argmax": 56.25}),
    ("pose.joints", {}, output_skeleton, {"null": ("posetrack_15", 15), "coco_17": ("coco_17", 17)}),
    ("pose.input_size", {}, received("hrnet 15 shapes"),
     {"[128, 192]": [(2, 192, 128)], "[192, 256]": [(2, 256, 192)]}),
    ("pose.scales", {}, received("hrnet 15 shapes"), {"[1.0]": [(2, 192, 128)], "[1, 1.2]": [(4, 192, 128)]}),
    ("pose.padding", {}, first_joint, {"1": [43.0, 20.0], "1.5": [30.0, 0.0]}),
    ("pose.flip_test", {}, received("hrnet 15 flips"), {"false": False, "true": True}),
    ("pose.max_oks", {}, num_of_two_similar, {"0.1": 1, "1": 2}),
    ("pose.max_batch", {}, received("hrnet 15 shapes"), {"2": [(2, 192, 128)], "1": [(1, 192, 128)] * 2}),
    ("tracker.weights.appearance", NO_APPEARANCE, has_features, {"0": False, "1": True}),
    ("tracker.reactivation_seconds", NO_APPEARANCE, has_features, {"0": False, "5": True}),
    *TRACKER_EFFECTS,
    *STREAM_EFFECTS,
    ("people.max_people", NO_FLOW, people_recorded, {"null": {1, 2}, "1": {2}}),
    ("people.region", NO_FLOW, people_recorded,
     {"null": {1, 2}, "[[0, 0], [60, 0], [60, 127], [0, 127]]": {1}}),
    *GRAPH_EFFECTS,
    ("output.render", {}, annotated, {"true": True, "false": False}),
    ("output.min_joint_score", {}, joints_drawn, {"0.3": True, "0.9": False}),
    *DRAWING_EFFECTS,
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "others", "observe", "value", "expected"),
    [
        pytest.param(key, others, observe, value, expected, id=f"{key}={value}")
        for key, others, observe, outcomes in EFFECTS
        for value, expected in outcomes.items()
    ],
)
def test_each_setting_has_its_effect(
    key: str,
    others: dict[str, str],
    observe: Callable[[Settings, World], object],
    value: str,
    expected: object,
    world: World,
) -> None:
    if value == "decord":
        pytest.importorskip("decord")
    assert observe(load_settings(Settings, None, others | {key: value}), world) == expected


def test_every_setting_has_an_effect_here() -> None:
    tested = {key for key, *_ in EFFECTS}
    assert tested == set(setting_names(Settings))
    assert set(setting_names(LinkSettings)) < tested


def clip_reader(settings: PoseTrackSettings, world: World) -> str:
    with open_clip(Clip("a", Path(), source=make_video(world.video)), settings.reader) as reader:
        return type(reader).__name__


def clip_rate(settings: PoseTrackSettings, world: World) -> float:
    with open_clip(Clip("a", Path(), None, world.folder / "images", ("0.png",)), settings.reader) as reader:
        return float(reader.info.fps)


def clip_opens(settings: PoseTrackSettings, world: World) -> bool:
    """Whether images of 192x128 pixels are opened."""
    with suppress(ValueError):
        open_clip(Clip("a", Path(), None, world.folder / "images", ("0.png",)), settings.reader).close()
        return True
    return False


def submitted(settings: PoseTrackSettings, world: World) -> list[int]:
    """Number of people, of score 0.9, and of joints, of score 0.8, submitted for tracking from four frames."""
    write_posetrack_dataset(world.folder / "data", names=("a",), num_frames=5)
    run_posetrack(scan_dataset(world.folder / "data", "2018", "val"), settings, world.folder / "out")
    people = read_posetrack(world.folder / "out/mota/a.json").people
    return [len(people), int(people.has_joint.sum())]


# the settings that `posetrack` does not share with `track`
BENCHMARK_EFFECTS: list[tuple[str, Callable[[PoseTrackSettings, World], object], dict[str, object]]] = [
    ("reader.decoder", clip_reader, {"pyav": "PyAvReader", "decord": "DecordReader"}),
    ("reader.image_fps", clip_rate, {"25": 25.0, "10": 10.0}),
    ("reader.max_pixels", clip_opens, {"24576": True, "24575": False}),
    ("submission.min_person_score", submitted, {"0.5": [4, 60], "0.95": [0, 0]}),
    ("submission.min_joint_score", submitted, {"0.5": [4, 60], "0.95": [0, 0]}),
]


@pytest.mark.parametrize(
    ("key", "observe", "value", "expected"),
    [
        pytest.param(key, observe, value, expected, id=f"{key}={value}")
        for key, observe, outcomes in BENCHMARK_EFFECTS
        for value, expected in outcomes.items()
    ],
)
def test_each_setting_of_the_benchmark_has_its_effect(
    key: str,
    observe: Callable[[PoseTrackSettings, World], object],
    value: str,
    expected: object,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if value == "decord":
        pytest.importorskip("decord")
    monkeypatch.setattr(pose_track.build.stages, "build_stages", stub_stages)
    assert observe(load_settings(PoseTrackSettings, None, {"device": "cpu", key: value}), world) == expected


def test_every_setting_of_the_benchmark_has_an_effect_here() -> None:
    stage_settings = set(setting_names(StageSettings))
    assert {key for key, *_ in BENCHMARK_EFFECTS} | stage_settings == set(setting_names(PoseTrackSettings))
    assert stage_settings < set(setting_names(Settings))


def test_the_benchmark_refuses_recorded_boxes() -> None:
    with pytest.raises(ValueError, match=r"detector\.name recorded.*network"):
        load_settings(PoseTrackSettings, None, RECORDED)


def test_torchvision_detectors_get_their_settings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[object, ...]] = []

    class Detector(CentreDetector):
        device, precision = "cpu", "float32"

        def __init__(self, *args: Any) -> None:
            built.append(args)

    monkeypatch.setattr(pose_track.detection.torchvision_detector, "TorchvisionDetector", Detector)
    values = {"name": "fcos_resnet50_fpn", "min_score": 0.4, "max_iou": 0.5}
    monkeypatch.setattr("pose_track.weights.store.fetch_weights", lambda published: Path("b.pth"))
    build_stages(Settings(device="cpu", detector=DetectorSettings(**values)))  # type: ignore[arg-type]
    build_stages(Settings(device="cpu", detector=DetectorSettings(**values, weights="a.pth")))  # type: ignore[arg-type]
    assert built == [("fcos_resnet50_fpn", Path(weights), "cpu", 0.4, 0.5, "auto") for weights in ("b.pth", "a.pth")]
