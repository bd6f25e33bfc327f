from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pose_track.models.centre_boxes import STRIDE
from pose_track.models.codec import Codec
from pose_track.structures.arrays import ImageArray
from pose_track.training.visualise import PREDICTION_COLOUR, TARGET_COLOUR, draw_boxes, draw_heatmaps

CODEC = Codec("gaussian", (64, 96), 2.0)


def targets_at(x: float, y: float) -> NDArray[np.float32]:
    """(1, 2, h, w) targets of a joint at x, y and an unlabelled one."""
    joints, weights = np.array([[x, y], [10.0, 10.0]]), np.array([1.0, 0.0])
    return CODEC.encode(joints, weights)[0][None]


def has(image: ImageArray, colour: tuple[int, int, int], rows: slice, columns: slice) -> bool:
    return bool((image[rows, columns] == colour).all(axis=-1).any())


def test_three_rows_of_crops() -> None:
    images = np.full((1, 96, 64, 3), 100, np.uint8)
    image = draw_heatmaps(lambda crops: (targets_at(20, 60),), CODEC, images, targets_at(44, 28))
    assert image.shape == (3 * 96, 64, 3)
    assert (images == 100).all()
    target_row, predicted_row, joint_row = image[:96], image[96:192], image[192:]
    for row, (x, y), (other_x, other_y) in ((target_row, (44, 28), (20, 60)), (predicted_row, (20, 60), (44, 28))):
        assert row[y, x, 0] > 180 > 60 > row[y, x, 1]
        assert row[other_y, other_x].tolist() == [50, 50, 50]  # the darkened image
        assert row[10, 10].tolist() == [50, 50, 50]  # the unlabelled joint
    assert has(joint_row, TARGET_COLOUR, slice(26, 31), slice(42, 47))
    assert has(joint_row, PREDICTION_COLOUR, slice(58, 63), slice(18, 23))
    assert not has(joint_row, PREDICTION_COLOUR, slice(0, 50), slice(0, 64))


def test_target_and_predicted_boxes() -> None:
    images = np.zeros((2, 64, 64, 3), np.uint8)
    heat, boxes = np.zeros((2, 8, 8), np.float32), np.zeros((2, 4, 8, 8), np.float32)
    heat[0, 3, 3], boxes[0, :, 3, 3] = 1, (10, 12, 40, 50)
    output = np.full((2, 5, 8, 8), -9.0, np.float32)
    output[1, :, 4, 4] = (3, 10, 10, 10, 10)  # a person twenty pixels wide
    image = draw_boxes(lambda canvases: (output,), images, heat, boxes)
    assert image.shape == (64, 128, 3)
    assert image[12, 10].tolist() == image[50, 40].tolist() == list(TARGET_COLOUR)
    middle = round(4 * STRIDE + (STRIDE - 1) / 2)
    assert has(image, PREDICTION_COLOUR, slice(middle - 11, middle - 9), slice(64, 128))
    assert not has(image, PREDICTION_COLOUR, slice(0, 64), slice(0, 64))
    assert not has(image, TARGET_COLOUR, slice(0, 64), slice(64, 128))
