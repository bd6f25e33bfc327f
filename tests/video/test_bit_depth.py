"""Pictures with 16 bits, of which fewer are used."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_track.structures.arrays import AnyArray, ImageArray
from pose_track.video.bit_depth import decode_rgb, used_bits
from pose_track.video.reader import open_video


def picture(seed: int) -> ImageArray:
    """(12, 16, 3) with values up to 255."""
    image = np.random.default_rng(seed).integers(0, 256, (12, 16, 3)).astype(np.uint8)
    image[0, 0] = 255
    return image


def encoded(image: AnyArray, suffix: str = ".png") -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


def in_bits(image: ImageArray, bits: int) -> AnyArray:
    """The same picture with `bits` of 16 bits used."""
    return image.astype(np.uint16) << (bits - 8)


def read_images(folder: Path) -> list[ImageArray]:
    with open_video(folder) as reader:
        return [frame.image for frame in reader]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_folder_has_the_same_frames_whatever_its_bits(bits: int, suffix: str, tmp_path: Path) -> None:
    expected = [picture(seed) for seed in range(4)]
    for index, image in enumerate(expected):
        (tmp_path / f"{index}{suffix}").write_bytes(encoded(in_bits(image[..., ::-1], bits), suffix))
    rounding = 1 if bits == 16 else 0  # that of OpenCV
    np.testing.assert_allclose(read_images(tmp_path), expected, rtol=0, atol=rounding)


def test_all_pictures_of_a_folder_are_stretched_alike(tmp_path: Path) -> None:
    """The first is darker than the others, and one beyond the sample is brighter."""
    for index in range(40):
        value = {0: 16, 1: 65535}.get(index, 4095)
        (tmp_path / f"{index}.png").write_bytes(encoded(np.full((8, 8, 3), value, np.uint16)))
    assert [image.max() for image in read_images(tmp_path)] == [1, *[255] * 39]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_pictures_of_eight_bits_are_not_changed(suffix: str) -> None:
    data = encoded(picture(0) // 32, suffix)
    expected = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert expected is not None
    assert used_bits([data]) == 8
    for bits in (8, 12, 16):
        np.testing.assert_array_equal(decode_rgb(data, bits), expected[..., ::-1])


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 3), (6, 7, 4)], ids=["grey", "colour", "alpha"])
def test_channels(shape: tuple[int, ...]) -> None:
    image = decode_rgb(encoded(np.full(shape, 4095, np.uint16)), 12)
    assert image is not None
    assert (image.shape, image.dtype, image.min()) == ((6, 7, 3), np.uint8, 255)


def test_black_pictures_and_files_that_are_none() -> None:
    assert used_bits([encoded(np.zeros((4, 4, 3), np.uint16))]) == 16
    assert used_bits([]) == used_bits([b"", b"no picture"]) == 16
    assert used_bits([b"no picture", encoded(np.full((4, 4, 3), 1000, np.uint16))]) == 10
    assert decode_rgb(b"", 8) is decode_rgb(b"no picture", 12) is None
