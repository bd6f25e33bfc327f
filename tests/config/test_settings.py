"""Settings: what is refused and in which words, presets, and that each one has its effect."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, get_args, get_type_hints
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from made_posetrack import make_data
from make_video import make_video, numbered_image
from stub_stages import stub_stages
from tracker_effects import TRACKER_EFFECTS

import pose_track.build.stages
import pose_track.detection.torchvision_detector
import pose_track.models.centre
import pose_track.pose.torch_keypoints
import pose_track.runtime.device
import pose_track.weights.identify
import pose_track.weights.load
import pose_track.weights.resolve
from pose_track.benchmarks.posetrack.dataset import Clip, check_data
from pose_track.benchmarks.posetrack.run import run_benchmark
from pose_track.benchmarks.posetrack.saved_poses import open_clip
from pose_track.build.stages import build_stages
from pose_track.config.load import configs_folder, load_settings, preset_path, setting_names, track_preset_path
from pose_track.config.settings import (
    PRESETS,
    TRACK_PRESETS,
    DetectorSettings,
    PoseSettings,
    PoseTrackSettings,
    ReaderSettings,
    Settings,
    SkeletonName,
    StageSettings,
)
from pose_track.config.tracker import CueGates, CueWeights, FlowSettings, LinkSettings, TrackerSettings
from pose_track.detection.detector import CentreDetector
from pose_track.flow.optical_flow import METHODS
from pose_track.formats.posetrack.reader import read_posetrack
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Decoding, Kind
from pose_track.models.hrnet import HRNetWithEmbedding
from pose_track.models.inference_model import InferenceModel
from pose_track.pipeline.track_file import ANNOTATED, open_reader, track_file
from pose_track.pose.keypoints import CroppedKeypoints
from pose_track.runtime.model_spec import ModelSpec
from pose_track.runtime.select import RuntimeName
from pose_track.structures.frames import Detections, Frame
from pose_track.structures.skeleton import SKELETONS
from pose_track.tracking.cues import CUES
from pose_track.tracking.matching import MATCHERS
from pose_track.video.reader import DECODERS, open_video
from pose_track.weights.hrnet_config import FORMS
from pose_track.weights.identify import IdentifiedWeights
from pose_track.weights.zoo import ZOO


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", None),  # nothing is set: the defaults
        ("tracker: {}", None),
        (
            "tracker: {buffer_second: 2}",
            "'tracker.buffer_second' is not a setting; did you mean 'tracker.buffer_seconds'?",
        ),
        ("buffer_seconds: 2", "'buffer_seconds' is not a setting; did you mean 'tracker.buffer_seconds'?"),
        ("colour: red", "'colour' is not a setting; there are device, runtime, detector.name"),
        ("output: {colour: red}", "'output.colour' is not a setting; there are output.render, output.min_joint_score$"),
        ("reader: {stride: 0}", "reader.stride = 0: must be greater than or equal to 1"),
        ("reader: {stride: x}", "reader.stride = 'x': must be a valid integer"),
        ("reader: {decoder: vlc}", "reader.decoder = 'vlc': must be 'pyav' or 'decord'"),
        ("reader: {start_seconds: 3, end_seconds: 2}", "reader.end_seconds 2.0 must be after reader.start_seconds 3.0"),
        ("tracker: {buffer_seconds: .inf}", "tracker.buffer_seconds = inf: must be a finite number"),
        ("tracker: {min_similarity: .nan}", "tracker.min_similarity = nan: must be"),
        ("tracker:", "tracker = None: must be a section with 'key: value' lines"),
        ("tracker: {min_similarity: 2, buffer_seconds: -1}", r"\(and 1 more\)"),
        ("tracker: {similarity: oks}", "'tracker.similarity' is not a setting"),
        ("tracker: {weights: {}}", "tracker.weights are all 0; give at least one cue a weight"),
        ("tracker: {weights: {oks: 0.0, motion: 0}}", "tracker.weights are all 0; give at least one cue a weight"),
        ("tracker: {weights: {oks: -1}}", "tracker.weights.oks = -1: must be greater than or equal to 0"),
        (
            "tracker: {weights: {pose: 1}}",
            "'tracker.weights.pose' is not a setting; did you mean 'tracker.weights.oks'?",
        ),
        ("tracker: {weights: 1}", "tracker.weights = 1: must be a section with 'key: value' lines"),
        ("tracker: {gates: {motion: 2}}", "tracker.gates.motion = 2: must be less than or equal to 1"),
        ("tracker: {sigma_scale: 0}", "tracker.sigma_scale = 0: must be greater than 0"),
        ("tracker: {flow: {method: dis, weights: a}}", "tracker.flow.weights has no effect on dis; leave it out"),
        ("tracker: {flow: {weights: a}}", "tracker.flow.weights has no effect on dis; leave it out"),
        ("tracker: {flow: {method: farneback}}", "tracker.flow.method = 'farneback': must be 'none', 'dis', 'lk', "),
        ("pose: {input_size: [100, 192]}", r"pose.input_size must be multiples of 32, got \[100, 192\]"),
        ("pose: {scales: []}", r"pose.scales = \[\]: Tuple should have at least 1 item"),
        ("pose: {scales: [1, 3]}", "pose.scales.1 = 3: must be less than or equal to 2"),
        ("detector: {name: recorded}", "needs detector.boxes"),
        ("detector: {boxes: a.json}", "detector.boxes has no effect on compact"),
        ("detector: {name: recorded, boxes: a.json, weights: b}", "detector.weights has no effect on recorded boxes"),
        ("detector: {name: fcos_resnet50_fpn, weights: bundled}", "fcos_resnet50_fpn has no bundled weights"),
        ("- a\n- b", "must hold settings as 'section:' with 'key: value' lines"),
        ("reader: [", "is not YAML"),
        ("\udcff", "is not YAML"),  # bytes that are no text
    ],
)
def test_what_a_file_may_hold(text: str, message: str | None, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    if message is None:
        assert load_settings(Settings, path) == Settings()
        return
    with pytest.raises(ValueError, match=message) as caught:
        load_settings(Settings, path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("tracker.buffer_seconds", "2", 2.0),
        ("reader.start_seconds", "null", None),
        ("pose.flip_test", "true", True),
        ("pose.input_size", "[192, 256]", (192, 256)),
        ("pose.weights", "1234", "1234"),  # a file may be called so
        ("detector.weights", "no", "no"),
    ],
)
def test_overrides_replace_values_of_the_file(key: str, text: str, expected: object, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("tracker: {buffer_seconds: 5, min_similarity: 0.25}\nreader: {start_seconds: 1}\n")
    settings = load_settings(Settings, path, {key: text})
    section, name = key.split(".")
    assert getattr(getattr(settings, section), name) == expected
    assert settings.tracker.min_similarity == 0.25


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("tracker.buffer_seconds", "2s", "tracker.buffer_seconds = '2s': must be a valid number"),
        ("tracker.buffer_second", "2", "did you mean 'tracker.buffer_seconds'"),
        ("pose.input_size", "[128,", r"pose.input_size = '\[128,': must be a valid tuple"),
        ("pose.input_size", "[128, 100]", "pose.input_size must be multiples of 32"),
        ("device.name", "cpu", "device.name: 'device' is not a section of settings"),
    ],
)
def test_a_wrong_override_does_not_blame_the_file(key: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("device: cpu\npose: {flip_test: false}\n")
    with pytest.raises(ValueError, match=message) as caught:
        load_settings(Settings, path, {key: text})
    assert str(path) not in str(caught.value)


def test_a_missing_file_and_an_unknown_preset_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no settings file .*none\.yaml'; give a \.yaml file or use --preset"):
        load_settings(Settings, tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="unknown preset 'quick'; choose one of accurate, balanced, fast, posetrack"):
        preset_path("quick")
    with pytest.raises(ValueError, match="unknown preset 'quick'; choose one of fast, robust, simple_baselines"):
        track_preset_path("quick")
    with pytest.raises(ValueError, match="unknown preset 'quick'; choose one of fast, robust, simple_baselines"):
        load_settings(Settings, tracker="quick")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("tracker", TRACK_PRESETS)
def test_a_preset_of_the_tracker_takes_the_place_of_the_section(preset: str, tracker: str) -> None:
    """But for thresholds on scores, whose scale is the networks'."""
    of_networks = load_settings(Settings, preset_path(preset))
    found = load_settings(Settings, preset_path(preset), tracker=tracker)
    assert found.model_dump(exclude={"tracker"}) == of_networks.model_dump(exclude={"tracker"})
    given = load_settings(LinkSettings, track_preset_path(tracker)).tracker.model_dump()
    own = found.tracker.model_dump()
    differing = {key for key in own if own[key] != given[key]}
    assert differing <= {"min_start_score", "min_high_score"}
    for key in differing:
        assert own[key] == of_networks.tracker.model_dump()[key]


def test_words_have_the_last_say_over_the_tracker(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("tracker: {min_start_score: 0.6, buffer_seconds: 7, flow: {method: lk}}")
    words = {"tracker.buffer_seconds": "3", "tracker.weights.iou": "0.5"}
    found = load_settings(Settings, tmp_path / "mine.yaml", words, tracker="fast").tracker
    assert (found.buffer_seconds, found.weights.iou, found.weights.oks, found.flow.method) == (3, 0.5, 1, "none")
    assert found.min_start_score == 0.6  # a threshold on scores, of the file
    with pytest.raises(ValueError, match=r"tracker\.buffer_seconds = '3s': must be a valid number"):
        load_settings(Settings, tmp_path / "mine.yaml", {"tracker.buffer_seconds": "3s"}, tracker="fast")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().tracker.buffer_seconds = 3.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ({"method": "none"}, "detector.every 4 needs people followed for 3 frames; give tracker.flow.method another"),
        ({"max_frames": "2"}, "detector.every 4 needs people followed for 3 frames"),
        ({"max_frames": "3"}, None),
    ],
)
def test_people_must_be_followed_where_they_are_not_looked_for(flow: dict[str, str], message: str | None) -> None:
    overrides = {"detector.every": "4", **{f"tracker.flow.{key}": value for key, value in flow.items()}}
    if message is None:
        assert load_settings(Settings, None, overrides).detector.every == 4
        return
    for path in (None, preset_path("fast")):
        with pytest.raises(ValueError, match="^" + re.escape(message.partition(" ")[0])) as caught:
            load_settings(Settings, path, overrides)
        assert message in str(caught.value)


def test_fast_is_the_default() -> None:
    assert load_settings(Settings, preset_path("fast")) == Settings()


LINKED_AS = {
    **dict.fromkeys(("fast", "balanced", "accurate", "benchmark/bundled"), "robust"),
    **dict.fromkeys(("posetrack", "benchmark/posetrack18_w48"), "simple_baselines"),
}


@pytest.mark.parametrize("name", [*PRESETS, "benchmark/bundled", "benchmark/posetrack18_w48"])
def test_presets_link_as_they_say(name: str) -> None:
    """But for thresholds on scores, and for how long people are confirmed."""
    kind = PoseTrackSettings if name.startswith("benchmark") else Settings
    found = load_settings(kind, configs_folder() / f"{name}.yaml").tracker.model_dump()
    named = load_settings(LinkSettings, track_preset_path(LINKED_AS[name])).tracker.model_dump()
    differing = {key for key in found if found[key] != named[key]}
    assert differing <= {"min_start_score", "min_high_score", "min_confirm_frames"}


def test_the_benchmark_of_posetrack_measures_its_preset() -> None:
    preset = load_settings(Settings, preset_path("posetrack"))
    measured = load_settings(PoseTrackSettings, configs_folder() / "benchmark" / "posetrack18_w48.yaml")
    assert (measured.pose, measured.tracker) == (preset.pose, preset.tracker)
    assert measured.detector.name == preset.detector.name


def test_missing_bundled_weights_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pose_track.weights.resolve, "files", lambda package: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"bundled weights '.*pose\.safetensors' are missing; install"):
        build_stages(Settings(device="cpu"))


def test_cuda_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"'cuda' was asked for .* use 'auto' or 'cpu'"):
        build_stages(Settings(device="cuda"))


def test_choices_are_those_that_exist() -> None:
    def choices(section: type, name: str) -> set[str]:
        return set(get_args(get_type_hints(section)[name]))

    assert choices(ReaderSettings, "decoder") == set(DECODERS)
    for name in ("skeleton", "joints"):
        assert set(get_args(SkeletonName)) == set(SKELETONS)
        assert get_type_hints(PoseSettings)[name] == SkeletonName | None
    assert get_type_hints(PoseSettings)["kind"] == Kind | None
    assert get_type_hints(PoseSettings)["decoding"] == Decoding | None
    assert choices(StageSettings, "runtime") == set(get_args(RuntimeName))
    assert choices(TrackerSettings, "matching") == set(MATCHERS)
    assert choices(FlowSettings, "method") == {"none", *METHODS}
    assert list(CueWeights.model_fields) == list(CueGates.model_fields) == list(CUES)
    torchvision = choices(DetectorSettings, "name") - {"compact", "recorded"}
    assert torchvision == {name for name, published in ZOO.items() if published.use == "detector"}


# What follows shows the effect of each setting: the same observation with two values.


@dataclass
class World:
    """A video, pictures and files in `folder`; what the stand-ins for networks were asked."""

    folder: Path
    video: Path
    asked: dict[str, Any]


class StubRuntime:
    """In place of a network: marks what it is told to, and notes what it was given."""

    seen: ClassVar[dict[str, Any]] = {}
    peak: ClassVar[tuple[int, int]] = (0, 0)  # all joints in the corner of the crop
    aside: ClassVar[float] = 0.0  # what there is 8 cells right of it

    def __init__(self, plan: ModelSpec, runtime: str, device: str) -> None:
        deployed = plan.make()
        self._has_looks = isinstance(deployed.network, HRNetWithEmbedding)
        self._name = (deployed.network.network if self._has_looks else deployed.network).name
        told = {"device": device, "runtime": runtime, "flips": deployed.flip_indices is not None}
        self.seen |= {f"{self._name} {key}": value for key, value in told.items()}

    def __call__(self, images: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        batch, height, width, _ = images.shape
        self.seen.setdefault(f"{self._name} shapes", []).append((batch, height, width))
        if self._name == "centre":
            return (_centre_output(height // 8, width // 8),)
        heatmaps = np.zeros((batch, int(self._name.rpartition(" ")[2]), height // 4, width // 4), np.float32)
        x, y = self.peak
        heatmaps[:, :, y, x + 1] = 0.6 * min(x, 1)
        heatmaps[:, :, y, x] = 0.9
        heatmaps[:, :, y, x + 8] = self.aside
        appearance = np.ones((batch, 8, height // 4, width // 4), np.float32)
        return (heatmaps, appearance) if self._has_looks else (heatmaps,)


def stub_keypoints(
    network: InferenceModel, codec: Codec, device: str, max_batch: int, scales: tuple[float, ...]
) -> CroppedKeypoints:
    return CroppedKeypoints(
        StubRuntime(ModelSpec(lambda: network, "on a GPU"), "torch", device), codec, max_batch, scales
    )


TOLD = {
    "a.pth": {"num_joints": 15, "skeleton": "posetrack_15", "kind": "plain", "input_size": (128, 192), "sigma": 2.0},
    "b.pth": {"num_joints": 17, "skeleton": "coco_17", "kind": "udp", "input_size": (96, 128), "sigma": 2.0},
    "mpii.pth": {"num_joints": 16, "kind": "dark", "input_size": (96, 128)},
}  # what files of weights tell of themselves; the others tell their number of joints alone


def recognised(path: Path) -> IdentifiedWeights:
    told: dict[str, Any] = TOLD.get(path.name, {"num_joints": 17 if path.suffix == ".pth" else 15})
    return IdentifiedWeights(origin="nobody", form=FORMS["hrnet_w32"], **told)


def stub_hrnet(path: Path) -> tuple[torch.nn.Module, IdentifiedWeights]:
    found = recognised(path)
    return Named(f"hrnet {found.num_joints}"), found


class Named(torch.nn.Identity):
    """In place of a network."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def _centre_output(height: int, width: int) -> np.ndarray[Any, Any]:
    """Three people of 32 x 32 px: sure ones at cells (2, 2) and (2, 4), which overlap by a third, an unsure one."""
    output = np.full((1, 5, height, width), 16.0, np.float32)
    output[:, 0] = -9.0
    output[0, 0, 2, [2, 4]] = (2.0, 1.5)  # sigmoid: 0.88, 0.82
    output[0, 0, 2, 10] = -0.5  # 0.38
    return output


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    StubRuntime.seen.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pose_track.build.stages, "make_runtime", StubRuntime)
    monkeypatch.setattr(pose_track.pose.torch_keypoints, "TorchKeypoints", stub_keypoints)
    monkeypatch.setattr(pose_track.weights.load, "load_weights", lambda network, path: None)
    monkeypatch.setattr(pose_track.models.centre, "centre_compact", lambda: Named("centre"))
    monkeypatch.setattr(pose_track.runtime.device, "cuda_devices", lambda: 1)
    monkeypatch.setattr(pose_track.weights.identify, "recognise", recognised)
    monkeypatch.setattr(pose_track.weights.identify, "load_hrnet", stub_hrnet)
    for name in (*TOLD, "c.pth"):
        (tmp_path / name).write_bytes(name.encode())
    for name, left in (("a.json", 10), ("b.json", 60)):
        rows = [{"image_id": 1, "bbox": [left, 20, 40, 80], "score": score} for score in (0.9, 0.2)]
        (tmp_path / name).write_text(json.dumps(rows))
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    cv2.imwrite(str(pictures / "0.png"), numbered_image(0))
    return World(tmp_path, tmp_path / "clip.mp4", StubRuntime.seen)


def frame() -> Frame:
    return Frame(1, 0.1, np.zeros((128, 192, 3), np.uint8))


def frames_read(settings: Settings, world: World) -> list[int]:
    with open_reader(make_video(world.video), settings.reader) as reader:
        return [f.index for f in reader]


def reader_used(settings: Settings, world: World) -> str:
    with open_reader(make_video(world.video), settings.reader) as reader:
        return type(reader).__name__


def picture_rates(settings: Settings, world: World) -> list[float]:
    pictures = world.folder / "pictures"
    return [float(open_reader(path, settings.reader).info.fps) for path in (pictures, pictures / "0.png")]


def boxes_found(settings: Settings, world: World) -> list[list[float]]:
    return build_stages(settings).detect(frame()).boxes[:, [0, 2]].round().tolist()  # type: ignore[no-any-return]


def frames_looked_at(settings: Settings, world: World) -> list[int]:
    seen: list[int] = []

    def detect(frame: Frame) -> Detections:
        seen.append(frame.index)
        return Detections.empty()

    stages = replace(build_stages(settings), detect=detect)
    frames = [replace(frame(), index=index, pts_seconds=index / 10) for index in range(6)]
    list(stages.track(frames, stages.make_tracker(Fraction(10))))
    return seen


def num_found(settings: Settings, world: World) -> int:
    return len(boxes_found(settings, world))


def weights_used(settings: Settings, world: World) -> list[str]:
    weights = build_stages(settings).weights
    return [weights["detector"]["file"], weights["pose"]["file"]]


def asked(what: str) -> Callable[[Settings, World], object]:
    """What the network was given while two people, far apart, were estimated after a detection."""

    def observe(settings: Settings, world: World) -> object:
        stages = build_stages(settings)
        stages.detect(frame())
        stages.estimate(frame().image, people(10, 100))
        return world.asked[what]

    return observe


def networks_built(settings: Settings, world: World) -> list[str]:
    build_stages(settings)
    return sorted(key.removesuffix(" device") for key in world.asked if key.endswith(" device"))


def first_joint(settings: Settings, world: World) -> list[float]:
    return build_stages(settings).estimate(frame().image, people(50)).joints[0, 0].round().tolist()  # type: ignore[no-any-return]


def joint_of_a_slanting_peak(settings: Settings, world: World) -> float:
    """Its x in the frame; the cell right of the highest one is high too."""
    with mock.patch.object(StubRuntime, "peak", (9, 9)):
        poses = build_stages(settings).estimate(frame().image, people(50))
    return round(float(poses.joints[0, 0, 0]), 2)


def joint_beside_another_peak(settings: Settings, world: World) -> float:
    """Its x in the frame; what is 8 cells from it draws it that way if it is within reach."""
    with mock.patch.object(StubRuntime, "aside", 0.3):
        return joint_of_a_slanting_peak(settings, world)


def joints_given(settings: Settings, world: World) -> tuple[str, int]:
    """The skeleton that poses have."""
    poses = build_stages(settings).estimate(frame().image, people(50))
    return poses.skeleton.name, poses.joints.shape[1]


def num_of_two_alike(settings: Settings, world: World) -> int:
    return len(build_stages(settings).estimate(frame().image, people(50, 54)))


def people(*lefts: float, scores: tuple[float, ...] = (0.9, 0.8)) -> Detections:
    """40 px wide and 80 high."""
    boxes = np.array([[left, 20, left + 40, 100] for left in lefts]).reshape(-1, 4)
    return Detections(boxes, scores[: len(lefts)])  # type: ignore[arg-type]


def has_features(settings: Settings, world: World) -> bool:
    """Whether the network is asked how people look."""
    return build_stages(settings).estimate(frame().image, people(50)).features is not None


def annotated(settings: Settings, world: World) -> bool:
    track_file(make_video(world.video), world.folder / "out", stub_stages(settings), settings)
    return (world.folder / "out" / ANNOTATED).exists()


def joints_drawn(settings: Settings, world: World) -> bool:
    """Whether a joint in the middle of the person of the last frame is drawn; joints score 0.8."""
    annotated(settings, world)
    with open_video(world.folder / "out" / ANNOTATED) as reader:
        image = list(reader)[-1].image
    x, y = 10 + 2 * 11 + 20, 20 + 40
    return bool(np.abs(image[y - 4 : y + 5, x - 4 : x + 5].astype(int) - 60).max() > 60)


# nothing that asks for looks
BLIND = {"tracker.weights.oks": "1", "tracker.weights.appearance": "0", "tracker.reactivation_seconds": "0"}
UNTOLD = {
    "pose.weights": "c.pth", "pose.skeleton": "coco_17", "pose.kind": "plain", "pose.input_size": "[128, 192]",
}  # fmt: skip
RECORDED = {"detector.name": "recorded", "detector.boxes": "a.json"}

# setting, what else is set, observation, and for each value what is then seen
EFFECTS: list[tuple[str, dict[str, str], Callable[[Settings, World], object], dict[str, object]]] = [
    ("device", {}, asked("centre device"), {"auto": "cuda", "cpu": "cpu"}),
    ("device", {}, asked("hrnet 15 device"), {"auto": "cuda", "cpu": "cpu"}),
    ("runtime", {"device": "cpu"}, asked("centre runtime"), {"auto": "auto", "torch": "torch"}),
    ("runtime", {"device": "cpu"}, asked("hrnet 15 runtime"), {"auto": "auto", "openvino": "openvino"}),
    ("reader.decoder", {}, reader_used, {"pyav": "PyAvReader", "decord": "DecordReader"}),
    ("reader.start_seconds", {}, frames_read, {"null": list(range(12)), "0.85": [9, 10, 11]}),
    ("reader.end_seconds", {}, frames_read, {"null": list(range(12)), "0.25": [0, 1, 2]}),
    ("reader.stride", {}, frames_read, {"1": list(range(12)), "5": [0, 5, 10]}),
    ("reader.image_fps", {}, picture_rates, {"25": [25.0, 25.0], "10": [10.0, 10.0]}),
    ("detector.name", {}, networks_built, {"compact": ["centre", "hrnet 15"]}),
    ("detector.name", {"detector.boxes": "a.json"}, networks_built, {"recorded": ["hrnet 15"]}),
    ("detector.weights", {}, weights_used,
     {"null": ["detector.safetensors", "pose.safetensors"], "a.pth": ["a.pth", "pose.safetensors"]}),
    ("detector.boxes", {"detector.name": "recorded"}, boxes_found, {"a.json": [[10, 50]], "b.json": [[60, 100]]}),
    ("detector.long_side", {}, asked("centre shapes"), {"192": [(1, 128, 192)], "384": [(1, 256, 384)]}),
    ("detector.min_score", {}, num_found, {"0.3": 3, "0.5": 2}),
    ("detector.min_score", RECORDED, num_found, {"0.3": 1, "0.1": 2}),
    ("detector.max_iou", {"detector.min_score": "0.3"}, num_found, {"0.6": 3, "0.2": 2}),
    ("detector.every", {}, frames_looked_at, {"1": [0, 1, 2, 3, 4, 5], "2": [0, 2, 4], "4": [0, 4]}),
    ("pose.weights", {}, weights_used,
     {"a.pth": ["detector.safetensors", "a.pth"], "b.pth": ["detector.safetensors", "b.pth"]}),
    ("pose.skeleton", UNTOLD, joints_given, {"coco_17": ("coco_17", 17), "posetrack18_17": ("posetrack18_17", 17)}),
    ("pose.kind", UNTOLD, joint_of_a_slanting_peak, {"plain": 55.94, "dark": 56.23, "udp": 56.85}),
    ("pose.sigma", {"pose.decoding": "soft_argmax"}, joint_beside_another_peak, {"2": 56.25, "3": 58.89}),
    ("pose.decoding", {}, joint_of_a_slanting_peak, {"plain": 55.94, "dark": 56.24, "soft_argmax": 56.25}),
    ("pose.joints", {}, joints_given, {"null": ("posetrack_15", 15), "coco_17": ("coco_17", 17)}),
    ("pose.input_size", {}, asked("hrnet 15 shapes"),
     {"[128, 192]": [(2, 192, 128)], "[192, 256]": [(2, 256, 192)]}),
    ("pose.scales", {}, asked("hrnet 15 shapes"), {"[1.0]": [(2, 192, 128)], "[1, 1.2]": [(4, 192, 128)]}),
    ("pose.padding", {}, first_joint, {"1": [43.0, 20.0], "1.5": [30.0, 0.0]}),
    ("pose.flip_test", {}, asked("hrnet 15 flips"), {"false": False, "true": True}),
    ("pose.max_oks", {}, num_of_two_alike, {"0.1": 1, "1": 2}),
    ("pose.max_batch", {}, asked("hrnet 15 shapes"), {"2": [(2, 192, 128)], "1": [(1, 192, 128)] * 2}),
    ("tracker.weights.appearance", BLIND, has_features, {"0": False, "1": True}),
    ("tracker.gates.appearance", BLIND, has_features, {"0": False, "0.5": True}),
    ("tracker.reactivation_seconds", BLIND, has_features, {"0": False, "5": True}),
    *TRACKER_EFFECTS,
    ("output.render", {}, annotated, {"true": True, "false": False}),
    ("output.min_joint_score", {}, joints_drawn, {"0.3": True, "0.9": False}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "others", "observe", "value", "expected"),
    [
        pytest.param(key, others, observe, value, expected, id=f"{key}={value}")
        for key, others, observe, seen in EFFECTS
        for value, expected in seen.items()
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


def test_the_effect_of_every_setting_is_shown() -> None:
    shown = {key for key, *_ in EFFECTS}
    assert shown == set(setting_names(Settings))
    assert set(setting_names(LinkSettings)) < shown


def clip_reader(settings: PoseTrackSettings, world: World) -> str:
    with open_clip(Clip("a", Path(), source=make_video(world.video)), settings.reader) as reader:
        return type(reader).__name__


def clip_rate(settings: PoseTrackSettings, world: World) -> float:
    with open_clip(Clip("a", Path(), None, world.folder / "pictures", ("0.png",)), settings.reader) as reader:
        return float(reader.info.fps)


def submitted(settings: PoseTrackSettings, world: World) -> list[int]:
    """How many people, scored 0.9, and joints, scored 0.8, are submitted for tracking of those in four frames."""
    make_data(world.folder / "data", names=("a",), num_frames=5)
    run_benchmark(check_data(world.folder / "data", "2018", "val"), settings, world.folder / "out")
    people = read_posetrack(world.folder / "out/mota/a.json").people
    return [len(people), int(people.has_joint.sum())]


# what the benchmark can be told besides what the stages are told, which they share with the main job
EFFECTS_ON_BENCHMARK: list[tuple[str, Callable[[PoseTrackSettings, World], object], dict[str, object]]] = [
    ("reader.decoder", clip_reader, {"pyav": "PyAvReader", "decord": "DecordReader"}),
    ("reader.image_fps", clip_rate, {"25": 25.0, "10": 10.0}),
    ("submission.min_person_score", submitted, {"0.5": [4, 60], "0.95": [0, 0]}),
    ("submission.min_joint_score", submitted, {"0.5": [4, 60], "0.95": [0, 0]}),
]


@pytest.mark.parametrize(
    ("key", "observe", "value", "expected"),
    [
        pytest.param(key, observe, value, expected, id=f"{key}={value}")
        for key, observe, seen in EFFECTS_ON_BENCHMARK
        for value, expected in seen.items()
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


def test_the_effect_of_every_setting_of_the_benchmark_is_shown() -> None:
    of_stages = set(setting_names(StageSettings))
    assert {key for key, *_ in EFFECTS_ON_BENCHMARK} | of_stages == set(setting_names(PoseTrackSettings))
    assert of_stages < set(setting_names(Settings))


def test_the_benchmark_refuses_recorded_boxes() -> None:
    with pytest.raises(ValueError, match=r"detector\.name recorded has boxes of one video only; choose a network"):
        load_settings(PoseTrackSettings, None, RECORDED)


def test_torchvision_detectors_get_their_settings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[tuple[object, ...]] = []

    class Detector(CentreDetector):
        def __init__(self, *args: Any) -> None:
            built.append(args)

    monkeypatch.setattr(pose_track.detection.torchvision_detector, "TorchvisionDetector", Detector)
    values = {"name": "fcos_resnet50_fpn", "min_score": 0.4, "max_iou": 0.5}
    monkeypatch.setattr(pose_track.weights.resolve, "fetch_weights", lambda published: Path("b.pth"))
    build_stages(Settings(device="cpu", detector=DetectorSettings(**values)))  # type: ignore[arg-type]
    build_stages(Settings(device="cpu", detector=DetectorSettings(**values, weights="a.pth")))  # type: ignore[arg-type]
    assert built == [("fcos_resnet50_fpn", Path(weights), "cpu", 0.4, 0.5) for weights in ("b.pth", "a.pth")]
