"""Crop matrices, by hand and against recorded results."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.geometry.affine import apply_affine, crop_matrix, fit_boxes, invert_affine
from pose_track.geometry.boxes import xywh_to_xyxy

SIZES = ((192, 256), (288, 384))


@pytest.mark.parametrize(
    ("box", "aspect", "padding", "center", "size"),
    [
        ([0, 0, 30, 100], 0.75, 1.0, [15, 50], [75, 100]),  # too narrow: wider
        ([0, 0, 90, 30], 0.75, 1.0, [45, 15], [90, 120]),  # too low: higher
        ([10, 20, 40, 60], 0.75, 1.25, [25, 40], [37.5, 50]),  # has the aspect
    ],
)
def test_fit_boxes(box: list[float], aspect: float, padding: float, center: list[float], size: list[float]) -> None:
    centers, sizes = fit_boxes([box], aspect, padding)
    np.testing.assert_allclose(centers, [center])
    np.testing.assert_allclose(sizes, [size])


def test_fit_no_boxes() -> None:
    centers, sizes = fit_boxes(np.zeros((0, 4)), 0.75)
    assert centers.shape == sizes.shape == (0, 2)


def test_a_positive_rotation_is_counter_clockwise_as_displayed() -> None:
    matrix = crop_matrix([50, 50], 100, (100, 100), rotation_degrees=90)
    right_of_centre, above_centre = [80, 50], [50, 20]
    np.testing.assert_allclose(apply_affine(matrix, [right_of_centre]), [above_centre], atol=1e-9)


@pytest.mark.parametrize("degrees", [0, 90, -30])
def test_an_unbiased_crop_has_its_corners_at_the_outermost_pixels(degrees: float) -> None:
    """The corners map to the centres of the crop's corner pixels, the centre to the centre of a mirrored crop."""
    rotation = cv2.getRotationMatrix2D((0, 0), -degrees, 1)[:, :2]  # clockwise as displayed; the crop inverts it
    corners = np.array([[-15, -20], [15, -20], [-15, 20], [0, 0]]) @ rotation.T + [50, 60]
    matrix = crop_matrix([50, 60], 30, (48, 64), degrees, unbiased=True)
    expected = [[0, 0], [47, 0], [0, 63], [23.5, 31.5]]
    np.testing.assert_allclose(apply_affine(matrix, corners), expected, atol=1e-9)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    x=st.integers(40, 60),
    y=st.integers(40, 60),
    width=st.floats(60, 160),
    degrees=st.floats(-180, 180),
    factor=st.sampled_from([1, 2, 4]),
    unbiased=st.booleans(),
)
def test_one_bright_spot_and_one_joint_agree(
    x: int, y: int, width: float, degrees: float, factor: int, unbiased: bool
) -> None:
    size = (48 * factor, 64 * factor)
    matrix = crop_matrix([50, 52], width, size, degrees, unbiased)
    image = np.zeros((100, 100), np.float32)
    image[y, x] = 1
    crop = cv2.warpAffine(cv2.GaussianBlur(image, (0, 0), 2.0), matrix, size, flags=cv2.INTER_LINEAR)
    weights = crop.astype(float)
    ys, xs = np.mgrid[: size[1], : size[0]]
    centroid = np.array([(xs * weights).sum(), (ys * weights).sum()]) / weights.sum()
    np.testing.assert_allclose(centroid, apply_affine(matrix, [[x, y]])[0], atol=0.02)
    np.testing.assert_allclose(apply_affine(invert_affine(matrix), [centroid])[0], [x, y], atol=0.02 * width / size[0])


def test_one_bright_pixel_at_an_integer_scale() -> None:
    image = np.zeros((40, 40), np.uint8)
    image[12, 9] = 255
    matrix = crop_matrix([10, 10], 16, (48, 64))  # three crop pixels per frame pixel
    crop = cv2.warpAffine(image, matrix, (48, 64), flags=cv2.INTER_LINEAR)
    assert apply_affine(matrix, [[9, 12]]).tolist() == [[21, 38]]
    assert np.argwhere(crop == 255).tolist() == [[38, 21]]


def test_inverse_of_several_matrices() -> None:
    matrices = np.stack([crop_matrix([5, 6], 40, (48, 64), r) for r in (0, 30, 200)])
    points = np.random.default_rng(0).uniform(-50, 50, (3, 7, 2))
    mapped = apply_affine(matrices, points)
    assert np.abs(mapped - points).max() > 1
    np.testing.assert_allclose(apply_affine(invert_affine(matrices), mapped), points, atol=1e-9)


@pytest.mark.parametrize("variant", ["demo", "dataset"])
def test_recorded_centers_and_scales(variant: str) -> None:
    golden = np.load(shared("data/golden/affine_crop.npz"))
    boxes = xywh_to_xyxy(golden["boxes_xywh"])
    for i, (w, h) in enumerate(SIZES):
        centers, sizes = fit_boxes(boxes, w / h)
        np.testing.assert_allclose(centers, golden[f"{variant}_center"][i], atol=1e-3)
        np.testing.assert_allclose(sizes / 200, golden[f"{variant}_scale"][i], atol=1e-5)


@pytest.mark.parametrize("rotated", [False, True])
def test_recorded_matrices_and_points(rotated: bool) -> None:
    golden = np.load(shared("data/golden/affine_crop.npz"))
    recorded = golden["trans" if rotated else "trans_norot"]
    degrees = golden["rotations_deg"] * rotated
    assert not rotated or np.abs(degrees).max() > 5
    for i, size in enumerate(SIZES):
        centers, sizes = fit_boxes(xywh_to_xyxy(golden["boxes_xywh"]), size[0] / size[1])
        for n, (center, (width, _)) in enumerate(zip(centers, sizes, strict=True)):
            matrix = crop_matrix(center, width, size, degrees[n])
            k = size[0] / width
            np.testing.assert_allclose(matrix[:, :2], recorded[i, n, :, :2], atol=1e-4 * k)
            if rotated:
                np.testing.assert_allclose(
                    apply_affine(matrix, golden["pts_image"][n]), golden["pts_fwd"][i, n], atol=0.01
                )
                restored = apply_affine(invert_affine(matrix), golden["pts_input"][i])
                np.testing.assert_allclose(restored, golden["pts_inv"][i, n], atol=0.01)


def test_recorded_crops() -> None:
    golden = np.load(shared("data/golden/affine_crop.npz"))
    for n, (x, y, scale, _) in enumerate(golden["crop_center_scale"].astype(float)):
        matrix = crop_matrix([x, y], scale * 200, (48, 64), golden["crop_rotations_deg"][n])
        crop = cv2.warpAffine(golden["crop_image"], matrix, (48, 64), flags=cv2.INTER_LINEAR)
        difference = np.abs(crop.astype(int) - golden["crop_output"][n])
        assert difference.max() <= 4
        assert difference.mean() < 0.06


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("unbiased", [False, True])
def test_second_recording_of_matrices_and_points(size: tuple[int, int], unbiased: bool) -> None:
    golden = np.load(shared("data/golden/mmpose_warp.npz"))
    suffix = f"{size[0]}x{size[1]}"
    matrices = golden[f"{'udp_warp' if unbiased else 'warp'}_{suffix}"]
    points = golden[f"{'kpts_udp' if unbiased else 'kpts_warp'}_{suffix}"]
    centers, sizes = fit_boxes(golden["boxes_xyxy"], size[0] / size[1])
    np.testing.assert_allclose(centers, golden["center"], atol=1e-3)
    np.testing.assert_allclose(sizes, golden[f"scale_fixed_{suffix}"], rtol=1e-5)
    padded = (golden["boxes_xyxy"][:, 2:] - golden["boxes_xyxy"][:, :2]) * 1.25
    np.testing.assert_allclose(golden["scale_padded"], padded, rtol=1e-5)
    assert np.isclose(sizes, padded, rtol=1e-5).any(axis=1).all()  # one side is that of the box
    for n, degrees in enumerate(golden["rotations_deg"]):
        matrix = crop_matrix(centers[n], sizes[n, 0], size, -degrees if unbiased else degrees, unbiased)
        np.testing.assert_allclose(matrix[:, :2], matrices[n, :, :2], rtol=0, atol=1e-4 * size[0] / sizes[n, 0])
        mapped = apply_affine(matrix, golden["keypoints"][n])
        np.testing.assert_allclose(mapped, points[n], rtol=0, atol=0.01)
        if not unbiased:
            restored = apply_affine(invert_affine(matrix), mapped)
            np.testing.assert_allclose(
                apply_affine(golden[f"warp_inv_{suffix}"][n], mapped), restored, rtol=0, atol=0.01
            )


@pytest.mark.parametrize(("name", "unbiased"), [("crop_plain", False), ("crop_udp", True)])
def test_second_recording_of_crops(name: str, unbiased: bool) -> None:
    golden = np.load(shared("data/golden/mmpose_warp.npz"))
    centers, sizes = fit_boxes(golden["crop_boxes_xyxy"], 48 / 64)
    for n, degrees in enumerate(golden["crop_rotations_deg"]):
        matrix = crop_matrix(centers[n], sizes[n, 0], (48, 64), -degrees if unbiased else degrees, unbiased)
        crop = cv2.warpAffine(golden["crop_image"], matrix, (48, 64), flags=cv2.INTER_LINEAR)
        difference = np.abs(crop.astype(int) - golden[name][n])
        assert difference.max() <= 4
        assert difference.mean() < 0.06
