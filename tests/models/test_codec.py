from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.geometry.affine import apply_affine
from pose_track.models.codec import DECODINGS, Codec
from pose_track.models.heatmaps import Decoding, HeatmapType

HEATMAP_TYPES: tuple[HeatmapType, ...] = ("gaussian", "dark", "udp")
COMBINATIONS = [(heatmap_type, decoding) for heatmap_type in HEATMAP_TYPES for decoding in DECODINGS[heatmap_type]]
MAX_ERROR = {"gaussian": 0.5, "dark": 0.05, "udp": 0.05}  # cells, in x and in y, after encoding and decoding


@pytest.mark.parametrize(("heatmap_type", "decoding"), COMBINATIONS)
@pytest.mark.parametrize(("input_size", "sigma"), [((192, 256), 2.0), ((288, 384), 3.0), ((128, 192), 1.5)])
@settings(derandomize=True, max_examples=30, deadline=None)
@given(x=st.floats(0.25, 0.75), y=st.floats(0.25, 0.75))
def test_decoding_inverts_encoding(
    heatmap_type: HeatmapType, decoding: Decoding, input_size: tuple[int, int], sigma: float, x: float, y: float
) -> None:
    codec = Codec(heatmap_type, input_size, sigma, decoding=decoding)
    joint = np.array([[x, y]]) * input_size
    targets, weights = codec.encode(joint, np.ones(1))
    joints, scores = codec.decode(targets[None])
    assert targets.shape == (1, input_size[1] // 4, input_size[0] // 4)
    assert weights.tolist() == [1]
    max_error = max(MAX_ERROR[heatmap_type], 0.26 if decoding == "quarter_offset" else 0)
    assert np.abs(joints[0] - joint).max() <= 4 * max_error + 1e-4
    assert 0.89 < scores[0, 0] <= 1  # at the corner of four cells, exp(-1 / (4 * 1.5**2)) = 0.895
    assert joints.dtype == scores.dtype == np.float32


def test_scores_are_peak_heights() -> None:
    maps = np.stack([np.full((64, 48), level, np.float32) for level in (-0.5, 0.25, 1.7)])[None]
    for heatmap_type, decoding in COMBINATIONS:
        joints, scores = Codec(heatmap_type, decoding=decoding).decode(maps)
        np.testing.assert_allclose(scores, [[0, 0.25, 1.7]])
        assert joints[0, 0].tolist() == [0, 0]


@pytest.mark.parametrize("heatmap_type", HEATMAP_TYPES)
def test_crop_and_target_agree_for_a_bright_spot(heatmap_type: HeatmapType) -> None:
    """A spot in the frame, cropped, lies where the target of its position has its peak, rotated or not."""
    codec = Codec(heatmap_type, (96, 128))
    position, frame = np.array([[61.0, 47.0]]), np.zeros((120, 160), np.float32)
    frame[47, 61] = 1
    for degrees in (0, 40, -100):
        matrix = codec.matrix([70, 60], 72, degrees)
        crop = cv2.warpAffine(cv2.GaussianBlur(frame, (0, 0), 2.0), matrix, codec.input_size)
        ys, xs = np.mgrid[:128, :96]
        centroid = np.array([(xs * crop).sum(), (ys * crop).sum()]) / crop.sum()
        joint = apply_affine(matrix, position)
        np.testing.assert_allclose(joint[0], centroid, atol=0.02)
        decoded = codec.decode(codec.encode(joint, np.ones(1))[0][None])[0]
        np.testing.assert_allclose(decoded[0, 0], centroid, atol=4 * MAX_ERROR[heatmap_type] + 0.02)


@pytest.mark.parametrize(
    ("heatmap_type", "centre"), [("gaussian", (96, 128)), ("dark", (96, 128)), ("udp", (95.5, 127.5))]
)
def test_crop_centre(heatmap_type: HeatmapType, centre: tuple[float, float]) -> None:
    matrix = Codec(heatmap_type).matrix([10, 20], 50, rotation_degrees=30)
    np.testing.assert_allclose(matrix @ [10, 20, 1], centre)
    np.testing.assert_allclose(Codec(heatmap_type).crop_centre, centre)


@pytest.mark.parametrize(("heatmap_type", "cells"), [("gaussian", 0.0), ("dark", 0.25), ("udp", 0.0)])
def test_flip_shift_brings_a_mirrored_joint_back(heatmap_type: HeatmapType, cells: float) -> None:
    """The target of joint W - 1 - x, mirrored back and moved by a cell if `flip_shift`, is compared with that of x. The
    published shift leaves a quarter of a cell, which rounding to cells hides."""
    codec, width = Codec(heatmap_type), np.arange(48)
    joints = np.array([[x, 100.0] for x in range(40, 150)])
    mirrored = np.array([191, 0]) + joints * (-1, 1)
    back = codec.encode(mirrored, np.ones(len(joints)))[0][:, :, ::-1]
    back = np.roll(back, int(codec.flip_shift), axis=2)
    maps = codec.encode(joints, np.ones(len(joints)))[0]
    actual, expected = ((m.sum(axis=1) * width).sum(axis=1) / m.sum(axis=(1, 2)) for m in (back, maps))
    np.testing.assert_allclose(actual - expected, cells, atol=0.01)


def test_weights_are_kept_but_zero_far_outside() -> None:
    joints = np.array([[96.0, 128.0], [-500.0, 128.0], [96.0, 128.0]])
    for heatmap_type in HEATMAP_TYPES:
        targets, weights = Codec(heatmap_type).encode(joints, np.array([1.5, 1.0, 0.0]))
        assert weights.tolist() == [1.5, 0, 0]
        assert targets.dtype == weights.dtype == np.float32
        assert (targets.max(axis=(1, 2)) > 0).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"heatmap_type": "darc"}, "heatmap_type 'darc'; choose one of 'gaussian', 'dark', 'udp'"),
        ({"decoding": "drak"}, "decoding 'drak' .*'gaussian'; choose one of 'quarter_offset', 'dark', 'soft_argmax'"),
        ({"decoding": "udp"}, "decoding 'udp' .*'gaussian'; choose one of 'quarter_offset', 'dark', 'soft_argmax'"),
        ({"heatmap_type": "dark", "decoding": "udp"}, "decoding 'udp' .*'dark'"),
        (
            {"heatmap_type": "udp", "decoding": "quarter_offset"},
            "'quarter_offset' .*'udp'; choose one of 'udp', 'soft_",
        ),
        ({"heatmap_type": "udp", "decoding": "dark"}, "'dark' .*'udp'; choose one of 'udp', 'soft_"),
        ({"input_size": (190, 256)}, r"multiples of 4.*\(190, 256\)"),
        ({"input_size": (0, 256)}, r"multiples of 4.*\(0, 256\)"),
        ({"sigma": 0}, "sigma .*0"),
        ({"sigma": float("nan")}, "sigma .*nan"),
    ],
)
def test_invalid_codecs(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Codec(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("heatmap_type", "decoding", "sigma", "kernel_size", "radius"),
    [
        ("gaussian", None, 2, 0, 2),
        ("gaussian", "dark", 2, 11, 2),
        ("dark", "quarter_offset", 2, 0, 2),
        ("dark", None, 3, 17, 2),
        ("udp", None, 2, 11, 2),
        ("udp", None, 3, 17, 2),
        ("udp", "soft_argmax", 2, 0, 6),
        ("gaussian", "soft_argmax", 1.5, 0, 5),
    ],
)
def test_kernel_and_radius_follow_the_decoding(
    heatmap_type: HeatmapType, decoding: Decoding | None, sigma: float, kernel_size: int, radius: int
) -> None:
    """The geometry and the targets follow the heatmap type alone."""
    codec = Codec(heatmap_type, sigma=sigma, decoding=decoding)
    assert (codec.kernel_size, codec.peak_radius) == (kernel_size, radius)
    assert codec.resolved_decoding == (decoding or DECODINGS[heatmap_type][0])
    assert codec.flip_shift == (heatmap_type != "udp")
    np.testing.assert_array_equal(codec.matrix([5, 6], 70), Codec(heatmap_type).matrix([5, 6], 70))
    joint = np.array([[61.3, 77.7]])
    np.testing.assert_array_equal(
        codec.encode(joint, np.ones(1))[0], Codec(heatmap_type, sigma=sigma).encode(joint, np.ones(1))[0]
    )


def test_blur_kernel_size() -> None:
    """MMPose uses 11 with a sigma of 3. Without smoothing it has no effect."""
    usual, other = Codec("udp", sigma=3), Codec("udp", sigma=3, blur_kernel_size=11)
    unsmoothed = Codec("gaussian", sigma=3, blur_kernel_size=11)
    assert (usual.kernel_size, other.kernel_size, unsmoothed.kernel_size) == (17, 11, 0)
    heatmaps = np.random.default_rng(0).random((1, 2, 64, 48), np.float32)
    assert np.abs(usual.decode(heatmaps)[0] - other.decode(heatmaps)[0]).max() > 1e-3
    for size in (0, -1, 10):
        with pytest.raises(ValueError, match=f"blur_kernel_size .*{size}"):
            Codec("udp", blur_kernel_size=size)


def test_heatmaps_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of \(w, h\) \(48, 64\) cells, got \(64, 48\)"):
        Codec().decode(np.zeros((1, 17, 48, 64), np.float32))


RECORDED = [("192x256", 2.0), ("288x384", 3.0)]
NAMES = {"gaussian": "msra", "dark": "dark", "udp": "udp"}


@pytest.mark.parametrize("heatmap_type", HEATMAP_TYPES)
@pytest.mark.parametrize(("size", "sigma"), RECORDED)
def test_recorded_targets(heatmap_type: HeatmapType, size: str, sigma: float) -> None:
    golden = np.load(shared("data/golden/mmpose_codecs.npz"))
    w, h = map(int, size.split("x"))
    for n, joints in enumerate(golden[f"keypoints_{size}"]):
        targets, weights = Codec(heatmap_type, (w, h), sigma).encode(joints, golden[f"visible_{size}"][n])
        np.testing.assert_allclose(targets, golden[f"{NAMES[heatmap_type]}_target_{size}"][n], rtol=0, atol=5e-6)
        np.testing.assert_array_equal(weights, golden[f"{NAMES[heatmap_type]}_weight_{size}"][n])


@pytest.mark.parametrize("heatmap_type", HEATMAP_TYPES)
@pytest.mark.parametrize(("size", "sigma"), RECORDED)
@pytest.mark.parametrize("own", [False, True])
def test_recorded_joints(heatmap_type: HeatmapType, size: str, sigma: float, own: bool) -> None:
    golden = np.load(shared("data/golden/mmpose_codecs.npz"))
    input_size = np.array([int(side) for side in size.split("x")])
    maps = golden[f"{NAMES[heatmap_type]}_target_{size}" if own else f"heatmaps_{size}"]
    name = f"{NAMES[heatmap_type]}_decoded_{'own' if own else 'heatmaps'}"
    joints, scores = Codec(heatmap_type, (int(input_size[0]), int(input_size[1])), sigma).decode(maps)
    recorded = golden[f"{name}_{size}"]
    if heatmap_type == "udp":  # recorded on W pixels for a crop W - 1 wide, which the recorded code's caller corrects
        recorded = recorded * (input_size - 1) / input_size
    compared = scores > 0
    if (
        heatmap_type == "gaussian"
    ):  # the recorded code refines x at the upper border and y at the left, the original neither
        cells = np.stack(np.divmod(maps.reshape(*maps.shape[:2], -1).argmax(axis=2), maps.shape[3])[::-1], axis=-1)
        compared &= ((cells > 1) & (cells < input_size // 4 - 1)).all(axis=2)
    assert compared.sum() > 0.7 * compared.size
    np.testing.assert_allclose(
        joints[compared], recorded[compared], rtol=0, atol=1e-4 if heatmap_type == "gaussian" else 1e-3
    )
    np.testing.assert_array_equal(scores, golden[f"{name}_score_{size}"].clip(0, 1))


@pytest.mark.parametrize("heatmap_type", HEATMAP_TYPES)
@pytest.mark.parametrize(("size", "sigma"), RECORDED)
def test_recorded_degenerate_maps(heatmap_type: HeatmapType, size: str, sigma: float) -> None:
    """All 0, all negative, all 0.5: the recorded scores. Joints are (0, 0); the recorded ones are arbitrary."""
    golden = np.load(shared("data/golden/mmpose_codecs.npz"))
    w, h = map(int, size.split("x"))
    maps = np.stack([np.full((h // 4, w // 4), level, np.float32) for level in (0, -0.25, 0.5)])[None]
    joints, scores = Codec(heatmap_type, (w, h), sigma).decode(maps)
    np.testing.assert_array_equal(scores[0], golden[f"{NAMES[heatmap_type]}_degenerate_decode_{size}"][:, 2].clip(0, 1))
    assert joints[0, :2].tolist() == [[0, 0]] * 2
