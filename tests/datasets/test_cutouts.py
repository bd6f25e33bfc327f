from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from pose_track.datasets.cutouts import (
    Cutout,
    Cutouts,
    decode_segmentation,
    load_outlines,
    mask_extent,
    paste,
    soften,
    vary,
)
from pose_track.datasets.images import ImageStore

HEIGHT, WIDTH = 120, 100
GREY = np.full((60, 60, 3), 128, np.uint8)


def person_mask() -> np.ndarray:
    """A person in rows 20 to 99 and columns 30 to 59, without one corner."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:100, 30:60] = 1
    mask[20:40, 30:40] = 0
    return mask


def segmentations() -> dict[str, Any]:
    """The same outline in each of COCO's encodings."""
    compressed = coco_mask.encode(np.asfortranarray(person_mask()))
    ends = np.flatnonzero(np.diff(person_mask().ravel(order="F"), prepend=0, append=0))
    runs = np.diff(ends, prepend=0, append=HEIGHT * WIDTH).tolist()
    return {
        "polygons": [[40, 20, 60, 20, 60, 100, 40, 100], [30, 40, 41, 40, 41, 100, 30, 100]],
        "runs": {"size": [HEIGHT, WIDTH], "counts": runs},
        "compressed runs": {"size": [HEIGHT, WIDTH], "counts": compressed["counts"].decode()},
    }


def write(folder: Path, *changes: dict[str, Any], **image: Any) -> Path:
    """A data set of one image, whose red and green encode column and row, with an annotation for each change."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([0 * xs, ys, xs], axis=2).astype(np.uint8)  # blue, green, red
    cv2.imwrite(str(folder / "a.png"), pixels)
    cv2.imwrite(str(folder / "mask.png"), 255 * person_mask())
    annotation = {"id": 7, "image_id": 1, "bbox": [29.5, 19.5, 30, 80]}
    images = [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT} | image]
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": [annotation | change for change in changes]}))
    return path


def check(cutout: Cutout) -> None:
    """Assert that a cutout is the person of `person_mask` with the image's pixels."""
    np.testing.assert_array_equal(cutout.alpha, person_mask()[20:100, 30:60])
    np.testing.assert_array_equal(cutout.image[:, :, 0], np.tile(np.arange(30, 60), (80, 1)))
    np.testing.assert_array_equal(cutout.image[:, :, 1], np.tile(np.arange(20, 100)[:, None], (1, 30)))


@pytest.mark.parametrize("kind", list(segmentations()))
def test_outlines_from_segmentations(tmp_path: Path, kind: str) -> None:
    outlines = load_outlines(write(tmp_path, {"segmentation": segmentations()[kind]}))
    check(Cutouts(ImageStore(tmp_path), outlines).read(0))


def test_outlines_from_masks_within_the_box(tmp_path: Path) -> None:
    both = write(tmp_path, {}, {"bbox": [29.5, 39.5, 10, 64]}, mask_file="mask.png")
    cutouts = Cutouts(ImageStore(tmp_path), load_outlines(both))
    check(cutouts.read(0))
    assert cutouts.read(1).image.shape == (60, 10, 3)  # the part of the mask in this box


def test_people_that_are_not_cut_out(tmp_path: Path) -> None:
    mask = {"segmentation": segmentations()["runs"]}
    others = [
        {},  # no outline
        {"segmentation": []},
        mask | {"iscrowd": 1},
        mask | {"bbox": [30, 20, 30, 63]},  # small
        mask | {"bbox": [0.5, 20, 30, 80]},  # possibly truncated by the image border
        mask | {"bbox": [30, 20, 30, 99.5]},
    ]
    assert load_outlines(write(tmp_path, *others)) == []
    with pytest.raises(ValueError, match="no person with a mask"):
        Cutouts(ImageStore(tmp_path), [])


@pytest.mark.parametrize("bad", [[[1, 2, 3, 4]], [1, 2, 3, 4, 5, 6], {"counts": [1]}, 7])
def test_invalid_segmentation(tmp_path: Path, bad: Any) -> None:
    path = write(tmp_path, {"segmentation": bad}, {"segmentation": segmentations()["runs"]})
    with pytest.raises(ValueError, match="annotation 7 has a segmentation"):
        load_outlines(path)
    assert len(load_outlines(path, "skip")) == 1


def test_masks_that_do_not_fit_are_named(tmp_path: Path) -> None:
    cutouts = Cutouts(ImageStore(tmp_path), load_outlines(write(tmp_path, {}, mask_file="mask.png")))
    cv2.imwrite(str(tmp_path / "mask.png"), np.full((20, 20), 255, np.uint8))
    with pytest.raises(ValueError, match=r"mask of a\.png .*size"):
        cutouts.read(0)
    cv2.imwrite(str(tmp_path / "mask.png"), 0 * person_mask())
    with pytest.raises(ValueError, match=r"mask of a\.png .*empty"):
        cutouts.read(0)
    (tmp_path / "mask.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"mask\.png"):
        cutouts.read(0)


def test_everybody_is_drawn(tmp_path: Path) -> None:
    boxes = [{"bbox": [29.5, 19.5, 30, 64 + n]} for n in range(4)]
    cutouts = Cutouts(ImageStore(tmp_path), load_outlines(write(tmp_path, *boxes, mask_file="mask.png")))
    rng = np.random.default_rng(0)
    assert len(cutouts) == 4
    assert {cutouts.draw(rng).image.shape[0] for _ in range(40)} == {64, 65, 66, 67}


@settings(derandomize=True, max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_runs_and_extents_of_any_mask(height: int, width: int, data: st.DataObject) -> None:
    cells = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.array(cells).reshape(height, width)
    compressed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    np.testing.assert_array_equal(decode_segmentation(compressed, height, width), mask)
    if mask.any():
        rows, columns = mask_extent(mask)
        assert mask[rows, columns].sum() == mask.sum()
        assert all(side.any() for part in (mask[rows, columns], mask[rows, columns].T) for side in (part[0], part[-1]))


def plain(height: int = 40, width: int = 20, value: int = 200) -> Cutout:
    return Cutout(np.full((height, width, 3), value, np.uint8), np.ones((height, width), np.float32))


def test_varied_people() -> None:
    left = plain()
    left.alpha[:, 10:] = 0
    people = [vary(left, 30, GREY, np.random.default_rng(seed)) for seed in range(40)]
    assert all(p.image.shape[0] == p.alpha.shape[0] == 30 for p in people)
    assert all(p.image.shape[:2] == p.alpha.shape for p in people)
    assert {p.image.shape[1] for p in people} == {13, 14, 15, 16, 17}
    assert {bool(p.alpha[15, 3] > 0.9) for p in people} == {True, False}  # flipped or not
    light = [p.image.mean() for p in people]
    assert min(light) < 150
    assert max(light) > 190
    assert vary(plain(), 0.2, GREY, np.random.default_rng(0)).image.shape == (1, 1, 3)


def test_people_adapt_to_the_background() -> None:
    def mean(background: np.ndarray) -> np.ndarray:
        red = Cutout(np.full((40, 20, 3), (200, 80, 80), np.uint8), np.ones((40, 20), np.float32))
        people = [vary(red, 40, background, np.random.default_rng(seed)).image for seed in range(30)]
        return np.mean([image.mean(axis=(0, 1)) for image in people], axis=0)

    colour, dark = np.full((60, 60, 3), (90, 120, 160), np.uint8), np.full((60, 60, 3), (10, 20, 30), np.uint8)
    assert mean(dark).mean() < 0.75 * mean(colour).mean()
    assert mean(colour)[0] > 2 * mean(colour)[1]
    assert mean(GREY)[0] < 1.1 * mean(GREY)[1]


def test_edges_are_soft_on_the_inside() -> None:
    alpha = np.zeros((9, 9), np.float32)
    alpha[2:7, 2:7] = 1
    soft = soften(alpha)
    assert (soft[alpha == 0] == 0).all()  # no old background
    assert (soft[3:6, 3:6] == 1).all()
    np.testing.assert_allclose(soft[2, 3:6], 0.5, atol=1e-6)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(-50, 80), st.integers(-50, 80))
def test_pasting_anywhere(x: int, y: int) -> None:
    image, person = np.zeros((50, 60, 3), np.uint8), plain()
    visible = paste(image, person, (x, y))
    expected = np.zeros_like(image)
    expected[max(0, y) : max(0, y + 40), max(0, x) : max(0, x + 20)] = 200
    np.testing.assert_array_equal(image, expected)
    assert visible.shape == (40, 20)
    assert visible.sum() == (expected[:, :, 0] > 0).sum()
    rows, columns = np.nonzero(visible)
    assert (image[rows + y, columns + x] == 200).all()


def test_pasting_blends() -> None:
    image = np.full((4, 4, 3), 100, np.uint8)
    alpha = np.array([[0, 0.25], [0.5, 1]], np.float32)
    visible = paste(image, Cutout(np.full((2, 2, 3), 200, np.uint8), alpha), (1, 1))
    assert image[1:3, 1:3, 0].tolist() == [[100, 125], [150, 200]]
    assert visible.tolist() == [[False, False], [True, True]]
    assert (image[0] == 100).all()
