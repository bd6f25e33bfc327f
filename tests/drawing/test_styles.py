"""What each part of a style does to the image."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn_people import blank, changed, inside, person

from pose_track.drawing.painter import Painter, draw
from pose_track.drawing.palette import LEFT, RIGHT, palette_colour, score_colour
from pose_track.drawing.style import Style
from pose_track.structures.arrays import ImageArray
from pose_track.structures.frames import TrackedPoses, concatenate
from pose_track.structures.skeleton import COCO_17, COCO_WHOLEBODY_133, Skeleton

PLAIN = Style(boxes=False, ids=False)


def two_people() -> TrackedPoses:
    """Track 1 on the left, track 2 on the right."""
    first, second = person(track_id=1), person(track_id=2, box=(180, 40, 280, 220))
    return TrackedPoses(0, 0.0, concatenate(first.poses, second.poses), np.array([1, 2]))


def has(image: ImageArray, colour: tuple[int, int, int]) -> bool:
    return bool((image == colour).all(axis=-1).any())


def test_skeleton_boxes_and_ids_are_drawn_alone() -> None:
    nothing = Style(skeleton=False, boxes=False, ids=False)
    assert not changed(draw(blank(), person(), nothing)).any()
    box = changed(draw(blank(), person(), replace(nothing, boxes=True)))
    assert box[40, 100]
    assert not inside(box).any()
    skeleton = changed(draw(blank(), person(), replace(nothing, skeleton=True)))
    assert inside(skeleton).any()
    assert not skeleton[40, 40:140].any()
    label = changed(draw(blank(), person(), replace(nothing, ids=True)))
    assert label[:41, 40:60].any()
    assert not label[60:].any()


def test_scores_and_names_make_the_label_wider() -> None:
    style = Style(skeleton=False, boxes=False)
    styles = (style, replace(style, scores=True), replace(style, names={1: "Wilhelmina"}))
    widths = [changed(draw(blank(), person(), one)).any(axis=0).sum() for one in styles]
    assert widths[0] < widths[1]
    assert widths[0] < widths[2]


def test_a_name_of_any_script_is_drawn() -> None:
    assert changed(draw(blank(), person(), Style(names={1: "李雷 Zoë"}))).any()


def test_joint_labels() -> None:
    plain, labelled = (draw(blank(), person(), replace(PLAIN, joint_labels=on)) for on in (False, True))
    assert changed(labelled).sum() > 3 * changed(plain).sum()


def test_line_width_and_joint_radius() -> None:
    thin, thick = (changed(draw(blank(), person(), replace(PLAIN, line_width=width))).sum() for width in (1, 4))
    assert thick > 2 * thin
    small, large = (changed(draw(blank(), person(), replace(PLAIN, joint_radius=r))).sum() for r in (1.0, 6.0))
    assert large > 2 * small


def test_colours_by_side() -> None:
    drawn = draw(blank(), person(), replace(PLAIN, colour_by="side"))
    x, y = np.rint(person().poses.joints[0]).astype(int).T
    right, left = COCO_17.index("right_wrist"), COCO_17.index("left_wrist")
    assert tuple(drawn[y[right], x[right]].tolist()) == RIGHT
    assert tuple(drawn[y[left], x[left]].tolist()) == LEFT


def test_colours_by_score() -> None:
    low, high = (draw(blank(), person(score), replace(PLAIN, colour_by="score")) for score in (0.5, 1.0))
    assert has(low, score_colour(0.5))
    assert not has(low, score_colour(1.0))
    assert has(high, score_colour(1.0))


def test_colours_by_joint_and_one() -> None:
    by_joint = draw(blank(), person(), replace(PLAIN, colour_by="joint"))
    assert all(has(by_joint, palette_colour(k, "petroff")) for k in range(6))
    one = draw(blank(), person(), Style(colour_by="one", colour=(1, 2, 3)))
    assert has(one, (1, 2, 3))
    assert not has(one, palette_colour(1, "petroff"))


def test_detail_is_drawn_thin() -> None:
    """The same joints, once as those of a body, once as detail of it."""
    joints = ("nose", "tip", "end")
    people = person(skeleton=Skeleton("all", joints, limbs=(("tip", "end"),)))
    thin = Skeleton("thin", joints, limbs=(("tip", "end"),), detail=("tip", "end"))
    poses = replace(people.poses, skeleton=thin)
    areas = [
        changed(draw(blank(), p, replace(PLAIN, line_width=6))).sum() for p in (people, replace(people, poses=poses))
    ]
    assert areas[1] < 0.7 * areas[0]


def test_built_in_skeletons_have_the_colours_of_tracks_unless_others_are_asked_for() -> None:
    people = person(skeleton=COCO_WHOLEBODY_133)
    assert has(draw(blank(), people, PLAIN), palette_colour(1, "petroff"))
    assert COCO_WHOLEBODY_133.colours is not None
    by_joint = draw(blank(), people, replace(PLAIN, colour_by="joint", line_width=4))
    assert has(by_joint, COCO_WHOLEBODY_133.colours[COCO_WHOLEBODY_133.index("left_wrist")])


def test_palette() -> None:
    drawn = draw(blank(), person(), Style(palette="okabe_ito"))
    assert has(drawn, palette_colour(1, "okabe_ito"))


def test_unsure_joints_are_fainter() -> None:
    def strength(score: float, fade: bool) -> float:
        drawn = draw(blank(), person(score), replace(PLAIN, fade_unsure=fade, min_joint_score=0))
        return float(np.abs(drawn.astype(int) - 90).sum())

    assert strength(0.3, True) == pytest.approx(0.3 * strength(1.0, True), rel=0.15)
    assert strength(0.3, False) == strength(1.0, False)


def test_only_some_ids() -> None:
    drawn = changed(draw(blank(), two_people(), Style(only_ids=(2,))))
    assert not drawn[:, :150].any()
    assert drawn[:, 180:].any()


@pytest.mark.parametrize(("background", "value"), [("video", 90), ("black", 0), ("dimmed", 32)])
def test_background(background: Any, value: int) -> None:
    drawn = draw(blank(), person(), Style(background=background))
    assert (drawn[-10:, -10:] == value).all()
    assert has(drawn, palette_colour(1, "petroff"))


def test_transparent_background_over_a_colour_is_the_drawing_on_that_colour() -> None:
    """Straight alpha: colours are not multiplied with the opacity."""
    style = replace(PLAIN, fade_unsure=True, min_joint_score=0)
    drawn = draw(blank(), person(0.5), replace(style, background="transparent")).astype(float)
    assert drawn.shape == (240, 320, 4)
    assert (drawn[-10:, -10:, 3] == 0).all()
    opacity = drawn[..., 3:] / 255
    over = drawn[..., :3] * opacity + 90 * (1 - opacity)
    assert np.abs(over - draw(blank(), person(0.5), style)).max() <= 6  # rounding of both, at each of several lines


def test_frame_number_and_time() -> None:
    nobody = person()[np.zeros(1, bool)]
    number, both = (changed(draw(blank(), nobody, Style(frame_number=True, time=time))) for time in (False, True))
    assert number[-5:, :5].all()
    assert not number[:120].any()
    assert both.any(axis=0).sum() > number.any(axis=0).sum()


def moved(frame: int, left: float, track_id: int = 1) -> TrackedPoses:
    people = person(track_id=track_id, box=(left, 40, left + 100, 220))
    return replace(people, frame_index=frame, pts_seconds=frame / 10)


def test_trails_show_the_last_seconds() -> None:
    painter = Painter(Style(skeleton=False, boxes=False, ids=False, trail_seconds=1.0))
    for frame in range(31):
        drawn = painter.draw(blank(), moved(frame, 5.0 * frame))
    columns = np.flatnonzero(changed(drawn).any(axis=0))
    assert columns.min() == pytest.approx(50 + 100, abs=2)  # a second before
    assert columns.max() == pytest.approx(50 + 150, abs=2)
    faint, bright = (np.abs(drawn[:, x].astype(int) - 90).max() for x in (155, 195))
    assert faint < 0.5 * bright


def test_trails_begin_anew_where_time_goes_back() -> None:
    painter = Painter(Style(skeleton=False, boxes=False, ids=False, trail_seconds=1.0))
    for frame in (0, 1, 2, 0):
        drawn = painter.draw(blank(), moved(frame, 20.0 * frame))
    assert not changed(drawn).any()


# an invalid value, a part of the message
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colour_by": "mood"}, "colour_by must be one of auto, id"),
        ({"palette": "rainbow"}, "palette must be one of petroff, okabe_ito, hues"),
        ({"privacy": "heads"}, "privacy"),
        ({"background": "white"}, "background"),
        ({"trail_seconds": -1}, "trail_seconds"),
        ({"trail_seconds": float("nan")}, "trail_seconds"),
        ({"line_width": 0}, "line_width"),
        ({"joint_radius": -1}, "joint_radius"),
        ({"colour": (1, 2)}, "colour"),
        ({"colour": (1, 2, 256)}, "colour"),
    ],
)
def test_invalid_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Style(**values)


@pytest.mark.parametrize("make", [lambda people: people, lambda people: people[np.zeros(1, bool)]])
@pytest.mark.parametrize("joints", [np.nan, 1e9, -1e9])
def test_everything_at_once_on_unusual_people(make: Callable[[TrackedPoses], TrackedPoses], joints: float) -> None:
    people = person(box=(np.nan, 0, 10, 10)) if np.isnan(joints) else person(box=(-1e9, -1e9, 1e9, 1e9))
    people.poses.joints[0] = joints
    style = Style(
        scores=True, joint_labels=True, trail_seconds=1, fade_unsure=True, privacy="blur_heads", frame_number=True
    )
    for privacy in ("blur_heads", "pixelate_people"):
        painter = Painter(replace(style, privacy=privacy))  # type: ignore[arg-type]
        for frame in range(2):
            drawn = painter.draw(blank(), replace(make(people), frame_index=frame, pts_seconds=float(frame)))
            assert (drawn.shape, drawn.dtype) == ((240, 320, 3), np.uint8)
