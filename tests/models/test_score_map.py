from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pose_track.models.codec import Codec
from pose_track.models.metadata import parse_pose_metadata, pose_metadata
from pose_track.models.score_map import ScoreMap, parse_score_map
from pose_track.models.torch_decoder import Decoder
from pose_track.structures.skeleton import COCO_17

MAP = ScoreMap(((0, 0), (0.25, 0.125), (0.5, 0.75), (1, 0.875)))


@st.composite
def score_maps(draw: st.DrawFn) -> ScoreMap:
    count = draw(st.integers(1, 24))
    raw, calibrated = (sorted(draw(st.sets(st.integers(1, 999), min_size=count, max_size=count))) for _ in range(2))
    return ScoreMap(((0, 0), *((a / 1000, b / 1000) for a, b in zip(raw, calibrated, strict=True))))


@given(score_maps())
def test_a_map_keeps_the_order_and_stays_within_0_and_1(score_map: ScoreMap) -> None:
    raw = np.linspace(0, 1.2, 97, dtype=np.float32)
    calibrated = score_map(raw)
    inside = raw <= score_map.knots[-1][0]
    assert calibrated.dtype == np.float32
    assert calibrated[0] == 0
    assert (np.diff(calibrated[inside]) > 0).all()
    assert (np.diff(calibrated) >= 0).all()
    assert calibrated.max() < 1
    expected = np.interp(raw, *zip(*score_map.knots, strict=True))
    np.testing.assert_allclose(calibrated, expected, atol=1e-5)


@given(score_maps())
def test_a_map_survives_as_text(score_map: ScoreMap) -> None:
    assert parse_score_map(str(score_map)) == score_map


@given(score_maps())
def test_tensors_get_the_same_scores(score_map: ScoreMap) -> None:
    raw = np.linspace(0, 1.2, 20, dtype=np.float32)
    np.testing.assert_allclose(score_map(torch.from_numpy(raw)).numpy(), score_map(raw), atol=1e-6)


@pytest.mark.parametrize(
    "knots",
    [
        (),
        ((0, 0),),  # a single one
        ((0.1, 0), (0.5, 0.5)),  # not from 0 on
        ((0, 0.1), (0.5, 0.5)),  # an absent joint would get a score
        ((0, 0), (0.5, 0.5), (0.4, 0.6)),  # raw scores fall
        ((0, 0), (0.5, 0.5), (0.6, 0.5)),  # calibrated scores are level
        ((0, 0), (0.5, 1.0)),  # certain
        ((0, 0), (float("nan"), 0.5)),
    ],
)
def test_knots_that_are_no_map(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="score map"):
        ScoreMap(knots)


@pytest.mark.parametrize("text", ["", "0:0", "0:0 0.5", "0:0 0.5:x", "0:0 0.5:0.5:0.5", "0:0 0.5:1.5"])
def test_texts_that_are_no_map(text: str) -> None:
    assert parse_score_map(text) is None
    with pytest.raises(ValueError, match="score_map"):
        parse_pose_metadata({"score_map": text})


@pytest.mark.parametrize("score_map", [None, MAP])
def test_a_codec_scores_joints_by_its_map(score_map: ScoreMap | None) -> None:
    """Without one the score is the peak's height; the joints never depend on the map."""
    heatmaps = np.zeros((1, 4, 8, 8), np.float32)
    heatmaps[0, :, 3, 4] = [0, 0.25, 0.5, 1.25]
    codec = Codec("gaussian", (32, 32), score_map=score_map)
    joints, scores = codec.decode(heatmaps)
    expected = [0, 0.25, 0.5, 1.25] if score_map is None else [0, 0.125, 0.75, 0.875]
    np.testing.assert_allclose(scores[0], expected, atol=1e-6)
    np.testing.assert_array_equal(joints, Codec("gaussian", (32, 32)).decode(heatmaps)[0])
    on_device = Decoder(codec)(torch.from_numpy(heatmaps))
    np.testing.assert_allclose(on_device[1].numpy(), scores, atol=1e-6)


@pytest.mark.parametrize("score_map", [None, MAP])
def test_metadata_states_the_map(score_map: ScoreMap | None) -> None:
    metadata = pose_metadata("hrnet_w32", COCO_17, Codec("udp", score_map=score_map))
    assert ("score_map" in metadata) == (score_map is not None)
    assert parse_pose_metadata(metadata).score_map == score_map
