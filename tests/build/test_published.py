"""The published weights that the presets need."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pose_track.build.graphs import detector_graph, pose_graph
from pose_track.build.published import published_names
from pose_track.config.load import load_settings, preset_path
from pose_track.config.networks import DetectorSettings, PoseSettings
from pose_track.config.settings import PRESETS, Settings
from pose_track.weights.entries.entry import PublishedGraph
from pose_track.weights.zoo import ZOO

NEEDED = {
    "fast": [],
    "balanced": ["rtmpose_m_256x192", "yolox_tiny_humanart"],
    "accurate": ["rtmpose_x_384x288", "yolox_m_humanart"],
    "feet": ["rtmpose_m_halpe26_256x192", "yolox_tiny_humanart"],
    "wholebody": ["rtmw_l_256x192", "yolox_tiny_humanart"],
    "crowd": ["rtmo_s"],
    "posetrack": ["hrnet_w48_posetrack18_384x288", "fasterrcnn_resnet50_fpn_v2"],
}
SKELETONS = {"feet": "halpe_26", "wholebody": "coco_wholebody_133"}


def settings_of(preset: str, **overrides: str) -> Settings:
    return load_settings(Settings, preset_path(preset), {key.replace("__", "."): v for key, v in overrides.items()})


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_need_published_weights(preset: str) -> None:
    assert published_names(settings_of(preset)) == NEEDED[preset]


@pytest.mark.parametrize("preset", [name for name in PRESETS if name not in ("fast", "posetrack")])
def test_presets_of_graphs_arrive_checked_and_from_several_hosts(preset: str) -> None:
    """Their digests are whole, and each file has addresses at two hosts."""
    entries = [ZOO[name] for name in NEEDED[preset]]
    for entry in entries:
        assert isinstance(entry, PublishedGraph)
        assert len(entry.sha256) == 64
        assert len({url.split("/")[2] for url in entry.urls}) == 2
    assert entries[0].skeleton == SKELETONS.get(preset, "coco_17")  # type: ignore[attr-defined]
    assert entries[0].use == ("one_stage" if preset == "crowd" else "pose")


def test_own_files_and_flows() -> None:
    settings = settings_of("balanced", pose__weights="mine.onnx", tracker__flow__method="raft_small")
    assert published_names(settings) == ["yolox_tiny_humanart", "raft_small"]
    recorded = settings_of("fast", detector__name="recorded", detector__boxes="boxes.json")
    assert published_names(recorded) == []


@pytest.mark.parametrize("preset", PRESETS)
def test_the_docs_state_the_networks_of_each_preset_and_their_result(preset: str) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{preset}` \|.*$", guide, re.MULTILINE)
    assert {*re.findall(r"`(\w+)`", row)} & ZOO.keys() == {*NEEDED[preset]}
    if NEEDED[preset]:
        (ap,) = re.findall(r"AP (\d+\.\d)", row)
        assert f"AP {ap}" in ZOO[NEEDED[preset][0]].result
    needs_torch = any(not isinstance(ZOO[name], PublishedGraph) for name in NEEDED[preset])
    assert row.endswith("| `gpu` |" if needs_torch else "| the core |")


def test_published_graphs_of_another_use_are_refused_before_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pose_track.weights.store.fetch_weights")
    with pytest.raises(ValueError, match=r"'yolox_nano' is no keypoint network \(COCO val2017 box AP 25.8\)"):
        pose_graph(PoseSettings(weights="yolox_nano"))
    for name in ("rtmo_s", "rtmpose_m_256x192"):
        with pytest.raises(ValueError, match=rf"'{name}' is no detector"):
            detector_graph(DetectorSettings(weights=name))
    with pytest.raises(ValueError, match=r"'yolox_nano' is a detector of its own; leave detector.name fcos"):
        detector_graph(DetectorSettings(name="fcos_resnet50_fpn", weights="yolox_nano"))
