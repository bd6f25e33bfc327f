from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import get_model, get_model_weights
from torchvision.ops import FrozenBatchNorm2d

from pose_track.detection import torchvision_detector
from pose_track.detection.torchvision_detector import BFloat16Backbone, TorchvisionDetector, build_network, freeze_norms
from pose_track.geometry.boxes import iou_matrix
from pose_track.runtime import torch_runtime
from pose_track.runtime.model_spec import Precision

NAME = "fasterrcnn_mobilenet_v3_large_320_fpn"


def random_network() -> nn.Module:
    """With frozen norms, as in the published files; it finds people everywhere."""
    torch.manual_seed(0)
    network: nn.Module = get_model(NAME, weights=None, weights_backbone=None, num_classes=91)
    freeze_norms(network)
    with torch.no_grad():
        network.get_parameter("roi_heads.box_predictor.cls_score.bias")[1] = 5.0
    return network


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(random_network().state_dict(), path)
    return path


IMAGE = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)


def test_weights_of_a_file(weights: Path) -> None:
    network, saved = build_network(NAME, str(weights)), torch.load(weights, weights_only=True)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    state = network.state_dict()
    assert state.keys() == saved.keys()
    assert all(torch.equal(state[name], saved[name]) for name in state)
    assert not any("num_batches_tracked" in name for name in state)  # as in the published files


def test_detections_are_in_range(weights: Path) -> None:
    found = TorchvisionDetector(NAME, str(weights), "cpu", min_score=0.3)(IMAGE)
    assert 0 < len(found) <= 100
    assert (found.boxes >= 0).all()
    assert (found.boxes <= (200, 150, 200, 150)).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert (found.scores >= 0.3).all()
    assert (found.scores <= 1).all()
    assert (np.diff(found.scores) <= 0).all()


def test_thresholds_take_effect(weights: Path) -> None:
    """Also beyond torchvision's own thresholds, 0.05 and 0.5."""

    def highest_iou(max_iou: float) -> float:
        """Of two people."""
        found = TorchvisionDetector(NAME, str(weights), "cpu", 0.0, max_iou)(IMAGE)
        overlaps = iou_matrix(found.boxes, found.boxes)
        return float((overlaps - np.eye(len(found))).max())

    assert len(TorchvisionDetector(NAME, str(weights), "cpu", 0.999)(IMAGE)) == 0
    assert 0 < highest_iou(0.2) <= 0.2
    assert 0.6 < highest_iou(0.9) <= 0.9


def test_several_images_at_once(weights: Path) -> None:
    """Images of one size do not affect one another. Of several sizes the smaller are padded, which may affect them."""
    detector = TorchvisionDetector(NAME, str(weights), "cpu")
    images = [IMAGE, IMAGE[::-1], IMAGE[:, ::-1]]
    together = detector.detect_images(images)
    assert len(together) == 3
    for found, image in zip(together, images, strict=True):
        alone = detector(image)
        np.testing.assert_allclose(found.boxes, alone.boxes, atol=1e-2)
        np.testing.assert_allclose(found.scores, alone.scores, atol=1e-4)
    large, small = detector.detect_images([IMAGE, IMAGE[:60, :70]])
    assert (large.boxes <= (200, 150, 200, 150)).all()
    assert (small.boxes <= (70, 60, 70, 60)).all()
    assert len(small) > 0
    assert detector.detect_images([]) == []


def test_a_bfloat16_backbone_is_close_and_returns_float32() -> None:
    backbone, image = random_network().eval().backbone, torch.rand(1, 3, 64, 96)
    exact, rounded = backbone(image), BFloat16Backbone(backbone)(image)
    assert list(rounded) == list(exact)
    for name, maps in exact.items():
        assert rounded[name].dtype == torch.float32
        assert 0 < (rounded[name] - maps).abs().max() < 0.1 * maps.abs().max()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_agrees_with_the_cpu(weights: Path) -> None:
    on_cpu, on_cuda = (TorchvisionDetector(NAME, str(weights), device)(IMAGE) for device in ("cpu", "cuda"))
    best = iou_matrix(on_cpu.boxes[:5], on_cuda.boxes).max(axis=1)
    assert (best > 0.9).all()


def test_frozen_norms_keep_the_outputs() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4)))
    network[1][0].running_mean.normal_()
    expected = network.eval()(torch.ones(1, 3, 2, 2))
    state = network.state_dict()
    freeze_norms(network)
    assert isinstance(network[1][0], FrozenBatchNorm2d)
    network.load_state_dict(state)
    torch.testing.assert_close(network(torch.ones(1, 3, 2, 2)), expected)
    freeze_norms(other := nn.Sequential(nn.BatchNorm2d(4)), eps=0.0)
    assert other[0].eps == 0  # type: ignore[union-attr]


OLDER = {  # names before torchvision 0.13, of the pyramid's and the proposals' convolutions
    ".inner_blocks.{}.0.": ".inner_blocks.{}.",
    ".layer_blocks.{}.0.": ".layer_blocks.{}.",
    ".head.conv.{}.0.": ".head.conv.",
}


def older_name(name: str) -> str:
    for new, old in OLDER.items():
        for number in range(3):
            name = name.replace(new.format(number), old.format(number))
    return name


def test_names_of_older_files(weights: Path, tmp_path: Path) -> None:
    """As in published files, some of which also hold the norms' batch counters."""
    saved = torch.load(weights, weights_only=True)
    old = {older_name(name): value for name, value in saved.items()}
    assert len(old.keys() - saved.keys()) == 10
    norms = [name.removesuffix("running_mean") for name in saved if name.endswith("running_mean")]
    counters = {f"{name}num_batches_tracked": torch.tensor(5) for name in norms}
    torch.save({**old, **counters}, tmp_path / "old.pth")
    state = build_network(NAME, tmp_path / "old.pth").state_dict()
    assert state.keys() == saved.keys()
    assert all(torch.equal(state[name], saved[name]) for name in state)


def test_names(tmp_path: Path) -> None:
    assert get_model_weights(NAME).DEFAULT.meta["categories"].index("person") == torchvision_detector.PERSON_LABEL
    with pytest.raises(ValueError, match="Unknown model"):
        build_network("fasterrcnn_unheard_of", tmp_path / "none.pth")
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        build_network(NAME, str(tmp_path / "none.pth"))


@pytest.mark.parametrize(
    ("precision", "expected"), [("auto", "float32"), ("float32", "float32"), ("bfloat16", "bfloat16")]
)
def test_precision_of_the_backbone(
    precision: Precision, expected: str, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_runtime, "_cpu_has_bfloat16", lambda: True)
    detector = TorchvisionDetector(NAME, str(weights), "cpu", precision=precision)
    assert (detector.device, detector.precision) == ("cpu", expected)
    assert isinstance(detector._network.backbone, BFloat16Backbone) == (expected == "bfloat16")
    assert len(detector(IMAGE)) > 0
