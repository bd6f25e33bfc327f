"""The zoo's entries, compared with their publishers' and with the settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from torchvision.models import get_model_weights

import pose_track.assets
from pose_track.config.networks import DetectorName
from pose_track.config.tracker import FlowSettings
from pose_track.models.networks import NETWORKS
from pose_track.structures.skeleton import SKELETONS
from pose_track.weights.archive import is_archive
from pose_track.weights.entries.entry import PublishedGraph, PublishedPoseWeights, PublishedWeights, digest_in_name
from pose_track.weights.zoo import BUNDLED_DETECTOR, BUNDLED_POSE, ZOO, find_published, unknown_name

POSE_ENTRIES = {name: entry for name, entry in ZOO.items() if isinstance(entry, PublishedPoseWeights)}
TORCHVISION_ENTRIES = [entry for entry in ZOO.values() if entry.source.startswith("torchvision")]
GRAPHS = {name: entry for name, entry in ZOO.items() if isinstance(entry, PublishedGraph)}


def test_names_and_files_are_unique() -> None:
    assert len({entry.file for entry in ZOO.values()}) == len(ZOO)
    assert all(name == entry.name for name, entry in ZOO.items())
    assert not {BUNDLED_POSE.name, BUNDLED_DETECTOR.name} & ZOO.keys()


@pytest.mark.parametrize("entry", ZOO.values(), ids=ZOO)
def test_every_entry_is_complete(entry: PublishedWeights) -> None:
    assert entry.result
    assert entry.source
    assert entry.licence.code in ("Apache-2.0", "MIT", "BSD-3-Clause")
    assert entry.licence.weights
    assert entry.licence.data
    assert Path(entry.file).name == entry.file
    assert re.fullmatch("([0-9a-f]{8}|[0-9a-f]{64})?", entry.sha256)
    if len(entry.sha256) == 8:
        assert digest_in_name(entry.file) == entry.sha256
    for url in entry.urls:
        assert url.startswith("https://")
        name = url.rpartition("/")[2]
        assert name == entry.file or (is_archive(url) and Path(name).stem == Path(entry.file).stem)


def test_digests_are_whole_but_for_those_that_nobody_states() -> None:
    without = {entry.name for entry in ZOO.values() if not entry.sha256}
    assert without == {
        *("rtmpose_t_halpe26_256x192", "rtmpose_s_halpe26_256x192", "rtmpose_l_halpe26_256x192"),
        *("rtmo_m", "rtmo_l", "rtmdet_m_person"),
        *("pose_hrnet_w32_384x288", "pose_hrnet_w48_256x192", "pose_hrnet_w32_256x256"),
    }
    assert all(len(entry.sha256) == 64 for entry in ZOO.values() if isinstance(entry, PublishedGraph) and entry.sha256)
    digests = [entry.sha256 for entry in ZOO.values() if entry.sha256]
    assert len(digests) == len({*digests})


@pytest.mark.parametrize("entry", GRAPHS.values(), ids=GRAPHS)
def test_graphs_are_complete(entry: PublishedGraph) -> None:
    """The file's name holds the size of a keypoint network's input, height first."""
    width, height = entry.input_size
    assert width % 32 == height % 32 == 0
    assert entry.file.endswith(".onnx")
    assert entry.outputs in {"pose": ["simcc"], "one_stage": ["rtmo"], "detector": ["boxes", "yolox"]}[entry.use]
    assert (entry.skeleton is None) == (entry.use == "detector")
    if entry.use != "detector":
        assert entry.skeleton in SKELETONS
        assert f"{height}x{width}" in entry.file
    assert (entry.skeleton == "halpe_26") == ("halpe26" in entry.file)
    assert len({url.split("/")[2] for url in entry.urls}) == (2 if "openmmlab" in entry.urls[0] else 1)


def test_licences_are_told_apart() -> None:
    """The code's says nothing of the data: these networks are trained with data that is not for commercial use."""
    assert ZOO["rtmpose_m_256x192"].licence.code == ZOO["rtmpose_m_256x192"].licence.weights == "Apache-2.0"
    for name in ("rtmpose_m_256x192", "rtmo_s", "rtmw_l_256x192", "yolox_tiny_humanart"):
        assert "non-commercial" in ZOO[name].licence.data
    for name in ("rtmpose_m_256x192", "rtmpose_m_halpe26_256x192", "rtmo_s"):
        assert "figures on PoseTrack are not held out" in ZOO[name].licence.data


@pytest.mark.parametrize("entry", [*POSE_ENTRIES.values(), BUNDLED_POSE], ids=[*POSE_ENTRIES, "bundled"])
def test_keypoint_networks_are_complete(entry: PublishedPoseWeights) -> None:
    width, height = entry.input_size
    assert entry.network in NETWORKS
    assert entry.skeleton in SKELETONS
    assert width % 32 == height % 32 == 0
    assert width <= height
    assert entry.decoding in (None, "dark")


@pytest.mark.parametrize("entry", POSE_ENTRIES.values(), ids=POSE_ENTRIES)
def test_names_agree_with_file_names(entry: PublishedPoseWeights) -> None:
    """Both have the height first."""
    (width, height), file = entry.input_size, entry.file
    assert f"{height}x{width}" in entry.name
    data = {"coco_17": "coco", "posetrack18_17": "posetrack18", "mpii_16": "mpii"}[entry.skeleton]
    if "LibreYOLO" not in entry.source:
        assert f"{height}x{width}" in file
        assert entry.network in file.replace("-w", "_w").replace("litehrnet", "lite_hrnet_")
        assert data in file or not entry.urls
    assert entry.heatmap_type == ("udp" if "udp" in file else "dark" if "dark" in file else "gaussian")
    assert entry.heatmap_type in entry.name or entry.heatmap_type == "gaussian"
    assert (entry.ap is not None) == (entry.skeleton == "coco_17")
    assert entry.ap is None or f"AP {entry.ap}" in entry.result
    assert entry.sigma == (3 if height == 384 and entry.skeleton == "coco_17" else 2)
    assert ("terms of" in entry.licence.data) == (entry.skeleton != "coco_17")


def test_all_coco_networks_are_there() -> None:
    """Their AP rises from gaussian to DARK to UDP, as published."""
    of_mmpose = {
        name: entry.ap
        for name, entry in POSE_ENTRIES.items()
        if entry.ap and "MMPose" in entry.source and "lite" not in name
    }
    assert len(of_mmpose) == 12
    for network in ("hrnet_w32", "hrnet_w48"):
        for size in ("256x192", "384x288"):
            values = [of_mmpose[f"{network}_coco_{size}{heatmap_type}"] for heatmap_type in ("", "_dark", "_udp")]
            assert values == sorted(values)  # type: ignore[type-var]


@pytest.mark.parametrize("entry", TORCHVISION_ENTRIES, ids=lambda entry: entry.name)
def test_torchvision_entries_agree_with_torchvision(entry: PublishedPoseWeights) -> None:
    published = get_model_weights(entry.name).DEFAULT
    assert entry.urls == (published.url,)
    assert len(entry.sha256) == 64
    results = [value for part in published.meta["_metrics"].values() for value in part.values()]
    assert float(re.findall(r"[\d.]+", entry.result)[-1]) in results


def test_settings_name_existing_entries() -> None:
    detectors = {*get_args(DetectorName)} - {"compact", "recorded"}
    assert {entry.name for entry in TORCHVISION_ENTRIES if entry.use == "detector"} == detectors
    methods = get_args(FlowSettings.model_fields["method"].annotation)
    assert {name for name, entry in ZOO.items() if entry.use == "flow"} == {m for m in methods if "raft" in m}


@pytest.mark.parametrize("entry", [BUNDLED_POSE, BUNDLED_DETECTOR], ids=["pose", "detector"])
def test_the_bundled_files_are_there(entry: PublishedPoseWeights) -> None:
    assets = Path(pose_track.__file__).parent / "assets"
    assert (assets / entry.file).is_file()
    assert (assets / Path(entry.result).name).is_file()


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("hrnet_w48_coco_384x288_udp", "hrnet_w48_coco_384x288_udp"),
        ("a/td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192-73ede547_20220914.pth", "hrnet_w32_coco_256x192_udp"),
        ("pose_hrnet_w32_256x192.pth", "pose_hrnet_w32_256x192"),
        ("a/hrnet_w32_coco_256x192", None),  # of a path only the file's name counts
        ("pose.safetensors", None),  # a common name
        ("bundled", None),
        ("", None),
    ],
)
def test_finding(given: str, name: str | None) -> None:
    assert find_published(given) == (None if name is None else ZOO[name])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("hrnet_w32_coco_256x192-udp", "; did you mean hrnet_w32_coco_256x192_udp, "),
        ("raft_smal", "'raft_smal'; did you mean raft_small or raft_large?"),
        ("FCOS_ResNet50", "'FCOS_ResNet50'; did you mean fcos_resnet50_fpn?"),
        ("FasterRCNN-ResNet50", "did you mean fasterrcnn_resnet50_fpn_v2"),
        (ZOO["raft_small"].file, "did you mean raft_small?"),
        (
            "HRNet-W48",
            "did you mean hrnet_w48_coco_256x192, hrnet_w48_coco_384x288 or hrnet_w48_coco_256x192_dark?",
        ),
        ("", "''; see pose-track weights list"),
        ("vitpose", "'vitpose'; see pose-track weights list"),
    ],
)
def test_an_unknown_name(given: str, message: str) -> None:
    assert message in str(unknown_name(given))


def test_the_docs_have_a_command_and_the_ap_of_each_coco_network() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    commands = re.findall(r"^pose-track evaluate-coco (\S+) .*# ([\d.]+)$", guide, re.MULTILINE)
    of_coco = [entry for entry in ZOO.values() if isinstance(entry, PublishedPoseWeights | PublishedGraph)]
    assert [(entry.name, str(entry.ap)) for entry in of_coco if entry.ap is not None] == commands
