"""Frames of high dynamic range, with the PQ or HLG transfer of ITU-R BT.2100, as frames of the standard range."""

from __future__ import annotations

from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pose_track.structures.arrays import ImageArray

Transfer = Literal["pq", "hlg"]
TRANSFERS: dict[int, Transfer] = {16: "pq", 18: "hlg"}
"""By FFmpeg's number of a transfer characteristic, that of ITU-T H.273."""

_PEAK = 1000.0  # cd/m2 of the brightest source light; above it is clipped. The nominal peak of BT.2100's HLG display
_TARGET = 100.0  # cd/m2 of white on a display of the standard range, BT.2390, 5.1
_HLG_GAMMA = 1.2  # of the display of _PEAK, BT.2100, table 5
_HLG_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
_SDR_GAMMA = 2.4  # of BT.1886
_NUM_CODES = 65_536
# linear RGB with the primaries of BT.2020 -> BT.709, see BT.2407, 2.2
_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32)

FloatCodes = NDArray[np.float64]


def to_standard_range(image: NDArray[np.uint16], transfer: Transfer) -> ImageArray:
    """(H, W, 3) uint8 RGB with the primaries of BT.709 and the gamma of BT.1886.

    image: (H, W, 3) uint16 RGB, full range, with the primaries of BT.2020.

    Light becomes that of a display of 1000 cd/m2 (BT.2100), its primaries those of BT.709 (BT.2407), and each channel
    is compressed to 100 cd/m2 (BT.2390, 5.4.1): up to 27 cd/m2 light is kept, above it approaches white.
    """
    light = _light_of_codes(transfer)[image]
    if transfer == "hlg":
        luminance = cv2.transform(light, _HLG_LUMA[None])
        light *= cv2.pow(luminance, _HLG_GAMMA - 1)[..., None]
    light = np.clip(cv2.transform(light, _TO_BT709), 0, 1)
    return _codes_of_light()[(cv2.sqrt(light) * (_NUM_CODES - 1) + 0.5).astype(np.uint16)]


@cache
def _light_of_codes(transfer: Transfer) -> NDArray[np.float32]:
    """(65536,) light of each code of 16 bits: with PQ that of the display, with HLG that of the scene; 0 to 1."""
    codes = np.linspace(0, 1, _NUM_CODES)
    light = np.minimum(pq_to_light(codes) / _PEAK, 1) if transfer == "pq" else hlg_to_scene(codes)
    return light.astype(np.float32)


@cache
def _codes_of_light() -> ImageArray:
    """(65536,) code of eight bits of each square root of display light, 0 to 1 of _PEAK."""
    light = compress(np.linspace(0, 1, _NUM_CODES) ** 2 * _PEAK)
    return np.asarray(np.rint((light / _TARGET) ** (1 / _SDR_GAMMA) * 255), np.uint8)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def pq_to_light(code: FloatCodes) -> FloatCodes:
    """The light in cd/m2 of a PQ code, 0 to 1; BT.2100, table 4.

    >>> pq_to_light(np.array([0.0, 0.508078, 1.0])).round(1).tolist()
    [0.0, 100.0, 10000.0]
    """
    power = code ** (1 / _M2)
    return 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def light_to_pq(light: FloatCodes) -> FloatCodes:
    """The inverse of `pq_to_light`.

    >>> light_to_pq(np.array([100.0, 10000.0])).round(4).tolist()
    [0.5081, 1.0]
    """
    power = (light / 10_000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def hlg_to_scene(code: FloatCodes) -> FloatCodes:
    """The scene light, 0 to 1, of an HLG code, 0 to 1; BT.2100, table 5.

    >>> hlg_to_scene(np.array([0.0, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.0833, 1.0]
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)


def compress(light: FloatCodes) -> FloatCodes:
    """Light of up to 1000 cd/m2 as light of up to 100 cd/m2: the knee and the spline of BT.2390, 5.4.1, on PQ codes.

    >>> compress(np.array([0.0, 20.0, 1000.0])).round(3).tolist()
    [0.0, 20.0, 100.0]
    """
    source_peak = light_to_pq(np.array(_PEAK))
    code, peak = light_to_pq(light) / source_peak, light_to_pq(np.array(_TARGET)) / source_peak
    knee = 1.5 * peak - 0.5
    t = (code - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * peak
    return pq_to_light(np.where(code < knee, code, spline) * source_peak)
