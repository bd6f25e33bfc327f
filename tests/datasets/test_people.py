from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.datasets.people import BoxAugmentation, BoxSample, PeopleDataset, centre_targets
from pose_track.models.centre import cell_centres

CANVAS = 192
PLAIN = BoxAugmentation(long_side=(192, 192), aspect=1.0, flip_chance=0.0, colour=0.0, grey_chance=0.0)
NONE = np.zeros((0, 4))


def label(
    boxes: object, ignore: object = NONE, exhaustive: bool = True, size: tuple[int, int] = (192, 192)
) -> ImageLabel:
    return ImageLabel("a.png", *size, np.array(boxes, float).reshape(-1, 4), np.array(ignore, float), exhaustive, "")


def sample_of(of: ImageLabel, augmentation: BoxAugmentation = PLAIN, seed: int = 0) -> BoxSample:
    image = np.zeros((of.height, of.width, 3), np.uint8)
    for x1, y1, x2, y2 in of.boxes.round().astype(int):
        image[y1 : y2 + 1, x1 : x2 + 1] = 255
    return PeopleDataset(ImageStore(Path()), [of], CANVAS, augmentation, seed).sample(image, of)


BOXES = np.array([[8, 16, 40, 64], [3.5, 3.5, 92.5, 180.5], [100, 8, 108, 16], [0, 150, 190, 191]], float)


def test_every_centre_cell_has_a_peak() -> None:
    heat, where, weight = centre_targets(BOXES, (24, 24))
    middles = cell_centres(24, 24).numpy()  # (2, h, w)
    peaks = np.argwhere(heat == 1)
    assert len(peaks) == len(BOXES)
    for box in BOXES:
        centre = (box[:2] + box[2:]) / 2
        y, x = np.unravel_index(np.abs(middles - centre[:, None, None]).max(axis=0).argmin(), (24, 24))
        assert heat[y, x] == 1
        assert np.abs(middles[:, y, x] - centre).max() <= 4  # the centre lies within the cell
        np.testing.assert_array_equal(where[:, y, x], box.astype(np.float32))
        assert weight[y, x] > 0
    assert heat.min() == 0
    assert ((weight > 0) == (heat > 0)).all()


def test_a_centre_between_two_cells_belongs_to_the_later() -> None:
    """Cell 1 covers the pixels 8 to 15; a box of centre 7.5 lies on its edge, one of 7.4 before it."""
    for centre, cell in ((7.4, 0), (7.5, 1), (15.4, 1), (15.5, 2)):
        heat, _, _ = centre_targets(np.array([[centre - 5, centre - 5, centre + 5, centre + 5]]), (4, 4))
        assert np.argwhere(heat == 1).tolist() == [[cell, cell]]


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_the_smaller_box_wins(order: list[int]) -> None:
    boxes = np.array([[0, 0, 191, 191], [88, 80, 103, 111]], float)
    heat, where, _ = centre_targets(boxes[order], (24, 24))
    assert where[:, 12, 12].tolist() == boxes[1].tolist()
    assert where[:, 12, 9].tolist() == boxes[0].tolist()  # beside the small one
    assert heat[12, 9] > 0


def test_weights_sum_to_the_logarithm_of_the_area() -> None:
    _, _, weight = centre_targets(np.array([[20, 30, 120, 130]], float), (24, 24))
    assert weight.sum() == pytest.approx(np.log(100 * 100), rel=1e-5)


def test_nobody() -> None:
    sample = sample_of(label(NONE))
    assert not sample.heat.any()
    assert not sample.box_weight.any()
    assert sample.heat_weight.all()


def test_shapes() -> None:
    sample = sample_of(label(BOXES))
    assert [part.shape for part in sample] == [(3, 192, 192), (24, 24), (4, 24, 24), (24, 24), (24, 24)]
    assert [part.dtype for part in sample] == [np.uint8] + [np.float32] * 4


AUGMENTED = BoxAugmentation(long_side=(100, 300), aspect=1.5, flip_chance=0.5, colour=0.0, grey_chance=0.0)


def test_boxes_move_with_the_pixels() -> None:
    """A white rectangle is drawn where the box is; wherever augmentation moves it, the target is its extent."""
    one = label([[59.5, 29.5, 180.5, 140.5]], size=(240, 200))  # the edges of the pixels 60..180, 30..140
    image = np.zeros((200, 240, 3), np.uint8)
    image[30:141, 60:181] = 255
    data = PeopleDataset(ImageStore(Path()), [one], CANVAS, AUGMENTED)
    places = []
    for seed in range(40):
        data.reseed(seed)
        sample = data.sample(image, one)
        if not (sample.heat == 1).any():  # moved out of the canvas
            continue
        ys, xs = np.nonzero(sample.image.min(axis=0) > 180)  # the padding is grey
        ((y, x),) = np.argwhere(sample.heat == 1)
        box = sample.boxes[:, y, x]
        assert np.abs(box - [xs.min() - 0.5, ys.min() - 0.5, xs.max() + 0.5, ys.max() + 0.5]).max() < 1.01
        places.append(box)
    assert len(places) > 20
    assert np.std(places, axis=0).min() > 5  # they did move


def test_flip_mirrors_boxes_and_pixels() -> None:
    one = label([[20, 30, 79, 129]])
    straight = sample_of(one)
    mirrored = sample_of(one, BoxAugmentation((192, 192), 1.0, 1.0, 0.0, 0.0))
    np.testing.assert_array_equal(mirrored.image, straight.image[:, :, ::-1])
    ((y, x),) = np.argwhere(mirrored.heat == 1)
    assert mirrored.boxes[:, y, x].tolist() == [112, 30, 171, 129]


def test_ignored_regions_have_no_weight_but_people_in_them_do() -> None:
    sample = sample_of(label([[64, 64, 127, 127]], ignore=[[32, 32, 191, 191]]))
    assert sample.heat_weight[:4].all()
    assert not sample.heat_weight[4:8, 4:].any()
    assert sample.heat_weight[8:16, 8:16].all()
    assert not sample.heat_weight[16:, 8:16].any()


def test_only_the_labelled_are_known_where_not_all_are() -> None:
    sample = sample_of(label([[64, 64, 127, 127]], exhaustive=False))
    assert sample.heat_weight.sum() == 64
    assert sample.heat_weight[8:16, 8:16].all()
    thin = sample_of(label([[100.5, 8, 107.4, 100]], exhaustive=False))  # no cell has its middle within
    assert (thin.heat_weight[thin.heat == 1] == 1).all()
    assert (thin.heat == 1).sum() == 1


def test_tiny_and_cut_people_are_ignored() -> None:
    tiny = sample_of(label([[64, 64, 69, 69]]))
    assert not tiny.heat.any()
    assert tiny.heat_weight[8, 8] == 0
    zoomed = BoxAugmentation((384, 384), 1.0, 0.0, 0.0, 0.0)
    kept = [bool((sample_of(label([[90, 90, 120, 120]]), zoomed, seed).heat == 1).any()) for seed in range(20)]
    assert 0 < sum(kept) < 20


def test_the_same_seed_gives_the_same_sample() -> None:
    first, again, other = (sample_of(label(BOXES), BoxAugmentation(), seed) for seed in (1, 1, 2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first.image != other.image).any()


def test_colour_and_grey() -> None:
    image = np.full((192, 192, 3), (200, 100, 40), np.uint8)
    bare = label(NONE)

    def painted(**change: float) -> np.ndarray:
        augmentation = BoxAugmentation(
            **{"long_side": (192, 192), "aspect": 1.0, "colour": 0.0, "grey_chance": 0.0} | change
        )  # type: ignore[arg-type]
        return PeopleDataset(ImageStore(Path()), [bare], CANVAS, augmentation).sample(image, bare).image[:, 96, 96]

    assert painted().tolist() == [200, 100, 40]
    assert painted(grey_chance=1.0).tolist() == [113, 113, 113]
    assert painted(colour=0.4).tolist() != [200, 100, 40]


def test_a_picture_of_another_size_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((50, 60, 3), np.uint8))
    data = PeopleDataset(ImageStore(tmp_path), [label(NONE)], CANVAS, PLAIN)
    with pytest.raises(ValueError, match=r"a\.png is 60x50 pixels, its label says 192x192"):
        data[0]


@pytest.mark.parametrize(
    "change", [{"long_side": (300, 200)}, {"aspect": 0.5}, {"colour": 1.0}, {"flip_chance": 2}, {"grey_chance": -1}]
)
def test_values_out_of_range(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        BoxAugmentation(**change)  # type: ignore[arg-type]
