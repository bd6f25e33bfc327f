"""Heads and people are made unrecognisable, and nothing else is changed."""

from typing import Any

import numpy as np
import pytest
from drawn_people import person

from pose_track.datasets.synthetic import render_scene
from pose_track.drawing.painter import draw
from pose_track.drawing.privacy import head_boxes
from pose_track.drawing.style import Style
from pose_track.structures.arrays import BoolArray, ImageArray
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton


def noise(height: int = 240, width: int = 320) -> ImageArray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def obscured(privacy: Any, people: TrackedPoses, image: ImageArray, **others: Any) -> ImageArray:
    style = Style(skeleton=False, boxes=False, ids=False, privacy=privacy, **others)
    return draw(image, people, style)


def changed(privacy: Any, people: TrackedPoses, **others: Any) -> BoolArray:
    """(H, W) which pixels differ from the image."""
    return np.asarray((obscured(privacy, people, noise(), **others) != noise()).any(axis=-1))


@pytest.mark.parametrize("method", ["blur", "pixelate"])
def test_people_lose_all_detail_in_their_box(method: str) -> None:
    people = person()
    image = obscured(f"{method}_people", people, noise())
    inside = image[45:215, 45:135].astype(float)
    assert inside.std() < 0.15 * noise().std()
    assert changed(f"{method}_people", people)[40:220, 40:140].mean() > 0.95
    outside = np.ones((240, 320), bool)
    outside[25:235, 25:155] = False
    assert not changed(f"{method}_people", people)[outside].any()


def test_pixels_are_blocks_and_blur_is_not() -> None:
    def share_of_steps(privacy: str) -> float:
        row = obscured(privacy, person(), noise())[130, 45:135].astype(int)
        return float((np.diff(row, axis=0) != 0).any(axis=-1).mean())

    assert share_of_steps("pixelate_people") < 0.15 < 0.5 < share_of_steps("blur_people")


def test_people_who_are_not_drawn_are_obscured_too() -> None:
    assert changed("blur_people", person(track_id=1), only_ids=(2,))[100, 100]


def test_joints_beyond_the_box_are_obscured() -> None:
    people = person()
    people.poses.joints[0, 0] = (250, 120)
    assert changed("pixelate_people", people)[120, 245]


def test_nobody() -> None:
    assert not changed("blur_heads", person()[np.zeros(1, bool)]).any()


def test_without_head_joints_the_upper_third_of_the_box_is_obscured() -> None:
    people = person()
    people.poses.joint_scores[0, :5] = 0
    mask = changed("blur_heads", people)
    assert mask[70, 90]
    assert not mask[110:].any()


def posetrack_and_coco(seed: int) -> tuple[ImageArray, list[Poses]]:
    """An image of drawn people, with their exact poses: with the ends of the head, and with the nose alone."""
    image, joints, visibility, boxes = render_scene(seed, 3)
    scores = (visibility > 0).astype(np.float32)

    def poses(skeleton: Skeleton) -> Poses:
        k = [POSETRACK_15.joint_names.index(n) if n in POSETRACK_15.joint_names else -1 for n in skeleton.joint_names]
        present = scores[:, k] * (np.array(k) >= 0)
        return Poses(
            joints[:, k].astype(np.float32),
            present.astype(np.float32),
            boxes.astype(np.float32),
            np.ones(len(boxes), np.float32),
            skeleton,
        )

    return image, [poses(POSETRACK_15), poses(COCO_17)]


# the index of the poses, least share of the length of heads that is covered
@pytest.mark.parametrize(("which", "least"), [(0, 0.99), (1, 0.97)])
def test_heads_are_covered_from_chin_to_crown(which: int, least: float) -> None:
    covered = []
    for seed in range(30):
        image, both = posetrack_and_coco(seed)
        exact, poses = both[0].joints, both[which]
        top, neck = (exact[:, POSETRACK_15.index(name)] for name in ("head_top", "head_bottom"))
        for i, box in enumerate(head_boxes(poses)):
            points = top[i] + np.linspace(0, 0.75, 8)[:, None] * (neck[i] - top[i])
            in_image = ((points >= 0) & (points < image.shape[1::-1])).all(axis=1)
            centre, radius = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
            inside = (((points - centre) / np.maximum(radius, 1)) ** 2).sum(axis=1) <= 1
            covered += inside[in_image].tolist()
    assert len(covered) > 400
    assert np.mean(covered) > least
