from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.geometry.affine import crop_matrix
from pose_track.models.warp import crop_people, sample_maps
from pose_track.pose import keypoints


def smooth_image(w: int, h: int, seed: int = 0) -> np.ndarray:
    """(H, W, 3) waves of colour: OpenCV before version 5 rounds to 1/32 of a pixel, which noise would show."""
    phases = np.random.default_rng(seed).uniform(0, 6, (3, 2))
    xs, ys = np.arange(w)[None, :, None], np.arange(h)[:, None, None]
    return (127 + 60 * np.sin(xs / 9 + phases[:, 0]) + 60 * np.cos(ys / 7 + phases[:, 1])).astype(np.uint8)


def difference(image: np.ndarray, matrices: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Absolute difference between the crops and those of OpenCV."""
    crops = crop_people(torch.from_numpy(image), matrices, size)
    assert crops.shape == (len(matrices), 3, size[1], size[0])
    expected = keypoints.crop_people([image] * len(matrices), matrices, size)
    return np.abs(crops.permute(0, 2, 3, 1).numpy() - expected.astype(float))


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    image_size=st.tuples(st.integers(1, 90), st.integers(1, 70)),
    size=st.tuples(st.integers(1, 48), st.integers(1, 64)),
    center=st.tuples(st.floats(-200, 300), st.floats(-200, 300)),
    width=st.floats(2, 400),
    degrees=st.floats(-180, 180),
    unbiased=st.booleans(),
)
def test_crops_agree_with_opencv(
    image_size: tuple[int, int],
    size: tuple[int, int],
    center: tuple[float, float],
    width: float,
    degrees: float,
    unbiased: bool,
) -> None:
    """Also for images of one pixel, rotated crops, and crops partly or wholly outside."""
    matrix = crop_matrix(center, width, size, degrees, unbiased and min(size) > 1)
    differences = difference(smooth_image(*image_size), matrix[None], size)
    assert np.quantile(differences, 0.95) <= 2
    assert differences.mean() < 1


def test_several_crops_of_one_image() -> None:
    image = smooth_image(120, 80)
    matrices = np.stack([crop_matrix((60, 40), width, (24, 32), width) for width in (10.0, 40.0, 90.0)])
    assert difference(image, matrices, (24, 32)).max() <= 2
    assert not crop_people(torch.from_numpy(image), np.array([[[1.0, 0, 500], [0, 1, 0]]]), (24, 32)).any()


def test_crops_of_a_real_image() -> None:
    image = np.load(shared("data/golden/pipeline.npz"))["image_rgb"]
    centers = np.random.default_rng(0).uniform(0, image.shape[1::-1], (5, 2))
    matrices = np.stack([crop_matrix(center, 90, (96, 128), 20) for center in centers])
    assert difference(image, matrices, (96, 128)).mean() < 1


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(0, 3), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)]),
    seed=st.integers(0, 99),
)
def test_samples_agree_with_numpy(shape: tuple[int, int, int, int], seed: int) -> None:
    random = np.random.default_rng(seed)
    maps = random.normal(size=shape).astype(np.float32)
    cells = random.uniform(-3, 12, (shape[0], 5, 2)).astype(np.float32)
    samples = sample_maps(torch.from_numpy(maps), torch.from_numpy(cells))
    np.testing.assert_allclose(samples, keypoints.sample_maps(maps, cells), atol=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_crops_agree_with_the_cpu() -> None:
    image = torch.from_numpy(smooth_image(200, 150))
    matrices = np.stack([crop_matrix((60, 40), 70, (48, 64), degrees) for degrees in (0.0, 30.0)])
    on_cuda = crop_people(image.cuda(), matrices, (48, 64)).cpu()
    assert (on_cuda - crop_people(image, matrices, (48, 64))).abs().max() <= 1
