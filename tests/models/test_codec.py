from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_data import shared

from pose_track.geometry.affine import apply_affine
from pose_track.models.codec import READINGS, Codec
from pose_track.models.heatmaps import Decoding, Kind

KINDS: tuple[Kind, ...] = ("plain", "dark", "udp")
WAYS = [(kind, decoding) for kind in KINDS for decoding in READINGS[kind]]
FARTHEST = {"plain": 0.5, "dark": 0.05, "udp": 0.05}  # cells, in x and in y, after there and back


@pytest.mark.parametrize(("kind", "decoding"), WAYS)
@pytest.mark.parametrize(("input_size", "sigma"), [((192, 256), 2.0), ((288, 384), 3.0), ((128, 192), 1.5)])
@settings(derandomize=True, max_examples=30, deadline=None)
@given(x=st.floats(0.25, 0.75), y=st.floats(0.25, 0.75))
def test_a_joint_comes_back(
    kind: Kind, decoding: Decoding, input_size: tuple[int, int], sigma: float, x: float, y: float
) -> None:
    codec = Codec(kind, input_size, sigma, decoding=decoding)
    joint = np.array([[x, y]]) * input_size
    targets, weights = codec.encode(joint, np.ones(1))
    joints, scores = codec.decode(targets[None])
    assert targets.shape == (1, input_size[1] // 4, input_size[0] // 4)
    assert weights.tolist() == [1]
    farthest = max(FARTHEST[kind], 0.26 if decoding == "plain" else 0)
    assert np.abs(joints[0] - joint).max() <= 4 * farthest + 1e-4
    assert 0.9 < scores[0, 0] <= 1
    assert joints.dtype == scores.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
@settings(derandomize=True, max_examples=40, deadline=None)
@given(x=st.floats(20, 170), y=st.floats(20, 230), certainty=st.floats(0.05, 1), offset=st.floats(-50, 50))
def test_logits_give_the_joint_and_how_sure_it_is(
    kind: Kind, x: float, y: float, certainty: float, offset: float
) -> None:
    """The logits of a network that believes in the joint by `certainty` and otherwise in any cell alike."""
    codec, joint = Codec(kind, logits=True), np.array([[x, y]])
    targets, _ = Codec(kind).encode(joint, np.ones(1))
    shares = certainty * targets / targets.sum() + (1 - certainty) / targets.size
    joints, scores = codec.decode((np.log(shares + 1e-12) + offset)[None].astype(np.float32))
    assert np.abs(joints[0] - joint).max() <= 4 * (FARTHEST[kind] + 0.1)
    peak = targets.max() * certainty  # a shade more: what is cut off, and what any cell has
    assert peak - 1e-4 <= scores[0, 0] <= peak * 1.03 + 0.01 + 1e-4


def test_scores_are_the_heights_of_peaks() -> None:
    maps = np.stack([np.full((64, 48), level, np.float32) for level in (-0.5, 0.25, 1.7)])[None]
    for kind, decoding in WAYS:
        joints, scores = Codec(kind, decoding=decoding).decode(maps)
        np.testing.assert_allclose(scores, [[0, 0.25, 1.7]])
        assert joints[0, 0].tolist() == [0, 0]
    np.testing.assert_allclose(Codec(logits=True).decode(maps)[1], 2 * np.pi * 4 / (48 * 64), rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_spot_in_the_frame_is_its_joint_in_the_crop(kind: Kind) -> None:
    """What a network sees and what it is told agree, turned or not: a spot, cropped, and the target of its place."""
    codec = Codec(kind, (96, 128))
    place, frame = np.array([[61.0, 47.0]]), np.zeros((120, 160), np.float32)
    frame[47, 61] = 1
    for degrees in (0, 40, -100):
        matrix = codec.matrix([70, 60], 72, degrees)
        crop = cv2.warpAffine(cv2.GaussianBlur(frame, (0, 0), 2.0), matrix, codec.input_size)
        ys, xs = np.mgrid[:128, :96]
        seen = np.array([(xs * crop).sum(), (ys * crop).sum()]) / crop.sum()
        joint = apply_affine(matrix, place)
        np.testing.assert_allclose(joint[0], seen, atol=0.02)
        decoded = codec.decode(codec.encode(joint, np.ones(1))[0][None])[0]
        np.testing.assert_allclose(decoded[0, 0], seen, atol=4 * FARTHEST[kind] + 0.02)


@pytest.mark.parametrize(("kind", "middle"), [("plain", (96, 128)), ("dark", (96, 128)), ("udp", (95.5, 127.5))])
def test_where_the_middle_of_a_crop_lies(kind: Kind, middle: tuple[float, float]) -> None:
    matrix = Codec(kind).matrix([10, 20], 50, rotation_degrees=30)
    np.testing.assert_allclose(matrix @ [10, 20, 1], middle)


@pytest.mark.parametrize(("kind", "cells"), [("plain", 0.0), ("dark", 0.25), ("udp", 0.0)])
def test_the_flip_test_brings_a_mirrored_joint_back_to_its_place(kind: Kind, cells: float) -> None:
    """Where the target of joint W - 1 - x lies, mirrored back and moved a cell where `flip_shift` says so, against that
    of x. The published shift leaves a quarter of a cell, which rounding to cells hides."""
    codec, width = Codec(kind), np.arange(48)
    joints = np.array([[x, 100.0] for x in range(40, 150)])
    mirrored = np.array([191, 0]) + joints * (-1, 1)
    back = codec.encode(mirrored, np.ones(len(joints)))[0][:, :, ::-1]
    back = np.roll(back, int(codec.flip_shift), axis=2)
    maps = codec.encode(joints, np.ones(len(joints)))[0]
    found, expected = ((m.sum(axis=1) * width).sum(axis=1) / m.sum(axis=(1, 2)) for m in (back, maps))
    np.testing.assert_allclose(found - expected, cells, atol=0.01)


def test_weights_go_through_and_vanish_far_outside() -> None:
    joints = np.array([[96.0, 128.0], [-500.0, 128.0], [96.0, 128.0]])
    for kind in KINDS:
        targets, weights = Codec(kind).encode(joints, np.array([1.5, 1.0, 0.0]))
        assert weights.tolist() == [1.5, 0, 0]
        assert targets.dtype == weights.dtype == np.float32
        assert (targets.max(axis=(1, 2)) > 0).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "darc"}, "unknown kind 'darc'; choose one of 'plain', 'dark', 'udp'"),
        ({"decoding": "drak"}, "kind 'plain' cannot be decoded 'drak'; choose one of 'plain', 'dark', 'soft_argmax'"),
        ({"decoding": "udp"}, "kind 'plain' cannot be decoded 'udp'; choose one of 'plain', 'dark', 'soft_argmax'"),
        ({"kind": "dark", "decoding": "udp"}, "kind 'dark' cannot be decoded 'udp'"),
        ({"kind": "udp", "decoding": "plain"}, "kind 'udp' cannot be decoded 'plain'; choose one of 'udp', 'soft_"),
        ({"kind": "udp", "decoding": "dark"}, "kind 'udp' cannot be decoded 'dark'; choose one of 'udp', 'soft_"),
        ({"input_size": (190, 256)}, r"multiples of 4, 8 or more, got \(190, 256\)"),
        ({"input_size": (0, 256)}, r"multiples of 4, 8 or more, got \(0, 256\)"),
        ({"sigma": 0}, "sigma must be positive, got 0"),
        ({"sigma": float("nan")}, "sigma must be positive, got nan"),
    ],
)
def test_codecs_that_cannot_be(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Codec(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "decoding", "sigma", "kernel", "reach"),
    [
        ("plain", None, 2, 0, 2),
        ("plain", "dark", 2, 11, 2),
        ("dark", "plain", 2, 0, 2),
        ("dark", None, 3, 17, 2),
        ("udp", None, 2, 11, 2),
        ("udp", None, 3, 17, 2),
        ("udp", "soft_argmax", 2, 0, 6),
        ("plain", "soft_argmax", 1.5, 0, 5),
    ],
)
def test_what_reading_looks_at(kind: Kind, decoding: Decoding | None, sigma: float, kernel: int, reach: int) -> None:
    """It follows the decoding; how a network was trained does not."""
    codec = Codec(kind, sigma=sigma, decoding=decoding)
    assert (codec.kernel, codec.reach) == (kernel, reach)
    assert codec.reading == (decoding or kind)
    assert codec.flip_shift == (kind != "udp")
    np.testing.assert_array_equal(codec.matrix([5, 6], 70), Codec(kind).matrix([5, 6], 70))
    joint = np.array([[61.3, 77.7]])
    np.testing.assert_array_equal(
        codec.encode(joint, np.ones(1))[0], Codec(kind, sigma=sigma).encode(joint, np.ones(1))[0]
    )


def test_another_blur_than_the_usual_one() -> None:
    """As MMPose has it for a sigma of 3; where nothing is smoothed it counts for nothing."""
    usual, other = Codec("udp", sigma=3), Codec("udp", sigma=3, blur=11)
    assert (usual.kernel, other.kernel, Codec("plain", sigma=3, blur=11).kernel) == (17, 11, 0)
    heatmaps = np.random.default_rng(0).random((1, 2, 64, 48), np.float32)
    assert np.abs(usual.decode(heatmaps)[0] - other.decode(heatmaps)[0]).max() > 1e-3
    for blur in (0, -1, 10):
        with pytest.raises(ValueError, match=f"blur must be odd and positive, got {blur}"):
            Codec("udp", blur=blur)


def test_heatmaps_of_another_network_are_refused() -> None:
    with pytest.raises(ValueError, match=r"of \(w, h\) \(48, 64\) cells, got \(64, 48\)"):
        Codec().decode(np.zeros((1, 17, 48, 64), np.float32))


RECORDED = [("192x256", 2.0), ("288x384", 3.0)]
NAMES = {"plain": "msra", "dark": "dark", "udp": "udp"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "sigma"), RECORDED)
def test_recorded_targets(kind: Kind, size: str, sigma: float) -> None:
    golden = np.load(shared("data/golden/mmpose_codecs.npz"))
    w, h = map(int, size.split("x"))
    for n, joints in enumerate(golden[f"keypoints_{size}"]):
        targets, weights = Codec(kind, (w, h), sigma).encode(joints, golden[f"visible_{size}"][n])
        np.testing.assert_allclose(targets, golden[f"{NAMES[kind]}_target_{size}"][n], rtol=0, atol=5e-6)
        np.testing.assert_array_equal(weights, golden[f"{NAMES[kind]}_weight_{size}"][n])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "sigma"), RECORDED)
@pytest.mark.parametrize("own", [False, True])
def test_recorded_joints(kind: Kind, size: str, sigma: float, own: bool) -> None:
    golden = np.load(shared("data/golden/mmpose_codecs.npz"))
    input_size = np.array([int(side) for side in size.split("x")])
    maps = golden[f"{NAMES[kind]}_target_{size}" if own else f"heatmaps_{size}"]
    name = f"{NAMES[kind]}_decoded_{'own' if own else 'heatmaps'}"
    joints, scores = Codec(kind, (int(input_size[0]), int(input_size[1])), sigma).decode(maps)
    recorded = golden[f"{name}_{size}"]
    if kind == "udp":  # recorded on a grid of W pixels to a crop that is W - 1 wide, which its caller makes up for
        recorded = recorded * (input_size - 1) / input_size
    seen = scores > 0
    if kind == "plain":  # the recorded code refines x at the upper border and y at the left one, the original neither
        cells = np.stack(np.divmod(maps.reshape(*maps.shape[:2], -1).argmax(axis=2), maps.shape[3])[::-1], axis=-1)
        seen &= ((cells > 1) & (cells < input_size // 4 - 1)).all(axis=2)
    assert seen.sum() > 0.7 * seen.size
    np.testing.assert_allclose(joints[seen], recorded[seen], rtol=0, atol=1e-4 if kind == "plain" else 1e-3)
    np.testing.assert_array_equal(scores, golden[f"{name}_score_{size}"].clip(0, 1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "sigma"), RECORDED)
def test_recorded_degenerate_maps(kind: Kind, size: str, sigma: float) -> None:
    """All 0, all negative, all 0.5: the recorded scores; the place is (0, 0), where theirs may be anything."""
    golden = np.load(shared("data/golden/mmpose_codecs.npz"))
    w, h = map(int, size.split("x"))
    maps = np.stack([np.full((h // 4, w // 4), level, np.float32) for level in (0, -0.25, 0.5)])[None]
    joints, scores = Codec(kind, (w, h), sigma).decode(maps)
    np.testing.assert_array_equal(scores[0], golden[f"{NAMES[kind]}_degenerate_decode_{size}"][:, 2].clip(0, 1))
    assert joints[0, :2].tolist() == [[0, 0]] * 2
