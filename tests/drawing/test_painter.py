import numpy as np
import pytest
from drawn_people import blank, changed, inside, person

from pose_track.drawing.painter import draw
from pose_track.drawing.palette import palette_colour, shade
from pose_track.drawing.style import Style
from pose_track.structures.frames import Poses, TrackedPoses
from pose_track.structures.skeleton import COCO_17, POSETRACK_15, Skeleton


def test_frame_is_not_changed() -> None:
    image = blank()
    image.setflags(write=False)
    drawn = draw(image, person())
    assert drawn is not image
    assert (image == 90).all()
    assert changed(drawn).any()


def test_no_people() -> None:
    tracked = TrackedPoses(0, 0.0, Poses.empty(COCO_17), np.zeros(0, np.int64))
    assert (draw(blank(), tracked) == blank()).all()


@pytest.mark.parametrize("skeleton", [COCO_17, POSETRACK_15])
def test_every_joint_is_drawn(skeleton: Skeleton) -> None:
    tracked = person(skeleton=skeleton)
    mask = changed(draw(blank(), tracked))
    columns, rows = np.rint(tracked.poses.joints[0]).astype(int).T
    assert mask[rows, columns].all()


# joint score, minimum score, whether joints are drawn
@pytest.mark.parametrize(
    ("score", "minimum", "drawn"), [(0.0, 0.0, False), (0.29, 0.3, False), (0.31, 0.3, True), (0.01, 0.0, True)]
)
def test_joints_below_the_minimum_score_are_not_drawn(score: float, minimum: float, drawn: bool) -> None:
    mask = changed(draw(blank(), person(score), Style(min_joint_score=minimum)))
    assert inside(mask).any() == drawn
    assert mask.any()  # the box is drawn


def test_edge_needs_both_joints() -> None:
    tracked = person()
    tracked.poses.joint_scores[0, 1:] = 0.0
    mask = changed(draw(blank(), tracked))
    x, y = np.rint(tracked.poses.joints[0, 0]).astype(int)
    mask[y - 6 : y + 7, x - 6 : x + 7] = False
    assert not inside(mask).any()


def test_absent_joint_with_nan_position() -> None:
    tracked = person()
    tracked.poses.joints[0, 3] = np.nan
    tracked.poses.joint_scores[0, 3] = 0.0
    assert changed(draw(blank(), tracked)).any()


def test_box_from_optical_flow_is_dashed() -> None:
    solid = changed(draw(blank(), person(0.0)))[219:222, 40:140]
    dashed = changed(draw(blank(), person(0.0, source="flow")))[219:222, 40:140]
    assert solid.any(axis=0).all()
    assert 0.3 < dashed.any(axis=0).mean() < 0.8


def test_colour_depends_on_the_id() -> None:
    drawn = draw(blank(), person(track_id=3)).reshape(-1, 3)
    assert (drawn == palette_colour(3, "petroff")).all(axis=-1).any()
    assert not (drawn == palette_colour(4, "petroff")).all(axis=-1).any()


def test_left_and_right_have_different_shades() -> None:
    tracked = person()
    others = [i for i, name in enumerate(COCO_17.joint_names) if not name.startswith("right_")]
    tracked.poses.joint_scores[0, others] = 0.0
    right_only = inside(draw(blank(), tracked)).reshape(-1, 3)
    colour = palette_colour(1, "petroff")
    assert not (right_only == colour).all(axis=-1).any()
    assert (right_only == shade(colour, 0.6)).all(axis=-1).any()


def test_lines_grow_with_the_frame_and_not_with_the_person() -> None:
    small = changed(draw(blank(240, 320), person(0.0, box=(40, 40, 140, 220)))).sum() / (2 * 100 + 2 * 180)
    large = changed(draw(blank(2400, 3200), person(0.0, box=(400, 400, 1400, 2200)))).sum() / (2 * 1000 + 2 * 1800)
    near = changed(draw(blank(2400, 3200), person(0.0, box=(400, 400, 2400, 2200)))).sum() / (2 * 2000 + 2 * 1800)
    assert large > 2 * small
    assert near == pytest.approx(large, rel=0.1)


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
    drawn = draw(blank(), person(box=box, source=source))
    assert (drawn.shape, drawn.dtype) == ((240, 320, 3), np.uint8)


def test_drawing_is_deterministic() -> None:
    assert (draw(blank(), person()) == draw(blank(), person())).all()


def test_colours_of_the_skeleton() -> None:
    """Joints have their colours, and the edge between the two that of the second; whoever the track is."""
    colours = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    skeleton = Skeleton("three", ("nose", "left_ear", "right_ear"), limbs=(("left_ear", "nose"),), colours=colours)
    for track_id in (1, 2):
        tracked = person(track_id=track_id, skeleton=skeleton)
        drawn, joints = draw(blank(), tracked), np.rint(tracked.poses.joints[0]).astype(int)
        for (x, y), colour in zip(joints.tolist(), colours, strict=True):
            assert tuple(drawn[y, x].tolist()) == colour
        x, y = np.rint(joints[:2].mean(axis=0)).astype(int).tolist()
        assert drawn[y, x].argmax() == 0
        assert drawn[y, x, 0] > 200


def test_the_right_joint_of_a_pair_is_darker() -> None:
    skeleton = Skeleton("two", ("a", "b"), pairs=(("b", "a"),))
    tracked = person(skeleton=skeleton)
    drawn, joints = draw(blank(), tracked), np.rint(tracked.poses.joints[0]).astype(int)
    right, left = (drawn[y, x].astype(int).sum() for x, y in joints.tolist())
    assert right < 0.7 * left
