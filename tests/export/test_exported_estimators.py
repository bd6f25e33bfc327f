"""The bundled network exported to a file, as the estimator of the main job."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pose_track.build.networks import pose_network
from pose_track.build.stages import build_stages
from pose_track.config.networks import PoseSettings, RuntimeSettings
from pose_track.config.settings import Settings, StageSettings
from pose_track.export.sample_crops import SAMPLE
from pose_track.pipeline.stages import Stages
from pose_track.runtime.exported import ExportForm
from pose_track.structures.frames import Detections, Frame, Poses
from pose_track.utils import extras
from pose_track.video.reader import open_video

pytest.importorskip("onnx", reason="exporting needs onnx; pip install 'pose_track[onnx]'")
pytest.importorskip("onnxruntime", reason="exported networks are run by onnxruntime; pip install 'pose_track[onnx]'")

FORMS = {
    "heatmaps": ExportForm(),
    "joints": ExportForm(decodes=True, has_appearance=True),
    "normalised": ExportForm(has_preprocessing=False),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from pose_track.export.export_pose import export_pose

    out = tmp_path_factory.mktemp("exported")
    return {
        name: str(export_pose(PoseSettings(flip_test=form.has_appearance), out / name, "onnx", form).files[0])
        for name, form in FORMS.items()
    }


@pytest.fixture(scope="module")
def frame() -> Frame:
    with open_video(SAMPLE, stride=60) as reader:
        return list(reader)[1]


def stages(weights: str, runtime: str = "auto", **pose: object) -> Stages:
    """Both networks in float32, so that only what is compared differs on a processor with bfloat16."""
    return build_stages(
        Settings(
            device="cpu",
            runtime=RuntimeSettings(name=runtime, precision="float32"),  # type: ignore[arg-type]
            pose=PoseSettings(weights=weights, **pose),  # type: ignore[arg-type]
        )
    )


@pytest.fixture(scope="module")
def detections(frame: Frame) -> Detections:
    return stages("bundled").detect(frame)  # type: ignore[operator, no-any-return]


def poses(built: Stages, frame: Frame, detections: Detections) -> Poses:
    """By descending score."""
    return built.estimate(frame.image, detections)  # type: ignore[operator, no-any-return]


def from_left(found: Poses) -> Poses:
    return found[np.argsort(found.boxes[:, 0])]


@pytest.mark.parametrize("name", ["heatmaps", "joints"])
def test_exported_networks_find_the_poses_of_pytorch(
    name: str, files: dict[str, str], frame: Frame, detections: Detections
) -> None:
    form = FORMS[name]
    found = poses(stages(files[name]), frame, detections)
    expected = poses(stages("bundled", "torch", flip_test=form.has_appearance), frame, detections)
    assert len(found) == len(expected) >= 2
    np.testing.assert_allclose(found.joints, expected.joints, atol=0.05)
    np.testing.assert_allclose(found.joint_scores, expected.joint_scores, atol=1e-3)
    assert (found.features is not None) == form.has_appearance
    if found.features is not None:
        np.testing.assert_allclose(found.features, expected.features, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("normalised", {}, "--no-preprocessing"),
        ("heatmaps", {"flip_test": True}, "pose.flip_test"),
        ("heatmaps", {"input_size": (192, 256)}, r"pose.input_size \(192, 256\) .*\(128, 192\)"),
        ("heatmaps", {"skeleton": "coco_17"}, "pose.skeleton coco_17 .*posetrack_15"),
        ("joints", {"decoding": "quarter_offset"}, "pose.decoding quarter_offset .*dark"),
        ("joints", {"sigma": 3}, r"pose.sigma 3.0 .*2\.0"),
        ("joints", {"scales": (1, 1.2)}, "pose.scales .*--decode"),
    ],
)
def test_settings_that_contradict_the_file(
    name: str, settings: dict[str, object], named: str, files: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        stages(files[name], **settings)
    assert files[name] in str(caught.value)


def test_heatmaps_leave_decoding_and_scales_to_the_settings(
    files: dict[str, str], frame: Frame, detections: Detections
) -> None:
    chosen = stages(files["heatmaps"], decoding="quarter_offset", scales=(1, 1.2))
    found = from_left(poses(chosen, frame, detections))
    default = from_left(poses(stages(files["heatmaps"]), frame, detections))
    distances = np.linalg.norm(found.joints - default.joints, axis=-1)[default.joint_scores > 0.5]
    assert 0.01 < np.median(distances) < 5


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_other_runtimes_do_not_run_them(runtime: str, files: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"\.onnx.*--runtime onnx only; leave out"):
        stages(files["heatmaps"], runtime)


def test_devices_that_onnx_runtime_does_not_have_here(files: dict[str, str]) -> None:
    chosen = StageSettings.model_validate({"device": "coreml", "pose": {"weights": files["heatmaps"]}})
    with pytest.raises(ValueError, match=r"device .coreml. needs onnxruntime on macOS for ONNX Runtime, which has"):
        build_stages(chosen)


def test_onnx_runtime_has_no_bfloat16(files: dict[str, str]) -> None:
    settings = {"device": "cpu", "runtime": {"precision": "bfloat16"}, "pose": {"weights": files["heatmaps"]}}
    with pytest.raises(ValueError, match=r"'onnx'.*'bfloat16'"):
        build_stages(Settings.model_validate(settings))


def test_the_header_describes_the_network(files: dict[str, str]) -> None:
    weights = stages(files["joints"]).weights["pose"]
    assert weights["file"] == Path(files["joints"]).name
    for words in ("hrnet_compact", "flip test", "crops to joints and appearance"):
        assert words in weights["about"]
    assert (weights["input_size"], weights["heatmap_type"], weights["decoding"]) == ("128x192", "dark", "dark")
    assert (weights["device"], weights["precision"]) == ("cpu", "float32")


@pytest.mark.parametrize(
    ("name", "needed", "num_lines"), [("heatmaps", True, 1), ("heatmaps", False, 0), ("joints", True, 0)]
)
def test_a_tracker_without_appearance_is_logged(
    name: str, needed: bool, num_lines: int, files: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    tracker = {} if needed else {"weights": {"flow": 1}, "reactivation_seconds": 0}
    with caplog.at_level(logging.WARNING, "pose_track.build.stages"):
        build_stages(Settings.model_validate({"device": "cpu", "pose": {"weights": files[name]}, "tracker": tracker}))
    assert caplog.text.count("--appearance") == num_lines


def change_metadata(file: str, path: Path, metadata: Mapping[str, str]) -> str:
    import onnx

    model = onnx.load(file)
    onnx.helper.set_model_props(model, {prop.key: prop.value for prop in model.metadata_props} | dict(metadata))
    onnx.save(model, path)
    return str(path)


def test_invalid_metadata_name_the_file(files: dict[str, str], tmp_path: Path) -> None:
    changed = change_metadata(files["heatmaps"], tmp_path / "simcc.onnx", {"heatmap_type": "simcc"})
    with pytest.raises(ValueError, match=r"simcc\.onnx.*heatmap_type 'simcc'"):
        pose_network(PoseSettings(weights=changed))


def test_a_suffix_in_capitals(files: dict[str, str], tmp_path: Path) -> None:
    capitals = change_metadata(files["heatmaps"], tmp_path / "NETWORK.ONNX", {})
    assert pose_network(PoseSettings(weights=capitals)).exported is not None


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_exported_openvino_files_are_for_other_programs(suffix: str, tmp_path: Path) -> None:
    for name in ("network.xml", "network.bin"):
        (tmp_path / name).write_text("<net><has_preprocessing/><weights_sha256/></net>")
    with pytest.raises(ValueError, match=rf"network\{suffix}.*OpenVINO.*--to onnx"):
        pose_network(PoseSettings(weights=str(tmp_path / f"network{suffix}")))


def test_onnx_runtime_is_not_installed(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"onnxruntime.*pip install 'pose_track\[onnx\]'"):
        pose_network(PoseSettings(weights=files["heatmaps"]))
