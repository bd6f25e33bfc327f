from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pose_track.datasets.augment import ColourJitter, Degradation, Erasing
from pose_track.datasets.cutouts import Cutouts, Outline
from pose_track.datasets.detection import DetectionAugmentation, DetectionDataset, DetectionSample, centre_targets
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import ImageLabel
from pose_track.models.centre import cell_centres

CANVAS = 192
PLAIN = DetectionAugmentation(long_side=(192, 192), aspect=1.0, flip_chance=0.0, colour=ColourJitter())
NONE = np.zeros((0, 4))


class InMemoryStore(ImageStore):
    """Images in memory, by index."""

    def __init__(self, *images: np.ndarray):
        self.path, self.images = Path("memory"), images

    def read(self, name: str, size: tuple[int, int] | None = None) -> np.ndarray:
        return self.images[int(name)].copy()


def label(
    boxes: object, ignore: object = NONE, exhaustive: bool = True, size: tuple[int, int] = (192, 192), name: str = "0"
) -> ImageLabel:
    return ImageLabel(name, *size, np.array(boxes, float).reshape(-1, 4), np.array(ignore, float), exhaustive, "")


def draw(label: ImageLabel) -> np.ndarray:
    """A black image with white people."""
    image = np.zeros((label.height, label.width, 3), np.uint8)
    for x1, y1, x2, y2 in label.boxes.round().astype(int):
        image[y1 : y2 + 1, x1 : x2 + 1] = 255
    return image


def dataset(
    labels: Sequence[ImageLabel], augmentation: DetectionAugmentation = PLAIN, **options: Any
) -> DetectionDataset:
    return DetectionDataset(InMemoryStore(*map(draw, labels)), labels, CANVAS, augmentation, **options)


def sample_of(image_label: ImageLabel, augmentation: DetectionAugmentation = PLAIN, seed: int = 0) -> DetectionSample:
    return dataset([image_label], augmentation).sample(0, seed)


def red_people() -> Cutouts:
    """A red person to paste, 64 x 32 pixels."""
    image, mask = np.zeros((80, 60, 3), np.uint8), np.zeros((80, 60, 3), np.uint8)
    image[:, :, 0], mask[8:72, 10:42] = 255, 255
    return Cutouts(InMemoryStore(image, mask), [Outline("0", np.array([9.5, 7.5, 41.5, 71.5]), "1")])


def boxes_of(sample: DetectionSample) -> np.ndarray:
    """(N, 4) of the people in the targets."""
    return sample.boxes[:, sample.heat == 1].T


BOXES = np.array([[8, 16, 40, 64], [3.5, 3.5, 92.5, 180.5], [100, 8, 108, 16], [0, 150, 190, 191]], float)


def test_every_centre_cell_has_a_peak() -> None:
    heat, cell_boxes, weight = centre_targets(BOXES, (24, 24))
    centres = cell_centres(24, 24).numpy()  # (2, h, w)
    peaks = np.argwhere(heat == 1)
    assert len(peaks) == len(BOXES)
    for box in BOXES:
        centre = (box[:2] + box[2:]) / 2
        y, x = np.unravel_index(np.abs(centres - centre[:, None, None]).max(axis=0).argmin(), (24, 24))
        assert heat[y, x] == 1
        assert np.abs(centres[:, y, x] - centre).max() <= 4  # the centre lies within the cell
        np.testing.assert_array_equal(cell_boxes[:, y, x], box.astype(np.float32))
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
    heat, cell_boxes, _ = centre_targets(boxes[order], (24, 24))
    assert cell_boxes[:, 12, 12].tolist() == boxes[1].tolist()
    assert cell_boxes[:, 12, 9].tolist() == boxes[0].tolist()  # beside the small one
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


AUGMENTED = DetectionAugmentation(long_side=(100, 300), aspect=1.5, flip_chance=0.5, colour=ColourJitter())


def test_boxes_move_with_the_pixels() -> None:
    """The target box is the extent of a white rectangle that augmentation moves."""
    one = label([[59.5, 29.5, 180.5, 140.5]], size=(240, 200))  # the edges of the pixels 60..180, 30..140
    image = np.zeros((200, 240, 3), np.uint8)
    image[30:141, 60:181] = 255
    data = DetectionDataset(InMemoryStore(image), [one], CANVAS, AUGMENTED)
    boxes = []
    for seed in range(40):
        sample = data.sample(0, seed)
        if not (sample.heat == 1).any():  # outside the canvas
            continue
        ys, xs = np.nonzero(sample.image.min(axis=0) > 180)  # the padding is grey
        ((y, x),) = np.argwhere(sample.heat == 1)
        box = sample.boxes[:, y, x]
        assert np.abs(box - [xs.min() - 0.5, ys.min() - 0.5, xs.max() + 0.5, ys.max() + 0.5]).max() < 1.01
        boxes.append(box)
    assert len(boxes) > 20
    assert np.std(boxes, axis=0).min() > 5  # the box moved


def test_flip_mirrors_boxes_and_pixels() -> None:
    one = label([[20, 30, 79, 129]])
    original = sample_of(one)
    flipped = sample_of(one, replace(PLAIN, flip_chance=1.0))
    np.testing.assert_array_equal(flipped.image, original.image[:, :, ::-1])
    ((y, x),) = np.argwhere(flipped.heat == 1)
    assert flipped.boxes[:, y, x].tolist() == [112, 30, 171, 129]


def test_ignored_regions_have_no_weight_but_people_in_them_do() -> None:
    sample = sample_of(label([[64, 64, 127, 127]], ignore=[[32, 32, 191, 191]]))
    assert sample.heat_weight[:4].all()
    assert not sample.heat_weight[4:8, 4:].any()
    assert sample.heat_weight[8:16, 8:16].all()
    assert not sample.heat_weight[16:, 8:16].any()


def test_unlabelled_cells_are_ignored_without_exhaustive_labels() -> None:
    sample = sample_of(label([[64, 64, 127, 127]], exhaustive=False))
    assert sample.heat_weight.sum() == 64
    assert sample.heat_weight[8:16, 8:16].all()
    thin = sample_of(label([[100.5, 8, 107.4, 100]], exhaustive=False))  # contains no cell centre
    assert (thin.heat_weight[thin.heat == 1] == 1).all()
    assert (thin.heat == 1).sum() == 1


def test_tiny_and_truncated_people_are_ignored() -> None:
    tiny = sample_of(label([[64, 64, 69, 69]]))
    assert not tiny.heat.any()
    assert tiny.heat_weight[8, 8] == 0
    zoomed = replace(PLAIN, long_side=(384, 384))
    detected = [bool((sample_of(label([[90, 90, 120, 120]]), zoomed, seed).heat == 1).any()) for seed in range(20)]
    assert 0 < sum(detected) < 20


def test_a_sample_depends_on_its_seed_and_index_alone() -> None:
    options = DetectionAugmentation(
        paste_chance=0.5, mosaic_chance=0.5, degradation=Degradation(0.5, 0.5, 0.5, 0.5), erasing=Erasing(0.5)
    )
    labels = [label(BOXES, name=str(i)) for i in range(3)]
    data, other = (dataset(labels, options, cutouts=red_people()) for _ in range(2))
    samples = {(index, seed): data.sample(index, seed) for index in range(3) for seed in range(4)}
    for (index, seed), sample in reversed(samples.items()):
        for a, b in zip(sample, other.sample(index, seed), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len({sample.image.tobytes() for sample in samples.values()}) == len(samples)


SHADES = np.random.default_rng(0).integers(0, 256, (192, 192, 3), np.uint8)


@pytest.mark.parametrize(
    "change",
    [
        {"long_side": (100, 120)}, {"aspect": 1.5}, {"flip_chance": 1.0}, {"paste_chance": 1.0},
        {"mosaic_chance": 1.0}, {"colour": ColourJitter(gain=0.2)}, {"degradation": Degradation(noise_chance=1)},
        {"erasing": Erasing(chance=1)},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_every_option_has_an_effect(change: dict[str, Any]) -> None:
    one = label([[20, 30, 79, 129]])
    data = DetectionDataset(InMemoryStore(SHADES), [one], CANVAS, PLAIN)
    np.testing.assert_array_equal(data.sample(0, 1).image, SHADES.transpose(2, 0, 1))
    changed = DetectionDataset(InMemoryStore(SHADES), [one], CANVAS, replace(PLAIN, **change), red_people())
    assert (changed.sample(0, 1).image != data.sample(0, 1).image).mean() > 0.02


def test_pasted_people_have_boxes_within_their_image() -> None:
    """The image is blue and half as large as the canvas; people are red."""
    blue = np.full((192, 192, 3), (0, 0, 255), np.uint8)
    small = replace(PLAIN, long_side=(96, 96), paste_chance=1.0)
    data = DetectionDataset(InMemoryStore(blue), [label(NONE)], CANVAS, small, red_people())
    num_boxes = []
    for seed in range(30):
        sample = data.sample(0, seed)
        red = (sample.image[0] > 1.5 * sample.image[2].astype(int)) & (sample.image[0] > 20)
        grey = (sample.image == 114).all(axis=0)
        assert grey.sum() == 192 * 192 - 96 * 96
        assert red.any()
        known = np.zeros_like(red)
        for x1, y1, x2, y2 in boxes_of(sample):
            known[int(np.ceil(y1)) : int(y2) + 1, int(np.ceil(x1)) : int(x2) + 1] = True
        ignored = (sample.heat_weight == 0).repeat(8, axis=0).repeat(8, axis=1)
        assert (red & ~known & ~ignored).sum() <= 0.05 * red.sum() + 8  # border cells that are ignored
        num_boxes.append(len(boxes_of(sample)))
    assert max(num_boxes) == 3


def test_covered_people_are_ignored() -> None:
    """A person of 12 x 24 pixels is ignored if pasted people cover most of the box."""
    data = dataset([label([[90, 80, 102, 104]])], replace(PLAIN, paste_chance=1.0), cutouts=red_people())
    outcomes = set()
    for seed in range(60):
        sample = data.sample(0, seed)
        white = (sample.image[:, 80:105, 90:103] > 250).all(axis=0).mean()
        labelled = any(np.abs(box - [90, 80, 102, 104]).max() < 0.1 for box in boxes_of(sample))
        assert labelled == (white > 0.3) or 0.2 < white < 0.4
        outcomes.add(labelled)
    assert outcomes == {True, False}


def test_erased_people_are_ignored() -> None:
    data = dataset([label([[90, 80, 102, 104]])], replace(PLAIN, erasing=Erasing(1.0, (0.3, 0.5))))
    detected = {bool(len(boxes_of(data.sample(0, seed)))) for seed in range(20)}
    assert detected == {True, False}
    erased = next(sample for seed in range(20) if not len(boxes_of(sample := data.sample(0, seed))))
    assert erased.heat_weight[10:13, 12].max() == 0


def test_mosaic_of_four_images_with_their_people() -> None:
    greys, labels = (40, 90, 140, 190), []
    for i in range(4):
        labels.append(label([[70, 60, 129, 139]], exhaustive=i < 2, name=str(i)))
    images = [np.full((192, 192, 3), grey, np.uint8) for grey in greys]
    for image in images:
        image[60:140, 70:130] += 10
    data = DetectionDataset(InMemoryStore(*images), labels, CANVAS, replace(PLAIN, mosaic_chance=1.0))
    visible = set()
    for seed in range(20):
        sample = data.sample(seed % 4, seed)
        values = set(np.unique(sample.image[0]).tolist())
        assert greys[seed % 4] in values
        visible |= values & set(greys)
        for x1, y1, x2, y2 in boxes_of(sample).round().astype(int):
            inside = sample.image[0, y1 + 2 : y2 - 1, x1 + 2 : x2 - 1]
            assert np.isin(inside, np.array(greys) + 10).all()
        for grey, known in zip(greys, (1, 1, 0, 0), strict=True):
            cells = (sample.image[0].reshape(24, 8, 24, 8) == grey).all(axis=(1, 3))
            free = cells & (sample.box_weight == 0) & (np.abs(sample.heat_weight - known) > 0)
            assert free.sum() <= 0.2 * max(cells.sum(), 20)  # except mostly hidden people and their boxes
    assert visible == set(greys)


def test_mosaic_images_are_reduced_to_their_part_of_the_canvas() -> None:
    """No part is longer than three quarters of the canvas, which a single image fills."""
    data = DetectionDataset(
        InMemoryStore(SHADES), [label([[20, 30, 79, 129]])], CANVAS, replace(PLAIN, mosaic_chance=1.0)
    )
    boxes = np.concatenate([boxes_of(data.sample(0, seed)) for seed in range(20)])
    sides = boxes[:, 2:] - boxes[:, :2]
    assert len(boxes) > 20
    assert (sides <= 0.75 * np.array([59, 99]) + 0.01).all()
    assert (sides.max(axis=0) > 0.5 * np.array([59, 99])).all()


def test_pasting_needs_cutouts() -> None:
    with pytest.raises(ValueError, match=r"paste_chance 0\.5 .*cutouts"):
        dataset([label(NONE)], replace(PLAIN, paste_chance=0.5))


def test_image_of_another_size_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((50, 60, 3), np.uint8))
    data = DetectionDataset(ImageStore(tmp_path), [label(NONE, name="0.png")], CANVAS, PLAIN)
    with pytest.raises(ValueError, match=r"0\.png .*60x50.*192x192"):
        data.sample(0, 0)


@pytest.mark.parametrize(
    "change",
    [{"long_side": (300, 200)}, {"aspect": 0.5}, {"flip_chance": 2}, {"paste_chance": -1}, {"mosaic_chance": 2}],
)
def test_values_out_of_range(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        DetectionAugmentation(**change)
