from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.top_down import PoseAugmentation, PoseSample, TopDownDataset
from pose_track.skeleton import POSETRACK_15

WRIST, TWIN = POSETRACK_15.index("left_wrist"), POSETRACK_15.index("right_wrist")
DOT = np.array([83.3, 67.8])
SIZE = (96, 128)
PLAIN = {"scale": 0.0, "rotation_chance": 0.0, "flip_chance": 0.0, "half_body_chance": 0.0}


def write_dot(folder: Path) -> ImageStore:
    """A black picture with one soft bright dot, symmetric about DOT."""
    ys, xs = np.mgrid[:120, :160]
    dot = 255 * np.exp(-((xs - DOT[0]) ** 2 + (ys - DOT[1]) ** 2) / (2 * 2.5**2))
    cv2.imwrite(str(folder / "dot.png"), np.repeat(dot[:, :, None], 3, axis=2).round().astype(np.uint8))
    return ImageStore(folder)


def person(joints: dict[int, tuple[float, float]], box: tuple[float, ...] = (50, 30, 120, 110)) -> PersonLabel:
    xy, visibility = np.zeros((15, 2)), np.zeros(15, np.int64)
    for k, place in joints.items():
        xy[k], visibility[k] = place, 1 + k % 2
    return PersonLabel("dot.png", xy, visibility, np.array(box, float))


def dot_data(folder: Path, augmentation: PoseAugmentation | None, seed: int = 0) -> TopDownDataset:
    people = [person({WRIST: (DOT[0], DOT[1])})]
    return TopDownDataset(write_dot(folder), people, POSETRACK_15, SIZE, 2.0, augmentation, seed)


def bright_cell(sample: PoseSample) -> np.ndarray:
    """x y of the dot in the crop, in heatmap cells: its centre of mass."""
    light = sample.image[0].astype(float)
    ys, xs = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(xs * light).sum(), (ys * light).sum()]) / light.sum() / 4


def peak(sample: PoseSample, joint: int) -> np.ndarray:
    return np.array(np.unravel_index(sample.target[joint].argmax(), sample.target[joint].shape)[::-1])


@pytest.mark.parametrize(
    "augmentation",
    [
        None,
        PoseAugmentation(**PLAIN),
        PoseAugmentation(**PLAIN | {"rotation_chance": 1.0, "rotation": 40.0}),
        PoseAugmentation(**PLAIN | {"scale": 0.4}),
        PoseAugmentation(**PLAIN | {"shift": 0.15}),
        PoseAugmentation(**PLAIN | {"flip_chance": 1.0}),
        PoseAugmentation(scale=0.3, rotation=30, rotation_chance=1, shift=0.05, flip_chance=0.5, half_body_chance=0.5),
    ],
    ids=["plain", "no change", "rotation", "scale", "shift", "flip", "all"],
)
def test_the_dot_lies_under_the_peak(tmp_path: Path, augmentation: PoseAugmentation | None) -> None:
    data = dot_data(tmp_path, augmentation)
    for seed in range(12):
        data.reseed(seed)
        sample = data[0]
        assert sample.image.shape == (3, 128, 96)
        assert sample.image.dtype == np.uint8
        assert sample.target.shape == (15, 32, 24)
        (joint,) = np.flatnonzero(sample.weight)
        assert sample.target[joint].max() == 1
        assert np.abs(peak(sample, joint) - bright_cell(sample)).max() < 0.55  # a peak is at a whole cell
        assert not np.delete(sample.target, joint, axis=0).any()


def test_flip_exchanges_left_and_right(tmp_path: Path) -> None:
    straight = dot_data(tmp_path, PoseAugmentation(**PLAIN))[0]
    mirrored = dot_data(tmp_path, PoseAugmentation(**PLAIN | {"flip_chance": 1.0}))[0]
    assert np.flatnonzero(straight.weight).tolist() == [WRIST]
    assert np.flatnonzero(mirrored.weight).tolist() == [TWIN]
    np.testing.assert_array_equal(mirrored.image, straight.image[:, :, ::-1])


def test_the_same_seed_gives_the_same_crops(tmp_path: Path) -> None:
    data = dot_data(tmp_path, PoseAugmentation(colour=0.3, occlusion_chance=0.5, shift=0.1), seed=3)
    first = [data[0] for _ in range(3)]
    data.reseed(3)
    for before in first:
        for a, b in zip(before, data[0], strict=True):
            np.testing.assert_array_equal(a, b)
    assert (first[0].image != first[1].image).any()


def test_unlabelled_and_outside_joints_have_no_weight(tmp_path: Path) -> None:
    people = [person({0: (80, 70), 1: (-500, 70)})]
    sample = TopDownDataset(write_dot(tmp_path), people, POSETRACK_15, SIZE)[0]
    assert np.flatnonzero(sample.weight).tolist() == [0]
    assert not sample.target[1:].any()


def shown(sample: PoseSample) -> set[str]:
    return {POSETRACK_15.joint_names[k] for k in np.flatnonzero(sample.weight)}


def test_half_body_shows_one_half(tmp_path: Path) -> None:
    """Upper joints lie at the left, lower ones far to the right: a crop of one half cannot hold the other."""
    legs = ("hip", "knee", "ankle")
    joints = {
        k: (15.0 + k, 20.0 + 3 * k) if not name.endswith(legs) else (140.0 - k, 50.0 + 3 * k)
        for k, name in enumerate(POSETRACK_15.joint_names)
    }
    whole = person(joints, (10, 10, 150, 110))
    half = PoseAugmentation(**PLAIN | {"half_body_chance": 1.0})
    data = TopDownDataset(write_dot(tmp_path), [whole], POSETRACK_15, (96, 96), 1.0, half)
    seen = set()
    for seed in range(10):
        data.reseed(seed)
        names = shown(data[0])
        seen |= {name.endswith(legs) for name in names}
        assert len({name.endswith(legs) for name in names}) == 1
    assert seen == {True, False}
    few = person(dict(list(joints.items())[:8]), (10, 10, 150, 110))
    assert len(shown(TopDownDataset(write_dot(tmp_path), [few], POSETRACK_15, (96, 96), 1.0, half)[0])) == 8


def test_half_body_of_joints_in_one_point(tmp_path: Path) -> None:
    one_point = person(dict.fromkeys(range(15), (80.0, 60.0)))
    half = PoseAugmentation(**PLAIN | {"half_body_chance": 1.0})
    sample = TopDownDataset(write_dot(tmp_path), [one_point], POSETRACK_15, SIZE, 2.0, half)[0]
    assert sample.weight.all()


def test_colour_and_occlusion_change_the_picture_but_not_the_target(tmp_path: Path) -> None:
    plain = dot_data(tmp_path, PoseAugmentation(**PLAIN))[0]
    for change in ({"colour": 0.3}, {"occlusion_chance": 1.0}):
        sample = dot_data(tmp_path, PoseAugmentation(**PLAIN | change))[0]
        assert (sample.image != plain.image).any()
        np.testing.assert_array_equal(sample.target, plain.target)


@pytest.mark.parametrize(
    "change", [{"scale": 1.0}, {"flip_chance": 1.5}, {"rotation": -1}, {"colour": -0.1}, {"occlusion_chance": -1}]
)
def test_values_out_of_range(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        PoseAugmentation(**change)


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    data = dot_data(tmp_path, None)
    (tmp_path / "dot.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no picture 'dot\.png'"):
        data[0]
