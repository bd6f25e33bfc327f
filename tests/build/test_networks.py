"""The networks that settings name: from the zoo, from what a file states, and from the settings."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import save

from pose_track.build.networks import DetectorNetwork, describe_weights, detector_network, pose_network
from pose_track.build.specs import detector_spec, pose_spec
from pose_track.build.stages import build_stages
from pose_track.config.load import load_settings, preset_path
from pose_track.config.networks import DetectorSettings, PoseSettings
from pose_track.config.settings import PRESETS, Settings
from pose_track.config.tracker import FlowSettings, TrackerSettings
from pose_track.models.codec import Codec
from pose_track.models.hrnet_config import HRNET_CONFIGS
from pose_track.structures.skeleton import COCO_17, SKELETONS
from pose_track.utils.cache_dir import VARIABLE
from pose_track.utils.hashing import file_sha256
from pose_track.weights.entries.entry import PublishedPoseWeights, PublishedWeights
from pose_track.weights.identify import IdentifiedWeights
from pose_track.weights.zoo import ZOO

POSE_ENTRIES = [entry for entry in ZOO.values() if isinstance(entry, PublishedPoseWeights)]
UDP = "hrnet_w32_coco_256x192_udp"


@pytest.fixture
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every published file is there, with the known hash."""
    (tmp_path / "downloaded.pth").write_bytes(b"weights")
    sha256 = hashlib.sha256(b"weights").hexdigest()
    for entry in POSE_ENTRIES:
        monkeypatch.setitem(ZOO, entry.name, replace(entry, sha256=sha256[:8]))
    monkeypatch.setattr("pose_track.weights.store.fetch_weights", lambda entry: tmp_path / "downloaded.pth")
    return tmp_path


@pytest.fixture
def unknown_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file holds an HRNet-W32 for 17 joints and no metadata."""
    monkeypatch.setattr("pose_track.build.networks.identify_weights", without_metadata)


def without_metadata(path: Path) -> IdentifiedWeights:
    return IdentifiedWeights(naming="nobody", config=HRNET_CONFIGS["hrnet_w32"], num_joints=17)


def test_the_bundled_network() -> None:
    network = pose_network(PoseSettings())
    assert network.path.name == "pose.safetensors"
    assert network.codec.score_map is not None
    assert (network.skeleton.name, replace(network.codec, score_map=None)) == (
        "posetrack_15",
        Codec("dark", (128, 192), 2.0, decoding="dark"),
    )
    assert network.codec.kernel_size == 11
    assert network.exported is None


@pytest.mark.parametrize("entry", POSE_ENTRIES, ids=lambda entry: entry.name)
def test_published_weights_run_as_they_were_trained(entry: PublishedPoseWeights, downloaded: Path) -> None:
    network = pose_network(PoseSettings(weights=entry.name))
    assert network.skeleton is SKELETONS[entry.skeleton]
    assert network.codec == Codec(
        entry.heatmap_type, entry.input_size, entry.sigma, blur_kernel_size=entry.blur_kernel_size
    )
    # MMPose's kernel size, for a sigma of 3 too
    assert network.codec.kernel_size == (0 if entry.heatmap_type == "gaussian" else 11)
    assert network.codec.flip_shift == (entry.heatmap_type != "udp")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"heatmap_type": "gaussian"}, f"pose.heatmap_type gaussian .*'{UDP}', which is udp; leave it out"),
        ({"skeleton": "mpii_16"}, f"pose.skeleton mpii_16 .*'{UDP}', which is coco_17"),
        ({"decoding": "quarter_offset"}, "udp"),
        ({"decoding": "dark"}, "udp"),
    ],
)
def test_settings_cannot_contradict_published_weights(settings: dict[str, str], message: str, downloaded: Path) -> None:
    with pytest.raises(ValueError, match=message):
        pose_network(PoseSettings(weights=UDP, **settings))  # type: ignore[arg-type]


def test_settings_choose_the_rest(downloaded: Path) -> None:
    chosen = PoseSettings(weights=UDP, input_size=(288, 384), sigma=2.5, decoding="soft_argmax")
    assert pose_network(chosen).codec == Codec("udp", (288, 384), 2.5, decoding="soft_argmax", blur_kernel_size=11)
    repeated = PoseSettings(weights=UDP, heatmap_type="udp", skeleton=COCO_17)
    assert pose_network(repeated) == pose_network(PoseSettings(weights=UDP))


@pytest.mark.usefixtures("unknown_training")
def test_a_file_with_a_published_name(downloaded: Path) -> None:
    """It counts as the published weights only if its hash is theirs."""
    entry = ZOO[UDP]
    (downloaded / entry.file).write_bytes(b"weights")
    assert pose_network(PoseSettings(weights=str(downloaded / entry.file))).codec.heatmap_type == "udp"
    (downloaded / entry.file).write_bytes(b"others")
    with pytest.raises(ValueError, match=f"{entry.file}' does not state how it was trained"):
        pose_network(PoseSettings(weights=str(downloaded / entry.file)))


def test_a_file_with_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.safetensors").write_bytes(b"weights")
    identified = replace(
        without_metadata(tmp_path), skeleton=COCO_17, input_size=(96, 128), heatmap_type="dark", sigma=1.5
    )
    monkeypatch.setattr("pose_track.build.networks.identify_weights", lambda path: identified)
    network = pose_network(PoseSettings(weights=str(tmp_path / "own.safetensors")))
    assert (network.skeleton.name, network.codec) == ("coco_17", Codec("dark", (96, 128), 1.5))


@pytest.mark.usefixtures("unknown_training")
def test_a_file_without_metadata_needs_settings(tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    path.write_bytes(b"weights")
    needed = r"--pose\.skeleton \(coco_17 or posetrack18_17 or a YAML file\), --pose\.heatmap_type .*--pose\.input_size"
    with pytest.raises(ValueError, match=rf"own\.pth' .*{needed}"):
        pose_network(PoseSettings(weights=str(path)))
    given = PoseSettings(weights=str(path), skeleton=COCO_17, heatmap_type="udp", input_size=(288, 384))
    assert pose_network(given).codec == Codec("udp", (288, 384), 3.0)


@pytest.mark.parametrize(
    ("num_joints", "message"),
    [
        (14, r"give --pose\.skeleton \(lsp_14 or a YAML file\)"),
        (19, r"give --pose\.skeleton \(a YAML file\)"),
    ],
)
def test_the_skeleton_is_not_guessed_from_the_number_of_joints(
    num_joints: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CrowdPose has 14 joints, too."""
    (tmp_path / "own.pth").write_bytes(b"weights")
    identified = replace(without_metadata(tmp_path), num_joints=num_joints)
    monkeypatch.setattr("pose_track.build.networks.identify_weights", lambda path: identified)
    with pytest.raises(ValueError, match=message):
        pose_network(PoseSettings(weights=str(tmp_path / "own.pth"), heatmap_type="gaussian", input_size=(192, 256)))


def test_a_file_identified_by_its_name(tmp_path: Path) -> None:
    """Most files of the HRNet authors have no published hash."""
    path = tmp_path / "pose_hrnet_w32_384x288.pth"
    path.write_bytes(b"weights")
    with pytest.raises(ValueError, match="which is gaussian; leave it out, or rename the file"):
        pose_network(PoseSettings(weights=str(path), heatmap_type="udp"))


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("none.pth", FileNotFoundError, "'none.pth'; give its path, or the name"),
        ("some/none", FileNotFoundError, "'some/none'"),
        ("hrnet_w32_coco_256x192_upd", ValueError, "did you mean hrnet_w32_coco_256x192_udp"),
        ("hrnet_w32_imagenet", ValueError, "'hrnet_w32_imagenet' is not a keypoint network"),
        ("fasterrcnn_resnet50_fpn_v2", ValueError, "is not a keypoint network"),
    ],
)
def test_missing_and_wrong_weights(
    weights: str, error: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pose_track.weights.store.fetch_weights", _must_not_be_downloaded)
    with pytest.raises(error, match=message):
        pose_network(PoseSettings(weights=weights))


def _must_not_be_downloaded(entry: PublishedWeights) -> Path:
    raise AssertionError(f"{entry.name} is downloaded")


@pytest.mark.parametrize(
    ("preset", "weights", "codec", "flip_test", "joints"),
    [
        ("fast", "bundled", Codec("dark", (128, 192), decoding="dark"), False, "posetrack_15"),
        (
            "posetrack",
            "hrnet_w48_posetrack18_384x288",
            Codec("gaussian", (288, 384), 2, None, 11),
            True,
            "posetrack_15",
        ),
    ],
)
def test_presets(preset: str, weights: str, codec: Codec, flip_test: bool, joints: str, downloaded: Path) -> None:
    assert preset in PRESETS
    settings = load_settings(Settings, preset_path(preset))
    network = pose_network(settings.pose)
    assert (network.codec.score_map is not None) == (weights == "bundled")
    used = replace(network.codec, score_map=None)
    assert (settings.pose.weights, used, settings.pose.flip_test) == (weights, codec, flip_test)
    assert (settings.pose.joints or network.skeleton).name == joints
    assert settings.detector.name == "compact" or ZOO[settings.detector.name].use == "detector"


def test_detectors(downloaded: Path) -> None:
    boxes, weights = downloaded / "boxes.txt", downloaded / "own.safetensors"
    weights.write_bytes(save({}))
    bundled = detector_network(DetectorSettings())
    assert (bundled.name, bundled.path.name) == ("compact", "detector.safetensors")
    recorded = DetectorSettings(name="recorded", boxes=boxes)
    assert detector_network(recorded) == DetectorNetwork("recorded", boxes)
    assert detector_network(DetectorSettings(weights=str(weights))) == DetectorNetwork("compact", weights)
    published = DetectorNetwork("fcos_resnet50_fpn", downloaded / "downloaded.pth")
    assert detector_network(DetectorSettings(name="fcos_resnet50_fpn")) == published


def test_weights_are_described_by_name_and_hash(tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.txt"
    boxes.write_text("1,-1,10,20,40,80,0.9\n")
    pose = pose_network(PoseSettings()).path
    described = describe_weights(Settings(detector=DetectorSettings(name="recorded", boxes=boxes)))
    assert described == {
        "detector": {"file": "boxes.txt", "sha256": file_sha256(boxes)},
        "pose": {"file": "pose.safetensors", "sha256": file_sha256(pose)},
    }


def test_only_bundled_networks_have_an_onnx_file(tmp_path: Path) -> None:
    detector, pose = detector_network(DetectorSettings()), pose_network(PoseSettings())
    files = [detector_spec(detector).onnx, pose_spec(pose).onnx, pose_spec(pose, flip_test=True).onnx]
    assert [file and file.name for file in files] == ["detector.onnx", "pose.onnx", "pose_flip_test.onnx"]
    for network in (detector, pose):
        (tmp_path / network.path.name).write_bytes(network.path.read_bytes())
    assert detector_spec(replace(detector, path=tmp_path / detector.path.name)).onnx is None
    assert pose_spec(replace(pose, path=tmp_path / pose.path.name)).onnx is None


def test_keys_differ_where_the_outputs_differ() -> None:
    network = pose_network(PoseSettings())
    keys = {pose_spec(network, flip, embedding).key for flip in (False, True) for embedding in (False, True)}
    assert len(keys) == 4


@pytest.mark.parametrize("settings", ["", "pose={'flip_test': True}"])
def test_bundled_networks_need_no_pytorch(settings: str, tmp_path: Path) -> None:
    """Even with an empty cache."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pose_track.build.stages import build_stages\n"
        "from pose_track.config.settings import Settings\n"
        f"build_stages(Settings(device='cpu', {settings})).make_tracker(25)"
    )
    environment = os.environ | {VARIABLE: str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("settings", "needed"),
    [
        (Settings(detector=DetectorSettings(name="fcos_resnet50_fpn")), "detector.name fcos_resnet50_fpn"),
        (Settings(pose=PoseSettings(weights="PATH")), "own.pth"),
        (Settings(tracker=TrackerSettings(flow=FlowSettings(method="raft_small"))), "tracker.flow.method raft_small"),
    ],
    ids=["torchvision detector", "weights of torch.save", "RAFT"],
)
def test_what_needs_pytorch_names_the_extra(
    settings: Settings, needed: str, downloaded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (downloaded / "own.pth").write_bytes(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.")
    if settings.pose.weights == "PATH":
        settings = Settings(pose=PoseSettings(weights=str(downloaded / "own.pth")))
    for module in ("torch", "torchvision"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf"{needed}.*pip install 'pose_track\[gpu\]'") as error:
        build_stages(settings).make_tracker(25)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)
