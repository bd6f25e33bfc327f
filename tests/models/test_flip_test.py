from __future__ import annotations

import numpy as np
import torch
from shared_data import shared

from pose_track.geometry.affine import apply_affine, crop_matrix, fit_boxes, invert_affine
from pose_track.geometry.boxes import xywh_to_xyxy
from pose_track.models.flip_test import average_flipped, flip_back, shift_flipped
from pose_track.models.heatmaps import decode_quarter_offset, find_peaks
from pose_track.structures.skeleton import COCO_17, MPII_16


def test_flip_back_mirrors_and_exchanges_left_and_right() -> None:
    maps = torch.zeros(1, 3, 2, 4)
    maps[0, 1, 0, 0] = 1.0
    back = flip_back(maps, [0, 2, 1])
    assert back.nonzero().tolist() == [[0, 2, 0, 3]]
    torch.testing.assert_close(flip_back(back, np.array([0, 2, 1])), maps)


def test_shift_keeps_the_first_column_and_the_input() -> None:
    maps = torch.arange(4.0).reshape(1, 1, 1, 4)
    assert shift_flipped(maps).flatten().tolist() == [0, 0, 1, 2]
    assert maps.flatten().tolist() == [0, 1, 2, 3]


def test_average_of_a_mirrored_peak() -> None:
    original, mirrored = torch.zeros(2, 1, 2, 1, 8)
    original[0, 0, 0, 3] = 1.0  # joint 0 at cell 3, in the mirrored image joint 1 at cell 7 - 2
    mirrored[0, 1, 0, 5] = 0.5
    average = average_flipped(original, mirrored, [1, 0])
    assert average[0, 0, 0].tolist() == [0, 0, 0, 0.75, 0, 0, 0, 0]
    assert average_flipped(original, mirrored, [1, 0], shift=False)[0, 0, 0].tolist() == [0, 0, 0.25, 0.5, 0, 0, 0, 0]


def test_recorded_flip_test() -> None:
    golden = np.load(shared("data/golden/flip_test.npz"))
    original, mirrored = (torch.from_numpy(golden[key]) for key in ("output", "output_of_flipped_input"))
    flip_indices = COCO_17.flip_indices
    for pairs, skeleton in ((golden["coco_pairs"], COCO_17), (golden["mpii_pairs"], MPII_16)):
        np.testing.assert_array_equal(np.asarray(skeleton.flip_indices)[pairs], pairs[:, ::-1])
    centers, sizes = fit_boxes(xywh_to_xyxy(golden["boxes_xywh"]), 48 / 64)
    np.testing.assert_allclose(centers, golden["center"], atol=1e-3)
    np.testing.assert_allclose(sizes / 200, golden["scale"], atol=1e-5)
    boxes = np.column_stack([centers, sizes / 200, sizes.prod(axis=1), golden["score"]])
    np.testing.assert_allclose(flip_back(mirrored, flip_indices), golden["flip_back"], rtol=0, atol=1e-7)
    back = flip_back(mirrored[:1, :16], MPII_16.flip_indices)[:, :, ::4]
    np.testing.assert_allclose(back, golden["flip_back_mpii16"], rtol=0, atol=1e-7)
    for shift in (True, False):
        average = average_flipped(original, mirrored, flip_indices, shift)
        np.testing.assert_allclose(average, golden[f"average_shift{int(shift)}"], rtol=0, atol=1e-7)
        peaks = find_peaks(average.numpy())
        joints = decode_quarter_offset(peaks)
        recorded = golden[f"all_preds_shift{int(shift)}"]
        np.testing.assert_array_equal(peaks.scores, recorded[..., 2])
        np.testing.assert_allclose(boxes, golden[f"all_boxes_shift{int(shift)}"], rtol=1e-5)
        for n, center in enumerate(golden["center"].astype(float)):
            to_frame = invert_affine(crop_matrix(center, float(golden["scale"][n, 0]) * 200, (48, 64)))
            np.testing.assert_allclose(apply_affine(to_frame, joints[n]), recorded[n, :, :2], rtol=0, atol=1e-3)
