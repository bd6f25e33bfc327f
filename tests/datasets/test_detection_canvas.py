from __future__ import annotations

import numpy as np
import pytest

from pose_track.datasets.cutouts import Cutout
from pose_track.datasets.detection_canvas import (
    DetectionCanvas,
    Placement,
    canvas_of_image,
    flip_canvas,
    paste_person,
    tile_canvases,
)
from pose_track.datasets.labels import ImageLabel
from pose_track.models.centre_boxes import PADDING_GREY

NONE = np.zeros((0, 4))
WHOLE = (slice(0, 96), slice(0, 128))


def placement(window: tuple[int, int], size: tuple[int, int], corner: tuple[int, int]) -> Placement:
    return Placement(np.array(window), np.array(size), np.array(corner))


def canvas(boxes: object = NONE, exhaustive: bool = True, ignore: object = NONE, value: int = 50) -> DetectionCanvas:
    """A canvas 128 wide and 96 high, filled by a uniform grey image."""
    image = np.full((96, 128, 3), value, np.uint8)
    label = ImageLabel("a", 128, 96, np.array(boxes, float).reshape(-1, 4), np.array(ignore, float), exhaustive, "")
    return canvas_of_image(image, label, placement((128, 96), (128, 96), (0, 0)))


def person(height: int = 40, width: int = 20) -> Cutout:
    """A white cutout with a transparent border of two pixels."""
    alpha = np.zeros((height, width), np.float32)
    alpha[2:-2, 2:-2] = 1
    return Cutout(np.full((height, width, 3), 255, np.uint8), alpha)


@pytest.mark.parametrize(
    ("size", "corner"), [((60, 40), (10, 20)), ((240, 160), (-90, -30)), ((120, 80), (0, 0)), ((60, 40), (100, 80))]
)
def test_boxes_are_placed_with_the_pixels(size: tuple[int, int], corner: tuple[int, int]) -> None:
    image = np.zeros((80, 120, 3), np.uint8)
    image[20:60, 30:90] = 255
    label = ImageLabel("a", 120, 80, np.array([[29.5, 19.5, 89.5, 59.5]]), NONE, True, "")
    placed = canvas_of_image(image, label, placement((128, 96), size, corner))
    ys, xs = np.nonzero(placed.image.min(axis=2) > 180)
    if len(placed.boxes):
        edges = [xs.min() - 0.5, ys.min() - 0.5, xs.max() + 0.5, ys.max() + 0.5]
        assert np.abs(placed.boxes[0] - edges).max() < 0.51
    else:
        assert len(xs) < 0.31 * size[0] * size[1] / 4
        assert len(placed.ignore) == 1
    rows, columns = placement((128, 96), size, corner).visible
    placed.image[rows, columns] = PADDING_GREY
    assert (placed.image == PADDING_GREY).all()


@pytest.mark.parametrize("exhaustive", [True, False])
def test_labels_of_an_image(exhaustive: bool) -> None:
    placed = canvas([[10, 10, 40, 90]], exhaustive, ignore=[[60, 60, 200, 90]])
    assert placed.exhaustive.shape == (12, 16)
    assert (placed.exhaustive == exhaustive).all()
    assert placed.ignore.tolist() == [[60, 60, 127, 90]]
    assert placed.box_layers.tolist() == [0]
    assert not placed.covered().any()


def test_pasted_person_has_the_box_of_its_visible_pixels() -> None:
    pasted = paste_person(canvas(), person(), (30, 10), WHOLE)
    assert pasted.boxes.tolist() == [[31.5, 11.5, 47.5, 47.5]]
    assert (pasted.image[12:48, 32:48] == 255).all()
    assert (pasted.image == 255).sum() == 3 * 36 * 16
    truncated = paste_person(canvas(), person(), (118, 66), WHOLE)
    assert truncated.boxes.tolist() == [[119.5, 67.5, 127, 95]]


def test_people_are_pasted_within_the_region_only() -> None:
    pasted = paste_person(canvas(), person(), (30, 10), (slice(0, 40), slice(36, 128)))
    assert pasted.boxes.tolist() == [[35.5, 11.5, 47.5, 39.5]]
    ys, xs = np.nonzero(pasted.image[:, :, 0] == 255)
    assert (ys.max(), xs.min()) == (39, 36)


def test_mostly_hidden_person_is_ignored() -> None:
    pasted = paste_person(canvas(), person(), (122, 10), WHOLE)
    assert len(pasted.boxes) == 0
    assert pasted.ignore.tolist() == [[123.5, 11.5, 127, 47.5]]
    outside = paste_person(canvas(), person(), (127, 10), WHOLE)
    assert len(outside.boxes) == len(outside.ignore) == 0


def test_later_people_cover_earlier_ones() -> None:
    """A box of 36 x 16 pixels, a second over its lower half, and a third over the upper half of both."""
    pasted_canvas = paste_person(canvas([[10, 10, 20, 90]]), person(), (30, 10), WHOLE)
    pasted_canvas = paste_person(pasted_canvas, person(), (30, 28), WHOLE)
    np.testing.assert_allclose(pasted_canvas.covered(), [0, 0.5, 0])
    pasted_canvas = paste_person(pasted_canvas, person(), (30, 10), WHOLE)
    np.testing.assert_allclose(pasted_canvas.covered(), [0, 1, 0.5, 0])


def test_flip() -> None:
    original = paste_person(canvas([[10, 20, 40, 80]], ignore=[[0, 0, 9, 9]]), person(), (30, 10), WHOLE)
    original.exhaustive[0, 0] = False
    flipped = flip_canvas(original)
    assert flipped.boxes.tolist() == [[87, 20, 117, 80], [79.5, 11.5, 95.5, 47.5]]
    assert flipped.ignore.tolist() == [[118, 0, 127, 9]]
    assert not flipped.exhaustive[0, -1]
    np.testing.assert_array_equal(flipped.image, original.image[:, ::-1])
    np.testing.assert_allclose(flipped.covered(), original.covered())
    assert original.boxes.tolist()[0] == [10, 20, 40, 80]


def test_tiled_canvases_keep_their_labels() -> None:
    tiles = [canvas([[10, 20, 40, 80]], i < 2, [[i, i, 9, 9]], value=50 * i) for i in range(4)]
    tiles[3] = paste_person(tiles[3], person(), (5, 18), WHOLE)
    whole = tile_canvases([tiles[:2], tiles[2:]])
    assert whole.image.shape == (192, 256, 3)
    assert whole.image[[0, 0, 100, 100], [0, 130, 0, 130], 0].tolist() == [0, 50, 100, 150]
    assert whole.boxes[:4].tolist() == [
        [10, 20, 40, 80], [138, 20, 168, 80], [10, 116, 40, 176], [138, 116, 168, 176],
    ]  # fmt: skip
    assert whole.ignore.tolist()[3] == [131, 99, 137, 105]
    assert whole.exhaustive[:12].all()
    assert not whole.exhaustive[12:].any()
    np.testing.assert_allclose(whole.covered(), [0, 0, 0, tiles[3].covered()[0], 0])
    assert tiles[3].covered()[0] > 0.1
