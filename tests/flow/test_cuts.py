"""Shot cuts, on synthetic images and real videos."""

from itertools import combinations, pairwise

import cv2
import numpy as np
import pytest
from flow.synthetic_images import rotation, shift, texture_image
from shared_data import shared

from pose_track.flow import cuts
from pose_track.flow.cuts import MAX_CHANGE, Thumbnail, aligned_tile_change, cut_or_change, thumbnail, tile_change
from pose_track.geometry.resize import downscale
from pose_track.video.reader import open_video

SIZE = (256, 144)
STILL = texture_image(SIZE)
FLAT = np.full((144, 256, 3), 90, np.uint8)
BLACK = np.zeros_like(FLAT)
CLIPS = ["arms_rendered.mp4", "mall_5_frames.mp4", "squats.mp4", "three_gymnasts.avi"]  # quick to decode; 5 to 30 fps


def is_cut(before, after):
    return cut_or_change(before, after) is None


def is_image_cut(before, after):
    return is_cut(thumbnail(before), thumbnail(after))


def brighter(image, gain):
    return np.clip(image * gain, 0, 255).astype(np.uint8)


def occluded(image, share):
    """The image with another texture in front of a share of its width."""
    result = image.copy()
    width = round(image.shape[1] * share)
    result[10:, 30 : 30 + width] = texture_image((width, image.shape[0] - 10), seed=7)
    return result


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (STILL, STILL, False),
        (STILL, texture_image(SIZE, seed=1), True),
        (texture_image(SIZE, seed=2), texture_image(SIZE, seed=3), True),
        (STILL, texture_image((252, 144)), True),  # another size
        (STILL, brighter(STILL, 0.7), False),  # flashes
        (STILL, brighter(STILL, 1.3), False),
        (brighter(STILL, 1.3), brighter(STILL, 0.7), False),
        (STILL, texture_image(SIZE, shift(40, 0)), False),  # the camera pans by a sixth of the image
        (STILL, texture_image(SIZE, shift(-30, 20)), False),
        (STILL, texture_image(SIZE, rotation(3, 1.05, np.array([128.0, 72.0]))), False),
        (STILL, cv2.GaussianBlur(STILL, (9, 9), 0), False),  # out of focus
        (STILL, occluded(STILL, 0.4), False),
        (occluded(STILL, 0.4), STILL, False),
        (FLAT, FLAT, False),  # no texture
        (BLACK, FLAT, False),
        (BLACK, STILL, True),
        (STILL, BLACK, True),
        (FLAT[:1, :1], FLAT[:1, :1], False),
        (texture_image((5, 200)), texture_image((5, 200), seed=1), False),  # too narrow for tiles
    ],
)
def test_synthetic_images(before, after, expected):
    assert is_image_cut(before, after) == expected


def test_tiles_are_searched_only_if_they_have_moved(monkeypatch):
    before, after = thumbnail(STILL), thumbnail(texture_image(SIZE, shift(36, 0)))
    assert aligned_tile_change(before, after) > 2 * MAX_CHANGE
    assert tile_change(before, after) < 0.1
    assert aligned_tile_change(before, before) == pytest.approx(0, abs=1e-5)
    calls = []
    monkeypatch.setattr(cuts, "tile_change", lambda *pair: calls.append(pair) or 0.0)
    assert not is_cut(before, before)
    assert calls == []
    assert not is_cut(before, after)
    assert len(calls) == 1


@pytest.mark.parametrize("size", [(1280, 720), (100, 60), (61, 200), (3, 2)])
def test_thumbnails_are_small_and_grey(size):
    w, h = size
    small = thumbnail(np.zeros((h, w, 3), np.uint8))
    assert small.image.ndim == 2
    assert max(small.image.shape) == min(128, max(size))


@pytest.fixture(scope="module")
def clips():
    """Thumbnails of the first frames of each clip."""
    thumbnails = {}
    for name in CLIPS:
        with open_video(shared(f"data/videos/{name}")) as frames:
            thumbnails[name] = [thumbnail(frame.image) for frame, _ in zip(frames, range(40), strict=False)]
    return thumbnails


def test_no_cut_within_a_video(clips):
    for name, images in clips.items():
        assert [i for i, (a, b) in enumerate(pairwise(images)) if is_cut(a, b)] == [], name


def test_a_cut_between_any_two_videos(clips):
    for a, b in combinations(CLIPS, 2):
        for i in (0, -1):
            before, after = clips[a][i], clips[b][i]
            assert is_cut(before, _centre_crop(after.image, before.image.shape)), (a, b)
            assert is_cut(after, _centre_crop(before.image, after.image.shape)), (b, a)


def _centre_crop(image, shape):
    """A thumbnail of the centre of an image, scaled to fill the shape."""
    h, w = image.shape
    scale = max(shape[0] / h, shape[1] / w)
    large = cv2.resize(image, (max(shape[1], round(w * scale)), max(shape[0], round(h * scale))))
    top, left = (large.shape[0] - shape[0]) // 2, (large.shape[1] - shape[1]) // 2
    return Thumbnail(downscale(large[top : top + shape[0], left : left + shape[1]], (shape[1], shape[0])))
