"""Exported networks as estimators: `pose.weights` is the file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from pose_track.build.pose_model import pose_model
from pose_track.build.stages import build_stages
from pose_track.config.settings import PoseSettings, Settings
from pose_track.export.form import Form
from pose_track.export.people import SAMPLE
from pose_track.structures.frames import Frame, Poses
from pose_track.video.reader import open_video

pytest.importorskip("onnx", reason="exporting needs onnx; pip install -e '.[onnx]'")
pytest.importorskip("onnxruntime", reason="exported networks are run by onnxruntime; pip install -e '.[onnx]'")

FORMS = {
    "heatmaps": Form(),
    "joints": Form(decoding=True, appearance=True),
    "normalised": Form(preprocessing=False),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from pose_track.export.job import export_pose

    out = tmp_path_factory.mktemp("exported")
    return {
        name: str(export_pose(PoseSettings(flip_test=form.appearance), out / name, "onnx", form).files[0])
        for name, form in FORMS.items()
    }


@pytest.fixture(scope="module")
def frame() -> Frame:
    with open_video(SAMPLE, stride=60) as reader:
        return list(reader)[1]


def poses(frame: Frame, weights: str, runtime: str = "auto", flip_test: bool = False) -> Poses:
    pose = PoseSettings(weights=weights, flip_test=flip_test)
    stages = build_stages(Settings(device="cpu", runtime=runtime, pose=pose))  # type: ignore[arg-type]
    return stages.estimate(frame.image, stages.detect(frame))  # type: ignore[operator, no-any-return]


def from_left(found: Poses) -> Poses:
    return found[np.argsort(found.boxes[:, 0])]


@pytest.mark.parametrize("name", ["heatmaps", "joints"])
def test_they_find_what_the_network_finds(name: str, files: dict[str, str], frame: Frame) -> None:
    found, right = poses(frame, files[name]), poses(frame, "bundled", "torch", FORMS[name].appearance)
    assert len(found) == len(right) >= 2
    np.testing.assert_allclose(found.joints, right.joints, atol=0.05)
    np.testing.assert_allclose(found.joint_scores, right.joint_scores, atol=1e-3)
    assert (found.features is not None) == FORMS[name].appearance
    if found.features is not None:
        np.testing.assert_allclose(found.features, right.features, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("normalised", {}, "was exported as 'normalised crops to heatmaps' and cannot be an estimator; export it"),
        ("heatmaps", {"flip_test": True}, "was exported without pose.flip_test; leave it out, or export it again"),
        ("heatmaps", {"input_size": (192, 256)}, r"pose.input_size \(192, 256\) contradicts '.*', which is \(128, 192"),
        ("heatmaps", {"skeleton": "coco_17"}, "pose.skeleton coco_17 contradicts '.*', which is posetrack_15"),
        ("joints", {"decoding": "plain"}, "pose.decoding plain contradicts '.*', which is dark; leave it out"),
        ("joints", {"sigma": 3}, "pose.sigma 3.0 contradicts '.*', which is 2.0; leave it out"),
        ("joints", {"scales": (1, 1.2)}, "pose.scales has no effect on '.*', which was exported with --decode"),
    ],
)
def test_what_is_refused(name: str, settings: dict[str, object], message: str, files: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=message):
        build_stages(Settings(device="cpu", pose=PoseSettings(weights=files[name], **settings)))  # type: ignore[arg-type]


def test_what_is_left_to_choose(files: dict[str, str], frame: Frame) -> None:
    """Heatmaps may be read in another way, and of several crops."""
    chosen = PoseSettings(weights=files["heatmaps"], decoding="plain", scales=(1, 1.2))
    stages = build_stages(Settings(device="cpu", pose=chosen))
    found = from_left(stages.estimate(frame.image, stages.detect(frame)))  # type: ignore[operator]
    usual = from_left(poses(frame, files["heatmaps"]))
    away = np.linalg.norm(found.joints - usual.joints, axis=-1)[usual.joint_scores > 0.5]
    assert 0.01 < np.median(away) < 5


@pytest.mark.parametrize("runtime", ["torch", "openvino"])
def test_other_runtimes_do_not_run_them(runtime: str, files: dict[str, str], frame: Frame) -> None:
    with pytest.raises(ValueError, match="runs with --runtime onnx and --device cpu only; leave out other ones"):
        poses(frame, files["heatmaps"], runtime)


def test_the_header_tells_what_it_is(files: dict[str, str]) -> None:
    weights = build_stages(Settings(device="cpu", pose=PoseSettings(weights=files["joints"]))).weights["pose"]
    assert weights["file"] == Path(files["joints"]).name
    assert weights["about"] == "an exported hrnet_compact with flip test, crops to joints and looks"
    assert (weights["input_size"], weights["kind"], weights["decoding"]) == ("128x192", "plain", "dark")


@pytest.mark.parametrize(
    ("name", "needed", "lines"), [("heatmaps", True, 1), ("heatmaps", False, 0), ("joints", True, 0)]
)
def test_looks_that_the_tracker_misses(
    name: str, needed: bool, lines: int, files: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    tracker = {} if needed else {"weights": {"flow": 1}, "reactivation_seconds": 0}
    with caplog.at_level(logging.WARNING, "pose_track.build.stages"):
        build_stages(Settings.model_validate({"device": "cpu", "pose": {"weights": files[name]}, "tracker": tracker}))
    assert (
        caplog.text.count("was exported without --appearance, so the tracker cannot compare how people look") == lines
    )


def changed(file: str, path: Path, notes: Mapping[str, str]) -> str:
    import onnx

    model = onnx.load(file)
    onnx.helper.set_model_props(model, {prop.key: prop.value for prop in model.metadata_props} | dict(notes))
    onnx.save(model, path)
    return str(path)


def test_notes_that_cannot_be_name_the_file(files: dict[str, str], tmp_path: Path) -> None:
    wrong = changed(files["heatmaps"], tmp_path / "simcc.onnx", {"kind": "simcc"})
    with pytest.raises(ValueError, match=r"simcc\.onnx' says of itself what cannot be: kind 'simcc'"):
        pose_model(PoseSettings(weights=wrong))


def test_a_suffix_in_capitals(files: dict[str, str], tmp_path: Path) -> None:
    capitals = changed(files["heatmaps"], tmp_path / "NETWORK.ONNX", {})
    assert pose_model(PoseSettings(weights=capitals)).is_exported


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_files_of_openvino_are_for_others(suffix: str, tmp_path: Path) -> None:
    for name in ("network.xml", "network.bin"):
        (tmp_path / name).write_text("<net>")
    with pytest.raises(ValueError, match=r"is OpenVINO's, for other programs; give the weights .* --to onnx"):
        pose_model(PoseSettings(weights=str(tmp_path / f"network{suffix}")))


def test_onnx_runtime_that_is_missing(files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pose_track.build.pose_model.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"is run by onnxruntime; pip install -e '\.\[onnx\]', or give weights"):
        pose_model(PoseSettings(weights=files["heatmaps"]))
