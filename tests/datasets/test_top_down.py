from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pose_track.datasets.augment import ColourJitter, Degradation, Erasing
from pose_track.datasets.cutouts import Cutouts, Outline
from pose_track.datasets.images import ImageStore
from pose_track.datasets.labels import PersonLabel
from pose_track.datasets.top_down import PoseAugmentation, PoseSample, TopDownDataset
from pose_track.models.codec import Codec
from pose_track.models.heatmaps import HeatmapType
from pose_track.structures.skeleton import LSP_14, MPII_16, POSETRACK_15, Skeleton

WRIST, FLIPPED_WRIST = POSETRACK_15.index("left_wrist"), POSETRACK_15.index("right_wrist")
DOT = np.array([83.3, 67.8])
SIZE = (96, 128)
PLAIN = PoseAugmentation(scale=0.0, rotation_chance=0.0, flip_chance=0.0, half_body_chance=0.0)


def write_dot(folder: Path) -> ImageStore:
    """A black image with one soft bright dot, symmetric about DOT."""
    ys, xs = np.mgrid[:120, :160]
    dot = 255 * np.exp(-((xs - DOT[0]) ** 2 + (ys - DOT[1]) ** 2) / (2 * 2.5**2))
    cv2.imwrite(str(folder / "dot.png"), np.repeat(dot[:, :, None], 3, axis=2).round().astype(np.uint8))
    return ImageStore(folder)


def person(joints: dict[int, tuple[float, float]], box: tuple[float, ...] = (50, 30, 120, 110)) -> PersonLabel:
    xy, visibility = np.zeros((15, 2)), np.zeros(15, np.int64)
    for k, position in joints.items():
        xy[k], visibility[k] = position, 1 + k % 2
    return PersonLabel("dot.png", xy, visibility, np.array(box, float))


def dot_data(
    folder: Path, augmentation: PoseAugmentation | None, heatmap_type: HeatmapType = "gaussian"
) -> TopDownDataset:
    people = [person({WRIST: (DOT[0], DOT[1])})]
    return TopDownDataset(
        write_dot(folder), people, POSETRACK_15, Codec(heatmap_type, SIZE), augmentation, green_people(folder / "green")
    )


def green_people(folder: Path) -> Cutouts:
    """A green person to paste, 64 x 24 pixels."""
    folder.mkdir(exist_ok=True)
    image, mask = np.zeros((80, 40, 3), np.uint8), np.zeros((80, 40), np.uint8)
    image[:, :, 1], mask[8:72, 8:32] = 255, 255
    cv2.imwrite(str(folder / "a.png"), image)
    cv2.imwrite(str(folder / "mask.png"), mask)
    return Cutouts(ImageStore(folder), [Outline("a.png", np.array([7.5, 7.5, 31.5, 71.5]), "mask.png")])


def bright_cell(sample: PoseSample) -> np.ndarray:
    """x y of the dot's centre of mass in the crop, in heatmap cells."""
    light = sample.image[0].astype(float)
    ys, xs = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(xs * light).sum(), (ys * light).sum()]) / light.sum() / 4


def peak(sample: PoseSample, joint: int) -> np.ndarray:
    return np.array(np.unravel_index(sample.target[joint].argmax(), sample.target[joint].shape)[::-1])


GEOMETRY = {
    "gaussian": None,
    "no change": PLAIN,
    "rotation": replace(PLAIN, rotation_chance=1.0, rotation=40.0),
    "scale": replace(PLAIN, scale=0.4),
    "shift": replace(PLAIN, shift=0.15),
    "flip": replace(PLAIN, flip_chance=1.0),
    "all": PoseAugmentation(0.3, 30, 1, shift=0.05, flip_chance=0.5, half_body_chance=0.5),
}


@pytest.mark.parametrize("heatmap_type", ["gaussian", "dark"])
@pytest.mark.parametrize("augmentation", GEOMETRY.values(), ids=list(GEOMETRY))
def test_the_dot_lies_under_the_peak(
    tmp_path: Path, heatmap_type: HeatmapType, augmentation: PoseAugmentation | None
) -> None:
    data = dot_data(tmp_path, augmentation, heatmap_type)
    for seed in range(12):
        sample = data.sample(0, seed)
        assert sample.image.shape == (3, 128, 96)
        assert sample.image.dtype == np.uint8
        assert sample.target.shape == (15, 32, 24)
        (joint,) = np.flatnonzero(sample.weight)
        assert sample.target[joint].max() == 1 if heatmap_type == "gaussian" else sample.target[joint].max() > 0.9
        assert np.abs(peak(sample, joint) - bright_cell(sample)).max() < 0.55  # a peak is at a whole cell
        assert not np.delete(sample.target, joint, axis=0).any()


@pytest.mark.parametrize("heatmap_type", ["dark", "udp"])
def test_exact_targets_lie_where_the_dot_is(tmp_path: Path, heatmap_type: HeatmapType) -> None:
    augmentation = GEOMETRY["all"]
    assert augmentation is not None
    data, codec = dot_data(tmp_path, augmentation, heatmap_type), Codec(heatmap_type, SIZE)
    for seed in range(12):
        sample = data.sample(0, seed)
        (joint,) = np.flatnonzero(sample.weight)
        position = codec.decode(sample.target[None])[0][0, joint]
        assert np.abs(position - 4 * bright_cell(sample)).max() < 0.5


def test_flip_swaps_left_and_right(tmp_path: Path) -> None:
    original = dot_data(tmp_path, PLAIN).sample(0, 0)
    flipped = dot_data(tmp_path, replace(PLAIN, flip_chance=1.0)).sample(0, 0)
    assert np.flatnonzero(original.weight).tolist() == [WRIST]
    assert np.flatnonzero(flipped.weight).tolist() == [FLIPPED_WRIST]
    np.testing.assert_array_equal(flipped.image, original.image[:, :, ::-1])


def test_a_sample_depends_on_its_seed_and_index_alone(tmp_path: Path) -> None:
    options = PoseAugmentation(
        shift=0.1, paste_chance=0.5, colour=ColourJitter(0.3), degradation=Degradation(0.5, 0.5, 0.5, 0.5),
        erasing=Erasing(0.5),
    )  # fmt: skip
    data, other = dot_data(tmp_path, options), dot_data(tmp_path, options)
    for each in (data, other):
        each.people = [person({WRIST: (DOT[0], DOT[1])})] * 3
    samples = {(index, seed): data.sample(index, seed) for index in range(3) for seed in range(4)}
    for (index, seed), sample in reversed(samples.items()):
        for a, b in zip(sample, other.sample(index, seed), strict=True):
            np.testing.assert_array_equal(a, b)
    assert len({sample.image.tobytes() for sample in samples.values()}) == len(samples)


def test_unlabelled_and_outside_joints_have_no_weight(tmp_path: Path) -> None:
    people = [person({0: (80, 70), 1: (-500, 70)})]
    sample = TopDownDataset(write_dot(tmp_path), people, POSETRACK_15, Codec("gaussian", SIZE)).sample(0, 0)
    assert np.flatnonzero(sample.weight).tolist() == [0]
    assert not sample.target[1:].any()


def test_joints_cut_off_by_truncation_have_empty_heatmaps_of_full_weight(tmp_path: Path) -> None:
    grid = {k: (55.0 + 12 * (k % 5), 40.0 + 25 * (k // 5)) for k in range(15)}
    data, cut = (
        TopDownDataset(write_dot(tmp_path), [person(grid)], POSETRACK_15, Codec("gaussian", SIZE), augmentation)
        for augmentation in (PLAIN, replace(PLAIN, truncation_chance=1.0))
    )
    assert data.sample(0, 0).target.any(axis=(1, 2)).all()
    samples = [cut.sample(0, seed) for seed in range(20)]
    absent = np.array([~sample.target.any(axis=(1, 2)) for sample in samples])
    assert all(sample.weight.all() for sample in samples)
    assert absent.any(axis=0).all()
    assert not absent.all(axis=1).any()


def test_the_mirror_image_of_a_cut_off_joint_is_absent(tmp_path: Path) -> None:
    grid = {k: (55.0 + 12 * (k % 5), 40.0 + 25 * (k // 5)) for k in range(15)}
    cut, mirrored = (
        TopDownDataset(write_dot(tmp_path), [person(grid)], POSETRACK_15, Codec("gaussian", SIZE), augmentation)
        for augmentation in (
            replace(PLAIN, truncation_chance=1.0), replace(PLAIN, truncation_chance=1.0, flip_chance=1.0),
        )
    )  # fmt: skip
    for seed in range(10):
        absent, twins = (~data.sample(0, seed).target.any(axis=(1, 2)) for data in (cut, mirrored))
        np.testing.assert_array_equal(twins, absent[POSETRACK_15.flip_indices])


LEGS = ("hip", "knee", "ankle")


def apart(skeleton: Skeleton = POSETRACK_15) -> dict[int, tuple[float, float]]:
    """Joints with the upper body at the left and the lower far to the right, so that no crop contains both."""
    return {
        k: (15.0 + k, 20.0 + 3 * k) if not name.endswith((*LEGS, "pelvis")) else (140.0 - k, 50.0 + 3 * k)
        for k, name in enumerate(skeleton.joint_names)
    }


def half_data(folder: Path, joints: dict[int, tuple[float, float]], **changes: Any) -> TopDownDataset:
    """Half-body crops wherever possible."""
    half = replace(PLAIN, half_body_chance=1.0, **changes)
    people = [person(joints, (10, 10, 150, 110))]
    return TopDownDataset(write_dot(folder), people, POSETRACK_15, Codec("gaussian", (96, 96), 1.0), half)


def labelled_joints(sample: PoseSample) -> set[str]:
    return {POSETRACK_15.joint_names[k] for k in np.flatnonzero(sample.weight)}


def test_half_body_shows_one_half(tmp_path: Path) -> None:
    data, lower = half_data(tmp_path, apart()), []
    for seed in range(100):
        names = labelled_joints(data.sample(0, seed))
        assert len({name.endswith(LEGS) for name in names}) == 1
        lower.append(next(iter(names)).endswith(LEGS))
    assert 35 < sum(lower) < 65


@pytest.mark.parametrize("upper", [0.0, 1.0])
def test_upper_body_chance(tmp_path: Path, upper: float) -> None:
    data = half_data(tmp_path, apart(), upper_body_chance=upper)
    for seed in range(10):
        assert {name.endswith(LEGS) for name in labelled_joints(data.sample(0, seed))} == {upper == 0}


@pytest.mark.parametrize(
    ("missing", "upper", "shows_legs"),
    [
        ([], 1.0, False),
        ([7, 8, 9, 10, 11, 12, 13], 1.0, True),  # 8 labelled joints are too few: the whole person
        (LEGS[1:], 0.0, False),  # two lower joints: the upper body
    ],
)
def test_which_half_with_joints_missing(tmp_path: Path, missing: Any, upper: float, shows_legs: bool) -> None:
    names = POSETRACK_15.joint_names
    removed = {
        i for i in range(15) if i in missing or names[i].endswith(tuple(x for x in missing if isinstance(x, str)))
    }
    joints = {k: position for k, position in apart().items() if k not in removed}
    visible = labelled_joints(half_data(tmp_path, joints, upper_body_chance=upper).sample(0, 0))
    if len(joints) <= 8:
        assert len(visible) == len(joints)
    else:
        assert {name.endswith(LEGS) for name in visible} == {shows_legs}


def test_the_half_body_crop_is_centred_on_the_mean_of_its_joints(tmp_path: Path) -> None:
    """As published; the size is 1.5 times the joints' extent, in the crop's aspect."""
    joints = apart() | {POSETRACK_15.index("head_top"): (50.0, 5.0)}  # far from the others
    data = half_data(tmp_path, joints, upper_body_chance=1.0)
    upper = np.array([joints[k] for k, name in enumerate(POSETRACK_15.joint_names) if not name.endswith(LEGS)])
    side = 1.5 * np.ptp(upper, axis=0).max()
    sample = data.sample(0, 0)
    for k in np.flatnonzero(sample.weight):
        expected = (np.array(joints[k]) - upper.mean(axis=0)) * 96 / side + 48
        assert np.abs(4 * peak(sample, k) - expected).max() <= 2.01


def num_labelled(folder: Path, skeleton: Skeleton, upper_chance: float, without: tuple[str, ...] = ()) -> float:
    """The number of joints in a half-body crop."""
    joints, names = apart(skeleton), skeleton.joint_names
    visibility = np.array([0 if without and name.endswith(without) else 2 for name in names])
    people = [PersonLabel("dot.png", np.array(list(joints.values())), visibility, np.array([10.0, 10, 150, 110]))]
    half = replace(PLAIN, half_body_chance=1.0, upper_body_chance=upper_chance)
    data = TopDownDataset(write_dot(folder), people, skeleton, Codec("gaussian", (96, 96), 1.0), half)
    return float(data.sample(0, 0).weight.sum())


@pytest.mark.parametrize(("skeleton", "lower"), [(POSETRACK_15, 6), (MPII_16, 7), (LSP_14, 6)])
def test_the_lower_body_of_each_skeleton(tmp_path: Path, skeleton: Skeleton, lower: int) -> None:
    assert num_labelled(tmp_path, skeleton, upper_chance=0) == lower
    assert num_labelled(tmp_path, skeleton, upper_chance=1) == skeleton.num_joints - lower


def test_two_upper_joints_give_a_crop_of_the_lower_body(tmp_path: Path) -> None:
    head_and_arms = ("shoulder", "elbow", "thorax", "head_bottom", "head_top")  # all but the wrists
    assert num_labelled(tmp_path, MPII_16, upper_chance=1, without=head_and_arms) == 7


def test_half_body_of_joints_in_one_point(tmp_path: Path) -> None:
    data = half_data(tmp_path, dict.fromkeys(range(15), (80.0, 60.0)))
    assert data.sample(0, 0).weight.all()


IMAGE_AUGMENTATIONS: dict[str, Any] = {
    "colour": ColourJitter(gain=0.3), "degradation": Degradation(noise_chance=1), "erasing": Erasing(chance=1),
    "paste_chance": 1.0,
}  # fmt: skip


@pytest.mark.parametrize("name", list(IMAGE_AUGMENTATIONS))
def test_image_augmentations_keep_the_target(tmp_path: Path, name: str) -> None:
    plain = dot_data(tmp_path, PLAIN).sample(0, 0)
    sample = dot_data(tmp_path, replace(PLAIN, **{name: IMAGE_AUGMENTATIONS[name]})).sample(0, 0)
    assert (sample.image != plain.image).any()
    np.testing.assert_array_equal(sample.target, plain.target)
    np.testing.assert_array_equal(sample.weight, plain.weight)


@pytest.mark.parametrize("name", ["scale", "rotation", "shift"])
def test_strength_of_geometric_augmentation(tmp_path: Path, name: str) -> None:
    def spread(value: float) -> float:
        data = dot_data(tmp_path, replace(PLAIN, **{"rotation_chance": 1.0, "rotation": 0.0} | {name: value}))
        return float(np.std([bright_cell(data.sample(0, seed)) for seed in range(12)], axis=0).max())

    small, large = (5, 60) if name == "rotation" else (0.03, 0.3)
    assert spread(0) < 0.01
    assert 0.01 < 3 * spread(small) < spread(large)


@pytest.mark.parametrize(("name", "least"), [("rotation_chance", 0.3), ("flip_chance", 0.3), ("paste_chance", 0.3)])
def test_chances(tmp_path: Path, name: str, least: float) -> None:
    plain = dot_data(tmp_path, PLAIN).sample(0, 0).image
    data = dot_data(tmp_path, replace(PLAIN, **{name: 0.5}))
    changed = np.mean([(data.sample(0, seed).image != plain).any() for seed in range(60)])
    assert least < changed < 1 - least


def test_pasted_people_stand_at_the_edge(tmp_path: Path) -> None:
    plain, data = dot_data(tmp_path, PLAIN), dot_data(tmp_path, replace(PLAIN, paste_chance=1.0))
    changed = [data.sample(0, seed).image != plain.sample(0, seed).image for seed in range(60)]
    covered = np.mean(changed, axis=0).max(axis=0)
    assert covered[:, [0, -1]].mean() > 0.2
    assert covered[:, :10].any()
    assert covered[:, -10:].any()
    assert covered[:, 32:64].mean() < 0.1
    assert covered[:, 32:64].max() < 0.3


def test_pasting_needs_cutouts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"paste_chance 0\.5 .*cutouts"):
        TopDownDataset(write_dot(tmp_path), [], POSETRACK_15, Codec(), PoseAugmentation(paste_chance=0.5))


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 1.0}, {"flip_chance": 1.5}, {"rotation": -1}, {"rotation_chance": 2}, {"shift": 1},
        {"paste_chance": -1}, {"truncation_chance": 1.1}, {"half_body_chance": 2}, {"upper_body_chance": -0.1},
    ],
)  # fmt: skip
def test_values_out_of_range(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} must be"):
        PoseAugmentation(**change)  # type: ignore[arg-type]


def test_missing_image_is_named(tmp_path: Path) -> None:
    data = dot_data(tmp_path, None)
    (tmp_path / "dot.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"'dot\.png'"):
        data.sample(0, 0)
