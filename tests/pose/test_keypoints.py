from __future__ import annotations

import numpy as np
import pytest

from pose_track.geometry.affine import apply_affine
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Decoding, Kind
from pose_track.pose.keypoints import CroppedKeypoints, crop_people

SIZE = (96, 128)
SCALES = (0.8, 1.0, 1.25)


def image() -> np.ndarray:
    """Its colours tell where they are: red x, green y, and blue that they are in it."""
    ys, xs = np.mgrid[:240, :250]
    return np.stack([xs, ys, np.full_like(xs, 255)], axis=2).astype(np.uint8)


def to_crop(crop: np.ndarray) -> np.ndarray:
    """(2, 3) matrix from pixels of the picture to those of a crop (h, w, 3) of it, by the colours."""
    ys, xs = np.nonzero(crop[..., 2] == 255)
    seen = np.column_stack([crop[ys, xs, :2], np.ones(len(xs))]).astype(float)
    return np.linalg.lstsq(seen, np.column_stack([xs, ys]).astype(float), rcond=None)[0].T


class Knowing:
    """Stands for a perfect network: it knows where the joints are in the picture and draws Gaussians there."""

    def __init__(self, joints: np.ndarray, codec: Codec) -> None:
        self.joints, self.codec = joints, codec
        self.batches: list[int] = []

    def __call__(self, crops: np.ndarray) -> tuple[np.ndarray, ...]:
        self.batches.append(len(crops))
        maps = np.stack([self.draw(apply_affine(to_crop(crop), self.joints) / self.codec.cell) for crop in crops])
        ys, xs = np.mgrid[: SIZE[1] : 2, : SIZE[0] : 2].astype(np.float32)
        appearance = np.repeat(np.stack([xs, ys])[None], len(crops), axis=0)  # where in the crop they are, in pixels
        return np.log(maps / (2 * np.pi * self.codec.sigma**2) + 1e-9) if self.codec.logits else maps, appearance

    def draw(self, cells: np.ndarray) -> np.ndarray:
        x, y = (np.arange(length) - cells[:, n, None] for n, length in enumerate(self.codec.heatmap_size))
        width = 2 * self.codec.sigma**2
        return (np.exp(-(y**2) / width)[:, :, None] * np.exp(-(x**2) / width)[:, None]).astype(np.float32)


CENTERS, WIDTHS = np.array([[120.0, 112], [116.4, 114.3], [122.2, 109.9]]), (90.0, 80.5, 121.7)
JOINTS = np.array([[118.3, 108.2], [130.6, 125.1], [109.9, 131.4], [126.5, 93.8]])  # in all crops, at all scales


def placed(codec: Codec, scale: float = 1.0) -> np.ndarray:
    return np.stack([codec.matrix(c, w * scale, 5) for c, w in zip(CENTERS, WIDTHS, strict=True)])


@pytest.mark.parametrize("logits", [False, True])
@pytest.mark.parametrize(
    ("kind", "decoding"), [("plain", "dark"), ("plain", "soft_argmax"), ("dark", "dark"), ("udp", "udp")]
)
@pytest.mark.parametrize("scales", [SCALES, (0.8,), (1.25, 0.8), (1.0,)])
def test_a_joint_is_found_by_the_mean_of_scales(
    kind: Kind, decoding: Decoding, logits: bool, scales: tuple[float, ...]
) -> None:
    codec = Codec(kind, SIZE, 1.5, logits, decoding)
    joints, scores, features = CroppedKeypoints(Knowing(JOINTS, codec), codec, 16, scales)([image()], [placed(codec)])
    expected = apply_affine(placed(codec), JOINTS)
    assert np.abs(joints - expected).max() < 0.3
    assert scores.min() > 0.8
    nearest = min(scales, key=lambda scale: abs(scale - 1))
    np.testing.assert_allclose(features, apply_affine(placed(codec, nearest), JOINTS), atol=0.4)


def test_quarters_of_cells_by_the_mean_of_scales() -> None:
    codec = Codec("plain", SIZE, 1.5)
    joints, *_ = CroppedKeypoints(Knowing(JOINTS, codec), codec, 16, SCALES)([image()], [placed(codec)])
    assert np.abs(joints - apply_affine(placed(codec), JOINTS)).max() <= 1.5  # of cells of 4 pixels


@pytest.mark.parametrize("kind", ["plain", "dark", "udp"])
def test_scale_1_alone_is_no_other_than_before(kind: Kind) -> None:
    codec = Codec(kind, SIZE)
    run = Knowing(JOINTS, codec)
    found = CroppedKeypoints(run, codec, scales=(1.0,))([image()], [placed(codec)])
    heatmaps, _ = run(crop_people([image()] * 3, placed(codec), SIZE))
    for ours, expected in zip(found, codec.decode(heatmaps), strict=False):
        np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(
    ("max_batch", "batches"), [(1, [1] * 9), (2, [2, 1] * 3), (3, [3] * 3), (7, [6, 3]), (16, [9])]
)
def test_no_batch_is_larger_than_allowed(max_batch: int, batches: list[int]) -> None:
    """Where a person has more crops than that, they lie in several batches."""
    codec = Codec("dark", SIZE)
    run = Knowing(JOINTS, codec)
    images, matrices = [image(), image()[:200]], [placed(codec)[:1], placed(codec)[1:]]
    found = CroppedKeypoints(run, codec, max_batch, SCALES)(images, matrices)
    assert run.batches == batches
    for ours, expected in zip(found, CroppedKeypoints(run, codec, 99, SCALES)(images, matrices), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_probabilities_are_averaged_and_not_logits() -> None:
    """Of a crop in which the network is sure of the cell, and one in which it sees nothing."""
    codec = Codec("plain", SIZE, sigma=1.0, logits=True)
    sure = np.zeros((2, 1, 32, 24), np.float32)
    sure[0, 0, 10, 7] = 12
    joints, scores = CroppedKeypoints(lambda crops: (sure,), codec, 2, (1.0, 1.0))([image()], [placed(codec)[:1]])
    assert joints.tolist() == [[[28, 40]]]
    probability = np.exp(12) / (np.exp(12) + 767)
    assert scores[0, 0] == pytest.approx(np.pi * (probability + 1 / 768), rel=1e-5)
    single = CroppedKeypoints(lambda crops: (sure[:1] / 3,), codec)([image()], [placed(codec)[:1]])
    halves = CroppedKeypoints(lambda crops: (sure / 3,), codec, 2, (1.0, 1.0))([image()], [placed(codec)[:1]])
    assert halves[1][0, 0] == pytest.approx(single[1][0, 0] / 2 + np.pi / 768, rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_batch": 0}, "max_batch must be at least 1, got 0"),
        ({"scales": ()}, r"scales must be one or more numbers from 0\.5 to 2\.0, got \(\)"),
        ({"scales": (1.0, 3.0)}, r"got \(1\.0, 3\.0\)"),
    ],
)
def test_what_cannot_be(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CroppedKeypoints(lambda crops: (), Codec(), **arguments)  # type: ignore[arg-type]
