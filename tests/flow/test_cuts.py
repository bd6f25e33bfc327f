from itertools import combinations, pairwise

import cv2
import numpy as np
import pytest
from made_images import shift, texture_image, turned
from shared_data import shared

from pose_track.flow import cuts
from pose_track.flow.cuts import MAX_CHANGE, change, is_cut, still_change, thumbnail
from pose_track.geometry.resize import shrunk
from pose_track.video.reader import open_video

SIZE = (256, 144)
STILL = texture_image(SIZE)
FLAT = np.full((144, 256, 3), 90, np.uint8)
BLACK = np.zeros_like(FLAT)
CLIPS = ["arms_rendered.mp4", "mall_5_frames.mp4", "squats.mp4", "three_gymnasts.avi"]  # quick to decode; 5 to 30 fps


def cut(before, after):
    return is_cut(thumbnail(before), thumbnail(after))


def brighter(image, gain):
    return np.clip(image * gain, 0, 255).astype(np.uint8)


def passing(image, share):
    """Someone else's texture in front of a share of the width."""
    covered = image.copy()
    width = round(image.shape[1] * share)
    covered[10:, 30 : 30 + width] = texture_image((width, image.shape[0] - 10), seed=7)
    return covered


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
        (STILL, texture_image(SIZE, shift(40, 0)), False),  # the camera turns, by a sixth of the picture
        (STILL, texture_image(SIZE, shift(-30, 20)), False),
        (STILL, texture_image(SIZE, turned(3, 1.05, np.array([128.0, 72.0]))), False),
        (STILL, cv2.GaussianBlur(STILL, (9, 9), 0), False),  # out of focus
        (STILL, passing(STILL, 0.4), False),
        (passing(STILL, 0.4), STILL, False),
        (FLAT, FLAT, False),  # nothing to tell them apart by
        (BLACK, FLAT, False),
        (BLACK, STILL, True),
        (STILL, BLACK, True),
        (FLAT[:1, :1], FLAT[:1, :1], False),
        (texture_image((5, 200)), texture_image((5, 200), seed=1), False),  # too thin for tiles
    ],
)
def test_synthetic_pictures(before, after, expected):
    assert cut(before, after) == expected


def test_what_is_found_where_it_was_is_not_looked_for_elsewhere(monkeypatch):
    before, after = thumbnail(STILL), thumbnail(texture_image(SIZE, shift(36, 0)))
    assert still_change(before, after) > 2 * MAX_CHANGE
    assert change(before, after) < 0.1
    assert still_change(before, before) == pytest.approx(0, abs=1e-5)
    asked = []
    monkeypatch.setattr(cuts, "change", lambda *pair: asked.append(pair) or 0.0)
    assert not is_cut(before, before)
    assert asked == []
    assert not is_cut(before, after)
    assert len(asked) == 1


@pytest.mark.parametrize("size", [(1280, 720), (100, 60), (61, 200), (3, 2)])
def test_thumbnails_are_small_and_grey(size):
    w, h = size
    small = thumbnail(np.zeros((h, w, 3), np.uint8))
    assert small.ndim == 2
    assert max(small.shape) == min(128, max(size))


@pytest.fixture(scope="module")
def clips():
    """The thumbnails of some frames of each clip, all of which follow one another."""
    found = {}
    for name in CLIPS:
        with open_video(shared(f"data/videos/{name}")) as frames:
            found[name] = [thumbnail(frame.image) for frame, _ in zip(frames, range(40), strict=False)]
    return found


def test_no_cut_within_a_video(clips):
    for name, thumbs in clips.items():
        assert [i for i, (a, b) in enumerate(pairwise(thumbs)) if is_cut(a, b)] == [], name


def test_a_cut_between_any_two_videos(clips):
    for a, b in combinations(CLIPS, 2):
        for i in (0, -1):
            before, after = clips[a][i], clips[b][i]
            assert is_cut(before, _filled(after, before.shape)), (a, b)
            assert is_cut(after, _filled(before, after.shape)), (b, a)


def _filled(image, shape):
    """The middle of a picture, as much of it as fills the shape."""
    h, w = image.shape
    scale = max(shape[0] / h, shape[1] / w)
    large = cv2.resize(image, (max(shape[1], round(w * scale)), max(shape[0], round(h * scale))))
    top, left = (large.shape[0] - shape[0]) // 2, (large.shape[1] - shape[1]) // 2
    return shrunk(large[top : top + shape[0], left : left + shape[1]], (shape[1], shape[0]))
