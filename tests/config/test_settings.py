"""Settings: loading, error messages and presets."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import torch

import pose_track.weights.resolve
from pose_track.build.stages import build_stages
from pose_track.config.load import configs_folder, load_settings, preset_path, track_preset_path
from pose_track.config.networks import DetectorSettings, DeviceName, PoseSettings, RuntimeSettings
from pose_track.config.settings import PRESETS, TRACK_PRESETS, PoseTrackSettings, Settings
from pose_track.config.sources import ReaderSettings
from pose_track.config.tracker import CueWeights, FlowSettings, LinkSettings, TrackerSettings
from pose_track.flow.optical_flow import METHODS
from pose_track.models.heatmaps import Decoding, HeatmapType
from pose_track.runtime.device import DEVICES
from pose_track.runtime.model_spec import Precision
from pose_track.runtime.select import RuntimeName
from pose_track.structures.skeleton import Skeleton
from pose_track.tracking.cues import CUES
from pose_track.tracking.matching import MATCHERS
from pose_track.video.reader import DECODERS
from pose_track.weights.zoo import ZOO


@pytest.mark.parametrize("text", ["", "tracker: {}"])
def test_defaults(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    assert load_settings(Settings, path) == Settings()


# the text of a file, and what its error names: the key or value, and the remedy where it is not clear from these
INVALID_FILES = [
    ("tracker: {buffer_second: 2}", "'tracker.buffer_second'", "did you mean 'tracker.buffer_seconds'"),
    ("buffer_seconds: 2", "'buffer_seconds'", "did you mean 'tracker.buffer_seconds'"),
    ("flavour: red", "'flavour'", "there are device, runtime.name, runtime.precision, detector.name"),
    ("output: {flavour: red}", "'output.flavour'", "there are output.min_joint_score, output.codec"),
    ("reader: {stride: 0}", "reader.stride = 0", "greater than or equal to 1"),
    ("reader: {stride: x}", "reader.stride = 'x'", "integer"),
    ("reader: {decoder: vlc}", "reader.decoder = 'vlc'", "'pyav' or 'decord'"),
    ("reader: {start_seconds: 3, end_seconds: 2}", "reader.end_seconds 2.0", "after reader.start_seconds 3.0"),
    ("tracker: {buffer_seconds: .inf}", "tracker.buffer_seconds = inf", "finite"),
    ("tracker: {min_similarity: .nan}", "tracker.min_similarity = nan", "must be"),
    ("tracker:", "tracker = None", "key: value"),
    ("tracker: {min_similarity: 2, buffer_seconds: -1}", "tracker.min_similarity = 2", "(and 1 more)"),
    ("tracker: {similarity: oks}", "'tracker.similarity'", "tracker.min_similarity"),
    ("tracker: {weights: {}}", "tracker.weights", "give at least one cue a weight"),
    ("tracker: {weights: {oks: 0.0, motion: 0}}", "tracker.weights", "give at least one cue a weight"),
    ("tracker: {weights: {oks: -1}}", "tracker.weights.oks = -1", "greater than or equal to 0"),
    ("tracker: {weights: {pose: 1}}", "'tracker.weights.pose'", "did you mean 'tracker.weights.oks'"),
    ("tracker: {weights: 1}", "tracker.weights = 1", "key: value"),
    ("tracker: {flow: {min_score: 2}}", "tracker.flow.min_score = 2", "less than or equal to 1"),
    ("tracker: {sigma_scale: 0}", "tracker.sigma_scale = 0", "greater than 0"),
    ("tracker: {flow: {method: dis, weights: a}}", "tracker.flow.weights", "dis; leave it out"),
    ("tracker: {flow: {weights: a}}", "tracker.flow.weights", "dis; leave it out"),
    ("tracker: {flow: {method: farneback}}", "tracker.flow.method = 'farneback'", "'none', 'dis', 'lk', "),
    ("pose: {input_size: [100, 192]}", "pose.input_size", "multiples of 32, got [100, 192]"),
    ("pose: {scales: []}", "pose.scales = []", "at least 1"),
    ("pose: {scales: [1, 3]}", "pose.scales.1 = 3", "less than or equal to 2"),
    ("runtime: torch", "runtime = 'torch'", "key: value"),
    ("detector: {name: recorded}", "recorded", "detector.boxes"),
    ("detector: {boxes: a.json}", "detector.boxes", "compact"),
    ("detector: {name: recorded, boxes: a.json, weights: b}", "detector.weights", "leave it out"),
    ("detector: {name: fcos_resnet50_fpn, weights: bundled}", "fcos_resnet50_fpn", "leave detector.weights out"),
    ("- a\n- b", "section", "key: value"),
    ("reader: [", "YAML", ""),
    ("\udcff", "UTF-8", ""),  # bytes that are no text
]


@pytest.mark.parametrize(("text", "fault", "remedy"), INVALID_FILES)
def test_errors_in_a_file(text: str, fault: str, remedy: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"mine\.yaml") as caught:
        load_settings(Settings, path)
    message = str(caught.value)
    assert str(path) in message
    assert fault in message
    assert remedy in message
    assert "\n" not in message


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
        ("tracker.buffer_seconds", "2s", "tracker.buffer_seconds = '2s'"),
        ("tracker.buffer_second", "2", "did you mean 'tracker.buffer_seconds'"),
        ("pose.input_size", "[128,", r"pose.input_size = '\[128,'"),
        ("pose.input_size", "[128, 100]", "multiples of 32"),
        ("device.name", "cpu", "device.name"),
    ],
)
def test_a_wrong_override_does_not_blame_the_file(key: str, text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("device: cpu\npose: {flip_test: false}\n")
    with pytest.raises(ValueError, match=message) as caught:
        load_settings(Settings, path, {key: text})
    assert str(path) not in str(caught.value)


def test_a_missing_file_and_an_unknown_preset_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.yaml.*--preset"):
        load_settings(Settings, tmp_path / "none.yaml")
    with pytest.raises(ValueError, match=r"'quick'.* fast, balanced, accurate, feet, wholebody, crowd, posetrack"):
        preset_path("quick")
    with pytest.raises(ValueError, match=r"'quick'.* fast, robust, simple_baselines"):
        track_preset_path("quick")
    with pytest.raises(ValueError, match=r"'quick'.* fast, robust, simple_baselines"):
        load_settings(Settings, tracker="quick")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("tracker", TRACK_PRESETS)
def test_a_tracker_preset_replaces_the_section(preset: str, tracker: str) -> None:
    """Except the score thresholds, whose scale depends on the networks."""
    preset_settings = load_settings(Settings, preset_path(preset))
    settings = load_settings(Settings, preset_path(preset), tracker=tracker)
    assert settings.model_dump(exclude={"tracker"}) == preset_settings.model_dump(exclude={"tracker"})
    expected = load_settings(LinkSettings, track_preset_path(tracker)).tracker.model_dump()
    actual = settings.tracker.model_dump()
    differing = {key for key in actual if actual[key] != expected[key]}
    assert differing <= {"min_start_score", "min_high_score", "flow"}
    preset_tracker = preset_settings.tracker.model_dump()
    assert actual["flow"] == expected["flow"] | {"min_score": preset_tracker["flow"]["min_score"]}
    for key in differing - {"flow"}:
        assert actual[key] == preset_tracker[key]


def test_overrides_of_a_tracker_preset(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("tracker: {min_start_score: 0.6, buffer_seconds: 7, flow: {method: lk}}")
    overrides = {"tracker.buffer_seconds": "3", "tracker.weights.iou": "0.5"}
    tracker = load_settings(Settings, tmp_path / "mine.yaml", overrides, tracker="fast").tracker
    assert (tracker.buffer_seconds, tracker.weights.iou, tracker.weights.oks, tracker.flow.method) == (
        3,
        0.5,
        1,
        "none",
    )
    assert tracker.min_start_score == 0.6  # a score threshold, from the file
    with pytest.raises(ValueError, match=r"tracker\.buffer_seconds = '3s'"):
        load_settings(Settings, tmp_path / "mine.yaml", {"tracker.buffer_seconds": "3s"}, tracker="fast")


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().tracker.buffer_seconds = 3.0  # type: ignore[misc]


@pytest.mark.parametrize("flow", [{"method": "none"}, {"max_frames": "2"}])
def test_flow_must_span_the_detection_interval(flow: dict[str, str]) -> None:
    overrides = {"detector.every": "4", **{f"tracker.flow.{key}": value for key, value in flow.items()}}
    for path in (None, preset_path("fast")):
        with pytest.raises(ValueError, match=r"^detector\.every 4 .*tracker\.flow\.max_frames 3"):
            load_settings(Settings, path, overrides)


def test_flow_that_spans_the_detection_interval() -> None:
    overrides = {"detector.every": "4", "tracker.flow.max_frames": "3"}
    assert load_settings(Settings, None, overrides).detector.every == 4


def test_carried_poses_need_a_flow() -> None:
    with pytest.raises(ValueError, match=r"^pose\.every 2 needs a flow"):
        load_settings(Settings, None, {"pose.every": "2", "tracker.flow.method": "none"})
    with pytest.raises(ValueError, match=r"^pose\.every 3 needs boxes in each frame.* detector\.every 1"):
        load_settings(Settings, None, {"pose.every": "3", "detector.every": "2"})


def test_fast_is_the_default() -> None:
    assert load_settings(Settings, preset_path("fast")) == Settings()


WITHOUT_APPEARANCE = ("balanced", "accurate", "feet", "wholebody", "crowd")
TRACKER_OF = {
    **dict.fromkeys(("fast", "benchmark/bundled", *WITHOUT_APPEARANCE), "robust"),
    **dict.fromkeys(("posetrack", "benchmark/posetrack18_w48"), "simple_baselines"),
}


@pytest.mark.parametrize("name", [*PRESETS, "benchmark/bundled", "benchmark/posetrack18_w48"])
def test_presets_track_as_their_comments_say(name: str) -> None:
    """Except the score thresholds and the confirmation, and appearance where the network has none."""
    kind = PoseTrackSettings if name.startswith("benchmark") else Settings
    actual = load_settings(kind, configs_folder() / f"{name}.yaml").tracker.model_dump()
    expected = load_settings(LinkSettings, track_preset_path(TRACKER_OF[name])).tracker.model_dump()
    if name in WITHOUT_APPEARANCE:
        assert actual["weights"]["appearance"] == actual["reactivation_seconds"] == 0
        expected["weights"]["appearance"] = expected["reactivation_seconds"] = 0
    differing = {key for key in actual if actual[key] != expected[key]}
    assert differing <= {"min_start_score", "min_high_score", "min_confirm_frames", "lookback_seconds", "flow"}
    assert {key for key in actual["flow"] if actual["flow"][key] != expected["flow"][key]} <= {"min_score"}


def test_the_benchmark_config_measures_the_preset_posetrack() -> None:
    preset = load_settings(Settings, preset_path("posetrack"))
    measured = load_settings(PoseTrackSettings, configs_folder() / "benchmark" / "posetrack18_w48.yaml")
    assert (measured.pose, measured.tracker) == (preset.pose, preset.tracker)
    assert measured.detector.name == preset.detector.name


def test_missing_bundled_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pose_track.weights.resolve, "files", lambda package: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"pose\.safetensors.*install"):
        build_stages(Settings(device="cpu"))


def test_cuda_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"'cuda'.*'cpu'"):
        build_stages(Settings(device="cuda"))


def test_choices_are_complete() -> None:
    def choices(section: type, name: str) -> set[str]:
        return set(get_args(get_type_hints(section)[name]))

    assert choices(ReaderSettings, "decoder") == set(DECODERS)
    for name in ("skeleton", "joints"):
        assert get_type_hints(PoseSettings)[name] == Skeleton | None
    assert get_type_hints(PoseSettings)["heatmap_type"] == HeatmapType | None
    assert get_type_hints(PoseSettings)["decoding"] == Decoding | None
    assert choices(RuntimeSettings, "name") == set(get_args(RuntimeName))
    assert choices(RuntimeSettings, "precision") == set(get_args(Precision))
    assert choices(TrackerSettings, "matching") == set(MATCHERS)
    assert choices(FlowSettings, "method") == {"none", *METHODS}
    assert list(CueWeights.model_fields) == list(CUES)
    torchvision = choices(DetectorSettings, "name") - {"compact", "recorded"}
    published = {name for name, entry in ZOO.items() if entry.use == "detector"}
    assert torchvision == {name for name in published if ZOO[name].source.startswith("torchvision")}
    assert {*get_args(DeviceName)} == {"auto", *DEVICES}
