from __future__ import annotations

import numpy as np
import pytest

from pose_track.geometry.affine import apply_affine
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import Decoding, HeatmapType
from pose_track.pose.keypoints import CroppedKeypoints, crop_people

SIZE = (96, 128)
SCALES = (0.8, 1.0, 1.25)


def image() -> np.ndarray:
    """Each pixel's red is its x, its green is its y, and its blue is 255."""
    ys, xs = np.mgrid[:240, :250]
    return np.stack([xs, ys, np.full_like(xs, 255)], axis=2).astype(np.uint8)


def to_crop(crop: np.ndarray) -> np.ndarray:
    """(2, 3) matrix from image pixels to pixels of a crop (h, w, 3) of it, from the colours."""
    ys, xs = np.nonzero(crop[..., 2] == 255)
    image_points = np.column_stack([crop[ys, xs, :2], np.ones(len(xs))]).astype(float)
    return np.linalg.lstsq(image_points, np.column_stack([xs, ys]).astype(float), rcond=None)[0].T


class PerfectNetwork:
    """A stub network that knows the joints in the image and draws Gaussians there."""

    def __init__(self, joints: np.ndarray, codec: Codec) -> None:
        self.joints, self.codec = joints, codec
        self.batches: list[int] = []

    def __call__(self, crops: np.ndarray) -> tuple[np.ndarray, ...]:
        self.batches.append(len(crops))
        maps = np.stack([self.draw(apply_affine(to_crop(crop), self.joints) / self.codec.cell_size) for crop in crops])
        ys, xs = np.mgrid[: SIZE[1] : 2, : SIZE[0] : 2].astype(np.float32)
        appearance = np.repeat(np.stack([xs, ys])[None], len(crops), axis=0)  # the position in the crop, in pixels
        return maps, appearance

    def draw(self, cells: np.ndarray) -> np.ndarray:
        x, y = (np.arange(length) - cells[:, n, None] for n, length in enumerate(self.codec.heatmap_size))
        width = 2 * self.codec.sigma**2
        return (np.exp(-(y**2) / width)[:, :, None] * np.exp(-(x**2) / width)[:, None]).astype(np.float32)


CENTERS, WIDTHS = np.array([[120.0, 112], [116.4, 114.3], [122.2, 109.9]]), (90.0, 80.5, 121.7)
JOINTS = np.array([[118.3, 108.2], [130.6, 125.1], [109.9, 131.4], [126.5, 93.8]])  # in all crops, at all scales


def crop_matrices(codec: Codec, scale: float = 1.0) -> np.ndarray:
    return np.stack([codec.matrix(c, w * scale, 5) for c, w in zip(CENTERS, WIDTHS, strict=True)])


@pytest.mark.parametrize(
    ("heatmap_type", "decoding"), [("gaussian", "dark"), ("gaussian", "soft_argmax"), ("dark", "dark"), ("udp", "udp")]
)
@pytest.mark.parametrize("scales", [SCALES, (0.8,), (1.25, 0.8), (1.0,)])
def test_a_joint_is_found_by_the_mean_of_scales(
    heatmap_type: HeatmapType, decoding: Decoding, scales: tuple[float, ...]
) -> None:
    codec = Codec(heatmap_type, SIZE, 1.5, decoding)
    joints, scores, features, _ = CroppedKeypoints(PerfectNetwork(JOINTS, codec), codec, 16, scales)(
        [image()], [crop_matrices(codec)]
    )
    expected = apply_affine(crop_matrices(codec), JOINTS)
    assert np.abs(joints - expected).max() < 0.3
    assert scores.min() > 0.8
    nearest = min(scales, key=lambda scale: abs(scale - 1))
    np.testing.assert_allclose(features, apply_affine(crop_matrices(codec, nearest), JOINTS), atol=0.4)


def test_quarter_offset_of_the_mean_of_scales() -> None:
    codec = Codec("gaussian", SIZE, 1.5)
    joints, *_ = CroppedKeypoints(PerfectNetwork(JOINTS, codec), codec, 16, SCALES)([image()], [crop_matrices(codec)])
    assert np.abs(joints - apply_affine(crop_matrices(codec), JOINTS)).max() <= 1.5  # of cells of 4 pixels


@pytest.mark.parametrize("heatmap_type", ["gaussian", "dark", "udp"])
def test_scale_1_alone_is_the_plain_decoding(heatmap_type: HeatmapType) -> None:
    codec = Codec(heatmap_type, SIZE)
    run = PerfectNetwork(JOINTS, codec)
    found = CroppedKeypoints(run, codec, scales=(1.0,))([image()], [crop_matrices(codec)])
    heatmaps, _ = run(crop_people([image()] * 3, crop_matrices(codec), SIZE))
    for array, expected in zip(found, codec.decode(heatmaps), strict=False):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    ("max_batch", "batches"), [(1, [1] * 9), (2, [2, 1] * 3), (3, [3] * 3), (7, [6, 3]), (16, [9])]
)
def test_max_batch(max_batch: int, batches: list[int]) -> None:
    """The crops of one person may need several batches."""
    codec = Codec("dark", SIZE)
    run = PerfectNetwork(JOINTS, codec)
    images, matrices = [image(), image()[:200]], [crop_matrices(codec)[:1], crop_matrices(codec)[1:]]
    found = CroppedKeypoints(run, codec, max_batch, SCALES)(images, matrices)
    assert run.batches == batches
    for array, expected in zip(found, CroppedKeypoints(run, codec, 99, SCALES)(images, matrices), strict=True):
        np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_batch": 0}, "max_batch .*0"),
        ({"scales": ()}, r"scales .*\(\)"),
        ({"scales": (1.0, 3.0)}, r"scales .*\(1\.0, 3\.0\)"),
    ],
)
def test_invalid_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CroppedKeypoints(lambda crops: (), Codec(), **arguments)  # type: ignore[arg-type]
