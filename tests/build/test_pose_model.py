"""What is known of a keypoint network before it is built: from the list, from the file, from the settings."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from pose_track.build.pose_model import pose_model
from pose_track.config.load import load_settings, preset_path
from pose_track.config.settings import PRESETS, PoseSettings, Settings
from pose_track.models.codec import Codec
from pose_track.structures.skeleton import SKELETONS
from pose_track.weights.hrnet_config import FORMS
from pose_track.weights.identify import IdentifiedWeights
from pose_track.weights.zoo import ZOO, PublishedPoseWeights, PublishedWeights

POSES = [entry for entry in ZOO.values() if isinstance(entry, PublishedPoseWeights)]


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every published file is there, and its hash is the known one."""
    (tmp_path / "fetched.pth").write_bytes(b"weights")
    known = hashlib.sha256(b"weights").hexdigest()
    for entry in POSES:
        monkeypatch.setitem(ZOO, entry.name, replace(entry, sha256=known[:8]))
    monkeypatch.setattr("pose_track.weights.resolve.fetch_weights", lambda published: tmp_path / "fetched.pth")
    return tmp_path


def test_the_bundled_network() -> None:
    form = pose_model(PoseSettings())
    assert form.file.name == "pose.safetensors"
    assert (form.skeleton.name, form.codec) == ("posetrack_15", Codec("plain", (128, 192), 2.0, decoding="dark"))
    assert form.codec.kernel == 11


@pytest.mark.parametrize("entry", POSES, ids=lambda entry: entry.name)
def test_published_weights_are_used_as_they_were_trained(entry: PublishedPoseWeights, fetched: Path) -> None:
    form = pose_model(PoseSettings(weights=entry.name))
    assert form.skeleton is SKELETONS[entry.skeleton]
    assert form.codec == Codec(entry.kind, entry.input_size, entry.sigma, blur=entry.blur)
    assert form.codec.kernel == (0 if entry.kind == "plain" else 11)  # MMPose's, also for a sigma of 3
    assert form.codec.flip_shift == (entry.kind != "udp")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "plain"}, "pose.kind plain contradicts 'hrnet_w32_coco_256x192_udp', which is udp; leave it out"),
        ({"skeleton": "mpii_16"}, "pose.skeleton mpii_16 contradicts '.*_udp', which is coco_17"),
        ({"decoding": "plain"}, "udp"),
        ({"decoding": "dark"}, "udp"),
    ],
)
def test_what_published_weights_tell_cannot_be_contradicted(
    settings: dict[str, str], message: str, fetched: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        pose_model(PoseSettings(weights="hrnet_w32_coco_256x192_udp", **settings))  # type: ignore[arg-type]


def test_what_is_left_to_choose(fetched: Path) -> None:
    chosen = PoseSettings(
        weights="hrnet_w32_coco_256x192_udp", input_size=(288, 384), sigma=2.5, decoding="soft_argmax"
    )
    assert pose_model(chosen).codec == Codec("udp", (288, 384), 2.5, decoding="soft_argmax", blur=11)
    assert pose_model(PoseSettings(weights="hrnet_w32_coco_256x192_udp", kind="udp", skeleton="coco_17")) == pose_model(
        PoseSettings(weights="hrnet_w32_coco_256x192_udp")
    )


def test_a_file_by_its_published_name(fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as what it is called only if it holds that."""
    entry = ZOO["hrnet_w32_coco_256x192_udp"]
    (fetched / entry.file).write_bytes(b"weights")
    assert pose_model(PoseSettings(weights=str(fetched / entry.file))).codec.kind == "udp"
    (fetched / entry.file).write_bytes(b"others")
    monkeypatch.setattr("pose_track.weights.identify.recognise", untold)
    with pytest.raises(ValueError, match="does not tell how it was trained"):
        pose_model(PoseSettings(weights=str(fetched / entry.file)))


def untold(path: Path) -> IdentifiedWeights:
    return IdentifiedWeights(origin="nobody", form=FORMS["hrnet_w32"], num_joints=17)


def test_a_file_that_tells_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.safetensors").write_bytes(b"weights")
    told = replace(untold(tmp_path), skeleton="posetrack_15", input_size=(96, 128), kind="dark", sigma=1.5, logits=True)
    monkeypatch.setattr("pose_track.weights.identify.recognise", lambda path: told)
    form = pose_model(PoseSettings(weights=str(tmp_path / "mine.safetensors")))
    assert (form.skeleton.name, form.codec) == ("posetrack_15", Codec("dark", (96, 128), 1.5, logits=True))


def test_a_file_that_does_not_says_what_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.pth"
    path.write_bytes(b"weights")
    monkeypatch.setattr("pose_track.weights.identify.recognise", untold)
    with pytest.raises(
        ValueError, match=r"give --pose\.skeleton \(coco_17 or posetrack18_17\), --pose\.kind \(.*--pose\.input_size"
    ):
        pose_model(PoseSettings(weights=str(path)))
    given = PoseSettings(weights=str(path), skeleton="coco_17", kind="udp", input_size=(288, 384))
    assert pose_model(given).codec == Codec("udp", (288, 384), 3.0)


@pytest.mark.parametrize(
    ("num_joints", "message"),
    [(14, r"give --pose\.skeleton \(lsp_14\)"), (19, "finds 19 joints, which no skeleton has: coco_17, ")],
)
def test_joints_are_not_guessed_from_their_number(
    num_joints: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CrowdPose has 14 joints, too."""
    (tmp_path / "mine.pth").write_bytes(b"weights")
    monkeypatch.setattr(
        "pose_track.weights.identify.recognise", lambda path: replace(untold(path), num_joints=num_joints)
    )
    with pytest.raises(ValueError, match=message):
        pose_model(PoseSettings(weights=str(tmp_path / "mine.pth"), kind="plain", input_size=(192, 256)))


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    """The HRNet authors' files have no published hash."""
    path = tmp_path / "pose_hrnet_w32_256x192.pth"
    path.write_bytes(b"weights")
    with pytest.raises(ValueError, match="which is plain; leave it out, or rename the file, known by its name alone"):
        pose_model(PoseSettings(weights=str(path), kind="udp"))


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ("none.pth", FileNotFoundError, "there is no weights file 'none.pth'; give its path, or the name"),
        ("some/none", FileNotFoundError, "there is no weights file 'some/none'"),
        ("hrnet_w32_coco_256x192_upd", ValueError, "did you mean hrnet_w32_coco_256x192_udp"),
        ("hrnet_w32_imagenet", ValueError, "'hrnet_w32_imagenet' is no keypoint network"),
        ("fasterrcnn_resnet50_fpn_v2", ValueError, "is no keypoint network"),
    ],
)
def test_weights_that_are_not_there(
    weights: str, error: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pose_track.weights.resolve.fetch_weights", _must_not_be_fetched)
    with pytest.raises(error, match=message):
        pose_model(PoseSettings(weights=weights))


def _must_not_be_fetched(published: PublishedWeights) -> Path:
    raise AssertionError(f"{published.name} is fetched")


@pytest.mark.parametrize(
    ("preset", "weights", "codec", "flip_test", "joints"),
    [
        ("fast", "bundled", Codec("plain", (128, 192), decoding="dark"), False, "posetrack_15"),
        ("balanced", "hrnet_w32_coco_256x192_udp", Codec("udp", (192, 256), blur=11), False, "coco_17"),
        ("accurate", "hrnet_w48_coco_384x288_udp", Codec("udp", (288, 384), 3, blur=11), True, "coco_17"),
        ("posetrack", "hrnet_w48_posetrack18_384x288", Codec("plain", (288, 384), 2, blur=11), True, "posetrack_15"),
    ],
)
def test_presets(preset: str, weights: str, codec: Codec, flip_test: bool, joints: str, fetched: Path) -> None:
    assert preset in PRESETS
    settings = load_settings(Settings, preset_path(preset))
    form = pose_model(settings.pose)
    assert (settings.pose.weights, form.codec, settings.pose.flip_test) == (weights, codec, flip_test)
    assert (settings.pose.joints or form.skeleton.name) == joints
    assert settings.detector.name == "compact" or ZOO[settings.detector.name].use == "detector"
