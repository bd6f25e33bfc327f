"""PQ and HLG become the standard range, exactly as the formulas say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from numpy.typing import NDArray

from pose_track.video.hdr import Transfer, compress, hlg_to_scene, light_to_pq, pq_to_light, to_standard_range
from pose_track.video.reader import open_video

Values = NDArray[np.floating[Any]]

_BT2020_MATRIX = 9  # of ITU-T H.273; PyAV names it from 18.0 on
TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])


def direct(codes: NDArray[np.uint16], transfer: Transfer) -> Values:
    """The chain in double precision, without tables."""
    values = codes / 65_535
    if transfer == "pq":
        light = np.minimum(pq_to_light(values), 1000)
    else:
        scene = hlg_to_scene(values)
        light = 1000 * scene * (scene @ [0.2627, 0.6780, 0.0593])[..., None] ** 0.2
    light = np.clip(light @ TO_BT709.T, 0, 1000)
    return np.asarray((compress(light) / 100) ** (1 / 2.4) * 255)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_tables_equal_the_formulas(transfer: Transfer) -> None:
    codes = np.random.default_rng(0).integers(0, 65_536, (200, 300, 3)).astype(np.uint16)
    codes[:50] >>= 2  # dark ones
    image = to_standard_range(codes, transfer)
    np.testing.assert_allclose(image, direct(codes, transfer), rtol=0, atol=0.6)


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_grey_stays_grey_and_brighter_stays_brighter(transfer: Transfer) -> None:
    codes = np.repeat(np.arange(0, 65_536, 16, dtype=np.uint16), 3).reshape(1, -1, 3)
    image = to_standard_range(codes, transfer).astype(int)
    assert np.abs(image - image[..., :1]).max() <= 1
    assert (np.diff(image[0, :, 0]) >= 0).all()
    assert (image[0, 0, 0], image[0, -1, 0]) == (0, 255)


def test_values_of_the_recommendations() -> None:
    # ITU-R BT.2408, table 1: white of 203 cd/m2 is 58 % PQ and, on a display of 1000 cd/m2, 75 % HLG
    assert light_to_pq(np.array(203.0)) == pytest.approx(0.58, abs=0.002)
    assert 1000 * hlg_to_scene(np.array(0.75)) ** 1.2 == pytest.approx(203, abs=1)
    np.testing.assert_allclose(compress(np.array([0.0, 5, 27])), [0, 5, 27], rtol=1e-6)
    assert compress(np.array(1000.0)) == pytest.approx(100)


def hdr_video(path: Path, transfer: Transfer, sdr: NDArray[np.uint8]) -> Path:
    """A video that shows grey standard-range images as a HDR display would show them, up to 27 cd/m2."""
    light = (sdr / 255.0) ** 2.4 * 100
    if transfer == "pq":
        codes = light_to_pq(light)
    else:
        table = np.linspace(0, 1, 100_001)
        codes = np.interp((light / 1000) ** (1 / 1.2), hlg_to_scene(table), table)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=10, options={"crf": "1", "x265-params": "log-level=none"})
        stream.width, stream.height, stream.pix_fmt = sdr.shape[1], sdr.shape[0], "yuv420p10le"
        context = stream.codec_context
        context.color_trc = ColorTrc.SMPTE2084 if transfer == "pq" else ColorTrc.ARIB_STD_B67
        context.color_primaries, context.colorspace = ColorPrimaries.BT2020, _BT2020_MATRIX
        context.color_range = ColorRange.MPEG
        for _ in range(3):
            rgb = np.ascontiguousarray(np.rint(codes * 65_535).astype(np.uint16))
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb48le")
            container.mux(
                stream.encode(
                    frame.reformat(format="yuv420p10le", dst_colorspace=_BT2020_MATRIX, dst_color_range=ColorRange.MPEG)
                )
            )
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("transfer", ["pq", "hlg"])
def test_a_hdr_video_looks_like_the_standard_one(tmp_path: Path, transfer: Transfer) -> None:
    sdr = np.repeat(np.linspace(10, 147, 192).astype(np.uint8)[None, :, None], 128, axis=0).repeat(3, axis=2)
    with open_video(hdr_video(tmp_path / "a.mp4", transfer, sdr)) as reader:
        frames = list(reader)
    assert len(frames) == 3
    for frame in frames:
        assert frame.image.dtype == np.uint8
        np.testing.assert_allclose(frame.image.astype(int), sdr, rtol=0, atol=4)
