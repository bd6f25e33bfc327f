import numpy as np
import pytest
from numpy.typing import NDArray

from pose_track.pipeline.render import render, track_color
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton


def person(
    joint_score: float = 1.0,
    track_id: int = 1,
    box: tuple[float, float, float, float] = (40, 40, 140, 220),
    source: str = "detector",
    skeleton: Skeleton = COCO_17,
) -> TrackedPoses:
    """One person with joints spread over the inside of the box."""
    k = skeleton.num_joints
    x1, y1, x2, y2 = box
    joints = np.stack(
        [np.linspace(x1 + 20, x2 - 20, k), y1 + 20 + (y2 - y1 - 40) * (np.arange(k) * 7 % k) / k], axis=-1
    )
    scores = np.full((1, k), joint_score, np.float32)
    poses = Poses(joints[None].astype(np.float32), scores, np.array([box]), np.ones(1), skeleton, np.array([source]))  # type: ignore[arg-type]
    return TrackedPoses(0, 0.0, poses, np.array([track_id]))


def blank(height: int = 240, width: int = 320) -> ImageArray:
    return np.full((height, width, 3), 90, np.uint8)


def changed(drawn: ImageArray) -> NDArray[np.bool_]:
    """(H, W) where something was drawn on a blank frame."""
    return np.asarray((drawn != 90).any(axis=-1))


def inside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of the mask inside the box of `person`, without the lines and the label of the box."""
    return mask[60:210, 50:130]


def test_frame_is_not_changed() -> None:
    image = blank()
    image.setflags(write=False)
    drawn = render(image, person())
    assert drawn is not image
    assert (image == 90).all()
    assert changed(drawn).any()


def test_no_people() -> None:
    tracked = TrackedPoses(0, 0.0, Poses.empty(COCO_17), np.zeros(0, np.int64))
    assert (render(blank(), tracked) == blank()).all()


@pytest.mark.parametrize("skeleton", [COCO_17, POSETRACK_15])
def test_every_joint_is_drawn(skeleton: Skeleton) -> None:
    tracked = person(skeleton=skeleton)
    mask = changed(render(blank(), tracked))
    columns, rows = np.rint(tracked.poses.joints[0]).astype(int).T
    assert mask[rows, columns].all()


# joint score, minimum score, whether joints are drawn
@pytest.mark.parametrize(
    ("score", "minimum", "drawn"), [(0.0, 0.0, False), (0.29, 0.3, False), (0.31, 0.3, True), (0.01, 0.0, True)]
)
def test_joints_below_the_minimum_score_are_not_drawn(score: float, minimum: float, drawn: bool) -> None:
    mask = changed(render(blank(), person(score), minimum))
    assert inside(mask).any() == drawn
    assert mask.any()  # the box is drawn


def test_edge_needs_both_joints() -> None:
    tracked = person()
    tracked.poses.joint_scores[0, 1:] = 0.0
    mask = changed(render(blank(), tracked))
    x, y = np.rint(tracked.poses.joints[0, 0]).astype(int)
    mask[y - 6 : y + 7, x - 6 : x + 7] = False
    assert not inside(mask).any()


def test_absent_joint_with_nan_position() -> None:
    tracked = person()
    tracked.poses.joints[0, 3] = np.nan
    tracked.poses.joint_scores[0, 3] = 0.0
    assert changed(render(blank(), tracked)).any()


def test_box_from_optical_flow_is_dashed() -> None:
    solid = changed(render(blank(), person(0.0)))[219:222, 40:140]
    dashed = changed(render(blank(), person(0.0, source="flow")))[219:222, 40:140]
    assert solid.any(axis=0).all()
    assert 0.3 < dashed.any(axis=0).mean() < 0.8


def test_colour_depends_on_the_id() -> None:
    drawn = render(blank(), person(track_id=3)).reshape(-1, 3)
    assert (drawn == track_color(3)).all(axis=-1).any()
    assert not (drawn == track_color(4)).all(axis=-1).any()


def test_left_and_right_have_different_shades() -> None:
    tracked = person()
    left = [i for i, name in enumerate(COCO_17.joint_names) if name.startswith("left_")]
    tracked.poses.joint_scores[0, left] = 0.0
    right_only = inside(render(blank(), tracked).max(axis=-1))
    assert right_only[right_only != 255].max() < max(track_color(1))


def test_colours_of_successive_ids_differ() -> None:
    colors = np.array([track_color(i) for i in range(1, 61)], float)
    for first in range(0, 50):
        group = colors[first : first + 6]
        distances = np.linalg.norm(group[:, None] - group[None], axis=-1)[~np.eye(6, dtype=bool)]
        assert distances.min() > 45
    assert len({track_color(i) for i in range(1, 201)}) > 190


def test_lines_grow_with_the_person_and_the_frame() -> None:
    small = changed(render(blank(240, 320), person(0.0))).sum() / 240
    large = changed(render(blank(2400, 3200), person(0.0, box=(400, 400, 1400, 2200)))).sum() / 2400
    assert large > 2 * small


# box, why it is unusual
@pytest.mark.parametrize(
    "box",
    [
        (-50, -60, 100, 100),  # beyond the upper left
        (300, 200, 500, 400),  # beyond the lower right
        (1e9, 1e9, 2e9, 2e9),  # far outside
        (-1e9, -1e9, 1e9, 1e9),  # around the frame
        (50, 50, 50, 50),  # of size 0
        (np.nan, 0, 10, 10),  # no box
    ],
)
@pytest.mark.parametrize("source", ["detector", "flow"])
def test_unusual_boxes(box: tuple[float, float, float, float], source: str) -> None:
    drawn = render(blank(), person(box=box, source=source))
    assert (drawn.shape, drawn.dtype) == ((240, 320, 3), np.uint8)


def test_drawing_is_deterministic() -> None:
    assert (render(blank(), person()) == render(blank(), person())).all()


def test_colours_of_the_skeleton() -> None:
    """Joints have their colours, and the edge between the two that of the second; whoever the track is."""
    colours = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    skeleton = Skeleton("three", ("nose", "left_ear", "right_ear"), limbs=(("left_ear", "nose"),), colours=colours)
    for track_id in (1, 2):
        tracked = person(track_id=track_id, skeleton=skeleton)
        drawn, joints = render(blank(), tracked), np.rint(tracked.poses.joints[0]).astype(int)
        for (x, y), colour in zip(joints.tolist(), colours, strict=True):
            assert tuple(drawn[y, x].tolist()) == colour
        x, y = np.rint(joints[:2].mean(axis=0)).astype(int).tolist()
        assert drawn[y, x].argmax() == 0
        assert drawn[y, x, 0] > 200


def test_the_right_joint_of_a_pair_is_darker() -> None:
    skeleton = Skeleton("two", ("a", "b"), pairs=(("b", "a"),))
    tracked = person(skeleton=skeleton)
    drawn, joints = render(blank(), tracked), np.rint(tracked.poses.joints[0]).astype(int)
    right, left = (drawn[y, x].astype(int).sum() for x, y in joints.tolist())
    assert right < 0.7 * left
