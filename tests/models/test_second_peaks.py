"""Second peaks of heatmaps of two joints on one spot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pose_track.models.codec import Codec
from pose_track.models.score_map import ScoreMap
from pose_track.models.second_peaks import SecondPeaks
from pose_track.models.torch_decoder import Decoder

CODEC = Codec("dark", (96, 128))
TWINS = ((1, 2), (4, 3))
Places = list[tuple[float, float, float]]  # x y in crop pixels and height


def draw(*joints: Places) -> np.ndarray:
    """Heatmaps (1, K, h, w) with a Gaussian at each place of each joint."""
    maps = np.zeros((1, len(joints), 32, 24), np.float32)
    for heatmap, places in zip(maps[0], joints, strict=True):
        for x, y, height in places:
            points = np.array([[x, y]], np.float32)
            np.maximum(heatmap, height * CODEC.encode(points, np.ones(1))[0][0], out=heatmap)
    return maps


def by_numpy(codec: Codec, heatmaps: np.ndarray) -> np.ndarray:
    return np.asarray(SecondPeaks(codec, TWINS, codec.decode)(heatmaps, *codec.decode(heatmaps)))


def by_torch(codec: Codec, heatmaps: np.ndarray) -> np.ndarray:
    decode, tensors = Decoder(codec), torch.from_numpy(heatmaps)
    find = SecondPeaks(codec, TWINS, decode, torch, torch.as_tensor)
    return np.asarray(find(tensors, *decode(tensors)))


NOSE: Places = [(50, 20, 0.9), (10, 100, 0.8)]
SPOT, ELSEWHERE = (40.0, 60.0, 0.8), (72.0, 88.0, 0.5)
APART: list[Places] = [[(20, 20, 0.7), (60, 60, 0.6)], [(60, 20, 0.7), (20, 60, 0.6)]]


@pytest.mark.parametrize("find", [by_numpy, by_torch])
class TestSecondPeaks:
    @pytest.mark.parametrize("joint", [1, 2])
    def test_of_a_joint_on_the_spot_of_its_twin(self, find, joint: int) -> None:  # type: ignore[no-untyped-def]
        pair: list[Places] = [[SPOT, ELSEWHERE], [(42, 61, 0.7)]]
        found = find(CODEC, draw(NOSE, *pair[:: 1 if joint == 1 else -1], *APART))
        np.testing.assert_allclose(found[0, joint], ELSEWHERE, atol=0.5)
        assert found.dtype == np.float32
        assert not found[0, np.arange(5) != joint].any(axis=-1)[[0, 2, 3]].any()
        assert not found[0, 3 - joint, 2]  # the twin has no other peak, only a slope

    def test_of_both_joints_the_highest_away(self, find) -> None:  # type: ignore[no-untyped-def]
        third = (20.0, 110.0, 0.45)
        found = find(CODEC, draw(NOSE, [SPOT, third, ELSEWHERE], [SPOT, third], *APART))
        np.testing.assert_allclose(found[0, 1], ELSEWHERE, atol=0.5)
        np.testing.assert_allclose(found[0, 2], third, atol=0.5)

    @pytest.mark.parametrize("twin", [(40, 72, 0.8), (70, 90, 0.8)])
    def test_joints_on_spots_of_their_own_have_none(self, find, twin: tuple[float, float, float]) -> None:  # type: ignore[no-untyped-def]
        assert not find(CODEC, draw(NOSE, [SPOT, ELSEWHERE], [twin, (*SPOT[:2], 0.6)], *APART)).any()

    @pytest.mark.parametrize("near", [(46, 60, 0.5), (40, 66, 0.6)])
    def test_a_bulge_of_the_spot_is_none(self, find, near: tuple[float, float, float]) -> None:  # type: ignore[no-untyped-def]
        assert not find(CODEC, draw(NOSE, [SPOT, near], [SPOT], *APART))[..., 2].any()

    def test_absent_joints_have_none(self, find) -> None:  # type: ignore[no-untyped-def]
        assert not find(CODEC, draw(NOSE, [], [], *APART)).any()

    def test_scores_are_calibrated(self, find) -> None:  # type: ignore[no-untyped-def]
        codec = replace(CODEC, score_map=ScoreMap(((0, 0), (1, 0.5))))
        found = find(codec, draw(NOSE, [SPOT, ELSEWHERE], [SPOT], *APART))
        assert found[0, 1, 2] == pytest.approx(0.5 * ELSEWHERE[2], abs=0.01)

    def test_nobody(self, find) -> None:  # type: ignore[no-untyped-def]
        assert find(CODEC, draw(*[NOSE] * 5)[:0]).shape == (0, 5, 3)


@pytest.mark.parametrize("codec", [CODEC, Codec("udp", (96, 128)), Codec("gaussian", (96, 128), 1.5)])
def test_numpy_and_torch_agree(codec: Codec) -> None:
    random = np.random.default_rng(0)
    people = [draw(*[[(*random.uniform(10, 85, 2), h) for h in (0.9, 0.6)] for _ in range(5)]) for _ in range(20)]
    heatmaps = np.concatenate(people)
    heatmaps[:, [2, 3]] = np.maximum(heatmaps[:, [1, 4]] * 0.9, 0.7 * heatmaps[:, [2, 3]])  # on the twins' spots
    expected = by_numpy(codec, heatmaps)
    assert (expected[:, 1:, 2] > 0).mean() > 0.5
    np.testing.assert_allclose(by_torch(codec, heatmaps), expected, atol=1e-3)
